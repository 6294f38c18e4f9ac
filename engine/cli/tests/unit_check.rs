//! `unipod unit check` as people and CI call it: what it prints, in three formats, and its exit codes. No systemd is needed.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

const GOOD: &str = "[Container]\nImage=docker.io/library/web:1\n";

/// A directory with unit files in `units/`.
fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = TempDir::new().expect("there is a temporary directory");
    for (name, text) in files {
        let path = directory.path().join("units").join(name);
        fs::create_dir_all(path.parent().expect("is below the directory")).expect("can be made");
        fs::write(path, text).expect("can be written");
    }
    directory
}

/// Exit code, standard output, standard error.
fn check(directory: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_unipod"))
        .args(["unit", "check"])
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .env("HOME", directory)
        .env("QUADLET_UNIT_DIRS", directory.join("none"))
        .output()
        .expect("the engine starts");
    let text = |bytes| String::from_utf8(bytes).expect("is UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("is JSON")
}

#[test]
fn problems_are_shown_like_a_compilers() {
    let web = "[Container]\n  Imgae=x\nImage=nginx\nPublishPort=8080:80\nVolume=dta.volume:/x\n";
    let api = "[Container]\nImage=docker.io/library/api\nPublishPort=127.0.0.1:8080:80\nVolatileTmp=yes\n";
    let directory = directory(&[("web.container", web), ("api.container", api), ("data.volume", "")]);
    let (code, shown, errors) = check(directory.path(), &["units"]);
    assert_eq!((code, errors.as_str()), (Some(1), ""));
    let expected = "\
warning[deprecated-key]: VolatileTmp= is deprecated
 --> units/api.container:4:1
  |
4 | VolatileTmp=yes
  | ^^^^^^^^^^^
  |
  = help: use Tmpfs=/tmp

error[unknown-key]: unknown key \"Imgae\" in [Container]
 --> units/web.container:2:3
  |
2 |   Imgae=x
  |   ^^^^^
  |
  = help: did you mean \"Image\"?

warning[short-image-name]: \"nginx\" is a short name
 --> units/web.container:3:7
  |
3 | Image=nginx
  |       ^^^^^
  |
  = help: say which registry it comes from (docker.io/library/…)

warning[port-published-twice]: port 8080/tcp of the host is published by api.container, too
 --> units/web.container:4:13
  |
4 | PublishPort=8080:80
  |             ^^^^^^^
  |
 ::: units/api.container:3:13
  |
3 | PublishPort=127.0.0.1:8080:80
  |             -----------------

error[missing-reference]: there is no unit dta.volume
 --> units/web.container:5:8
  |
5 | Volume=dta.volume:/x
  |        ^^^^^^^^^^
  |
  = help: did you mean \"data.volume\"?

2 errors and 3 warnings in 3 unit files
";
    assert_eq!(shown, expected);
}

/// The later one takes the earlier one's container away, as `--replace` does.
#[test]
fn a_name_belongs_to_one_unit() {
    let container = |name: &str| format!("[Container]\nImage=docker.io/x/y\nContainerName={name}\n");
    let directory = directory(&[
        ("a.container", &container("web")),
        ("b.container", &container("web")),
        ("c.container", &container("%N")),
        ("d.container", &container("%N")),
        ("e.container", &container("shop")),
        ("f.pod", "[Pod]\nPodName=shop\n"),
    ]);
    let (code, shown, _) = check(directory.path(), &["units"]);
    assert_eq!(code, Some(0));
    for (clash, place) in [("a.container", "b.container:3"), ("e.container", "f.pod:2")] {
        let said = format!(
            "warning[name-clash]: {clash} has this name, too: each of the two replaces the other when it starts"
        );
        assert!(
            shown.contains(&said) && shown.contains(&format!("units/{place}")),
            "{shown}"
        );
    }
    assert!(shown.contains("2 warnings in 6 unit files"), "{shown}");
}

#[test]
fn exit_codes_tell_ci_what_to_do() {
    let directory = directory(&[
        ("good.container", GOOD),
        ("warned.container", "[Container]\nImage=web\n"),
        ("wrong.container", "[Container]\nImage=docker.io/x\nFoo=1\n"),
        ("notes.txt", ""),
    ]);
    for (arguments, code, said) in [
        (&["units/good.container"][..], 0, "no problems in 1 unit file\n"),
        (&["units/warned.container"], 0, "1 warning in 1 unit file\n"),
        (&["--strict", "units/warned.container"], 1, "1 warning in 1 unit file\n"),
        (&["units/wrong.container"], 1, "1 error in 1 unit file\n"),
        (
            &["units/wrong.container", "units/good.container"],
            1,
            "1 error in 2 unit files\n",
        ),
        (&[], 0, "no unit files found\n"),
    ] {
        let (found, shown, _) = check(directory.path(), arguments);
        assert_eq!(found, Some(code), "{arguments:?}: {shown}");
        assert!(shown.ends_with(said), "{arguments:?}: {shown}");
    }
    for (arguments, said) in [
        (&["units/absent.container"][..], "No such file or directory"),
        (&["units/notes.txt"], "not a unit file (.artifact .image"),
        (
            &["--target", "podman-3.0"],
            "podman 4.4 is the first that reads unit files",
        ),
        (&["--format", "xml"], "possible values: text, json, sarif"),
    ] {
        let (code, _, errors) = check(directory.path(), arguments);
        assert_eq!(code, Some(125), "{arguments:?}");
        assert!(errors.contains(said), "{arguments:?}: {errors}");
    }
}

#[test]
fn a_target_tells_what_it_lacks() {
    let text = format!("{GOOD}Memory=1g\nReloadCmd=true\nPull=always\n");
    let directory = directory(&[
        ("web.container", text.as_str()),
        ("one.artifact", "[Artifact]\nArtifact=x/y\n"),
    ]);
    let lacks = |target: &str| -> Vec<String> {
        let (_, shown, _) = check(directory.path(), &["--format", "json", "--target", target, "units"]);
        let problems = json(&shown)["problems"].as_array().expect("a list").clone();
        let message = |problem: &Value| {
            assert_eq!(
                (&problem["rule"], &problem["severity"]),
                (&"newer-key".into(), &"error".into())
            );
            problem["message"].as_str().expect("a text").to_owned()
        };
        problems.iter().map(message).collect()
    };
    assert_eq!(
        lacks("podman-5.4"),
        [
            "podman 5.4 does not know unit files of type .artifact, which came with 5.7",
            "podman 5.4 does not know Memory=, which came with 5.5",
            "podman 5.4 does not know ReloadCmd=, which came with 5.5",
        ]
    );
    assert_eq!(lacks("podman-5.7.1"), Vec::<String>::new());
}

#[test]
fn json_has_every_place() {
    let directory = directory(&[(
        "web.container",
        "[Container]\nImage=docker.io/x\n\u{e4}=1\nVolume=no.volume:/x\n",
    )]);
    let (code, shown, _) = check(directory.path(), &["--format", "json", "units"]);
    assert_eq!(code, Some(1));
    let document = json(&shown);
    assert_eq!(
        (&document["files"], &document["errors"], &document["warnings"]),
        (&1.into(), &2.into(), &0.into())
    );
    let second = &document["problems"][1];
    assert_eq!(second["rule"], "missing-reference");
    let expected = json(
        r#"{"path": "units/web.container", "line": 4, "column": 8, "endColumn": 17, "text": "Volume=no.volume:/x"}"#,
    );
    assert_eq!(second["location"], expected);
}

#[test]
fn sarif_is_what_code_hosts_read() {
    let directory = directory(&[
        (
            "a b/web.container",
            "[Container]\nImage=docker.io/x\nImgae=1\nPublishPort=80:80\nPublishPort=80:81\n",
        ),
        ("kept.kube", ""),
    ]);
    let (code, shown, _) = check(directory.path(), &["--format", "sarif", "units"]);
    assert_eq!(code, Some(1));
    let log = json(&shown);
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["name"], "unipod");
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    let results = run["results"].as_array().expect("a list");
    let rules = run["tool"]["driver"]["rules"].as_array().expect("a list");
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().expect("a number")).expect("is small");
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(rules[index]["shortDescription"]["text"].is_string());
    }
    let ids: Vec<&Value> = results.iter().map(|result| &result["ruleId"]).collect();
    assert_eq!(ids, ["unknown-key", "port-published-twice", "missing-key"]);
    let place = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "units/a%20b/web.container");
    assert_eq!(
        place["region"],
        json(r#"{"startLine": 3, "startColumn": 1, "endColumn": 6, "snippet": {"text": "Imgae=1"}}"#)
    );
    assert_eq!(
        results[0]["message"]["text"],
        "unknown key \"Imgae\" in [Container]; did you mean \"Image\"?"
    );
    assert_eq!(results[1]["level"], "warning");
    let related = &results[1]["relatedLocations"][0]["physicalLocation"]["region"];
    assert_eq!(related["startLine"], 4);
    assert!(
        results[2]["locations"][0]["physicalLocation"].get("region").is_none(),
        "the file as a whole"
    );
}

#[test]
fn the_users_files_are_their_own() {
    let directory = directory(&[]);
    let user = directory.path().join(".config/containers/systemd");
    fs::create_dir_all(&user).expect("can be made");
    fs::write(user.join("mine.container"), "[Container]\n").expect("can be written");
    let output = Command::new(env!("CARGO_BIN_EXE_unipod"))
        .args(["unit", "check", "--user"])
        .env_clear()
        .env("HOME", directory.path())
        .output()
        .expect("the engine starts");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(shown.contains("mine.container:1:1"), "{shown}");
    assert!(shown.contains("neither Image= nor Rootfs= is set"), "{shown}");
}
