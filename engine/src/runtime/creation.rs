//! Making a container. The OCI runtime is started before its bundle is complete: while it is loaded and reads its command
//! line, the bundle is written on another processor, and a [`Gate`] at `config.json` holds it until then.

use std::process::{Child, ExitStatus};
use std::time::Duration;

use oci_spec::runtime::Spec;

use super::gate::Gate;
use super::oci::{OciRuntime, RunRequest};
use super::runtime_log::{self, RuntimeError};

/// How often a runtime in the foreground is asked whether the container has started; nobody waits for the answer.
const PID_FILE_INTERVAL: Duration = Duration::from_millis(5);

/// What becomes of the container once it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Its first process waits for [`OciRuntime::start`], and the runtime ends.
    Create,
    /// It runs, and the runtime hands on terminal and signals until it ends.
    Run,
}

/// A container that is being made: the OCI runtime is on its way. Dropping this ends it.
#[derive(Debug)]
pub struct Creation<'a> {
    runtime: &'a OciRuntime,
    request: &'a RunRequest<'a>,
    verb: Verb,
    /// `None` where there can be no gate.
    early: Option<(Program, Gate)>,
}

impl<'a> Creation<'a> {
    /// Starts the runtime, in the namespaces and the control group that we are in now.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn begin(runtime: &'a OciRuntime, request: &'a RunRequest<'a>, verb: Verb) -> Result<Self, RuntimeError> {
        let early = match Gate::shut(&request.config()) {
            Ok(gate) => Some((Program::spawn(runtime, request, verb)?, gate)),
            Err(_) => None,
        };
        Ok(Self {
            runtime,
            request,
            verb,
            early,
        })
    }

    /// Gives the runtime its bundle, all other files of which are there, and waits until the container is made. Returns the
    /// PID of its first process, which has our standard streams unless the request says otherwise. For [`Verb::Create`].
    ///
    /// # Errors
    /// The runtime's own words where they are not known to mean something clearer.
    pub fn finish(self, spec: &Spec) -> Result<u32, RuntimeError> {
        let (runtime, request) = (self.runtime, self.request);
        let status = self.supply(spec)?.wait(runtime)?;
        if !status.success() {
            return Err(runtime_log::failure(&request.log(), runtime.path(), status));
        }
        let pid_file = request.pid_file();
        let text = std::fs::read_to_string(&pid_file).map_err(RuntimeError::io("read", &pid_file))?;
        text.trim().parse().map_err(|_| RuntimeError::NoPid(pid_file))
    }

    /// Gives the runtime its bundle and waits until the container ends. `started` is called with the PID of its first
    /// process. For [`Verb::Run`].
    ///
    /// # Errors
    /// As [`Self::finish`], if it did not start.
    pub fn run(self, spec: &Spec, started: &mut dyn FnMut(u32)) -> Result<ExitStatus, RuntimeError> {
        let (runtime, request) = (self.runtime, self.request);
        let mut program = self.supply(spec)?;
        while !program.has_ended(runtime)? {
            // Written whole by the runtimes that we know, but not in one step by definition.
            let text = std::fs::read_to_string(request.pid_file()).ok();
            if let Some(pid) = text.and_then(|text| text.trim().parse().ok()) {
                started(pid);
                break;
            }
            std::thread::sleep(PID_FILE_INTERVAL);
        }
        runtime_log::own_failure(&request.log(), runtime.path(), program.wait(runtime)?)
    }

    /// Writes `config.json` and lets the runtime read it.
    fn supply(self, spec: &Spec) -> Result<Program, RuntimeError> {
        let config = self.request.config();
        let failed = || RuntimeError::io("write", &config);
        let text = serde_json::to_vec(spec).map_err(|e| failed()(e.into()))?;
        match self.early {
            Some((program, mut gate)) if gate.holds() => match gate.fill(&text) {
                Ok(()) => Ok(program),
                Err(error) => {
                    // Before the gate opens: it has nothing to say about half a file.
                    drop(program);
                    Err(failed()(error))
                }
            },
            too_early => {
                drop(too_early);
                // The environment in it may hold secrets.
                super::files::write_file(&config, &text, 0o600, None)?;
                Program::spawn(self.runtime, self.request, self.verb)
            }
        }
    }
}

/// A runtime that is executed. It does not outlive this.
#[derive(Debug)]
struct Program(Child);

impl Program {
    fn spawn(runtime: &OciRuntime, request: &RunRequest<'_>, verb: Verb) -> Result<Self, RuntimeError> {
        let verb = match verb {
            Verb::Create => "create",
            Verb::Run => "run",
        };
        let mut command = runtime.container(verb, request)?;
        let child = command.spawn().map_err(RuntimeError::io("start", runtime.path()))?;
        Ok(Self(child))
    }

    fn wait(&mut self, runtime: &OciRuntime) -> Result<ExitStatus, RuntimeError> {
        self.0.wait().map_err(RuntimeError::io("start", runtime.path()))
    }

    fn has_ended(&mut self, runtime: &OciRuntime) -> Result<bool, RuntimeError> {
        let status = self.0.try_wait().map_err(RuntimeError::io("start", runtime.path()))?;
        Ok(status.is_some())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Neither does anything to one that has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
