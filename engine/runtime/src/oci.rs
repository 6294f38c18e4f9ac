//! The OCI runtime program: crun, runc or youki, each with the words it understands.

use std::os::fd::BorrowedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::failure;
pub use crate::failure::RuntimeError;
use crate::program::{Program, executable, look_up};
use unipod_bundle::security::seccomp::cache::FilterCache;
use unipod_config::shared;
use unipod_linux::{child, spawn};

/// Looked for in this order; the first is by far the fastest.
const NAMES: [&str; 3] = ["crun", "runc", "youki"];

/// A process's end as a shell tells it: its exit code, or 128 and the signal.
pub fn exit_code(status: ExitStatus) -> i32 {
    status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(125)
}

/// What making a container may take, or a process in it. It is a matter of milliseconds, but hooks of devices work on the image's
/// files (CDI), and `tmpcopyup` copies them.
pub(super) const MAKING_LIMIT: Duration = Duration::from_secs(300);

/// What everything else may take that the runtime is asked or told. It waits for nobody but the kernel.
const QUESTION_LIMIT: Duration = Duration::from_secs(60);

/// An OCI runtime that is installed.
#[derive(Debug)]
pub struct OciRuntime {
    program: Program,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Crun,
    Youki,
    /// Any other: what they share with runc is what everybody understands.
    Runc,
}

impl Kind {
    /// By the program's name.
    fn of(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.contains("crun") {
            Self::Crun
        } else if name.contains("youki") {
            Self::Youki
        } else {
            Self::Runc
        }
    }
}

/// A container to be started.
#[derive(Debug, Clone)]
pub struct RunRequest<'a> {
    /// Container ID.
    pub id: &'a str,
    /// The bundle directory; the runtime's log and PID file are written there as well.
    pub bundle: &'a Path,
    /// Where the runtime keeps its own state.
    pub state_root: &'a Path,
    /// How many descriptors from 3 on are passed to the container.
    pub preserve_fds: u32,
    /// The socket that gets the terminal's other end, for a detached container with a terminal.
    pub console_socket: Option<&'a Path>,
    /// Hand on standard input; otherwise the container reads nothing.
    pub stdin: bool,
    /// What that is; ours if `None`.
    pub stdin_from: Option<BorrowedFd<'a>>,
    /// Its standard output; ours if `None`.
    pub stdout: Option<BorrowedFd<'a>>,
    /// Its standard error; ours if `None`.
    pub stderr: Option<BorrowedFd<'a>>,
}

impl RunRequest<'_> {
    pub(super) fn config(&self) -> PathBuf {
        self.bundle.join("config.json")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.bundle.join("runtime.log")
    }

    pub(super) fn pid_file(&self) -> PathBuf {
        pid_file(self.bundle)
    }
}

/// Where the runtime writes the number of a container's first process as soon as there is one.
pub fn pid_file(bundle: &Path) -> PathBuf {
    bundle.join("pid")
}

/// Whether a first process still waits for its release, by what crun and runc keep with their state until then.
pub fn waits_for_release(state: &Path, id: &str) -> bool {
    state.join(id).join("exec.fifo").exists()
}

/// A process to be started in a running container.
#[derive(Debug)]
pub struct ExecRequest<'a> {
    /// Container ID.
    pub id: &'a str,
    /// Where the runtime keeps its own state.
    pub state_root: &'a Path,
    /// A directory for this call's files, not used by another call.
    pub scratch: &'a Path,
    /// The process, see [`unipod_bundle::process::exec::process`].
    pub process: &'a unipod_bundle::process::exec::Process,
    /// Do not wait for it.
    pub detach: bool,
    /// How many descriptors from 3 on are passed to it.
    pub preserve_fds: u32,
    /// The socket that gets the terminal's other end, for a detached process with a terminal.
    pub console_socket: Option<&'a Path>,
    /// Hand on standard input; otherwise the process reads nothing.
    pub stdin: bool,
    /// What that is; ours if `None`.
    pub stdin_from: Option<BorrowedFd<'a>>,
    /// Its standard output; ours if `None`.
    pub stdout: Option<BorrowedFd<'a>>,
    /// Its standard error; ours if `None`.
    pub stderr: Option<BorrowedFd<'a>>,
    /// The control group to be in; ours if `None`.
    pub group: Option<&'a Path>,
}

