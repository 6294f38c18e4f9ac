//! Subcommands that generated services call and that are not there yet: they say so, whatever their arguments are.

use clap::Args;

use super::error::CliError;

/// The arguments of such a subcommand.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub struct NotYetArgs {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

impl NotYetArgs {
    /// What there is to say about a noun that is called with a verb, `pod create`.
    pub fn of_noun(&self, noun: &str) -> CliError {
        let verb = self.words.first().filter(|word| !word.starts_with('-'));
        Self::of(&verb.map_or(noun.to_owned(), |verb| format!("{noun} {verb}")))
    }

    /// What there is to say about a command.
    pub fn of(command: &str) -> CliError {
        CliError::new(format!("`unipod {command}` is not there yet"))
    }
}
