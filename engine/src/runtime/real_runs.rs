//! Bundles run by the real runtimes on a root file system made of busybox. Needs root, crun, runc and busybox-static.

use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use super::exec::{self, ExecOptions};
use super::oci::{ExecRequest, RunRequest};
use super::*;

/// A place where a container finds what it would find under systemd: cgroup2 at `/sys/fs/cgroup`, mounts of its own.
struct Place {
    dir: tempfile::TempDir,
    runtime: OciRuntime,
}

const ID: &str = "0123456789abcdef0123456789abcdef";

impl Place {
    fn new(runtime: &str) -> Self {
        store_namespace();
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        for sub in ["bin", "etc", "proc", "dev", "sys", "tmp", "run"] {
            std::fs::create_dir_all(root.join(sub)).unwrap();
        }
        std::fs::copy("/bin/busybox", root.join("bin/busybox")).unwrap();
        let installed = Command::new("chroot")
            .arg(&root)
            .args(["/bin/busybox", "--install", "-s", "/bin"])
            .status();
        assert!(installed.unwrap().success());
        std::fs::write(
            root.join("etc/passwd"),
            "root:x:0:0:root:/root:/bin/sh\nweb:x:33:33::/srv:/bin/sh\n",
        )
        .unwrap();
        std::fs::write(root.join("etc/group"), "root:x:0:\nwww:x:33:\nlog:x:44:web\n").unwrap();
        std::fs::create_dir(dir.path().join("out")).unwrap();
        Self {
            runtime: OciRuntime::find(Some(runtime)).unwrap(),
            dir,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn request<'a>(&self, options: &'a ContainerOptions) -> BundleRequest<'a> {
        BundleRequest {
            id: ID,
            options,
            image: None,
            rootfs: self.path("root"),
            bundle: self.path("bundle"),
            network: Namespace::New,
            hosts: vec![("10.89.0.2".parse().unwrap(), vec!["web".into()])],
            dns_servers: vec!["10.89.0.1".parse().unwrap()],
            search_domains: vec!["dns.podman".into()],
            mounts: Vec::new(),
            secret_env: vec![("PASSWORD".into(), "hidden".into())],
            notify_socket: None,
            listen_fds: None,
            id_mappings: None,
            joined: JoinedNamespaces::default(),
            host_gateway: "10.89.0.1".parse().ok(),
        }
    }

    /// Runs a shell script in a container and returns what it wrote, and its status.
    fn script(&self, mut options: ContainerOptions, script: &str) -> (String, ExitStatus) {
        options.volumes.push(format!("{}:/out", self.path("out").display()));
        options.command = ["sh", "-c", &format!("exec >/out/log 2>&1; {script}")]
            .map(str::to_owned)
            .to_vec();
        let _ = std::fs::remove_file(self.path("out/log"));
        std::fs::set_permissions(self.path("out"), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        write_bundle(&self.request(&options)).unwrap();
        let status = self
            .runtime
            .run_foreground(&self.run_request(0))
            .unwrap_or_else(|e| panic!("{e}"));
        (std::fs::read_to_string(self.path("out/log")).unwrap(), status)
    }

    fn run_request(&self, preserve_fds: u32) -> RunRequest<'_> {
        let dir = self.dir.path();
        let leak = |name: &str| -> &'static Path { Box::leak(dir.join(name).into_boxed_path()) };
        RunRequest {
            id: ID,
            bundle: leak("bundle"),
            state_root: leak("state"),
            preserve_fds,
            console_socket: None,
        }
    }

    fn start(&self, options: &ContainerOptions) -> Result<u32, RuntimeError> {
        write_bundle(&self.request(options)).unwrap();
        self.runtime.run_detached(&self.run_request(0))
    }

