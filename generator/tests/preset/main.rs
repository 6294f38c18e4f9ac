//! Services that can be enabled: what a run for a service manager leaves in its directories, and what it respects.

#[path = "../common/mod.rs"]
mod common;
mod killed;

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use common::TempDir;
use unipod_generator::manager::Manager;

const LINK: &str = "config/systemd/user/default.target.wants/web.service";
const SERVICE: &str = "run/systemd/user/web.service";
const UNIT: &str = "units/web.container";

/// A user with one unit that wants to be started.
struct User(TempDir);

impl User {
    fn new() -> Self {
        let user = Self(TempDir::new());
        user.install("WantedBy=default.target");
        user
    }

    fn install(&self, install: &str) {
        self.unit(
            "web.container",
            &format!("[Container]\nImage=a/b:1\n[Install]\n{install}\n"),
        );
    }

    fn unit(&self, name: &str, text: &str) {
        self.0.file(&format!("units/{name}"), text);
    }

    fn command(&self) -> Command {
        let output = self.0.path().join("run/systemd/generator");
        let mut command = self
            .0
            .command(&["-user", "-no-kmsg-log", output.to_str().expect("is UTF-8")]);
        command
            .env("XDG_RUNTIME_DIR", self.0.path().join("run"))
            .env("XDG_CONFIG_HOME", self.0.path().join("config"));
        command
    }

    /// Runs as the manager does, which empties the generator directories before.
    fn reload(&self) -> Output {
        for directory in ["generator", "generator.early"] {
            let _ = fs::remove_dir_all(self.0.path().join("run/systemd").join(directory));
        }
        self.command().output().expect("the generator starts")
    }

    fn has(&self, path: &str) -> bool {
        self.0.path().join(path).symlink_metadata().is_ok()
    }

    fn remove(&self, path: &str) {
        let path = self.0.path().join(path);
        fs::remove_file(&path).unwrap_or_else(|error| panic!("{}: {error}\n{}", path.display(), self.0.tree()));
    }

    /// What a run leaves, without the unit files and its lock.
    fn result(&self) -> String {
        let root = format!("{}/", self.0.path().display());
        let tree = self.0.tree().replace(&root, "/");
        let others = |line: &&str| !line.starts_with("units/") && *line != "config/unipod/presets.lock";
        let lines: Vec<&str> = tree.lines().filter(others).collect();
        lines.join("\n")
    }

    fn record(&self) -> String {
        let text = self.0.read("config/unipod/presets");
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        lines.join("\n")
    }
}

#[test]
fn a_new_service_is_enabled_once() {
    let user = User::new();
    let expected = "config/systemd/user/default.target.wants/web.service -> /run/systemd/user/web.service\n\
                    config/unipod/presets\n\
                    run/systemd/user/web.service";
    user.reload();
    assert_eq!(user.result(), expected);
    assert_eq!(user.record(), "web.service default.target.wants/web.service");
    user.reload();
    assert_eq!(user.result(), expected);
    assert!(user.0.read(SERVICE).contains("\n[Install]\nWantedBy=default.target\n"));
}

/// Who can open something can lock it, and then `daemon-reload` would wait for him.
#[test]
fn nobody_else_makes_a_run_wait() {
    let user = User::new();
    user.reload();
    let directory = user.0.path().join("config/unipod");
    let open_to_others =
        |path: &std::path::PathBuf| path.metadata().expect("is there").permissions().mode() & 0o077 != 0;
    let entries = fs::read_dir(&directory)
        .expect("is there")
        .map(|entry| entry.expect("is there").path());
    let held: Vec<File> = entries
        .chain([directory.clone()])
        .filter(open_to_others)
        .map(|path| File::open(path).expect("can be opened"))
        .collect();
    assert!(held.len() >= 2, "the record and its directory");
    for file in &held {
        file.try_lock().expect("nobody has locked it");
    }
    user.unit(
        "new.container",
        "[Container]\nImage=a/b:1\n[Install]\nWantedBy=default.target\n",
    );
    let mut run = user.command().spawn().expect("the generator starts");
    let patience = Instant::now() + Duration::from_secs(30);
    let ended = loop {
        match run.try_wait().expect("it is ours") {
            None if Instant::now() < patience => std::thread::yield_now(),
            ended => break ended,
        }
    };
    let _ = run.kill();
    assert!(ended.is_some_and(|status| status.success()));
    assert_eq!(user.record().lines().count(), 2);
}

