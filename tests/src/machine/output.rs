//! What a command in the machine answered.

use std::fmt;

/// The result of one command.
#[derive(Debug, Clone)]
pub struct Output {
    /// The command as it was given.
    pub command: String,
    /// Exit code; 128 and the signal's number for a command that was killed.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Output {
    /// Whether the command ended with code 0.
    pub fn success(&self) -> bool {
        self.code == 0
    }

    /// Standard output without the line end, of a command that must have succeeded.
    ///
    /// # Panics
    /// The command failed; the message shows all of it.
    #[track_caller]
    pub fn ok(self) -> String {
        assert!(self.success(), "{self}");
        self.stdout.trim_end().to_owned()
    }

    /// Standard error and output together, of a command that must have failed.
    ///
    /// # Panics
    /// The command succeeded; the message shows all of it.
    #[track_caller]
    pub fn refused(self) -> String {
        assert!(!self.success(), "this should have failed:\n{self}");
        format!("{}{}", self.stderr, self.stdout)
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            command,
            code,
            stdout,
            stderr,
        } = self;
        write!(
            f,
            "$ {command}\n[exit code {code}]\n--- stdout\n{stdout}\n--- stderr\n{stderr}"
        )
    }
}
