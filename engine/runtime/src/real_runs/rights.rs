//! Users, rights, limits, and what every container has.

use super::*;

const DEFAULTS: &str = r"
    grep -E '^(Cap|Seccomp|NoNewPrivs)' /proc/self/status | tr -s '\t' ' '
    hostname; cat /etc/hostname; pwd; umask; id -u
    echo home $HOME path $PATH container $container secret $PASSWORD
    echo masked $(wc -c < /proc/interrupts) $(ls /sys/firmware | wc -l)
    echo x > /proc/sys/vm/swappiness || echo sys read-only
    touch /sys/fs/cgroup/x 2>/dev/null || echo cgroup read-only
    echo shm $(df -k /dev/shm | tail -1 | awk '{print $2}')
    echo range $(cat /proc/sys/net/ipv4/ping_group_range)
    cat /etc/hosts | tr '\t' ' '; cat /etc/resolv.conf
    test -e /run/.containerenv && echo containerenv
    ls /proc/1/ns >/dev/null; echo pid $$
";

fn check_defaults(runtime: &str) {
    let (output, status) = Place::new(runtime).script(ContainerOptions::default(), DEFAULTS);
    assert!(status.success(), "{output}");
    assert_lines(
        &output,
        &[
            "CapEff: 00000000800405fb",
            "CapBnd: 00000000800405fb",
            "CapInh: 0000000000000000",
            "CapAmb: 0000000000000000",
            "Seccomp: 2",
            "NoNewPrivs: 0",
            "0123456789ab",
            "/",
            "0022",
            "home /root path /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin container unipod secret hidden",
            "masked 0 0",
            "sys read-only",
            "cgroup read-only",
            "shm 65536",
            "range 0 0",
            "127.0.0.1 localhost",
            "10.89.0.1 host.containers.internal host.docker.internal",
            "10.89.0.2 web",
            "nameserver 10.89.0.1",
            "search dns.podman",
            "containerenv",
            "pid 1",
        ],
    );
}

#[test]
fn defaults_with_crun() {
    check_defaults("crun");
}

#[test]
fn defaults_with_runc() {
    check_defaults("runc");
}

#[test]
fn users() {
    let place = Place::new("crun");
    let script = "id -u; id -g; echo groups $(id -G); pwd; echo home $HOME; grep -E '^Cap(Eff|Bnd|Amb)' /proc/self/status | tr -s '\\t' ' '; tail -1 /etc/passwd";
    let (output, _) = place.script(options(|o| o.user = Some("web".into())), script);
    assert_lines(
        &output,
        &[
            "33",
            "groups 33 44",
            "home /srv",
            "CapEff: 0000000000000000",
            "CapBnd: 00000000800405fb",
        ],
    );
    let change = |o: &mut ContainerOptions| {
        o.user = Some("1000:1000".into());
        o.group_add = strings(&["log"]);
        o.workdir = Some("/made/here".into());
        o.cap_add = strings(&["net_raw"]);
    };
    let (output, _) = place.script(options(change), script);
    let line = "1000:*:1000:1000:container user:/made/here:/bin/sh";
    assert_lines(
        &output,
        &[
            "1000",
            "groups 1000 44",
            "/made/here",
            "home /",
            "CapEff: 0000000000002000",
            "CapAmb: 0000000000002000",
            line,
        ],
    );
}

