//! One endpoint, spoken to about one repository.

use std::sync::OnceLock;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RANGE, WWW_AUTHENTICATE};
use reqwest::{Response, StatusCode};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use super::body::read_at_most;
use super::error::{RegistryError, place};
use super::message::message_of;
use super::tls::TlsOptions;
use super::{challenge, token};
use crate::auth::Credentials;
use crate::registries::Endpoint;

/// Larger manifests are refused; registries must take 4 MiB at least (distribution-spec, "Pushing manifests").
const MAX_MANIFEST: u64 = 4 << 20;

/// Manifest media types that can be understood; the order is a preference.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

/// A manifest or index as the registry sent it.
#[derive(Debug, Clone)]
pub struct RawManifest {
    /// The document, byte for byte.
    pub bytes: Vec<u8>,
    /// `Content-Type`, without parameters.
    pub media_type: String,
    /// `sha256:HEX` of the bytes.
    pub digest: String,
}

/// Talks to one endpoint about one repository.
#[derive(Debug)]
pub struct Session {
    pub(super) endpoint: Endpoint,
    http: reqwest::Client,
    credentials: Option<Credentials>,
    /// HTTPS or HTTP, once one has answered.
    scheme: OnceLock<&'static str>,
    authorization: Mutex<Option<HeaderValue>>,
}

impl Session {
    /// Prepares to talk; nothing is sent yet.
    pub fn new(endpoint: Endpoint, credentials: Option<Credentials>, tls: &TlsOptions) -> Result<Self, RegistryError> {
        let insecure = tls.verify.map_or(endpoint.insecure, |verify| !verify);
        let http = tls.client(host_of(&endpoint.reference.registry), insecure)?;
        let endpoint = Endpoint { insecure, ..endpoint };
        Ok(Self {
            endpoint,
            http,
            credentials,
            scheme: OnceLock::new(),
            authorization: Mutex::default(),
        })
    }

