//! Volumes: whose they are, what they forbid, and that none is left behind.

use unipod_tests::machine::Machine;
use unipod_tests::setup;

fn machine() -> Machine {
    let machine = setup::boot();
    machine.write("/etc/subuid", "containers:2147483647:2147483648\n");
    machine.write("/etc/subgid", "containers:2147483647:2147483648\n");
    machine.unipod(&["pull", "-q", "busybox"]).ok();
    machine
}

#[test]
fn a_fresh_volume_belongs_to_the_containers_user() {
    let machine = machine();
    machine
        .sh("unipod run --rm -u 1000 -v v:/missing busybox touch /missing/x
             [ $(stat -c %u:%g $(unipod volume inspect -f '{{.Mountpoint}}' v)) = 1000:0 ]
             unipod run --rm -u 1000:1000 -v w:/missing busybox touch /missing/x
             [ $(stat -c %u:%g $(unipod volume inspect -f '{{.Mountpoint}}' w)) = 1000:1000 ]
             unipod run --rm -u 2000 -v w:/missing busybox touch /missing/y && exit 1
             unipod run --rm --userns=auto -u 1000 -v u:/missing busybox touch /missing/x")
        .ok();
    // One in memory is fresh at every start.
    machine
        .sh("unipod volume create --opt type=tmpfs --opt device=tmpfs t
             for n in 1 2; do [ $(unipod run --rm -u 1000 -v t:/missing busybox stat -c %u /missing) = 1000 ] || exit 1; done
             for n in 1 2; do unipod run --rm --userns=auto -v t:/missing busybox touch /missing/x || exit 1; done")
        .ok();
    // The owners are shifted by the mount: on the disk they are those of the container.
    let shifted = machine.sh("unipod run --rm --userns=auto -v i:/mnt:idmap busybox touch /mnt/f &&
        stat -c %u:%g $(unipod volume inspect -f '{{.Mountpoint}}' i)/f");
    assert_eq!(shifted.ok(), "0:0");
}

#[test]
fn programs_and_devices_in_volumes_have_no_power() {
    let machine = machine();
    let flags = |options: &str| {
        machine
            .sh(&format!("unipod run --rm {options} busybox grep ' /m ' /proc/mounts"))
            .ok()
    };
    for options in ["-v vol:/m", "-v /m"] {
        let flags = flags(options);
        assert!(
            flags.contains("nosuid") && flags.contains("nodev"),
            "{options}: {flags}"
        );
    }
    assert!(!flags("-v vol:/m:suid,dev").contains("nosuid"));
    assert!(
        !flags("-v /srv:/m").contains("nosuid"),
        "a directory of the host is as it is there"
    );
    machine
        .sh("unipod volume create --opt type=tmpfs --opt device=tmpfs --opt o=nodev,noexec t")
        .ok();
    let own = flags("-v t:/m");
    assert!(own.contains("nodev") && own.contains("noexec"), "{own}");
}

/// Every unit has `--rm`: what a power cut leaves of it would add up.
#[test]
fn volumes_without_names_end_with_the_boot() {
    let mut machine = machine();
    machine.quadlet(
        "web.container",
        "[Container]\nImage=docker.io/library/busybox:latest\nVolume=/data\nVolume=named:/named\nExec=sleep infinity\n\
         [Install]\nWantedBy=multi-user.target\n",
    );
    machine.reload();
    machine.start(&["web"]);
    machine.sh("unipod run --name kept -v /data busybox touch /data/x").ok();
    for cut in [true, false] {
        if cut {
            machine.power_cut();
        } else {
            machine.reboot();
        }
        machine.wait_for("systemctl is-active --quiet web");
        let all = machine.sh("ls /var/lib/unipod/volumes | wc -l").ok();
        assert_eq!(
            all, "3",
            "the unit's, the named one, and that of the container that was kept"
        );
        machine
            .sh("[ -e $(unipod volume inspect -f '{{.Mountpoint}}' named) ]")
            .ok();
    }
    machine.sh("unipod start -a kept && unipod rm -v kept").ok();
}

/// A second run directory took the first one's containers for those of an earlier boot, and removed what they had written.
#[test]
fn a_data_directory_has_one_run_directory_at_a_time() {
    let machine = machine();
    machine
        .sh("unipod run -d --rm --name a -v /anonymous busybox sh -c 'echo x >/file; echo x >/anonymous/file; exec sleep 1000'")
        .ok();
    let refused = machine
        .sh("unipod --runroot /run/other run --rm busybox true")
        .refused();
    assert!(
        refused.contains("/run/unipod") && refused.contains("--runroot"),
        "{refused}"
    );
    machine
        .sh("unipod exec a cat /file /anonymous/file && unipod rm -f -t 0 a && unipod --runroot /run/other run --rm busybox true
             unipod run --rm busybox true")
        .ok();
}
