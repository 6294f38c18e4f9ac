//! `.artifact` units: `[Artifact]` becomes a one-shot `artifact pull`.

use crate::conversion::Conversion;
use crate::handlers::service;
use crate::keys::{
    Emit::{Elsewhere, Pair, Switch, Verbatim},
    Key,
    Kind::{Arguments, Boolean, Scalar},
    key,
};
use crate::shared::shared;

/// The keys of `[Artifact]`, in the order of their options.
#[rustfmt::skip]
pub static KEYS: &[Key] = &[
    shared("ContainersConfModule", "5.7"),
    shared("GlobalArgs", "5.7"),
    shared("AuthFile", "5.7"),
    shared("CertDir", "5.7"),
    shared("Creds", "5.7"),
    key("DecryptionKey", Scalar, "5.7", Pair("--decryption-key"), "Key of an encrypted artifact"),
    shared("Retry", "5.7"),
    shared("RetryDelay", "5.7"),
    key("Quiet", Boolean, "5.7", Switch("--quiet"), "Say less"),
    shared("TLSVerify", "5.7"),
    key("PodmanArgs", Arguments, "5.7", Verbatim, "Further options of artifact pull"),
    key("Artifact", Scalar, "5.7", Elsewhere, "The artifact to pull"),
    shared("ServiceName", "5.7"),
];

/// Converts one `.artifact` unit.
pub fn convert(c: &mut Conversion<'_>) {
    let Some(artifact) = c.section.nonempty("Artifact") else {
        return c.error_section("Artifact= is not set");
    };
    service::one_command(c, KEYS, &["artifact", "pull"], artifact);
}
