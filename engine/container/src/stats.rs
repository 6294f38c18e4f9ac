//! What a container uses: processor time, memory, disks and processes from the files of its control group (cgroup2, "Controllers" in
//! Linux's admin-guide/cgroup-v2.rst), traffic from its network namespace (`/proc/PID/net/dev`).
//!
//! A controller that is not there for the container makes its number `None`, not 0. One that runs among its caller's processes has no
//! numbers but those of its network.
//!
//! ```no_run
//! # fn main() -> Result<(), unipod_container::ContainerError> {
//! # let store = unipod_store::Store::at("/data", "/run")?;
//! use unipod_container::{record, stats::Sample};
//!
//! let web = record::find(&store, "web")?;
//! let before = Sample::of(&web);
//! std::thread::sleep(std::time::Duration::from_secs(1));
//! if let (Some(before), Some(now)) = (before, Sample::of(&web)) {
//!     println!("{:?} % of a processor, {:?}", now.cpu_percent(&before), now.memory);
//! }
//! # Ok(())
//! # }
//! ```

use std::fs;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::group;
use super::limits;
use super::record::Record;

/// What a container has used up to a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// The moment.
    pub at: Timestamp,
    /// When the container was started.
    pub started: Timestamp,
    /// Processor time since then, of all processors together.
    pub cpu: Option<Duration>,
    /// The part of it that the kernel has spent.
    pub cpu_of_kernel: Option<Duration>,
    /// Memory.
    pub memory: Option<Memory>,
    /// Bytes that its interfaces have received and sent, but for the loopback; `None` for one that uses those of the host.
    pub network: Option<Traffic>,
    /// Bytes read from disks and written to them.
    pub disks: Option<Traffic>,
    /// Processes, each thread counted.
    pub processes: Option<u64>,
}

/// Memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// What is in use, with what is kept of files.
    pub used: u64,
    /// What may be: the lowest limit above it, or all that the machine has.
    pub limit: u64,
}

impl Memory {
    /// What is in use, in percent of what may be.
    pub fn percent(self) -> f64 {
        100.0 * float(self.used) / float(self.limit.max(1))
    }
}

/// Bytes in both directions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Received, or read.
    pub input: u64,
    /// Sent, or written.
    pub output: u64,
}

impl Sample {
    /// What a container uses now; `None` if it does not run.
    pub fn of(record: &Record) -> Option<Self> {
        let init = record.running().ok()?;
        let group = group::of(record);
        let read = |name: &str| fs::read_to_string(group.as_ref()?.join(name)).ok();
        let cpu = read("cpu.stat");
        let time = |key: &str| Some(Duration::from_micros(keyed(cpu.as_ref()?, key)?));
        Some(Self {
            at: Timestamp::now(),
            started: record.started.unwrap_or(record.created),
            cpu: time("usage_usec"),
            cpu_of_kernel: time("system_usec"),
            memory: read("memory.current").and_then(|used| {
                let (used, group) = (used.trim().parse().ok()?, group.as_ref()?);
                let limit = memory_limit(group).into_iter().chain(memory_of_machine()).min()?;
                Some(Memory { used, limit })
            }),
            network: traffic(init.pid),
            disks: read("io.stat").map(|text| of_disks(&text)),
            processes: read("pids.current").and_then(|text| text.trim().parse().ok()),
        })
    }

    /// Processor time since `before`, in percent of what one processor has.
    pub fn cpu_percent(&self, before: &Self) -> Option<f64> {
        let used = self.cpu?.checked_sub(before.cpu?)?;
        percent(used, before.at, self.at)
    }

    /// Processor time since the start, in percent of what one processor has.
    pub fn average_cpu_percent(&self) -> Option<f64> {
        percent(self.cpu?, self.started, self.at)
    }
}

fn percent(used: Duration, from: Timestamp, to: Timestamp) -> Option<f64> {
    let passed = Duration::try_from(to.duration_since(from)).ok()?;
    (!passed.is_zero()).then(|| 100.0 * used.as_secs_f64() / passed.as_secs_f64())
}

/// The lowest limit on the way up, that of the group below for limits of options among them.
fn memory_limit(group: &Path) -> Option<u64> {
    let limit = |dir: &Path| fs::read_to_string(dir.join("memory.max")).ok()?.trim().parse().ok();
    let below = limit(&group.join(limits::GROUP));
    group.ancestors().filter_map(limit).chain(below).min()
}

fn memory_of_machine() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// The number after a word, in a file of such lines.
fn keyed(text: &str, key: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.find(|(word, _)| *word == key)?.1.trim().parse().ok()
}

