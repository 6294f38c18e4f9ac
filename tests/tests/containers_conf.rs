//! containers.conf(5): what an administrator says acts in every container, and an option or a unit says otherwise.

use unipod_tests::setup;

const CONF: &str = r#"[containers]
annotations = ["conf=1"]
default_capabilities = ["CHOWN", "NET_RAW"]
default_sysctls = ["net.core.somaxconn=77"]
default_ulimits = ["nofile=100:200", "core=0:0"]
devices = ["/dev/null:/dev/conf"]
dns_servers = ["192.0.2.53"]
dns_searches = ["conf.example"]
dns_options = ["ndots:3"]
env = ["CONF=1", "WHERE=conf", {append=true}]
host_containers_internal_ip = "192.0.2.77"
container_name_as_hostname = true
mounts = ["type=tmpfs,destination=/mounted"]
volumes = ["/etc:/volume:ro"]
oom_score_adj = 123
read_only = true
no_new_privileges = true
seccomp_profile = "unconfined"
shm_size = "1m"
tz = "Asia/Tokyo"
umask = "0027"
log_path = "/elsewhere"
pids_limt = 5
[network]
default_subnet = "10.77.0.0/16"
default_subnet_pools = [{base = "10.66.0.0/16", size = 25}]
[engine]
stop_timeout = 3
"#;

/// What a container is, in a line each.
const PROBE: &str = "grep -E 'CapBnd|NoNewPrivs|Seccomp:' /proc/self/status
cat /proc/sys/net/core/somaxconn
ulimit -n
ulimit -Hn
ls /dev/conf
cat /etc/resolv.conf
echo env $CONF $WHERE $PATH
grep host.containers /etc/hosts
hostname
grep -c ' /mounted ' /proc/mounts
ls /volume/hostname
cat /proc/self/oom_score_adj
grep ' / ' /proc/mounts | cut -d' ' -f4 | cut -c-2
grep -o 'shm.*size=[0-9]*k' /proc/mounts | grep -o '=.*'
date +%Z
umask
ls /sys/class/net
echo done
";

const SAID: &str = "CapBnd:\t0000000000002001 NoNewPrivs:\t1 Seccomp:\t0 77 100 200 /dev/conf search conf.example \
    nameserver 192.0.2.53 options ndots:3 env 1 conf /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    192.0.2.77\thost.containers.internal host.docker.internal web 1 /volume/hostname 123 ro =980k JST 0027 eth0 lo done";

const OVERRIDDEN: &str = "CapBnd:\t0000000000002000 NoNewPrivs:\t0 Seccomp:\t2 78 101 101 /dev/conf search conf.example option.example \
    nameserver 192.0.2.53 nameserver 192.0.2.54 options ndots:3 ndots:4 env 1 option /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    192.0.2.77\thost.containers.internal host.docker.internal other 1 /volume/hostname 0 rw =2048k UTC 0000 eth0 lo done";

