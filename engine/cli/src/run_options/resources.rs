//! Limits.

use clap::Args;

use super::values::{Switch, lists, pairs, refused};
use crate::error::CliError;
use unipod::bundle::ContainerOptions;
use unipod::bundle::options::Resources;
use unipod::bundle::values::size;

/// Options of limits.
#[derive(Debug, Default, Args)]
pub(crate) struct ResourceOptions {
    /// Memory limit
    #[arg(short, long, value_name = "SIZE")]
    pub(crate) memory: Option<String>,
    /// Limit of memory and swap together; -1 for unlimited swap
    #[arg(long, value_name = "SIZE", allow_negative_numbers = true)]
    pub(crate) memory_swap: Option<String>,
    /// Memory that is protected as long as there is enough
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory_reservation: Option<String>,
    /// Inclination to swap, 0 to 100
    #[arg(long, value_name = "PERCENT", allow_negative_numbers = true)]
    pub(crate) memory_swappiness: Option<i32>,
    /// Do not kill when memory is out
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) oom_kill_disable: Option<Switch>,
    /// Preference to be killed when memory is out, -1000 to 1000
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    pub(crate) oom_score_adj: Option<i32>,
    /// Most processes; 0 or -1 for unlimited
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    pub(crate) pids_limit: Option<i64>,
    /// Number of processors, such as 1.5
    #[arg(long, value_name = "NUMBER")]
    pub(crate) cpus: Option<f64>,
    /// Share of processor time, relative to 1024
    #[arg(short, long, value_name = "NUMBER")]
    pub(crate) cpu_shares: Option<u64>,
    /// Period of the processor quota in microseconds
    #[arg(long, value_name = "MICROSECONDS")]
    pub(crate) cpu_period: Option<u64>,
    /// Processor quota in each period in microseconds
    #[arg(long, value_name = "MICROSECONDS", allow_negative_numbers = true)]
    pub(crate) cpu_quota: Option<i64>,
    /// Processors to run on, such as 0-2,4
    #[arg(long, value_name = "LIST")]
    pub(crate) cpuset_cpus: Option<String>,
    /// Memory nodes to use, such as 0,1
    #[arg(long, value_name = "LIST")]
    pub(crate) cpuset_mems: Option<String>,
    /// Weight of block input and output, 10 to 1000
    #[arg(long, value_name = "NUMBER")]
    pub(crate) blkio_weight: Option<u16>,
    /// Value for a file of the cgroup, NAME=VALUE
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) cgroup_conf: Vec<String>,
    /// Limit of each process, NAME=SOFT[:HARD], or host
    #[arg(long, value_name = "LIMIT")]
    pub(crate) ulimit: Vec<String>,
}

impl ResourceOptions {
    pub(crate) fn apply(self, options: &mut ContainerOptions) -> Result<(), CliError> {
        let Self {
            memory,
            memory_swap,
            memory_reservation,
            memory_swappiness,
            oom_kill_disable,
            oom_score_adj,
            pids_limit,
            cpus,
            cpu_shares,
            cpu_period,
            cpu_quota,
            cpuset_cpus,
            cpuset_mems,
            blkio_weight,
            cgroup_conf,
            ulimit,
        } = self;
        if let Some(number) = cpus.filter(|number| !number.is_finite() || *number < 0.0) {
            return Err(refused(
                "--cpus",
                &number.to_string(),
                "expected a number of processors such as 1.5",
            ));
        }
        let ulimits = lists("--ulimit", ulimit)?;
        // The same limit can be said once; with `host`, none is set.
        let limit_name = |text: &str| text.split('=').next().unwrap_or(text).trim().to_ascii_lowercase();
        let said = |default: &String| {
            ulimits
                .iter()
                .any(|own| limit_name(own) == limit_name(default) || own == "host")
        };
        options.ulimits.retain(|default| !said(default));
        options.ulimits.extend(ulimits);
        options.oom_score_adj = oom_score_adj.or(options.oom_score_adj);
        let mut unified = std::mem::take(&mut options.resources.unified);
        unified.extend(pairs("--cgroup-conf", cgroup_conf)?);
        options.resources = Resources {
            memory: limit("--memory", memory)?,
            memory_swap: limit("--memory-swap", memory_swap)?,
            memory_reservation: limit("--memory-reservation", memory_reservation)?,
            memory_swappiness: memory_swappiness.and_then(|percent| percent.try_into().ok()),
            oom_kill_disable: Switch::is_on(oom_kill_disable),
            pids: pids_limit.map(|number| if number == 0 { -1 } else { number }),
            cpus: cpus.filter(|number| *number > 0.0),
            cpu_shares: cpu_shares.filter(|shares| *shares > 0),
            cpu_period: cpu_period.filter(|period| *period > 0),
            cpu_quota: cpu_quota.filter(|quota| *quota != 0),
            cpuset_cpus: cpuset_cpus.filter(|list| !list.is_empty()),
            cpuset_mems: cpuset_mems.filter(|list| !list.is_empty()),
            blkio_weight: blkio_weight.filter(|weight| *weight > 0),
            unified,
        };
        Ok(())
    }
}

/// A size; 0 is no limit, as in podman.
fn limit(option: &str, text: Option<String>) -> Result<Option<i64>, CliError> {
    let Some(text) = text else { return Ok(None) };
    let bytes = size::parse_limit(&text);
    let bytes = bytes.ok_or_else(|| {
        refused(
            option,
            &text,
            "expected a size such as 512m or 1.5g, or -1 for unlimited",
        )
    })?;
    Ok(Some(bytes).filter(|bytes| *bytes != 0))
}
