//! `unipod unit print`.

use std::fmt::Write as _;
use std::fs;

use clap::Args;
use similar::TextDiff;

use super::diagnostic;
use super::files::{Chosen, Files};
use crate::error::CliError;
use crate::output;
use unipod::systemd::units::Units;
use unipod_generator::check::of_unit;

/// Show the service that a unit file becomes.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  unipod unit print web\n  unipod unit print ./web.container\n  \
                        unipod unit print --diff web.service\n\nExit codes: 0, or 1 if the file cannot be used (its service \
                  then says why); with --diff as diff(1) has them: 0 no difference, 1 some, 125 trouble."
)]
pub struct PrintArgs {
    /// Show what would change in the service that systemd has loaded.
    #[arg(long)]
    diff: bool,
    /// The files of the user, not those of the system.
    #[arg(long)]
    user: bool,
    /// web.container, web, web.service, or the path of a unit file.
    #[arg(value_name = "NAME|PATH")]
    name: String,
}

impl PrintArgs {
    /// Does it.
    pub fn run(self) -> Result<u8, CliError> {
        let files = Files::for_name(&self.name, self.user)?;
        let chosen = files.find(&self.name)?.ok_or_else(|| files.missing(&self.name))?;
        let service = files.service(chosen.named).ok_or_else(|| {
            let path = &chosen.named.unit.path;
            CliError::new(format!("{path} becomes no service")).hint(format!("see: unipod unit check {path}"))
        })?;
        let made = String::from_utf8_lossy(&service.content);
        if self.diff {
            return self.diff(&chosen, &made);
        }
        output::print_text(&made)?;
        for problem in of_unit(&files.0.problems, &chosen.named.unit).filter(|_| service.is_stub) {
            output::say_line(&format!("{}\n", diagnostic::render(problem, false)));
        }
        Ok(u8::from(service.is_stub))
    }

    fn diff(&self, chosen: &Chosen<'_>, made: &str) -> Result<u8, CliError> {
        let (path, loaded) = self.loaded(&chosen.service)?;
        let diff = TextDiff::from_lines(without_header(&loaded), made);
        let new = format!("{} (as it would be generated)", chosen.named.unit.path);
        let diff = diff.unified_diff().context_radius(3).header(&path, &new).to_string();
        output::print_coloured(&coloured(&diff))?;
        Ok(u8::from(!diff.is_empty()))
    }

    /// What systemd has loaded: the path and content of the unit's main file.
    fn loaded(&self, service: &str) -> Result<(String, String), CliError> {
        let path = Units::connect(self.user)?.properties(service)?.text("FragmentPath");
        if path.is_empty() {
            return Ok(("/dev/null".to_owned(), String::new()));
        }
        match fs::read(&path) {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                Ok((format!("{path} (loaded)"), text))
            }
            Err(error) => Err(CliError::new(format!("{path}: cannot be read: {error}"))),
        }
    }
}

/// The file without the lines that say who has written it.
fn without_header(text: &str) -> &str {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('\n').filter(|(line, _)| line.starts_with('#')) {
        rest = after;
    }
    rest
}

/// Colours as git has them, where colours are wanted.
fn coloured(diff: &str) -> String {
    if !output::is_colourful() {
        return diff.to_owned();
    }
    let diff = output::harmless(diff);
    let mut text = String::new();
    for line in diff.lines() {
        let colour = match line.as_bytes().first() {
            _ if line.starts_with("---") || line.starts_with("+++") => "1",
            Some(b'-') => "31",
            Some(b'+') => "32",
            Some(b'@') => "36",
            _ => "0",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "\x1b[{colour}m{line}\x1b[0m");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_header_goes() {
        assert_eq!(without_header("# made by\n# \n[Unit]\n# kept\n"), "[Unit]\n# kept\n");
        assert_eq!(without_header("[Unit]\n"), "[Unit]\n");
        assert_eq!(without_header("# all"), "# all");
    }
}
