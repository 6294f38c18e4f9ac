//! The test machine's launcher, and a shell in a fresh machine for developers.
//!
//! ```text
//! machine shell             a shell in a fresh machine; the machine is gone when the shell ends
//! machine run COMMAND…      one command in a fresh machine
//! ```
//! `launch`, `boot`, `init`, `enter`, `proxy`, `ready`, `pin` and `unpin` are what the library calls.
//!
//! unipod and the registry are in the machine when they are built (`make build`). `UNIPOD_TEST_ROOT=DIR` boots another
//! distribution; the host's files are below `/run/host` then.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use unipod_tests::machine::{Machine, MachineConfig, enter, launcher, root};
use unipod_tests::measure::{clock, pins};
use unipod_tests::proxy::{self, Line};
use unipod_tests::setup;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Err(error) => {
            eprintln!("machine: {error}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> io::Result<i32> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["launch", dir] => launcher::launch(Path::new(dir)).map(|()| 0),
        ["boot", dir] => launcher::boot(Path::new(dir)),
        ["init", dir] => root::init(Path::new(dir)).map(|()| 0),
        ["enter", init, cgroup, ..] => enter::enter(init, Path::new(cgroup), &arguments[3..]),
        ["proxy", listen, target, rate, cut] => proxy::serve(
            listen,
            target,
            Line {
                rate: number(rate)?,
                cut: number(cut)?,
            },
        )
        .map(|()| 0),
        ["ready", command @ ..] if !command.is_empty() => {
            println!("ready {}", clock::until_ready(&arguments[1..])?.as_micros());
            Ok(0)
        }
        ["pin", dir] => pins::make(Path::new(dir)).map(|()| 0),
        ["unpin", dir] => pins::remove(Path::new(dir)).map(|()| 0),
        ["shell"] => fresh(&["bash", "-l"]),
        ["run", command @ ..] if !command.is_empty() => fresh(command),
        _ => Err(io::Error::other("usage: machine shell | machine run COMMAND…")),
    }
}

fn number(text: &str) -> io::Result<u64> {
    text.parse()
        .map_err(|error| io::Error::other(format!("{text}: {error}")))
}

fn fresh(command: &[&str]) -> io::Result<i32> {
    let config = setup::config().unwrap_or_else(|error| {
        eprintln!("machine: {error}; a bare machine then");
        MachineConfig::default()
    });
    Machine::try_boot(&config)?.attach(command)
}
