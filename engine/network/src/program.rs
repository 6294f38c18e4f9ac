//! Helper programs: where they are, and running them without waiting.
//!
//! Output goes to memory files and not to pipes: aardvark-dns, which netavark starts, inherits and keeps them, so that the end
//! of a pipe would never come. What is written beyond their size is refused by the kernel: they are sealed.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};

use super::NetworkError;
use unipod_config::shared;
use unipod_linux::{child, spawn};

/// What a program may take. A network is set up in a twentieth of a second, with DHCP or under heavy load in some seconds; after
/// 90 seconds systemd would end the start without a reason (`DefaultTimeoutStartSec=`).
const LIMIT: Duration = Duration::from_secs(60);

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

    /// Waits for the end, which comes within [`LIMIT`].
    pub fn wait(mut self) -> Result<Output, NetworkError> {
        let wait = |run: &mut Self| {
            let status = child::wait(&mut run.child, LIMIT)?;
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
        let _ = child::wait(&mut self.child, LIMIT);
    }
}

/// As large as it may become: the part that was written ends where its common offset is.
fn memory_file() -> io::Result<File> {
    let file = File::from(memfd_create(
        "output",
        MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING,
    )?);
    file.set_len(child::MOST as u64)?;
    fcntl(&file, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_GROW))?;
    Ok(file)
}

fn text(file: &mut File) -> io::Result<String> {
    let length = file.stream_position()?;
    if length >= child::MOST as u64 {
        return Err(child::too_much());
    }
    let mut bytes = Vec::new();
    file.rewind()?;
    file.take(length).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(script: &str) -> Result<Output, NetworkError> {
        Run::start("/bin/sh".into(), ["-c", script], [])?.wait()
    }

    #[test]
    fn what_a_program_says_has_an_end() {
        let output = run("echo out; echo err >&2; exit 3").unwrap();
        assert_eq!(
            (&*output.stdout, &*output.stderr, output.status.code()),
            ("out\n", "err\n", Some(3))
        );
        assert_eq!(run("exit 0").unwrap().stdout, "");
        let error = run("cat /dev/zero >&2; echo done").unwrap_err();
        let NetworkError::Run { source, .. } = error else {
            panic!("{error}")
        };
        assert!(source.to_string().contains("more than 4 MiB"), "{source}");
    }
}
