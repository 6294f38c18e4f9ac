//! Hostile and odd input: a clear error, the others converted, nothing outside of the output directory.

mod common;

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use common::{TempDir, content, messages, run};
use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};

const UNITS: &str = "etc/containers/systemd";
const GOOD: &str = "[Container]\nImage=docker.io/library/web:1\n";

fn with_good() -> TempDir {
    let root = TempDir::new();
    root.file(&format!("{UNITS}/good.container"), GOOD);
    root
}

/// Runs and expects `good.service` whatever else there is.
fn complaints(root: &TempDir) -> Vec<String> {
    let outcome = run(&root.system());
    assert!(content(&outcome, "good.service").contains(" docker.io/library/web:1\n"));
    messages(&outcome)
}

#[test]
fn odd_files_cost_themselves() {
    let root = with_good();
    fs::create_dir(root.path().join(UNITS).join("dir.container")).expect("can be made");
    root.link(&format!("{UNITS}/gone.container"), "/nowhere");
    root.link(&format!("{UNITS}/loop.container"), "loop.container");
    root.link(&format!("{UNITS}/zero.container"), "/dev/zero");
    let huge = fs::File::create(root.path().join(UNITS).join("huge.container")).expect("can be made");
    huge.set_len(33 << 20).expect("can be longer");
    root.file(&format!("{UNITS}/nul.container"), "[Container]\nImage=a\0b\n");
    root.file(&format!("{UNITS}/bytes.container"), b"[Container]\nImage=\xff\xfe\n");
    root.file(&format!("{UNITS}/bom.container"), b"\xef\xbb\xbf[Container]\nImage=x\n");
    let said = complaints(&root);
    for expected in [
        "dir.container: this file cannot be read: Is a directory",
        "gone.container: this file cannot be read: No such file",
        "loop.container: this file cannot be read: Too many levels",
        "zero.container: this file cannot be read: it is a pipe, a socket or a device, not a file",
        "huge.container: this file cannot be read: it is larger than 32 MiB",
        "nul.container:2: text with a NUL byte",
        "bytes.container:2: text that is not UTF-8",
        "bom.container:1: byte order mark",
    ] {
        assert!(
            said.iter().any(|message| message.contains(expected)),
            "{expected}\n{said:#?}"
        );
    }
    assert_eq!(said.len(), 8, "{said:#?}");
}

/// Waiting would be for ever: nobody writes to the pipe, nothing calls at the socket.
#[test]
fn pipes_and_sockets_are_not_waited_for() {
    let root = with_good();
    let dropins = root.path().join(UNITS).join("good.container.d");
    fs::create_dir(&dropins).expect("can be made");
    let units = root.path().join(UNITS);
    for pipe in [units.join("pipe.volume"), dropins.join("pipe.conf")] {
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.expect("mkfifo starts").success());
    }
    let socket = units.join("socket.volume");
    let _socket = std::os::unix::net::UnixListener::bind(&socket).expect("can be bound");
    let outcome = run(&root.system());
    let said = messages(&outcome);
    for file in ["pipe.volume", "socket.volume", "good.container.d/pipe.conf"] {
        let expected = format!("/{file}: this file cannot be read: it is a pipe, a socket or a device, not a file");
        assert!(said.iter().any(|message| message.ends_with(&expected)), "{said:#?}");
    }
    assert_eq!(said.len(), 3, "{said:#?}");
    for stub in ["pipe-volume.service", "socket-volume.service"] {
        assert!(content(&outcome, stub).contains("X-UnipodError="), "{stub}");
    }
    assert!(content(&outcome, "good.service").contains("\nExecStart="));
}

#[test]
fn a_link_to_dev_null_is_an_empty_file() {
    let root = with_good();
    root.link(&format!("{UNITS}/none.volume"), "/dev/null");
    root.link(&format!("{UNITS}/good.container.d/10-limit.conf"), "/dev/null");
    root.file(
        &format!("{UNITS}/container.d/10-limit.conf"),
        "[Container]\nPidsLimit=1\n",
    );
    assert_eq!(complaints(&root), [""; 0]);
    let outcome = run(&root.system());
    assert!(content(&outcome, "none-volume.service").contains(" volume create --ignore systemd-none\n"));
    assert!(
        !content(&outcome, "good.service").contains("--pids-limit"),
        "the nearer drop-in hides the other"
    );
}

