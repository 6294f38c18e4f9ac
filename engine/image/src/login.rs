//! `login`: credentials are stored only after the registry took them.

use std::path::{Path, PathBuf};

use super::auth::{self, AuthError, AuthFiles, Credentials};
use super::reference::{Reference, Version};
use super::registries::{Endpoint, Registries, RegistriesError};
use super::registry::{RegistryError, Session, TlsOptions};

/// Why there is no login.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The file of credentials cannot be read or written.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// registries.conf cannot be read.
    #[error(transparent)]
    Registries(#[from] RegistriesError),
    /// The registry does not take the credentials, or does not answer.
    #[error("cannot log in to {registry}")]
    Registry {
        /// The registry.
        registry: String,
        /// Why.
        source: RegistryError,
    },
    /// The machine has no room for the exchange.
    #[error("cannot start the login")]
    Start(#[source] std::io::Error),
}

/// Where to log in.
#[derive(Debug, Clone, Default)]
pub struct LoginOptions {
    /// `HOST[:PORT][/NAMESPACE]`.
    pub registry: String,
    /// `--authfile`.
    pub authfile: Option<PathBuf>,
    /// `--tls-verify` and `--cert-dir`.
    pub tls: TlsOptions,
}

impl LoginOptions {
    /// Asks the registry whether it takes the credentials and stores them. Returns the file they are in.
    pub fn login(&self, credentials: &Credentials) -> Result<PathBuf, LoginError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(LoginError::Start)?;
        let insecure = Registries::load()?.is_insecure(self.host());
        let endpoint = Endpoint {
            reference: self.reference(String::new()),
            insecure,
        };
        let refused = |source| LoginError::Registry {
            registry: self.registry.clone(),
            source,
        };
        let session = Session::new(endpoint, Some(credentials.clone()), &self.tls).map_err(refused)?;
        runtime.block_on(session.check()).map_err(refused)?;
        let path = self.files().primary().to_owned();
        auth::remember(&path, &self.registry, credentials)?;
        Ok(path)
    }

    /// The credentials that a pull from there would use.
    pub fn current(&self) -> Result<Option<Credentials>, LoginError> {
        let path = self.registry.split_once('/').map_or("", |(_, path)| path);
        Ok(self.files().find(&self.reference(path.to_owned()))?)
    }

    fn files(&self) -> AuthFiles {
        AuthFiles::of_login(self.authfile.as_deref())
    }

    fn host(&self) -> &str {
        self.registry.split('/').next().unwrap_or_default()
    }

    fn reference(&self, repository: String) -> Reference {
        Reference {
            registry: self.host().to_owned(),
            repository,
            version: Version::Tag(String::new()),
        }
    }
}

/// What the user calls a registry, as credentials are kept for it: of a URL, only the host counts.
pub fn key_of(argument: &str) -> &str {
    let url = argument
        .strip_prefix("https://")
        .or_else(|| argument.strip_prefix("http://"));
    match url {
        Some(rest) => rest.split('/').next().unwrap_or(rest),
        None => argument.trim_end_matches('/'),
    }
}

/// Forgets the credentials of a registry. Returns whether there were any.
pub fn logout(registry: &str, authfile: Option<&Path>) -> Result<bool, LoginError> {
    let files = AuthFiles::of_login(authfile);
    Ok(auth::logout(files.primary(), registry)?)
}

/// Forgets all credentials.
pub fn logout_all(authfile: Option<&Path>) -> Result<(), LoginError> {
    let files = AuthFiles::of_login(authfile);
    Ok(auth::logout_all(files.primary())?)
}
