//! `--secret` values: `NAME[,type=mount|env][,target=…][,uid=…][,gid=…][,mode=…]` (podman-run(1)).

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::SecretError;
use unipod_linux::owner::{EXPECTED, parse_owner};

/// One use of a secret by a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretUse {
    /// Name or ID of the secret.
    pub secret: String,
    /// Where it goes.
    pub target: Target,
}

/// Where a secret goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// A file of the container.
    File {
        /// Its path there.
        path: PathBuf,
        /// Its owner.
        uid: u32,
        /// Its group.
        gid: u32,
        /// Its mode.
        mode: u32,
    },
    /// An environment variable of this name.
    Environment(String),
}

/// Reads one `--secret` value.
pub fn parse_use(value: &str) -> Result<SecretUse, SecretError> {
    let bad = |why: String| SecretError::invalid("option", value, why);
    let mut given = Given::default();
    for (index, word) in value.split(',').enumerate() {
        match word.split_once('=') {
            None if index == 0 => given.source = Some(word),
            None => return Err(bad(format!("{word:?} is not KEY=VALUE"))),
            Some((key, text)) => given.set(key, text).map_err(bad)?,
        }
    }
    given.finish().map_err(bad)
}

#[derive(Default)]
struct Given<'a> {
    source: Option<&'a str>,
    kind: Option<&'a str>,
    target: Option<&'a str>,
    uid: Option<u32>,
    gid: Option<u32>,
    mode: Option<u32>,
}

impl<'a> Given<'a> {
    fn set(&mut self, key: &str, text: &'a str) -> Result<(), String> {
        let number = || parse_owner(text).ok_or_else(|| format!("{key}={text}: {EXPECTED}"));
        match key {
            "source" => self.source = Some(text),
            "type" => self.kind = Some(text),
            "target" => self.target = Some(text).filter(|t| !t.is_empty()),
            "uid" => self.uid = Some(number()?),
            "gid" => self.gid = Some(number()?),
            "mode" => {
                let mode = u32::from_str_radix(text, 8).ok().filter(|m| *m <= 0o7777);
                self.mode = Some(mode.ok_or_else(|| format!("mode={text} is not an octal file mode"))?);
            }
            _ => return Err(format!("unknown option {key}; known are type, target, uid, gid, mode")),
        }
        Ok(())
    }

    fn finish(self) -> Result<SecretUse, String> {
        let Self {
            source,
            kind,
            target,
            uid,
            gid,
            mode,
        } = self;
        let secret = source.filter(|s| !s.is_empty()).ok_or("no secret is named")?;
        let target = match kind.unwrap_or("mount") {
            "mount" => Target::File {
                // An absolute target replaces the directory (Path::join).
                path: Path::new("/run/secrets").join(target.unwrap_or(secret)),
                uid: uid.unwrap_or(0),
                gid: gid.unwrap_or(0),
                mode: mode.unwrap_or(0o444),
            },
            "env" if uid.is_some() || gid.is_some() || mode.is_some() => {
                return Err("uid, gid and mode are for type=mount".into());
            }
            "env" => Target::Environment(target.unwrap_or(secret).into()),
            other => return Err(format!("unknown type {other}, it must be mount or env")),
        };
        Ok(SecretUse {
            secret: secret.into(),
            target,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, uid: u32, gid: u32, mode: u32) -> Target {
        Target::File {
            path: path.into(),
            uid,
            gid,
            mode,
        }
    }

    #[test]
    fn uses_as_people_write_them() {
        let cases = [
            ("db", "db", file("/run/secrets/db", 0, 0, 0o444)),
            ("db,target=pw", "db", file("/run/secrets/pw", 0, 0, 0o444)),
            (
                "db,target=/etc/pw,uid=1,gid=2,mode=0400",
                "db",
                file("/etc/pw", 1, 2, 0o400),
            ),
            ("source=db,type=mount", "db", file("/run/secrets/db", 0, 0, 0o444)),
            ("db,type=env", "db", Target::Environment("db".into())),
            (
                "db,type=env,target=PGPASSWORD",
                "db",
                Target::Environment("PGPASSWORD".into()),
            ),
        ];
        for (value, secret, target) in cases {
            assert_eq!(
                parse_use(value).unwrap(),
                SecretUse {
                    secret: secret.into(),
                    target
                },
                "{value}"
            );
        }
    }

    #[test]
    fn wrong_uses_say_why() {
        let cases = [
            ("", "no secret is named"),
            ("type=env", "no secret is named"),
            ("db,env", "\"env\" is not KEY=VALUE"),
            ("db,type=file", "must be mount or env"),
            ("db,mode=999", "not an octal file mode"),
            ("db,uid=fred", "uid=fred: a number from 0 to 2147483647"),
            ("db,type=env,mode=0400", "for type=mount"),
            ("db,colour=red", "unknown option colour"),
        ];
        for (value, why) in cases {
            let error = parse_use(value).unwrap_err().to_string();
            assert!(error.contains(why), "{value}: {error}");
        }
    }
}