#[test]
fn rights_limits_and_devices() {
    let place = Place::new("crun");
    let change = |o: &mut ContainerOptions| {
        o.cap_drop = strings(&["all"]);
        o.cap_add = strings(&["chown"]);
        o.security = strings(&[
            "no-new-privileges",
            "seccomp=unconfined",
            "mask=/proc/uptime",
            "unmask=/proc/keys:/proc/sys",
        ]);
        o.ulimits = strings(&["nofile=100:200", "core=0"]);
        o.devices = strings(&["/dev/null:/dev/nothing:rw"]);
        o.sysctls = [("net.core.somaxconn".to_owned(), "77".to_owned())].into();
        o.umask = Some(0o077);
        o.shm_size = Some(1 << 20);
        o.oom_score_adj = Some(500);
        o.timezone = Some("local".into());
        o.hostname = Some("box".into());
        o.dns = strings(&["9.9.9.9"]);
    };
    let script = r"
        grep -E '^(CapEff|CapBnd|Seccomp|NoNewPrivs)' /proc/self/status | tr -s '\t' ' '
        echo files $(ulimit -Sn) $(ulimit -Hn) core $(ulimit -c); umask; hostname
        echo uptime $(wc -c < /proc/uptime); ls -l /dev/nothing | cut -c1; echo x > /dev/nothing && echo written
        echo somaxconn $(cat /proc/sys/net/core/somaxconn); echo shm $(df -k /dev/shm | tail -1 | awk '{print $2}')
        echo oom $(cat /proc/self/oom_score_adj)
    ";
    let (output, _) = place.script(options(change), script);
    assert_lines(
        &output,
        &[
            "CapEff: 0000000000000001",
            "CapBnd: 0000000000000001",
            "Seccomp: 0",
            "NoNewPrivs: 1",
            "files 100 200 core 0",
            "0077",
            "box",
            "uptime 0",
            "c",
            "written",
            "somaxconn 77",
            "shm 1024",
            "oom 500",
        ],
    );
}

#[test]
fn a_time_zone_changes_no_other_one() {
    let place = Place::new("crun");
    let zones = place.path("root/usr/share/zoneinfo");
    std::fs::create_dir_all(zones.join("Etc")).unwrap();
    std::fs::create_dir_all(zones.join("Here")).unwrap();
    std::fs::write(zones.join("Etc/UTC"), "as in the image\n").unwrap();
    std::fs::write(zones.join("Here/Only"), "of the image\n").unwrap();
    let localtime = place.path("root/etc/localtime");
    std::os::unix::fs::symlink("/usr/share/zoneinfo/Etc/UTC", &localtime).unwrap();
    let script = "readlink /etc/localtime; head -c 4 /etc/localtime; echo; cat /usr/share/zoneinfo/Etc/UTC";
    for (zone, expected) in [
        ("Here/Only", &["../usr/share/zoneinfo/Here/Only", "of t"][..]),
        // The image lacks it: the rules are the host's.
        ("Asia/Tokyo", &["TZif"]),
        ("Etc/UTC", &["../usr/share/zoneinfo/Etc/UTC", "as i"]),
    ] {
        let (output, _) = place.script(options(|o| o.timezone = Some(zone.into())), script);
        assert_lines(&output, expected);
        assert!(output.ends_with("as in the image\n"), "{zone}: {output}");
    }
}

#[test]
fn what_the_machine_lacks_is_refused_by_name() {
    let place = Place::new("crun");
    let available = capabilities::available().unwrap();
    let own = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE)
        .unwrap()
        .1;
    if !available.has("SYS_RESOURCE") {
        let asked = options(|o| {
            o.command = strings(&["true"]);
            o.cap_add = strings(&["sys_resource"]);
        });
        let error = write_bundle(&place.request(&asked)).unwrap_err().to_string();
        assert!(error.contains("--cap-add SYS_RESOURCE"), "{error}");
        let asked = options(|o| {
            o.command = strings(&["true"]);
            o.ulimits = vec![format!("nofile={}", own + 1)];
        });
        let error = write_bundle(&place.request(&asked)).unwrap_err().to_string();
        assert!(error.contains("--ulimit"), "{error}");
    }
    let asked = options(|o| {
        o.command = strings(&["true"]);
        o.volumes = strings(&["/no/such/path:/x"]);
    });
    let error = write_bundle(&place.request(&asked)).unwrap_err().to_string();
    assert!(
        error.contains("/no/such/path") && error.contains("No such file"),
        "{error}"
    );
}

