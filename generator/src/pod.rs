//! `.pod` units: `[Pod]` becomes a forking service around `pod create`, `start`, `stop` and `rm`.

use crate::convert::Conversion;
use crate::emit::Command;
use crate::handlers::{self, storage, users};
use crate::keys::{
    Emit::{Elsewhere, Pair, Verbatim, With},
    Key,
    Kind::{Arguments, Lines, Map, Number, Raw, Scalar, Words},
    key,
};

/// The keys of `[Pod]`, in the order of their options.
#[rustfmt::skip]
pub static KEYS: &[Key] = &[
    key("ContainersConfModule", Lines, "5.0", Elsewhere, "Load this containers.conf(5) module"),
    key("GlobalArgs", Arguments, "5.0", Elsewhere, "Arguments between the program and its subcommand, in every command"),
    key("ExitPolicy", Scalar, "5.6", With(exit_policy), "What happens when the last container exits: stop or continue"),
    key("UserNS", Scalar, "5.3", With(users::user_namespace), "User namespace mode"),
    key("UIDMap", Words, "5.3", Elsewhere, "Map user ids, CONTAINER:HOST:COUNT"),
    key("GIDMap", Words, "5.3", Elsewhere, "Map group ids, CONTAINER:HOST:COUNT"),
    key("SubUIDMap", Scalar, "5.3", Elsewhere, "Name in /etc/subuid to map from"),
    key("SubGIDMap", Scalar, "5.3", Elsewhere, "Name in /etc/subgid to map from"),
    key("RemapUsers", Raw, "5.3", Elsewhere, "manual, auto or keep-id (use UserNS=)"),
    key("RemapUid", Words, "5.3", Elsewhere, "User ids for RemapUsers= (use UIDMap=)"),
    key("RemapGid", Words, "5.3", Elsewhere, "Group ids for RemapUsers= (use GIDMap=)"),
    key("RemapUidSize", Number, "5.3", Elsewhere, "Size of RemapUsers=auto (use UserNS=auto:size=)"),
    key("PublishPort", Lines, "5.0", Pair("--publish"), "Publish a port, ADDRESS:HOST:CONTAINER"),
    key("Label", Map, "5.6", Pair("--label"), "Labels, NAME=VALUE"),
    key("Network", Lines, "5.0", With(handlers::networks), "Network mode, network, .network or .container unit"),
    key("IP", Scalar, "5.3", Pair("--ip"), "Fixed IPv4 address"),
    key("IP6", Scalar, "5.3", Pair("--ip6"), "Fixed IPv6 address"),
    key("ShmSize", Scalar, "5.4", Pair("--shm-size"), "Size of /dev/shm"),
    key("NetworkAlias", Lines, "5.2", Pair("--network-alias"), "Another name of the pod in its networks"),
    key("DNS", Lines, "5.3", Pair("--dns"), "Name server of the pod"),
    key("DNSOption", Lines, "5.3", Pair("--dns-option"), "Resolver option of the pod"),
    key("DNSSearch", Lines, "5.3", Pair("--dns-search"), "Search domain of the pod"),
    key("AddHost", Lines, "5.3", Pair("--add-host"), "Line for /etc/hosts, NAME:ADDRESS"),
    key("HostName", Lines, "5.5", Pair("--hostname"), "Host name inside the pod"),
    key("Volume", Lines, "5.0", With(storage::volumes), "Mount SOURCE:DESTINATION:OPTIONS in every container"),
    key("PodName", Scalar, "5.0", With(names), "Name of the pod; by default systemd-NAME"),
    key("PodmanArgs", Arguments, "5.0", Verbatim, "Further options of pod create"),
    key("StopTimeout", Scalar, "5.7", Elsewhere, "Seconds before containers that do not stop are killed; 10 by default"),
    key("ServiceName", Scalar, "5.3", Elsewhere, "Name of the service, without .service"),
];

/// Converts one `.pod` unit.
pub fn convert(c: &mut Conversion<'_>) {
    for member in c.members {
        c.add_unit("Wants", member);
        c.add_unit("Before", member);
    }
    let pod = c.own_resource();
    let time = format!("--time={}", c.section.scalar("StopTimeout").unwrap_or("10"));
    c.default_service("SyslogIdentifier", "%N");
    c.add_service("ExecStart", c.command("", &["pod", "start", &pod]));
    c.add_service("ExecStop", c.command("", &["pod", "stop", "--ignore", &time, &pod]));
    c.add_service(
        "ExecStopPost",
        c.command("", &["pod", "rm", "--ignore", "--force", &pod]),
    );
    let mut create = c.base("");
    create.words(["pod", "create", "--infra-conmon-pidfile=%t/%N.pid", "--replace"]);
    c.emit(KEYS, &mut create);
    c.add_service("ExecStartPre", create.into_line());
    c.add_service("Environment", "PODMAN_SYSTEMD_UNIT=%n");
    c.set_service("Type", "forking");
    c.set_service("PIDFile", "%t/%N.pid");
    c.default_service("Restart", "on-failure");
}

fn exit_policy(c: &mut Conversion<'_>, command: &mut Command) {
    command.option("--exit-policy", c.section.scalar("ExitPolicy").unwrap_or("stop"));
}

fn names(c: &mut Conversion<'_>, command: &mut Command) {
    let pod = c.own_resource();
    command
        .word("--infra-name")
        .concatenated(&[&pod, "-infra"])
        .option("--name", &pod);
}
