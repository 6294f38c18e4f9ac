//! A single file from the web, for commands that take an address where a path may be.

use std::io;
use std::time::Duration;

use reqwest::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Response, StatusCode};

use super::registry::choose_cryptography;

/// Whoever is silent until then stays so.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Nothing came for so long: the transfer has broken off.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// No unit file or configuration is larger, in bytes.
const LARGEST: usize = 32 << 20;

/// A file as the server gave it.
#[derive(Debug)]
pub struct Fetched {
    /// Its name, without directories: what the server calls it, else the last part of the address.
    pub name: String,
    /// Its content.
    pub content: Vec<u8>,
}

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No client can be made.
    #[error("cannot start a download")]
    Start(#[source] io::Error),
    /// The server cannot be reached, or the transfer broke off.
    #[error("unable to download URL {url}")]
    Transfer {
        /// The address.
        url: String,
        /// What happened.
        source: reqwest::Error,
    },
    /// The server has something else for us.
    #[error("unable to download URL {url}: the server says {status}")]
    Refused {
        /// The address.
        url: String,
        /// The server's answer.
        status: StatusCode,
    },
    /// It is a page for people.
    #[error(
        "{0} is a web page, not a file (where a page shows a file, it also has the address of the file itself, often as \"raw\")"
    )]
    Page(String),
    /// It does not end.
    #[error("{0} is larger than 32 MiB")]
    TooLarge(String),
}

/// Downloads a file.
pub fn fetch(url: &str) -> Result<Fetched, FetchError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(FetchError::Start)?;
    runtime.block_on(get(url))
}

async fn get(url: &str) -> Result<Fetched, FetchError> {
    let transfer = |source| FetchError::Transfer {
        url: url.to_owned(),
        source,
    };
    choose_cryptography();
    let client = Client::builder()
        .user_agent(concat!("unipod/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(STALL_TIMEOUT);
    let request = client.build().map_err(transfer)?.get(url);
    let mut response = request.send().await.map_err(transfer)?;
    if !response.status().is_success() {
        return Err(FetchError::Refused {
            url: url.to_owned(),
            status: response.status(),
        });
    }
    let text = |value: Option<&HeaderValue>| {
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    if text(response.headers().get(CONTENT_TYPE)).starts_with("text/html") {
        return Err(FetchError::Page(url.to_owned()));
    }
    let name = name(&text(response.headers().get(CONTENT_DISPOSITION)), &response);
    let mut content = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(transfer)? {
        content.extend_from_slice(&chunk);
        if content.len() > LARGEST {
            return Err(FetchError::TooLarge(url.to_owned()));
        }
    }
    Ok(Fetched { name, content })
}

/// RFC 6266 allows a path; only its last part is a name.
fn name(disposition: &str, response: &Response) -> String {
    let given = disposition
        .split(';')
        .find_map(|part| part.trim().strip_prefix("filename="));
    let given = given.map(|name| name.trim().trim_matches(['"', '\'']));
    let path = given.unwrap_or(response.url().path());
    path.rsplit('/').next().unwrap_or_default().to_owned()
}