#[test]
fn disabled_is_for_good() {
    let user = User::new();
    user.reload();
    user.remove(LINK);
    for change in [
        "WantedBy=default.target",
        "WantedBy=other.target",
        "",
        "WantedBy=default.target",
    ] {
        user.install(change);
        user.reload();
        assert_eq!(
            user.result(),
            "config/unipod/presets\nrun/systemd/user/web.service",
            "{change}"
        );
    }
    user.remove(UNIT);
    user.reload();
    assert!(!user.has(SERVICE));
    user.install("WantedBy=default.target");
    user.reload();
    assert!(user.has(SERVICE) && !user.has(LINK), "{}", user.result());
}

#[test]
fn enabled_follows_install() {
    let user = User::new();
    user.reload();
    user.install("WantedBy=other.target\nRequiredBy=default.target\nUpheldBy=third.target\nAlias=site.service");
    user.reload();
    assert_eq!(
        user.result(),
        "config/systemd/user/default.target.requires/web.service -> /run/systemd/user/web.service\n\
         config/systemd/user/other.target.wants/web.service -> /run/systemd/user/web.service\n\
         config/systemd/user/site.service -> /run/systemd/user/web.service\n\
         config/systemd/user/third.target.upholds/web.service -> /run/systemd/user/web.service\n\
         config/unipod/presets\n\
         run/systemd/user/web.service"
    );
    user.install("Description=nothing");
    user.reload();
    assert_eq!(user.result(), "config/unipod/presets\nrun/systemd/user/web.service");
    user.install("WantedBy=default.target");
    user.reload();
    assert!(user.has(LINK), "{}", user.result());
}

#[test]
fn enabled_again_after_a_change_follows_install() {
    let user = User::new();
    user.reload();
    user.remove(LINK);
    user.install("WantedBy=other.target");
    // As `systemctl enable` does.
    user.0
        .link("config/systemd/user/other.target.wants/web.service", "/x/web.service");
    user.reload();
    assert_eq!(user.record(), "web.service other.target.wants/web.service");
    user.remove(UNIT);
    user.reload();
    assert_eq!(user.result(), "config/unipod/presets");
}

#[test]
fn one_link_of_two_is_enabled_and_no_more() {
    let user = User::new();
    user.install("WantedBy=default.target other.target");
    user.reload();
    user.remove("config/systemd/user/other.target.wants/web.service");
    user.install("WantedBy=default.target other.target third.target");
    user.reload();
    assert!(user.has(LINK));
    assert!(user.has("config/systemd/user/third.target.wants/web.service"));
    assert!(!user.has("config/systemd/user/other.target.wants/web.service"));
}

#[test]
fn what_is_gone_leaves_nothing_and_may_come_back() {
    let user = User::new();
    user.reload();
    user.remove(UNIT);
    user.reload();
    assert_eq!(user.result(), "config/unipod/presets");
    assert_eq!(user.record(), "");
    user.install("WantedBy=default.target");
    user.reload();
    assert!(user.has(LINK));
}

