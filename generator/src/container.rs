//! `.container` units: `[Container]` becomes `ExecStart=… run …`.

use crate::conversion::Conversion;
use crate::emit::Command;
use crate::handlers::{self, service, storage};
use crate::keys::{
    Emit::{
        Always, Elsewhere, JoinedEvenEmpty, Pair, PairEvenEmpty, Prefixed, PrefixedEvenEmpty, Switch, Verbatim,
        WhenTrue, With,
    },
    Key,
    Kind::{Arguments, Boolean, LastArguments, Lines, Map, Scalar, Words},
    key,
};
use crate::shared::shared;
use crate::unit::UnitType;
use crate::{mount, names, paths};

/// The keys of `[Container]`, in the order of their options.
#[rustfmt::skip]
pub static KEYS: &[Key] = &[
    shared("ContainersConfModule", "4.8"),
    shared("GlobalArgs", "4.8"),
    key("ContainerName", Scalar, "4.4", Elsewhere, "Name of the container; by default systemd-%N"),
    key("LogDriver", Scalar, "4.5", PairEvenEmpty("--log-driver"), "Where the container's output goes"),
    shared("LogOpt", "5.2"),
    key("CgroupsMode", Scalar, "5.3", Always(cgroups), "How the container uses cgroups; by default split"),
    key("Entrypoint", Scalar, "5.0", JoinedEvenEmpty("--entrypoint"), "Replace the image's entry point; empty clears it"),
    key("Timezone", Scalar, "4.4", Pair("--tz"), "Time zone inside the container"),
    key("PidsLimit", Scalar, "4.7", Pair("--pids-limit"), "Most processes the container may have"),
    shared("ShmSize", "4.7"),
    key("WorkingDir", Scalar, "4.6", Pair("--workdir"), "Working directory inside the container"),
    shared("IP", "4.5"),
    shared("IP6", "4.5"),
    key("HostName", Scalar, "4.6", Pair("--hostname"), "Host name inside the container"),
    key("StopSignal", Scalar, "5.2", Pair("--stop-signal"), "Signal that asks the container to stop"),
    key("StopTimeout", Scalar, "5.0", Pair("--stop-timeout"), "Seconds before a container that does not stop is killed"),
    key("Pull", Scalar, "4.6", Pair("--pull"), "When the image is pulled: always, missing, never, newer"),
    key("Memory", Scalar, "5.5", Pair("--memory"), "Memory limit"),
    shared("Retry", "5.5"),
    shared("RetryDelay", "5.5"),
    key("NetworkAlias", Lines, "5.2", Pair("--network-alias"), "Another name of the container in its networks"),
    key("Ulimit", Lines, "4.7", Pair("--ulimit"), "Resource limit, NAME=SOFT:HARD"),
    key("DNS", Lines, "4.7", Pair("--dns"), "Name server of the container"),
    key("DNSOption", Lines, "4.7", Pair("--dns-option"), "Resolver option of the container"),
    key("DNSSearch", Lines, "4.7", Pair("--dns-search"), "Search domain of the container"),
    key("GroupAdd", Lines, "5.1", Pair("--group-add"), "Supplementary group of the container's process"),
    shared("AddHost", "5.3"),
    key("Tmpfs", Lines, "4.5", Pair("--tmpfs"), "Mount a tmpfs, PATH:OPTIONS"),
    key("RunInit", Boolean, "4.4", Switch("--init"), "Run a small init as the container's first process"),
    key("EnvironmentHost", Boolean, "4.4", Switch("--env-host"), "Pass the host's environment on"),
    key("HttpProxy", Boolean, "5.7", Switch("--http-proxy"), "Pass the host's proxy variables on"),
    key("ReadOnlyTmpfs", Boolean, "4.8", Switch("--read-only-tmpfs"), "With ReadOnly=: keep /tmp, /run and the like writable"),
    shared("Network", "4.4"),
    key("Notify", Scalar, "4.4", Always(notify), "Who says that the container is ready: true for its payload, or healthy"),
    key("NoNewPrivileges", Boolean, "4.4", WhenTrue(&["--security-opt=no-new-privileges"]), "Processes cannot gain privileges"),
    key("SecurityLabelDisable", Boolean, "4.5", WhenTrue(&["--security-opt", "label=disable"]), "No label separation"),
    key("SecurityLabelNested", Boolean, "4.6", WhenTrue(&["--security-opt", "label=nested"]), "Labels work inside the container"),
    key("SecurityLabelType", Scalar, "4.5", Prefixed("--security-opt", "label=type:"), "Label process type"),
    key("SecurityLabelFileType", Scalar, "4.5", Prefixed("--security-opt", "label=filetype:"), "Label file type"),
    key("SecurityLabelLevel", Scalar, "4.5", Prefixed("--security-opt", "label=level:"), "Label process level"),
    key("AppArmor", Scalar, "5.8", Prefixed("--security-opt", "apparmor="), "AppArmor profile"),
    key("AddDevice", Words, "4.4", With(devices), "Device of the host, HOST:CONTAINER:PERMISSIONS; with a leading dash only if it exists"),
    key("SeccompProfile", Scalar, "4.4", PrefixedEvenEmpty("--security-opt", "seccomp="), "Seccomp profile, or unconfined"),
    key("DropCapability", Words, "4.4", With(drop_capabilities), "Capabilities to take away"),
    key("AddCapability", Words, "4.4", With(add_capabilities), "Capabilities to add"),
    key("Sysctl", Words, "4.6", Pair("--sysctl"), "Kernel parameters of the container, NAME=VALUE"),
    key("ReadOnly", Boolean, "4.4", Switch("--read-only"), "The container's root file system cannot be written"),
    key("VolatileTmp", Boolean, "4.4", With(volatile_tmp), "A tmpfs on /tmp (use Tmpfs=/tmp)"),
    key("User", Scalar, "4.4", Always(user), "User inside the container"),
    key("Group", Scalar, "4.4", Elsewhere, "Group inside the container, with User="),
    shared("UserNS", "4.5"),
    shared("UIDMap", "4.8"),
    shared("GIDMap", "4.8"),
    shared("SubUIDMap", "4.8"),
    shared("SubGIDMap", "4.8"),
    shared("RemapUsers", "4.4"),
    shared("RemapUid", "4.4"),
    shared("RemapGid", "4.4"),
    shared("RemapUidSize", "4.4"),
    key("Volume", Lines, "4.4", With(storage::volumes), "Mount SOURCE:DESTINATION:OPTIONS; a path, a volume or a .volume unit"),
    key("AutoUpdate", Scalar, "4.6", Prefixed("--label", "io.containers.autoupdate="), "How the image is updated: registry or local"),
    key("ExposeHostPort", Lines, "4.4", With(expose), "Expose a port or a range of ports"),
    shared("PublishPort", "4.4"),
    key("Environment", Map, "4.4", Pair("--env"), "Environment variables, NAME=VALUE; a bare NAME is inherited"),
    shared("Label", "4.4"),
    key("Annotation", Map, "4.4", Pair("--annotation"), "OCI annotations, NAME=VALUE"),
    key("Mask", Arguments, "4.6", Prefixed("--security-opt", "mask="), "Paths to hide, separated by colons"),
    key("Unmask", Arguments, "4.6", Prefixed("--security-opt", "unmask="), "Paths not to hide, or ALL"),
    key("EnvironmentFile", Arguments, "4.4", With(environment_files), "File of environment variables, relative to the unit"),
    key("Secret", Arguments, "4.5", Pair("--secret"), "Secret, NAME,OPTION=VALUE"),
    key("Mount", Arguments, "4.5", With(mount::mounts), "Mount, type=TYPE,source=…,destination=…"),
    key("HealthCmd", Scalar, "4.5", Pair("--health-cmd"), "Command that tells whether the container is healthy"),
    key("HealthInterval", Scalar, "4.5", Pair("--health-interval"), "Time between two health checks"),
    key("HealthOnFailure", Scalar, "4.5", Pair("--health-on-failure"), "What happens to an unhealthy container: none, kill, restart, stop"),
    key("HealthLogDestination", Scalar, "5.3", Pair("--health-log-destination"), "Where health check logs go"),
    key("HealthMaxLogCount", Scalar, "5.3", Pair("--health-max-log-count"), "How many health check results are kept"),
    key("HealthMaxLogSize", Scalar, "5.3", Pair("--health-max-log-size"), "How much of a health check's output is kept"),
    key("HealthRetries", Scalar, "4.5", Pair("--health-retries"), "Failures in a row that make a container unhealthy"),
    key("HealthStartPeriod", Scalar, "4.5", Pair("--health-start-period"), "Time during which failures do not count"),
    key("HealthTimeout", Scalar, "4.5", Pair("--health-timeout"), "Time after which a health check has failed"),
    key("HealthStartupCmd", Scalar, "4.5", Pair("--health-startup-cmd"), "Command of the startup check"),
    key("HealthStartupInterval", Scalar, "4.5", Pair("--health-startup-interval"), "Time between two startup checks"),
    key("HealthStartupRetries", Scalar, "4.5", Pair("--health-startup-retries"), "Failed startup checks before the container restarts"),
    key("HealthStartupSuccess", Scalar, "4.5", Pair("--health-startup-success"), "Successes that end the startup check"),
    key("HealthStartupTimeout", Scalar, "4.5", Pair("--health-startup-timeout"), "Time after which a startup check has failed"),
    key("Pod", Scalar, "5.0", With(pod), "The .pod unit that the container belongs to"),
    key("StartWithPod", Boolean, "5.3", Elsewhere, "Whether the pod starts the container; true by default"),
    key("PodmanArgs", Arguments, "4.4", Verbatim, "Further options of run"),
    key("Image", Scalar, "4.4", Elsewhere, "The image, or an .image or .build unit"),
    key("Rootfs", Scalar, "4.5", Elsewhere, "A directory to use instead of an image"),
    key("Exec", LastArguments, "4.4", Elsewhere, "Command and arguments inside the container"),
    key("ReloadCmd", LastArguments, "5.5", Elsewhere, "Command to run in the container on reload"),
    key("ReloadSignal", Scalar, "5.5", Elsewhere, "Signal to send to the container on reload"),
    shared("ServiceName", "5.3"),
];

