//! `pull`: from a name to an image in the store.
//!
//! ```text
//! name → candidates (short names) → endpoints (mirrors) → manifest (platform) → configuration → layers → record
//! ```
//! Each image is pulled by one process at a time; others wait and find it. The order of writing makes a pull that is
//! killed harmless: the record comes last, when everything it names is there.

//!
//! | file | job |
//! |---|---|
//! | `ensure` | when an image is pulled, and which of the names that it may have |
//! | `tags` | every image of a repository |
//! | `fetch` | from a reference to all that the image consists of |
//! | `endpoints` | the places where it may be, mirrors first, until one answers |
//! | `task` | one pull and what it was asked for |

mod endpoints;
mod ensure;
mod error;
mod fetch;
mod tags;
mod task;

pub use ensure::ensure;
pub(crate) use ensure::fetch_blob;
pub use error::PullError;
pub use tags::ensure_all;

#[cfg(test)]
mod tests;
