//! `.pod` units: `[Pod]` becomes a service around `pod create`, `start`, `stop` and `rm`.

use crate::conversion::Conversion;
use crate::emit::Command;
use crate::handlers::storage;
use crate::keys::{
    Emit::{Always, Elsewhere, Pair, Verbatim, With},
    Key,
    Kind::{Arguments, Lines, Scalar},
    key,
};
use crate::shared::shared;

/// The keys of `[Pod]`, in the order of their options.
#[rustfmt::skip]
pub static KEYS: &[Key] = &[
    shared("ContainersConfModule", "5.0"),
    shared("GlobalArgs", "5.0"),
    key("ExitPolicy", Scalar, "5.6", Always(exit_policy), "What happens when the last container exits: stop or continue"),
    shared("UserNS", "5.3"),
    shared("UIDMap", "5.3"),
    shared("GIDMap", "5.3"),
    shared("SubUIDMap", "5.3"),
    shared("SubGIDMap", "5.3"),
    shared("RemapUsers", "5.3"),
    shared("RemapUid", "5.3"),
    shared("RemapGid", "5.3"),
    shared("RemapUidSize", "5.3"),
    shared("PublishPort", "5.0"),
    shared("Label", "5.6"),
    shared("Network", "5.0"),
    shared("IP", "5.3"),
    shared("IP6", "5.3"),
    shared("ShmSize", "5.4"),
    key("NetworkAlias", Lines, "5.2", Pair("--network-alias"), "Another name of the pod in its networks"),
    key("DNS", Lines, "5.3", Pair("--dns"), "Name server of the pod"),
    key("DNSOption", Lines, "5.3", Pair("--dns-option"), "Resolver option of the pod"),
    key("DNSSearch", Lines, "5.3", Pair("--dns-search"), "Search domain of the pod"),
    shared("AddHost", "5.3"),
    key("HostName", Lines, "5.5", Pair("--hostname"), "Host name inside the pod"),
    key("Volume", Lines, "5.0", With(storage::volumes), "Mount SOURCE:DESTINATION:OPTIONS in every container"),
    key("PodName", Scalar, "5.0", Always(names), "Name of the pod; by default systemd-NAME"),
    key("PodmanArgs", Arguments, "5.0", Verbatim, "Further options of pod create"),
    key("StopTimeout", Scalar, "5.7", Elsewhere, "Seconds before containers that do not stop are killed; 10 by default"),
    shared("ServiceName", "5.3"),
];

/// Converts one `.pod` unit.
pub fn convert(c: &mut Conversion<'_>) {
    for member in std::mem::take(&mut c.members) {
        c.add_unit("Wants", &member);
        c.add_unit("Before", member);
    }
    let pod = c.own_resource();
    let time = format!("--time={}", c.section.scalar("StopTimeout").unwrap_or("10"));
    c.default_service("SyslogIdentifier", "%N");
    c.add_service("ExecStart", c.command("", &["pod", "start", pod]));
    c.add_service("ExecStop", c.command("", &["pod", "stop", "--ignore", &time, pod]));
    c.add_service(
        "ExecStopPost",
        c.command("", &["pod", "rm", "--ignore", "--force", pod]),
    );
    let has_process = c.host.drives_podman();
    let mut create = c.base("");
    create.words(["pod", "create"]);
    if has_process {
        create.word("--infra-conmon-pidfile=%t/%N.pid");
    }
    create.word("--replace");
    c.emit(KEYS, &mut create);
    c.add_service("ExecStartPre", create.into_line());
    c.add_service("Environment", "PODMAN_SYSTEMD_UNIT=%n");
    if has_process {
        c.set_service("Type", "forking");
    } else {
        remain_without_process(c);
    }
    // Unlike the reference before 6.0, which takes no other.
    c.default_service("Restart", "on-failure");
    if has_process {
        c.set_service("PIDFile", "%t/%N.pid");
    }
}

/// A pod of unipod has no process: its service is up when `pod start` says so, and stays up without one. A oneshot service
/// would do the same, but may not have `Restart=always`. Only a pod that shares process IDs has a process, and ends with it.
fn remain_without_process(c: &mut Conversion<'_>) {
    c.set_service("Type", "notify");
    c.set_service("NotifyAccess", "all");
    if shares_processes(&c.args("PodmanArgs")) {
        c.text.service.leave_out("RemainAfterExit");
    } else {
        c.set_service("RemainAfterExit", "yes");
    }
    c.text.service.leave_out("PIDFile");
}

/// Whether these options of `pod create` make a PID namespace that containers share.
fn shares_processes(words: &[String]) -> bool {
    let values = |option: &'static str| {
        words.iter().enumerate().filter_map(move |(index, word)| {
            let rest = word.strip_prefix(option)?;
            let next = || words.get(index + 1).map(String::as_str);
            rest.strip_prefix('=').or_else(|| next().filter(|_| rest.is_empty()))
        })
    };
    let is_pid = |value: &str| {
        value
            .trim_start_matches('+')
            .split(',')
            .any(|word| word.trim() == "pid")
    };
    let is_elsewhere =
        values("--pid").any(|value| value != "private") || words.iter().any(|word| word == "--infra=false");
    values("--share").next_back().is_some_and(is_pid) && !is_elsewhere
}

fn exit_policy(c: &mut Conversion<'_>, command: &mut Command) {
    command.option("--exit-policy", c.section.scalar("ExitPolicy").unwrap_or("stop"));
}

fn names(c: &mut Conversion<'_>, command: &mut Command) {
    let pod = c.own_resource();
    command
        .word("--infra-name")
        .concatenated(&[pod, "-infra"])
        .option("--name", pod);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_a_shared_pid_namespace() {
        for (words, is) in [
            ("", false),
            ("--share=+pid", true),
            ("--share +pid", true),
            ("--share net,pid --cpus=1", true),
            ("--share=pid --share=net", false),
            ("--share net", false),
            ("--share", false),
            ("--share +pid --pid host", false),
            ("--share=pid --pid=host", false),
            ("--share=+pid --infra=false", false),
        ] {
            let split: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
            assert_eq!(shares_processes(&split), is, "{words}");
        }
    }
}
