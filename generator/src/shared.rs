//! Rows that stand in the tables of several types: such a key means the same everywhere, only the release that brought
//! it differs.

use crate::handlers::{self, users};
use crate::keys::{
    Emit::{Always, Elsewhere, Pair, Switch, With},
    Key,
    Kind::{Arguments, Boolean, Lines, Map, Number, Raw, Scalar, Words},
    key,
};

#[rustfmt::skip]
const ROWS: &[Key] = &[
    key("AddHost", Lines, "", Pair("--add-host"), "Line for /etc/hosts, NAME:ADDRESS"),
    key("AuthFile", Scalar, "", Pair("--authfile"), "File with the registry's credentials"),
    key("CertDir", Scalar, "", Pair("--cert-dir"), "Directory with TLS certificates"),
    key("ContainersConfModule", Lines, "", Elsewhere, "Load this containers.conf(5) module"),
    key("Creds", Scalar, "", Pair("--creds"), "Credentials, USER:PASSWORD"),
    key("GIDMap", Words, "", Elsewhere, "Map group ids, CONTAINER:HOST:COUNT"),
    key("GlobalArgs", Arguments, "", Elsewhere, "Arguments between the program and its subcommand, in every command"),
    key("IP", Scalar, "", Pair("--ip"), "Fixed IPv4 address"),
    key("IP6", Scalar, "", Pair("--ip6"), "Fixed IPv6 address"),
    key("Label", Map, "", Pair("--label"), "Labels, NAME=VALUE"),
    key("LogOpt", Words, "", Pair("--log-opt"), "Options of the log driver"),
    key("Network", Lines, "", With(handlers::networks), "Network mode, network, .network or .container unit"),
    key("PublishPort", Lines, "", Pair("--publish"), "Publish a port, ADDRESS:HOST:CONTAINER"),
    key("RemapGid", Words, "", Elsewhere, "Group ids for RemapUsers="),
    key("RemapUid", Words, "", Elsewhere, "User ids for RemapUsers="),
    key("RemapUidSize", Number, "", Elsewhere, "Size of RemapUsers=auto (use UserNS=auto:size=)"),
    key("RemapUsers", Raw, "", Elsewhere, "manual, auto or keep-id (use UserNS=)"),
    key("Retry", Scalar, "", Pair("--retry"), "How often a failing pull is tried again"),
    key("RetryDelay", Scalar, "", Pair("--retry-delay"), "Time between two tries of a pull"),
    key("ServiceName", Scalar, "", Elsewhere, "Name of the service, without .service"),
    key("ShmSize", Scalar, "", Pair("--shm-size"), "Size of /dev/shm"),
    key("SubGIDMap", Scalar, "", Elsewhere, "Name in /etc/subgid to map from"),
    key("SubUIDMap", Scalar, "", Elsewhere, "Name in /etc/subuid to map from"),
    key("TLSVerify", Boolean, "", Switch("--tls-verify"), "Check the registry's certificate"),
    key("UIDMap", Words, "", Elsewhere, "Map user ids, CONTAINER:HOST:COUNT"),
    key("UserNS", Scalar, "", Always(users::user_namespace), "User namespace mode"),
    key("Variant", Scalar, "", Pair("--variant"), "Variant of the architecture"),
];

/// The row of this name, for a type that has the key since this release.
///
/// # Panics
/// There is none; the compiler says so, since tables are made at its time.
pub const fn shared(name: &str, since: &'static str) -> Key {
    let mut index = 0;
    while index < ROWS.len() {
        if is_same(ROWS[index].name, name) {
            return Key { since, ..ROWS[index] };
        }
        index += 1;
    }
    panic!("no row of this name is shared")
}

/// `==` of texts is not for the compiler's time yet.
const fn is_same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut index = 0;
    while index < a.len() && index < b.len() && a[index] == b[index] {
        index += 1;
    }
    index == a.len() && index == b.len()
}
