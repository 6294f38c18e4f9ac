//! The same services on each OCI runtime that Debian packages. For youki, or to run everything on another runtime: a test
//! root without crun (`UNIPOD_TEST_ROOT`), where the engine takes what is there.

use unipod_tests::machine::Machine;
use unipod_tests::setup;

/// What is tested on each of them.
fn on_each(test: impl Fn(&Machine, &str)) {
    let machine = setup::boot();
    machine.write("/etc/subuid", "containers:2147483647:2147483648\n");
    machine.write("/etc/subgid", "containers:2147483647:2147483648\n");
    for runtime in ["crun", "runc"] {
        test(&machine, runtime);
        machine.nothing_remains();
    }
}

/// Drops in and loads a container that runs on `runtime`.
fn quadlet(machine: &Machine, runtime: &str, name: &str, lines: &str) {
    let text = format!("[Container]\nGlobalArgs=--runtime {runtime}\n{lines}\n[Install]\nWantedBy=multi-user.target\n");
    machine.quadlet(&format!("{name}.container"), &text);
    machine.reload();
}

#[test]
fn a_server_runs_in_its_units_cgroup_and_stops() {
    on_each(|machine, runtime| {
        let lines = "Image=registry.local:5000/web:latest\nPublishPort=8080:80\nVolume=pages:/www\nReadOnly=true\n\
                     ContainerName=web\nAddCapability=NET_RAW\nNoNewPrivileges=true";
        quadlet(machine, runtime, "web", lines);
        machine.start(&["web"]);
        machine.wait_for("curl -fsS localhost:8080/about.txt | grep 'from the image'");
        let used = machine.unipod(&["inspect", "--format", "{{.OCIRuntime}}", "web"]).ok();
        assert_eq!(used, runtime);
        let pid = machine.property("web", "MainPID");
        let cgroup = machine.read(&format!("/proc/{pid}/cgroup"));
        assert!(cgroup.contains("0::/system.slice/web.service"), "{runtime}: {cgroup}");
        let status = machine.read(&format!("/proc/{pid}/status"));
        assert!(
            status.contains("Seccomp:\t2") && status.contains("NoNewPrivs:\t1"),
            "{runtime}: {status}"
        );

        let inside = |words: &[&str]| machine.unipod(&[&["exec", "web"], words].concat());
        assert_eq!(inside(&["sh", "-c", "exit 9"]).code, 9, "{runtime}");
        assert_eq!(inside(&["/no/such/program"]).code, 127, "{runtime}");
        inside(&["touch", "/new"]).refused();
        inside(&["touch", "/tmp/new", "/www/new"]).ok();

        machine.systemctl(&["restart", "web"]).ok();
        machine.wait_for("curl -fsS localhost:8080/about.txt");
        machine.stop(&["web"]);
        assert_eq!(machine.property("web", "Result"), "success", "{runtime}");
    });
}

#[test]
fn ends_and_readiness_are_the_payloads_own() {
    on_each(|machine, runtime| {
        let busybox = "Image=docker.io/library/busybox:latest\nNetwork=none\n";
        quadlet(machine, runtime, "seven", &format!("{busybox}Exec=sh -c 'exit 7'"));
        machine.start(&["seven"]);
        machine.wait_for("systemctl is-failed --quiet seven");
        assert_eq!(machine.property("seven", "ExecMainStatus"), "7", "{runtime}");

        quadlet(machine, runtime, "killed", &format!("{busybox}Exec=sleep infinity"));
        machine.start(&["killed"]);
        machine.systemctl(&["kill", "--signal=SIGKILL", "killed"]).ok();
        machine.wait_for("systemctl is-failed --quiet killed");
        assert_eq!(machine.property("killed", "Result"), "signal", "{runtime}");

        let notify = "Image=registry.local:5000/tools\nNetwork=none\nNotify=true\n\
                      Exec=sh -c 'systemd-notify --ready --status=open; exec sleep infinity'";
        quadlet(machine, runtime, "told", notify);
        machine.start(&["told"]);
        assert_eq!(machine.property("told", "StatusText"), "open", "{runtime}");

        let check = "HealthCmd=test -e /tmp\nHealthInterval=1s\nNotify=healthy\nExec=sleep infinity";
        quadlet(machine, runtime, "checked", &format!("{busybox}{check}"));
        machine.start(&["checked"]);
        machine.stop(&["told", "checked"]);
        machine.systemctl(&["reset-failed"]).ok();
    });
}

#[test]
fn a_user_namespace_and_what_cannot_be_executed() {
    on_each(|machine, runtime| {
        machine
            .sh("printf secret >/key && unipod secret create --replace key /key")
            .ok();
        let lines = "Image=docker.io/library/busybox:latest\nContainerName=mapped\nUserNS=auto\nSecret=key,uid=33\n\
                     Exec=sleep infinity";
        quadlet(machine, runtime, "mapped", lines);
        machine.start(&["mapped"]);
        let seen = machine.unipod(&["exec", "mapped", "stat", "-c", "%u", "/run/secrets/key", "/bin"]);
        assert_eq!(seen.ok(), "33\n0", "{runtime}");
        machine.stop(&["mapped"]);

        for (program, code) in [("/no/such/program", 127), ("nosuch", 127), ("/etc/passwd", 126)] {
            let image = "docker.io/library/busybox:latest";
            let run = ["run", "--runtime", runtime, "--rm", "--network=none", image, program];
            assert_eq!(machine.unipod(&run).code, code, "{runtime} {program}");
        }
        let missing = machine.unipod(&[
            "--runtime",
            "/no/such/runtime",
            "run",
            "--rm",
            "docker.io/library/busybox",
            "true",
        ]);
        assert_eq!(missing.code, 125);
        assert!(missing.stderr.contains("/no/such/runtime"), "{missing}");
    });
}
