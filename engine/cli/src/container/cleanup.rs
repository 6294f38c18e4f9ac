//! `unipod container cleanup`: `ExecStopPost=` of transient units.

use clap::Args;

use crate::error::CliError;
use unipod::bundle::values::signal;
use unipod::container::{ContainerError, record, remove};
use unipod::pod::ending;
use unipod::store::Store;

/// Take down what an ended container still holds, and note how it ended. Run by systemd.
#[derive(Debug, Args)]
pub struct CleanupArgs {
    /// The container, by ID or name.
    container: String,
}

impl CleanupArgs {
    /// Does it.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        let env = |name: &str| std::env::var(name).ok();
        let code = exit_code(env("EXIT_CODE").as_deref(), env("EXIT_STATUS").as_deref());
        match record::find(store, &self.container) {
            Err(ContainerError::NotFound(_)) => Ok(0),
            found => {
                let ended = found?;
                remove::clean_up(store, &ended, code)?;
                Ok(ending::after(store, &ended).map(|()| 0)?)
            }
        }
    }
}

/// What systemd.exec(5) `$EXIT_CODE` and `$EXIT_STATUS` say, as a shell would.
fn exit_code(kind: Option<&str>, status: Option<&str>) -> Option<i32> {
    match kind? {
        "exited" => status?.parse().ok(),
        "killed" | "dumped" => Some(128 + signal::parse(status?)?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::exit_code;

    #[test]
    fn exit_codes_as_a_shell_has_them() {
        for (kind, status, code) in [
            (Some("exited"), Some("7"), Some(7)),
            (Some("killed"), Some("KILL"), Some(137)),
            (Some("dumped"), Some("SEGV"), Some(139)),
            (None, Some("0"), None),
        ] {
            assert_eq!(exit_code(kind, status), code);
        }
    }
}