/// A name of many parts has a drop-in directory for each; what is odd in one of them costs itself.
#[test]
fn any_depth_of_dropins() {
    let root = with_good();
    let stem = "a-".repeat(110);
    root.file(&format!("{UNITS}/{stem}z.container"), GOOD);
    for (number, (dash, _)) in stem.match_indices('-').enumerate() {
        let directory = format!("{UNITS}/{}.container.d", &stem[..=dash]);
        root.file(
            &format!("{directory}/{number:03}.conf"),
            format!("[Container]\nEnvironment=N{number}=1\n"),
        );
    }
    assert_eq!(complaints(&root), [""; 0]);
    let outcome = run(&root.system());
    let service = content(&outcome, &format!("{stem}z.service"));
    assert!(
        (0..110).all(|number| service.contains(&format!(" --env N{number}=1 "))),
        "{service}"
    );

    let broken = format!("{UNITS}/a-.container.d");
    root.file(&format!("{broken}/deep.conf/deeper.conf/x.conf"), "");
    root.link(&format!("{broken}/loop.conf"), "loop.conf");
    root.link(&format!("{UNITS}/b.container.d"), "b.container.d");
    let said = complaints(&root);
    for expected in [
        "a-.container.d/deep.conf: this file cannot be read: Is a directory",
        "a-.container.d/loop.conf: this file cannot be read: Too many levels",
        "b.container.d: this cannot be read: Too many levels",
    ] {
        assert!(
            said.iter().any(|message| message.contains(expected)),
            "{expected}\n{said:#?}"
        );
    }
}

#[test]
fn names_with_blanks_and_at_signs() {
    let root = with_good();
    for name in [
        "a b.container",
        "a@b c.container",
        "a@.container",
        "a@b@c.container",
        "@x.container",
        "@.container",
        "@@.container",
        "a\nb.container",
        "-.container",
        ".container",
    ] {
        root.file(&format!("{UNITS}/{name}"), GOOD);
    }
    let said = complaints(&root);
    let outcome = run(&root.system());
    for service in ["a@.service", "a@b@c.service", "-.service", ".container.service"] {
        content(&outcome, service);
    }
    for refused in ["a b", "a@b c", "@x", "@", "@@", "a\u{fffd}b"] {
        let expected = format!("systemd does not accept \"{refused}.service\" as the name of a service");
        assert!(
            said.iter().any(|message| message.contains(&expected)),
            "{expected}\n{said:#?}"
        );
    }
    assert_eq!(said.len(), 6, "{said:#?}");
}

#[test]
fn names_that_are_not_utf8_are_told() {
    let root = with_good();
    fs::write(root.path().join(UNITS).join(OsStr::from_bytes(b"\xff.container")), GOOD).expect("can be written");
    let said = complaints(&root);
    assert!(said.len() == 1 && said[0].contains("not UTF-8"), "{said:?}");
}

#[test]
fn endless_lines_and_many_lines() {
    let root = with_good();
    let long = "x".repeat(10_000_000);
    root.file(
        &format!("{UNITS}/value.container"),
        format!("{GOOD}Environment=A={long}\n"),
    );
    root.file(&format!("{UNITS}/key.container"), format!("{GOOD}{long}=1\n"));
    root.file(&format!("{UNITS}/junk.container"), format!("{GOOD}{long}\n"));
    root.file(
        &format!("{UNITS}/quotes.container"),
        format!("{GOOD}Exec=\"{}\n", "\\x41 ".repeat(1_000_000)),
    );
    root.file(
        &format!("{UNITS}/many.container"),
        format!("{GOOD}{}", "Environment=A=1 B=2\n".repeat(100_000)),
    );
    root.file(
        &format!("{UNITS}/wrong.container"),
        format!("{GOOD}{}", "Wrong=1\n".repeat(10_000)),
    );
    let start = Instant::now();
    let outcome = run(&root.system());
    assert!(start.elapsed() < Duration::from_secs(60), "took {:?}", start.elapsed());
    assert!(messages(&outcome).iter().all(|message| message.len() < 2000));
    assert!(content(&outcome, "value.service").len() > 10_000_000);
    assert!(content(&outcome, "many.service").contains(" --env A=1 --env B=2 "));
    assert!(content(&outcome, "wrong.service").contains("… and 80 more"));
    for stub in ["key.service", "junk.service", "wrong.service"] {
        assert!(content(&outcome, stub).contains("X-UnipodError="), "{stub}");
    }
}

/// Each of these took minutes when every item was compared with all the others.
#[test]
fn many_of_anything_take_no_longer_each() {
    const MANY: usize = 100_000;
    let root = with_good();
    let many = |line: &dyn Fn(usize) -> String| (0..MANY).map(line).collect::<String>();
    let sections = many(&|i| format!("[X{i}]\nA=1\n"));
    root.file(&format!("{UNITS}/sections.container"), format!("{GOOD}{sections}"));
    let words = many(&|i| format!("w{i}.container "));
    root.file(
        &format!("{UNITS}/words.container"),
        format!("[Unit]\nAfter={words}\n{GOOD}"),
    );
    let lines = many(&|i| format!("After=l{i}.container\n"));
    root.file(&format!("{UNITS}/lines.container"), format!("[Unit]\n{lines}{GOOD}"));
    let aliases = many(&|i| format!("Alias=/a{i}\n"));
    root.file(
        &format!("{UNITS}/aliases.container"),
        format!("{GOOD}[Install]\n{aliases}"),
    );
    root.file(&format!("{UNITS}/feeds.container"), "\n".repeat(2_000_000));
    for i in 0..1000 {
        root.file(
            &format!("{UNITS}/same{i}.container"),
            format!("{GOOD}ServiceName=same\n"),
        );
    }
    let start = Instant::now();
    let outcome = run(&root.system());
    assert!(start.elapsed() < Duration::from_secs(60), "took {:?}", start.elapsed());
    let said = messages(&outcome);
    assert!(said.iter().all(|message| message.len() < 2000) && outcome.remarks.len() <= 100);
    for expected in [
        "sections.container:2001: more than 1000 sections in one file",
        "feeds.container:1000001: more than a million lines in one file",
        "words.container:2: there is no unit w0.container",
        "lines.container:2: there is no unit l0.container",
        "same0.container: warning: gets no service: same.service is that of /etc/containers/systemd/same999.container; set",
    ] {
        assert!(said.iter().any(|message| message.contains(expected)), "{expected}");
    }
    for stub in ["sections.service", "words.service", "lines.service"] {
        assert!(content(&outcome, stub).contains("X-UnipodError="), "{stub}");
    }
    content(&outcome, "good.service");
    content(&outcome, "same.service");
}

