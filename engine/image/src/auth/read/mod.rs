//! Which credentials a registry gets, and from where.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::Deserialize;

use crate::reference::Reference;
use unipod_linux::{child, spawn};

/// What Docker calls docker.io where it asks a helper for all registries.
const HUB: &str = "https://index.docker.io/v1/";

/// What a credential helper may take. It may have to ask its user to unlock something, or for a second factor on another device.
const HELPER_LIMIT: Duration = Duration::from_secs(300);

/// What a registry is told about who asks. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// User name and password.
    Password {
        /// The user.
        user: String,
        /// The password or personal access token.
        password: String,
    },
    /// An `OAuth2` refresh token.
    IdentityToken(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// Why credentials cannot be found out. No credentials at all is no error.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// A file that was named, or is there, cannot be read.
    #[error("cannot read the credentials in {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not what containers-auth.json(5) describes.
    #[error("cannot understand the credentials in {}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where it stops making sense.
        source: serde_json::Error,
    },
    /// An `auth` value is not base64 of `USER:PASSWORD`.
    #[error("the credentials of {key} in {} are not base64 of USER:PASSWORD", path.display())]
    Encoding {
        /// The file.
        path: PathBuf,
        /// The entry.
        key: String,
    },
    /// A file cannot be changed.
    #[error(transparent)]
    Write(#[from] unipod_store::StoreError),
    /// A credential helper cannot be started, or comes to no end.
    #[error("cannot run the credential helper {program}")]
    Start {
        /// The program, looked up in PATH.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// Helpers know registries, not what is below them (as containers/image has it); in clear it must not be written either.
    #[error(
        "the credentials of {registry} are kept by the credential helper {program}, which knows only whole registries: {key} \
         cannot be kept; log in to {registry}, or take the helper out of {}",
        path.display()
    )]
    Namespace {
        /// What was to be kept.
        key: String,
        /// Its registry.
        registry: String,
        /// The helper.
        program: String,
        /// The file that names it.
        path: PathBuf,
    },
    /// A credential helper failed.
    #[error("the credential helper {program} failed for {server}: {message}")]
    Helper {
        /// The program.
        program: String,
        /// What it was asked for.
        server: String,
        /// What it said.
        message: String,
    },
}

/// The files to search, in order.
#[derive(Debug, Clone)]
pub struct AuthFiles {
    paths: Vec<PathBuf>,
    required: bool,
}

impl AuthFiles {
    /// `--authfile` or `REGISTRY_AUTH_FILE` alone, if one is given; else those of the calling user:
    /// `$XDG_RUNTIME_DIR/containers/auth.json`, `~/.config/containers/auth.json`, `~/.docker/config.json`.
    pub fn of_user(authfile: Option<&Path>) -> Self {
        let variable = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        if let Some(path) = authfile.map(Path::to_owned).or_else(|| variable("REGISTRY_AUTH_FILE")) {
            return Self {
                paths: vec![path],
                required: true,
            };
        }
        let home = std::env::home_dir().unwrap_or_default();
        let uid = nix::unistd::getuid();
        let run = variable("XDG_RUNTIME_DIR").map(|dir| dir.join("containers/auth.json"));
        // Where podman keeps it for a caller without XDG_RUNTIME_DIR, as system services are.
        let per_uid = PathBuf::from(format!("/run/containers/{uid}/auth.json"));
        let config = variable("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"));
        let docker = variable("DOCKER_CONFIG").unwrap_or_else(|| home.join(".docker"));
        let paths = vec![
            run.unwrap_or(per_uid),
            config.join("containers/auth.json"),
            docker.join("config.json"),
        ];
        Self { paths, required: false }
    }

    /// [`Self::of_user`] for `login`, which may be the first to write the file.
    pub(crate) fn of_login(authfile: Option<&Path>) -> Self {
        Self {
            required: false,
            ..Self::of_user(authfile)
        }
    }

    /// The file that `login` writes to.
    pub(crate) fn primary(&self) -> &Path {
        self.paths.first().map_or(Path::new("auth.json"), PathBuf::as_path)
    }

    /// The credentials for `reference`, from the first file that has some.
    pub fn find(&self, reference: &Reference) -> Result<Option<Credentials>, AuthError> {
        for path in &self.paths {
            let Some(file) = self.read(path)? else { continue };
            if let Some(found) = file.find(path, reference)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    pub(super) fn read(&self, path: &Path) -> Result<Option<AuthFile>, AuthError> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(e) if !self.required && absent(&e) => return Ok(None),
            Err(source) => {
                return Err(AuthError::Read {
                    path: path.into(),
                    source,
                });
            }
        };
        if text.trim_ascii().is_empty() {
            return Ok(None);
        }
        serde_json::from_slice(&text)
            .map(Some)
            .map_err(|source| AuthError::Parse {
                path: path.into(),
                source,
            })
    }
}

