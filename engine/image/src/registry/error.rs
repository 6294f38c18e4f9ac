//! What can go wrong with a registry, and which of it may be over in a moment.

use std::error::Error;
use std::path::PathBuf;

use reqwest::Response;

/// A failed request. `Display` names the place that was asked.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// No answer, or one that broke off.
    #[error("{url}: {cause}{}", if *tls { TLS_HINT } else { "" })]
    Network {
        /// What was asked.
        url: String,
        /// The innermost cause; the layers above say nothing.
        cause: String,
        /// The server was reached but TLS did not come about: trying again is no use.
        tls: bool,
    },
    /// It comes too slowly to ever be there.
    #[error("{what}: fewer than {least} bytes came in {seconds} seconds")]
    Slow {
        /// What was asked.
        what: String,
        /// So many had to come …
        least: u64,
        /// … in so many seconds.
        seconds: u64,
    },
    /// The registry does not have it.
    #[error("{url}: not found{}", after_colon(message))]
    NotFound {
        /// What was asked.
        url: String,
        /// What the registry says.
        message: String,
    },
    /// 401 or 403, or no token.
    #[error(
        "{registry}: {}{} (log in with `unipod login {registry}`, or name a file of credentials with --authfile)",
        if *with_credentials { "access denied with the credentials given" } else { "authentication required" },
        after_colon(message)
    )]
    Unauthorized {
        /// The registry.
        registry: String,
        /// Whether credentials were found.
        with_credentials: bool,
        /// What the registry says.
        message: String,
    },
    /// Another status than success.
    #[error("{url}: HTTP status {status}{}", after_colon(message))]
    Status {
        /// What was asked.
        url: String,
        /// The status code.
        status: u16,
        /// What the registry says.
        message: String,
    },
    /// The token server's answer is of no use.
    #[error("token server {realm:?}: {reason}")]
    Token {
        /// The server, as the registry named it.
        realm: String,
        /// What is wrong.
        reason: String,
    },
    /// A success that does not hold what was asked for.
    #[error("{url}: the answer cannot be used: {reason}")]
    Answer {
        /// What was asked.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// More than the limit or more than was announced.
    #[error("{what}: larger than {limit} bytes")]
    TooLarge {
        /// What was asked.
        what: String,
        /// The limit.
        limit: u64,
    },
    /// The content is not what its name says.
    #[error("{what}: digest mismatch: expected {expected}, got {got}")]
    Digest {
        /// What was asked.
        what: String,
        /// The digest that was asked for.
        expected: String,
        /// The digest of what came.
        got: String,
    },
    /// A certificate or key on this machine cannot be used.
    #[error("cannot use {}: {reason}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

const TLS_HINT: &str = " (if the registry has no certificate that this machine trusts, put its CA into \
     /etc/containers/certs.d/HOST[:PORT]/, or set insecure = true for it in registries.conf, or use --tls-verify=false)";

impl RegistryError {
    /// From a failed exchange; only the innermost cause says something.
    pub(crate) fn network(url: &str, error: &reqwest::Error) -> Self {
        let mut cause: &dyn Error = error;
        while let Some(next) = cause.source() {
            cause = next;
        }
        let text = cause.to_string();
        let tls = text.contains("peer certificate") || text.contains("corrupt message") || text.contains("fatal alert");
        // rustls's word for a first byte that begins no TLS record.
        let plain = text.contains("InvalidContentType");
        let cause = if plain {
            "the server does not speak TLS, perhaps plain HTTP".into()
        } else {
            text
        };
        Self::Network {
            url: url.to_owned(),
            cause,
            tls,
        }
    }

    /// Whether trying again may help: network faults, overload and failures of the server, but no refusals.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Network { tls, .. } => !tls,
            Self::Slow { .. } => true,
            Self::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..),
            Self::NotFound { .. }
            | Self::Unauthorized { .. }
            | Self::Token { .. }
            | Self::Answer { .. }
            | Self::TooLarge { .. }
            | Self::Digest { .. }
            | Self::Certificate { .. } => false,
        }
    }
}

/// Where an answer came from, for messages. What follows the path stays secret: the address that a registry sends a reader
/// on to is often signed, and that is all that it takes to read there.
pub(crate) fn place(response: &Response) -> String {
    let mut url = response.url().clone();
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

fn after_colon(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(": {message}")
    }
}
