//! Asking the places where an image may be, mirrors first, until one answers.

use super::error::PullError;
use super::task::Pull;
use crate::auth::{self, AuthError, AuthFiles};
use crate::reference::Reference;
use crate::registries::Endpoint;
use crate::registry::{RegistryError, Session, TlsOptions};
use crate::retry::{Retry, Transient};
pub(super) use unipod_store::problem::with_causes;

impl Pull<'_> {
    /// What the first endpoint answers that does; all are asked again if that may help.
    pub(super) async fn first_answer<T>(
        &self,
        reference: &Reference,
        request: impl AsyncFn(&Session) -> Result<T, RegistryError>,
    ) -> Result<(Session, T), PullError> {
        let endpoints = self.registries.endpoints(reference)?;
        // `localhost/` is where images are named that were built here; there rarely is a registry to wait for.
        let times = if reference.registry == "localhost" {
            0
        } else {
            self.retry.times
        };
        let retry = Retry { times, ..self.retry };
        let found = retry
            .run(&self.tracker, async || {
                self.locate(reference, &endpoints, &request).await
            })
            .await;
        found.map_err(|e| PullError::Unavailable {
            image: reference.to_string(),
            attempts: e.texts(),
        })
    }

    async fn locate<T>(
        &self,
        reference: &Reference,
        endpoints: &[Endpoint],
        request: &impl AsyncFn(&Session) -> Result<T, RegistryError>,
    ) -> Result<(Session, T), Attempts> {
        let mut failures = Vec::new();
        // The last one is where the image really is; the others are mirrors, somebody else's machines.
        let own = endpoints.last().map(|place| place.reference.registry.as_str());
        for endpoint in endpoints {
            let is_own = own == Some(endpoint.reference.registry.as_str());
            match self.ask(endpoint, is_own, request).await {
                Ok(found) => return Ok(found),
                Err(error) => {
                    tracing::debug!("{reference}: {}: {error}", endpoint.reference);
                    failures.push(error);
                }
            }
        }
        Err(Attempts(failures))
    }

    async fn ask<T>(
        &self,
        endpoint: &Endpoint,
        is_own: bool,
        request: &impl AsyncFn(&Session) -> Result<T, RegistryError>,
    ) -> Result<(Session, T), AttemptError> {
        let credentials = match &self.options.creds {
            // Given for the registry that was named: nobody else gets to see them.
            Some(creds) if is_own => Some(auth::from_option(creds)),
            Some(_) | None => AuthFiles::of_user(self.options.authfile.as_deref()).find(&endpoint.reference)?,
        };
        let tls = TlsOptions {
            verify: self.options.tls_verify,
            cert_dir: self.options.cert_dir.clone(),
        };
        let session = Session::new(endpoint.clone(), credentials, &tls)?;
        let answer = request(&session).await?;
        Ok((session, answer))
    }
}

/// Why one endpoint gave nothing.
#[derive(Debug, thiserror::Error)]
enum AttemptError {
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Auth(#[from] AuthError),
}

/// Why no endpoint gave anything.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.texts().join("; "))]
struct Attempts(Vec<AttemptError>);

impl Attempts {
    fn texts(&self) -> Vec<String> {
        self.0.iter().map(|error| with_causes(error)).collect()
    }
}

impl Transient for Attempts {
    fn is_transient(&self) -> bool {
        self.0
            .iter()
            .any(|e| matches!(e, AttemptError::Registry(error) if error.is_transient()))
    }
}
