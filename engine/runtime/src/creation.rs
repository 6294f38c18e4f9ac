//! Making a container, and letting its first process go. The OCI runtime is started early for both: it is loaded on another
//! processor while we do what has to be done before.

use std::path::{Path, PathBuf};

use oci_spec::runtime::Spec;

use crate::early::{Early, Running};
use crate::failure::{self, RuntimeError};
use crate::held::Held;
use crate::oci::{MAKING_LIMIT, OciRuntime, RunRequest};

/// A container that is being made: the OCI runtime waits for the end of its bundle. Dropping this ends it.
#[derive(Debug)]
pub struct Creation<'a> {
    runtime: &'a Path,
    request: &'a RunRequest<'a>,
    // Dropped before the program is waited for.
    held: Option<Held>,
    early: Early,
}

impl<'a> Creation<'a> {
    /// Starts the runtime, in the namespaces and the control group that we are in now.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn begin(runtime: &'a OciRuntime, request: &'a RunRequest<'a>) -> Result<Self, RuntimeError> {
        let command = runtime.container("create", request)?;
        let early = Early::start(command, runtime.path(), request.config())?;
        Ok(Self {
            runtime: runtime.path(),
            request,
            held: early.hold(),
            early,
        })
    }

    /// Gives the runtime its bundle, all other files of which are there.
    ///
    /// # Errors
    /// `config.json` cannot be written.
    pub fn supply(self, spec: &Spec) -> Result<Supplied<'a>, RuntimeError> {
        let text = serde_json::to_vec(spec).map_err(|e| RuntimeError::io("write", &self.request.config())(e.into()))?;
        drop(self.held);
        Ok(Supplied {
            runtime: self.runtime,
            request: self.request,
            program: self.early.go_on(&text)?,
        })
    }
}

/// A container that is being made: the OCI runtime has its bundle. Dropping this ends it.
#[derive(Debug)]
pub struct Supplied<'a> {
    runtime: &'a Path,
    request: &'a RunRequest<'a>,
    program: Running,
}

impl Supplied<'_> {
    /// Waits until the container is made. Returns the PID of its first process, which has our standard streams unless the
    /// request says otherwise.
    ///
    /// # Errors
    /// The runtime's own words where they are not known to mean something clearer.
    pub fn finish(mut self) -> Result<u32, RuntimeError> {
        let status = self.program.wait_within(MAKING_LIMIT)?;
        if !status.success() {
            return Err(failure::of(&self.request.log(), self.runtime, status));
        }
        let pid_file = self.request.pid_file();
        let text = std::fs::read_to_string(&pid_file).map_err(RuntimeError::io("read", &pid_file))?;
        text.trim().parse().map_err(|_| RuntimeError::NoPid(pid_file))
    }
}

/// The release of a first process that waits: the OCI runtime waits for us to say so. It does not depend on us any more:
/// should we be killed, it goes on.
#[derive(Debug)]
pub struct Release {
    runtime: PathBuf,
    log: PathBuf,
    early: Early,
}

impl Release {
    /// Starts the runtime. It opens its log, in the bundle, before anything else.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn begin(runtime: &OciRuntime, bundle: &Path, state_root: &Path, id: &str) -> Result<Self, RuntimeError> {
        let log = bundle.join("start.log");
        let command = runtime.release(state_root, id, &log);
        Ok(Self {
            runtime: runtime.path().to_owned(),
            early: Early::start(command, runtime.path(), log.clone())?,
            log,
        })
    }

    /// Lets the first process execute its program, and waits until it does.
    ///
    /// # Errors
    /// There is no such container, or its process is gone.
    pub fn finish(self) -> Result<(), RuntimeError> {
        let status = self.early.go_on(b"")?.wait_within(MAKING_LIMIT)?;
        if status.success() {
            Ok(())
        } else {
            Err(failure::of(&self.log, &self.runtime, status))
        }
    }
}
