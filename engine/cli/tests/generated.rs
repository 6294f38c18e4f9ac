//! The generator and the engine speak one language: whatever command line a unit becomes, the engine's parser takes it.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::fmt::Write;
use std::process::{Command, Output};

use proptest::prelude::*;
use systemd_unit_parser::{UnitFile, split_args};
use unipod_generator::keys::{Key, Kind};
use unipod_generator::load::unit_from_bytes;
use unipod_generator::{Host, Service, UnitType, generate};

/// Subcommands of generated services that are not there yet. The engine says so.
const NOT_YET: [&str; 4] = ["artifact pull", "build", "kube down", "kube play"];

/// Units that the values below refer to.
const OTHERS: [(&str, &str); 6] = [
    ("other.container", "[Container]\nImage=x\nContainerName=other\n"),
    ("other.pod", ""),
    ("other.volume", ""),
    ("other.network", ""),
    ("other.image", "[Image]\nImage=quay.io/x/y:1\n"),
    (
        "other.build",
        "[Build]\nImageTag=localhost/y\nSetWorkingDirectory=unit\n",
    ),
];

/// Values that people write for a key: some usual, some odd.
fn values(unit_type: UnitType, key: &Key) -> &'static [&'static str] {
    match (unit_type, key.name) {
        (_, "ContainersConfModule") => &["/etc/a.conf", "-x", "a b"],
        (_, "GlobalArgs") => GLOBAL_ARGS,
        (UnitType::Container, "PodmanArgs") => RUN_ARGS,
        (UnitType::Volume, "PodmanArgs") => &["--label a=b -l c", "-o size=5 --opt -x", "-d local", r#"--driver """#],
        (UnitType::Network, "PodmanArgs") => &["--route 10.9.0.0/16,10.1.0.1", "--label -x -o mtu=9000 -d bridge"],
        (UnitType::Image, "PodmanArgs") => &[
            "-q --os linux",
            "--quiet=true --disable-content-trust",
            "--retry 5 --retry 6",
        ],
        (UnitType::Pod, "PodmanArgs") => &[
            "--share +pid --label x",
            "--cpus 1.5 -m 64m --pids-limit 9",
            "--infra=false",
        ],
        (_, "PodmanArgs") => &["--any thing", "-x --y=z", r#"--label """#],
        (_, "Image" | "Rootfs" | "Artifact" | "ImageTag") => &["quay.io/x/y:1"],
        (_, "ServiceName") => &["it", "it@"],
        (_, "ContainerName" | "PodName" | "VolumeName" | "NetworkName") => &["name", "a-%i", "name.2"],
        (_, "Retry" | "HealthRetries" | "HealthStartupRetries" | "HealthStartupSuccess" | "HealthMaxLogCount") => {
            NUMBERS
        }
        (_, "HealthMaxLogSize" | "RemapUidSize") => NUMBERS,
        (_, "ExitPolicy") => &["stop", "continue"],
        (UnitType::Pod, "StopTimeout") => &["0", "10"],
        (UnitType::Container, "StopTimeout") | (_, "PidsLimit") => &["0", "10", "-1", ""],
        // What is neither a number in range nor a name of the host is an error at its line.
        (UnitType::Volume, "User" | "Group" | "UID" | "GID") => &["0", "1000", "2147483647", ""],
        (_, "IP") => &["10.0.0.5", ""],
        (_, "IP6") => &["fd00::5", ""],
        (UnitType::Network, "DNS") => &["10.0.0.1", "fd00::1", "10.0.0.1,10.0.0.2", ""],
        (_, "Subnet") => &["10.5.0.0/24", "fd00:5::/64", ""],
        (_, "Gateway") => &["10.5.0.1", ""],
        (_, "IPRange") => &["10.5.0.0/25", "10.5.0.5-10.5.0.9", ""],
        (_, "CgroupsMode") => &["split", "enabled", "disabled", "no-conmon", ""],
        (_, "Notify") => &["healthy", "Healthy", "yes", "no", ""],
        (UnitType::Image, "Policy") => &["always", "missing", "never", "newer", ""],
        (_, "ExposeHostPort") => &["80", "80-90/udp", ""],
        (_, "Network") => &[
            "host",
            "none",
            "other.network:ip=10.0.0.5",
            "other.container",
            "pasta:-T,5000",
            "-x",
            "",
        ],
        (_, "Volume") => &["/a:/b:ro,z", "./a:/b", "other.volume:/v", "name:/v", "/v", ""],
        (_, "Mount") => &[
            "type=tmpfs,destination=/x",
            "type=bind,src=./a,dst=/b type=volume,source=other.volume,dst=/c",
            "",
        ],
        (_, "Pod") => &["other.pod", ""],
        (_, "Yaml") => &["a.yaml /b.yaml", "'a b.yaml' %h/c"],
        (_, "RemapUsers") => &["", "auto"],
        (_, "SetWorkingDirectory") => &["unit"],
        (_, "RemapUid" | "RemapGid" | "Type") => &[""],
        (_, "ReloadCmd" | "ReloadSignal" | "Group") => &[],
        _ => of_kind(key.kind),
    }
}

fn of_kind(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Scalar | Kind::Raw | Kind::Lines => TEXTS,
        Kind::Boolean => &["yes", "no", "maybe", ""],
        Kind::Number => NUMBERS,
        Kind::Words => &["a b", "'a b' -c", "--x", "a=b:c", r#""""#, ""],
        Kind::Arguments | Kind::LastArguments => &["a b", r#"'a b' -c "d\te""#, "--x --help", r#""" a """#, ""],
        Kind::Map => &["A=b", "A='b c' D= E", "-x=-y", ""],
    }
}

const TEXTS: &[&str] = &[
    "x", "a b", "-x", "--help", "--x=y", "a=b,c:d", r#""a b""#, "\"\"", "é%n$$", "-", "--", "",
];

const NUMBERS: &[&str] = &["0", "3", "\"7\"", ""];

const GLOBAL_ARGS: &[&str] = &[
    "--log-level=debug",
    "--log-level FATAL --log-level warning",
    "--root /a --runroot /b --module /c",
    "--runtime /usr/bin/runsc",
    "--cgroup-manager=systemd --events-backend file --syslog",
    "--storage-driver overlay --storage-opt a=b --transient-store=true",
    "--url unix:/x --connection y --remote=false",
    r#""""#,
    "",
];

const RUN_ARGS: &[&str] = &[
    "--cpus=2 --memory-swap -1 -m 1g --privileged",
    "-e A=b -l c=d -v /x:/y -p 80:80 -u 5 -w /z -h -x",
    "--device-read-bps /dev/sda:1mb --rdt-class x --personality LINUX32",
    "--gpus all --systemd=always --restart on-failure:5 --pid host --ipc=none --uts host",
    "--security-opt seccomp=unconfined --hostname a --hostname b --name c --rm=false",
    "--umask 0077 --env-merge A=b --unsetenv C --no-hosts --tls-verify=false",
    r#"--label "" --log-level=debug"#,
    "",
];

/// The lines without which a unit of this type is none.
fn required(unit_type: UnitType) -> &'static [(&'static str, &'static str)] {
    match unit_type {
        UnitType::Container | UnitType::Image => &[("Image", "quay.io/x/y:1")],
        UnitType::Artifact => &[("Artifact", "quay.io/x/y:1")],
        UnitType::Build => &[("ImageTag", "localhost/x"), ("SetWorkingDirectory", "unit")],
        UnitType::Kube => &[("Yaml", "x.yaml")],
        UnitType::Network => &[("Subnet", "10.5.0.0/24")],
        UnitType::Volume | UnitType::Pod => &[],
    }
}

/// The text of a unit with these lines, and what it needs beside them.
fn unit(unit_type: UnitType, lines: &[(&str, &str)]) -> String {
    let mut text = format!("[{}]\n", unit_type.section());
    let says = |key: &str| {
        lines
            .iter()
            .any(|(given, _)| *given == key || (*given, key) == ("Rootfs", "Image"))
    };
    let missing = required(unit_type).iter().filter(|(key, _)| !says(key));
    for (key, value) in missing.chain(lines) {
        writeln!(text, "{key}={value}").expect("there is memory");
    }
    text
}

/// The service that a unit becomes, in the company of the others.
fn service(unit_type: UnitType, text: &str) -> Service {
    let load = |name: &str, text: &str| {
        let unit_type = UnitType::of(name).expect("is a unit's name");
        unit_from_bytes(format!("/units/{name}"), name, unit_type, text.as_bytes())
    };
    let mut units: Vec<_> = OTHERS.iter().map(|(name, text)| load(name, text)).collect();
    let name = format!("it.{}", unit_type.extension());
    units.push(load(&name, text));
    let host = Host {
        engine: "unipod".to_owned(),
        user_mode: false,
        root: "/nowhere".into(),
    };
    let mut services = generate(units, &host).services;
    let source = format!("/units/{name}");
    let index = services.iter().position(|service| *service.source == source);
    services.swap_remove(index.expect("every unit has a service"))
}

/// The words of each command of a service.
fn commands(service: &Service) -> Vec<Vec<String>> {
    let service = UnitFile::parse("it.service", &service.content).expect("is a unit file");
    let section = service.section("Service").expect("it has one");
    let commands = section.entries().filter(|entry| entry.key().starts_with("Exec"));
    commands
        .map(|entry| {
            split_args(entry.value().trim_start_matches('-'))
                .expect("is well quoted")
                .words
        })
        .collect()
}

/// Parses a command line; the names of its subcommand, `volume create`.
fn parse(words: &[String]) -> Result<String, clap::Error> {
    let matches = unipod_cli::command().try_get_matches_from(words)?;
    let (first, inner) = matches.subcommand().expect("clap requires one");
    let verb = match first {
        "artifact" | "kube" => inner.get_one::<String>("words").map(String::as_str),
        _ => inner.subcommand_name(),
    };
    Ok(verb.map_or(first.to_owned(), |verb| format!("{first} {verb}")))
}

/// `known` are the commands that were looked at before: most units stop in the same way.
fn assert_accepted(known: &mut HashSet<Vec<String>>, text: &str, service: &Service) {
    for words in commands(service) {
        if known.contains(&words) {
            continue;
        }
        if let Err(error) = parse(&words) {
            panic!("{text}\n{}\n{error}", words.join(" "));
        }
        known.insert(words);
    }
}

#[test]
fn every_key_is_understood_with_every_value() {
    let mut known = HashSet::new();
    for unit_type in UnitType::ALL {
        for key in unit_type.keys() {
            for value in values(unit_type, key) {
                let text = unit(unit_type, &[(key.name, value)]);
                let service = service(unit_type, &text);
                assert!(
                    !service.is_stub,
                    "{text}\n{}",
                    String::from_utf8_lossy(&service.content)
                );
                assert_accepted(&mut known, &text, &service);
            }
        }
    }
}

#[test]
fn commands_of_a_reload_are_understood() {
    for line in [
        "ReloadCmd=nginx -s 'a b' --help",
        "ReloadCmd=-x",
        "ReloadSignal=HUP",
        "ReloadSignal=9",
    ] {
        let text = format!("[Container]\nImage=x\n{line}\n");
        let service = service(UnitType::Container, &text);
        assert!(commands(&service).len() > 3, "{text}");
        assert_accepted(&mut HashSet::new(), &text, &service);
    }
}

/// A unit type and lines for it.
fn any_unit() -> impl Strategy<Value = (UnitType, Vec<(&'static str, &'static str)>)> {
    let line = |unit_type: UnitType| {
        let keys: Vec<_> = unit_type
            .keys()
            .iter()
            .filter(|key| !values(unit_type, key).is_empty())
            .collect();
        prop::sample::select(keys)
            .prop_flat_map(move |key| (Just(key.name), prop::sample::select(values(unit_type, key))))
    };
    prop::sample::select(&UnitType::ALL[..])
        .prop_flat_map(move |unit_type| (Just(unit_type), prop::collection::vec(line(unit_type), 0..24)))
}

/// Keys can contradict each other: then there is no command, but a stub.
#[test]
fn commands_of_any_unit_are_understood() {
    let known = RefCell::new(HashSet::new());
    let config = ProptestConfig {
        cases: 512,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |((unit_type, lines) in any_unit())| {
        let text = unit(unit_type, &lines);
        let service = service(unit_type, &text);
        if !service.is_stub {
            assert_accepted(&mut known.borrow_mut(), &text, &service);
        }
    });
}

/// What the engine answers, with state of its own.
fn engine(command: &str, argument: &str) -> Output {
    let state = tempfile::tempdir().expect("there is a temporary directory");
    Command::new(env!("CARGO_BIN_EXE_unipod"))
        .args(command.split(' '))
        .arg(argument)
        .env("UNIPOD_ROOT", state.path().join("data"))
        .env("UNIPOD_RUNROOT", state.path().join("run"))
        .output()
        .expect("the engine starts")
}

#[test]
fn what_is_not_there_yet_says_so() {
    let all = UnitType::ALL
        .into_iter()
        .flat_map(|unit_type| commands(&service(unit_type, &unit(unit_type, &[]))));
    let called: BTreeSet<String> = all.map(|words| parse(&words).expect("is understood")).collect();
    let missing: Vec<_> = called
        .iter()
        .filter(|command| !engine(command, "--help").status.success())
        .collect();
    assert_eq!(missing, NOT_YET);
    for command in NOT_YET {
        let answer = engine(command, "--whatever");
        let said = String::from_utf8_lossy(&answer.stderr);
        assert_eq!(said, format!("Error: `unipod {command}` is not there yet\n"));
        assert_eq!(answer.status.code(), Some(125));
    }
}
