//! Whether a container's init notices its stop signal. One that cannot is killed at once: to wait for it would be in vain.

use std::fs;
use std::thread;
use std::time::Duration;

use super::process::{Handle, Process};

/// How often a blocked signal is looked at, and the time between two looks: together a few milliseconds, which a program
/// that always blocks it (an init such as catatonit) takes longer to stop.
const LOOKS: usize = 5;
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);

/// Whether this signal can have an effect on a namespace's init: the kernel drops signals for PID 1 of a PID namespace
/// that it neither handles nor has blocked (pid_namespaces(7)), so such a process can never end from it. A blocked
/// signal may be waited for with sigwaitinfo(2) or signalfd(2); or it is blocked for the moment of a vfork(2), as newer
/// shells do it, which a few looks tell apart.
pub fn can_receive(init: &Handle, signal: i32) -> bool {
    for _ in 0..LOOKS {
        let status = fs::read_to_string(format!("/proc/{}/status", init.pid()));
        match status.map_or(Reception::Handled, |text| reception(&text, signal)) {
            Reception::Handled => return true,
            Reception::Dropped => return false,
            Reception::Blocked => thread::sleep(BETWEEN_LOOKS),
        }
    }
    true
}

/// Whether the kernel ends all processes of a container with this one, and drops the signals that it does not handle.
pub fn is_first(process: Process) -> bool {
    fs::read_to_string(format!("/proc/{}/status", process.pid)).is_ok_and(|status| is_init(&status))
}

/// What becomes of a signal that is sent to a namespace's init.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reception {
    /// There is a handler, or nobody knows.
    Handled,
    /// It waits until it is unblocked or asked for.
    Blocked,
    /// The kernel drops it.
    Dropped,
}

/// Whether it is PID 1 of a namespace of its own. With `--pid=host`, in a pod that shares process IDs, and the like it is a process like any other, which ends from
/// a signal that it does not ignore.
fn is_init(status: &str) -> bool {
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    line.is_none_or(|numbers| {
        let numbers: Vec<&str> = numbers.split_whitespace().collect();
        numbers.len() > 1 && numbers.last() == Some(&"1")
    })
}

fn reception(status: &str, signal: i32) -> Reception {
    // SIGKILL and SIGSTOP from the parent namespace always arrive.
    if matches!(signal, libc::SIGKILL | libc::SIGSTOP) {
        return Reception::Handled;
    }
    let Some(bit) = u32::try_from(signal - 1).ok().filter(|bit| *bit < 64) else {
        return Reception::Handled;
    };
    let mask = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        u64::from_str_radix(line.trim(), 16).ok()
    };
    match (mask("SigBlk:"), mask("SigCgt:")) {
        (_, Some(caught)) if caught >> bit & 1 == 1 => Reception::Handled,
        (Some(blocked), Some(_)) if blocked >> bit & 1 == 1 => Reception::Blocked,
        (Some(_), Some(_)) if !is_init(status) && mask("SigIgn:").is_some_and(|ignored| ignored >> bit & 1 == 0) => {
            Reception::Handled
        }
        (Some(_), Some(_)) => Reception::Dropped,
        _ => Reception::Handled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_init_never_notices_what_it_does_not_handle() {
        let status = |ids: &str, ignored: &str| {
            format!("NSpid:\t{ids}\nSigBlk:\t0000000000000000\nSigIgn:\t{ignored}\nSigCgt:\t0000000000000000\n")
        };
        let (none, term) = ("0000000000000000", "0000000000004000");
        for (ids, ignored, expected) in [
            ("4711\t1", none, Reception::Dropped),
            ("4711", none, Reception::Handled),
            ("4711\t7", none, Reception::Handled),
            ("4711", term, Reception::Dropped),
        ] {
            assert_eq!(
                reception(&status(ids, ignored), libc::SIGTERM),
                expected,
                "{ids} {ignored}"
            );
        }
    }

    #[test]
    fn signals_that_are_neither_caught_nor_blocked_are_dropped() {
        let status = "SigBlk:\t0000000000000002\nSigCgt:\t0000000000004000\n";
        for (signal, arrives) in [
            (libc::SIGTERM, Reception::Handled),
            (libc::SIGINT, Reception::Blocked),
            (libc::SIGHUP, Reception::Dropped),
            (libc::SIGKILL, Reception::Handled),
        ] {
            assert_eq!(reception(status, signal), arrives, "{signal}");
        }
        let unknown = reception("", libc::SIGTERM);
        assert_eq!(unknown, Reception::Handled, "what cannot be read is assumed to receive");
    }
}
