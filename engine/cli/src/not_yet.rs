//! Subcommands that are not there yet: those that generated services call, and those that Podman and Docker have. They say so,
//! whatever their arguments are.

use std::ffi::OsString;

use clap::Args;
use clap::error::{ContextKind, ContextValue};

use super::error::CliError;

/// Subcommands of Podman and Docker, and what does their work meanwhile, as far as anything does. One without a noun is meant
/// after each: `container attach`.
const MISSING: [(&str, &str); 35] = [
    ("attach", "see its output with: unipod logs --follow NAME"),
    ("auto-update", ""),
    ("build", ""),
    ("checkpoint", ""),
    ("clone", ""),
    ("commit", ""),
    ("compose", "write unit files: unipod quadlet --help"),
    ("container prune", "remove containers by name: unipod rm"),
    ("cp", "go through a volume, or: unipod exec NAME cat FILE"),
    ("diff", ""),
    ("events", "what happened is in the journal: journalctl"),
    ("export", ""),
    ("farm", ""),
    ("generate", "write unit files: unipod quadlet --help"),
    ("import", ""),
    ("load", "an archive is pulled: unipod pull docker-archive:FILE"),
    ("machine", ""),
    ("manifest", ""),
    ("mount", ""),
    ("network connect", "name all networks at once: unipod run --network"),
    ("network disconnect", ""),
    ("network reload", ""),
    ("network update", ""),
    ("play", "write unit files: unipod quadlet --help"),
    ("port", "ports are among what is listed: unipod ps"),
    ("push", ""),
    ("rename", ""),
    ("restore", ""),
    ("save", ""),
    ("search", ""),
    ("system df", ""),
    (
        "system prune",
        "each has its own: unipod image prune, unipod volume prune, unipod network prune",
    ),
    ("system reset", ""),
    ("unshare", ""),
    ("update", "limits of a unit: systemctl set-property UNIT"),
];

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

    /// What there is to say about a command line that is refused for a subcommand that others have.
    pub fn of_refused(error: &clap::Error, words: &[OsString]) -> Option<CliError> {
        let Some(ContextValue::String(verb)) = error.get(ContextKind::InvalidSubcommand) else {
            return None;
        };
        let before = words.iter().position(|word| word == verb.as_str())?.checked_sub(1)?;
        let is_meant = |(command, _): &&(&str, &str)| match command.split_once(' ') {
            Some((noun, it)) => it == verb && words[before] == noun,
            None => command == verb,
        };
        let (command, hint) = MISSING.iter().find(is_meant)?;
        let refused = Self::of(command);
        Some(if hint.is_empty() { refused } else { refused.hint(*hint) })
    }

    /// What there is to say about a command.
    pub fn of(command: &str) -> CliError {
        CliError::new(format!("`unipod {command}` is not there yet"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_have_is_refused_by_its_name() {
        let say = |line: &str| {
            let words: Vec<OsString> = line.split(' ').map(Into::into).collect();
            let error = super::super::command().try_get_matches_from(&words).unwrap_err();
            NotYetArgs::of_refused(&error, &words).map(|error| error.message)
        };
        for (line, said) in [
            ("unipod attach web", Some("`unipod attach` is not there yet")),
            ("unipod --root /x cp a b", Some("`unipod cp` is not there yet")),
            ("unipod container attach web", Some("`unipod attach` is not there yet")),
            (
                "unipod network connect n c",
                Some("`unipod network connect` is not there yet"),
            ),
            (
                "unipod system prune -af",
                Some("`unipod system prune` is not there yet"),
            ),
            ("unipod secret connect", None),
            ("unipod sytem", None),
            ("unipod run", None),
        ] {
            assert_eq!(say(line).as_deref(), said, "{line}");
        }
        // Each of them is missing indeed.
        for (command, _) in MISSING.iter().filter(|(command, _)| *command != "build") {
            assert!(say(&format!("unipod {command}")).is_some(), "{command}");
        }
    }
}
