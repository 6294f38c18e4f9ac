//! Pods: of unit files and of the command line. No process of their own, shared namespaces, one life.

use unipod_tests::machine::Machine;
use unipod_tests::setup;

const IMAGE: &str = "docker.io/library/busybox:latest";

/// A member of the pod of `shop.pod`.
fn member(exec: &str, service: &str) -> String {
    format!("[Container]\nImage={IMAGE}\nPod=shop.pod\nExec={exec}\n[Service]\n{service}\n")
}

/// A pod with a web server, which shows what the application says.
fn shop(machine: &Machine, pod: &str) {
    machine.unipod(&["pull", "-q", IMAGE]).ok();
    machine.quadlet("shop.pod", pod);
    machine.quadlet(
        "web.container",
        &member(
            "sh -c 'mkdir -p /www; echo from the web >/www/index.html; exec httpd -f -p 80 -h /www'",
            "",
        ),
    );
    machine.quadlet(
        "app.container",
        &member(
            "sh -c 'mkdir -p /www; echo from the app >/www/index.html; exec httpd -f -p 81 -h /www'",
            "",
        ),
    );
    machine.reload();
}

#[test]
fn a_pod_of_a_unit_file() {
    let machine = setup::boot();
    shop(&machine, "[Pod]\nPublishPort=8080:80\n");
    machine.start(&["shop-pod"]);
    machine.wait_for("curl -fsS localhost:8080 | grep 'from the web'");
    assert_eq!(machine.property("shop-pod", "SubState"), "exited");
    assert_eq!(machine.property("shop-pod", "MainPID"), "0");
    assert_eq!(machine.property("shop-pod", "ControlGroup"), "");
    let app = "unipod exec systemd-web wget -qO- localhost:81";
    assert_eq!(machine.sh(app).ok(), "from the app");
    let said = machine.unipod(&["pod", "ps"]).ok();
    assert!(said.contains("systemd-shop") && said.contains("Running"), "{said}");

    machine.sh("systemctl kill -s KILL app").ok();
    machine.wait_for("! systemctl is-active -q app");
    assert_eq!(machine.property("web", "ActiveState"), "active");
    machine.start(&["app"]);
    assert_eq!(machine.sh(app).ok(), "from the app");
    machine.sh("systemctl restart shop-pod").ok();
    machine.wait_for("curl -fsS localhost:8080 | grep 'from the web'");
    machine.stop(&["shop-pod"]);
    for unit in ["web", "app"] {
        assert_eq!(machine.property(unit, "MainPID"), "0");
    }
    machine.nothing_remains();
}

#[test]
fn a_pod_of_the_command_line() {
    let machine = setup::boot();
    machine.unipod(&["pull", "-q", IMAGE]).ok();
    machine.sh("unipod pod create --name podtest").ok();
    for _ in 0..2 {
        machine
            .sh(&format!("unipod create --pod podtest -d {IMAGE} sleep 600"))
            .ok();
    }
    machine.sh("unipod pod start podtest").ok();
    let said = machine
        .sh("unipod pod inspect -f '{{.State}} {{.NumContainers}}' podtest")
        .ok();
    assert_eq!(said, "Running 2");
    machine
        .sh(&format!(
            "unipod run --rm --pod podtest {IMAGE} hostname | grep podtest"
        ))
        .ok();
    machine.sh("unipod pod stop podtest").ok();
    machine.sh("unipod pod rm podtest").ok();
    machine.nothing_remains();
}
