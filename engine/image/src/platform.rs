//! Platforms: operating system, architecture and variant, in Go's spelling, as images name them.

use std::fmt;

/// What an image is made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// `linux`, …
    pub os: String,
    /// `amd64`, `arm64`, `arm`, …
    pub arch: String,
    /// `v7`, …; empty for the architecture's basic form.
    pub variant: String,
}

impl Platform {
    /// What `--os`, `--arch` and `--variant` ask for; what they leave open is the host's.
    pub fn wanted(os: Option<&str>, arch: Option<&str>, variant: Option<&str>) -> Self {
        let (arch, own_variant) = normal_arch(arch.unwrap_or(std::env::consts::ARCH));
        let variant = variant.unwrap_or(own_variant).to_owned();
        Self {
            os: os.unwrap_or("linux").to_owned(),
            arch: arch.to_owned(),
            variant,
        }
    }

    /// What an entry of an index is for.
    pub(crate) fn of_entry(entry: &oci_spec::image::Platform) -> Self {
        Self {
            os: entry.os().to_string(),
            arch: entry.architecture().to_string(),
            variant: entry.variant().clone().unwrap_or_default(),
        }
    }

    /// How well `offered` runs here: 0 is what is wanted, larger is worse, `None` does not run.
    pub(crate) fn rank(&self, offered: &Self) -> Option<usize> {
        if self.os != offered.os || self.arch != offered.arch {
            return None;
        }
        self.runnable().iter().position(|v| *v == offered.variant)
    }

    /// The variants that run on this one, best first: a newer processor runs what was made for older ones.
    fn runnable(&self) -> Vec<&str> {
        let all: &[&str] = match self.arch.as_str() {
            "arm" => &["v8", "v7", "v6", "v5"],
            "amd64" => &["v4", "v3", "v2", "v1"],
            // Version 8 of arm64 is its basic form, written or not (image-spec, "Platform Variants").
            "arm64" if matches!(self.variant.as_str(), "" | "v8") => return vec!["v8", ""],
            _ => &[],
        };
        let from = all.iter().position(|v| *v == self.variant);
        let mut runnable = match from {
            Some(n) => all[n..].to_vec(),
            None => vec![self.variant.as_str()],
        };
        match self.arch.as_str() {
            "amd64" if self.variant.is_empty() => runnable.push("v1"),
            "arm64" => runnable.extend(["v8", ""]),
            _ if !self.variant.is_empty() => runnable.push(""),
            _ => {}
        }
        runnable
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.arch)?;
        if self.variant.is_empty() {
            Ok(())
        } else {
            write!(f, "/{}", self.variant)
        }
    }
}

/// Go's name of an architecture and its usual variant, from that or from the kernel's or Debian's name.
fn normal_arch(name: &str) -> (&str, &'static str) {
    match name {
        "x86_64" | "x86-64" => ("amd64", ""),
        "aarch64" | "arm64" => ("arm64", ""),
        "arm" | "armhf" | "armv7l" => ("arm", "v7"),
        "armel" | "armv6l" => ("arm", "v6"),
        "x86" | "i386" | "i686" => ("386", ""),
        "powerpc64" | "powerpc64le" | "ppc64el" => ("ppc64le", ""),
        "loongarch64" => ("loong64", ""),
        other => (other, ""),
    }
}
