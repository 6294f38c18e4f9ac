//! Boots: units enabled by [Install] come up, also after a power cut, and thirty of them at once.

use std::fmt::Write;

use unipod_tests::setup;

#[test]
fn enabled_units_come_up_after_a_reboot_and_after_a_power_cut() {
    let mut machine = setup::boot();
    machine.quadlet(
        "web.container",
        "[Container]\nImage=registry.local:5000/web:latest\nPublishPort=8080:80\nVolume=pages:/www\n\
         [Install]\nWantedBy=multi-user.target\n",
    );
    machine.reload();
    machine.start(&["web"]);
    machine.wait_for("curl -fsS localhost:8080 | grep hello");
    machine.reboot();
    machine.wait_for("systemctl is-active --quiet web && curl -fsS localhost:8080 | grep hello");
    machine.power_cut();
    machine.wait_for("systemctl is-active --quiet web && curl -fsS localhost:8080 | grep hello");
    assert_eq!(
        machine.unipod(&["ps", "-aq"]).ok().lines().count(),
        1,
        "one container, and none of boots before"
    );
    let layers = machine.sh("ls -A /var/lib/unipod/ephemeral 2>/dev/null").stdout;
    assert!(
        layers.lines().count() <= 1,
        "writable layers of boots before are gone:\n{layers}"
    );
    machine.stop(&["web"]);
    machine.nothing_remains();
}

#[test]
fn thirty_units_start_and_stop_at_once() {
    let machine = setup::boot();
    machine.unipod(&["pull", "-q", "docker.io/library/busybox:latest"]).ok();
    let mut names = Vec::new();
    for number in 0..30 {
        let mut text = format!(
            "[Container]\nImage=docker.io/library/busybox:latest\n\
             Exec=httpd -f -p 80 -h /etc\nHostName=box{number}\nStopSignal=SIGKILL\n"
        );
        if number % 2 == 0 {
            // A failed expectation would show here: a String always takes what is written to it.
            let _ = writeln!(text, "PublishPort={}:80", 8100 + number);
        } else {
            text.push_str("Network=none\n");
        }
        machine.quadlet(&format!("box{number}.container"), &text);
        names.push(format!("box{number}"));
    }
    machine.reload();
    let units: Vec<&str> = names.iter().map(String::as_str).collect();
    machine.start(&units);
    for unit in &units {
        assert!(machine.is_active(unit), "{}", machine.status(&[unit]));
    }
    for number in (0..30).step_by(2) {
        machine.wait_for(&format!(
            "curl -fsS localhost:{}/hostname | grep -x box{number}",
            8100 + number
        ));
    }
    let addresses = machine
        .sh("unipod ps -q | xargs unipod inspect -f '{{.NetworkSettings.IPAddress}}' | grep . | sort | uniq -d")
        .ok();
    assert_eq!(addresses, "", "every container has an address of its own");
    machine.stop(&units);
    machine.nothing_remains();
}
