//! What `check` finds beside the conversion's own errors, and about which files.

mod common;

use std::path::PathBuf;

use common::TempDir;
use unipod_generator::check::{Checked, Scope, ScopeError, Target, check, sort};
use unipod_generator::{Host, Rule};

const WEB: &str = "[Container]\nImage=docker.io/library/web:1\n";

fn checked(directory: &TempDir, paths: &[PathBuf], target: Option<Target>) -> Checked {
    let environment = directory.system();
    let host = Host {
        engine: "/usr/bin/unipod".to_owned(),
        user_mode: false,
        root: environment.root.clone(),
    };
    let scope = Scope::of(paths).expect("the paths are there");
    // Paths of people are those of the process.
    let environment = if paths.is_empty() {
        environment
    } else {
        unipod_generator::Environment {
            root: "/".into(),
            unit_dirs: Some(directory.path().join("etc/containers/systemd").into()),
            ..environment
        }
    };
    let mut checked = check(&environment, &host, &scope, target);
    sort(&mut checked.problems);
    checked
}

/// `LINE:COLUMN+LENGTH rule` of each problem.
fn places(checked: &Checked) -> Vec<String> {
    let place = |problem: &unipod_generator::Problem| {
        let place = problem.place.as_ref().expect("has a place");
        let file = place.path.rsplit('/').next().unwrap_or_default();
        let span = place
            .span
            .map_or_else(String::new, |span| format!(":{}+{}", span.column, span.length));
        format!("{file}:{}{span} {}", place.line, problem.rule.id())
    };
    checked.problems.iter().map(place).collect()
}

#[test]
fn problems_name_their_kind_and_their_characters() {
    let directory = TempDir::new();
    directory.file(
        "etc/containers/systemd/a.container",
        "nonsense\n[Unit]\nAfter=x.target  b.container\n[Container]\n  Imgae=x\nImage=nginx\nVolume=no.volume:/x\n\
         Exec=\\\n  a 'b\nReadOnly=maybe\nGroup=g\n[Service]\nKillMode=none\n",
    );
    directory.file("etc/containers/systemd/b.volume", "[Volume]\nDriver=image\n");
    directory.file("etc/containers/systemd/c.image", "");
    assert_eq!(
        places(&checked(&directory, &[], None)),
        [
            "a.container:1:1+0 syntax",
            "a.container:3:17+11 missing-reference",
            "a.container:5:3+5 unknown-key",
            "a.container:6:7+0 short-image-name",
            "a.container:7:8+9 missing-reference",
            "a.container:9:5+0 odd-value",
            "a.container:10:10+0 odd-value",
            "a.container:11:1+5 key-combination",
            "a.container:13:10+0 invalid-value",
            "b.volume:2:1+6 key-combination",
            "c.image:0 missing-key",
        ]
    );
}

#[test]
fn what_a_pod_has_its_members_cannot_have() {
    let directory = TempDir::new();
    let write = |name: &str, text: &str| directory.file(&format!("etc/containers/systemd/{name}"), text);
    write("p.pod", "[Pod]\nPublishPort=8080:80\nHostName=p\n");
    write("net.pod", "[Pod]\nPodmanArgs=--share net\n");
    write("n.network", "");
    let member = |name: &str, lines: &str| write(name, &format!("{WEB}{lines}\n"));
    member(
        "a.container",
        "Pod=p.pod\nPublishPort=80:80\nHostName=a\nUserNS=auto\nExposeHostPort=5",
    );
    member("b.container", "Pod=p.pod\nNetwork=n.network\nIP=10.0.0.1");
    member("c.container", "Pod=p.pod\nNetwork=host\nAddHost=a:1.1.1.1\nHostName=");
    member("d.container", "Pod=net.pod\nHostName=d");
    member("e.container", "PublishPort=80:80\nHostName=e");
    let checked = checked(&directory, &[], None);
    assert_eq!(
        places(&checked),
        [
            "a.container:4:1+11 key-combination",
            "a.container:5:1+8 key-combination",
            "a.container:6:1+6 key-combination",
            "a.container:7:1+14 key-combination",
            "b.container:4:1+7 key-combination",
        ]
    );
    let said = checked.problems.iter().map(ToString::to_string).collect::<String>();
    assert!(
        said.contains("4: PublishPort= cannot be set in a member of p.pod, which has it for all; set it in p.pod\n"),
        "{said}"
    );
}

