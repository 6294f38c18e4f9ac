//! `systemctl enable` and its friends work on dropped units, and what an administrator has decided stays decided.

use unipod_tests::machine::{Machine, Output};
use unipod_tests::setup;

const UNIT: &str = "[Container]\nImage=docker.io/library/busybox:latest\nNetwork=none\nStopSignal=SIGKILL\nExec=sleep infinity\n\
                    [Install]\nWantedBy=multi-user.target\n";

/// Drops units that `[Install]` enables, one for each name.
fn drop_in(machine: &Machine, names: &[&str]) {
    for name in names {
        machine.quadlet(&format!("{name}.container"), UNIT);
    }
    machine.reload();
}

#[track_caller]
fn is_enabled(machine: &Machine, unit: &str, expected: &str) {
    let output = machine.systemctl(&["is-enabled", unit]);
    assert_eq!(output.stdout.trim(), expected, "{unit}\n{output}");
}

#[test]
fn decisions_survive_reboots() {
    let mut machine = setup::boot();
    drop_in(&machine, &["plain", "off", "back", "masked"]);
    // Nothing between the reload and the first word.
    machine.systemctl(&["disable", "off", "back"]).ok();
    machine.systemctl(&["mask", "masked"]).ok();
    machine.systemctl(&["enable", "back"]).ok();
    let expect = |machine: &Machine| {
        for (unit, state) in [
            ("plain", "enabled"),
            ("off", "disabled"),
            ("back", "enabled"),
            ("masked", "masked"),
        ] {
            is_enabled(machine, unit, state);
        }
    };
    expect(&machine);
    machine.reload();
    expect(&machine);
    machine.reboot();
    machine.wait_for("systemctl is-active plain back");
    assert!(!machine.is_active("off") && !machine.is_active("masked"));
    expect(&machine);
    // An upgrade: another version of the file, dropped by a package manager, and another reboot.
    for name in ["plain", "off"] {
        machine.quadlet(&format!("{name}.container"), &UNIT.replace("multi-user", "default"));
    }
    machine.power_cut();
    machine.wait_for("systemctl is-active plain back");
    assert!(!machine.is_active("off"));
    expect(&machine);
    machine.systemctl(&["unmask", "masked"]).ok();
    is_enabled(&machine, "masked", "enabled");
    let links = machine.sh("find /etc/systemd/system -name plain.service").ok();
    assert_eq!(links, "/etc/systemd/system/default.target.wants/plain.service");
}

#[test]
fn a_unit_dropped_in_before_a_boot_is_enabled_by_it() {
    let config = setup::config().expect("unipod is built");
    let machine = setup::boot_with(&config.text("/etc/containers/systemd/web.container", UNIT));
    machine.wait_for("systemctl is-active web");
    is_enabled(&machine, "web", "enabled");
    machine.systemctl(&["disable", "--now", "web"]).ok();
    is_enabled(&machine, "web", "disabled");
    machine.nothing_remains();
}

/// Debian's kernel mounts the root read-only, and systemd-remount-fs.service does the rest after the generators. Here
/// systemd.environment-generator(7), which runs before them, does the former, and a service the latter.
#[test]
fn a_boot_from_read_only_disks_starts_and_enables_what_is_new() {
    let mut machine = setup::boot();
    let read_only = "/etc/systemd/system-environment-generators/read-only";
    machine.write(
        read_only,
        "#!/bin/sh\ntest -e /run/read-only && exit\ntouch /run/read-only\nnsenter -t 1 -m mount -o remount,bind,ro /\n",
    );
    machine.write(
        "/etc/systemd/system/writable.service",
        "[Unit]\nDefaultDependencies=no\nBefore=local-fs-pre.target\n[Service]\nType=oneshot\n\
         ExecStart=sh -c '! touch /etc/x && mount -o remount,bind,rw /'\n[Install]\nWantedBy=sysinit.target\n",
    );
    machine
        .sh(&format!(
            "touch /run/read-only && chmod +x {read_only} && systemctl enable writable"
        ))
        .ok();
    machine.quadlet("web.container", UNIT);
    machine.reboot();
    assert_eq!(machine.property("writable", "Result"), "success");
    machine.wait_for("systemctl is-active web && test $(systemctl is-enabled web) = enabled");
    machine.systemctl(&["disable", "web"]).ok();
    is_enabled(&machine, "web", "disabled");
    machine.reboot();
    is_enabled(&machine, "web", "disabled");
    assert!(!machine.is_active("web"));
}