    fn exec(
        &self,
        spec: &oci_spec::runtime::Spec,
        pid: u32,
        options: &ExecOptions,
    ) -> Result<ExitStatus, RuntimeError> {
        let process = exec::process(spec, Path::new(&format!("/proc/{pid}/root")), options).unwrap();
        let (state_root, scratch) = (self.path("state"), self.path("exec"));
        std::fs::create_dir_all(&scratch).unwrap();
        self.runtime.exec(&ExecRequest {
            id: ID,
            state_root: &state_root,
            scratch: &scratch,
            process: &process,
            detach: false,
            preserve_fds: 0,
            console_socket: None,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.runtime.delete(&self.path("state"), ID, true);
        for cgroup in ["/sys/fs/cgroup/payload"] {
            let _ = std::fs::remove_dir(cgroup);
        }
    }
}

/// This thread, and so its children, get a mount and a cgroup namespace as a unit of systemd has them.
fn store_namespace() {
    use nix::mount::{MsFlags, mount};
    crate::store::mount::enter_private_namespace().expect("these tests need root");
    let mounted = mount(
        Some("cgroup2"),
        "/sys/fs/cgroup",
        Some("cgroup2"),
        MsFlags::empty(),
        None::<&str>,
    );
    // Busy: a test with several places has done so before.
    assert!(matches!(mounted, Ok(()) | Err(nix::errno::Errno::EBUSY)), "{mounted:?}");
}

fn options(change: impl FnOnce(&mut ContainerOptions)) -> ContainerOptions {
    let mut options = ContainerOptions::default();
    change(&mut options);
    options
}

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

/// Every line of `expected` is a line of `output`.
fn assert_lines(output: &str, expected: &[&str]) {
    for line in expected {
        assert!(
            output.lines().any(|have| have.trim() == *line),
            "no line {line:?} in\n{output}"
        );
    }
}

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

#[test]
fn mounts_of_every_kind() {
    let place = Place::new("crun");
    let source = place.path("source");
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("a.conf"), "a").unwrap();
    std::fs::write(source.join("b.conf"), "b").unwrap();
    let source = source.display();
    let change = |o: &mut ContainerOptions| {
        o.volumes = vec![format!("{source}:/ro:ro,z"), format!("{source}:/over:O")];
        o.mounts = vec![
            format!("type=glob,source={source}/*.conf,destination=/globbed"),
            "type=tmpfs,dst=/mem,tmpfs-size=1m".into(),
        ];
        o.tmpfs = strings(&["/t:size=2m,mode=1770"]);
        o.read_only = true;
    };
    let script = r"
        touch /ro/x 2>/dev/null || echo ro refused; touch /over/x && ls /over | tr '\n' ' '; echo
        cat /globbed/a.conf /globbed/b.conf; echo; echo mem $(df -k /mem | tail -1 | awk '{print $2}') $(stat -c %a /t)
        touch /here 2>/dev/null || echo root refused; touch /tmp/x /run/x /var/tmp/x && echo tmp writable
    ";
    let (output, _) = place.script(options(change), script);
    assert_lines(
        &output,
        &[
            "ro refused",
            "a.conf b.conf x",
            "ab",
            "mem 1024 1770",
            "root refused",
            "tmp writable",
        ],
    );
    assert!(!place.path("source/x").exists());
}

#[test]
fn a_volume_is_given_to_the_user() {
    let place = Place::new("crun");
    let source = place.path("given");
    std::fs::create_dir_all(source.join("deep")).unwrap();
    let change = |o: &mut ContainerOptions| {
        o.user = Some("web".into());
        o.volumes = vec![format!("{}:/given:U", source.display())];
    };
    let (output, _) = place.script(options(change), "touch /given/deep/x && echo mine");
    assert_lines(&output, &["mine"]);
}

#[test]
fn privileged() {
    let place = Place::new("crun");
    let script = "grep -E '^(CapEff|Seccomp):' /proc/self/status | tr -s '\\t' ' '; echo devices $(ls /dev | wc -l); cat /run/.containerenv";
    let (output, _) = place.script(options(|o| o.privileged = true), script);
    let own = std::fs::read_to_string("/proc/self/status").unwrap();
    let bounding = own
        .lines()
        .find_map(|line| line.strip_prefix("CapBnd:"))
        .unwrap()
        .trim();
    assert_lines(
        &output,
        &[&format!("CapEff: {bounding}"), "Seccomp: 0", &format!("id=\"{ID}\"")],
    );
}

#[test]
fn an_init_is_the_first_process() {
    let place = Place::new("crun");
    let (output, status) = place.script(options(|o| o.init = true), "cat /proc/1/comm; echo pid $$; exit 7");
    // The program is known inside by where it is mounted.
    assert_lines(&output, &["podman-init"]);
    assert!(!output.contains("pid 1\n"), "{output}");
    assert_eq!(status.code(), Some(7));
}

#[test]
fn exit_codes() {
    for runtime in ["crun", "runc"] {
        let place = Place::new(runtime);
        let (_, status) = place.script(ContainerOptions::default(), "exit 7");
        assert_eq!(status.code(), Some(7));
        for (command, code) in [
            ("no-such-command", 127),
            ("/no/such", 127),
            ("/etc", 126),
            ("/etc/passwd", 126),
        ] {
            let error = place.start(&options(|o| o.command = strings(&[command]))).unwrap_err();
            assert_eq!(error.code(), code, "{runtime} {command}: {error}");
        }
    }
}

#[test]
fn exec_kill_and_delete() {
    for runtime in ["crun", "runc"] {
        let place = Place::new(runtime);
        let options = options(|o| {
            o.command = strings(&["sleep", "1000"]);
            o.env = [("A".to_owned(), "b".to_owned())].into();
        });
        let bundle = write_bundle(&place.request(&options)).unwrap();
        let pid = place.runtime.run_detached(&place.run_request(0)).unwrap();
        let exec = |command: &str, change: &dyn Fn(&mut ExecOptions)| {
            let mut options = ExecOptions {
                command: strings(&["sh", "-c", command]),
                ..ExecOptions::default()
            };
            change(&mut options);
            place.exec(&bundle.spec, pid, &options).map(|status| status.code())
        };
        assert_eq!(exec("test $A = b && exit 5", &|_| {}).unwrap(), Some(5), "{runtime}");
        let as_web = |o: &mut ExecOptions| {
            o.user = Some("web".into());
            o.workdir = Some("/tmp".into());
        };
        assert_eq!(
            exec(
                "test $(id -u) = 33 && test $(pwd) = /tmp && test $HOME = /srv && exit 6",
                &as_web
            )
            .unwrap(),
            Some(6)
        );
        let privileged = |o: &mut ExecOptions| o.privileged = true;
        assert_eq!(
            exec("grep -q '^CapEff.*1ff' /proc/self/status && exit 8", &privileged).unwrap(),
            Some(8)
        );
        let missing = ExecOptions {
            command: strings(&["no-such-command"]),
            ..ExecOptions::default()
        };
        assert_eq!(
            place.exec(&bundle.spec, pid, &missing).unwrap_err().code(),
            127,
            "{runtime}"
        );
        place.runtime.kill(&place.path("state"), ID, 9, false).unwrap();
        place.runtime.delete(&place.path("state"), ID, true).unwrap();
        assert!(!Path::new(&format!("/proc/{pid}/root/bin")).exists());
    }
}

#[test]
fn sockets_of_the_unit_are_handed_on() {
    let place = Place::new("crun");
    let file = std::fs::File::create(place.path("out/fd")).unwrap();
    // As systemd does it: the descriptor after the standard streams.
    let fd = file.as_raw_fd();
    let options = options(|o| {
        o.command = strings(&[
            "sh",
            "-c",
            "echo $LISTEN_FDS $LISTEN_PID $LISTEN_FDNAMES $$ $NOTIFY_SOCKET >&3",
        ]);
    });
    let socket = place.path("notify");
    let _listener = std::os::unix::net::UnixDatagram::bind(&socket).unwrap();
    let mut request = place.request(&options);
    request.listen_fds = Some((1, Some("web".into())));
    request.notify_socket = Some(socket);
    write_bundle(&request).unwrap();
    let run = place.run_request(1);
    let script = format!(
        "exec 3>&{fd}; exec {} --cgroup-manager=disabled --root {} run --preserve-fds 1 --bundle {} {ID}",
        place.runtime.path().display(),
        run.state_root.display(),
        run.bundle.display()
    );
    nix::fcntl::fcntl(&file, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty())).unwrap();
    assert!(Command::new("bash").args(["-c", &script]).status().unwrap().success());
    let text = std::fs::read_to_string(place.path("out/fd")).unwrap();
    assert_eq!(text, "1 1 web 1 /run/notify/notify.sock\n");
}

#[test]
fn a_user_namespace() {
    let place = Place::new("crun");
    let options = options(|o| {
        o.command = strings(&["sh", "-c", "cat /proc/self/uid_map > /out/log; id -u >> /out/log"]);
        o.volumes = vec![format!("{}:/out", place.path("out").display())];
    });
    std::fs::set_permissions(place.path("out"), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    std::fs::set_permissions(place.dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    assert!(
        Command::new("chown")
            .args(["-R", "100000:100000"])
            .arg(place.path("root"))
            .status()
            .unwrap()
            .success()
    );
    let mut request = place.request(&options);
    request.id_mappings = Some(IdMappings {
        uids: vec![(0, 100_000, 65536)],
        gids: vec![(0, 100_000, 65536)],
    });
    write_bundle(&request).unwrap();
    assert!(place.runtime.run_foreground(&place.run_request(0)).unwrap().success());
    let text = std::fs::read_to_string(place.path("out/log")).unwrap();
    assert_eq!(
        text.split_whitespace().collect::<Vec<_>>(),
        ["0", "100000", "65536", "0"]
    );
}
