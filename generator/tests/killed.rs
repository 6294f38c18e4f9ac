//! Killed at any moment, the generator leaves whole services behind or none: the same run is killed at each of its
//! system calls in turn. Needs strace, which needs the right to trace (ptrace(2)).

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Output};

use common::TempDir;

const ARGUMENTS: [&str; 2] = ["-no-kmsg-log", "out"];

/// A unit of each kind of outcome: a service with links, a stub, an alias.
fn units() -> TempDir {
    let directory = TempDir::new();
    let web = "[Container]\nImage=docker.io/library/web:1\n[Install]\nWantedBy=multi-user.target\n";
    directory.file("units/web.container", web);
    directory.file("units/bad.container", "[Container]\nImgae=docker.io/library/web:1\n");
    directory.file("units/data.volume", "[Install]\nAlias=more.service\n");
    directory
}

/// Runs the generator under strace.
fn traced(directory: &TempDir, options: &[&str]) -> Output {
    let generator = directory.command(&ARGUMENTS);
    let mut strace = Command::new("strace");
    strace.args(["-qq", "-o", "trace"]).args(options);
    strace.arg(generator.get_program()).args(generator.get_args());
    let environment = generator.get_envs().filter_map(|(name, value)| Some((name, value?)));
    strace.envs(environment).current_dir(directory.path());
    strace.output().expect("strace is there")
}

/// All system calls of a run, each with its number among those of its name.
fn calls(directory: &TempDir) -> Vec<(String, usize)> {
    let output = traced(directory, &[]);
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let trace = directory.read("trace");
    let names = trace
        .lines()
        .filter_map(|line| line.split_once('('))
        .map(|(name, _)| name.to_owned());
    let calls: Vec<_> = names
        .map(|name| {
            let number = seen.entry(name.clone()).or_default();
            *number += 1;
            (name, *number)
        })
        .collect();
    assert!(calls.len() > 50, "strace cannot trace: {output:?}");
    calls
}

/// The files and links in the output directory, with their content.
fn written(directory: &TempDir) -> BTreeMap<String, String> {
    let tree = directory.tree();
    let lines = tree.lines().filter_map(|line| line.strip_prefix("out/"));
    lines
        .map(|line| match line.split_once(" -> ") {
            Some((link, target)) => (link.to_owned(), target.to_owned()),
            None => (line.to_owned(), directory.read(&format!("out/{line}"))),
        })
        .collect()
}

/// Kills a run at each system call; whatever is there then is one of `whole`. A second run completes it.
fn kill_everywhere(directory: &TempDir, prepare: impl Fn(), before: &BTreeMap<String, String>) {
    prepare();
    let calls = calls(directory);
    let after = written(directory);
    assert_eq!(after.len(), 5, "{after:#?}");
    for (name, number) in calls.into_iter().filter(|(name, _)| name != "execve") {
        prepare();
        traced(directory, &["-e", &format!("inject={name}:signal=KILL:when={number}")]);
        for (path, content) in written(directory) {
            let is_whole = [before, &after].iter().any(|whole| whole.get(&path) == Some(&content));
            // systemd reads nothing whose name begins with a dot.
            assert!(
                is_whole || path.starts_with(".unipod-"),
                "killed at {name} {number}: {path}\n{content}"
            );
        }
        directory.run(&ARGUMENTS);
        let mut complete = written(directory);
        complete.retain(|path, _| !path.starts_with(".unipod-"));
        assert_eq!(complete, after, "after {name} {number}");
    }
}

#[test]
fn a_first_run_leaves_whole_services() {
    let directory = units();
    let prepare = || {
        let _ = fs::remove_dir_all(directory.path().join("out"));
    };
    kill_everywhere(&directory, prepare, &BTreeMap::new());
}

#[test]
fn a_run_over_older_services_leaves_old_or_new_ones() {
    let directory = units();
    let old = [
        ("web.service", "old web\n".repeat(1000)),
        ("bad.service", "old bad\n".to_owned()),
        ("data-volume.service", String::new()),
    ];
    let prepare = || {
        let _ = fs::remove_dir_all(directory.path().join("out"));
        for (name, content) in &old {
            directory.file(&format!("out/{name}"), content);
        }
        directory.link("out/more.service", "/nowhere");
    };
    prepare();
    let before = written(&directory);
    kill_everywhere(&directory, prepare, &before);
}

/// Where only root may give a nameless file its name (Linux before 6.10), or nobody can make one.
#[test]
fn without_nameless_files_temporary_names_do() {
    let directory = units();
    directory.run(&ARGUMENTS);
    let expected = written(&directory);
    fs::remove_dir_all(directory.path().join("out")).expect("can be removed");
    let output = traced(&directory, &["-e", "inject=linkat:error=ENOENT"]);
    assert_eq!(output.status.code(), Some(1), "there is a stub");
    assert_eq!(written(&directory), expected);
}
