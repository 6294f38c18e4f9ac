//! `--volume`, `--mount`, `--tmpfs` and the image's volumes, read into one list of mounts. Nothing is looked up here
//! except relative paths, which are the caller's.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::options::ImageVolume;
use crate::{BundleError, ContainerOptions};

/// One mount that a container shall have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountRequest {
    /// What.
    pub source: MountSource,
    /// Where in the container; absolute and without `.` and `..`.
    pub destination: PathBuf,
    /// As written: `ro`, `Z`, `U`, `size=5m` …
    pub options: Vec<String>,
    /// The option and its value, for messages.
    pub origin: Origin,
}

/// How a mount was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    kind: OriginKind,
    /// The option's value; the destination for an image's volume.
    pub value: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum OriginKind {
    Volume,
    Mount,
    Tmpfs,
    Image,
}

impl Origin {
    /// The option's name.
    pub fn option(&self) -> &'static str {
        match self.kind {
            OriginKind::Volume => "--volume",
            OriginKind::Mount => "--mount",
            OriginKind::Tmpfs => "--tmpfs",
            OriginKind::Image => "the image's volume",
        }
    }

    /// An error about this mount.
    pub fn invalid(&self, reason: impl Into<String>) -> BundleError {
        BundleError::invalid(self.option(), &self.value, reason)
    }
}

/// What is mounted. Volumes, images and artifacts are resolved into [`crate::HostMount`]s by the caller; the rest is
/// done where the bundle is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MountSource {
    /// A file or directory of the host.
    HostPath(PathBuf),
    /// A named volume, or a directory in it.
    NamedVolume {
        /// The volume's name.
        name: String,
        /// `subpath=`.
        subpath: Option<PathBuf>,
    },
    /// A volume that nobody names; it ends with the container.
    Anonymous,
    /// The root of an image, or a directory in it.
    Image {
        /// The image as named by the user.
        reference: String,
        /// `subpath=`.
        subpath: Option<PathBuf>,
        /// Changes are kept until the container ends.
        writable: bool,
    },
    /// An OCI artifact.
    Artifact(String),
    /// All files of the host that a pattern matches, each below the destination.
    Glob(String),
    /// Memory.
    Tmpfs,
    /// Memory without a limit.
    Ramfs,
    /// Terminals.
    Devpts,
}

/// All mounts that the options ask for, and the image's volumes that nothing else covers.
///
/// # Errors
/// A value means nothing, or two have one destination.
pub fn parse(options: &ContainerOptions, image_volumes: &[String]) -> Result<Vec<MountRequest>, BundleError> {
    let mut all = Vec::new();
    for text in &options.volumes {
        all.push(volume(text)?);
    }
    for text in &options.mounts {
        all.push(crate::mounts::mount_flag::mount(text)?);
    }
    for text in &options.tmpfs {
        all.push(tmpfs(text)?);
    }
    check_destinations(&all)?;
    let defaults = defaults(options)?;
    let is_new = |new: &MountRequest| !all.iter().any(|other| other.destination == new.destination);
    let defaults: Vec<MountRequest> = defaults.into_iter().filter(is_new).collect();
    all.extend(defaults);
    for destination in image_volumes {
        let request = image_volume(destination, options.image_volume)?;
        all.extend(request.filter(|new| !all.iter().any(|other| other.destination == new.destination)));
    }
    Ok(all)
}

/// What containers.conf has mounted in every container; an option that mounts something at the same place wins.
fn defaults(options: &ContainerOptions) -> Result<Vec<MountRequest>, BundleError> {
    let volumes = options.defaults.volumes.iter().map(|text| volume(text));
    let mounts = options
        .defaults
        .mounts
        .iter()
        .map(|text| crate::mounts::mount_flag::mount(text));
    let all: Vec<MountRequest> = volumes.chain(mounts).collect::<Result<_, _>>()?;
    check_destinations(&all)?;
    Ok(all)
}

impl MountRequest {
    pub(super) fn of_mount(
        source: MountSource,
        destination: &str,
        options: Vec<String>,
        text: &str,
    ) -> Result<Self, BundleError> {
        Self::new(source, destination, options, OriginKind::Mount, text)
    }

    fn new(
        source: MountSource,
        destination: &str,
        options: Vec<String>,
        kind: OriginKind,
        text: &str,
    ) -> Result<Self, BundleError> {
        let origin = Origin {
            kind,
            value: text.to_owned(),
        };
        let destination = clean(destination).map_err(|reason| origin.invalid(reason))?;
        Ok(Self {
            source,
            destination,
            options,
            origin,
        })
    }
}

/// Reads `[SOURCE:]DESTINATION[:OPTIONS]`.
fn volume(text: &str) -> Result<MountRequest, BundleError> {
    let parts = split_colons(text);
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let (source, destination, options) = match parts[..] {
        [destination] => (MountSource::Anonymous, destination, ""),
        [source, destination] => (volume_source(source, text)?, destination, ""),
        [source, destination, options] => (volume_source(source, text)?, destination, options),
        _ => {
            return Err(BundleError::invalid(
                "--volume",
                text,
                "expected [SOURCE:]DESTINATION[:OPTIONS]",
            ));
        }
    };
    MountRequest::new(source, destination, comma_list(options), OriginKind::Volume, text)
}