#[test]
fn templates_are_enabled_by_their_default_instance() {
    let user = User::new();
    user.remove(UNIT);
    user.unit(
        "job@.container",
        "[Container]\nImage=a/b:1\n[Install]\nWantedBy=default.target\nDefaultInstance=7\n",
    );
    user.unit(
        "plain@.container",
        "[Container]\nImage=a/b:1\n[Install]\nWantedBy=default.target\n",
    );
    user.reload();
    assert_eq!(
        user.result(),
        "config/systemd/user/default.target.wants/job@7.service -> /run/systemd/user/job@.service\n\
         config/unipod/presets\n\
         run/systemd/user/job@.service\n\
         run/systemd/user/plain@.service"
    );
}

#[test]
fn a_broken_file_keeps_its_decision() {
    let user = User::new();
    let broken = "[Container]\nImgae=a/b:1\n[Install]\nWantedBy=default.target\n";
    user.reload();
    user.unit("web.container", broken);
    user.reload();
    assert!(user.0.read(SERVICE).contains("X-UnipodError="));
    assert!(user.has(LINK));
    user.remove(LINK);
    user.reload();
    user.install("WantedBy=default.target");
    user.reload();
    assert!(!user.has(LINK));
}

#[test]
fn names_that_systemd_does_not_accept_are_not_linked() {
    let user = User::new();
    user.install("WantedBy=a%i.target default.target\nAlias=d/x.service x.socket 'b c.service'");
    user.reload();
    assert_eq!(user.record(), "web.service default.target.wants/web.service");
}

#[test]
fn what_is_not_ours_stays() {
    let user = User::new();
    user.install("WantedBy=default.target\nAlias=site.service");
    user.0.file(SERVICE, "[Service]\nExecStart=true\n");
    user.0
        .file("run/systemd/user/other.service", "[Service]\nExecStart=true\n");
    user.0.link("run/systemd/user/masked.service", "/dev/null");
    user.0.link("config/systemd/user/site.service", "/opt/site.service");
    user.reload();
    user.remove(UNIT);
    user.unit("web.container", "[Container]\nImage=a/b:1\n");
    user.reload();
    assert_eq!(
        user.result(),
        "config/systemd/user/site.service -> /opt/site.service\n\
         config/unipod/presets\n\
         run/systemd/generator/web.service\n\
         run/systemd/user/masked.service -> /dev/null\n\
         run/systemd/user/other.service\n\
         run/systemd/user/web.service"
    );
    assert_eq!(user.0.read(SERVICE), "[Service]\nExecStart=true\n");
}

#[test]
fn an_administrators_copy_stays_enabled() {
    let user = User::new();
    user.reload();
    fs::copy(
        user.0.path().join(SERVICE),
        user.0.path().join("config/systemd/user/web.service"),
    )
    .expect("can be copied");
    user.remove(UNIT);
    user.reload();
    assert!(user.has(LINK) && !user.has(SERVICE), "{}", user.result());
}

#[test]
fn until_it_can_be_decided_the_links_are_for_this_boot() {
    let user = User::new();
    user.0.file("config/unipod", "in the way");
    user.reload();
    assert_eq!(
        user.result(),
        "config/unipod\n\
         run/systemd/generator/default.target.wants/unipod-preset.service -> ../unipod-preset.service\n\
         run/systemd/generator/default.target.wants/web.service -> /run/systemd/user/web.service\n\
         run/systemd/generator/unipod-preset.service\n\
         run/systemd/user/web.service"
    );
    user.remove("config/unipod");
    user.reload();
    assert!(
        user.has(LINK) && !user.has("run/systemd/generator"),
        "{}",
        user.result()
    );
}

#[test]
fn a_link_that_cannot_be_removed_is_hidden() {
    let user = User::new();
    user.reload();
    user.remove(UNIT);
    fs::create_dir(user.0.path().join("config/unipod/presets.new")).expect("can be made");
    user.reload();
    assert!(user.has(LINK));
    assert!(
        user.result()
            .contains("run/systemd/generator.early/default.target.wants/web.service -> /dev/null\n"),
        "{}",
        user.result()
    );
}

