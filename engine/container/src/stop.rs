//! Ending a container's init: the stop signal, a while of patience, SIGKILL.

use std::time::Duration;

use super::group::Rest;
use super::process::Process;
use super::record::Record;
use super::stop_signal::can_receive;
use super::{ContainerError, pause, process, relay};

/// How long the kernel may take for a process that was killed: it may have to write out dirty pages first.
const AFTER_KILL: Duration = Duration::from_secs(20);

/// Stops the container's init and returns once it is gone, its children with it, and its last words are passed on. One that does not run is fine.
///
/// An init that neither handles nor blocks the stop signal will never notice it: it is killed at once.
///
/// # Errors
/// The process may not be signalled, or is still there long after SIGKILL (stuck in the kernel).
pub fn stop(record: &Record, timeout: Option<u32>) -> Result<(), ContainerError> {
    let rest = Rest::of(record);
    end_init(record, timeout)?;
    if let Some(rest) = rest {
        // It would keep the relays.
        rest.end();
    }
    relay::settle(&record.relays);
    Ok(())
}

fn end_init(record: &Record, timeout: Option<u32>) -> Result<(), ContainerError> {
    let Some(handle) = record.process.and_then(Process::open) else {
        return Ok(());
    };
    let patience = Duration::from_secs(timeout.unwrap_or(record.stop_timeout).into());
    if can_receive(&handle, record.stop_signal) {
        handle.signal(record.stop_signal).map_err(failed(record))?;
        // One that is paused finds the signal when it goes on.
        pause::thaw(record)?;
        if handle.wait(patience).map_err(failed(record))? {
            return Ok(());
        }
    }
    finish_off(record, &handle)
}

/// Sends one signal to the container's init. After SIGKILL it is gone when this returns: what comes next may be a start.
///
/// # Errors
/// The container does not run, or the kernel refuses, or SIGKILL does not end it.
pub fn kill(record: &Record, signal: i32) -> Result<(), ContainerError> {
    let handle = record
        .process
        .and_then(Process::open)
        .ok_or_else(|| ContainerError::NotRunning(record.name.clone(), record.state().as_str()))?;
    if signal == libc::SIGKILL {
        return finish_off(record, &handle);
    }
    handle.signal(signal).map_err(failed(record))
}

/// SIGKILL, and the wait for its effect.
fn finish_off(record: &Record, handle: &process::Handle) -> Result<(), ContainerError> {
    pause::leave_to_us(record)?;
    handle.signal(libc::SIGKILL).map_err(failed(record))?;
    let gone = handle.wait(AFTER_KILL).map_err(failed(record))?;
    gone.then_some(())
        .ok_or_else(|| ContainerError::Undead(record.name.clone()))
}

fn failed(record: &Record) -> impl Fn(std::io::Error) -> ContainerError + use<'_> {
    |source| ContainerError::Signal {
        name: record.name.clone(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::record;
    use super::*;
    use std::process::Command;
    use std::time::Instant;

    fn stopped(script: &str, timeout: u32) -> (i32, Duration) {
        use std::os::unix::process::ExitStatusExt;
        let mut child = Command::new("/bin/sh")
            .arg("-c")
            .arg(script)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        // The script says when its handlers are in place.
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut [0]).unwrap();
        let mut web = record("web");
        web.process = Process::with_pid(child.id());
        let begun = Instant::now();
        stop(&web, Some(timeout)).unwrap();
        (child.wait().unwrap().signal().unwrap_or(0), begun.elapsed())
    }

    #[test]
    fn a_handler_gets_its_time() {
        let (signal, took) = stopped("trap 'exit 0' TERM; echo; while :; do sleep 0.01; done", 10);
        assert_eq!(signal, 0);
        assert!(took < Duration::from_secs(5), "{took:?}");
    }

    #[test]
    fn a_deaf_one_is_killed_at_once() {
        let (signal, took) = stopped("trap '' TERM; echo; while :; do sleep 0.01; done", 10);
        assert_eq!(signal, libc::SIGKILL);
        assert!(took < Duration::from_secs(5), "{took:?}");
    }

    #[test]
    fn a_stubborn_one_is_killed_after_the_timeout() {
        let (signal, _) = stopped("trap : TERM; echo; while :; do sleep 0.01; done", 0);
        assert_eq!(signal, libc::SIGKILL);
    }

    #[test]
    fn after_sigkill_it_is_gone() {
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        let mut web = record("web");
        web.process = Process::with_pid(child.id());
        kill(&web, libc::SIGKILL).unwrap();
        assert!(child.try_wait().unwrap().is_some());
    }
}
