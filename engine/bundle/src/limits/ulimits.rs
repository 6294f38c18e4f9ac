//! Resource limits of processes: `--ulimit`, Podman's defaults, and `--oom-score-adj`.

use nix::sys::resource::{Resource, getrlimit};
use oci_spec::runtime::{PosixRlimit, PosixRlimitBuilder, PosixRlimitType};

use crate::security::capabilities::Set;
use crate::{BundleError, ContainerOptions};

/// Podman's default for open files and processes.
const DEFAULT: u64 = 1_048_576;

/// Option name, OCI name, kernel name.
const ALL: [(&str, PosixRlimitType, Resource); 16] = [
    ("as", PosixRlimitType::RlimitAs, Resource::RLIMIT_AS),
    ("core", PosixRlimitType::RlimitCore, Resource::RLIMIT_CORE),
    ("cpu", PosixRlimitType::RlimitCpu, Resource::RLIMIT_CPU),
    ("data", PosixRlimitType::RlimitData, Resource::RLIMIT_DATA),
    ("fsize", PosixRlimitType::RlimitFsize, Resource::RLIMIT_FSIZE),
    ("locks", PosixRlimitType::RlimitLocks, Resource::RLIMIT_LOCKS),
    ("memlock", PosixRlimitType::RlimitMemlock, Resource::RLIMIT_MEMLOCK),
    ("msgqueue", PosixRlimitType::RlimitMsgqueue, Resource::RLIMIT_MSGQUEUE),
    ("nice", PosixRlimitType::RlimitNice, Resource::RLIMIT_NICE),
    ("nofile", PosixRlimitType::RlimitNofile, Resource::RLIMIT_NOFILE),
    ("nproc", PosixRlimitType::RlimitNproc, Resource::RLIMIT_NPROC),
    ("rss", PosixRlimitType::RlimitRss, Resource::RLIMIT_RSS),
    ("rtprio", PosixRlimitType::RlimitRtprio, Resource::RLIMIT_RTPRIO),
    ("rttime", PosixRlimitType::RlimitRttime, Resource::RLIMIT_RTTIME),
    (
        "sigpending",
        PosixRlimitType::RlimitSigpending,
        Resource::RLIMIT_SIGPENDING,
    ),
    ("stack", PosixRlimitType::RlimitStack, Resource::RLIMIT_STACK),
];

/// One `--ulimit NAME=SOFT[:HARD]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    kind: PosixRlimitType,
    soft: u64,
    hard: u64,
}

/// The limits of a container's processes.
///
/// The defaults never go above the engine's own hard limits, so that `LimitNOFILE=` and `LimitNPROC=` of the unit hold.
/// One asked for may, if the engine has `CAP_SYS_RESOURCE`.
pub fn limits(options: &ContainerOptions, available: Set) -> Result<Vec<PosixRlimit>, BundleError> {
    let mut all = Vec::new();
    for text in &options.ulimits {
        let Some(limit) = parse(text)? else {
            return Ok(Vec::new());
        };
        if !available.has("SYS_RESOURCE") {
            check_against_own(&limit, text)?;
        }
        all.push(limit);
    }
    for kind in [PosixRlimitType::RlimitNofile, PosixRlimitType::RlimitNproc] {
        if !all.iter().any(|limit| limit.kind == kind) {
            let value = DEFAULT.min(own_hard_limit(kind));
            all.push(Limit {
                kind,
                soft: value,
                hard: value,
            });
        }
    }
    Ok(all.into_iter().map(to_oci).collect())
}

/// Reads one value; `None` is `host`: leave all limits as they are.
pub fn parse(text: &str) -> Result<Option<Limit>, BundleError> {
    let invalid = |reason: &str| BundleError::invalid("--ulimit", text, reason);
    if text == "host" {
        return Ok(None);
    }
    let (name, values) = text
        .split_once('=')
        .ok_or_else(|| invalid("expected NAME=SOFT[:HARD]"))?;
    let name = name.trim().to_ascii_lowercase();
    let known = ALL
        .iter()
        .find(|(known, ..)| *known == name.strip_prefix("rlimit_").unwrap_or(&name));
    let Some(&(_, kind, _)) = known else {
        return Err(invalid(&format!(
            "no such limit; there are {}",
            ALL.map(|(known, ..)| known).join(", ")
        )));
    };
    let (soft, hard) = values.split_once(':').unwrap_or((values, values));
    let number = |value: &str| match value {
        "-1" | "unlimited" => Ok(libc::RLIM_INFINITY),
        digits => digits
            .parse()
            .map_err(|_| invalid("limits are numbers, -1 for unlimited")),
    };
    let (soft, hard) = (number(soft)?, number(hard)?);
    if soft > hard {
        return Err(invalid("the soft limit is above the hard limit"));
    }
    Ok(Some(Limit { kind, soft, hard }))
}