/// Not a benchmark: a guard against work that does not belong on the way of every start. The bound is for a debug build
/// on a busy machine; a release build takes a tenth.
#[test]
fn a_bundle_is_written_in_a_moment() {
    let place = Place::new("crun");
    let options = options(|o| o.command = strings(&["true"]));
    let fastest = (0..20)
        .map(|_| {
            let start = std::time::Instant::now();
            write_bundle(&place.request(&options)).unwrap();
            start.elapsed()
        })
        .min();
    assert!(fastest.unwrap() < std::time::Duration::from_millis(20), "{fastest:?}");
    eprintln!("fastest {fastest:?}");
}

#[test]
fn a_missing_controller_is_named() {
    let _place = Place::new("crun");
    let resources = unipod_bundle::options::Resources {
        memory: Some(1 << 30),
        ..Default::default()
    };
    // The root of a hierarchy has no limits even where it has controllers.
    let error = resources.apply(Path::new("/sys/fs/cgroup")).unwrap_err().to_string();
    assert!(
        error.contains("--memory") && error.contains("memory controller"),
        "{error}"
    );
}

const IMAGE: &str = r#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]},"config":{
    "User":"web","WorkingDir":"/work","Env":["PATH=/bin:/opt","A=image","B=image","HOME=/home/image"],
    "Entrypoint":["sh","-c"],"Cmd":["echo image"],"Volumes":{"/data":{}}}}"#;

#[test]
fn the_image_says_what_the_options_do_not() {
    let place = Place::new("crun");
    let image: oci_spec::image::ImageConfiguration = serde_json::from_str(IMAGE).unwrap();
    let of = |options: &ContainerOptions| {
        let mut request = place.request(options);
        request.image = Some(&image);
        let process = write_bundle(&request).unwrap().spec.process().clone().unwrap();
        let line = |list: &Option<Vec<String>>| list.clone().unwrap().join(" ");
        (
            line(process.args()),
            line(process.env()),
            process.cwd().clone(),
            process.user().uid(),
        )
    };
    let (args, env, cwd, uid) = of(&ContainerOptions::default());
    assert_eq!((args.as_str(), cwd, uid), ("sh -c echo image", "/work".into(), 33));
    assert_eq!(
        env,
        "A=image B=image HOME=/home/image HOSTNAME=0123456789ab PASSWORD=hidden PATH=/bin:/opt container=unipod"
    );
    let change = |o: &mut ContainerOptions| {
        o.command = strings(&["echo", "mine"]);
        o.env = [("A".to_owned(), "option".to_owned())].into();
        o.unset_env = strings(&["B"]);
        o.env_merge = strings(&["PATH=${PATH}:/more"]);
        o.workdir = Some("/else".into());
        o.user = Some("0".into());
    };
    let (args, env, cwd, uid) = of(&options(change));
    assert_eq!((args.as_str(), cwd, uid), ("sh -c echo mine", "/else".into(), 0));
    assert!(
        env.starts_with("A=option HOME=/home/image") && env.contains("PATH=/bin:/opt:/more") && !env.contains("B=")
    );
    let entrypoint = |words: &[&str]| options(|o| o.entrypoint = Some(strings(words)));
    assert_eq!(of(&entrypoint(&["/bin/x"])).0, "/bin/x");
    assert_eq!(of(&entrypoint(&[])).0, "echo image");
    let bare = options(|o| o.unset_env_all = true);
    assert_eq!(of(&bare).1, "HOME=/srv HOSTNAME=0123456789ab PASSWORD=hidden");
}

#[test]
fn nothing_to_run_is_refused() {
    let place = Place::new("crun");
    let error = write_bundle(&place.request(&ContainerOptions::default()))
        .unwrap_err()
        .to_string();
    assert!(error.contains("no command"), "{error}");
}
