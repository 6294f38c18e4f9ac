//! One process as `/proc` shows it: proc_pid_stat(5), proc_pid_status(5).

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

/// What is read of a process at once. More is read where somebody asks for it.
#[derive(Debug, Clone)]
pub(super) struct Process {
    /// Its number on the host.
    pub pid: u32,
    /// Its parent's number on the host; 0 for one without.
    pub parent: u32,
    /// The name of its program.
    pub comm: String,
    /// One letter.
    pub state: char,
    /// The number of its terminal.
    pub terminal: u32,
    /// Processor time.
    pub used: Duration,
    /// How nice it is to others.
    pub nice: i64,
    /// When it was started, from the boot on.
    pub started: Duration,
    /// Bytes of its address space.
    pub size: u64,
    status: HashMap<String, String>,
}

impl Process {
    /// Reads it; `None` if it is gone.
    pub fn read(pid: u32) -> Option<Self> {
        let read = |name: &str| fs::read(format!("/proc/{pid}/{name}")).ok();
        let text = |name: &str| Some(String::from_utf8_lossy(&read(name)?).into_owned());
        Self::parse(pid, &text("stat")?, &text("status")?)
    }

    fn parse(pid: u32, stat: &str, status: &str) -> Option<Self> {
        // The name may hold anything, even parentheses.
        let (before, rest) = stat.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        let ticks = |field: usize| number(field).map(in_time);
        let lines = status.lines().filter_map(|line| line.split_once(':'));
        Some(Self {
            pid,
            parent: u32::try_from(number(4)?).ok()?,
            comm: before.split_once('(')?.1.to_owned(),
            state: fields.first()?.chars().next()?,
            terminal: fields.get(4)?.parse::<i32>().ok()?.cast_unsigned(),
            used: ticks(14)? + ticks(15)?,
            nice: fields.get(16)?.parse().ok()?,
            started: ticks(22)?,
            size: number(23)?,
            status: lines
                .map(|(key, value)| (key.to_owned(), value.trim().to_owned()))
                .collect(),
        })
    }

    /// A line of its status; empty where this kernel has none.
    pub fn status(&self, key: &str) -> &str {
        self.status.get(key).map_or("", String::as_str)
    }

    /// One of the numbers in a line of its status: `Uid` has the real one, the effective one and others.
    pub fn number(&self, key: &str, index: usize) -> Option<u32> {
        self.status(key).split_whitespace().nth(index)?.parse().ok()
    }

    /// All numbers in a line of its status.
    pub fn numbers(&self, key: &str) -> Vec<u32> {
        let words = self.status(key).split_whitespace();
        words.filter_map(|word| word.parse().ok()).collect()
    }

    /// Whether it is in another PID namespace than ours.
    pub fn is_nested(&self) -> bool {
        self.numbers("NSpid").len() > 1
    }

    /// Its command line; empty for a thread of the kernel, and for a zombie.
    pub fn arguments(&self) -> String {
        let line = fs::read(format!("/proc/{}/cmdline", self.pid)).unwrap_or_default();
        let words: Vec<_> = line
            .strip_suffix(b"\0")
            .unwrap_or(&line)
            .split(|byte| *byte == 0)
            .collect();
        let words: Vec<_> = words.into_iter().map(String::from_utf8_lossy).collect();
        words.join(" ")
    }

    /// What a security module calls it.
    pub fn label(&self) -> Option<String> {
        let text = fs::read_to_string(format!("/proc/{}/attr/current", self.pid)).ok()?;
        let text = text.trim_end_matches(['\0', '\n']);
        (!text.is_empty()).then(|| text.to_owned())
    }
}

fn in_time(ticks: u64) -> Duration {
    let each = rustix::param::clock_ticks_per_second().max(1);
    Duration::from_nanos(ticks.saturating_mul(1_000_000_000 / each))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn process(stat: &str, status: &str) -> Process {
        Process::parse(17, stat, status).unwrap()
    }

    #[test]
    fn fields_and_lines() {
        let stat =
            "17 (a) b) S 5 17 17 34816 17 4194304 120 0 0 0 150 50 0 0 20 -5 1 0 4242 2048000 30 18446744073709551615";
        let it = process(
            stat,
            "Name:\ta) b\nUid:\t1000\t1001\t1001\t1001\nNSpid:\t17\t2\nGroups:\t4 24 \n",
        );
        assert_eq!((it.parent, it.comm.as_str(), it.state), (5, "a) b", 'S'));
        assert_eq!((it.terminal, it.nice, it.size), (34816, -5, 2_048_000));
        assert_eq!(it.number("Uid", 1), Some(1001));
        assert_eq!(it.numbers("Groups"), [4, 24]);
        assert!(it.is_nested() && it.status("CapAmb").is_empty());
        let each = rustix::param::clock_ticks_per_second();
        assert_eq!(it.used, Duration::from_millis(200 * 1000 / each));
    }
}
