//! Paths of `/proc` and `/sys` that are hidden from a container, or that it may only read.

use crate::security::SecurityOptions;

/// Podman's masked paths.
const MASKED: [&str; 13] = [
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/dev/block",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    "/sys/fs/selinux",
];

/// Podman's read-only paths.
const READ_ONLY: [&str; 6] = [
    "/proc/asound",
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
];

/// Masked and read-only paths, in this order; both empty for a privileged container.
pub fn paths(security: &SecurityOptions, privileged: bool) -> (Vec<String>, Vec<String>) {
    if privileged {
        return (security.mask.clone(), Vec::new());
    }
    let kept = |list: &[&str]| -> Vec<String> {
        list.iter()
            .filter(|path| !unmasked(path, &security.unmask))
            .map(ToString::to_string)
            .collect()
    };
    let mut masked = kept(&MASKED);
    masked.extend(
        security
            .mask
            .iter()
            .filter(|path| !MASKED.contains(&path.as_str()))
            .cloned(),
    );
    (masked, kept(&READ_ONLY))
}

/// `ALL`, a path, or a shell pattern with `*` that does not cross a slash.
fn unmasked(path: &str, patterns: &[String]) -> bool {
    patterns
        .iter()
        .any(|pattern| pattern.eq_ignore_ascii_case("all") || matches_pattern(pattern.trim_end_matches('/'), path))
}

fn matches_pattern(pattern: &str, path: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == path,
        Some((before, after)) => path.strip_prefix(before).is_some_and(|rest| {
            let end = rest.find('/').unwrap_or(rest.len());
            (0..=end).any(|skip| rest.is_char_boundary(skip) && matches_pattern(after, &rest[skip..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(mask: &[&str], unmask: &[&str]) -> (Vec<String>, Vec<String>) {
        let own = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        paths(
            &SecurityOptions {
                mask: own(mask),
                unmask: own(unmask),
                ..SecurityOptions::default()
            },
            false,
        )
    }

    #[test]
    fn masks_are_added_and_taken_away() {
        let (masked, read_only) = with(&["/proc/uptime"], &["/proc/keys", "/proc/s*"]);
        assert!(masked.contains(&"/proc/uptime".to_owned()) && masked.contains(&"/proc/kcore".to_owned()));
        assert!(
            !masked.iter().any(|p| p == "/proc/keys" || p == "/proc/scsi"),
            "{masked:?}"
        );
        assert!(
            !read_only.iter().any(|p| p == "/proc/sys" || p == "/proc/sysrq-trigger"),
            "{read_only:?}"
        );
        assert_eq!(with(&[], &["ALL"]), (vec![], vec![]));
    }
}