#[test]
fn what_it_says_acts_unless_an_option_or_a_unit_says_otherwise() {
    let machine = setup::boot();
    let lines = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    machine.write("/etc/containers/containers.conf", CONF);
    machine.write("/etc/probe", PROBE);
    let run = "unipod run --rm --name web docker.io/library/busybox sh /volume/probe".to_owned();
    assert_eq!(lines(&machine.sh(&format!("{run} 2>/dev/null")).ok()), SAID);
    let said = machine.sh(&format!("{run} 2>&1 >/dev/null")).ok();
    for warning in [
        "/etc/containers/containers.conf:23: unknown key pids_limt in [containers], ignored; did you mean pids_limit?",
        "/etc/containers/containers.conf:22: containers.log_path has no effect here: output goes to the journal; set StandardOutput= in the unit",
    ] {
        assert!(said.contains(warning), "{said}");
    }
    let options = "--name other --cap-drop CHOWN --security-opt no-new-privileges=false --security-opt seccomp= \
        --sysctl net.core.somaxconn=78 --ulimit nofile=101 --dns 192.0.2.54 --dns-search option.example \
        --dns-option ndots:4 -e WHERE=option --tmpfs /mounted -v /etc:/volume --oom-score-adj 0 --read-only=false \
        --shm-size 2m --tz UTC --umask 0 --network bridge";
    let other = format!("unipod run --rm {options} docker.io/library/busybox sh /volume/probe 2>/dev/null");
    assert_eq!(lines(&machine.sh(&other).ok()), OVERRIDDEN);
    // The networks.
    let subnet = |network: &str| {
        let show = "{{range .Subnets}}{{.Subnet}}{{end}}";
        machine.unipod(&["network", "inspect", "-f", show, network]).ok()
    };
    assert_eq!(subnet("podman"), "10.77.0.0/16");
    machine.unipod(&["network", "create", "n"]).ok();
    assert_eq!(subnet("n"), "10.66.0.0/25");

    // The same in a unit, and a unit that says otherwise.
    let unit = |keys: &str| {
        format!(
            "[Container]\nImage=docker.io/library/busybox:latest\n{keys}\nExec=sh /volume/probe\n\
             [Service]\nType=oneshot\nRemainAfterExit=yes\n"
        )
    };
    machine.quadlet("web.container", &unit("ContainerName=web"));
    let keys = "ContainerName=other\nDropCapability=CHOWN\nNoNewPrivileges=false\nPodmanArgs=--security-opt no-new-privileges=false \
        --security-opt seccomp= --oom-score-adj 0 --shm-size 2m --umask 0\nSysctl=net.core.somaxconn=78\nUlimit=nofile=101\n\
        DNS=192.0.2.54\nDNSSearch=option.example\nDNSOption=ndots:4\nEnvironment=WHERE=option\nTmpfs=/mounted\n\
        Volume=/etc:/volume\nReadOnly=false\nTimezone=UTC\nNetwork=bridge";
    machine.quadlet("other.container", &unit(keys));
    machine.reload();
    machine.start(&["web", "other"]);
    let output = |service: &str| {
        lines(
            &machine
                .sh(&format!(
                    "journalctl -o cat _TRANSPORT=stdout + SYSLOG_IDENTIFIER=x -u {service}"
                ))
                .ok(),
        )
    };
    let (web, other) = (output("web"), output("other"));
    assert!(web.contains(SAID), "{web}");
    assert!(other.contains(OVERRIDDEN), "{other}");
    machine.stop(&["web", "other"]);

    // Order of the files, and those that replace them.
    let zone = |before: &str| {
        let run = "run --rm docker.io/library/busybox date +%Z 2>/dev/null";
        machine.sh(&format!("{before} unipod {run}")).ok()
    };
    let write = |path: &str, zone: &str| machine.write(path, &format!("[containers]\ntz = '{zone}'\nnetns = 'none'\n"));
    write("/etc/containers/containers.conf.d/10.conf", "UTC");
    assert_eq!(zone(""), "UTC");
    write("/root/.config/containers/containers.conf", "Europe/Berlin");
    assert!(zone("").starts_with("CE"));
    write("/tmp/last.conf", "Asia/Kolkata");
    write("/etc/containers/containers.conf.modules/m.conf", "Asia/Tokyo");
    assert_eq!(zone("CONTAINERS_CONF_OVERRIDE=/tmp/last.conf"), "IST");
    assert_eq!(
        machine
            .sh("unipod --module m.conf run --rm docker.io/library/busybox date +%Z")
            .ok(),
        "JST"
    );
    assert_eq!(zone("CONTAINERS_CONF=/tmp/last.conf"), "IST");

    // Without a network, nobody is asked for names; in place of systemd, no init.
    let without = "cat /etc/resolv.conf; ls /sys/class/net; cat /proc/1/comm";
    machine.write(
        "/etc/containers/containers.conf.d/15.conf",
        "[containers]\ninit = true\n",
    );
    let run = |options: &str| {
        let run = format!("unipod run --rm {options} docker.io/library/busybox sh -c '{without}' 2>/dev/null");
        lines(&machine.sh(&run).ok())
    };
    let said = run("");
    assert!(
        said.ends_with("lo podman-init") && !said.contains("conf.example"),
        "{said}"
    );
    assert!(!run("--systemd=always").ends_with("podman-init"));
    assert!(!run("--init=false").ends_with("podman-init"));

    // What cannot be read stops what starts, and nothing else.
    machine.write(
        "/etc/containers/containers.conf.d/20.conf",
        "[containers]\nread_only = 'yes'\n",
    );
    let error = machine.sh("unipod run --rm docker.io/library/busybox true").refused();
    assert!(
        error.contains("/etc/containers/containers.conf.d/20.conf:2: containers.read_only"),
        "{error}"
    );
    machine.sh("unipod rm -f nothing; unipod ps; unipod network rm n").ok();
}