#[test]
fn a_file_is_checked_beside_its_siblings_and_the_search_path() {
    let directory = TempDir::new();
    let unit = "[Container]\nImage=docker.io/x\nVolume=near.volume:/a\nVolume=far.volume:/b\nVolume=none.volume:/c\n";
    let web = directory.file("work/web.container", unit);
    directory.file("work/near.volume", "");
    directory.file("work/broken.container", "nonsense");
    directory.file("work/below/none.volume", "");
    directory.file("etc/containers/systemd/deep/far.volume", "");
    directory.file("etc/containers/systemd/web.container", WEB);
    let checked = checked(&directory, &[web], None);
    assert_eq!(places(&checked), ["web.container:5:8+11 missing-reference"]);
    assert_eq!(checked.units.len(), 1);
    let tree = self::checked(&directory, &[directory.path().join("work")], None);
    assert_eq!(places(&tree), ["broken.container:1:1+0 syntax"]);
    assert_eq!(tree.units.len(), 4);
}

#[test]
fn a_drop_in_belongs_to_its_unit() {
    let directory = TempDir::new();
    let web = directory.file("work/web.container", WEB);
    directory.file("work/web.container.d/10.conf", "[Container]\nFoo=1\n");
    directory.file("work/other.container.d/10.conf", "[Container]\nFoo=1\n");
    directory.file("work/other.container", WEB);
    assert_eq!(
        places(&checked(&directory, &[web], None)),
        ["10.conf:2:1+3 unknown-key"]
    );
}

#[test]
fn of_two_files_of_one_name_the_second_is_not_used() {
    let directory = TempDir::new();
    let first = directory.file("a/web.container", WEB);
    let second = directory.file("b/web.container", WEB);
    let checked = checked(&directory, &[first, second], None);
    assert_eq!(places(&checked), ["web.container:0 hidden-file"]);
    let tree = self::checked(&directory, &[directory.path().to_owned()], None);
    assert_eq!(places(&tree), ["web.container:0 hidden-file"]);
    assert!(
        tree.problems[0]
            .place
            .as_ref()
            .is_some_and(|place| place.path.ends_with("/b/web.container"))
    );
}

#[test]
fn a_tree_includes_what_its_links_lead_to() {
    let directory = TempDir::new();
    directory.file("outside/web.container", "[Container]\nFoo=1\nImage=docker.io/x\n");
    directory.file("tree/good.container", WEB);
    directory.link("tree/common", "../outside");
    let checked = checked(&directory, &[directory.path().join("tree")], None);
    assert_eq!(places(&checked), ["web.container:2:1+3 unknown-key"]);
    assert_eq!(checked.units.len(), 2);
}

#[test]
fn units_of_the_machine_may_have_the_name() {
    let directory = TempDir::new();
    for name in ["hidden", "hides", "masked", "made", "stale", "free"] {
        directory.file(&format!("etc/containers/systemd/{name}.container"), WEB);
    }
    directory.file("etc/systemd/system/hidden.service", "[Service]\nExecStart=/bin/true\n");
    directory.file("usr/lib/systemd/system/hides.service", "[Service]\n");
    directory.link("etc/systemd/system/masked.service", "/dev/null");
    directory.file(
        "run/systemd/system/made.service",
        "[Unit]\nSourcePath=/etc/containers/systemd/made.container\n",
    );
    // The next run replaces what this one finds.
    let gone = "[Unit]\nSourcePath=/etc/containers/systemd/gone.container\n";
    let header = unipod_generator::manager::header("unipod-generator".as_ref(), true);
    directory.file("run/systemd/system/stale.service", format!("{header}{gone}"));
    let checked = checked(&directory, &[], None);
    let messages: Vec<&str> = checked
        .problems
        .iter()
        .map(|problem| problem.message.as_str())
        .collect();
    assert_eq!(
        messages,
        [
            "hidden.service is hidden by /etc/systemd/system/hidden.service, which systemd prefers",
            "hides.service hides /usr/lib/systemd/system/hides.service, a unit of the machine",
        ]
    );
    assert!(
        checked
            .problems
            .iter()
            .all(|problem| problem.rule == Rule::NameClash && !problem.is_error())
    );
}

#[test]
fn links_that_cannot_be_made_are_told() {
    let directory = TempDir::new();
    directory.file(
        "etc/containers/systemd/web.container",
        format!("{WEB}[Install]\nAlias=/x.service\n"),
    );
    let checked = checked(&directory, &[], None);
    assert_eq!(places(&checked), ["web.container:0 install-link"]);
    assert_eq!(
        checked.problems[0].message,
        "Alias=/x.service: a link can only be made inside of the output directory"
    );
}

#[test]
fn only_unit_files_can_be_checked() {
    let directory = TempDir::new();
    let text = directory.file("notes.txt", "");
    assert!(matches!(Scope::of(&[text]), Err(ScopeError::NotAUnit(_))));
    let dropin = directory.file("x.container.d/x.container", "");
    assert!(matches!(Scope::of(&[dropin]), Err(ScopeError::Dropin(_))));
    assert!(matches!(
        Scope::of(&[directory.path().join("x.container.d")]),
        Err(ScopeError::Dropin(_))
    ));
    let absent = directory.path().join("no.container");
    assert!(matches!(Scope::of(&[absent]), Err(ScopeError::Unreadable(..))));
}