#[test]
fn many_at_once_decide_as_one() {
    let user = User::new();
    for number in 0..50 {
        let text = "[Container]\nImage=a/b:1\n[Install]\nWantedBy=default.target\n";
        user.unit(&format!("u{number}.container"), text);
    }
    let runs: Vec<_> = (0..8)
        .map(|_| user.command().spawn().expect("the generator starts"))
        .collect();
    for mut run in runs {
        assert!(run.wait().expect("it ends").success());
    }
    assert_eq!(user.record().lines().count(), 51);
    assert_eq!(
        user.result()
            .lines()
            .filter(|line| line.starts_with("config/systemd/"))
            .count(),
        51
    );
}

#[test]
fn the_record_may_hold_anything() {
    let user = User::new();
    user.0.file(
        "config/unipod/presets",
        b"web.service ../../../etc/passwd /etc/shadow a.wants/../x.service\n\n \nx\n\0\xff\n",
    );
    let output = user.reload();
    assert!(output.status.success(), "{output:?}");
    // Recorded, and no link is there: somebody has disabled it.
    assert!(!user.has(LINK));
}

#[test]
fn a_record_that_cannot_be_read_is_not_taken_for_empty() {
    let user = User::new();
    user.0.file("config/unipod/presets/in/it", b"");
    let output = user.reload();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("presets: ") && said.contains("until this is removed"),
        "{said}"
    );
    // It may have been disabled: the service is there, and nothing starts it.
    assert!(user.has(SERVICE) && !user.has(LINK));
    assert!(!user.result().contains("wants"), "{}", user.result());
    fs::remove_dir_all(user.0.path().join("config/unipod/presets")).expect("removed");
    user.reload();
    assert!(user.has(LINK));
}

#[test]
fn the_system_manager_decides_in_its_own_root() {
    let root = TempDir::new();
    let output = root.path().join("run/systemd/generator");
    let manager = || Manager::of(&output, &root.system()).expect("is the manager's own directory");
    let below = |path: &str| root.path().join(path);
    assert_eq!(manager().units, below("run/systemd/system"));
    assert_eq!(manager().links, below("proc/1/root/etc/systemd/system"));
    assert_eq!(manager().record, below("proc/1/root/etc/unipod/presets"));
    fs::create_dir(below("etc")).expect("can be made");
    assert_eq!(manager().links, below("etc/systemd/system"));
    assert_eq!(manager().record, below("etc/unipod/presets"));
    for other in ["run/systemd/generator.late", "tmp/generator", "run/systemd"] {
        assert!(Manager::of(&below(other), &root.system()).is_none(), "{other}");
    }
    assert!(Manager::of(&output, &root.user()).is_none());
}

#[test]
fn a_service_that_runs_can_be_stopped_when_its_unit_is_gone() {
    let user = User::new();
    user.unit("data.volume", "[Volume]\n");
    user.unit("one@.container", "[Container]\nImage=a/b:1\n");
    user.reload();
    for unit in ["web.service", "one@1.service", "data-volume.service", "idle.service"] {
        user.0.link(&format!("run/systemd/units/invocation:{unit}"), "0123");
    }
    for unit in ["web.container", "data.volume", "one@.container"] {
        user.remove(&format!("units/{unit}"));
    }
    for _ in 0..2 {
        user.reload();
        for service in ["web", "one@"] {
            let text = user.0.read(&format!("run/systemd/user/{service}.service"));
            assert!(
                text.contains("ExecStop=") && text.contains("unit file is gone"),
                "{text}"
            );
            assert!(!text.contains("ExecStart=/usr/bin/unipod"), "{text}");
        }
        assert!(
            !user.has("run/systemd/user/data-volume.service"),
            "ending its processes stops it"
        );
        assert!(!user.has(LINK));
    }
    user.remove("run/systemd/units/invocation:web.service");
    user.remove("run/systemd/units/invocation:one@1.service");
    user.reload();
    assert!(!user.result().contains("run/systemd/user/"), "{}", user.result());
}