#[test]
fn other_programs_are_called_as_it_says() {
    let machine = setup::boot();
    let conf = |text: &str| machine.write("/etc/containers/containers.conf", text);
    machine.write(
        "/opt/crun",
        "#!/bin/sh\necho \"$@\" >>/run/said\nexec /usr/bin/crun \"$@\"\n",
    );
    machine
        .sh("chmod +x /opt/crun && unipod pull docker.io/library/busybox")
        .ok();

    conf(
        "[engine]\nruntime = 'crun'\n[engine.runtimes]\ncrun = ['/nowhere/crun', '/opt/crun']\n[engine.runtimes_flags]\ncrun = ['debug']\n",
    );
    let run = "unipod run --rm --network none docker.io/library/busybox echo hello";
    assert_eq!(machine.sh(&format!("{run} 2>/dev/null")).ok(), "hello");
    let said = machine.sh("cat /run/said").ok();
    assert!(
        !said.is_empty() && said.lines().all(|line| line.contains("--debug ")),
        "{said}"
    );

    conf("[network]\nfirewall_driver = 'iptables'\ndns_bind_port = 1053\ndefault_host_ips = ['127.0.0.1']\n");
    machine.unipod(&["network", "create", "n"]).ok();
    let rules = || machine.sh("iptables-save | grep -c -- '--dport 8080' | cat").ok();
    machine
        .sh("unipod run -d --name web --network n -p 8080:80 docker.io/library/busybox sleep infinity")
        .ok();
    assert_ne!(rules(), "0");
    let server = machine.sh("tr '\\0' ' ' </proc/$(pidof aardvark-dns)/cmdline").ok();
    assert!(server.contains("-p 1053 "), "{server}");
    let ports = machine
        .sh("unipod inspect -f '{{json .NetworkSettings.Ports}}' web")
        .ok();
    assert_eq!(ports, r#"{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"8080"}]}"#);
    // What the setup was told is what the teardown undoes.
    conf("");
    machine.unipod(&["rm", "-f", "-t", "0", "web"]).ok();
    assert_eq!(rules(), "0");
}

#[test]
fn lines_have_their_name_and_processes_their_number() {
    let machine = setup::boot();
    machine.write(
        "/etc/containers/containers.conf",
        "[containers]\nlog_tag = 'of-{{.Name}}'\npids_limit = 99\n",
    );
    let unit = |name: &str, more: &str| {
        let text = format!(
            "[Container]\nImage=docker.io/library/busybox:latest\nContainerName={name}\nNetwork=none\n\
             Exec=sh -c 'echo one; echo two >&2; sleep infinity'\n{more}"
        );
        machine.quadlet(&format!("{name}.container"), &text);
    };
    unit("plain", "");
    unit("own", "LogOpt=tag=mine\nLogDriver=journald\nPidsLimit=-1\n");
    unit("service", "[Service]\nTasksMax=77\n");
    machine.reload();
    machine.start(&["plain", "own", "service"]);
    machine.sh("unipod run -d --name hand --network none docker.io/library/busybox sh -c 'echo one; echo two; sleep infinity'").ok();
    machine
        .sh("unipod run -d --name free --pids-limit 0 --network none docker.io/library/busybox sleep infinity")
        .ok();
    for (service, tasks) in [
        ("plain", "2048"),
        ("own", "infinity"),
        ("service", "77"),
        ("unipod-hand", "99"),
        ("unipod-free", "infinity"),
    ] {
        let shown = machine.sh(&format!("systemctl show -P TasksMax {service}")).ok();
        assert_eq!(shown, tasks, "{service}");
    }
    for (service, tag) in [("plain", "of-plain"), ("own", "mine"), ("unipod-hand", "of-hand")] {
        let lines = machine
            .sh(&format!("journalctl --sync; journalctl -o cat -u {service} -t {tag}"))
            .ok();
        assert_eq!(lines, "one\ntwo", "{service}");
    }
    // In its caller's group, nothing can be limited.
    let group = "--rm --cgroupns host docker.io/library/busybox tail -n1 /proc/self/cgroup";
    let caller = machine
        .sh(&format!(
            "unipod run --cgroups disabled {group}; tail -n1 /proc/self/cgroup"
        ))
        .ok();
    let (inside, outside) = caller.split_once('\n').expect("two lines");
    assert_eq!(inside, outside);
    let error = machine
        .sh("unipod run --rm --cgroups disabled -m 64m docker.io/library/busybox true")
        .refused();
    assert!(error.contains("--cgroups=disabled and --memory"), "{error}");
    let error = machine
        .sh("unipod run --rm --log-opt label=x docker.io/library/busybox true")
        .refused();
    assert!(error.contains("--log-opt \"label=x\": expected tag=NAME"), "{error}");
}
