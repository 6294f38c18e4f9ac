//! The keys of `[Service]` that systemd needs to run an engine (H9.8); what the user has said wins, or is an error.

use crate::conversion::Conversion;
use crate::keys::Key;

/// `ExecStart=` of a service that runs one command once: its words, the options of these keys, what it is about.
pub fn one_command(c: &mut Conversion<'_>, keys: &'static [Key], words: &[&str], operand: &str) {
    let mut command = c.base("");
    command.words(words);
    c.emit(keys, &mut command);
    command.word(operand);
    c.add_service("ExecStart", command.into_line());
    one_shot(c, true);
}

/// What a service that runs once needs after its `ExecStart=` (H9.8); the user's own lines win.
pub fn one_shot(c: &mut Conversion<'_>, remain: bool) {
    c.default_service("SyslogIdentifier", "%N");
    c.default_service("Type", "oneshot");
    if remain {
        c.default_service("RemainAfterExit", "yes");
    }
}

/// `KillMode=`: the engine needs to be told by systemd, so only two of systemd's modes work.
pub fn kill_mode(c: &mut Conversion<'_>) {
    match c.service.last("KillMode") {
        None => c.add_service("KillMode", "mixed"),
        Some(entry) if !matches!(c.service.scalar("KillMode"), Some("mixed" | "control-group")) => {
            c.error(entry, "KillMode= can only be mixed or control-group");
        }
        Some(_) => {}
    }
}

/// `TasksMax=`: as many processes as podman lets a container have (containers.conf(5), `pids_limit`), unless another number is
/// given to the engine, which then counts below the unit.
pub fn tasks_max(c: &mut Conversion<'_>) {
    let is_option = |word: &String| word.split('=').next() == Some("--pids-limit");
    let is_given = c.section.nonempty("PidsLimit").is_some() || c.options("PodmanArgs").iter().any(is_option);
    c.default_service("TasksMax", if is_given { "infinity" } else { "2048" });
}

/// Whether the service runs once.
pub fn is_oneshot(c: &Conversion<'_>) -> bool {
    c.service.scalar("Type") == Some("oneshot")
}

/// `Type=notify`, unless the service runs once.
pub fn notify_type(c: &mut Conversion<'_>) {
    match c.service.scalar("Type") {
        None | Some("notify") => {
            c.set_service("Type", "notify");
            c.set_service("NotifyAccess", "all");
        }
        Some("oneshot") => {}
        Some(_) => {
            if let Some(entry) = c.service.last("Type") {
                c.error(entry, "Type= can only be notify or oneshot");
            }
        }
    }
}