impl OciRuntime {
    /// Finds the runtime by name or path; without a name the first of crun, runc and youki that is there.
    ///
    /// # Errors
    /// It is not installed.
    pub fn find(name: Option<&str>) -> Result<Self, RuntimeError> {
        let found = match name.filter(|name| !name.is_empty()) {
            Some(path) if path.contains('/') => executable(Path::new(path)).then(|| path.into()),
            Some(name) => of_name(name),
            None => NAMES.iter().find_map(|name| of_name(name)),
        };
        let missing = || RuntimeError::Missing(name.unwrap_or(NAMES[0]).to_owned());
        let path: PathBuf = found.ok_or_else(missing)?;
        Ok(Self {
            kind: Kind::of(&path),
            program: Program::new(path),
        })
    }

    /// The program.
    pub fn path(&self) -> &Path {
        self.program.path()
    }

    /// The cache of compiled system call filters in `dir` (in the run directory, the engine's own), for
    /// [`unipod_bundle::BundleRequest::filter_cache`]; `None` for a runtime that takes none.
    pub fn filter_cache(&self, dir: &Path) -> Option<FilterCache> {
        (self.kind == Kind::Crun).then(|| FilterCache::new(dir))
    }

    /// Whether the runtime knows the mount option `tmpcopyup`; youki 0.7 does not.
    pub fn copies_up(&self) -> bool {
        self.kind != Kind::Youki
    }

    /// Whether [`Self::exec`] enters the container's user namespace; youki 0.7 does not, its process would have the rights
    /// of the host's users.
    pub fn enters_user_namespace(&self) -> bool {
        self.kind != Kind::Youki
    }

    /// Starts a process in a running container. Returns its exit status; success if it was detached.
    ///
    /// # Errors
    /// The process could not be started, or the scratch directory cannot be written.
    pub fn exec(&self, request: &ExecRequest<'_>) -> Result<ExitStatus, RuntimeError> {
        let (log, file) = (request.scratch.join("exec.log"), request.scratch.join("process.json"));
        let text = serde_json::to_vec(request.process).map_err(|e| RuntimeError::io("write", &file)(e.into()))?;
        unipod_bundle::files::write_file(&file, &text, 0o600, None)?;
        let mut command = self.command(request.state_root, Some(&log));
        command.arg("exec").arg("--process").arg(&file);
        if request.detach {
            command
                .arg("--detach")
                .arg("--pid-file")
                .arg(request.scratch.join("pid"));
        }
        common(
            &mut command,
            request.preserve_fds,
            request.console_socket,
            request.stdin,
        );
        self.redirect(&mut command, [request.stdin_from, request.stdout, request.stderr])?;
        command.arg(request.id);
        if let Some(group) = request.group {
            spawn::in_group(&mut command, group).map_err(RuntimeError::io("open the control group", group))?;
        }
        let mut child = command.spawn().map_err(RuntimeError::io("start", self.path()))?;
        let status = if request.detach {
            child::wait(&mut child, MAKING_LIMIT)
        } else {
            child.wait()
        };
        let status = status.map_err(RuntimeError::io("wait for", self.path()))?;
        // With the ends of the pipes in it.
        drop(command);
        failure::own_failure(&log, self.path(), status)
    }

    /// Sends a signal to the container's first process, or to all of its processes.
    ///
    /// # Errors
    /// There is no such container, or it is not running.
    pub fn kill(&self, state_root: &Path, id: &str, signal: i32, all: bool) -> Result<(), RuntimeError> {
        let mut command = self.command(state_root, None);
        command
            .arg("kill")
            .args(all.then_some("--all"))
            .arg(id)
            .arg(signal.to_string());
        self.quiet(&mut command).map(drop)
    }

    /// Removes what the runtime keeps of a container; `force` kills it first. One that is not there is fine with `force`.
    ///
    /// # Errors
    /// The container is running, or cannot be removed.
    pub fn delete(&self, state_root: &Path, id: &str, force: bool) -> Result<(), RuntimeError> {
        let mut command = self.command(state_root, None);
        command.arg("delete").args(force.then_some("--force")).arg(id);
        self.quiet(&mut command).map(drop)
    }

