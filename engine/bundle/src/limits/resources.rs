//! Limits of the cgroup: options in docker's terms become files of cgroup2.

use std::io::Write;
use std::path::Path;

use crate::BundleError;
use crate::options::Resources;

/// One file of a cgroup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The option behind it, for messages.
    pub option: &'static str,
    /// The file's name.
    pub file: String,
    /// Its content.
    pub value: String,
    /// A consequence of another option, and left out where the kernel lacks it.
    pub implied: bool,
}

/// The period of a processor quota in microseconds, unless one is given (podman-run(1), `--cpus`).
const PERIOD: u64 = 100_000;

impl Resources {
    /// The files of cgroup2 that say what the options say.
    ///
    /// # Errors
    /// An option that cgroup2 has nothing for.
    pub fn settings(&self) -> Result<Vec<Setting>, BundleError> {
        let Self {
            memory,
            memory_swap,
            memory_reservation,
            memory_swappiness,
            oom_kill_disable,
            pids,
            cpus,
            cpu_shares,
            cpu_period,
            cpu_quota,
            cpuset_cpus,
            cpuset_mems,
            blkio_weight,
            unified,
        } = self;
        if let Some(percent) = memory_swappiness {
            return Err(BundleError::lacking(
                "--memory-swappiness",
                percent.to_string(),
                "cgroup2 has no such limit",
            ));
        }
        if *oom_kill_disable {
            return Err(BundleError::lacking(
                "--oom-kill-disable",
                "",
                "cgroup2 always kills when memory is out",
            ));
        }
        let optional = [
            memory.map(|bytes| setting("--memory", "memory.max", limit(bytes))),
            swap(*memory, *memory_swap)?,
            memory_reservation.map(|bytes| setting("--memory-reservation", "memory.low", limit(bytes))),
            pids.map(|number| setting("--pids-limit", "pids.max", limit(number))),
            processors(*cpus, *cpu_quota, *cpu_period)?,
            cpu_shares.map(|shares| setting("--cpu-shares", "cpu.weight", weight_of_shares(shares).to_string())),
            cpuset_cpus
                .clone()
                .map(|list| setting("--cpuset-cpus", "cpuset.cpus", list)),
            cpuset_mems
                .clone()
                .map(|list| setting("--cpuset-mems", "cpuset.mems", list)),
            blkio_weight.map(|weight| setting("--blkio-weight", "io.weight", weight_of_blkio(weight).to_string())),
        ];
        let mut all: Vec<Setting> = optional.into_iter().flatten().collect();
        for (file, value) in unified {
            if file.contains('/') || file.starts_with("cgroup.") {
                return Err(BundleError::invalid(
                    "--cgroup-conf",
                    file,
                    "expected a file such as memory.high",
                ));
            }
            all.push(setting("--cgroup-conf", file, value.clone()));
        }
        Ok(all)
    }

    /// Writes the settings into a cgroup.
    ///
    /// # Errors
    /// One that was asked for is not possible here, by its option's name.
    pub fn apply(&self, cgroup: &Path) -> Result<(), BundleError> {
        for Setting {
            option,
            file,
            value,
            implied,
        } in self.settings()?
        {
            let path = cgroup.join(&file);
            match write_existing(&path, &value) {
                Ok(()) => {}
                Err(_) if implied => {}
                // Where nobody counts, there is no limit.
                Err(e) if value == "max" && e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                    let controller = file.split('.').next().unwrap_or(&file);
                    let reason = format!("the cgroup {} has no {controller} controller", cgroup.display());
                    return Err(BundleError::lacking(option, value, reason));
                }
                Err(e) => return Err(BundleError::lacking(option, value, format!("{}: {e}", path.display()))),
            }
        }
        Ok(())
    }
}

/// A cgroup's files cannot be created, and trying to gives an error that says something else.
fn write_existing(path: &Path, value: &str) -> std::io::Result<()> {
    std::fs::OpenOptions::new()
        .write(true)
        .open(path)?
        .write_all(value.as_bytes())
}

fn setting(option: &'static str, file: &str, value: String) -> Setting {
    Setting {
        option,
        file: file.to_owned(),
        value,
        implied: false,
    }
}

fn limit(number: i64) -> String {
    if number < 0 {
        "max".to_owned()
    } else {
        number.to_string()
    }
}