/// Converts one `.container` unit.
pub fn convert(c: &mut Conversion<'_>) {
    let name = name(c);
    let kill = ["rm", "-v", "-f", "-i", name];
    let rm = c.command("", &kill);
    let rm_after = c.command("-", &kill);
    c.add_service("Environment", "PODMAN_SYSTEMD_UNIT=%n");
    service::kill_mode(c);
    c.add_service("ExecStop", rm);
    c.add_service("ExecStopPost", rm_after);
    reload(c, name);
    c.add_service("Delegate", "yes");
    service::tasks_max(c);
    service::notify_type(c);
    c.default_service("SyslogIdentifier", "%N");
    // What a payload writes is its own: a line that begins with <0> is no emergency of the host.
    c.default_service("SyslogLevelPrefix", "no");

    let operand = image_operand(c);
    let mut command = c.base("");
    command.words(["run", "--name", name, "--replace", "--rm"]);
    c.emit(KEYS, &mut command);
    command.append(&operand);
    command.words(c.command_words("Exec").unwrap_or_default());
    c.add_service("ExecStart", command.into_line());
}

/// The container's name: given, or derived by systemd from the unit's.
pub fn name<'a>(c: &Conversion<'a>) -> &'a str {
    names::container_name(c.unit, &c.section)
}

