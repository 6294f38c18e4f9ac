//! The processes of a container, as the kernel shows them to the host: nothing is executed in the container.
//!
//! Those of its PID namespace and of the namespaces below are its own, wherever they were started from; without one, those of its
//! control group. Numbers and names are the container's, unless the descriptor begins with `h`.

mod descriptors;
mod process;

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::Duration;

use super::record::Record;
use super::{ContainerError, group};
use descriptors::{Descriptor, View};
use process::Process;
use unipod_linux::child;

/// How long ps(1) may take.
const PS: Duration = Duration::from_secs(60);

/// The columns unless others are asked for.
const DEFAULT: [&str; 8] = ["user", "pid", "ppid", "pcpu", "etime", "tty", "time", "args"];

/// A table of processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Headings.
    pub titles: Vec<String>,
    /// One row for each process, of as many cells.
    pub processes: Vec<Vec<String>>,
}

/// All descriptors that podman-top(1) has: `pid`, `hpid`, `args`.
pub fn descriptors() -> impl Iterator<Item = &'static str> {
    descriptors::ALL.iter().map(|descriptor| descriptor.name)
}

/// The processes of a container. `words` are descriptors, also several in one word between commas, or options of ps(1): that of the
/// host is executed then, and what it says of other processes is left out.
///
/// # Errors
/// It does not run, a descriptor is none, or ps(1) fails or says no PID.
pub fn top(record: &Record, words: &[String]) -> Result<Table, ContainerError> {
    let init = record.running().map_err(|error| match error {
        ContainerError::NotRunning(..) => {
            ContainerError::Improper("top can only be used on running containers".to_owned())
        }
        other => other,
    })?;
    let wanted: Vec<&str> = words.iter().flat_map(|word| word.split(',')).map(str::trim).collect();
    let wanted: Vec<&str> = wanted.into_iter().filter(|word| !word.is_empty()).collect();
    let wanted = if wanted.is_empty() { DEFAULT.to_vec() } else { wanted };
    let columns: Option<Vec<&Descriptor>> = wanted.iter().map(|word| descriptors::find(word)).collect();
    let processes = processes(record, init.pid);
    match columns {
        Some(columns) => {
            let view = View::of(init.pid, &processes);
            let row = |process: &Process| columns.iter().map(|column| (column.cell)(process, &view)).collect();
            Ok(Table {
                titles: columns.iter().map(|column| column.title.to_owned()).collect(),
                processes: processes.values().map(row).collect(),
            })
        }
        None => ps(words, &processes),
    }
}

/// The container's processes by their numbers on the host. Whoever ends meanwhile is left out.
fn processes(record: &Record, init: u32) -> BTreeMap<u32, Process> {
    let namespace = |pid: u32| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    let own = namespace(init);
    if own.is_none() || own == fs::read_link("/proc/self/ns/pid").ok() {
        return of_group(record, init);
    }
    let all: BTreeMap<u32, Process> = numbers()
        .filter_map(Process::read)
        .map(|process| (process.pid, process))
        .collect();
    // One of a namespace below has an ancestor in this one, for a child never leaves its namespace upwards.
    let belongs = |process: &Process| {
        let parent = |process: &&Process| all.get(&process.parent);
        let mut line = std::iter::successors(Some(process), parent).take(all.len());
        let is_own = |process: &Process| namespace(process.pid) == own;
        is_own(process) || process.is_nested() && line.any(is_own)
    };
    let its: Vec<u32> = all
        .values()
        .filter(|process| belongs(process))
        .map(|process| process.pid)
        .collect();
    let mut all = all;
    all.retain(|pid, _| its.contains(pid));
    all
}

fn of_group(record: &Record, init: u32) -> BTreeMap<u32, Process> {
    let top = group::of(record);
    let numbers = top.map_or_else(|| vec![init], |top| group::processes(&top));
    let helpers = record.relays.iter().map(|relay| relay.pid);
    let helpers: Vec<u32> = helpers.collect();
    let its = numbers.into_iter().filter(|pid| !helpers.contains(pid));
    its.filter_map(Process::read)
        .map(|process| (process.pid, process))
        .collect()
}

fn numbers() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// What ps(1) says of the container's processes.
fn ps(words: &[String], its: &BTreeMap<u32, Process>) -> Result<Table, ContainerError> {
    let refused = |reason: String| ContainerError::Option {
        option: words.join(" "),
        reason,
    };
    let mut command = Command::new("ps");
    command.args(words).env("LC_ALL", "C");
    let output = child::output(&mut command, b"", PS)
        .map_err(|error| refused(format!("these are no descriptors, and ps(1) cannot be run: {error}")))?;
    if !output.status.success() {
        let said = child::words(&output.stderr);
        return Err(refused(format!(
            "these are no descriptors, and ps(1) does not know them: {said}"
        )));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    of_ps(&text, its.keys().copied()).ok_or_else(|| refused("ps(1) shows no column PID with them".to_owned()))
}

fn of_ps(text: &str, its: impl Iterator<Item = u32>) -> Option<Table> {
    let mut lines = text.lines();
    let titles: Vec<String> = lines.next()?.split_whitespace().map(ToOwned::to_owned).collect();
    let column = titles.iter().position(|title| title == "PID")?;
    let its: Vec<String> = its.map(|pid| pid.to_string()).collect();
    // The last column may have blanks in it, others have none.
    let cells = |line: &str| {
        let mut cells = Vec::new();
        let mut rest = line.trim_start();
        while cells.len() + 1 < titles.len() && !rest.is_empty() {
            let (cell, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            cells.push(cell.to_owned());
            rest = after.trim_start();
        }
        cells.push(rest.trim_end().to_owned());
        cells
    };
    let rows = lines
        .map(cells)
        .filter(|row| row.get(column).is_some_and(|pid| its.contains(pid)));
    let processes = rows.collect();
    Some(Table { titles, processes })
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::record;
    use super::*;

    #[test]
    fn of_what_ps_says_only_the_containers_is_shown() {
        let text = "  UID   PID COMMAND\n    0     7 sh -c  x y\n 1000    17 seven 7\n    0    70 \n";
        let table = of_ps(text, [7, 70].into_iter()).unwrap();
        assert_eq!(table.titles, ["UID", "PID", "COMMAND"]);
        assert_eq!(table.processes, [["0", "7", "sh -c  x y"], ["0", "70", ""]]);
        assert_eq!(of_ps("UID COMMAND\n", [7].into_iter()), None);
    }

    #[test]
    fn our_own_processes_as_if_they_were_a_containers() {
        let mut web = record("web");
        assert!(
            top(&web, &[])
                .unwrap_err()
                .to_string()
                .contains("top can only be used on running containers")
        );
        web.process = super::super::process::Process::with_pid(std::process::id());
        let words = ["pid,hpid".to_owned(), "comm".to_owned(), "%y".to_owned()];
        let table = top(&web, &words).unwrap();
        assert_eq!(table.titles, ["PID", "HPID", "COMMAND", "TTY"]);
        assert!(table.processes.iter().all(|row| row.len() == 4));
        let all: Vec<String> = descriptors().map(ToOwned::to_owned).collect();
        assert!(
            top(&web, &all)
                .unwrap()
                .processes
                .iter()
                .all(|row| row.len() == all.len())
        );
        let own = std::process::id().to_string();
        let said = top(&web, &["-e".to_owned(), "-o".to_owned(), "ppid,pid,args".to_owned()]).unwrap();
        assert!(said.processes.iter().all(|row| row[1] == own), "{said:?}");
    }
}