/// `8:0 rbytes=90112 wbytes=0 rios=…`, a line for each disk.
fn of_disks(text: &str) -> Traffic {
    let sum = |key: &str| {
        let words = text.split_whitespace().filter_map(|word| word.split_once('='));
        let values = words.filter(|(word, _)| *word == key);
        values.filter_map(|(_, value)| value.parse::<u64>().ok()).sum()
    };
    Traffic {
        input: sum("rbytes"),
        output: sum("wbytes"),
    }
}

fn traffic(init: u32) -> Option<Traffic> {
    let namespace = |process: &str| fs::read_link(format!("/proc/{process}/ns/net")).ok();
    if namespace(&init.to_string())? == namespace("self")? {
        return None;
    }
    Some(of_interfaces(
        &fs::read_to_string(format!("/proc/{init}/net/dev")).ok()?,
    ))
}

/// `eth0: bytes packets errs drop fifo frame compressed multicast bytes …`, a line for each interface below two of headings.
fn of_interfaces(text: &str) -> Traffic {
    let mut sum = Traffic::default();
    for (_, numbers) in text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .filter(|(name, _)| name.trim() != "lo")
    {
        let mut numbers = numbers
            .split_whitespace()
            .map(|number| number.parse::<u64>().unwrap_or(0));
        sum.input += numbers.next().unwrap_or(0);
        sum.output += numbers.nth(7).unwrap_or(0);
    }
    sum
}

/// What a conversion to floating point loses is not seen in a percentage.
#[allow(clippy::cast_precision_loss)]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::super::process::Process;
    use super::super::record::tests::record;
    use super::*;

    fn sample(at: i64, cpu: Option<u64>) -> Sample {
        Sample {
            at: Timestamp::from_second(at).unwrap(),
            started: Timestamp::UNIX_EPOCH,
            cpu: cpu.map(Duration::from_secs),
            cpu_of_kernel: None,
            memory: None,
            network: None,
            disks: None,
            processes: None,
        }
    }

    #[test]
    #[allow(clippy::float_cmp)] // Powers of two.
    fn the_difference_of_two_samples_is_a_percentage() {
        let (before, now) = (sample(4, Some(1)), sample(8, Some(3)));
        assert_eq!(now.cpu_percent(&before), Some(50.0));
        assert_eq!(now.average_cpu_percent(), Some(37.5));
        assert_eq!(now.cpu_percent(&now), None);
        // Another start, and no numbers.
        assert_eq!(sample(9, Some(0)).cpu_percent(&now), None);
        assert_eq!(sample(9, None).cpu_percent(&now), None);
        assert_eq!(Memory { used: 1, limit: 4 }.percent(), 25.0);
    }

    #[test]
    fn files_of_the_kernel() {
        assert_eq!(keyed("usage_usec 17\nsystem_usec 5\n", "system_usec"), Some(5));
        assert_eq!(keyed("usage_usec 17\n", "usage"), None);
        let disks = of_disks("8:0 rbytes=10 wbytes=1 rios=3\n8:16 rbytes=5 wbytes=2 dbytes=9\n253:0\n");
        assert_eq!(disks, Traffic { input: 15, output: 3 });
        let interfaces = of_interfaces(
            "Inter-|   Receive                            |  Transmit\n face |bytes    packets errs|bytes\n\
             \x20   lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0\n\
             \x20 eth0:     796      10    0    0    0     0          0         0      656       8    0    0    0     0       0          0\n\
             \x20 eth1:4       1    0    0    0     0          0         0      5       8    0    0    0     0       0          0\n",
        );
        assert_eq!(
            interfaces,
            Traffic {
                input: 800,
                output: 661
            }
        );
    }

    #[test]
    fn the_lowest_limit_counts() {
        let top = tempfile::tempdir().unwrap();
        let group = top.path().join("a/b");
        fs::create_dir_all(group.join(limits::GROUP)).unwrap();
        assert_eq!(memory_limit(&group), None);
        fs::write(group.join("memory.max"), "max\n").unwrap();
        fs::write(top.path().join("a/memory.max"), "7000\n").unwrap();
        assert_eq!(memory_limit(&group), Some(7000));
        fs::write(group.join(limits::GROUP).join("memory.max"), "4000\n").unwrap();
        assert_eq!(memory_limit(&group), Some(4000));
    }

    #[test]
    fn what_runs_among_its_callers_processes_has_no_numbers_of_its_own() {
        let mut web = record("web");
        assert_eq!(Sample::of(&web), None);
        web.process = Process::with_pid(std::process::id());
        let sample = Sample::of(&web).unwrap();
        assert_eq!((sample.cpu, sample.memory, sample.network), (None, None, None));
    }
}
