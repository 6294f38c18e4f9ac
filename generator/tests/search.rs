//! Where units are looked for, as the environment says.

mod common;

use common::TempDir;
use unipod_generator::{Environment, search};

/// The stems of all units found, and the complaints.
fn found(environment: &Environment) -> (Vec<String>, Vec<String>) {
    let found = search(environment);
    assert!(found.problems.is_empty(), "{:?}", found.problems);
    let units = found.directories.into_iter().flat_map(|directory| directory.units);
    let stems = units.map(|(name, _)| name.trim_end_matches(".volume").to_owned());
    (stems.collect(), found.complaints)
}

fn user_directories() -> TempDir {
    let root = TempDir::new();
    for (place, name) in [
        ("run/user/1000/containers/systemd", "runtime"),
        ("home/u/.config/containers/systemd", "home"),
        ("home/u/conf/containers/systemd", "config"),
        ("etc/containers/systemd/users/1000", "own"),
        ("etc/containers/systemd/users", "all"),
    ] {
        root.file(&format!("{place}/{name}.volume"), "");
    }
    root
}

#[test]
fn a_users_places() {
    let root = user_directories();
    let user = root.user();
    assert_eq!(found(&user).0, ["runtime", "home", "own", "all"]);
    let config = Environment {
        xdg_config_home: Some("/home/u/conf".into()),
        ..user.clone()
    };
    assert_eq!(found(&config).0, ["runtime", "config", "own", "all"]);
    let bare = Environment {
        xdg_runtime_dir: Some("".into()),
        xdg_config_home: Some("".into()),
        ..user
    };
    assert_eq!(
        found(&bare),
        (["home", "own", "all"].map(String::from).to_vec(), Vec::new())
    );
}

#[test]
fn without_a_users_directory_there_is_no_other() {
    let root = user_directories();
    let user = root.user();
    for (config, home) in [
        (Some("conf"), Some("/home/u")),
        (None, None),
        (Some(""), Some("")),
        (None, Some("u")),
    ] {
        let environment = Environment {
            xdg_config_home: config.map(Into::into),
            home: home.map(Into::into),
            ..user.clone()
        };
        let (units, complaints) = found(&environment);
        assert_eq!(units, ["runtime"], "{config:?} {home:?}");
        assert!(
            complaints.len() == 1 && complaints[0].contains("is an absolute path"),
            "{complaints:?}"
        );
    }
}

#[test]
fn listed_directories_are_the_only_ones() {
    let root = user_directories();
    root.file("a/users/1000/a.volume", "");
    root.file("b/b.volume", "");
    let listed = |dirs: &str| {
        found(&Environment {
            unit_dirs: Some(dirs.into()),
            ..root.user()
        })
    };
    assert_eq!(listed("/a:/b").0, ["a", "b"]);
    assert_eq!(listed("/b:/a:/b/../b").0, ["b", "a"]);
    assert_eq!(listed("/nowhere:/b"), (vec!["b".to_owned()], Vec::new()));
    for (dirs, units) in [("/a:b:/b", vec!["a"]), ("/a:", vec!["a"]), (":/a", vec![])] {
        let (found, complaints) = listed(dirs);
        assert_eq!(
            (found, complaints.len()),
            (units.into_iter().map(String::from).collect(), 1),
            "{dirs}"
        );
    }
    assert_eq!(listed("").0, ["runtime", "home", "own", "all"], "an empty list is none");
}
