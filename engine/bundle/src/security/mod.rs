//! `--security-opt`: what can be said with it, taken apart.

pub mod capabilities;
pub mod seccomp;

use std::path::PathBuf;

use crate::{BundleError, ContainerOptions};

/// All `--security-opt` values together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecurityOptions {
    /// `no-new-privileges`.
    pub no_new_privileges: bool,
    /// `label=…`, the part after `label=`.
    pub labels: Vec<String>,
    /// `apparmor=PROFILE`.
    pub apparmor: Option<String>,
    /// `seccomp=…`.
    pub seccomp: Seccomp,
    /// `mask=PATH:PATH…`.
    pub mask: Vec<String>,
    /// `unmask=ALL` or `unmask=PATH:PATH…`.
    pub unmask: Vec<String>,
    /// `proc-opts=OPTION,…`: options of the mount at `/proc`.
    pub proc_options: Vec<String>,
}

/// Which system call filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Seccomp {
    /// The default profile.
    #[default]
    Default,
    /// None at all.
    Unconfined,
    /// The profile in this file.
    File(PathBuf),
}

const ACCEPTED: &str = "expected no-new-privileges, label=, apparmor=, seccomp=, mask=, unmask= or proc-opts=";

impl SecurityOptions {
    /// Reads the options of a container.
    pub fn parse(options: &ContainerOptions) -> Result<Self, BundleError> {
        let mut all = Self::default();
        if options.privileged {
            all.seccomp = Seccomp::Unconfined;
        }
        for text in &options.security {
            all.add(text)?;
        }
        Ok(all)
    }

    fn add(&mut self, text: &str) -> Result<(), BundleError> {
        // docker writes `label:disable`, podman `label=disable`.
        let (key, value) = text.split_once(['=', ':']).unwrap_or((text, ""));
        let paths = || value.split(':').filter(|path| !path.is_empty()).map(str::to_owned);
        match key {
            "no-new-privileges" => self.no_new_privileges = matches!(value, "" | "true" | "1"),
            "label" => self.labels.push(value.to_owned()),
            "apparmor" => self.apparmor = Some(value.to_owned()).filter(|name| !name.is_empty()),
            "seccomp" => self.seccomp = seccomp(value),
            "mask" => self.mask.extend(paths()),
            "unmask" => self.unmask.extend(paths()),
            "proc-opts" => self.proc_options.extend(value.split(',').map(str::to_owned)),
            _ => return Err(BundleError::invalid("--security-opt", text, ACCEPTED)),
        }
        Ok(())
    }
}

fn seccomp(value: &str) -> Seccomp {
    match value {
        "" => Seccomp::Default,
        "unconfined" => Seccomp::Unconfined,
        path => Seccomp::File(path.into()),
    }
}

/// The `AppArmor` profile to run under. There is none by default: podman's own is loaded by podman.
///
/// # Errors
/// A profile was asked for and the kernel has no `AppArmor`.
pub fn apparmor(security: &SecurityOptions) -> Result<Option<String>, BundleError> {
    let Some(name) = &security.apparmor else {
        return Ok(None);
    };
    let enabled = std::fs::read_to_string("/sys/module/apparmor/parameters/enabled").unwrap_or_default();
    if enabled.starts_with('Y') {
        return Ok(Some(name.clone()));
    }
    if name == "unconfined" {
        return Ok(None);
    }
    Err(BundleError::lacking(
        "--security-opt apparmor",
        name,
        "AppArmor is not enabled in this kernel",
    ))
}

/// Checks `label=` against this machine, and says what has no effect here.
///
/// # Errors
/// `SELinux` is on and a label was asked for, which is not done yet.
pub(crate) fn check_labels(security: &SecurityOptions) -> Result<(), BundleError> {
    let selinux = std::path::Path::new("/sys/fs/selinux/enforce").exists();
    for label in &security.labels {
        let (kind, _) = label.split_once([':', '=']).unwrap_or((label, ""));
        if !matches!(
            kind,
            "disable" | "nested" | "type" | "filetype" | "level" | "user" | "role"
        ) {
            let accepted = "expected disable, nested, type:, filetype:, level:, user: or role:";
            return Err(BundleError::invalid("--security-opt label", label, accepted));
        }
        if selinux && !matches!(kind, "disable" | "nested") {
            return Err(BundleError::lacking(
                "--security-opt label",
                label,
                "SELinux labels are not supported yet",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(values: &[&str], privileged: bool) -> Result<SecurityOptions, BundleError> {
        let security = values.iter().map(ToString::to_string).collect();
        SecurityOptions::parse(&ContainerOptions {
            privileged,
            security,
            ..ContainerOptions::default()
        })
    }

    #[test]
    fn every_kind_is_read() {
        let all = parse(
            &[
                "no-new-privileges",
                "label=type:x_t",
                "apparmor=a",
                "seccomp=/p.json",
                "mask=/a:/b",
                "unmask=ALL",
                "proc-opts=hidepid=2",
            ],
            false,
        )
        .unwrap();
        assert!(all.no_new_privileges);
        assert_eq!(all.labels, ["type:x_t"]);
        assert_eq!(all.apparmor.as_deref(), Some("a"));
        assert_eq!(all.seccomp, Seccomp::File("/p.json".into()));
        assert_eq!(all.mask, ["/a", "/b"]);
        assert_eq!(all.unmask, ["ALL"]);
        assert_eq!(all.proc_options, ["hidepid=2"]);
    }

    #[test]
    fn privileged_is_unconfined_unless_a_profile_is_named() {
        assert_eq!(parse(&[], true).unwrap().seccomp, Seccomp::Unconfined);
        assert_eq!(
            parse(&["seccomp=/p"], true).unwrap().seccomp,
            Seccomp::File("/p".into())
        );
        assert_eq!(parse(&["seccomp="], false).unwrap().seccomp, Seccomp::Default);
        assert!(parse(&["selinux=no"], false).is_err());
    }
}
