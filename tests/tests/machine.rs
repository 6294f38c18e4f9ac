//! The test machine itself: what it has, that it survives reboots, that nothing of it is left.

use std::time::Duration;

use unipod_tests::machine::{Machine, MachineConfig};

#[test]
fn it_is_a_system_of_its_own() {
    let machine = Machine::boot(&MachineConfig::default().text("/etc/motd.test", "seeded\n"));
    assert_eq!(machine.systemctl(&["is-system-running"]).ok(), "running");
    assert_eq!(machine.systemctl(&["--failed", "--quiet", "--no-legend"]).ok(), "");
    assert_eq!(machine.read("/proc/1/comm"), "systemd\n");
    assert_eq!(machine.read("/etc/motd.test"), "seeded\n");
    machine.run(&["busctl", "--system", "status"]).ok();

    machine.write(
        "/etc/systemd/system/seven.service",
        "[Service]\nExecStart=/bin/sh -c 'echo lucky; exit 7'\n",
    );
    machine.systemctl(&["daemon-reload"]).ok();
    machine.systemctl(&["start", "seven"]).ok();
    machine.wait_until("exit code 7", Duration::from_secs(5), || {
        machine.property("seven", "ExecMainStatus") == "7"
    });
    assert!(machine.journal("seven").contains("lucky"));
}

#[test]
fn containers_overlays_and_networks_work_in_it() {
    let machine = Machine::boot(&MachineConfig::default());
    let overlay = "cd /var/lib/unipod && mkdir l u w m && echo below >l/file &&
        mount -t overlay overlay -o lowerdir=l,upperdir=u,workdir=w m && echo above >m/other && cat m/file";
    assert_eq!(machine.sh(overlay).ok(), "below");

    let container = r##"mkdir -p /tmp/c/rootfs/bin && cd /tmp/c && cp $(command -v busybox) rootfs/bin/ && crun spec &&
        sed -i 's/"terminal": true/"terminal": false/; s#"sh"#"/bin/busybox", "echo", "from inside"#' config.json &&
        crun --cgroup-manager=disabled run test"##;
    assert_eq!(machine.sh(container).ok(), "from inside");

    let network = r#"ip netns add pod && echo '{"container_id":"x","container_name":"x","networks":{"n":{
        "static_ips":["10.99.0.2"],"interface_name":"eth0"}},"network_info":{"n":{"name":"n",
        "id":"0000000000000000000000000000000000000000000000000000000000000000","driver":"bridge",
        "network_interface":"br9","subnets":[{"subnet":"10.99.0.0/24","gateway":"10.99.0.1"}],"ipv6_enabled":false,
        "internal":false,"dns_enabled":false}},"port_mappings":[{"container_port":80,"host_port":8080,"host_ip":"",
        "protocol":"tcp","range":1}]}' | PATH=$PATH:/usr/lib/podman:/usr/libexec/podman netavark --config=/run/netavark setup /run/netns/pod >/dev/null &&
        ip netns exec pod busybox httpd -p 80 -h /etc && curl -sS 127.0.0.1:8080/hostname"#;
    assert_eq!(machine.sh(network).ok(), "machine");
}

#[test]
fn disks_outlive_a_reboot_and_a_power_cut() {
    let mut machine = Machine::boot(&MachineConfig::default());
    machine.write("/var/lib/unipod/kept", "on disk");
    machine.write("/etc/kept", "in the root");
    machine.write("/run/lost", "in memory");
    machine.reboot();
    assert_eq!(machine.read("/var/lib/unipod/kept"), "on disk");
    assert_eq!(machine.read("/etc/kept"), "in the root");
    machine.sh("test -e /run/lost").refused();
    machine.power_cut();
    assert_eq!(machine.read("/var/lib/unipod/kept"), "on disk");
    assert_eq!(machine.systemctl(&["is-system-running"]).ok(), "running");
}

#[test]
fn nothing_is_left_on_the_host() {
    let mounts = || std::fs::read_to_string("/proc/self/mounts").expect("proc is mounted");
    let before = mounts();
    let machine = Machine::boot(&MachineConfig::default());
    machine
        .sh("sleep 1000 >/dev/null 2>&1 & ip netns add left; mount -t tmpfs tmpfs /mnt")
        .ok();
    let traces = machine.traces();
    for trace in &traces {
        assert!(trace.exists(), "{} while it runs", trace.display());
    }
    drop(machine);
    for trace in &traces {
        assert!(!trace.exists(), "{} after it", trace.display());
    }
    assert_eq!(mounts(), before);
    assert!(!std::path::Path::new("/run/netns/left").exists());
}
