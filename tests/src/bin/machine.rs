//! The test machine's launcher, and a shell in a fresh machine for developers.
//!
//! ```text
//! machine shell             a shell in a fresh machine; the machine is gone when the shell ends
//! machine run COMMAND…      one command in a fresh machine
//! ```
//! `launch`, `boot`, `init` and `enter` are what the library calls.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use unipod_tests::machine::{Machine, MachineConfig, enter, launcher, root};

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
        ["shell"] => fresh(&["bash", "-l"]),
        ["run", command @ ..] if !command.is_empty() => fresh(command),
        _ => Err(io::Error::other("usage: machine shell | machine run COMMAND…")),
    }
}

fn fresh(command: &[&str]) -> io::Result<i32> {
    Machine::try_boot(&MachineConfig::default())?.attach(command)
}
