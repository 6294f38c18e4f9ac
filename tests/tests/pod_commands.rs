//! `unipod pod …`: every command of it, by itself and beside podman's where that is installed.

use std::time::Duration;

use serde_json::Value;
use unipod_tests::machine::Machine;
use unipod_tests::setup;

const IMAGE: &str = "docker.io/library/busybox:latest";

/// A pod `shop` with containers `web` and `db`, which end at once when they are asked to.
fn shop(options: &str) -> Machine {
    let machine = setup::boot();
    machine.unipod(&["pull", "-q", IMAGE]).ok();
    machine.sh(&format!("unipod pod create --name shop {options}")).ok();
    for (name, text) in [("web", "page"), ("db", "row")] {
        let script = format!(
            "trap exit TERM; trap \"echo later\" USR1; echo {text} 1; echo {text} 2 >&2; while :; do sleep 0.1; done"
        );
        machine
            .sh(&format!(
                "unipod create --pod shop --name {name} {IMAGE} sh -c '{script}'"
            ))
            .ok();
    }
    machine
}

fn state(machine: &Machine) -> String {
    machine.unipod(&["pod", "inspect", "-f", "{{.State}}", "shop"]).ok()
}

fn gone(machine: &Machine) {
    machine.sh("unipod pod rm -af -t 0 && ! unipod pod exists shop").ok();
    machine.nothing_remains();
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_pod_stands_still_goes_on_and_is_removed_by_force() {
    let machine = shop("");
    assert_eq!(state(&machine), "Created");
    let refused = machine.sh("unipod pod rm nobody").stderr;
    assert!(
        refused.contains("no pod with name or ID nobody found: no such pod"),
        "{refused}"
    );
    assert_eq!(machine.sh("unipod pod start shop").ok(), "shop");
    assert_eq!(state(&machine), "Running");
    machine.sh("unipod pod pause shop").ok();
    assert_eq!(state(&machine), "Paused");
    assert_eq!(machine.sh("unipod ps -a --format '{{.Status}}'").ok(), "Paused\nPaused");
    machine.sh("unipod pod unpause --all && unipod exec web true").ok();
    assert_eq!(machine.sh("unipod pod unpause shop").ok(), "");

    let removal = machine.sh("unipod pod rm shop");
    assert_eq!(removal.code, 125, "{removal}");
    assert!(
        removal.stderr.contains("not all containers could be removed from pod")
            && removal
                .stderr
                .matches("running or paused containers cannot be removed without force: container state improper")
                .count()
                == 2,
        "{removal}"
    );
    let removal = machine.sh("unipod rm web");
    assert_eq!(removal.code, 2, "{removal}");
    machine.sh("unipod rm -f web && unipod pod exists shop").ok();
    assert_eq!(machine.sh("unipod pod inspect -f '{{.NumContainers}}' shop").ok(), "1");

    machine.sh("unipod pod kill -s TERM -a").ok();
    machine.wait_for("test \"$(unipod pod inspect -f '{{.State}}' shop)\" = Exited");
    machine.sh("unipod pod restart shop").ok();
    assert_eq!(state(&machine), "Running");
    machine.sh("unipod pod pause shop").ok();
    gone(&machine);
}

#[test]
fn what_members_have_of_their_pod_is_shown() {
    let machine = shop("-p 8080:80 --label app=shop --memory 512m --cpus 1.5");
    machine.sh("unipod pod start shop").ok();
    let pod = machine.sh("unipod pod inspect -f '{{.Id}}' shop").ok();
    let short = &pod[..12];
    let list = machine.sh("unipod ps -p").ok();
    for text in ["POD ID", "PODNAME", "0.0.0.0:8080->80/tcp", short] {
        assert!(list.contains(text), "{list}");
    }
    assert_eq!(
        machine.sh(&format!("unipod ps -q --filter pod={short} | wc -l")).ok(),
        "2"
    );
    assert_eq!(machine.sh("unipod ps -q --filter pod=nobody").ok(), "");
    let modes = "{{.Pod}} {{.HostConfig.NetworkMode}} {{.HostConfig.IpcMode}} {{.HostConfig.UTSMode}} {{.HostConfig.PidMode}} {{.Config.Hostname}}";
    let said = machine.sh(&format!("unipod inspect -f '{modes}' web")).ok();
    assert_eq!(
        said,
        format!("{pod} container:{pod} container:{pod} container:{pod} private shop")
    );
    let ports = machine
        .sh("unipod inspect -f '{{json .NetworkSettings.Ports}}' db")
        .ok();
    assert!(ports.contains("8080"), "{ports}");

    let known = json(&machine.sh("unipod pod inspect shop").ok());
    let known = &known[0];
    let infra = &known["InfraConfig"];
    assert_eq!(infra["PortBindings"]["80/tcp"][0]["HostPort"], "8080");
    assert_eq!(infra["Networks"][0], "podman");
    assert_eq!(
        known["CgroupPath"],
        "unipod.slice/unipod-pod.slice/unipod-pod-shop.slice"
    );
    assert_eq!(
        (&known["memory_limit"], &known["cpu_quota"]),
        (&536_870_912.into(), &150_000.into())
    );
    let rows = json(&machine.sh("unipod pod ps --format json").ok());
    assert_eq!(rows[0]["Cgroup"], "unipod-pod-shop.slice");
    gone(&machine);
}

#[test]
fn what_members_write_use_and_run_is_shown_together() {
    let machine = shop("");
    machine.sh("unipod pod start shop").ok();
    machine.wait_for("test $(unipod pod logs shop | wc -l) = 4");
    machine.sh("journalctl --sync").ok();
    let lines = |command: &str| {
        let said = machine.sh(command).ok();
        let mut lines: Vec<String> = said.lines().map(ToOwned::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(
        lines("unipod pod logs --names shop"),
        ["db row 1", "db row 2", "web page 1", "web page 2"]
    );
    // Which of two streams comes last is nobody's to say.
    let last = lines("unipod pod logs --names --tail 1 shop");
    assert!(
        last.len() == 2 && last[0].starts_with("db row ") && last[1].starts_with("web page "),
        "{last:?}"
    );
    assert_eq!(lines("unipod pod logs -c web shop"), ["page 1", "page 2"]);
    assert_eq!(lines("unipod pod logs --names --until 2001-01-01 shop"), [""; 0]);
    let id = machine.sh("unipod inspect -f '{{.Id}}' web").ok();
    let timed = machine.sh("unipod pod logs --timestamps shop | grep 'page 1'").ok();
    let words: Vec<&str> = timed.split(' ').collect();
    assert_eq!((words[0], words[2]), (&id[..12], "page"), "{timed}");
    let coloured = machine
        .sh("unipod pod logs --color -n shop | grep -c '\u{1b}\\[3[12]m'")
        .ok();
    assert_eq!(coloured, "4");
    assert!(
        machine
            .sh("unipod pod logs -c x shop")
            .stderr
            .contains("container x is not in pod shop: no such container")
    );
    // It goes on until nobody reads it any more.
    machine
        .sh("(sleep 1; unipod kill -s USR1 web) & timeout 20 unipod pod logs -f --tail 0 shop | head -1 | grep later")
        .ok();

    let top = machine.sh("unipod pod top shop pid args").ok();
    assert_eq!(top.matches("trap exit TERM").count(), 2, "{top}");
    assert_eq!(top.matches("COMMAND").count(), 1, "{top}");
    let stats = json(&machine.sh("unipod pod stats --no-stream --format json shop").ok());
    assert_eq!(stats.as_array().map(Vec::len), Some(2));
    let keys = [
        "CPU",
        "MemUsage",
        "MemUsageBytes",
        "Mem",
        "NetIO",
        "BlockIO",
        "PIDS",
        "Pod",
        "CID",
        "Name",
    ];
    assert!(keys.iter().all(|key| stats[0][key].is_string()), "{stats}");
    gone(&machine);
}

#[test]
fn a_pod_is_cloned_with_its_containers() {
    let machine = shop("--hostname shop.example --label a=1");
    machine.sh("unipod pod clone --start --label b=2 shop").ok();
    let said = machine
        .sh("unipod pod ps --filter name=shop-clone --ctr-names --ctr-status --noheading --format '{{.ContainerNames}} {{.Status}}'")
        .ok();
    assert_eq!(said, "web-clone,db-clone Running");
    let labels = machine
        .sh("unipod pod inspect -f '{{.Labels}} {{.Hostname}}' shop-clone")
        .ok();
    assert_eq!(labels, "map[a:1 b:2] shop.example");
    machine.sh("unipod exec web-clone hostname | grep shop.example").ok();
    machine
        .sh("unipod pod clone --destroy shop-clone test && ! unipod pod exists shop-clone")
        .ok();
    machine.sh("unipod pod clone nobody").refused();
    gone(&machine);
}

#[test]
fn only_pods_that_have_ended_are_pruned() {
    let machine = shop("");
    machine.sh("unipod pod create --name fresh").ok();
    machine.sh("unipod pod start shop").ok();
    assert_eq!(machine.sh("unipod pod prune -f").ok(), "");
    machine.sh("unipod pod stop -t 0 shop").ok();
    let asked = machine.sh("unipod pod prune </dev/null");
    assert!(
        asked.code == 125 && asked.stdout.contains("Are you sure you want to continue? [y/N]"),
        "{asked}"
    );
    machine.sh("echo n | unipod pod prune && unipod pod exists shop").ok();
    machine.sh("echo y | unipod pod prune && ! unipod pod exists shop").ok();
    assert_eq!(machine.sh("unipod pod ps --format '{{.Name}}'").ok(), "fresh");
    gone(&machine);
}

#[test]
fn a_pod_is_named_by_a_file() {
    let machine = setup::boot();
    machine.sh("unipod pod create --pod-id-file /run/id shop").ok();
    assert_eq!(machine.sh("unipod pod start --pod-id-file /run/id").ok(), "shop");
    assert_eq!(machine.sh("unipod pod stop --pod-id-file /run/id").ok(), "shop");
    assert_eq!(state(&machine), "Exited");
    machine
        .sh("unipod pod rm --pod-id-file /run/id && ! test -e /run/id")
        .ok();
    machine.sh("unipod pod rm --ignore --pod-id-file /run/id").ok();
    machine.sh("unipod pod stop --pod-id-file /run/id").refused();
    gone(&machine);
}

/// Commands that say the same in both engines. `E` is one of them; what has no process in ours, the infra container, is left out.
const SIDE_BY_SIDE: &[&str] = &[
    "$E pod ps",
    "$E pod create --name p1 --label a=b --infra=false",
    "$E pod create --name p2 --infra=false",
    "$E pod create --name p1 --infra=false",
    "$E pod create --name 'a b'",
    "$E create --pod p1 --name m1 $I sh -c 'trap exit TERM; while :; do sleep 0.1; done'",
    "$E create --pod p1 --name m2 $I sh -c 'trap exit TERM; while :; do sleep 0.1; done'",
    "$E pod ps",
    "$E pod ps --no-trunc",
    "$E pod ps -q",
    "$E pod ps --noheading",
    "$E pod ps -n",
    "$E pod ps --ctr-ids --ctr-names --ctr-status",
    "$E pod ps --ctr-names",
    "$E pod ps --format '{{.ID}}|{{.Id}}|{{.Name}}|{{.Status}}|{{.Created}}|{{.InfraID}}|{{.InfraId}}|{{.NumberOfContainers}}'",
    "$E pod ps --format '{{.Labels}}|{{.Networks}}|{{.ContainerIds}}|{{.ContainerNames}}|{{.ContainerStatuses}}|{{.Restarts}}'",
    "$E pod ps --format 'table {{.Name}} {{.Status}} {{.NumberOfContainers}} {{.ContainerNames}} {{.ContainerStatuses}} {{.Restarts}}'",
    "$E pod ps --sort name --format '{{.Name}}'",
    "$E pod ps --sort number --format '{{.Name}}'",
    "$E pod ps --filter status=created --filter name=p1",
    "$E pod ps --filter status=bogus",
    "$E pod ps --filter ctr-number=2",
    "$E pod ps --filter ctr-number=x",
    "$E pod ps --filter ctr-status=created",
    "$E pod ps --filter ctr-status=bogus",
    "$E pod ps --filter ctr-names=m",
    "$E pod ps --filter label=a",
    "$E pod ps --filter label=a=c",
    "$E pod ps --filter 'label!=a'",
    "$E pod ps --filter until=1h",
    "$E pod ps --filter name",
    "$E pod ps --quiet --format '{{.Name}}'",
    "$E pod ps --latest",
    "$E ps --pod",
    "$E ps -ap",
    "$E ps -a --filter pod=p1",
    "$E ps -a --filter pod=nope",
    "$E ps -a --pod --format '{{.Pod}}|{{.PodName}}|{{.Names}}|{{.Ports}}'",
    "$E inspect m1 --format '{{.Pod}}|{{.HostConfig.PidMode}}|{{.HostConfig.UTSMode}}'",
    "$E pod inspect p1 p2 --format '{{.Name}} {{.State}} {{.Hostname}} {{.Labels}} {{.NumContainers}} {{.ExitPolicy}} {{.CreateInfra}}'",
    "$E pod inspect nope",
    "$E pod inspect",
    "$E pod exists nope",
    "$E pod exists p1",
    "$E pod start p1",
    "$E pod start p1",
    "$E pod ps --ctr-names --ctr-status",
    "$E pod top p1 user,tty",
    "$E pod top p2",
    "$E pod top nope",
    "$E pod stats --no-stream nope",
    "$E pod pause p1",
    "$E pod pause p1",
    "$E pod ps --ctr-status",
    "$E ps --pod --filter status=paused",
    "$E pod inspect -f '{{.State}}' p1",
    "$E pod unpause p1",
    "$E pod unpause p1",
    "$E pod pause nope",
    "$E pod pause",
    "$E pod pause -a p1",
    "$E pod unpause -a",
    "$E pod logs nope",
    "$E pod logs",
    "$E pod logs -c nope p1",
    "$E pod rm p1",
    "$E rm m1",
    "$E rm -f m2",
    "$E pod ps",
    "$E pod kill -s FOO p1",
    "$E pod kill nope",
    "$E pod kill",
    "$E pod kill p1",
    "sleep 1; $E pod ps",
    "$E pod kill p1",
    "$E pod stop p1 nope",
    "$E pod stop -t 0 p1",
    "$E pod stop -i nope",
    "$E pod restart nope",
    "$E pod restart p1",
    "$E pod ps --ctr-status",
    "$E pod stop -t 0 --all",
    "$E pod rm p2",
    "$E pod start --all",
    "$E pod start --all p1",
    "$E pod start",
    "$E pod start nope",
    "$E pod stop -t 0 -a",
    "$E pod create --name q1 --hostname h --label x=y -p 8088:80",
    "$E create --pod q1 --name n1 $I sleep 600",
    "$E pod clone --label z= q1",
    "$E pod clone q1 q2",
    "$E pod clone nope",
    "$E pod ps --format '{{.Name}} {{.Status}} {{.Networks}}'",
    "$E pod inspect q1 --format '{{.Hostname}} {{.Labels}} {{.SharedNamespaces}} {{json .InfraConfig.PortBindings}} {{json .InfraConfig.Networks}}'",
    "$E pod inspect q2 --format '{{.Labels}} {{.InfraConfig.HostNetwork}} {{json .InfraConfig.DNSServer}} {{json .InfraConfig.StaticIP}}'",
    "$E ps -a --filter name=^n1 --format '{{.Names}} {{.PodName}} {{.Status}}'",
    "$E pod start q1",
    "$E inspect n1 --format '{{.HostConfig.PidMode}} {{.Config.Hostname}} {{json .NetworkSettings.Ports}}'",
    "$E ps --filter name=n1 --format '{{.Names}} {{.Ports}}'",
    "$E pod logs q1; $E pod logs --names q1",
    "$E pod stop -t 0 q1",
    "$E pod prune </dev/null",
    "echo n | $E pod prune",
    "$E pod prune -f",
    "$E pod ps --format '{{.Name}} {{.Status}}'",
    "$E pod create --pod-id-file /tmp/$E.id p5",
    "$E pod start --pod-id-file /tmp/$E.id",
    "$E pod stop --pod-id-file /tmp/$E.id",
    "$E pod rm --pod-id-file /tmp/$E.id; ls /tmp/$E.id",
    "$E pod start --pod-id-file /tmp/$E.id",
    "$E pod rm nope",
    "$E pod rm -f nope",
    "$E pod rm -i nope",
    "$E pod rm",
    "$E pod rm --all p1",
    "$E pod rm -fa -t 0",
    "$E pod ps",
    "$E ps -ap",
    "$E pod rm --latest",
    "$E pod start --latest",
    "$E pod inspect --latest",
];

/// What a command says, without what differs from run to run and between names of programs: IDs and ages.
fn essence(said: &str) -> Vec<String> {
    let is_id = |word: &str| matches!(word.len(), 12 | 64) && word.chars().all(|c| c.is_ascii_hexdigit());
    let is_number = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_digit());
    let line = |line: &str| {
        let mut text = String::new();
        for piece in line.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
            let word = piece.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            text.push_str(if is_id(word) { "ID" } else { word });
            text.push_str(&piece[word.len()..]);
        }
        for name in ["unipod", "podman"] {
            text = text.replace(name, "ENGINE");
        }
        for age in ["Less than a second", "About a minute"] {
            text = text.replace(age, "9 seconds");
        }
        let text = text.replace('|', " | ");
        let words: Vec<&str> = text.split_whitespace().collect();
        let next = |place: usize| words.get(place + 1).copied().unwrap_or_default();
        let shown = words.iter().enumerate().map(|(place, word)| match *word {
            "second" | "minutes" => "seconds",
            word if is_number(word) && matches!(next(place), "second" | "seconds" | "minutes") => "9",
            word => word,
        });
        shown.collect::<Vec<_>>().join(" ")
    };
    let lines = said.lines().filter(|line| !line.starts_with("Hint: "));
    lines.map(line).collect()
}

/// The keys of what `pod inspect` and `pod ps --format json` say.
fn keys(machine: &Machine, engine: &str) -> [Vec<String>; 4] {
    let options = "--memory 64m --cpus 1 --cpuset-cpus 0 --restart no -v /srv:/srv --label a=b -p 8088:80";
    machine.sh(&format!("{engine} pod create --name keys {options}")).ok();
    machine
        .sh(&format!("{engine} create --pod keys --name key {IMAGE} sleep 600"))
        .ok();
    let inspected = json(&machine.sh(&format!("{engine} pod inspect keys")).ok());
    let listed = json(&machine.sh(&format!("{engine} pod ps --format json")).ok());
    machine.sh(&format!("{engine} pod rm -f -t 0 keys")).ok();
    let keys_of = |value: &Value| {
        let keys = value.as_object().map(|object| object.keys().cloned());
        let mut keys: Vec<String> = keys.into_iter().flatten().collect();
        // What they number their locks by, and what runs our pod.
        keys.retain(|key| key != "LockNumber" && key != "Unit");
        keys.sort();
        keys
    };
    [
        keys_of(&inspected[0]),
        keys_of(&inspected[0]["InfraConfig"]),
        keys_of(&listed[0]),
        keys_of(&listed[0]["Containers"][0]),
    ]
}

#[test]
fn the_commands_say_what_podmans_say() {
    let machine = setup::boot();
    if !machine.sh("command -v podman").success() {
        return;
    }
    machine.write(
        "/etc/containers/policy.json",
        r#"{"default":[{"type":"insecureAcceptAnything"}]}"#,
    );
    // The machine has no controllers for limits.
    machine.write("/etc/containers/containers.conf", "[containers]\npids_limit=0\n");
    let run = |engine: &str| {
        let mut said = Vec::new();
        machine.sh(&format!("{engine} pull -q {IMAGE}")).ok();
        for command in SIDE_BY_SIDE {
            let script = format!("E={engine}; I={IMAGE}\n{{ {command}\n}} 2>&1; echo \"code $?\"");
            let output = machine.run_within(Duration::from_secs(60), &["sh", "-c", &script]);
            said.push(essence(&output.stdout));
        }
        (said, keys(&machine, engine))
    };
    let ((ours, our_keys), (theirs, their_keys)) = (run("unipod"), run("podman"));
    let pairs = SIDE_BY_SIDE.iter().zip(ours.iter().zip(&theirs));
    let differ = pairs.filter(|(_, (ours, theirs))| ours != theirs);
    let differ: Vec<String> = differ
        .map(|(command, (ours, theirs))| {
            format!(
                "{command}\n  unipod: {}\n  podman: {}",
                ours.join("\n          "),
                theirs.join("\n          ")
            )
        })
        .collect();
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), differ.join("\n"));
    assert_eq!(our_keys, their_keys);
    machine.nothing_remains();
}
