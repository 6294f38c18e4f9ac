//! The launcher: the machine's keeper on the host, one process per machine.
//!
//! It boots the machine again whenever its first process ends (a reboot, or a power cut by SIGKILL), and takes everything
//! away when the machine powers off or when its standard input closes. The latter happens whichever way the test ends, so
//! that even a test killed by the harness leaves nothing. On standard output it prints the process id of each boot.
//!
//! Three processes, all of the same program, because a program with threads cannot change its namespaces in place:
//! `launch` (keeper) → `boot` (makes the namespaces) → `init` (mounts the root and becomes systemd).

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;

use super::cgroup;
use super::layout::Layout;

/// The exit code of `boot` after the machine powered itself off: do not boot again.
const POWERED_OFF: i32 = 42;

/// Keeps the machine in `dir` until it powers off or standard input closes, then removes all of it.
///
/// # Errors
/// A boot fails, or something of the machine cannot be removed.
pub fn launch(dir: &Path) -> io::Result<()> {
    let layout = Layout::load(dir)?;
    let closing = close_with_stdin(&layout);
    let booted = keep(dir, &closing);
    cgroup::remove(&layout.cgroup)?;
    fs::remove_dir_all(dir)?;
    booted
}

fn keep(dir: &Path, closing: &AtomicBool) -> io::Result<()> {
    while !closing.load(Ordering::SeqCst) {
        let status = Command::new("/proc/self/exe")
            .arg("boot")
            .arg(dir)
            .stdin(Stdio::null())
            .status()?;
        match status.code() {
            Some(0) => {}
            Some(POWERED_OFF) => break,
            _ => return Err(io::Error::other(format!("boot: {status}"))),
        }
    }
    Ok(())
}

/// Kills the machine when standard input reaches its end.
fn close_with_stdin(layout: &Layout) -> Arc<AtomicBool> {
    let closing = Arc::new(AtomicBool::new(false));
    let (flag, cgroup) = (Arc::clone(&closing), layout.cgroup.clone());
    thread::spawn(move || {
        let mut ignored = Vec::new();
        // An unreadable standard input is a closed one.
        let _ = io::stdin().read_to_end(&mut ignored);
        flag.store(true, Ordering::SeqCst);
        // Again and again: a boot may be under way that has not entered the cgroup yet.
        loop {
            cgroup::kill(&cgroup);
            thread::sleep(std::time::Duration::from_millis(20));
        }
    });
    closing
}

/// Makes the namespaces of one boot, starts the machine's first process in them and waits for its end.
///
/// # Errors
/// The kernel refuses the namespaces, which takes root.
pub fn boot(dir: &Path) -> io::Result<i32> {
    set_pdeathsig(Signal::SIGKILL)?;
    let layout = Layout::load(dir)?;
    let home = cgroup::own()?;
    // As the last boot has left it, with controllers handed down perhaps, it would take no process.
    cgroup::remove(&layout.cgroup)?;
    cgroup::enter(&layout.cgroup)?;
    unshare(
        CloneFlags::CLONE_NEWNS
            | CloneFlags::CLONE_NEWPID
            | CloneFlags::CLONE_NEWNET
            | CloneFlags::CLONE_NEWUTS
            | CloneFlags::CLONE_NEWIPC
            | CloneFlags::CLONE_NEWCGROUP,
    )?;
    let mut init = Command::new("/proc/self/exe")
        .arg("init")
        .arg(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()?;
    cgroup::enter(&home)?;
    println!("{}", init.id());
    io::stdout().flush()?;
    let status = init.wait()?;
    // The kernel reports reboot(2) inside a PID namespace as the death of its init (pid_namespaces(7)).
    match status.signal().map(Signal::try_from) {
        Some(Ok(Signal::SIGHUP | Signal::SIGKILL)) => Ok(0),
        Some(Ok(Signal::SIGINT)) => Ok(POWERED_OFF),
        _ => Err(io::Error::other(format!("the machine's first process ended: {status}"))),
    }
}