    /// The endpoint as errors name it.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Fetches the manifest or index with this tag or digest; content that does not match a digest is an error.
    pub async fn manifest(&self, version: &str) -> Result<RawManifest, RegistryError> {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(MANIFESTS))]);
        let response = self.get(&self.below(&format!("manifests/{version}")), headers).await?;
        let media_type = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim().to_owned();
        let url = place(&response);
        let bytes = read_at_most(response, MAX_MANIFEST).await?;
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(&bytes)));
        if version.starts_with("sha256:") && version != digest {
            return Err(RegistryError::Digest {
                what: url,
                expected: version.to_owned(),
                got: digest,
            });
        }
        // The page of a portal or proxy; another endpoint may have the image.
        if serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_err() {
            let kind = if media_type.is_empty() {
                "something without a media type"
            } else {
                &media_type
            };
            return Err(RegistryError::Answer {
                url,
                reason: format!("no JSON document but {kind}"),
            });
        }
        Ok(RawManifest {
            bytes,
            media_type,
            digest,
        })
    }

    /// Asks for a blob from byte `from` on. A status of 206 means that the answer begins there, 200 that it begins at 0.
    pub async fn blob(&self, digest: &str, from: u64) -> Result<Response, RegistryError> {
        let mut headers = HeaderMap::new();
        if from > 0 {
            headers.extend(HeaderValue::from_str(&format!("bytes={from}-")).map(|value| (RANGE, value)));
        }
        self.get(&self.below(&format!("blobs/{digest}")), headers).await
    }

    /// Checks that the registry is one and takes the credentials, as far as it says so without naming a repository.
    pub async fn check(&self) -> Result<(), RegistryError> {
        self.get("", HeaderMap::new()).await.map(drop)
    }

    pub(super) fn below(&self, path: &str) -> String {
        format!("{}/{path}", self.endpoint.reference.repository)
    }

    /// GET below `/v2/`; authenticates (again) when the registry asks for it.
    pub(super) async fn get(&self, path: &str, headers: HeaderMap) -> Result<Response, RegistryError> {
        let used = self.authorization.lock().await.clone();
        let response = self.send(path, &headers, used.as_ref()).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return self.checked(response).await;
        }
        let renewed = self.authorize(response, used).await?;
        let response = self.send(path, &headers, Some(&renewed)).await?;
        self.checked(response).await
    }

    /// Sends by HTTPS, and where that is not to be had and `insecure` is set, by plain HTTP.
    async fn send(
        &self,
        path: &str,
        headers: &HeaderMap,
        authorization: Option<&HeaderValue>,
    ) -> Result<Response, RegistryError> {
        let schemes: &[&'static str] = match (self.scheme.get(), self.endpoint.insecure) {
            (Some(&"http"), _) => &["http"],
            (Some(_), _) | (None, false) => &["https"],
            (None, true) => &["https", "http"],
        };
        let mut failure = None;
        for scheme in schemes {
            let reference = &self.endpoint.reference;
            let url = format!("{scheme}://{}/v2/{path}", host_of(&reference.registry));
            let mut request = self.http.get(&url).headers(headers.clone());
            if let Some(value) = authorization {
                request = request.header(AUTHORIZATION, value.clone());
            }
            match request.send().await {
                Ok(response) => {
                    // Another request may have been first; it found the same.
                    let _ = self.scheme.set(scheme);
                    return Ok(response);
                }
                Err(e) if e.is_connect() => failure = Some(RegistryError::network(&url, &e)),
                Err(e) => return Err(RegistryError::network(&url, &e)),
            }
        }
        Err(failure.expect("at least one scheme is tried"))
    }

    /// Obtains what the registry asks for in `WWW-Authenticate`, unless another request has renewed it since `used`.
    async fn authorize(&self, refusal: Response, used: Option<HeaderValue>) -> Result<HeaderValue, RegistryError> {
        let mut current = self.authorization.lock().await;
        if let Some(renewed) = current.as_ref().filter(|value| Some(*value) != used.as_ref()) {
            return Ok(renewed.clone());
        }
        let value = self.answer(refusal).await?;
        *current = Some(value.clone());
        Ok(value)
    }

    /// The value of `Authorization` that answers the challenges of a refusal.
    async fn answer(&self, refusal: Response) -> Result<HeaderValue, RegistryError> {
        let values = refusal
            .headers()
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .filter_map(|v| v.to_str().ok());
        let challenges = challenge::parse(values);
        let unauthorized = |message| RegistryError::Unauthorized {
            registry: self.endpoint.reference.registry.clone(),
            with_credentials: self.credentials.is_some(),
            message,
        };
        if let Some(bearer) = challenges.iter().find(|c| c.is("bearer")) {
            let scope = match self.endpoint.reference.repository.as_str() {
                "" => String::new(),
                repository => format!("repository:{repository}:pull"),
            };
            return token::fetch(
                &self.http,
                bearer,
                &scope,
                self.credentials.as_ref(),
                self.endpoint.insecure,
            )
            .await
            .map_err(|e| match e {
                token::TokenError::Refused(message) => unauthorized(message),
                token::TokenError::Other(error) => error,
            });
        }
        match &self.credentials {
            Some(Credentials::Password { user, password }) if challenges.iter().any(|c| c.is("basic")) => {
                Ok(token::basic(user, password))
            }
            _ => Err(unauthorized(message_of(refusal).await)),
        }
    }

    async fn checked(&self, response: Response) -> Result<Response, RegistryError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let url = place(&response);
        let message = message_of(response).await;
        Err(match status {
            StatusCode::NOT_FOUND => RegistryError::NotFound { url, message },
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => RegistryError::Unauthorized {
                registry: self.endpoint.reference.registry.clone(),
                with_credentials: self.credentials.is_some(),
                message,
            },
            _ => RegistryError::Status {
                url,
                status: status.as_u16(),
                message,
            },
        })
    }
}

/// Docker Hub's API is on another host than its name.
fn host_of(registry: &str) -> &str {
    if registry == "docker.io" {
        "registry-1.docker.io"
    } else {
        registry
    }
}
