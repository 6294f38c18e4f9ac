//! One CDI file as it is written: parsed and checked, without a look at this machine.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny};

use super::name;
use crate::mounts::request;

/// Brackets around brackets: the parser's time grows with the square of their number. A specification has about six.
const DEEPEST: usize = 100;

/// What a vendor says of his devices of one kind. JSON is read as the YAML that it also is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    cdi_version: String,
    pub(super) kind: String,
    #[serde(default, rename = "annotations")]
    _annotations: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) devices: Vec<Device>,
    /// For every container that gets one of the devices.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) container_edits: ContainerEdits,
}

/// A device, under its name without the kind.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Device {
    pub(super) name: String,
    #[serde(default, rename = "annotations")]
    _annotations: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) container_edits: ContainerEdits,
}

/// What a device needs in a container.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ContainerEdits {
    /// `NAME=VALUE`.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) env: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) device_nodes: Vec<DeviceNode>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) mounts: Vec<Mount>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) hooks: Vec<Hook>,
    #[serde(default, deserialize_with = "or_default", alias = "additionalGIDs")]
    pub(super) additional_gids: Vec<u32>,
    #[serde(default)]
    pub(super) intel_rdt: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) net_devices: Option<IgnoredAny>,
}

/// A node to make; kind and numbers that it leaves out are those of the host's node.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DeviceNode {
    /// In the container.
    pub(super) path: String,
    /// On the host, if it is another path there.
    pub(super) host_path: Option<PathBuf>,
    #[serde(rename = "type")]
    pub(super) node_type: Option<NodeType>,
    pub(super) major: Option<i64>,
    pub(super) minor: Option<i64>,
    #[serde(default, deserialize_with = "file_mode")]
    pub(super) file_mode: Option<u32>,
    /// Out of `rwm`; all of them if it says nothing.
    pub(super) permissions: Option<String>,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
}

/// The kinds of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum NodeType {
    #[serde(rename = "b")]
    Block,
    /// `u` says that it has no buffer, as no character device has one on Linux.
    #[serde(rename = "c", alias = "u")]
    Character,
    #[serde(rename = "p")]
    Fifo,
}

/// A mount, with the options of the OCI runtime.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Mount {
    pub(super) host_path: PathBuf,
    pub(super) container_path: String,
    #[serde(rename = "type")]
    pub(super) file_system: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) options: Vec<String>,
}

/// A program that the OCI runtime runs at some point of the container's life.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Hook {
    #[serde(rename = "hookName")]
    pub(super) point: HookPoint,
    pub(super) path: PathBuf,
    pub(super) args: Option<Vec<String>>,
    pub(super) env: Option<Vec<String>>,
    /// In seconds.
    pub(super) timeout: Option<i64>,
}

/// When a hook runs, see the OCI runtime specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum HookPoint {
    Prestart,
    CreateRuntime,
    CreateContainer,
    StartContainer,
    Poststart,
    Poststop,
}

/// Why a file is no CDI specification.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// It has no such form, with the place.
    #[error("{0}")]
    Syntax(#[from] yaml_serde::Error),
    /// Brackets in brackets in brackets.
    #[error("it is nested too deeply")]
    Nested,
    /// A value that means nothing.
    #[error("{field} {value:?}: {expected}")]
    Value {
        /// Its name in the file.
        field: &'static str,
        /// As given.
        value: String,
        /// What is accepted.
        expected: &'static str,
    },
}

impl SpecError {
    fn unless(holds: bool, field: &'static str, value: &str, expected: &'static str) -> Result<(), Self> {
        if holds {
            return Ok(());
        }
        Err(Self::Value {
            field,
            value: value.to_owned(),
            expected,
        })
    }
}

impl Spec {
    /// Reads a file's content.
    ///
    /// # Errors
    /// It is neither JSON nor YAML, has a field that is not known, lacks one, or a value means nothing.
    pub fn parse(content: &[u8]) -> Result<Self, SpecError> {
        if is_nested(content) {
            return Err(SpecError::Nested);
        }
        let spec: Self = yaml_serde::from_slice(content)?;
        spec.check()?;
        Ok(spec)
    }

    /// The device with this name.
    pub(super) fn device(&self, name: &str) -> Option<&Device> {
        self.devices.iter().find(|device| device.name == name)
    }

