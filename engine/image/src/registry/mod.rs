//! The client of the OCI distribution API: manifests and blobs from one endpoint.
//!
//! No request is spent on asking what the registry wants: the first one goes out bare, and a 401 tells how to authenticate.
//! Source: the OCI distribution specification 1.1; distribution's "Token Authentication Specification".

//! | file | job |
//! |---|---|
//! | `session` | one endpoint, spoken to about one repository: manifests, blobs, who asks |
//! | `tags` | the list of tags |
//! | `challenge`, `token` | what the registry wants of whoever asks, and how it is had |
//! | `tls` | certificates, and when none are needed |
//! | `body` | answers, piece by piece, as long as they come |
//! | `error`, `message` | what can go wrong, which of it may be over in a moment; what the registry says of it |

mod body;
mod challenge;
mod error;
mod message;
mod session;
mod tags;
mod tls;
mod token;

pub(super) use body::Body;
pub use error::RegistryError;
pub use session::{RawManifest, Session};
pub use tls::TlsOptions;
pub(super) use tls::choose_cryptography;
