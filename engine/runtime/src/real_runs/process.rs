//! Exit codes, further processes, sockets, and the ways of a process.

use std::os::fd::AsRawFd;

use super::*;

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
        let pid = place.started(&place.request(&options)).unwrap();
        let exec = |command: &str, change: &dyn Fn(&mut ExecOptions)| {
            let mut options = ExecOptions {
                command: strings(&["sh", "-c", command]),
                ..ExecOptions::default()
            };
            change(&mut options);
            place.exec(pid, &options).map(|status| status.code())
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
        assert_eq!(place.exec(pid, &missing).unwrap_err().code(), 127, "{runtime}");
        place.runtime.kill(&place.path("state"), &place.id, 9, false).unwrap();
        place.runtime.delete(&place.path("state"), &place.id, true).unwrap();
        // crun does not wait for a process that it has killed.
        let gone = || !Path::new(&format!("/proc/{pid}/root/bin")).exists();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
        while !gone() && std::time::Instant::now() < deadline {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        assert!(gone(), "{runtime}");
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
    let bundle = write_bundle(&request).unwrap();
    bundle.spec.save(place.path("bundle/config.json")).unwrap();
    let run = place.run_request(1);
    let script = format!(
        "exec 3>&{fd}; exec {} --cgroup-manager=disabled --root {} run --preserve-fds 1 --bundle {} {}",
        place.runtime.path().display(),
        run.state_root.display(),
        run.bundle.display(),
        place.id
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
    assert!(place.ended(&request).success());
    let text = std::fs::read_to_string(place.path("out/log")).unwrap();
    assert_eq!(
        text.split_whitespace().collect::<Vec<_>>(),
        ["0", "100000", "65536", "0"]
    );
}

/// The processes that name a container on their command line.
fn processes_of(place: &Place) -> usize {
    let names = |entry: &std::fs::DirEntry| {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(&place.id)
    };
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|entry| names(entry))
        .count()
}

#[test]
fn the_first_process_waits_for_its_release() {
    for runtime in ["crun", "runc"] {
        let place = Place::new(runtime);
        let run = place.run_request(0);
        std::fs::create_dir_all(run.bundle).unwrap();
        let options = options(|o| o.command = strings(&["sleep", "1000"]));
        let creation = Creation::begin(&place.runtime, &run).unwrap();
        let bundle = write_bundle(&place.request(&options)).unwrap();
        let supplied = creation.supply(&bundle.spec).unwrap();
        let release = Release::begin(&place.runtime, run.bundle, run.state_root, run.id).unwrap();
        let pid = supplied.finish().unwrap();
        let command = || std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
        // Long enough for the runtime to be loaded.
        std::thread::sleep(std::time::Duration::from_millis(300));
        assert!(!command().starts_with("sleep"), "{runtime}: {}", command());
        release.finish().unwrap();
        let runs = (0..500).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            command().starts_with("sleep")
        });
        assert!(runs, "{runtime}: {}", command());
    }
}

#[test]
fn a_runtime_that_gets_no_bundle_ends() {
    for runtime in ["crun", "runc"] {
        let place = Place::new(runtime);
        let run = place.run_request(0);
        std::fs::create_dir_all(run.bundle).unwrap();
        let creation = Creation::begin(&place.runtime, &run).unwrap();
        // Its command line can be read a moment after it is executed.
        let appears = (0..500).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            processes_of(&place) == 1
        });
        assert!(appears, "{runtime} is on its way");
        drop(creation);
        assert_eq!(processes_of(&place), 0);
    }
}

#[test]
fn without_a_lease_the_runtime_is_started_when_the_bundle_is_complete() {
    let place = Place::new("crun");
    let config = place.path("bundle/config.json");
    std::fs::create_dir_all(place.path("bundle")).unwrap();
    std::fs::write(&config, "old").unwrap();
    // No lease on a file that somebody has open.
    let _reader = std::fs::File::open(&config).unwrap();
    let options = options(|o| o.command = strings(&["true"]));
    assert!(place.ended(&place.request(&options)).success());
}