fn volume_source(source: &str, text: &str) -> Result<MountSource, BundleError> {
    if source.is_empty() {
        return Err(BundleError::invalid("--volume", text, "the source is empty"));
    }
    if source.starts_with(['/', '.']) {
        return host_path(source).map(MountSource::HostPath);
    }
    Ok(MountSource::NamedVolume {
        name: source.to_owned(),
        subpath: None,
    })
}

/// A path of the host; a relative one is below the working directory.
pub(super) fn host_path(path: &str) -> Result<PathBuf, BundleError> {
    std::path::absolute(path).map_err(BundleError::io("find", path))
}

fn tmpfs(text: &str) -> Result<MountRequest, BundleError> {
    let (destination, options) = text.split_once(':').unwrap_or((text, ""));
    MountRequest::new(
        MountSource::Tmpfs,
        destination,
        comma_list(options),
        OriginKind::Tmpfs,
        text,
    )
}

fn image_volume(destination: &str, kind: ImageVolume) -> Result<Option<MountRequest>, BundleError> {
    let source = match kind {
        ImageVolume::Anonymous => MountSource::Anonymous,
        ImageVolume::Tmpfs => MountSource::Tmpfs,
        ImageVolume::Ignore => return Ok(None),
    };
    MountRequest::new(source, destination, Vec::new(), OriginKind::Image, destination).map(Some)
}

fn comma_list(options: &str) -> Vec<String> {
    options
        .split(',')
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Splits at colons; `\:` is a colon within a part.
fn split_colons(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let last = parts.last_mut().expect("there is one from the start");
        match character {
            '\\' if characters.peek() == Some(&':') => last.extend(characters.next()),
            ':' => parts.push(String::new()),
            _ => last.push(character),
        }
    }
    parts
}

/// A path in the container, which must be absolute and not the root, without `.`, `..` and doubled slashes.
pub(crate) fn clean(destination: &str) -> Result<PathBuf, &'static str> {
    if !destination.starts_with('/') {
        return Err("the destination is no absolute path");
    }
    let mut path = PathBuf::from("/");
    for component in Path::new(destination).components() {
        match component {
            Component::Normal(name) => path.push(name),
            Component::ParentDir => drop(path.pop()),
            _ => {}
        }
    }
    if path == Path::new("/") {
        Err("the destination is the root itself")
    } else {
        Ok(path)
    }
}

fn check_destinations(all: &[MountRequest]) -> Result<(), BundleError> {
    let mut seen: HashMap<&Path, &MountRequest> = HashMap::new();
    for request in all {
        if let Some(first) = seen.insert(&request.destination, request) {
            let reason = format!(
                "{} {} has the same destination",
                first.origin.option(),
                first.origin.value
            );
            return Err(request.origin.invalid(reason));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(volumes: &[&str]) -> Result<Vec<MountRequest>, BundleError> {
        let volumes = volumes.iter().map(ToString::to_string).collect();
        parse(
            &ContainerOptions {
                volumes,
                ..ContainerOptions::default()
            },
            &[],
        )
    }

    #[test]
    fn volume_values() {
        let named = |name: &str| MountSource::NamedVolume {
            name: name.to_owned(),
            subpath: None,
        };
        for (text, source, destination, options) in [
            ("/data", MountSource::Anonymous, "/data", ""),
            ("/a:/b", MountSource::HostPath("/a".into()), "/b", ""),
            ("/a:/b:ro,Z", MountSource::HostPath("/a".into()), "/b", "ro,Z"),
            ("/a\\:1:/b/../c/", MountSource::HostPath("/a:1".into()), "/c", ""),
            ("web-data:/www:U", named("web-data"), "/www", "U"),
        ] {
            let request = of(&[text]).unwrap().remove(0);
            assert_eq!(request.source, source, "{text}");
            assert_eq!(request.destination, Path::new(destination), "{text}");
            assert_eq!(request.options.join(","), options, "{text}");
        }
        let relative = of(&["./x:/b"]).unwrap().remove(0).source;
        assert_eq!(
            relative,
            MountSource::HostPath(std::env::current_dir().unwrap().join("x"))
        );
        for text in ["a:b", "/a:/b:ro:x", ":/b", "/a:", "/a:/"] {
            assert!(of(&[text]).is_err(), "{text}");
        }
    }

    #[test]
    fn one_destination_twice_is_refused_and_named() {
        let error = of(&["/a:/data", "b:/data/"]).unwrap_err().to_string();
        assert!(error.contains("/a:/data") && error.contains("b:/data/"), "{error}");
    }

    #[test]
    fn the_images_volumes_come_last() {
        let mut options = ContainerOptions {
            tmpfs: vec!["/t:size=1m".into()],
            ..ContainerOptions::default()
        };
        let image = ["/t".to_owned(), "/v".to_owned()];
        let found = parse(&options, &image).unwrap();
        assert_eq!(
            found.iter().map(|r| &r.source).collect::<Vec<_>>(),
            [&MountSource::Tmpfs, &MountSource::Anonymous]
        );
        options.image_volume = ImageVolume::Ignore;
        assert_eq!(parse(&options, &image).unwrap().len(), 1);
    }
}