    fn check(&self) -> Result<(), SpecError> {
        let version = self.cdi_version.trim_start_matches('v');
        SpecError::unless(
            version.starts_with("0.") || version.starts_with("1."),
            "cdiVersion",
            &self.cdi_version,
            "0.3.0 to 1.1.0 are known",
        )?;
        SpecError::unless(name::is_kind(&self.kind), "kind", &self.kind, "expected vendor/class")?;
        let mut seen = BTreeSet::new();
        for Device {
            name, container_edits, ..
        } in &self.devices
        {
            SpecError::unless(
                name::is_device(name),
                "name",
                name,
                "expected letters, digits, and _-.: between them",
            )?;
            SpecError::unless(seen.insert(name), "name", name, "there are two such devices")?;
            container_edits.check()?;
        }
        self.container_edits.check()
    }
}

impl ContainerEdits {
    fn check(&self) -> Result<(), SpecError> {
        check_env(&self.env)?;
        self.device_nodes.iter().try_for_each(DeviceNode::check)?;
        self.mounts.iter().try_for_each(Mount::check)?;
        self.hooks.iter().try_for_each(Hook::check)
    }
}

impl DeviceNode {
    fn check(&self) -> Result<(), SpecError> {
        check_destination("path", &self.path)?;
        let permissions = self.permissions.as_deref().unwrap_or_default();
        let are_known = permissions.chars().all(|c| "rwm".contains(c));
        SpecError::unless(
            are_known,
            "permissions",
            permissions,
            "expected letters out of r, w and m",
        )
    }
}

impl Mount {
    fn check(&self) -> Result<(), SpecError> {
        check_destination("containerPath", &self.container_path)?;
        let source = self.host_path.to_string_lossy();
        SpecError::unless(!source.is_empty(), "hostPath", &source, "it is empty")
    }
}

impl Hook {
    fn check(&self) -> Result<(), SpecError> {
        let path = self.path.to_string_lossy();
        SpecError::unless(
            self.path.is_absolute(),
            "path",
            &path,
            "expected an absolute path of the host",
        )?;
        let timeout = self.timeout.unwrap_or(1);
        SpecError::unless(
            timeout > 0,
            "timeout",
            &timeout.to_string(),
            "expected a number of seconds above 0",
        )?;
        check_env(self.env.as_deref().unwrap_or_default())
    }
}

fn check_destination(field: &'static str, path: &str) -> Result<(), SpecError> {
    let expected = "expected an absolute path in the container, not its root";
    SpecError::unless(request::clean(path).is_ok(), field, path, expected)
}

fn check_env(all: &[String]) -> Result<(), SpecError> {
    let is_pair = |text: &str| text.split_once('=').is_some_and(|(name, _)| !name.is_empty());
    all.iter()
        .try_for_each(|text| SpecError::unless(is_pair(text), "env", text, "expected NAME=VALUE"))
}

/// Counts brackets wherever they are, so it says nothing about well-formedness.
fn is_nested(content: &[u8]) -> bool {
    let mut depth = 0_usize;
    content.iter().any(|byte| {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > DEEPEST
    })
}

