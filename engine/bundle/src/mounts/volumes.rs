//! `--volume`, `--mount`, `--tmpfs` and the image's volumes, read into one list of mounts. Nothing is looked up here
//! except relative paths, which are the caller's.

use std::collections::HashMap;
use std::path::Path;

pub use super::request::{MountRequest, MountSource, Origin};
use super::request::{OriginKind, host_path};
use crate::options::ImageVolume;
use crate::{BundleError, ContainerOptions};

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
