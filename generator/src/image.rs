//! `.image` units: `[Image]` becomes a one-shot `image pull`.

use crate::conversion::Conversion;
use crate::handlers::service;
use crate::keys::{
    Emit::{Elsewhere, Pair, Switch, Verbatim},
    Key,
    Kind::{Arguments, Boolean, Scalar},
    key,
};
use crate::shared::shared;

/// The keys of `[Image]`, in the order of their options.
#[rustfmt::skip]
pub static KEYS: &[Key] = &[
    shared("ContainersConfModule", "4.8"),
    shared("GlobalArgs", "4.8"),
    key("Arch", Scalar, "4.8", Pair("--arch"), "Architecture to pull"),
    shared("AuthFile", "4.8"),
    shared("CertDir", "4.8"),
    shared("Creds", "4.8"),
    key("DecryptionKey", Scalar, "4.8", Pair("--decryption-key"), "Key of an encrypted image"),
    key("OS", Scalar, "4.8", Pair("--os"), "Operating system to pull"),
    key("Policy", Scalar, "5.6", Pair("--policy"), "When to pull: always, missing, never, newer"),
    shared("Retry", "5.5"),
    shared("RetryDelay", "5.5"),
    shared("Variant", "4.8"),
    key("AllTags", Boolean, "4.8", Switch("--all-tags"), "Pull every tag of the repository"),
    shared("TLSVerify", "4.8"),
    key("PodmanArgs", Arguments, "4.8", Verbatim, "Further options of image pull"),
    key("Image", Scalar, "4.8", Elsewhere, "The image to pull"),
    key("ImageTag", Scalar, "4.8", Elsewhere, "Name that other units get, for archives and directories"),
    shared("ServiceName", "5.3"),
];

/// Converts one `.image` unit.
pub fn convert(c: &mut Conversion<'_>) {
    let Some(image) = c.section.nonempty("Image") else {
        return c.error_section("Image= is not set");
    };
    service::one_command(c, KEYS, &["image", "pull"], image);
}
