//! `--opt` values of `volume create` (podman-volume-create(1)).

use std::collections::BTreeMap;

use super::VolumeError;
use unipod_linux::owner::{EXPECTED, parse_owner};

/// What the options of a volume mean.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// What is mounted: a device, a directory for `bind`, `HOST:/PATH` for nfs.
    pub device: Option<String>,
    /// File system type, or `bind`.
    pub fs_type: Option<String>,
    /// Mount options, those that name the owner apart.
    pub mount: Vec<String>,
    /// Owner of the volume's root.
    pub uid: Option<u32>,
    /// Group of the volume's root.
    pub gid: Option<u32>,
    /// Never copy the image's content in.
    pub nocopy: bool,
    /// The image that an `image` volume shows.
    pub image: Option<String>,
}

impl Options {
    /// Reads the options as they were given, by name.
    pub fn parse(driver: &str, options: &BTreeMap<String, String>) -> Result<Self, VolumeError> {
        let mut result = Self::default();
        for (key, value) in options {
            let bad = |why: &str| VolumeError::invalid("option", option(key, value), why);
            match key.as_str() {
                "image" if driver == "image" => result.image = Some(value.clone()),
                _ if driver == "image" => return Err(bad("an image volume takes only image=")),
                "device" => result.device = Some(value.clone()).filter(|v| !v.is_empty()),
                "type" => result.fs_type = Some(value.clone()).filter(|v| !v.is_empty()),
                "o" => result.mount_options(value)?,
                "copy" => {}
                "nocopy" => result.nocopy = true,
                "size" => result.mount.push(option(key, value)),
                "uid" => result.uid = Some(parse_owner(value).ok_or_else(|| bad(EXPECTED))?),
                "gid" => result.gid = Some(parse_owner(value).ok_or_else(|| bad(EXPECTED))?),
                _ => return Err(bad("unknown; known are device, type, o, copy, nocopy, size, uid, gid")),
            }
        }
        result.check(driver, options)?;
        Ok(result)
    }

    fn mount_options(&mut self, list: &str) -> Result<(), VolumeError> {
        for option in list.split(',').filter(|o| !o.is_empty()) {
            let bad = |why: &str| VolumeError::invalid("option", format!("o={list}"), format!("{option}: {why}"));
            match option.split_once('=').unwrap_or((option, "")) {
                ("uid", id) => self.uid = Some(parse_owner(id).ok_or_else(|| bad(EXPECTED))?),
                ("gid", id) => self.gid = Some(parse_owner(id).ok_or_else(|| bad(EXPECTED))?),
                ("nocopy", "") => self.nocopy = true,
                ("copy", "") => {}
                _ => self.mount.push(option.into()),
            }
        }
        Ok(())
    }

    fn check(&mut self, driver: &str, options: &BTreeMap<String, String>) -> Result<(), VolumeError> {
        if driver == "image" && self.image.is_none() {
            return Err(VolumeError::invalid(
                "option",
                "image",
                "an image volume needs --opt image=NAME",
            ));
        }
        if options.contains_key("copy") && self.nocopy {
            return Err(VolumeError::invalid(
                "option",
                "copy",
                "copy and nocopy exclude each other",
            ));
        }
        let limit = self
            .mount
            .iter()
            .find(|o| o.starts_with("size=") || o.starts_with("inodes="));
        if let Some(limit) = limit.filter(|_| !self.is_mounted()) {
            let why = "a plain volume cannot be limited; use a file system of its own, as type=tmpfs";
            return Err(VolumeError::invalid("option", limit, why));
        }
        if self.is_bind() && self.device.as_deref().is_none_or(|d| !d.starts_with('/')) {
            let device = self.device.clone().unwrap_or_default();
            return Err(VolumeError::invalid(
                "option",
                format!("device={device}"),
                "a bind needs an absolute path",
            ));
        }
        Ok(())
    }

    /// Whether the device is a directory to bind: `type=bind`, or one of the mount options says so.
    pub fn is_bind(&self) -> bool {
        self.fs_type.as_deref() == Some("bind") || self.mount.iter().any(|o| o == "bind" || o == "rbind")
    }

    /// Whether using the volume means mounting something.
    pub(crate) fn is_mounted(&self) -> bool {
        self.device.is_some() || self.fs_type.is_some()
    }
}

fn option(key: &str, value: &str) -> String {
    format!("{key}={value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(driver: &str, options: &[(&str, &str)]) -> Result<Options, VolumeError> {
        Options::parse(
            driver,
            &options.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
        )
    }

    #[test]
    fn options_as_volume_units_write_them() {
        assert_eq!(parse("local", &[]).unwrap(), Options::default());
        let options = parse(
            "local",
            &[
                ("device", "/dev/sdb1"),
                ("type", "ext4"),
                ("o", "uid=10,gid=11,noatime"),
                ("nocopy", ""),
            ],
        );
        let expected = Options {
            device: Some("/dev/sdb1".into()),
            fs_type: Some("ext4".into()),
            mount: vec!["noatime".into()],
            uid: Some(10),
            gid: Some(11),
            nocopy: true,
            ..Options::default()
        };
        assert_eq!(options.unwrap(), expected);
        let tmpfs = parse(
            "local",
            &[("device", "tmpfs"), ("type", "tmpfs"), ("o", "size=10m,mode=700")],
        )
        .unwrap();
        assert_eq!(tmpfs.mount, ["size=10m", "mode=700"]);
        assert!(
            parse("local", &[("type", "bind"), ("device", "/srv")])
                .unwrap()
                .is_bind()
        );
        assert_eq!(
            parse("image", &[("image", "alpine")]).unwrap().image.as_deref(),
            Some("alpine")
        );
    }

    #[test]
    fn wrong_options_say_why() {
        #[allow(clippy::type_complexity)] // A table: options, and what they become.
        let cases: &[(&str, &[(&str, &str)], &str)] = &[
            ("local", &[("colour", "red")], "known are device"),
            ("local", &[("o", "size=1g")], "cannot be limited"),
            ("local", &[("o", "uid=fred")], "uid=fred: a number from 0 to 2147483647"),
            ("local", &[("type", "bind"), ("device", "srv")], "absolute path"),
            ("local", &[("copy", ""), ("nocopy", "")], "exclude each other"),
            ("image", &[], "needs --opt image"),
            ("image", &[("image", "a"), ("device", "b")], "takes only image="),
        ];
        for (driver, options, why) in cases {
            let error = parse(driver, options).unwrap_err().to_string();
            assert!(error.contains(why), "{options:?}: {error}");
        }
    }
}