/// `Image=` or `Rootfs=`: exactly one of them has to be there.
fn image_operand(c: &mut Conversion<'_>) -> Command {
    let mut operand = Command::default();
    match (c.section.nonempty("Image"), c.section.nonempty("Rootfs")) {
        (None, None) => c.error_section("neither Image= nor Rootfs= is set"),
        (Some(_), Some(_)) => c.error_at("Rootfs", "Image= and Rootfs= cannot be used together"),
        (None, Some(rootfs)) => {
            operand.option("--rootfs", rootfs);
        }
        (Some(image), None) => {
            if let Some(image) = handlers::image(c, "Image", image) {
                operand.word(image);
            }
        }
    }
    operand
}

fn reload(c: &mut Conversion<'_>, name: &str) {
    let command = c.command_words("ReloadCmd");
    let signal = c.section.nonempty("ReloadSignal");
    let line = match (command, signal) {
        (Some(_), Some(_)) => {
            return c.error_at("ReloadSignal", "ReloadCmd= and ReloadSignal= cannot be used together");
        }
        (Some(words), None) => {
            let mut line = c.base("");
            line.words(["exec", name]).words(words);
            line.into_line()
        }
        (None, Some(signal)) => c.command("", &["kill", "--signal", signal, name]),
        (None, None) => return,
    };
    c.add_service("ExecReload", line);
}

