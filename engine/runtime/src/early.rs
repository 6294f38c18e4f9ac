//! A program that is started before what it reads is complete: while it is loaded, we go on, and a [`Gate`] at the first file
//! that counts holds it until then.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use crate::failure::RuntimeError;
use crate::gate::Gate;
use crate::held::Held;
use unipod_bundle::files;
use unipod_linux::child;

/// A program on its way. Dropping this ends it.
#[derive(Debug)]
pub(super) struct Early {
    command: Command,
    program: PathBuf,
    file: PathBuf,
    /// `None` where there can be no gate.
    waiting: Option<(Running, Gate)>,
}

impl Early {
    /// Starts `command`, which executes `program` and opens `file` before anything else that matters.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn start(mut command: Command, program: &Path, file: PathBuf) -> Result<Self, RuntimeError> {
        let waiting = match Gate::shut(&file) {
            Ok(gate) => Some((Running::spawn(&mut command, program)?, gate)),
            Err(_) => None,
        };
        Ok(Self {
            command,
            program: program.to_owned(),
            file,
            waiting,
        })
    }

    /// Sees to it that the program ends rather than read half a file, as long as the result is there.
    pub(super) fn hold(&self) -> Option<Held> {
        let (program, _) = self.waiting.as_ref()?;
        Some(Held::new(program.child.id(), Gate::patience()))
    }

    /// Completes the file and lets the program read it.
    ///
    /// # Errors
    /// The file cannot be written, or the program, if it could not be started before, cannot be started.
    pub(super) fn go_on(mut self, content: &[u8]) -> Result<Running, RuntimeError> {
        match self.waiting.take() {
            Some((program, mut gate)) if gate.holds() => match gate.fill(content) {
                Ok(()) => Ok(program),
                Err(error) => {
                    // Before the gate opens: it has nothing to say about half a file.
                    drop(program);
                    Err(RuntimeError::io("write", &self.file)(error))
                }
            },
            too_early => {
                drop(too_early);
                // Secrets may stand in it.
                files::write_file(&self.file, content, 0o600, None)?;
                Running::spawn(&mut self.command, &self.program)
            }
        }
    }
}

/// A program that runs. It does not outlive this.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    program: PathBuf,
}

impl Running {
    fn spawn(command: &mut Command, program: &Path) -> Result<Self, RuntimeError> {
        let child = command.spawn().map_err(RuntimeError::io("start", program))?;
        Ok(Self {
            child,
            program: program.to_owned(),
        })
    }

    /// Waits for its end, which comes within `limit`; it is killed otherwise.
    pub(super) fn wait_within(&mut self, limit: Duration) -> Result<ExitStatus, RuntimeError> {
        child::wait(&mut self.child, limit).map_err(RuntimeError::io("wait for", &self.program))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Neither does anything to one that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
