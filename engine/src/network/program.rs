//! Helper programs: where they are, and running them without waiting.
//!
//! Output goes to memory files and not to pipes: aardvark-dns, which netavark starts, inherits and keeps them, so that the end
//! of a pipe would never come.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use nix::sys::memfd::{MFdFlags, memfd_create};

use super::NetworkError;
use crate::config::shared;
use crate::store::spawn;

/// Finds a helper program where containers.conf(5) says (`helper_binaries_dir`), then in PATH.
pub(super) fn find(program: &'static str) -> Result<PathBuf, NetworkError> {
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/sbin:/usr/bin:/sbin:/bin".into());
    let helpers = &shared().helper_dirs;
    let dirs = helpers.iter().cloned().chain(std::env::split_paths(&path));
    let searched = || helpers.iter().map(|dir| dir.display().to_string()).collect();
    dirs.map(|dir| dir.join(program))
        .find(|p| is_executable(p))
        .ok_or_else(|| NetworkError::NoProgram {
            program,
            searched: searched(),
        })
}

fn is_executable(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

/// A program under way.
#[derive(Debug)]
pub(super) struct Run {
    program: PathBuf,
    child: Child,
    stdout: File,
    stderr: File,
}

/// What a program left.
#[derive(Debug)]
pub(super) struct Output {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// Starts `program`. It learns nothing of the unit it works for: the notification socket is not passed on.
    pub fn start<I, S>(
        program: PathBuf,
        args: I,
        variables: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Result<Self, NetworkError>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let start = || {
            let (stdout, stderr) = (memory_file()?, memory_file()?);
            let mut command = Command::new(&program);
            spawn::free_of_us(&mut command);
            let child = command
                .args(args)
                .envs(variables)
                .env_remove("NOTIFY_SOCKET")
                .env("LC_ALL", "C")
                .stdin(Stdio::null())
                .stdout(stdout.try_clone()?)
                .stderr(stderr.try_clone()?)
                .spawn()?;
            Ok((child, stdout, stderr))
        };
        match start() {
            Ok((child, stdout, stderr)) => Ok(Self {
                program,
                child,
                stdout,
                stderr,
            }),
            Err(source) => Err(NetworkError::Run { program, source }),
        }
    }

    /// Kills the program with what it has started, as systemd does with the control group of a unit.
    #[cfg(test)]
    pub fn kill(&mut self) {
        use nix::sys::signal::{Signal, kill};
        use nix::unistd::Pid;
        let pid = self.child.id();
        let signal = |pid: i32, signal| kill(Pid::from_raw(pid), signal);
        // What is stopped starts nothing more. It may have ended.
        let _ = signal(i32::try_from(pid).expect("a PID is small"), Signal::SIGSTOP);
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        let children: Vec<i32> = children.split_whitespace().filter_map(|c| c.parse().ok()).collect();
        self.child.kill().expect("a child not yet waited for can be killed");
        self.child.wait().expect("a child can be waited for");
        for child in children {
            let _ = signal(child, Signal::SIGKILL);
            let stat = || std::fs::read_to_string(format!("/proc/{child}/stat"));
            while stat().is_ok_and(|stat| !stat.contains(") Z ")) {
                std::thread::yield_now();
            }
        }
    }

    /// Waits for the end.
    pub fn wait(mut self) -> Result<Output, NetworkError> {
        let wait = |run: &mut Self| {
            let status = run.child.wait()?;
            Ok(Output {
                status,
                stdout: text(&mut run.stdout)?,
                stderr: text(&mut run.stderr)?,
            })
        };
        wait(&mut self).map_err(|source| NetworkError::Run {
            program: self.program.clone(),
            source,
        })
    }
}

/// A run given up is still waited for, so that whoever undoes its work finds a settled state.
impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.wait();
    }
}

fn memory_file() -> io::Result<File> {
    Ok(memfd_create("output", MFdFlags::MFD_CLOEXEC)?.into())
}

fn text(file: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