/// cgroup2 limits swap by itself, the option counts memory as well. Without the option, there is as much swap as memory.
fn swap(memory: Option<i64>, both: Option<i64>) -> Result<Option<Setting>, BundleError> {
    let own = |value| setting("--memory-swap", "memory.swap.max", limit(value));
    match (memory, both) {
        (_, Some(-1)) => Ok(Some(own(-1))),
        (Some(memory), None) => Ok(Some(Setting {
            implied: true,
            ..own(memory)
        })),
        (Some(memory), Some(both)) if both >= memory => Ok(Some(own(both - memory))),
        (_, Some(both)) => {
            let reason = "it counts memory and swap together, so it needs --memory and cannot be below it";
            Err(BundleError::invalid("--memory-swap", both.to_string(), reason))
        }
        (None, None) => Ok(None),
    }
}

fn processors(cpus: Option<f64>, quota: Option<i64>, period: Option<u64>) -> Result<Option<Setting>, BundleError> {
    if let Some(number) = cpus {
        if quota.is_some() || period.is_some() {
            let reason = "it cannot go together with --cpu-quota and --cpu-period, which it stands for";
            return Err(BundleError::invalid("--cpus", number.to_string(), reason));
        }
        // The number of processors of a machine is far from where this loses precision.
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss
        )]
        let quota = (number * PERIOD as f64).round() as u64;
        return Ok(Some(setting(
            "--cpus",
            "cpu.max",
            format!("{} {PERIOD}", quota.max(1000)),
        )));
    }
    let option = if quota.is_some() { "--cpu-quota" } else { "--cpu-period" };
    let value = format!("{} {}", limit(quota.unwrap_or(-1)), period.unwrap_or(PERIOD));
    Ok((quota.is_some() || period.is_some()).then(|| setting(option, "cpu.max", value)))
}

/// Shares of 2 to 262144 become a weight of 1 to 10000, as every runtime converts them.
fn weight_of_shares(shares: u64) -> u64 {
    1 + (shares.clamp(2, 262_144) - 2) * 9999 / 262_142
}

/// Weights of 10 to 1000 become 1 to 10000.
fn weight_of_blkio(weight: u16) -> u64 {
    1 + (u64::from(weight.clamp(10, 1000)) - 10) * 9999 / 990
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(resources: &Resources) -> String {
        let settings = resources.settings().unwrap();
        settings
            .iter()
            .map(|s| format!("{}={}", s.file, s.value))
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn options_become_files() {
        let none = Resources::default();
        for (resources, expected) in [
            (
                Resources {
                    memory: Some(100),
                    ..none.clone()
                },
                "memory.max=100 memory.swap.max=100",
            ),
            (
                Resources {
                    memory: Some(100),
                    memory_swap: Some(150),
                    ..none.clone()
                },
                "memory.max=100 memory.swap.max=50",
            ),
            (
                Resources {
                    memory_swap: Some(-1),
                    ..none.clone()
                },
                "memory.swap.max=max",
            ),
            (
                Resources {
                    pids: Some(-1),
                    ..none.clone()
                },
                "pids.max=max",
            ),
            (
                Resources {
                    cpus: Some(1.5),
                    ..none.clone()
                },
                "cpu.max=150000 100000",
            ),
            (
                Resources {
                    cpu_quota: Some(50_000),
                    ..none.clone()
                },
                "cpu.max=50000 100000",
            ),
            (
                Resources {
                    cpu_shares: Some(1024),
                    ..none.clone()
                },
                "cpu.weight=39",
            ),
            (
                Resources {
                    blkio_weight: Some(1000),
                    ..none.clone()
                },
                "io.weight=10000",
            ),
            (
                Resources {
                    unified: [("memory.high".into(), "5".into())].into(),
                    ..none.clone()
                },
                "memory.high=5",
            ),
            (none.clone(), ""),
        ] {
            assert_eq!(of(&resources), expected);
        }
        for wrong in [
            Resources {
                memory: Some(100),
                memory_swap: Some(50),
                ..none.clone()
            },
            Resources {
                memory_swap: Some(50),
                ..none.clone()
            },
            Resources {
                memory_swappiness: Some(5),
                ..none.clone()
            },
            Resources {
                oom_kill_disable: true,
                ..none.clone()
            },
            Resources {
                cpus: Some(1.0),
                cpu_quota: Some(5),
                ..none.clone()
            },
            Resources {
                unified: [("../x".into(), "5".into())].into(),
                ..none
            },
        ] {
            assert!(wrong.settings().is_err(), "{wrong:?}");
        }
    }
}
