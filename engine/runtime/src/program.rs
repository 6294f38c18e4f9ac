//! The OCI runtime as a program: where it is, and how it is executed.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use unipod_linux::mount::fd_path;
use unipod_linux::tree;

/// Beside `PATH`, which is short in a unit's environment.
const PLACES: &str =
    "/usr/bin:/usr/sbin:/usr/local/bin:/usr/local/sbin:/usr/lib/cri-o-runc/sbin:/run/current-system/sw/bin";

/// Tells crun that what it was executed from may be taken for protected if it is read-only (libcrun's `cloned_binary.c`).
const PROTECTED: &str = "_LIBCONTAINER_CLONED_BINARY";

/// A program and, once it is needed, a read-only view of its directory (it keeps its name).
#[derive(Debug)]
pub(super) struct Program {
    path: PathBuf,
    view: OnceLock<Option<OwnedFd>>,
}

impl Program {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            view: OnceLock::new(),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Executes it as it is.
    pub(super) fn command(&self) -> Command {
        Command::new(&self.path)
    }

    /// Executes it through a read-only view, so that no container can write to it through `/proc/self/exe` (CVE-2019-5736).
    ///
    /// crun would make such a view by itself, in `/tmp`, and execute itself a second time: half of the time that it takes.
    /// Where there can be no view (no privileges, a script around the program), that is what it does.
    pub(super) fn protected_command(&self) -> Command {
        let view = self.view.get_or_init(|| {
            let directory = self.path.parent()?;
            is_elf(&self.path).ok()?.then(|| tree::read_only(directory).ok())?
        });
        match (view, self.path.file_name()) {
            (Some(view), Some(name)) => {
                let mut command = Command::new(fd_path(view).join(name));
                command.arg0(&self.path).env(PROTECTED, "1");
                command
            }
            _ => self.command(),
        }
    }
}

/// A script could not be read by its interpreter: the view is closed by then.
fn is_elf(path: &Path) -> std::io::Result<bool> {
    let mut magic = [0; 4];
    File::open(path)?.read_exact(&mut magic)?;
    Ok(magic == *b"\x7fELF")
}

/// The program of that name in PATH.
pub fn in_path(name: &str) -> Option<PathBuf> {
    std::env::var_os("PATH").and_then(|path| find_in(&path, name))
}

/// The program of that name, from PATH or where programs are anyway.
pub(super) fn look_up(name: &str) -> Option<PathBuf> {
    in_path(name).or_else(|| find_in(OsStr::new(PLACES), name))
}

fn find_in(dirs: &OsStr, name: &str) -> Option<PathBuf> {
    std::env::split_paths(dirs)
        .filter(|dir| dir.is_absolute())
        .map(|dir| dir.join(name))
        .find(|path| executable(path))
}

/// Whether it can be executed.
pub(super) fn executable(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binary_is_executed_through_a_view_that_cannot_be_written() {
        let program = Program::new("/bin/busybox".into());
        let output = program
            .protected_command()
            .args(["touch", "/proc/self/exe"])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains("Read-only file system"), "{text}");
    }

    #[test]
    fn a_script_is_executed_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("crun");
        std::fs::write(&path, "#!/bin/sh\necho script\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let output = Program::new(path).protected_command().output().unwrap();
        assert_eq!(output.stdout, b"script\n");
    }
}