fn cgroups(c: &mut Conversion<'_>, command: &mut Command) {
    match c.section.nonempty("CgroupsMode") {
        Some(mode) => command.option("--cgroups", mode),
        None => command.word("--cgroups=split"),
    };
}

/// Who tells systemd that the service is up; a oneshot service is up when it is done, so nobody does.
fn notify(c: &mut Conversion<'_>, command: &mut Command) {
    if service::is_oneshot(c) {
        return;
    }
    command.word(match c.section.scalar("Notify") {
        Some(who) if who.eq_ignore_ascii_case("healthy") => "--sdnotify=healthy",
        Some(_) if c.section.boolean("Notify") == Some(true) => "--sdnotify=container",
        _ => "--sdnotify=conmon",
    });
    command.word("-d");
}

/// A leading dash makes a device optional: it is left out when the host surely does not have it.
fn devices(c: &mut Conversion<'_>, command: &mut Command) {
    for word in c.words("AddDevice") {
        let device = word.strip_prefix('-');
        if device.is_some_and(|device| c.host.lacks(device.split(':').next().unwrap_or_default())) {
            continue;
        }
        command.option("--device", device.unwrap_or(&word));
    }
}

fn drop_capabilities(c: &mut Conversion<'_>, command: &mut Command) {
    capabilities(c, command, "DropCapability", "--cap-drop");
}

fn add_capabilities(c: &mut Conversion<'_>, command: &mut Command) {
    capabilities(c, command, "AddCapability", "--cap-add");
}

fn capabilities(c: &Conversion<'_>, command: &mut Command, key: &str, flag: &str) {
    for word in c.words(key) {
        command.option(flag, &word.to_lowercase());
    }
}

fn volatile_tmp(c: &mut Conversion<'_>, command: &mut Command) {
    if c.section.boolean("VolatileTmp") == Some(true) && c.section.boolean("ReadOnly") != Some(true) {
        command.option("--tmpfs", "/tmp:rw,size=512M,mode=1777");
    }
}

fn user(c: &mut Conversion<'_>, command: &mut Command) {
    match (c.section.nonempty("User"), c.section.nonempty("Group")) {
        (Some(user), None) => {
            command.option("--user", user);
        }
        (Some(user), Some(group)) => {
            command.word("--user").concatenated(&[user, ":", group]);
        }
        (None, Some(_)) => c.error_at("Group", "Group= needs User="),
        (None, None) => {}
    }
}

/// The reference checks only how the value ends: a port or a range, perhaps with `/tcp` or `/udp`.
fn expose(c: &mut Conversion<'_>, command: &mut Command) {
    for entry in c.lines("ExposeHostPort") {
        let value = entry.value().trim();
        let port = value
            .strip_suffix("/tcp")
            .or_else(|| value.strip_suffix("/udp"))
            .unwrap_or(value);
        if port.ends_with(|last: char| last.is_ascii_digit()) {
            command.option("--expose", value);
        } else {
            c.error(entry, format!("\"{value}\" is not a port like 80, 8000-8010 or 53/udp"));
        }
    }
}

fn environment_files(c: &mut Conversion<'_>, command: &mut Command) {
    for file in c.args("EnvironmentFile") {
        command.option("--env-file", &paths::unit_relative(c.unit, &file));
    }
}

fn pod(c: &mut Conversion<'_>, command: &mut Command) {
    let Some((entry, pod)) = c.text_entry("Pod") else {
        return;
    };
    if !UnitType::Pod.ends(pod) {
        return c.error(entry, format!("\"{pod}\" is not the name of a .pod unit"));
    }
    let Some(target) = c.reference(entry, pod) else { return };
    if let Some(pod) = c.resource(entry, target) {
        command.option("--pod", pod);
    }
    let service = c.service_of(target);
    c.add_unit("BindsTo", service.clone());
    c.add_unit("After", service);
    if c.section.boolean("StartWithPod") != Some(false) && !c.unit.is_template() {
        c.member_of = Some(target);
    }
}
