//! `unipod unit why`.

mod text;

use clap::{Args, ValueEnum};
use unipod_generator::Problem;
use unipod_generator::check::of_unit;

use super::files::{Chosen, Files};
use crate::error::CliError;
use crate::output;
use unipod::systemd::post_mortem::verdict::State;
use unipod::systemd::post_mortem::{PostMortem, examine};

/// Tell what became of a service: what ran, how it ended, what it said last, what systemd will do.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  unipod unit why web\n  unipod unit why data.volume\n  \
                        unipod unit why --format json web.service | jq .verdict")]
pub struct WhyArgs {
    /// How to tell.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// A service of the user, not of the system.
    #[arg(long)]
    user: bool,
    /// web.container, web, web.service, or the path of a unit file.
    #[arg(value_name = "NAME|PATH")]
    name: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// One screen for people.
    Text,
    /// One object with everything that is known.
    Json,
}

impl WhyArgs {
    /// Does it.
    pub fn run(self) -> Result<u8, CliError> {
        let files = Files::for_name(&self.name, self.user)?;
        let chosen = files.find(&self.name)?;
        let service = match &chosen {
            Some(Chosen { service, .. }) => service.clone(),
            None => service_name(&self.name),
        };
        if service.contains("@.") {
            return Err(
                CliError::new(format!("{service} is a template, of which only instances run"))
                    .hint(format!("name one: unipod unit why {}", service.replace("@.", "@NAME."))),
            );
        }
        let mut found = examine(&service, self.user)?;
        if found.verdict.state == State::NotFound {
            let Some(chosen) = &chosen else {
                return Err(files.missing(&self.name));
            };
            explain_absence(&mut found, chosen);
        }
        let problems: Vec<&Problem> = match &chosen {
            Some(chosen) if matches!(found.verdict.state, State::Stub | State::NotFound) => {
                of_unit(&files.0.problems, &chosen.named.unit)
                    .filter(|problem| problem.is_error())
                    .collect()
            }
            _ => Vec::new(),
        };
        match self.format {
            Format::Text => output::print_coloured(&text::render(&found, &problems, output::is_colourful()))?,
            Format::Json => output::print_json(&json(&found)?)?,
        }
        Ok(0)
    }
}

fn service_name(name: &str) -> String {
    if name.contains('.') {
        name.to_owned()
    } else {
        format!("{name}.service")
    }
}

/// The file is there, the service is not: systemd has not looked since.
fn explain_absence(found: &mut PostMortem, chosen: &Chosen<'_>) {
    let path = &chosen.named.unit.path;
    found.verdict.text = format!("is not known to systemd yet; it would be made from {path}");
    found.verdict.hints = vec![found.facts.command("systemctl", "daemon-reload")];
}

fn json(found: &PostMortem) -> Result<serde_json::Value, CliError> {
    serde_json::to_value(found).map_err(|error| CliError::new(format!("cannot write JSON: {error}")))
}
