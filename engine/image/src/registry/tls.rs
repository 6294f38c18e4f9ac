//! One HTTP client per registry: which certificates it trusts and which it shows.
//!
//! The roots are the system's (`rustls-platform-verifier`, which reads what `/etc/ssl` holds and honours `SSL_CERT_FILE`);
//! containers-certs.d(5) adds to them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Certificate, Client, Identity};

use super::RegistryError;

/// What the command line says about TLS.
#[derive(Debug, Clone, Default)]
pub struct TlsOptions {
    /// `--tls-verify`; `None` leaves it to registries.conf.
    pub verify: Option<bool>,
    /// `--cert-dir`, instead of the directories of containers-certs.d(5).
    pub cert_dir: Option<PathBuf>,
}

/// A server that does not answer a connection by then is down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// A transfer that stands still for so long has broken off; it is then resumed.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);

impl TlsOptions {
    /// The client for `host[:port]`.
    pub(super) fn client(&self, host: &str, insecure: bool) -> Result<Client, RegistryError> {
        choose_cryptography();
        let mut builder = Client::builder()
            .user_agent(concat!("unipod/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(STALL_TIMEOUT)
            .tls_danger_accept_invalid_certs(insecure);
        let dir = self.directory(host);
        if let Some(dir) = &dir {
            let files = Files::of(dir)?;
            builder = builder.tls_certs_merge(files.authorities()?);
            if let Some(identity) = files.identity()? {
                builder = builder.identity(identity);
            }
        }
        let at = || {
            dir.clone()
                .unwrap_or_else(|| PathBuf::from("the system's certificates"))
        };
        builder.build().map_err(|e| RegistryError::Certificate {
            path: at(),
            reason: e.to_string(),
        })
    }

    fn directory(&self, host: &str) -> Option<PathBuf> {
        if let Some(dir) = &self.cert_dir {
            return Some(dir.clone());
        }
        let home = std::env::home_dir().unwrap_or_default();
        let user = home.join(".config/containers/certs.d");
        let all = [user, "/etc/containers/certs.d".into(), "/etc/docker/certs.d".into()];
        all.into_iter().map(|dir| dir.join(host)).find(|dir| dir.is_dir())
    }
}

/// rustls leaves the choice to the program: *ring*, which is small and quickly loaded.
pub(crate) fn choose_cryptography() {
    // It is chosen already if there are several clients.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The files of one directory of containers-certs.d(5).
struct Files {
    paths: Vec<PathBuf>,
}

impl Files {
    fn of(dir: &Path) -> Result<Self, RegistryError> {
        let entries = fs::read_dir(dir).map_err(|e| unusable(dir, &e))?;
        let mut paths: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
        paths.sort();
        Ok(Self { paths })
    }

    fn with_extension<'a>(&'a self, extension: &'a str) -> impl Iterator<Item = &'a PathBuf> {
        self.paths
            .iter()
            .filter(move |p| p.extension().is_some_and(|e| e == extension))
    }

    /// `*.crt`.
    fn authorities(&self) -> Result<Vec<Certificate>, RegistryError> {
        let mut all = Vec::new();
        for path in self.with_extension("crt") {
            let text = fs::read(path).map_err(|e| unusable(path, &e))?;
            all.extend(Certificate::from_pem_bundle(&text).map_err(|e| unusable(path, &e))?);
        }
        Ok(all)
    }

    /// `NAME.cert` with `NAME.key`.
    fn identity(&self) -> Result<Option<Identity>, RegistryError> {
        let Some(cert) = self.with_extension("cert").next() else {
            return Ok(None);
        };
        let key = cert.with_extension("key");
        let mut text = fs::read(&key).map_err(|e| unusable(&key, &e))?;
        text.push(b'\n');
        text.extend(fs::read(cert).map_err(|e| unusable(cert, &e))?);
        Identity::from_pem(&text).map(Some).map_err(|e| unusable(cert, &e))
    }
}

fn unusable(path: &Path, error: &dyn std::error::Error) -> RegistryError {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    RegistryError::Certificate {
        path: path.to_owned(),
        reason: cause.to_string(),
    }
}