/// A home that is not ours to look into (`User=`, `ProtectHome=`) holds nothing for us.
pub(super) fn absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::PermissionDenied
    )
}

/// `--creds USER[:PASSWORD]`.
pub(crate) fn from_option(creds: &str) -> Credentials {
    let (user, password) = creds.split_once(':').unwrap_or((creds, ""));
    Credentials::Password {
        user: user.to_owned(),
        password: password.to_owned(),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct AuthFile {
    pub(super) auths: BTreeMap<String, Entry>,
    pub(super) cred_helpers: BTreeMap<String, String>,
    pub(super) creds_store: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Entry {
    auth: String,
    identitytoken: String,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entry(…)")
    }
}

/// A credential helper, and what it calls a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Helper {
    pub(super) name: String,
    pub(super) server: String,
}

impl AuthFile {
    /// A helper set for the registry goes first, then entries from the most specific to the registry itself, then the general helper.
    fn find(&self, path: &Path, reference: &Reference) -> Result<Option<Credentials>, AuthError> {
        let registry = &reference.registry;
        if let Some(helper) = self.own_helper(registry).and_then(Helper::named) {
            return helper.get();
        }
        if let Some((key, entry)) = self.entry(reference) {
            let decoded = entry.decode();
            let encoding = || AuthError::Encoding {
                path: path.into(),
                key: key.clone(),
            };
            // `docker login` with a store leaves an empty entry as a mark.
            if let Some(credentials) = decoded.map_err(|()| encoding())? {
                return Ok(Some(credentials));
            }
        }
        self.helper(registry).map_or(Ok(None), |helper| helper.get())
    }

    /// The helper that keeps the credentials of a registry.
    pub(super) fn helper(&self, registry: &str) -> Option<Helper> {
        let general = || {
            let server = match legacy_host(registry) {
                "docker.io" => HUB,
                _ => registry,
            };
            Some(Helper {
                name: self.creds_store.clone()?,
                server: server.to_owned(),
            })
        };
        self.own_helper(registry).or_else(general).and_then(Helper::named)
    }

    /// The one that is set for this registry; it may be set to none. It knows the registry by the name that it is set for.
    pub(super) fn own_helper(&self, registry: &str) -> Option<Helper> {
        let legacy = || self.cred_helpers.iter().find(|(key, _)| is_same(key, registry));
        let (server, name) = self.cred_helpers.get_key_value(registry).or_else(legacy)?;
        Some(Helper {
            name: name.clone(),
            server: server.clone(),
        })
    }

    fn entry(&self, reference: &Reference) -> Option<(&String, &Entry)> {
        let name = reference.name();
        let mut key = name.as_str();
        loop {
            if let Some(found) = self.auths.get_key_value(key) {
                return Some(found);
            }
            match key.rsplit_once('/') {
                Some((parent, _)) => key = parent,
                None => break,
            }
        }
        self.auths.iter().find(|(key, _)| is_same(key, &reference.registry))
    }
}

/// Whether two keys of a file mean the same registry (or namespace).
pub(super) fn is_same(key: &str, other: &str) -> bool {
    legacy_host(key) == legacy_host(other)
}

/// Docker writes URLs (`https://index.docker.io/v1/`) where others write hosts.
pub(super) fn legacy_host(key: &str) -> &str {
    let bare = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://"));
    let host = match bare {
        Some(rest) => rest.split('/').next().unwrap_or(rest),
        None => key
            .strip_suffix("/v1/")
            .or_else(|| key.strip_suffix("/v2/"))
            .unwrap_or(key),
    };
    match host {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        other => other,
    }
}

impl Entry {
    fn decode(&self) -> Result<Option<Credentials>, ()> {
        if !self.identitytoken.is_empty() {
            return Ok(Some(Credentials::IdentityToken(self.identitytoken.clone())));
        }
        if self.auth.is_empty() {
            return Ok(None);
        }
        let bytes = STANDARD
            .decode(&self.auth)
            .or_else(|_| STANDARD_NO_PAD.decode(&self.auth))
            .map_err(drop)?;
        let text = String::from_utf8(bytes).map_err(drop)?;
        let (user, password) = text.split_once(':').ok_or(())?;
        // Docker pads the password with NUL bytes.
        let password = password.trim_end_matches('\0').to_owned();
        Ok(Some(Credentials::Password {
            user: user.to_owned(),
            password,
        }))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HelperAnswer {
    username: String,
    secret: String,
}

/// `docker-credential-NAME`: what it is to do as its argument, more about it on standard input, JSON on standard output.
impl Helper {
    /// Itself, unless its name says that there is none.
    pub(super) fn named(self) -> Option<Self> {
        (!self.name.is_empty()).then_some(self)
    }

    pub(super) fn program(&self) -> String {
        format!("docker-credential-{}", self.name)
    }

    pub(super) fn get(&self) -> Result<Option<Credentials>, AuthError> {
        let answer = match self.run("get", self.server.as_bytes()) {
            Err(error) if error.is_unknown() => return Ok(None),
            answer => answer?,
        };
        let HelperAnswer { username, secret } = serde_json::from_slice(&answer)
            .map_err(|_| self.failure("its answer is no JSON with Username and Secret".into()))?;
        Ok(match username.as_str() {
            "" if secret.is_empty() => None,
            "<token>" => Some(Credentials::IdentityToken(secret)),
            _ => Some(Credentials::Password {
                user: username,
                password: secret,
            }),
        })
    }

    pub(super) fn store(&self, credentials: &Credentials) -> Result<(), AuthError> {
        let (user, secret) = match credentials {
            Credentials::Password { user, password } => (user.as_str(), password),
            Credentials::IdentityToken(token) => ("<token>", token),
        };
        let entry = serde_json::json!({"ServerURL": self.server, "Username": user, "Secret": secret});
        self.run("store", entry.to_string().as_bytes()).map(drop)
    }

    /// What is not there is erased already.
    pub(super) fn erase(&self) -> Result<(), AuthError> {
        match self.run("erase", self.server.as_bytes()) {
            Err(error) if error.is_unknown() => Ok(()),
            done => done.map(drop),
        }
    }

    /// All that it keeps, whatever its server is.
    pub(super) fn list(&self) -> Result<Vec<Self>, AuthError> {
        let answer = self.run("list", b"")?;
        let users: BTreeMap<String, serde_json::Value> = serde_json::from_slice(&answer)
            .map_err(|_| self.failure("its list is no JSON object with a user for each registry".into()))?;
        let kept = |server| Self { server, ..self.clone() };
        Ok(users.into_keys().map(kept).collect())
    }

    fn run(&self, verb: &str, input: &[u8]) -> Result<Vec<u8>, AuthError> {
        let mut command = Command::new(self.program());
        spawn::free_of_us(&mut command);
        command.arg(verb).env_remove("NOTIFY_SOCKET");
        let output = child::output(&mut command, input, HELPER_LIMIT).map_err(|source| AuthError::Start {
            program: self.program(),
            source,
        })?;
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(self.failure(child::words(&[output.stdout, output.stderr].concat())))
        }
    }

    pub(super) fn failure(&self, message: String) -> AuthError {
        AuthError::Helper {
            program: self.program(),
            server: self.server.clone(),
            message,
        }
    }
}

impl AuthError {
    /// What a helper says of a registry that it has nothing for (docker-credential-helpers, `credentials/error.go`).
    pub(super) fn is_unknown(&self) -> bool {
        matches!(self, Self::Helper { message, .. } if message.contains("credentials not found"))
    }
}

#[cfg(test)]
mod tests;
