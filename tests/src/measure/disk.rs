//! A disk for the machine that is measured: ext4 with a journal, as installed machines have it.
//!
//! What is measured writes files and removes them, over and over. On an ext4 without a journal, which virtual machines for
//! tests are often given, each new file steps over all that were removed in the last minutes: the measurement would
//! depend on how often it was made.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};

/// How large it claims to be; it takes what is written to it.
const SIZE: u64 = 16 << 30;

/// A mounted disk that only this process and its children see. It goes with the value.
#[derive(Debug)]
pub struct Disk {
    dir: tempfile::TempDir,
}

impl Disk {
    /// Makes and mounts one. To be called while the process has one thread.
    ///
    /// # Errors
    /// There is no loop device, or no mkfs.ext4(8).
    pub fn new() -> io::Result<Self> {
        let dir = tempfile::Builder::new().prefix("unipod-bench-").tempdir()?;
        let image = dir.path().join("image");
        File::create(&image)?.set_len(SIZE)?;
        run(Command::new("mkfs.ext4").arg("-q").arg(&image))?;
        let disk = Self { dir };
        fs::create_dir(disk.path())?;
        unshare(CloneFlags::CLONE_NEWNS)?;
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(None::<&str>, "/", None::<&str>, private, None::<&str>)?;
        run(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(disk.path()))?;
        // The loop device keeps it until it is unmounted.
        fs::remove_file(image)?;
        Ok(disk)
    }

    /// Where it is mounted.
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("disk")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Not mounted is fine; what is still in use goes with the mount namespace.
        let _ = umount2(&self.path(), MntFlags::MNT_DETACH);
    }
}

fn run(command: &mut Command) -> io::Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let program = Path::new(command.get_program()).display();
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{program}: {}", said.trim())))
}