/// A field without a value is as good as none.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// A number; `0660` is octal, which YAML 1.2 takes for a text.
fn file_mode<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected the mode of a file, as 0660 or 432")]
    enum Given {
        Number(u32),
        Text(String),
    }
    Ok(match Option::deserialize(from)? {
        None => None,
        Some(Given::Number(mode)) => Some(mode),
        Some(Given::Text(octal)) => Some(u32::from_str_radix(&octal, 8).map_err(D::Error::custom)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(edits: &str) -> Result<ContainerEdits, SpecError> {
        let text = format!("cdiVersion: 0.8.0\nkind: a/b\ndevices: [{{name: x}}]\ncontainerEdits: {edits}\n");
        Spec::parse(text.as_bytes()).map(|spec| spec.container_edits)
    }

    #[test]
    fn what_nvidia_ctk_writes() {
        let text = r"---
cdiVersion: 0.5.0
kind: nvidia.com/gpu
annotations:
  note: some
devices:
- name: 0
  containerEdits:
    deviceNodes:
    - path: /dev/nvidia0
    hooks:
    - hookName: createContainer
      path: /usr/bin/nvidia-cdi-hook
      args:
      - nvidia-cdi-hook
      - update-ldcache
      env:
      - NVIDIA_CTK_DEBUG=false
      timeout: 5
- name: all
  containerEdits:
containerEdits:
  env:
  - NVIDIA_VISIBLE_DEVICES=void
  mounts:
  - hostPath: /usr/lib/libcuda.so.1
    containerPath: /usr/lib/libcuda.so.1
    options: [ro, nosuid, nodev, rbind, rprivate]
  hooks:
";
        let spec = Spec::parse(text.as_bytes()).unwrap();
        assert_eq!(spec.kind, "nvidia.com/gpu");
        let hook = &spec.device("0").unwrap().container_edits.hooks[0];
        assert_eq!((hook.point, hook.timeout), (HookPoint::CreateContainer, Some(5)));
        assert_eq!(spec.container_edits.mounts[0].options[3], "rbind");
        assert!(spec.device("all").is_some() && spec.device("1").is_none());
    }

    #[test]
    fn json() {
        let text = "{\n\t\"cdiVersion\": \"v1.1.0\",\n\t\"kind\": \"a.b\\/c\",\n\t\"devices\": [\n\t\t{\"name\":\"x\",\
                    \"containerEdits\":{\"additionalGids\":[5,0],\"deviceNodes\":null,\"env\":[\"A=\\u00e9\"]}}]}\n";
        let spec = Spec::parse(text.as_bytes()).unwrap();
        let edits = &spec.device("x").unwrap().container_edits;
        assert_eq!(
            (&edits.additional_gids[..], &edits.env[..]),
            (&[5, 0][..], &["A=é".to_owned()][..])
        );
    }

    #[test]
    fn modes_may_be_octal() {
        for (text, mode) in [
            ("438", Some(0o666)),
            ("0660", Some(0o660)),
            ("0o600", Some(0o600)),
            ("null", None),
        ] {
            let edits = with(&format!("{{deviceNodes: [{{path: /dev/x, fileMode: {text}}}]}}")).unwrap();
            assert_eq!(edits.device_nodes[0].file_mode, mode, "{text}");
        }
    }

    #[test]
    fn what_means_nothing_is_named() {
        for (edits, part) in [
            ("{env: [A]}", "env \"A\": expected NAME=VALUE"),
            ("{env: [=A]}", "env \"=A\""),
            ("{deviceNodes: [{path: dev/x}]}", "path \"dev/x\""),
            ("{deviceNodes: [{path: /..}]}", "path \"/..\""),
            ("{deviceNodes: [{path: /dev/x, permissions: rx}]}", "permissions \"rx\""),
            ("{deviceNodes: [{path: /dev/x, type: d}]}", "`d`"),
            (
                "{deviceNodes: [{path: /dev/x, fileMode: 0x1ffffffff}]}",
                "mode of a file",
            ),
            ("{mounts: [{hostPath: '', containerPath: /x}]}", "hostPath"),
            ("{mounts: [{hostPath: /x, containerPath: x}]}", "containerPath"),
            ("{mounts: [{hostPath: /x}]}", "containerPath"),
            ("{hooks: [{hookName: never, path: /bin/true}]}", "never"),
            ("{hooks: [{hookName: prestart, path: true}]}", "path \"true\""),
            (
                "{hooks: [{hookName: prestart, path: /bin/true, timeout: 0}]}",
                "timeout \"0\"",
            ),
            (
                "{hooks: [{hookName: prestart, path: /bin/true, env: [x]}]}",
                "env \"x\"",
            ),
            ("{additionalGids: [-1]}", "additionalGids"),
            ("{volumes: []}", "volumes"),
        ] {
            let error = with(edits).unwrap_err().to_string();
            assert!(error.contains(part), "{edits}: {error}");
        }
        for (text, part) in [
            ("", "missing field"),
            ("[]", "invalid type"),
            ("{cdiVersion: 2.0.0, kind: a/b}", "cdiVersion \"2.0.0\""),
            ("{cdiVersion: 0.3.0, kind: ab}", "kind \"ab\""),
            (
                "{cdiVersion: 0.3.0, kind: a/b, devices: [{name: x}, {name: x}]}",
                "two such devices",
            ),
            ("{cdiVersion: 0.3.0, kind: a/b, devices: [{name: -x}]}", "name \"-x\""),
            ("{cdiVersion: 0.3.0, kind: a/b, foo: 1}", "foo"),
            ("{cdiVersion: 0.3.0, kind: a/b", "line 2"),
        ] {
            let error = Spec::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn no_small_file_costs_much() {
        // Each line stands for nine times the line before.
        let bomb = |n: u32| format!("  a{}: &a{0} [{}x]\n", n + 1, format!("*a{n}, ").repeat(9));
        let bombs: String = (0..12).map(bomb).collect();
        let text = format!("cdiVersion: 0.3.0\nkind: a/b\nannotations:\n  a0: &a0 [x]\n{bombs}");
        Spec::parse(text.as_bytes()).unwrap();
        Spec::parse(format!("{text}containerEdits: {{env: *a12}}\n").as_bytes()).unwrap_err();
        for deep in ["[", "{a: ", "- ", "? ", "a: &b\n"] {
            Spec::parse(deep.repeat(100_000).as_bytes()).unwrap_err();
        }
    }
}