#[test]
fn with_read_only_disks_the_decision_comes_later() {
    let machine = setup::boot();
    machine.sh("mount -o remount,bind,ro /").ok();
    machine.write("/run/containers/systemd/web.container", UNIT);
    machine.reload();
    is_enabled(&machine, "web", "enabled-runtime");
    let wants = machine.property("multi-user.target", "Wants");
    assert!(
        wants.contains("web.service") && wants.contains("unipod-preset.service"),
        "{wants}"
    );
    machine.start(&["unipod-preset"]);
    is_enabled(&machine, "web", "enabled-runtime");
    machine.sh("mount -o remount,bind,rw /").ok();
    machine.start(&["unipod-preset"]);
    is_enabled(&machine, "web", "enabled");
    machine.systemctl(&["disable", "web"]).ok();
    is_enabled(&machine, "web", "disabled");
    let wants = machine.property("multi-user.target", "Wants");
    assert!(
        !wants.contains("web.service") && !wants.contains("unipod-preset.service"),
        "{wants}"
    );
}

#[test]
fn a_required_unit_that_is_gone_keeps_nobody_from_starting() {
    let machine = setup::boot();
    machine.write(
        "/run/containers/systemd/web.container",
        &UNIT.replace("Wanted", "Required"),
    );
    machine.reload();
    is_enabled(&machine, "web", "enabled");
    machine
        .sh("mount -o remount,bind,ro / && rm /run/containers/systemd/web.container")
        .ok();
    machine.reload();
    let requires = machine.property("multi-user.target", "Requires");
    assert!(!requires.contains("web.service"), "{requires}");
    machine.start(&["multi-user.target"]);
}

#[test]
fn the_other_verbs_work_as_on_any_unit() {
    let machine = setup::boot();
    machine.quadlet("web.container", &format!("{UNIT}Alias=site.service\n"));
    machine.quadlet(
        "job@.container",
        &format!("[Unit]\nDescription=Job %i\n{UNIT}DefaultInstance=one\n"),
    );
    machine.quadlet("static.container", UNIT.split("[Install]").next().unwrap_or_default());
    machine.quadlet("broken.container", &UNIT.replace("Network", "Netwrok"));
    machine.reload();
    is_enabled(&machine, "static", "static");
    is_enabled(&machine, "broken", "enabled");
    is_enabled(&machine, "job@one", "enabled");
    is_enabled(&machine, "job@two", "disabled");
    machine.systemctl(&["enable", "--now", "job@two"]).ok();
    machine.systemctl(&["disable", "broken"]).ok();
    is_enabled(&machine, "broken", "disabled");
    assert_eq!(machine.property("job@two", "Description"), "Job two");
    assert_eq!(machine.property("site", "Id"), "web.service");
    assert_eq!(
        machine.property("web", "FragmentPath"),
        "/run/systemd/system/web.service"
    );
    machine.systemctl(&["add-wants", "rescue.target", "web"]).ok();
    assert!(machine.property("rescue.target", "Wants").contains("web.service"));
    edit(&machine, &["web"]).ok();
    let text = machine.systemctl(&["cat", "web"]).ok();
    assert!(
        text.contains("/etc/systemd/system/web.service.d/override.conf\n[Unit]\nDescription=Edited"),
        "{text}"
    );
    assert_eq!(machine.property("web", "Description"), "Edited");
    machine.systemctl(&["revert", "web"]).ok();
    assert_ne!(machine.property("web", "Description"), "Edited");
    edit(&machine, &["--full", "web"]).ok();
    assert_eq!(
        machine.property("web", "FragmentPath"),
        "/etc/systemd/system/web.service"
    );
    machine.stop(&["job@two"]);
    machine.nothing_remains();
}

