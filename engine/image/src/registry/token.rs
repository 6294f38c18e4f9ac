//! Bearer tokens: distribution's "Token Authentication Specification", and `OAuth2` refresh tokens beside it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, RequestBuilder, Response, Url};
use serde::Deserialize;

use super::body::read_at_most;
use super::challenge::Challenge;
use super::error::{RegistryError, place};
use super::message::message_of;
use crate::auth::Credentials;

/// A token of a real registry has a few kilobytes.
const MAX_ANSWER: u64 = 1 << 20;

/// Why there is no token.
#[derive(Debug)]
pub enum TokenError {
    /// The server does not give one to these credentials; its message.
    Refused(String),
    /// Anything else.
    Other(RegistryError),
}

#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
}

/// Asks the challenge's realm for a token; the result is the value of `Authorization`. Whatever host that is, as every engine
/// does it, but credentials are not sent in the clear unless the registry is `insecure`.
pub async fn fetch(
    http: &Client,
    challenge: &Challenge,
    scope: &str,
    credentials: Option<&Credentials>,
    insecure: bool,
) -> Result<HeaderValue, TokenError> {
    let realm = challenge.get("realm").unwrap_or_default();
    let invalid = |reason: &str| {
        TokenError::Other(RegistryError::Token {
            realm: realm.to_owned(),
            reason: reason.into(),
        })
    };
    let url = Url::parse(realm).map_err(|_| invalid("the realm is no URL"))?;
    if credentials.is_some() && url.scheme() != "https" && !insecure {
        return Err(invalid(
            "the registry wants credentials sent there unencrypted; set insecure = true for it in registries.conf, or use \
             --tls-verify=false, if that is meant",
        ));
    }
    let service = challenge.get("service").unwrap_or_default();
    let mut fields = vec![("service", service), ("scope", scope)];
    fields.retain(|(_, value)| !value.is_empty());
    let request = match credentials {
        Some(Credentials::IdentityToken(token)) => refresh(http, url, &fields, token),
        Some(Credentials::Password { user, password }) => {
            fields.insert(0, ("account", user));
            query(http, url, &fields).header(AUTHORIZATION, basic(user, password))
        }
        None => query(http, url, &fields),
    };
    let response = request
        .send()
        .await
        .map_err(|e| TokenError::Other(RegistryError::network(realm, &e)))?;
    let answer: Answer = serde_json::from_slice(&granted(response).await?)
        .map_err(|_| invalid("its answer is no JSON object with a token"))?;
    let token = answer
        .token
        .filter(|t| !t.is_empty())
        .or(answer.access_token)
        .unwrap_or_default();
    if token.is_empty() {
        return Err(invalid("its answer holds no token"));
    }
    secret_header(&format!("Bearer {token}")).ok_or_else(|| invalid("its token cannot be sent in a header"))
}

/// `Authorization: Basic …`.
pub fn basic(user: &str, password: &str) -> HeaderValue {
    secret_header(&format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
        .expect("base64 fits into a header")
}

fn secret_header(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn query(http: &Client, mut url: Url, fields: &[(&str, &str)]) -> RequestBuilder {
    url.query_pairs_mut().extend_pairs(fields);
    http.get(url)
}

fn refresh(http: &Client, url: Url, fields: &[(&str, &str)], token: &str) -> RequestBuilder {
    let mut form = url.clone();
    form.query_pairs_mut()
        .clear()
        .extend_pairs([
            ("grant_type", "refresh_token"),
            ("client_id", "unipod"),
            ("refresh_token", token),
        ])
        .extend_pairs(fields);
    let body = form.query().unwrap_or_default().to_owned();
    http.post(url)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body)
}

async fn granted(response: Response) -> Result<Vec<u8>, TokenError> {
    let (status, url) = (response.status(), place(&response));
    if status.is_success() {
        return read_at_most(response, MAX_ANSWER).await.map_err(TokenError::Other);
    }
    let message = message_of(response).await;
    // 400 is what OAuth2 answers to a refresh token that is over (RFC 6749, section 5.2).
    Err(match status.as_u16() {
        400 | 401 | 403 => TokenError::Refused(message),
        status => TokenError::Other(RegistryError::Status { url, status, message }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{challenge, choose_cryptography};

    #[test]
    fn credentials_are_not_sent_in_the_clear() {
        choose_cryptography();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        // Nobody listens on this port.
        let challenges = challenge::parse(["Bearer realm=\"http://127.0.0.1:1/token\""].into_iter());
        let asked = |credentials: Option<&Credentials>, insecure| {
            let client = Client::new();
            let fetch = fetch(&client, &challenges[0], "", credentials, insecure);
            match runtime.block_on(fetch).unwrap_err() {
                TokenError::Other(error) => matches!(error, RegistryError::Network { .. }),
                TokenError::Refused(message) => panic!("{message}"),
            }
        };
        let password = Credentials::Password {
            user: "u".into(),
            password: "p".into(),
        };
        let identity = Credentials::IdentityToken("t".into());
        for credentials in [&password, &identity] {
            assert!(!asked(Some(credentials), false) && asked(Some(credentials), true));
        }
        assert!(asked(None, false));
    }
}
