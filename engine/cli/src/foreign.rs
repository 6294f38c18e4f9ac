//! Podman's options that unipod does not have. They are known by name, so that none is taken for a typing error: one that
//! loses nothing here is ignored, any other is refused with what to do instead.

use std::fmt;
use std::marker::PhantomData;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use super::error::CliError;

/// One of them.
#[derive(Debug)]
pub struct Foreign {
    name: &'static str,
    takes_value: bool,
    /// Why it is refused; nothing if it is ignored.
    refusal: Option<&'static str>,
}

/// `--name VALUE`, ignored.
pub const fn option(name: &'static str) -> Foreign {
    Foreign {
        name,
        takes_value: true,
        refusal: None,
    }
}

/// `--name`, ignored.
pub const fn switch(name: &'static str) -> Foreign {
    Foreign {
        takes_value: false,
        ..option(name)
    }
}

impl Foreign {
    /// The same option, refused.
    pub const fn refused(self, why: &'static str) -> Self {
        Self {
            refusal: Some(why),
            ..self
        }
    }

    fn arg(&self) -> Arg {
        let arg = Arg::new(self.name).long(self.name).action(ArgAction::Append).hide(true);
        if self.takes_value {
            arg.allow_hyphen_values(true)
        } else {
            arg.num_args(0..=1).require_equals(true).default_missing_value("true")
        }
    }

    /// Whether it is among the arguments, and as a switch on.
    fn is_given(&self, matches: &ArgMatches) -> bool {
        let last = matches.get_many::<String>(self.name).and_then(Iterator::last);
        let is_off = !self.takes_value && last.is_some_and(|value| value == "false");
        matches.value_source(self.name) == Some(ValueSource::CommandLine) && !is_off
    }
}

/// The options that one command has in podman and not here.
pub trait Table {
    /// The options.
    const OPTIONS: &'static [Foreign];
}

/// The options of a table as arguments, to be flattened into a command's own.
pub struct ForeignOptions<T> {
    given: Vec<&'static Foreign>,
    table: PhantomData<T>,
}

impl<T> ForeignOptions<T> {
    /// Refuses the first that loses something.
    ///
    /// # Errors
    /// There is one.
    pub fn check(&self) -> Result<(), CliError> {
        let refusals = self
            .given
            .iter()
            .filter_map(|option| Some((option.name, option.refusal?)));
        refusals
            .take(1)
            .try_for_each(|(name, why)| Err(CliError::new(format!("--{name}: {why}"))))
    }
}

impl<T> fmt::Debug for ForeignOptions<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.given.fmt(f)
    }
}

impl<T: Table> Args for ForeignOptions<T> {
    fn augment_args(command: Command) -> Command {
        command.args(T::OPTIONS.iter().map(Foreign::arg))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<T: Table> FromArgMatches for ForeignOptions<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self {
            given: T::OPTIONS.iter().filter(|option| option.is_given(matches)).collect(),
            table: PhantomData,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug)]
    struct Three;

    impl Table for Three {
        const OPTIONS: &'static [Foreign] = &[
            option("quietly"),
            option("bps").refused("set it in the unit"),
            switch("remote").refused("there is none"),
        ];
    }

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        foreign: ForeignOptions<Three>,
        words: Vec<String>,
    }

    #[test]
    fn ignored_or_refused_by_name() {
        let table = [
            ("x word", None),
            ("x --quietly -5 --quietly=6 word", None),
            ("x --remote=false word", None),
            ("x --remote word", Some("--remote: there is none")),
            ("x --bps /dev/sda:1 word", Some("--bps: set it in the unit")),
        ];
        for (line, expected) in table {
            let cli = Cli::try_parse_from(line.split(' ')).expect(line);
            assert_eq!(cli.words, ["word"], "{line}");
            let refusal = cli.foreign.check().err().map(|error| error.message);
            assert_eq!(refusal.as_deref(), expected, "{line}");
        }
    }
}