/// `systemctl edit` with an editor that sets a description; it wants a terminal.
fn edit(machine: &Machine, arguments: &[&str]) -> Output {
    machine.write(
        "/usr/local/bin/test-editor",
        "#!/bin/sh\n# The file comes last.\nfor file; do :; done\nsed -i '2a [Unit]\\nDescription=Edited' \"$file\"\n",
    );
    machine.sh(&format!(
        "chmod +x /usr/local/bin/test-editor
         SYSTEMD_EDITOR=/usr/local/bin/test-editor script -qec 'systemctl edit {}' /dev/null",
        arguments.join(" ")
    ))
}

#[test]
fn a_file_that_goes_takes_its_service_and_links_along() {
    let machine = setup::boot();
    drop_in(&machine, &["web", "other"]);
    machine
        .sh("echo '[Service]\nExecStart=true' >/run/systemd/system/foreign.service")
        .ok();
    // Generated by hand from units elsewhere: nobody removes it but who had it written.
    let by_hand = format!(
        "mkdir /tmp/units && cp /etc/containers/systemd/web.container /tmp/units/mine.container && \
         QUADLET_UNIT_DIRS=/tmp/units {} /run/systemd/system",
        setup::GENERATOR
    );
    machine.sh(&by_hand).ok();
    machine.sh("rm /etc/containers/systemd/web.container").ok();
    machine.reload();
    machine.reload();
    assert_eq!(machine.property("mine", "LoadState"), "loaded");
    assert_eq!(machine.property("web", "LoadState"), "not-found");
    assert_eq!(machine.sh("find /etc/systemd -name 'web*'").ok(), "");
    machine.sh("test -e /run/systemd/system/foreign.service").ok();
    is_enabled(&machine, "other", "enabled");
    drop_in(&machine, &["web"]);
    is_enabled(&machine, "web", "enabled");
}

#[test]
fn a_users_manager_is_no_different() {
    let mut machine = setup::boot();
    machine.sh("useradd -m joe").ok();
    // Where podman is installed, its generator would serve the same units.
    machine.sh("mkdir -p /etc/systemd/user-generators && ln -sf /dev/null /etc/systemd/user-generators/podman-user-generator").ok();
    // Without logind nobody else says it.
    machine.write(
        "/etc/systemd/system/user@.service.d/runtime.conf",
        "[Service]\nEnvironment=XDG_RUNTIME_DIR=/run/user/%i\n",
    );
    let unit = UNIT.replace("multi-user", "default");
    for name in ["plain", "off"] {
        machine.write(&format!("/home/joe/.config/containers/systemd/{name}.container"), &unit);
    }
    machine.sh("chown -R joe: /home/joe").ok();
    let log_in = |machine: &Machine| {
        machine.reload();
        machine.sh("systemctl start user@$(id -u joe)").ok();
    };
    let systemctl = |machine: &Machine, arguments: &str| {
        machine.sh(&format!(
            "setpriv --reuid joe --regid joe --init-groups \
             env HOME=/home/joe XDG_RUNTIME_DIR=/run/user/$(id -u joe) systemctl --user {arguments}"
        ))
    };
    log_in(&machine);
    assert_eq!(systemctl(&machine, "is-enabled plain off").ok(), "enabled\nenabled");
    systemctl(&machine, "disable off").ok();
    systemctl(&machine, "daemon-reload").ok();
    machine.reboot();
    log_in(&machine);
    assert_eq!(
        systemctl(&machine, "is-enabled plain off").stdout.trim(),
        "enabled\ndisabled"
    );
    let wants = systemctl(&machine, "show -P Wants default.target").ok();
    assert!(
        wants.contains("plain.service") && !wants.contains("off.service"),
        "{wants}"
    );
    systemctl(&machine, "enable off").ok();
    systemctl(&machine, "mask plain").ok();
    assert_eq!(
        systemctl(&machine, "is-enabled plain off").stdout.trim(),
        "masked\nenabled"
    );
    let path = systemctl(&machine, "show -P FragmentPath off").ok();
    assert!(path.ends_with("/systemd/user/off.service"), "{path}");
}
