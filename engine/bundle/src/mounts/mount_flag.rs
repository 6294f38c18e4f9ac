//! `--mount type=…,source=…,destination=…`: one line of comma-separated values.

use std::path::PathBuf;

use super::request::{MountRequest, MountSource, host_path};
use crate::BundleError;

#[derive(Debug, Default)]
struct Fields {
    kind: Option<String>,
    source: Option<String>,
    destination: Option<String>,
    subpath: Option<PathBuf>,
    writable: bool,
    options: Vec<String>,
}

/// Reads one `--mount` value.
pub(super) fn mount(text: &str) -> Result<MountRequest, BundleError> {
    let invalid = |reason: String| BundleError::invalid("--mount", text, reason);
    let mut fields = Fields::default();
    for field in record(text).map_err(&invalid)? {
        fields.add(&field).map_err(&invalid)?;
    }
    let kind = fields.kind.clone().unwrap_or_else(|| "volume".to_owned());
    let source = fields.source(&kind).map_err(&invalid)??;
    let destination = match (&fields.destination, &source) {
        (Some(destination), _) => destination.clone(),
        (None, MountSource::Glob(pattern)) => pattern_parent(pattern),
        (None, _) => return Err(invalid("destination= is missing".to_owned())),
    };
    MountRequest::of_mount(source, &destination, fields.options, text)
}

fn record(text: &str) -> Result<Vec<String>, String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(text.as_bytes());
    let first = reader
        .records()
        .next()
        .ok_or("it is empty")?
        .map_err(|e| e.to_string())?;
    Ok(first.iter().map(str::to_owned).collect())
}

impl Fields {
    fn add(&mut self, field: &str) -> Result<(), String> {
        let (key, value) = field
            .split_once('=')
            .map_or((field, None), |(key, value)| (key, Some(value)));
        let text = || value.map(str::to_owned).ok_or_else(|| format!("{key} needs a value"));
        match key {
            "type" => self.kind = Some(text()?),
            "source" | "src" => self.source = Some(text()?),
            "destination" | "dst" | "target" => self.destination = Some(text()?),
            "subpath" | "volume-subpath" | "image-subpath" => self.subpath = Some(text()?.into()),
            "bind-propagation" | "propagation" => self.options.push(text()?),
            "tmpfs-size" => self.options.push(format!("size={}", text()?)),
            "tmpfs-mode" => self.options.push(format!("mode={}", text()?)),
            "relabel" => self.options.push(relabel(&text()?)?.to_owned()),
            "ro" | "readonly" => self.switch("ro", "rw", value)?,
            "rw" | "readwrite" => self.switch("rw", "ro", value)?,
            "U" | "chown" => self.switch("U", "", value)?,
            "bind-nonrecursive" => self.switch("bind", "rbind", value)?,
            "notmpcopyup" | "volume-nocopy" => {
                self.switch(if key == "notmpcopyup" { key } else { "nocopy" }, "", value)?;
            }
            "consistency" => {}
            _ => self.options.push(field.to_owned()),
        }
        Ok(())
    }

    fn switch(&mut self, on: &str, off: &str, value: Option<&str>) -> Result<(), String> {
        let chosen = match value {
            None | Some("true" | "1") => on,
            Some("false" | "0") => off,
            Some(other) => return Err(format!("{other} is neither true nor false")),
        };
        self.writable |= chosen == "rw";
        if !chosen.is_empty() {
            self.options.push(chosen.to_owned());
        }
        Ok(())
    }

    /// The outer error is about the words, the inner one about the path.
    fn source(&mut self, kind: &str) -> Result<Result<MountSource, BundleError>, String> {
        let source = self.source.take().filter(|source| !source.is_empty());
        let needed = |source: Option<String>| source.ok_or_else(|| format!("source= is missing, type {kind} needs it"));
        Ok(Ok(match kind {
            "bind" => return needed(source).map(|source| host_path(&source).map(MountSource::HostPath)),
            "volume" => match source {
                Some(name) => MountSource::NamedVolume {
                    name,
                    subpath: self.subpath.take(),
                },
                None => MountSource::Anonymous,
            },
            "image" => {
                let writable = self.writable;
                MountSource::Image {
                    reference: needed(source)?,
                    subpath: self.subpath.take(),
                    writable,
                }
            }
            "artifact" => MountSource::Artifact(needed(source)?),
            "glob" => MountSource::Glob(needed(source)?),
            "tmpfs" => MountSource::Tmpfs,
            "ramfs" => MountSource::Ramfs,
            "devpts" => MountSource::Devpts,
            other => {
                return Err(format!(
                    "unknown type {other}; there are bind, volume, tmpfs, image, glob, artifact, ramfs, devpts"
                ));
            }
        }))
    }
}

fn relabel(value: &str) -> Result<&'static str, String> {
    match value {
        "shared" => Ok("z"),
        "private" => Ok("Z"),
        other => Err(format!("relabel is shared or private, not {other}")),
    }
}

/// Without a destination, the files that a pattern matches keep their paths.
fn pattern_parent(pattern: &str) -> String {
    pattern
        .rsplit_once('/')
        .map_or("/", |(parent, _)| if parent.is_empty() { "/" } else { parent })
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let volume = |name: &str| MountSource::NamedVolume {
            name: name.into(),
            subpath: None,
        };
        let image = |writable| MountSource::Image {
            reference: "i".into(),
            subpath: None,
            writable,
        };
        for (text, source, options) in [
            ("type=bind,src=/a,dst=/d,ro", MountSource::HostPath("/a".into()), "ro"),
            (
                "type=bind,source=/a,target=/d,readonly=false,bind-propagation=rslave",
                MountSource::HostPath("/a".into()),
                "rw,rslave",
            ),
            ("source=v,destination=/d,U=true", volume("v"), "U"),
            ("type=volume,dst=/d", MountSource::Anonymous, ""),
            (
                "type=tmpfs,dst=/d,tmpfs-size=5m,tmpfs-mode=0700",
                MountSource::Tmpfs,
                "size=5m,mode=0700",
            ),
            ("type=image,source=i,destination=/d,rw=true", image(true), "rw"),
            ("type=image,source=i,destination=/d", image(false), ""),
            (
                "type=bind,\"src=/a,b\",dst=/d,relabel=private",
                MountSource::HostPath("/a,b".into()),
                "Z",
            ),
        ] {
            let request = mount(text).unwrap();
            assert_eq!(
                (request.source, request.options.join(",").as_str()),
                (source, options),
                "{text}"
            );
            assert_eq!(request.destination, PathBuf::from("/d"));
        }
        for text in [
            "type=bind,dst=/d",
            "type=nfs,dst=/d",
            "type=tmpfs",
            "type=bind,src=/a,dst=/d,ro=maybe",
            "dst",
        ] {
            assert!(mount(text).is_err(), "{text}");
        }
    }
}