/// Deeper than any path can be: the kernel refuses to go on, the generator goes on with the rest.
#[test]
fn directories_deeper_than_a_path_can_tell() {
    let root = with_good();
    let name = "d".repeat(250);
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut directory = openat(CWD, root.path().join(UNITS), flags, Mode::empty()).expect("is there");
    for _ in 0..20 {
        mkdirat(&directory, &name, Mode::from_raw_mode(0o755)).expect("can be made");
        directory = openat(&directory, &name, flags, Mode::empty()).expect("is there");
    }
    let said = complaints(&root);
    assert!(
        said.len() == 1 && said[0].contains("File name too long"),
        "{}",
        said.len()
    );
}

#[test]
fn deep_directories_and_loops_end() {
    let root = with_good();
    let mut deep = UNITS.to_owned();
    for _ in 0..200 {
        deep.push_str("/d");
    }
    root.file(&format!("{deep}/deep.volume"), "");
    root.link(&format!("{deep}/up"), "../../..");
    root.link(&format!("{UNITS}/around"), "./around/x");
    root.link(&format!("{UNITS}/self"), ".");
    let outcome = run(&root.system());
    content(&outcome, "deep-volume.service");
    content(&outcome, "good.service");
}

#[test]
fn unreadable_files_and_directories() {
    // Root reads everything: the test does it as nobody.
    let root = with_good();
    let (file, directory) = (format!("{UNITS}/secret.container"), format!("{UNITS}/closed"));
    root.file(&file, GOOD);
    root.file(&format!("{directory}/in.container"), GOOD);
    root.file(
        &format!("{UNITS}/good.container.d/closed.conf"),
        "[Container]\nPidsLimit=1\n",
    );
    for (path, mode) in [
        ("", 0o755),
        (&file, 0),
        (&directory, 0),
        (&format!("{UNITS}/good.container.d/closed.conf"), 0),
    ] {
        fs::set_permissions(root.path().join(path), Permissions::from_mode(mode)).expect("can be changed");
    }
    let binary = env!("CARGO_BIN_EXE_unipod-generator");
    let copy = root.path().join("generator");
    fs::copy(binary, &copy).expect("can be copied");
    fs::set_permissions(&copy, Permissions::from_mode(0o755)).expect("can be changed");
    let mut command = std::process::Command::new(&copy);
    command
        .args(["-dryrun"])
        .env("QUADLET_UNIT_DIRS", root.path().join(UNITS))
        .current_dir("/");
    if fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0) {
        std::os::unix::process::CommandExt::uid(&mut command, 65534);
    }
    let output = command.output().expect("starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    for expected in [
        "secret.container: this file cannot be read",
        "closed: this cannot be read",
        "closed.conf: this file cannot be read",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    assert!(
        printed.contains("---good.service---") && printed.contains("---secret.service---"),
        "{printed}"
    );
    assert_eq!(output.status.code(), Some(1));
    fs::set_permissions(root.path().join(&directory), Permissions::from_mode(0o755)).expect("can be changed");
}

#[test]
fn nothing_is_written_outside() {
    let directory = TempDir::new();
    directory.file(
        "units/a.container",
        format!("{GOOD}ServiceName=../escaped\n[Install]\nAlias=../up.service /tmp/unipod-abs.service x/../../y.service\nWantedBy=../w a/../../b\nRequiredBy=..\n"),
    );
    directory.file(
        "units/b@.container",
        format!("{GOOD}[Install]\nDefaultInstance=../../i\nWantedBy=m.target\n"),
    );
    directory.file("units/c d.container", GOOD);
    let output = directory.run(&["-no-kmsg-log", "out"]);
    assert_eq!(output.status.code(), Some(1));
    let tree = directory.tree();
    let outside: Vec<_> = tree
        .lines()
        .filter(|line| !line.starts_with("out/") && !line.starts_with("units/"))
        .collect();
    assert!(outside.is_empty(), "{tree}");
    assert!(tree.contains("out/b@.service") && !tree.contains("out/c d"), "{tree}");
}
