//! Takes times inside the machine, so that entering it is not measured.

use std::fs;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::machine::Machine;

/// How long one series may take.
const SERIES: Duration = Duration::from_secs(300);

/// Runs `act` in a shell of the machine `count` times, with `before` and `after` around each, and returns the times of
/// `act` alone. With `{}` the scripts name the number of the round.
///
/// # Errors
/// One of the scripts fails.
pub fn series(machine: &Machine, count: usize, before: &str, act: &str, after: &str) -> io::Result<Vec<Duration>> {
    let script = format!(
        "set -e; for round in $(seq {count}); do {before}
         begin=$EPOCHREALTIME; {act}
         end=$EPOCHREALTIME; echo time $(( ${{end/./}} - ${{begin/./}} )); {after}
         done"
    );
    numbers(machine, &script, "time ").map(|times| times.into_iter().map(Duration::from_micros).collect())
}

/// The numbers in lines of a script's output that begin with `mark`.
///
/// # Errors
/// The script fails.
pub fn numbers(machine: &Machine, script: &str, mark: &str) -> io::Result<Vec<u64>> {
    let output = machine.run_within(SERIES, &["bash", "-c", script]);
    if !output.success() {
        return Err(io::Error::other(output.to_string()));
    }
    Ok(output
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix(mark)?.parse().ok())
        .collect())
}

/// Runs a command with a notification socket of our own (`sd_notify(3)`) and returns the time from its start to READY=1.
///
/// # Errors
/// The command ends without it.
pub fn until_ready(argv: &[String]) -> io::Result<Duration> {
    let Some((program, arguments)) = argv.split_first() else {
        return Err(io::Error::other("no command"));
    };
    let path = format!("/run/ready-{}", std::process::id());
    let socket = UnixDatagram::bind(&path)?;
    socket.set_read_timeout(Some(Duration::from_secs(20)))?;
    let begin = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .env("NOTIFY_SOCKET", &path)
        .stdout(Stdio::null())
        .spawn()?;
    let time = wait_for_ready(&socket).map(|()| begin.elapsed());
    child.wait()?;
    fs::remove_file(Path::new(&path))?;
    time
}

fn wait_for_ready(socket: &UnixDatagram) -> io::Result<()> {
    let mut message = [0; 4096];
    loop {
        let length = socket.recv(&mut message)?;
        if message[..length]
            .split(|byte| *byte == b'\n')
            .any(|line| line == b"READY=1")
        {
            return Ok(());
        }
    }
}

/// The median; none of nothing.
pub fn median(mut times: Vec<Duration>) -> Option<Duration> {
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        let times = [5, 1, 9].map(Duration::from_millis).to_vec();
        assert_eq!(median(times), Some(Duration::from_millis(5)));
        assert_eq!(median(Vec::new()), None);
    }
}
