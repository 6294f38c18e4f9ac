//! Programs that may outlive us, or start such: what is ours alone is not handed on to them.

#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};
use rustix::process::{Signal, getpriority_process, set_parent_process_death_signal, setpriority_process};

/// Has `command` started with no signal blocked, at ordinary priority, in a directory that no disk needs. An engine in the foreground
/// blocks the signals that it hands on; a DNS server that inherited that would hear neither reload nor stop.
///
/// There the program, but nothing that it starts, ends with us as well, as the control group of a unit does: half of its work
/// can be undone, what it does while that is undone cannot. To be called on the thread that starts it.
pub fn free_of_us(command: &mut Command) {
    start_afresh(command, true);
}

/// The same for a program that goes on when we end.
pub fn outliving_us(command: &mut Command) {
    start_afresh(command, false);
}

fn start_afresh(command: &mut Command, ends_with_us: bool) {
    command.current_dir("/");
    let blocked = SigSet::thread_get_mask().is_ok_and(|mask| mask.iter().next().is_some());
    // One that is not told has to be reset as well.
    let ordinary = getpriority_process(None).is_ok_and(|priority| priority == 0);
    if !blocked && ordinary && is_process_of_unit() {
        // Then the program can be started without a copy of this process, and systemd ends it with us.
        return;
    }
    // SAFETY: between fork and exec only system calls are made, which allocate nothing and take no lock.
    unsafe {
        command.pre_exec(move || {
            sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None).map_err(io::Error::from)?;
            if ends_with_us {
                set_parent_process_death_signal(Some(Signal::KILL))?;
            }
            // Who may not raise it keeps it.
            let _ = setpriority_process(None, 0);
            Ok(())
        });
    }
}

/// Has `command` started in the control group `group`, as far as the kernel lets it.
///
/// # Errors
/// There is no such group, or none that we may write to.
pub fn in_group(command: &mut Command, group: &Path) -> io::Result<()> {
    let processes = File::options().write(true).open(group.join("cgroup.procs"))?;
    // SAFETY: as above.
    unsafe {
        command.pre_exec(move || {
            let _ = rustix::io::write(&processes, b"0");
            Ok(())
        });
    }
    Ok(())
}

/// Closes all descriptors but the three standard ones. Sockets that systemd opened for a container's payload, `sd_listen_fds(3)`, come
/// along to every program that we start. For the very beginning of such a program: nothing that it has opened itself may be among them.
pub fn close_inherited() {
    // SAFETY: nothing in this process has opened a descriptor yet, so none of these numbers has an owner.
    unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
}

/// Whether systemd has started this very process (systemd.exec(5)): what a shell or another program starts inherits the variable, too.
fn is_process_of_unit() -> bool {
    let pid = std::env::var("SYSTEMD_EXEC_PID").ok().and_then(|pid| pid.parse().ok());
    pid == Some(std::process::id())
}

#[cfg(test)]
mod tests {
    use nix::sys::signal::Signal as Nix;

    use super::*;

    #[test]
    fn what_we_block_is_not_blocked_there() {
        let mask: SigSet = [Nix::SIGHUP, Nix::SIGTERM].into_iter().collect();
        let seen = std::thread::spawn(move || {
            mask.thread_block().unwrap();
            let mut command = Command::new("sh");
            command.args(["-c", "grep SigBlk /proc/self/status; pwd"]);
            free_of_us(&mut command);
            String::from_utf8(command.output().unwrap().stdout).unwrap()
        });
        assert_eq!(seen.join().unwrap(), "SigBlk:\t0000000000000000\n/\n");
    }
}