    /// What `--version` prints first.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn version(&self) -> Result<String, RuntimeError> {
        let text = self.quiet(self.program.command().arg("--version"))?;
        Ok(text.lines().next().unwrap_or_default().to_owned())
    }

    /// The command that makes a container of a bundle: `create` or `run`.
    pub(super) fn container(&self, verb: &str, request: &RunRequest<'_>) -> Result<Command, RuntimeError> {
        let mut command = self.command(request.state_root, Some(&request.log()));
        command.arg(verb).arg("--bundle").arg(request.bundle);
        common(
            &mut command,
            request.preserve_fds,
            request.console_socket,
            request.stdin,
        );
        self.redirect(&mut command, [request.stdin_from, request.stdout, request.stderr])?;
        command.arg("--pid-file").arg(request.pid_file()).arg(request.id);
        Ok(command)
    }

    /// The command that lets the first process of a container that was made execute its program.
    pub(super) fn release(&self, state_root: &Path, id: &str, log: &Path) -> Command {
        let mut command = self.command(state_root, Some(log));
        command.arg("start").arg(id);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// The program with its global options. Its environment holds nothing that it would act on in the container's stead:
    /// the payload's notify socket and descriptors are in the bundle.
    fn command(&self, state_root: &Path, log: Option<&Path>) -> Command {
        let mut command = match self.kind {
            Kind::Crun => self.program.protected_command(),
            Kind::Runc | Kind::Youki => self.program.command(),
        };
        if self.kind == Kind::Crun {
            command.arg("--cgroup-manager=disabled");
        }
        let name = self.path().file_name().unwrap_or_default().to_string_lossy();
        let flags = shared().runtime_flags.get(name.as_ref()).into_iter().flatten();
        command.args(flags.map(|flag| format!("--{flag}")));
        command.arg("--root").arg(state_root);
        if let Some(log) = log {
            command.arg("--log-format").arg("json").arg("--log").arg(log);
        }
        for name in [
            "NOTIFY_SOCKET",
            "LISTEN_FDS",
            "LISTEN_PID",
            "LISTEN_FDNAMES",
            "WATCHDOG_USEC",
            "WATCHDOG_PID",
        ] {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C");
        command
    }

    fn redirect(&self, command: &mut Command, streams: [Option<BorrowedFd<'_>>; 3]) -> Result<(), RuntimeError> {
        let stream = |fd: BorrowedFd<'_>| fd.try_clone_to_owned().map_err(RuntimeError::io("start", self.path()));
        let [stdin, stdout, stderr] = streams.map(|fd| fd.map(stream).transpose());
        if let Some(fd) = stdin? {
            command.stdin(fd);
        }
        if let Some(fd) = stdout? {
            command.stdout(fd);
        }
        if let Some(fd) = stderr? {
            command.stderr(fd);
        }
        Ok(())
    }

    /// Runs it for its answer; what it says on standard error becomes the error.
    fn quiet(&self, command: &mut Command) -> Result<String, RuntimeError> {
        let output = child::output(command, b"", QUESTION_LIMIT).map_err(RuntimeError::io("run", self.path()))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = child::words(&output.stderr);
        Err(RuntimeError::Failed {
            runtime: self.path().to_owned(),
            message: if said.is_empty() {
                failure::silent(output.status)
            } else {
                said
            },
            code: 125,
        })
    }
}

/// Where containers.conf says that this runtime is, else where programs are.
fn of_name(name: &str) -> Option<PathBuf> {
    let mut places = shared().runtimes.get(name).into_iter().flatten();
    places.find(|path| executable(path)).cloned().or_else(|| look_up(name))
}

fn common(command: &mut Command, preserve_fds: u32, console_socket: Option<&Path>, stdin: bool) {
    if !stdin {
        command.stdin(Stdio::null());
    }
    if preserve_fds > 0 {
        command.arg("--preserve-fds").arg(preserve_fds.to_string());
    }
    if let Some(socket) = console_socket {
        command.arg("--console-socket").arg(socket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_runtime_is_named_with_its_package() {
        for name in ["no-such-runtime", "/nowhere/crun"] {
            let error = OciRuntime::find(Some(name)).unwrap_err();
            assert!(error.to_string().contains(name) && error.code() == 125, "{error}");
        }
        assert!(OciRuntime::find(None).is_ok());
    }

    #[test]
    fn one_that_fails_without_a_word_is_not_quoted() {
        let error = OciRuntime::find(Some("/bin/false")).unwrap().version().unwrap_err();
        assert_eq!(
            error.to_string(),
            "/bin/false failed: it ended with exit status: 1 and left no message"
        );
    }
}
