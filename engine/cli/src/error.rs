//! One error for the command line: what failed with its causes, what to do, and the exit code.

use std::process::ExitCode;

use super::output::say_line;
use unipod::container::ContainerError;
use unipod::pod::PodError;
use unipod::service::StartError;

/// Exit codes of podman(1): 125 is the engine's own failure, 126 a command that cannot be invoked, 127 one that is not there.
#[derive(Debug)]
pub struct CliError {
    /// The message, causes joined with `: `.
    pub message: String,
    /// What the user can do about it.
    pub hint: Option<String>,
    /// The exit code.
    pub code: u8,
}

impl CliError {
    /// An error of the engine itself, exit code 125.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            code: 125,
        }
    }

    /// Adds what the user can do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Sets another exit code.
    #[must_use]
    pub fn code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    /// A library error with an exit code of its own.
    pub fn coded<E: std::error::Error + 'static>(error: E, code: impl FnOnce(&E) -> u8) -> Self {
        let code = code(&error);
        Self::from(error).code(code)
    }

    /// Prints the error on standard error and turns it into the exit code.
    pub fn report(&self) -> ExitCode {
        say_line(&format!("Error: {}", self.message));
        if let Some(hint) = &self.hint {
            say_line(&format!("Hint: {hint}"));
        }
        ExitCode::from(self.code)
    }
}

/// The exit code of what knows one, else that of a failed engine.
fn code_of(error: &(dyn std::error::Error + 'static)) -> u8 {
    let of_container = error.downcast_ref::<ContainerError>().map(ContainerError::code);
    let of_start = error.downcast_ref::<StartError>().map(StartError::code);
    let of_pod = error.downcast_ref::<PodError>().map(PodError::code);
    of_container.or(of_start).or(of_pod).unwrap_or(125)
}

/// An error with its causes, joined with `: `.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        message = format!("{message}: {next}");
        cause = next.source();
    }
    message
}

/// Any library error, its chain of causes written out.
impl<E: std::error::Error + 'static> From<E> for CliError {
    fn from(error: E) -> Self {
        Self::new(chain(&error)).code(code_of(&error))
    }
}
