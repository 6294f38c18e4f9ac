//! `.image` units: `[Image]` becomes a one-shot `image pull`.

use crate::convert::Conversion;
use crate::handlers;
use crate::keys::{
    Emit::{Elsewhere, Pair, Switch, Verbatim},
    Key,
    Kind::{Arguments, Boolean, Lines, Scalar},
    key,
};

/// The keys of `[Image]`, in the order of their options.
#[rustfmt::skip]
pub static KEYS: &[Key] = &[
    key("ContainersConfModule", Lines, "4.8", Elsewhere, "Load this containers.conf(5) module"),
    key("GlobalArgs", Arguments, "4.8", Elsewhere, "Arguments between the program and its subcommand"),
    key("Arch", Scalar, "4.8", Pair("--arch"), "Architecture to pull"),
    key("AuthFile", Scalar, "4.8", Pair("--authfile"), "File with the registry's credentials"),
    key("CertDir", Scalar, "4.8", Pair("--cert-dir"), "Directory with TLS certificates"),
    key("Creds", Scalar, "4.8", Pair("--creds"), "Credentials, USER:PASSWORD"),
    key("DecryptionKey", Scalar, "4.8", Pair("--decryption-key"), "Key of an encrypted image"),
    key("OS", Scalar, "4.8", Pair("--os"), "Operating system to pull"),
    key("Policy", Scalar, "5.6", Pair("--policy"), "When to pull: always, missing, never, newer"),
    key("Retry", Scalar, "5.5", Pair("--retry"), "How often a failing pull is tried again"),
    key("RetryDelay", Scalar, "5.5", Pair("--retry-delay"), "Time between two tries"),
    key("Variant", Scalar, "4.8", Pair("--variant"), "Variant of the architecture"),
    key("AllTags", Boolean, "4.8", Switch("--all-tags"), "Pull every tag of the repository"),
    key("TLSVerify", Boolean, "4.8", Switch("--tls-verify"), "Check the registry's certificate"),
    key("PodmanArgs", Arguments, "4.8", Verbatim, "Further options of image pull"),
    key("Image", Scalar, "4.8", Elsewhere, "The image to pull"),
    key("ImageTag", Scalar, "4.8", Elsewhere, "Name that other units get, for archives and directories"),
    key("ServiceName", Scalar, "5.3", Elsewhere, "Name of the service, without .service"),
];

/// Converts one `.image` unit.
pub fn convert(c: &mut Conversion<'_>) {
    let Some(image) = c.section.nonempty("Image").map(str::to_owned) else {
        return c.error_section("Image= is not set");
    };
    let mut command = c.base("");
    command.words(["image", "pull"]);
    c.emit(KEYS, &mut command);
    command.word(&image);
    c.add_service("ExecStart", command.into_line());
    handlers::one_shot(c, true);
}
