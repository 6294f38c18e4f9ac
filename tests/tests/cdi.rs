//! `AddDevice=vendor/class=name`: devices that a vendor describes in files of the Container Device Interface.

use unipod_tests::machine::Machine;
use unipod_tests::setup;

/// A vendor's tool would write such a file to /etc/cdi.
const ACME: &str = r#"
cdiVersion: 0.7.0
kind: acme.com/anvil
devices:
- name: small
  containerEdits:
    deviceNodes:
    - path: /dev/anvil
      hostPath: /dev/zero
      permissions: r
    additionalGids: [4711]
- name: large
  containerEdits:
    env: [SIZE=large]
containerEdits:
  env: [VENDOR=acme]
  mounts:
  - hostPath: /srv/acme
    containerPath: /usr/lib/acme
    options: [ro, nosuid, nodev, rbind, rprivate]
  hooks:
  - hookName: createContainer
    path: /bin/sh
    args:
    - sh
    - -c
    - |
      bundle=$(tr -d '\\' | sed -n 's/.*"bundle": *"\([^"]*\)".*/\1/p')
      grep -c usr/lib/acme "$bundle/config.json" >>/run/acme.made
  - hookName: poststop
    path: /bin/sh
    args: [sh, -c, 'cat >/dev/null; touch /run/acme.gone']
"#;

/// A machine with such a device, and a file that means nothing beside it.
fn boot() -> Machine {
    let machine = setup::boot();
    machine.write("/etc/cdi/acme.yaml", ACME);
    machine.write("/etc/cdi/broken.json", "{\"kind\": ");
    machine.write("/srv/acme/library", "anvils\n");
    machine
}

fn container(options: &str) -> String {
    format!(
        "[Container]\nImage=docker.io/library/busybox:latest\nContainerName=smith\nNetwork=none\nExec=sleep infinity\n{options}\n"
    )
}

#[test]
fn a_unit_gets_a_device_and_all_that_belongs_to_it() {
    let machine = boot();
    for runtime in ["crun", "runc"] {
        let options = format!(
            "GlobalArgs=--runtime {runtime}\nAddDevice=acme.com/anvil=small\nAddDevice=acme.com/anvil=large\n\
             AddDevice=/dev/null:/dev/nothing\nEnvironment=VENDOR=mine\nUser=33"
        );
        machine.quadlet("smith.container", &container(&options));
        machine.reload();
        machine.start(&["smith"]);
        let script = "echo $VENDOR $SIZE; cat /usr/lib/acme/library; touch /usr/lib/acme/x 2>/dev/null || echo read-only; \
                      stat -c '%t:%T %a %u' /dev/anvil; stat -c %t:%T /dev/nothing; head -c 3 /dev/anvil | wc -c; id -G";
        let inside = machine.unipod(&["exec", "smith", "sh", "-c", script]).ok();
        let lines: Vec<&str> = inside.lines().collect();
        assert_eq!(
            lines[..6],
            ["acme large", "anvils", "read-only", "1:5 666 33", "1:3", "3"],
            "{runtime}"
        );
        assert!(lines[6].split(' ').any(|group| group == "4711"), "{runtime}: {inside}");

        assert_eq!(
            machine.read("/run/acme.made").trim(),
            "1",
            "{runtime}: once for both devices"
        );
        let journal = machine.sh("journalctl --sync; journalctl -u smith -o cat").ok();
        assert!(journal.contains("CDI: /etc/cdi/broken.json: "), "{runtime}: {journal}");
        let format = "{{range .HostConfig.Devices}}{{.PathOnHost}} {{end}}";
        let asked = machine.unipod(&["inspect", "--format", format, "smith"]).ok();
        assert_eq!(
            asked.trim(),
            "acme.com/anvil=small acme.com/anvil=large /dev/null",
            "{runtime}"
        );

        machine.sh("test ! -e /run/acme.gone").ok();
        machine.stop(&["smith"]);
        machine.sh("test -e /run/acme.gone && rm /run/acme.*").ok();
        machine.nothing_remains();
    }
}

#[test]
fn a_device_that_nobody_or_two_describe_is_refused_with_the_files() {
    let machine = boot();
    machine.quadlet("smith.container", &container("AddDevice=acme.com/anvil=huge"));
    machine.reload();
    let status = machine.start_refused("smith");
    for part in [
        "--device \"acme.com/anvil=huge\"",
        "/etc/cdi or /run/cdi",
        "there are acme.com/anvil=large, acme.com/anvil=small",
        "/etc/cdi/broken.json: ",
    ] {
        assert!(status.contains(part), "{part}: {status}");
    }

    let run = |words: &str| machine.sh(&format!("unipod {words} docker.io/library/busybox env"));
    machine
        .sh("mkdir -p /run/cdi && cp /etc/cdi/acme.yaml /etc/cdi/copy.yaml")
        .ok();
    let error = run("run --rm --device acme.com/anvil=large").refused();
    assert!(error.contains("/etc/cdi/acme.yaml and /etc/cdi/copy.yaml"), "{error}");
    machine
        .sh("sed s/SIZE=large/SIZE=larger/ /etc/cdi/acme.yaml >/run/cdi/acme.yaml")
        .ok();
    let env = run("run --rm --device acme.com/anvil=large").ok();
    assert!(env.contains("SIZE=larger"), "the last directory wins: {env}");

    machine
        .sh("mkdir /srv/cdi && sed s,acme.com/anvil,nvidia.com/gpu, /etc/cdi/acme.yaml >/srv/cdi/nvidia.yaml")
        .ok();
    run("run --rm --gpus small").refused();
    let env = run("--cdi-spec-dir /srv/cdi run --rm --gpus small,large").ok();
    assert!(env.contains("SIZE=large") && env.contains("VENDOR=acme"), "{env}");
    machine.nothing_remains();
}
