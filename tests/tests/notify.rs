//! Who says that a service is ready, and sockets that systemd hands over.

use std::time::Duration;

use unipod_tests::setup;

#[test]
fn the_container_itself_may_say_when_it_is_ready() {
    let machine = setup::boot();
    let exec = "sh -c 'until [ -e /gate/open ]; do sleep 0.05; done; systemd-notify --ready --status=open; exec sleep infinity'";
    machine.sh("mkdir -p /srv/gate").ok();
    machine.quadlet(
        "gated.container",
        &format!("[Container]\nImage=registry.local:5000/tools\nNetwork=none\nNotify=true\nVolume=/srv/gate:/gate\nExec={exec}\n"),
    );
    machine.reload();
    machine.systemctl(&["start", "--no-block", "gated"]).ok();
    machine.wait_for("[ \"$(systemctl show --value -p MainPID gated)\" != 0 ]");
    machine.wait_for("unipod ps -q | grep .");
    assert_eq!(machine.property("gated", "ActiveState"), "activating");
    machine.sh("touch /srv/gate/open").ok();
    machine.wait_for("systemctl is-active --quiet gated");
    machine.wait_for("systemctl show -p StatusText gated | grep open");
    machine.stop(&["gated"]);
    machine.nothing_remains();
}

#[test]
fn a_health_check_may_say_when_it_is_ready_and_end_it_later() {
    let machine = setup::boot();
    machine.sh("mkdir -p /srv/gate").ok();
    machine.quadlet(
        "checked.container",
        "[Container]\nImage=docker.io/library/busybox:latest\nNetwork=none\nVolume=/srv/gate:/gate\n\
         Exec=sleep infinity\nHealthCmd=test -e /gate/open\nHealthInterval=1s\nHealthRetries=1\nHealthOnFailure=kill\n\
         Notify=healthy\nHealthStartPeriod=30s\n",
    );
    machine.reload();
    machine.systemctl(&["start", "--no-block", "checked"]).ok();
    machine.wait_for("unipod ps -q | grep .");
    assert_eq!(machine.property("checked", "ActiveState"), "activating");
    machine.sh("touch /srv/gate/open").ok();
    machine.wait_for("systemctl is-active --quiet checked");
    let name = machine.sh("cat /proc/$(pgrep -f '[h]ealthcheck watch')/comm").ok();
    assert_eq!(name, "unipod", "what systemd calls the prober");
    let state = "unipod inspect -f '{{.State.Health.Status}}' systemd-checked";
    machine.wait_for(&format!("{state} | grep -x healthy"));
    assert_eq!(machine.unipod(&["healthcheck", "run", "systemd-checked"]).code, 0);
    let before = machine.journal("checked").lines().count();
    machine.sh("rm /srv/gate/open").ok();
    machine.wait_until(
        "the unhealthy container is killed and cleared away",
        Duration::from_secs(20),
        || machine.property("checked", "ActiveState") == "failed",
    );
    let after = machine.journal("checked").lines().count();
    assert!(
        after < before + 12,
        "health checks do not flood the journal:\n{}",
        machine.journal("checked")
    );
    machine.nothing_remains();
}

#[test]
fn the_health_of_a_container_in_the_foreground() {
    let machine = setup::boot();
    for (name, tty) in [("plain", ""), ("terminal", "-t")] {
        let run = format!(
            "unipod run --rm {tty} --name {name} --network none --health-cmd true --health-interval 1s \
             docker.io/library/busybox:latest sleep infinity"
        );
        machine
            .sh(&format!("script -qc '{run}' /dev/null >/dev/null 2>&1 &"))
            .ok();
        machine.wait_for(&format!(
            "unipod inspect -f '{{{{.State.Health.Status}}}}' {name} | grep -x healthy"
        ));
        machine.unipod(&["rm", "-f", "-t", "0", name]).ok();
    }
    machine.nothing_remains();
}

#[test]
fn a_socket_of_systemd_reaches_the_payload() {
    let machine = setup::boot();
    machine.write(
        "/etc/systemd/system/echo.socket",
        "[Socket]\nListenStream=127.0.0.1:7777\n",
    );
    machine.quadlet(
        "echo.container",
        "[Unit]\nRequires=echo.socket\n[Container]\nImage=registry.local:5000/web\nNetwork=none\n\
         Volume=/etc/echo.conf:/etc/nginx/nginx.conf:ro\nEnvironment=\"NGINX=3;\"\n\
         Exec=sh -c 'echo fds=$LISTEN_FDS pid=$LISTEN_PID; exec nginx -g \"daemon off;\"'\n",
    );
    machine.write(
        "/etc/echo.conf",
        "error_log stderr; events {}\nhttp { access_log off; server { listen 127.0.0.1:7777; return 200 hello; } }\n",
    );
    machine.reload();
    machine.start(&["echo.socket"]);
    assert!(!machine.is_active("echo.service"));
    assert_eq!(machine.sh("curl -sS --max-time 9 127.0.0.1:7777").ok(), "hello");
    assert!(machine.is_active("echo.service"));
    assert!(
        machine.journal("echo.service").contains("fds=1 pid=1"),
        "{}",
        machine.journal("echo.service")
    );
    machine.stop(&["echo.socket", "echo.service"]);
    machine.nothing_remains();
}
