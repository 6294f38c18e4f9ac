//! `.artifact` units: `[Artifact]` becomes a one-shot `artifact pull`.

use crate::convert::Conversion;
use crate::handlers;
use crate::keys::{
    Emit::{Elsewhere, Pair, Switch, Verbatim},
    Key,
    Kind::{Arguments, Boolean, Lines, Scalar},
    key,
};

/// The keys of `[Artifact]`, in the order of their options.
#[rustfmt::skip]
pub static KEYS: &[Key] = &[
    key("ContainersConfModule", Lines, "5.7", Elsewhere, "Load this containers.conf(5) module"),
    key("GlobalArgs", Arguments, "5.7", Elsewhere, "Arguments between the program and its subcommand"),
    key("AuthFile", Scalar, "5.7", Pair("--authfile"), "File with the registry's credentials"),
    key("CertDir", Scalar, "5.7", Pair("--cert-dir"), "Directory with TLS certificates"),
    key("Creds", Scalar, "5.7", Pair("--creds"), "Credentials, USER:PASSWORD"),
    key("DecryptionKey", Scalar, "5.7", Pair("--decryption-key"), "Key of an encrypted artifact"),
    key("Retry", Scalar, "5.7", Pair("--retry"), "How often a failing pull is tried again"),
    key("RetryDelay", Scalar, "5.7", Pair("--retry-delay"), "Time between two tries"),
    key("Quiet", Boolean, "5.7", Switch("--quiet"), "Say less"),
    key("TLSVerify", Boolean, "5.7", Switch("--tls-verify"), "Check the registry's certificate"),
    key("PodmanArgs", Arguments, "5.7", Verbatim, "Further options of artifact pull"),
    key("Artifact", Scalar, "5.7", Elsewhere, "The artifact to pull"),
    key("ServiceName", Scalar, "5.7", Elsewhere, "Name of the service, without .service"),
];

/// Converts one `.artifact` unit.
pub fn convert(c: &mut Conversion<'_>) {
    let Some(artifact) = c.section.nonempty("Artifact").map(str::to_owned) else {
        return c.error_section("Artifact= is not set");
    };
    let mut command = c.base("");
    command.words(["artifact", "pull"]);
    c.emit(KEYS, &mut command);
    command.word(&artifact);
    c.add_service("ExecStart", command.into_line());
    handlers::one_shot(c, true);
}
