//! `unipod unit check`.

mod json;
mod report;
mod sarif;
mod text;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use unipod_generator::Problem;
use unipod_generator::check::{Scope, Target};

use self::report::Report;
use super::files::Files;
use crate::error::CliError;
use crate::output;

/// Tell what is wrong with unit files, before systemd does: syntax, keys, references, names and ports.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  unipod unit check\n  unipod unit check web.container\n  \
                        unipod unit check --strict --format sarif deploy/ >unipod.sarif\n  \
                        unipod unit check --target podman-5.4\n\nExit codes: 0 nothing is wrong, 1 there are errors (with \
                        --strict: or warnings), 125 the files cannot be checked.")]
pub struct CheckArgs {
    /// How to tell.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Warnings count as errors for the exit code.
    #[arg(long)]
    strict: bool,
    /// Also tell which keys this version does not know, for example podman-5.4.
    #[arg(long, value_name = "VERSION")]
    target: Option<Target>,
    /// The files of the user, not those of the system.
    #[arg(long)]
    user: bool,
    /// Unit files, or directories of them; nothing means the search path. What they refer to is looked for beside them,
    /// then on the search path.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// One object with a list of problems.
    Json,
    /// SARIF 2.1.0, as code hosts read it.
    Sarif,
}

impl CheckArgs {
    /// Does it.
    pub fn run(self) -> Result<u8, CliError> {
        let Files(checked) = Files::load(&Scope::of(&self.paths)?, self.user, self.target);
        let report = Report {
            problems: checked.problems,
            files: checked.units.len(),
        };
        match self.format {
            Format::Text => output::print_coloured(&text::render(&report, output::is_colourful()))?,
            Format::Json => output::print_json(&json::document(&report))?,
            Format::Sarif => output::print_json(&sarif::document(&report))?,
        }
        let counts = |problem: &Problem| self.strict || problem.is_error();
        Ok(u8::from(report.problems.iter().any(counts)))
    }
}
