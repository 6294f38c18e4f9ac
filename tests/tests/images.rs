//! The images and the registry of the tests themselves.

use std::time::Duration;

use unipod_tests::images::registry;
use unipod_tests::machine::{Machine, MachineConfig};

fn machine() -> Machine {
    let config = registry::with_images(MachineConfig::default()).expect("the images can be built");
    let machine = Machine::boot(&config);
    registry::wait(&machine);
    machine
}

#[test]
fn the_registry_serves_public_names_and_every_form_of_manifest() {
    let machine = machine();
    let catalogue = machine
        .sh("curl -fsS 'http://registry.local:5000/v2/_catalog?n=100'")
        .ok();
    for name in ["docker.io/library/nginx", "docker.io/library/postgres", "web", "multi"] {
        assert!(catalogue.contains(&format!("\"{name}\"")), "{name} in {catalogue}");
    }
    let kinds = [
        ("web", "oci.image.manifest.v1+json"),
        ("multi", "oci.image.index.v1+json"),
        ("schema2", "docker.distribution.manifest.v2+json"),
        ("zstd", "tar+zstd"),
    ];
    for (name, kind) in kinds {
        let accept = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
                      application/vnd.docker.distribution.manifest.v2+json";
        let script = format!("curl -fsS -H 'Accept: {accept}' http://registry.local:5000/v2/{name}/manifests/latest");
        let manifest = machine.sh(&script).ok();
        assert!(manifest.contains(kind), "{name}: {manifest}");
    }
    machine
        .sh(
            "skopeo copy --insecure-policy --src-tls-verify=false --dest-tls-verify=false \
        docker://127.0.0.1:5000/busybox docker://127.0.0.1:5000/new:tag",
        )
        .ok();
}

#[test]
fn the_second_registry_wants_a_password() {
    let machine = machine();
    machine.systemctl(&["start", "registry@5001"]).ok();
    let (user, password) = registry::ACCOUNT;
    let with = format!("curl -fsS -u '{user}:{password}' http://registry.local:5001/v2/");
    machine.wait_until("it answers", Duration::from_secs(10), || machine.sh(&with).success());
    machine.sh("curl -fsS http://registry.local:5001/v2/").refused();
}

#[test]
fn the_software_in_the_images_works() {
    let machine = machine();
    machine.sh("mount -t tmpfs tmpfs /mnt").ok();
    let unpack = |name: &str| {
        let short = name.replace(['/', ':'], "-");
        let script = format!(
            "cd /mnt && skopeo copy --quiet --insecure-policy --src-tls-verify=false docker://127.0.0.1:5000/{name} oci:l:{short} \
             && umoci unpack --image l:{short} {short}"
        );
        machine
            .run_within(Duration::from_secs(120), &["sh", "-c", &script])
            .ok();
        format!("/mnt/{short}/rootfs")
    };
    let probes = [
        ("docker.io/library/busybox:latest", "ls /etc/passwd"),
        ("docker.io/library/nginx:latest", "nginx -t"),
        (
            "docker.io/library/redis:7",
            "redis-server --version && redis-cli --version && /usr/bin/setpriv --reuid=redis id",
        ),
        (
            "docker.io/library/postgres:16",
            "postgres --version && psql --version && initdb --version",
        ),
        (
            "docker.io/library/mariadb:10.11",
            "mariadbd --version && mariadb --version",
        ),
        ("docker.io/library/memcached:1", "memcached --version"),
        ("docker.io/library/haproxy:2.6", "haproxy -v"),
        ("tools:latest", "systemd-notify --version && socat -V && capsh --print"),
    ];
    for (name, probe) in probes {
        let root = unpack(name);
        let path = "/usr/lib/postgresql/15/bin:/usr/sbin:/usr/bin";
        machine.sh(&format!("mount --rbind /dev {root}/dev; mount -t proc proc {root}/proc; PATH={path} chroot {root} sh -c '{probe}'")).ok();
    }
}
