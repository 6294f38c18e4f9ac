//! A run that is killed has decided nothing, wherever it is killed.

use std::process::Command;

use super::{LINK, UNIT, User};

#[test]
fn a_run_that_was_killed_has_decided_nothing() {
    let user = User::new();
    user.reload();
    // Killed between the link and the record.
    user.remove("config/unipod/presets");
    user.reload();
    assert_eq!(user.record(), "web.service default.target.wants/web.service");
    // Killed between the record and the link.
    user.remove(UNIT);
    user.0.file("config/unipod/presets", "");
    user.reload();
    user.install("WantedBy=default.target");
    user.reload();
    assert!(user.has(LINK));
    assert_eq!(user.record(), "web.service default.target.wants/web.service");
}

/// Runs the generator as often as it has system calls that change something, and kills it at each of them in turn, always
/// from the state that `prepare` makes. Then nobody kills it, and `check` sees what became of the decision.
fn kill_everywhere(prepare: impl Fn() -> User, check: impl Fn(&User)) {
    let traced = |user: &User, options: &[&str]| {
        let generator = user.command();
        let mut strace = Command::new("strace");
        strace.args(["-qq", "-o", "trace"]).args(options);
        strace.arg(generator.get_program()).args(generator.get_args());
        strace.envs(generator.get_envs().filter_map(|(name, value)| Some((name, value?))));
        strace.current_dir(user.0.path()).output().expect("strace is there")
    };
    let user = prepare();
    traced(&user, &[]);
    let trace = user.0.read("trace");
    let mut kills = 0;
    for name in [
        "openat", "write", "fsync", "rename", "symlink", "mkdir", "unlink", "rmdir", "linkat", "renameat",
    ] {
        let count = trace
            .lines()
            .filter(|line| line.starts_with(&format!("{name}(")))
            .count();
        for number in 1..=count {
            let user = prepare();
            traced(&user, &["-e", &format!("inject={name}:signal=KILL:when={number}")]);
            user.reload();
            check(&user);
            kills += 1;
        }
    }
    assert!(kills > 10, "strace cannot trace:\n{trace}");
}

#[test]
fn a_new_service_is_enabled_whenever_a_run_is_killed() {
    kill_everywhere(User::new, |user| {
        assert!(user.has(LINK), "{}", user.result());
        assert_eq!(user.record(), "web.service default.target.wants/web.service");
    });
}

#[test]
fn what_is_gone_may_come_back_whenever_a_run_is_killed() {
    let gone = || {
        let user = User::new();
        user.reload();
        user.remove(UNIT);
        user
    };
    kill_everywhere(gone, |user| {
        user.install("WantedBy=default.target");
        user.reload();
        assert!(user.has(LINK), "{}", user.result());
    });
}

#[test]
fn disabled_is_for_good_whenever_a_run_is_killed() {
    let disabled = || {
        let user = User::new();
        user.reload();
        user.remove(LINK);
        user.install("WantedBy=other.target");
        user.unit(
            "new.container",
            "[Container]\nImage=a/b:1\n[Install]\nWantedBy=default.target\n",
        );
        user
    };
    kill_everywhere(disabled, |user| {
        assert_eq!(user.result().matches("/web.service ->").count(), 0, "{}", user.result());
        assert!(user.has("config/systemd/user/default.target.wants/new.service"));
    });
}
