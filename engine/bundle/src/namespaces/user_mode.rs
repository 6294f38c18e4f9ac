//! `--userns`, `--uidmap`, `--gidmap`, `--subuidname`, `--subgidname`: what the words ask for, without a look at the machine.

use crate::{BundleError, ContainerOptions, IdMappings};

const OPTION: &str = "--userns";

/// Whose users and groups a container has, podman-run(1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserMode {
    /// The host's.
    Host,
    /// A range of its own, chosen by the engine.
    Auto(AutoOptions),
    /// These.
    Mapped(IdMappings),
    /// The ranges of these names in `/etc/subuid` and `/etc/subgid`.
    Names {
        /// In `/etc/subuid`.
        uid: String,
        /// In `/etc/subgid`.
        gid: String,
    },
    /// Another container's.
    Container(String),
    /// Those of the user namespace at this path.
    Path(std::path::PathBuf),
}

/// `auto:OPTIONS`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AutoOptions {
    /// How many users and groups; `None` for as many as the image knows.
    pub size: Option<u32>,
    /// Given in full, in addition.
    pub mappings: IdMappings,
}

impl UserMode {
    /// Reads the options.
    ///
    /// # Errors
    /// A value means nothing, two of them contradict each other, or only containers without root have this mode.
    pub fn of(options: &ContainerOptions) -> Result<Self, BundleError> {
        let value = options.userns.as_deref().unwrap_or_default();
        let Some(mapped) = Self::mapped(options)? else {
            return Self::parse(value);
        };
        if matches!(value, "" | "private") {
            return Ok(mapped);
        }
        let others = "it cannot be combined with --uidmap, --gidmap, --subuidname, --subgidname";
        Err(BundleError::invalid(OPTION, value, others))
    }

    fn mapped(options: &ContainerOptions) -> Result<Option<Self>, BundleError> {
        let maps = IdMappings::spelled_out(options)?;
        let (uid, gid) = (options.sub_uid_name.clone(), options.sub_gid_name.clone());
        let names = uid.clone().or(gid.clone()).map(|either| Self::Names {
            uid: uid.unwrap_or_else(|| either.clone()),
            gid: gid.unwrap_or(either),
        });
        match (maps, names) {
            (Some(_), Some(Self::Names { uid, .. })) => {
                let reason = "it cannot be combined with --uidmap or --gidmap";
                Err(BundleError::invalid("--subuidname", uid, reason))
            }
            (maps, names) => Ok(maps.map(Self::Mapped).or(names)),
        }
    }

    fn parse(value: &str) -> Result<Self, BundleError> {
        let invalid = |reason: &str| Err(BundleError::invalid(OPTION, value, reason));
        let (mode, rest) = value
            .split_once(':')
            .map_or((value, None), |(mode, rest)| (mode, Some(rest)));
        match (mode, rest) {
            ("" | "host", None) => Ok(Self::Host),
            ("auto", rest) => AutoOptions::parse(rest.unwrap_or_default(), value).map(Self::Auto),
            ("container", Some(name)) if !name.is_empty() => Ok(Self::Container(name.to_owned())),
            ("ns", Some(path)) if path.starts_with('/') => Ok(Self::Path(path.into())),
            ("keep-id", _) => invalid(
                "it maps the user who runs the container to the same ID inside, which is for containers without root; for \
                 root use auto, or --uidmap (UIDMap=)",
            ),
            ("nomap", None) => invalid(
                "it leaves out the user who runs the container, which is for containers without root; for root use auto",
            ),
            ("private", None) => invalid("it needs mappings: --uidmap and --gidmap (UIDMap=, GIDMap=), or use auto"),
            _ => invalid("expected auto[:OPTIONS], host, container:NAME or ns:PATH"),
        }
    }
}

impl AutoOptions {
    fn parse(text: &str, value: &str) -> Result<Self, BundleError> {
        let mut all = Self::default();
        for option in text.split(',').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("size", size)) => {
                    let size = size.parse().ok().filter(|size| *size > 0);
                    all.size =
                        Some(size.ok_or_else(|| BundleError::invalid(OPTION, value, "size is a number above 0"))?);
                }
                Some(("uidmapping", map)) => all.mappings.uids.push(IdMappings::range(OPTION, map)?),
                Some(("gidmapping", map)) => all.mappings.gids.push(IdMappings::range(OPTION, map)?),
                _ => {
                    let reason = format!("auto knows size=, uidmapping= and gidmapping=, not {option:?}");
                    return Err(BundleError::invalid(OPTION, value, reason));
                }
            }
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(userns: &str, change: impl FnOnce(&mut ContainerOptions)) -> Result<UserMode, String> {
        let mut options = ContainerOptions {
            userns: Some(userns.to_owned()),
            ..ContainerOptions::default()
        };
        change(&mut options);
        UserMode::of(&options).map_err(|e| e.to_string())
    }

    #[test]
    fn modes() {
        let auto = |size, uids: &[(u32, u32, u32)], gids: &[(u32, u32, u32)]| {
            UserMode::Auto(AutoOptions {
                size,
                mappings: IdMappings {
                    uids: uids.into(),
                    gids: gids.into(),
                },
            })
        };
        for (text, expected) in [
            ("", UserMode::Host),
            ("host", UserMode::Host),
            ("auto", auto(None, &[], &[])),
            ("auto:", auto(None, &[], &[])),
            ("auto:size=4096", auto(Some(4096), &[], &[])),
            (
                "auto:uidmapping=0:5:1,gidmapping=0:6,size=9",
                auto(Some(9), &[(0, 5, 1)], &[(0, 6, 1)]),
            ),
            ("container:web", UserMode::Container("web".into())),
            ("ns:/run/x", UserMode::Path("/run/x".into())),
        ] {
            assert_eq!(mode(text, |_| ()), Ok(expected), "{text}");
        }
        for (text, word) in [
            ("keep-id", "without root"),
            ("keep-id:uid=1", "without root"),
            ("nomap", "without root"),
            ("private", "UIDMap="),
            ("auto:size=0", "number"),
            ("auto:colour=red", "colour"),
            ("auto:uidmapping=x", "--userns"),
            ("container:", "expected"),
            ("ns:x", "expected"),
            ("elsewhere", "expected"),
        ] {
            let error = mode(text, |_| ()).unwrap_err();
            assert!(error.contains(word) && error.contains("--userns"), "{text}: {error}");
        }
    }

    #[test]
    fn mappings_stand_alone() {
        let map = |o: &mut ContainerOptions| o.uid_maps = vec!["0:9:9".into()];
        let mapped = UserMode::Mapped(IdMappings {
            uids: vec![(0, 9, 9)],
            gids: vec![(0, 9, 9)],
        });
        for text in ["", "private"] {
            assert_eq!(mode(text, map), Ok(mapped.clone()), "{text}");
        }
        for text in ["auto", "host", "container:x"] {
            assert!(mode(text, map).unwrap_err().contains("--uidmap"), "{text}");
        }
        let name = |o: &mut ContainerOptions| o.sub_gid_name = Some("alice".into());
        assert_eq!(
            mode("", name),
            Ok(UserMode::Names {
                uid: "alice".into(),
                gid: "alice".into()
            })
        );
        assert!(mode("auto", name).is_err());
        assert!(mode("", |o| (map(o), name(o)).0).unwrap_err().contains("--subuidname"));
    }
}