fn check_against_own(limit: &Limit, text: &str) -> Result<(), BundleError> {
    let own = own_hard_limit(limit.kind);
    if limit.hard <= own {
        return Ok(());
    }
    let reason = format!(
        "{} is above the engine's own hard limit of {}, and it lacks CAP_SYS_RESOURCE to raise it",
        show(limit.hard),
        show(own)
    );
    Err(BundleError::lacking("--ulimit", text, reason))
}

fn show(limit: u64) -> String {
    if limit == libc::RLIM_INFINITY {
        "unlimited".to_owned()
    } else {
        limit.to_string()
    }
}

fn own_hard_limit(kind: PosixRlimitType) -> u64 {
    let resource = ALL
        .iter()
        .find(|(_, known, _)| *known == kind)
        .map(|(.., resource)| *resource);
    resource
        .and_then(|resource| getrlimit(resource).ok())
        .map_or(libc::RLIM_INFINITY, |(_, hard)| hard)
}

fn to_oci(limit: Limit) -> PosixRlimit {
    let builder = PosixRlimitBuilder::default()
        .typ(limit.kind)
        .soft(limit.soft)
        .hard(limit.hard);
    builder.build().expect("every field has a default")
}

/// `--oom-score-adj`, refused where the engine cannot set it.
pub fn oom_score_adj(options: &ContainerOptions, available: Set) -> Result<Option<i32>, BundleError> {
    let Some(asked) = options.oom_score_adj else {
        return Ok(None);
    };
    let value = asked.to_string();
    if !(-1000..=1000).contains(&asked) {
        return Err(BundleError::invalid("--oom-score-adj", value, "expected -1000 to 1000"));
    }
    let own = std::fs::read_to_string("/proc/self/oom_score_adj")
        .ok()
        .and_then(|text| text.trim().parse().ok());
    if asked < own.unwrap_or(0) && !available.has("SYS_RESOURCE") {
        let reason = format!(
            "the engine has {} and lacks CAP_SYS_RESOURCE to go below",
            own.unwrap_or(0)
        );
        return Err(BundleError::lacking("--oom-score-adj", value, reason));
    }
    Ok(Some(asked))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        for (text, expected) in [
            ("nofile=10:20", Some((10, 20))),
            ("nofile=10", Some((10, 10))),
            ("RLIMIT_CORE=-1", Some((u64::MAX, u64::MAX))),
            ("core=0:unlimited", Some((0, u64::MAX))),
            ("nofile=20:10", None),
            ("files=10", None),
            ("nofile", None),
            ("nofile=a", None),
        ] {
            let parsed = parse(text).ok().flatten().map(|limit| (limit.soft, limit.hard));
            assert_eq!(parsed, expected, "{text}");
        }
        assert_eq!(parse("host").unwrap(), None);
    }

    #[test]
    fn defaults_stay_below_the_own_hard_limit_and_requests_above_it_are_refused() {
        let own = own_hard_limit(PosixRlimitType::RlimitNofile);
        let defaults = limits(&ContainerOptions::default(), Set::default()).unwrap();
        assert!(defaults.iter().all(|limit| limit.hard() <= DEFAULT));
        assert!(defaults.iter().any(|limit| limit.hard() == own.min(DEFAULT)));
        let ulimits = vec![format!("nofile={}", own + 1)];
        let error = limits(
            &ContainerOptions {
                ulimits,
                ..Default::default()
            },
            Set::default(),
        )
        .unwrap_err()
        .to_string();
        assert!(
            error.contains(&own.to_string()) && error.contains(&(own + 1).to_string()),
            "{error}"
        );
    }
}
