//! `unipod unit print` and `list` where no systemd runs: by which names a unit file is found, and what becomes of it.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

/// Unit files in a directory of their own.
struct Units(TempDir);

impl Units {
    fn new(files: &[(&str, &str)]) -> Self {
        let directory = TempDir::new().expect("there is a temporary directory");
        for (name, text) in files {
            fs::write(directory.path().join(name), text).expect("can be written");
        }
        Self(directory)
    }

    /// Exit code, standard output, standard error.
    fn unipod(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_unipod"))
            .arg("unit")
            .args(arguments)
            .current_dir("/")
            .env_clear()
            .env("QUADLET_UNIT_DIRS", self.0.path())
            // A machine with systemd must not answer for one without.
            .env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent")
            .output()
            .expect("the engine starts");
        let text = |bytes| String::from_utf8(bytes).expect("is UTF-8");
        (output.status.code(), text(output.stdout), text(output.stderr))
    }
}

fn units() -> Units {
    Units::new(&[
        ("web.container", "[Container]\nImage=docker.io/library/web:1\n"),
        ("data.volume", "[Volume]\n"),
        (
            "job@.container",
            "[Container]\nImage=docker.io/library/job:1\nExec=%i\n",
        ),
        ("named.container", "[Container]\nImage=docker.io/x\nServiceName=other\n"),
        ("wrong.container", "[Container]\nImage=docker.io/x\nFoo=1\n"),
        ("twice.volume", ""),
        ("twice.network", ""),
    ])
}

#[test]
fn a_unit_has_many_names() {
    let units = units();
    let path = units.0.path().join("web.container");
    for (name, part) in [
        ("web.container", "docker.io/library/web:1"),
        ("web", "docker.io/library/web:1"),
        ("web.service", "docker.io/library/web:1"),
        (path.to_str().expect("is UTF-8"), "docker.io/library/web:1"),
        ("data", "volume create"),
        ("data-volume", "volume create"),
        ("data-volume.service", "volume create"),
        ("job@1", "docker.io/library/job:1"),
        ("job@1.service", "docker.io/library/job:1"),
        ("job@a.b.container", "docker.io/library/job:1"),
        ("other.service", "docker.io/x"),
        ("named", "docker.io/x"),
    ] {
        let (code, shown, errors) = units.unipod(&["print", name]);
        assert_eq!((code, errors.as_str()), (Some(0), ""), "{name}");
        assert!(
            shown.contains("ExecStart=/usr/bin/unipod") && shown.contains(part),
            "{name}: {shown}"
        );
    }
}

#[test]
fn names_that_nothing_has_are_refused_with_a_hint() {
    let units = units();
    for (name, message, hint) in [
        ("wbe", "there is no unit file \"wbe\"", "did you mean web.container?"),
        (
            "data-volum.service",
            "there is no unit file",
            "did you mean data-volume.service?",
        ),
        (
            "entirely-different",
            "there is no unit file",
            "`unipod unit list` shows",
        ),
        (
            "twice",
            "twice is the name of twice.network and twice.volume; say which",
            "",
        ),
        ("/no/such.container", "cannot be read", ""),
        ("/tmp/", "is a directory", ""),
    ] {
        let (code, _, errors) = units.unipod(&["print", name]);
        assert_eq!(code, Some(125), "{name}");
        assert!(errors.contains(message) && errors.contains(hint), "{name}: {errors}");
    }
}

#[test]
fn a_stub_is_shown_with_its_reason() {
    let (code, shown, errors) = units().unipod(&["print", "wrong"]);
    assert_eq!(code, Some(1));
    assert!(shown.contains("X-UnipodError="), "{shown}");
    assert!(
        errors.contains("error[unknown-key]: unknown key \"Foo\" in [Container]"),
        "{errors}"
    );
}

#[test]
fn files_are_listed_without_systemd_too() {
    let units = units();
    let format = "{{.Name}} {{.Service}} {{.State}} {{.Problems}}";
    let (code, shown, errors) = units.unipod(&["list", "--format", format]);
    assert_eq!(code, Some(0), "{errors}");
    assert!(errors.contains("cannot reach systemd over D-Bus"), "{errors}");
    assert_eq!(
        shown,
        "data.volume data-volume.service unknown -\n\
         job@.container job@.service unknown -\n\
         named.container other.service unknown -\n\
         twice.network twice-network.service unknown -\n\
         twice.volume twice-volume.service unknown -\n\
         web.container web.service unknown -\n\
         wrong.container wrong.service unknown 1 error\n"
    );
    let (code, _, errors) = units.unipod(&["why", "web"]);
    assert_eq!(code, Some(125));
    assert!(errors.contains("cannot reach systemd over D-Bus"), "{errors}");
}
