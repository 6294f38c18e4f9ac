//! The slice of a pod of the command line: its members' services are in it, and its limits are of all of them together,
//! systemd.resource-control(5).

use unipod_bundle::BundleError;
use unipod_bundle::limits::resources::Setting;
use unipod_systemd::slice::{self, Limit};

use crate::record::Pod;
use crate::{PodError, names};

/// Makes the slice with the pod's limits. Without limits systemd makes it when the first service is in it.
///
/// # Errors
/// A limit cannot be had, or systemd refuses.
pub fn start(pod: &Pod) -> Result<(), PodError> {
    let settings = pod.options.common.resources.settings()?;
    let limits = settings
        .iter()
        .filter(|setting| !setting.implied)
        .map(limit)
        .collect::<Result<Vec<_>, _>>()?;
    if limits.is_empty() {
        return Ok(());
    }
    Ok(slice::start(&names::slice(&pod.name), &limits)?)
}

/// Lets go of the slice once nothing is in it, unless somebody puts something into it at that very moment.
///
/// # Errors
/// systemd refuses.
pub fn stop(pod: &Pod) -> Result<(), PodError> {
    match unipod_systemd::manager::stop(&names::slice(&pod.name)) {
        Err(error) if error.is_canceled() => Ok(()),
        other => Ok(other?),
    }
}

/// What a file of the control group is called by systemd.
fn limit(setting: &Setting) -> Result<(&'static str, Limit), BundleError> {
    let Setting {
        option, file, value, ..
    } = setting;
    let refused = || BundleError::invalid(option, value, "systemd has no such limit for a slice");
    let number = || match value.as_str() {
        "max" => Ok(Limit::Number(u64::MAX)),
        number => number.parse().map(Limit::Number).map_err(|_| refused()),
    };
    Ok(match file.as_str() {
        "memory.max" => ("MemoryMax", number()?),
        "memory.low" => ("MemoryLow", number()?),
        "memory.swap.max" => ("MemorySwapMax", number()?),
        "pids.max" => ("TasksMax", number()?),
        "cpu.weight" => ("CPUWeight", number()?),
        "io.weight" => ("IOWeight", number()?),
        "cpu.max" => (
            "CPUQuotaPerSecUSec",
            Limit::Number(per_second(value).ok_or_else(refused)?),
        ),
        "cpuset.cpus" => ("AllowedCPUs", Limit::Set(bits(value).ok_or_else(refused)?)),
        "cpuset.mems" => ("AllowedMemoryNodes", Limit::Set(bits(value).ok_or_else(refused)?)),
        _ => return Err(refused()),
    })
}

/// Microseconds of processor time per second, of `QUOTA PERIOD`.
fn per_second(value: &str) -> Option<u64> {
    let (quota, period) = value.split_once(' ')?;
    if quota == "max" {
        return Some(u64::MAX);
    }
    let (quota, period): (u64, u64) = (quota.parse().ok()?, period.parse().ok()?);
    quota.checked_mul(1_000_000)?.checked_div(period)
}

/// `0-2,4` as a set of bits, the lowest first.
fn bits(list: &str) -> Option<Vec<u8>> {
    // The kernel's largest number of processors (Kconfig, NR_CPUS).
    const MOST: usize = 8192;
    let mut bits = Vec::new();
    for range in list.split(',') {
        let (first, end) = range.split_once('-').unwrap_or((range, range));
        let (first, end): (usize, usize) = (first.trim().parse().ok()?, end.trim().parse().ok()?);
        if first > end || end >= MOST {
            return None;
        }
        bits.resize(bits.len().max(end / 8 + 1), 0);
        (first..=end).for_each(|bit| bits[bit / 8] |= 1 << (bit % 8));
    }
    Some(bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use unipod_bundle::options::Resources;

    #[test]
    fn limits_in_the_words_of_systemd() {
        let resources = Resources {
            memory: Some(64 << 20),
            cpus: Some(1.5),
            pids: Some(-1),
            cpuset_cpus: Some("0-2,9".into()),
            ..Resources::default()
        };
        let settings = resources.settings().unwrap();
        let limits: Vec<_> = settings
            .iter()
            .filter(|s| !s.implied)
            .map(|s| limit(s).unwrap())
            .collect();
        for expected in [
            ("MemoryMax", Limit::Number(64 << 20)),
            ("CPUQuotaPerSecUSec", Limit::Number(1_500_000)),
            ("TasksMax", Limit::Number(u64::MAX)),
            ("AllowedCPUs", Limit::Set(vec![7, 2])),
        ] {
            assert!(limits.contains(&expected), "{expected:?} in {limits:?}");
        }
    }

    #[test]
    fn lists_of_processors_are_bounded() {
        assert_eq!(bits("0"), Some(vec![1]));
        for wrong in ["", "a", "3-1", "0-99999999999", "1,,2"] {
            assert_eq!(bits(wrong), None, "{wrong}");
        }
    }
}
