//! aardvark-dns, which netavark starts and tells what to answer, through one file per network:
//!
//! ```text
//! /run/unipod/networks/aardvark-dns/NETWORK     first the gateways, then a line per container: ID ADDRESSES… NAMES
//! /run/unipod/networks/aardvark-dns/NETWORK%int so it is called for an internal network, by newer versions
//! /run/unipod/networks/aardvark-dns/aardvark.pid
//! ```
//!
//! netavark 1.4 rewrites such a file in place and without a lock when a container goes: a kill at that moment takes the names
//! of all others away, and so does a container that comes. It also starts a second server when two first containers come at
//! once, and no version sees that the server it signals is about to end because its last name has gone. Therefore names are
//! removed here, in one step, and whoever touches names takes one lock: shared to add some to a server that runs, else exclusive.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::NetworkError;
use super::netavark::config_dir;
use super::state::Input;
use super::turn::{Held, lock};
use unipod_store::{Durability, Store, StoreError, remove_tree, write_atomic};

const LOCK: &str = "aardvark-dns";

/// How long a server without names may take to end. It needs a few milliseconds.
const ENDING: Duration = Duration::from_millis(500);

/// The lock for a setup that adds names: with others at the same time once a server runs.
pub(super) fn to_add_names(store: &Store) -> Result<Held, NetworkError> {
    lock(store, LOCK, || server(store).is_some())
}

/// Takes the container's names away and tells the server. Names that are gone already are fine.
pub(super) fn remove_names(store: &Store, input: &Input) -> Result<(), NetworkError> {
    let _alone = lock(store, LOCK, || false)?;
    let served = input.network_info.values().filter(|n| n.dns_enabled);
    for network in served {
        for name in file_names(&network.name) {
            remove_lines(store, &directory(store).join(name), &input.container_id)?;
        }
    }
    if let Some(server) = server(store) {
        // It may have ended since.
        let _ = kill(server, Signal::SIGHUP);
    }
    settle(store);
    Ok(())
}

/// The names that a network's file may have: netavark marks an internal network, whose server asks nobody else (1.14 and
/// 1.17 do, 1.4 does not).
fn file_names(network: &str) -> [String; 2] {
    [network.to_owned(), format!("{network}%int")]
}

/// Replaces the file of a network by one without the container `id`; without any container there is no file.
fn remove_lines(store: &Store, path: &Path, id: &str) -> Result<(), NetworkError> {
    let text = match fs::read_to_string(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        text => text.map_err(StoreError::io("read", path))?,
    };
    let stays = |line: &&str| line.split(' ').next() != Some(id);
    let lines: Vec<&str> = text
        .lines()
        .enumerate()
        .filter(|(n, l)| *n == 0 || stays(l))
        .map(|(_, l)| l)
        .collect();
    if lines.len() < 2 {
        return Ok(remove_tree(path)?);
    }
    // The server reads every file of its directory: the new one is written outside of it.
    let aside = config_dir(store).join(format!("{id}.names"));
    write_atomic(&aside, (lines.join("\n") + "\n").as_bytes(), Durability::ThisBoot)?;
    Ok(fs::rename(&aside, path).map_err(StoreError::io("write", path))?)
}

/// A server without names ends by itself; waits for it, so that nobody signals one that is ending.
fn settle(store: &Store) {
    if has_names(&directory(store)) {
        return;
    }
    let deadline = Instant::now() + ENDING;
    while server(store).is_some() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The process of the running server.
fn server(store: &Store) -> Option<Pid> {
    let pid: i32 = fs::read_to_string(directory(store).join("aardvark.pid"))
        .ok()?
        .trim()
        .parse()
        .ok()?;
    // The PID may be another program's by now; the kernel cuts `comm` at 15 bytes, which this name is not longer than.
    let comm = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    (comm.trim_end() == "aardvark-dns").then(|| Pid::from_raw(pid))
}

fn has_names(dir: &Path) -> bool {
    fs::read_dir(dir).is_ok_and(|entries| entries.flatten().any(|e| e.file_name() != "aardvark.pid"))
}

fn directory(store: &Store) -> PathBuf {
    config_dir(store).join("aardvark-dns")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_containers_line_goes_and_the_last_takes_the_file_along() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::at(dir.path().join("data"), dir.path().join("run")).unwrap();
        let path = directory(&store).join("net");
        fs::create_dir_all(directory(&store)).unwrap();
        fs::write(&path, "10.89.0.1\naaa 10.89.0.2  web,aaa\nbbb 10.89.0.3  db,aaab\n").unwrap();
        remove_lines(&store, &path, "aaa").unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "10.89.0.1\nbbb 10.89.0.3  db,aaab\n"
        );
        remove_lines(&store, &path, "bbb").unwrap();
        remove_lines(&store, &path, "bbb").unwrap();
        assert!(!path.exists());
    }
}
