use std::fs;
use std::path::{Path, PathBuf};

use super::keys::Effect;
use super::places::Place;
use super::*;

/// What several files say, one after the other.
fn of(files: &[&str]) -> Result<Config, ConfigError> {
    let mut config = Config::default();
    for (number, text) in files.iter().enumerate() {
        config.merge(Path::new(&format!("/{number}.conf")), text)?;
    }
    config.say_what_has_no_effect();
    Ok(config)
}

fn env(files: &[&str]) -> String {
    let files: Vec<String> = files.iter().map(|list| format!("[containers]\nenv={list}\n")).collect();
    let config = of(&files.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    config.list("containers.env").unwrap().join(" ")
}

#[test]
fn lists_replace_or_append_as_the_manual_says() {
    // containers.conf(5), "Appending to string arrays", is the third.
    const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    for (files, expected) in [
        (&["['1']"][..], "1"),
        (&["['1']", "['2']"], "2"),
        (&["['1']", "['2']", "['3', {append=true}]", "['4']"], "2 3 4"),
        (
            &["['1']", "['2', {append=true}]", "['3', {append=false}]", "['4']"],
            "4",
        ),
        (&["['1', {append=true}]"], &format!("{PATH} 1")),
        (&["[{append=true}]", "['1']"], &format!("{PATH} 1")),
        (&["['1']", "[]"], ""),
    ] {
        assert_eq!(env(files), expected, "{files:?}");
    }
}

#[test]
fn later_files_win_key_by_key() {
    let config = of(&[
        "[containers]\ntz='a'\numask='1'\n[engine.runtimes]\ncrun=['/a']\nrunc=['/b']\n",
        "[containers]\ntz='b'\n[engine.runtimes]\ncrun=['/c']\n",
    ])
    .unwrap();
    assert_eq!(config.text("containers.tz"), Some("b"));
    assert_eq!(config.origin("containers.tz"), Some("/1.conf:2"));
    assert_eq!(config.text("containers.umask"), Some("1"));
    let shared = Shared::of(&config).unwrap();
    assert_eq!(shared.runtimes["crun"], [Path::new("/c")]);
    assert_eq!(shared.runtimes["runc"], [Path::new("/b")]);
}

#[test]
fn unknown_names_are_warnings_with_their_place_and_what_was_meant() {
    let text = "[container]\n[containers]\n\npids_limt = 5\nnothing_like_it = 1\nretry = 1\n[engine]\n'a\\nb'=1\n";
    let config = of(&[text]).unwrap();
    let mut warnings = config.warnings().to_vec();
    warnings.sort();
    let expected = [
        "/0.conf:1: unknown table [container], ignored; did you mean [containers]?",
        "/0.conf:4: unknown key pids_limt in [containers], ignored; did you mean pids_limit?",
        "/0.conf:5: unknown key nothing_like_it in [containers], ignored",
        "/0.conf:6: unknown key retry in [containers], ignored; did you mean that of [engine]?",
        "/0.conf:8: unknown key a\\nb in [engine], ignored",
    ];
    assert_eq!(warnings, expected);
}

#[test]
fn what_cannot_be_had_is_a_warning_unless_it_asks_for_nothing_else() {
    let text = "[containers]\nlog_path='/x'\nlabel_users=false\nkeyring=false\n[engine]\nremote=false\ncgroup_manager='cgroupfs'\n";
    let config = of(&[text]).unwrap();
    let warnings = config.warnings().join("\n");
    assert_eq!(config.warnings().len(), 2, "{warnings}");
    assert!(
        warnings.contains("/0.conf:2: containers.log_path has no effect here: "),
        "{warnings}"
    );
    assert!(warnings.contains("/0.conf:4: containers.keyring"), "{warnings}");
}

#[test]
fn directories_of_hooks_are_a_warning_once_they_hold_some() {
    let dir = tempfile::tempdir().unwrap();
    let text = format!("[engine]\nhooks_dir=['/nowhere', '{}']\n", dir.path().display());
    assert_eq!(of(&[&text]).unwrap().warnings(), [""; 0]);
    fs::write(dir.path().join("hook.json"), "{}").unwrap();
    let config = of(&[&text]).unwrap();
    let [warning] = config.warnings() else {
        panic!("{:?}", config.warnings())
    };
    assert!(
        warning.starts_with("/0.conf:2: engine.hooks_dir has no effect here: hooks are not run yet"),
        "{warning}"
    );
}

#[test]
fn a_value_of_another_kind_is_an_error_where_the_key_acts() {
    for (text, line, expected) in [
        (
            "[containers]\n\npids_limit='5'\n",
            3,
            "containers.pids_limit is a number, not a text",
        ),
        (
            "[containers]\nprivileged='no'\n",
            2,
            "containers.privileged is true or false, not a text",
        ),
        ("[containers]\ntz=4\n", 2, "containers.tz is a text, not a number"),
        ("[containers]\nenv='A=b'\n", 2, "containers.env is a list of texts"),
        ("[containers]\nenv=['A',\n1]\n", 3, "containers.env is a list of texts"),
        ("[containers]\nenv=['A', {add=true}]\n", 2, "with {append=true} at most"),
        ("containers=1\n", 1, "containers must be a table"),
        (
            "[network]\ndefault_subnet_pools=[{base='10.0.0.0/16',size=8}]\n",
            2,
            "size=prefix length",
        ),
        (
            "[engine.runtimes]\ncrun='/usr/bin/crun'\n",
            2,
            "engine.runtimes is a list of texts",
        ),
        ("[containers\n", 1, ""),
        ("[containers]\ntz='a'\ntz='b'\n", 3, "duplicate key"),
        ("\u{feff}[containers]\ntz=\n", 2, ""),
    ] {
        let error = of(&[text]).expect_err(text).to_string();
        assert!(
            error.starts_with(&format!("/0.conf:{line}: ")) && error.contains(expected),
            "{text}: {error}"
        );
    }
    let config = of(&["[machine]\ncpus='many'\n[engine]\nnum_locks=[]\n"]).unwrap();
    assert!(config.warnings().is_empty());
}

#[test]
fn comments_say_nothing_and_lines_keep_their_numbers() {
    let config = of(&["# tz='a'\r\n[containers] # c\n  # tz='b'\nenv=[\n# 'A',\n'B#', # c\n]\ntz='c#'\n#"]).unwrap();
    assert_eq!(config.list("containers.env").unwrap(), ["B#"]);
    assert_eq!(
        (config.text("containers.tz"), config.origin("containers.tz")),
        (Some("c#"), Some("/0.conf:8"))
    );
    let config = of(&["[containers]\ntz='''\n# a'''\n"]).unwrap();
    assert_eq!(config.text("containers.tz"), Some("# a"));
}

#[test]
fn values_have_bounds() {
    for (text, expected) in [
        (
            "[network]\ndns_bind_port=70000\n",
            "/0.conf:2: network.dns_bind_port: expected a number from 0 to 65535",
        ),
        (
            "[network]\nfirewall_driver='pf'\n",
            "/0.conf:2: network.firewall_driver: expected iptables, nftables",
        ),
        (
            "[network]\ndefault_host_ips=['localhost']\n",
            "network.default_host_ips: expected addresses",
        ),
        (
            "[network]\ndefault_subnet='10.0.0.1'\n",
            "network.default_subnet: expected an IPv4 subnet",
        ),
        ("[engine]\nimage_parallel_copies=-1\n", "engine.image_parallel_copies"),
    ] {
        let error = Shared::of(&of(&[text]).unwrap()).expect_err(text);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn the_files_of_root_and_of_others_in_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let paths = [
        "usr/containers.conf",
        "usr/containers.conf.d/b.conf",
        "usr/containers.conf.d/a.conf",
        "usr/containers.conf.d/a.txt",
        "usr/containers.rootful.conf.d/r.conf",
        "etc/containers.rootless.conf",
        "etc/containers.rootless.conf.d/r.conf",
        "etc/containers.rootless.conf.d/7/u.conf",
        "etc/containers.conf.d/d.conf/not-a-file",
        "home/containers.conf.d/h.conf",
        "home/containers.conf.modules/m.conf",
        "etc/containers.conf.modules/m.conf",
        "etc/containers.conf.modules/n.conf",
    ];
    for path in paths {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    let caller = |uid| places::Caller {
        system: vec![root.join("usr"), root.join("etc")],
        user: Some(root.join("home")),
        uid,
        only: None,
        last: Some(root.join("last.conf")),
    };
    let names = |caller: &places::Caller, modules: &[&str]| {
        let modules: Vec<PathBuf> = modules.iter().map(PathBuf::from).collect();
        let places = caller.places(&modules).unwrap();
        let shown = |place: &Place| place.path.strip_prefix(root).unwrap().display().to_string();
        places.iter().map(shown).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        names(&caller(0), &[]),
        "usr/containers.conf usr/containers.conf.d/a.conf usr/containers.conf.d/b.conf usr/containers.rootful.conf.d/r.conf \
         etc/containers.conf home/containers.conf home/containers.conf.d/h.conf last.conf"
    );
    assert_eq!(
        names(&caller(7), &[]),
        "usr/containers.conf usr/containers.conf.d/a.conf usr/containers.conf.d/b.conf usr/containers.rootless.conf \
         etc/containers.conf etc/containers.rootless.conf etc/containers.rootless.conf.d/r.conf \
         etc/containers.rootless.conf.d/7/u.conf home/containers.conf home/containers.conf.d/h.conf last.conf"
    );
    let alone = places::Caller {
        only: Some(root.join("only.conf")),
        ..caller(0)
    };
    assert_eq!(
        names(&alone, &["m.conf", "n.conf"]),
        "only.conf home/containers.conf.modules/m.conf etc/containers.conf.modules/n.conf last.conf"
    );
    let missing = caller(0).places(&["nowhere.conf".into()]).unwrap_err().to_string();
    assert!(
        missing.contains("nowhere.conf") && missing.contains("containers.conf.modules"),
        "{missing}"
    );
}

#[test]
fn only_files_of_a_sane_size_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let place = |name: &str, required| Place {
        path: dir.path().join(name),
        required,
    };
    let large = fs::File::create(dir.path().join("large")).unwrap();
    large.set_len(2 << 20).unwrap();
    nix::unistd::mkfifo(&dir.path().join("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    fs::create_dir(dir.path().join("directory")).unwrap();
    for name in ["large", "fifo", "directory"] {
        let error = Config::load(&[place(name, false)]).expect_err(name);
        assert!(error.to_string().contains(name), "{error}");
    }
    assert!(Config::load(&[place("missing", false)]).is_ok());
    assert!(Config::load(&[place("missing", true)]).is_err());
}

#[test]
fn each_key_is_there_once_and_each_that_acts_is_read_somewhere() {
    let names: Vec<&str> = keys::KEYS.iter().map(|key| key.name).collect();
    let unique: std::collections::BTreeSet<&&str> = names.iter().collect();
    assert_eq!(unique.len(), names.len());
    assert_eq!(keys::tables().count(), 8, "each table in one piece");
    let sources = [
        include_str!("shared.rs"),
        include_str!("environment.rs"),
        include_str!("../../unipod/src/defaults.rs"),
    ];
    for key in keys::KEYS.iter().filter(|key| matches!(key.effect, Effect::Acts(_))) {
        let read = format!("\"{}\"", key.name);
        assert!(
            sources.iter().any(|source| source.contains(&read)),
            "{} is not read",
            key.name
        );
    }
}

#[test]
fn the_files_of_distributions_are_taken_without_a_word() {
    for path in ["/usr/share/containers/containers.conf"] {
        let Ok(text) = fs::read_to_string(path) else { continue };
        let everything: String = text.lines().map(|line| uncommented(line) + "\n").collect();
        assert_eq!(of(&[&text]).unwrap().warnings(), [""; 0], "{path}");
        // What a comment shows must at least be known.
        if let Ok(config) = of(&[&everything]) {
            let unknown = config.warnings().iter().filter(|w| w.contains("unknown")).count();
            assert_eq!(unknown, 0, "{path}: {:?}", config.warnings());
        }
    }
}

/// A key that is given as a comment, given.
fn uncommented(line: &str) -> String {
    let inner = line.strip_prefix('#').unwrap_or(line);
    let is_key = inner.split_once('=').is_some_and(|(name, value)| {
        name.trim().chars().all(|c| c.is_ascii_lowercase() || c == '_') && !value.trim().ends_with('[')
    });
    if is_key || inner.starts_with('[') {
        inner.to_owned()
    } else {
        String::new()
    }
}
