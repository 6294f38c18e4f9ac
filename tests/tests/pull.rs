//! Images on the way in: every form of manifest, slow and broken lines, passwords, and registries that lie.

use std::time::Duration;

use unipod_tests::images::registry;
use unipod_tests::machine::Machine;
use unipod_tests::proxy::{self, Line};
use unipod_tests::setup;

/// 24 MiB at this rate take six seconds.
const SLOW: Line = Line {
    rate: 4 << 20,
    cut: u64::MAX,
};

/// The bytes of the big image, roughly: 24 MiB of noise and a busybox.
const BIG: u64 = 25 << 20;

fn machine() -> Machine {
    let config = setup::config().and_then(proxy::install).expect("everything is built");
    setup::boot_with(&config)
}

fn sleeper(image: &str, service: &str) -> String {
    format!("[Container]\nImage={image}\nNetwork=none\nExec=sleep infinity\n[Service]\n{service}\n")
}

#[test]
fn every_form_of_manifest_and_name_is_pulled() {
    let machine = setup::boot();
    let cases = [
        ("registry.local:5000/multi", "amd64"),
        ("registry.local:5000/zstd:latest", "amd64"),
        ("registry.local:5000/schema2", ""),
        ("docker.io/library/busybox:1.35", ""),
        ("busybox", ""),
    ];
    for (image, says) in cases {
        machine.unipod(&["pull", "-q", image]).ok();
        if !says.is_empty() {
            assert_eq!(
                machine.unipod(&["run", "--rm", "--network=none", image]).ok(),
                says,
                "{image}"
            );
        }
    }
    let digest = machine
        .sh("curl -fsSI -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
             http://registry.local:5000/v2/other/manifests/latest | tr -d '\\r' | \
             sed -n 's/^Docker-Content-Digest: //Ip'")
        .ok();
    let by_digest = format!("registry.local:5000/other@{digest}");
    machine.unipod(&["pull", "-q", &by_digest]).ok();
    assert_eq!(
        machine
            .unipod(&["run", "--rm", "--network=none", &by_digest, "echo", "pinned"])
            .ok(),
        "pinned"
    );
    let images = machine.unipod(&["images"]).ok();
    for name in ["registry.local:5000/multi", "docker.io/library/busybox"] {
        assert!(images.contains(name), "{name} in\n{images}");
    }
}

#[test]
fn a_pull_may_take_longer_than_the_start_timeout() {
    let machine = machine();
    proxy::start(&machine, 5002, SLOW);
    machine.quadlet(
        "slow.container",
        &sleeper("registry.local:5002/big", "TimeoutStartSec=2"),
    );
    machine.reload();
    machine.systemctl(&["start", "--no-block", "slow"]).ok();
    machine.wait_until("the status tells of the pull", Duration::from_secs(10), || {
        let text = machine.property("slow", "StatusText");
        text.starts_with("Copying blob") && text.contains(" of ")
    });
    machine.wait_for("systemctl is-active --quiet slow");
    machine.stop(&["slow"]);
    machine.nothing_remains();
}

#[test]
fn an_interrupted_pull_is_resumed() {
    let machine = machine();
    proxy::start(&machine, 5002, SLOW);
    machine.quadlet("slow.container", &sleeper("registry.local:5002/big", ""));
    machine.reload();
    machine.systemctl(&["start", "--no-block", "slow"]).ok();
    // Half of it is on disk when the engine is killed.
    machine.wait_for("[ $(du -sm /var/lib/unipod | cut -f1) -ge 12 ]");
    machine.systemctl(&["kill", "--signal=KILL", "slow"]).ok();
    machine
        .wait_for("! systemctl is-active --quiet slow && [ $(systemctl show --value -p ActiveState slow) = failed ]");
    machine.systemctl(&["reset-failed", "slow"]).ok();
    machine.start(&["slow"]);
    machine.systemctl(&["stop", "proxy-5002"]);
    let sent = proxy::sent(&machine, 5002);
    assert!(sent > 0, "the proxy counts");
    assert!(
        sent < BIG + (6 << 20),
        "{sent} bytes over the line: what was there was fetched again"
    );

    // A line that is cut again and again still brings the image in: nothing twice.
    machine.stop(&["slow"]);
    machine.unipod(&["rmi", "registry.local:5002/big"]).ok();
    proxy::start(
        &machine,
        5003,
        Line {
            rate: u64::MAX,
            cut: 9 << 20,
        },
    );
    machine.quadlet(
        "cut.container",
        &sleeper(
            "registry.local:5003/big",
            "Restart=on-failure\nRestartSec=0\nTimeoutStartSec=60",
        ),
    );
    machine.reload();
    machine.systemctl(&["start", "--no-block", "cut"]).ok();
    machine.wait_for("systemctl is-active --quiet cut");
}

#[test]
fn a_registry_with_a_password_takes_it_from_auth_json() {
    let machine = setup::boot();
    machine.systemctl(&["start", "registry@5001"]).ok();
    let (user, password) = registry::ACCOUNT;
    machine.wait_for(&format!(
        "curl -fsS -u '{user}:{password}' http://registry.local:5001/v2/"
    ));
    let refused = machine.unipod(&["pull", "registry.local:5001/busybox"]).refused();
    assert!(refused.contains("registry.local:5001"), "{refused}");
    let auth = machine.sh(&format!("printf '%s' '{user}:{password}' | base64")).ok();
    let json = format!(r#"{{"auths":{{"registry.local:5001":{{"auth":"{auth}"}}}}}}"#);
    machine.write("/run/containers/0/auth.json", &json);
    machine.unipod(&["pull", "registry.local:5001/busybox"]).ok();
    machine.write("/run/containers/0/auth.json", "{}");
    machine.write("/etc/other-auth.json", &json);
    machine.quadlet("locked.container", &sleeper("registry.local:5001/other", ""));
    machine.quadlet(
        "key.image",
        "[Image]\nImage=registry.local:5001/tools\nAuthFile=/etc/other-auth.json\n",
    );
    machine.quadlet("opened.container", &sleeper("key.image", ""));
    machine.reload();
    let status = machine.start_refused("locked");
    assert!(status.contains("registry.local:5001/other"), "{status}");
    machine.start(&["opened"]);
    assert!(
        !machine.journal("locked").contains(password),
        "no password in the journal"
    );
}

#[test]
fn what_cannot_be_pulled_says_why() {
    let machine = setup::boot();
    let cases = [
        ("missing", "registry.local:5000/no/such/image:tag", "no/such/image"),
        ("unreachable", "registry.local:5999/web", "registry.local:5999"),
        ("unknown", "no-such-host.invalid/web", "no-such-host.invalid"),
        ("malformed", "registry.local:5000/UPPER", "UPPER"),
    ];
    for (name, image, _) in cases {
        machine.quadlet(&format!("{name}.container"), &sleeper(image, ""));
    }
    machine.reload();
    for (name, _, says) in cases {
        let status = machine.start_refused(name);
        assert!(status.contains(says), "{name}: the status names {says}:\n{status}");
        assert!(!status.contains("panicked"), "{status}");
    }
    machine.nothing_remains();
}

#[test]
fn a_blob_with_the_wrong_digest_is_refused_and_nothing_else_is_lost() {
    let machine = setup::boot();
    machine.unipod(&["pull", "-q", "registry.local:5000/busybox"]).ok();
    let layer = machine
        .sh("curl -fsS -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
             http://registry.local:5000/v2/tools/manifests/latest | tr '{' '\\n' | grep tar+gzip | tail -n1 | \
             sed 's/.*sha256:\\([0-9a-f]*\\).*/\\1/'")
        .ok();
    // The registry serves other bytes of the same length under the same name.
    let data = format!(
        "/srv/registry/docker/registry/v2/blobs/sha256/{}/{layer}/data",
        &layer[..2]
    );
    machine
        .sh(&format!(
            "cp {data} /run/good && printf XXXX | dd of={data} bs=1 seek=5000 conv=notrunc status=none"
        ))
        .ok();
    machine.quadlet("lie.container", &sleeper("registry.local:5000/tools", ""));
    machine.reload();
    let status = machine.start_refused("lie");
    assert!(
        status.contains("digest") || status.contains("sha256"),
        "the status says what is wrong:\n{status}"
    );
    machine
        .unipod(&["run", "--rm", "--network=none", "registry.local:5000/busybox", "true"])
        .ok();
    machine.sh(&format!("cp /run/good {data}")).ok();
    machine.systemctl(&["reset-failed", "lie"]).ok();
    machine.start(&["lie"]);

    // A blob damaged in the store is detected and fetched again, alone.
    machine.stop(&["lie"]);
    machine.nothing_remains();
}
