//! Each example of each `--help` does what it says.

use std::collections::BTreeSet;

use unipod_tests::machine::Machine;
use unipod_tests::setup;

/// How long an example may take, in seconds.
const LONGEST: u32 = 60;

/// An example, what has to be there before it, and what shows that it did something. All run in one shell, in a directory with
/// the files of [`FILES`].
type Case = (&'static str, &'static str, &'static str);

/// Makes a container `web` that runs, serves a page, and takes HUP for nothing special.
const WEB: &str = "unipod rm -fi -t0 web; unipod run -d --name web --health-cmd true busybox sh -c 'trap : HUP; echo up; while :; do sleep 1; done'";

/// The same, and it is paused.
const PAUSED: &str = "unipod rm -fi -t0 web; unipod run -d --name web busybox sleep 1000; unipod pause web";

/// The same, and somebody who has seen enough of its output presses Ctrl-C.
const FOLLOWED: &str = "unipod rm -fi -t0 web; unipod run -d --name web busybox sh -c 'echo up; exec sleep 1000'
                        (until pkill -INT journalctl; do sleep 0.1; done) &";

/// Makes a pod `shop` with a container that runs.
const SHOP: &str =
    "unipod pod rm -fi -t0 shop; unipod pod create shop; unipod run -d --name web --pod shop busybox sleep 1000";

/// The same, and it is paused.
const FROZEN: &str =
    "unipod pod rm -fi -t0 shop; unipod pod create shop; unipod run -d --name web --pod shop busybox sleep 1000
                      unipod pod pause shop";

const CASES: &[Case] = &[
    (
        "unipod pod create --name shop --publish 8080:80",
        "",
        "unipod pod inspect shop | grep 8080",
    ),
    (
        "unipod pod clone --memory 1g shop shop-test",
        SHOP,
        "unipod pod exists shop-test",
    ),
    (
        "unipod pod exists shop || unipod pod create shop",
        "",
        "unipod pod exists shop",
    ),
    ("unipod pod inspect --format '{{.State}}' shop", SHOP, ""),
    ("unipod pod kill --signal HUP shop", SHOP, ""),
    ("unipod pod logs --names --tail 20 shop", SHOP, ""),
    ("unipod pod pause shop", SHOP, "unipod pod unpause shop"),
    (
        "unipod pod prune --force",
        "unipod pod create shop; unipod pod start shop; unipod pod stop shop",
        "! unipod pod exists shop",
    ),
    ("unipod pod ps --format '{{.Name}}: {{.Status}}'", SHOP, ""),
    ("unipod pod restart shop", SHOP, "systemctl is-active unipod-pod-shop"),
    ("unipod pod rm --force shop", SHOP, "! unipod pod exists shop"),
    (
        "unipod pod start shop",
        "unipod pod create shop",
        "systemctl is-active unipod-pod-shop",
    ),
    ("unipod pod stats --no-stream shop", SHOP, ""),
    (
        "unipod pod stop --time 30 shop",
        SHOP,
        "! systemctl is-active unipod-pod-shop",
    ),
    ("unipod pod top shop pid hpid user args", SHOP, ""),
    ("unipod pod unpause shop", FROZEN, "unipod exec web true"),
    (
        "unipod run --rm -p 8080:80 docker.io/library/nginx",
        "(until curl -fsS localhost:8080; do sleep 0.1; done; unipod stop --latest 2>/dev/null || unipod stop $(unipod ps -q)) &",
        "",
    ),
    (
        "unipod run -d --name web -p 8080:80 docker.io/library/nginx",
        "",
        "until curl -fsS localhost:8080; do sleep 0.1; done; unipod rm -f web",
    ),
    (
        "unipod create --name web docker.io/library/nginx && unipod start web",
        "",
        "systemctl is-active unipod-web && unipod rm -f web",
    ),
    ("unipod exec -it web /bin/sh", WEB, ""),
    ("unipod history docker.io/library/nginx", "unipod pull -q nginx", ""),
    (
        "unipod images --format '{{.Repository}}:{{.Tag}} {{.Size}}'",
        "unipod pull -q nginx",
        "",
    ),
    ("unipod info --format '{{.host.ociRuntime.name}}'", "", ""),
    ("unipod inspect --format '{{.State.Pid}}' web", WEB, ""),
    (
        "unipod kill --signal HUP web",
        WEB,
        "unipod container inspect web --format '{{.State.Status}}' | grep running",
    ),
    ("unipod logs --follow --tail 20 web", FOLLOWED, ""),
    ("unipod pause web", WEB, "unipod unpause web"),
    (
        "unipod stats --no-stream --format '{{.Name}}: {{.CPUPerc}} {{.MemUsage}}' web",
        WEB,
        "",
    ),
    ("unipod top web pid hpid user args", WEB, ""),
    ("unipod unpause web", PAUSED, "unipod exec web true"),
    ("unipod restart --time 30 web", WEB, "systemctl is-active unipod-web"),
    (
        "unipod wait web",
        "unipod rm -fi -t0 web; unipod run -d --name web busybox sleep 1",
        "",
    ),
    (
        "unipod ps --all --filter status=exited --format '{{.Names}}: {{.Status}}'",
        "unipod rm -fi -t0 web; unipod run --name web busybox true",
        "",
    ),
    (
        "unipod pull docker.io/library/nginx:alpine",
        "",
        "unipod image exists nginx:alpine",
    ),
    ("unipod rm --force web", WEB, "! unipod container exists web"),
    (
        "unipod rmi docker.io/library/nginx:alpine",
        "unipod pull -q nginx:alpine",
        "! unipod image exists nginx:alpine",
    ),
    (
        "unipod start web",
        "unipod rm -fi -t0 web; unipod create --name web busybox sleep 1000",
        "systemctl is-active unipod-web",
    ),
    ("unipod stop --time 30 web", WEB, "! systemctl is-active unipod-web"),
    (
        "unipod tag docker.io/library/nginx registry.example.com/web:1",
        "unipod pull -q nginx",
        "unipod image exists registry.example.com/web:1",
    ),
    (
        "unipod untag docker.io/library/nginx registry.example.com/web:1",
        "unipod tag nginx registry.example.com/web:1",
        "! unipod image exists registry.example.com/web:1",
    ),
    ("unipod version --format '{{.Client.Version}}'", "", ""),
    (
        "unipod container exists web && unipod stop web",
        WEB,
        "! systemctl is-active unipod-web",
    ),
    ("unipod healthcheck run web", WEB, ""),
    (
        "unipod image exists docker.io/library/nginx || unipod pull docker.io/library/nginx",
        "unipod rmi -fi nginx",
        "unipod image exists nginx",
    ),
    (
        "unipod image inspect --format '{{.Config.Cmd}}' docker.io/library/nginx",
        "unipod pull -q nginx",
        "",
    ),
    (
        "unipod image prune --all --force",
        "unipod rm -afi -t0; unipod pull -q nginx",
        "! unipod image exists nginx",
    ),
    (
        "unipod login --username ann --password-stdin registry.example.com <password.txt",
        "",
        "grep registry.local /run/containers/0/auth.json",
    ),
    (
        "unipod logout registry.example.com",
        "unipod login --username ann --password-stdin registry.local:5000 <password.txt",
        "! grep registry.local /run/containers/0/auth.json",
    ),
    (
        "unipod network create --subnet 10.90.0.0/24 shop",
        "",
        "unipod network rm shop",
    ),
    ("unipod network ls --filter driver=bridge", "", ""),
    (
        "unipod network inspect --format '{{.Driver}}' shop",
        "unipod network create shop",
        "",
    ),
    (
        "unipod network rm shop",
        "unipod network create --ignore shop",
        "! unipod network exists shop",
    ),
    (
        "unipod network exists shop || unipod network create shop",
        "",
        "unipod network rm shop",
    ),
    (
        "unipod network prune --force",
        "unipod network create shop",
        "! unipod network exists shop",
    ),
    (
        "unipod secret create db-password ./password.txt",
        "",
        "unipod secret rm db-password",
    ),
    ("unipod secret ls --filter name=db", "", ""),
    (
        "unipod secret inspect --format '{{.Spec.Name}}' db-password",
        "unipod secret create db-password ./password.txt",
        "",
    ),
    (
        "unipod secret rm db-password",
        "unipod secret exists db-password || unipod secret create db-password ./password.txt",
        "! unipod secret exists db-password",
    ),
    (
        "unipod secret exists db-password || unipod secret create db-password ./password.txt",
        "",
        "unipod secret rm db-password",
    ),
    (
        "unipod volume create --label app=shop shop-data",
        "",
        "unipod volume rm shop-data",
    ),
    ("unipod volume ls --filter label=app=shop", "", ""),
    (
        "unipod volume inspect --format '{{.Mountpoint}}' shop-data",
        "unipod volume create shop-data",
        "",
    ),
    (
        "unipod volume rm shop-data",
        "unipod volume exists shop-data || unipod volume create shop-data",
        "! unipod volume exists shop-data",
    ),
    (
        "unipod volume exists shop-data || unipod volume create shop-data",
        "",
        "unipod volume rm shop-data",
    ),
    (
        "unipod volume prune --force",
        "unipod volume create shop-data",
        "! unipod volume exists shop-data",
    ),
    ("unipod system check --repair", "unipod pull -q nginx", ""),
    (
        "unipod quadlet install ./shop web.conf",
        "",
        "unipod quadlet list | grep shop.container",
    ),
    (
        "unipod quadlet list --filter 'name=test*' --format '{{.UnitName}}'",
        "",
        "",
    ),
    ("unipod quadlet print web.container", INSTALLED, ""),
    (
        "unipod quadlet rm --force web.container",
        INSTALLED,
        "! test -e /etc/containers/systemd/web.container",
    ),
    ("unipod unit check", INSTALLED, ""),
    ("unipod unit check web.container", "", ""),
    (
        "unipod unit check --strict --format sarif deploy/ >unipod.sarif",
        "rm -f /etc/containers/systemd/*; systemctl daemon-reload",
        "grep -q '\"version\"' unipod.sarif",
    ),
    ("unipod unit check --target podman-5.4", INSTALLED, ""),
    ("unipod unit list", INSTALLED, ""),
    ("unipod unit list --user --format '{{.Name}}: {{.State}}'", "", ""),
    ("unipod unit print web", INSTALLED, ""),
    ("unipod unit print ./web.container", "", ""),
    ("unipod unit print --diff web.service", INSTALLED, ""),
    ("unipod unit why web", STARTED, ""),
    ("unipod unit why data.volume", STARTED, ""),
    ("unipod unit why --format json web.service | jq .verdict", STARTED, ""),
];

/// Units `web` and `data`.
const INSTALLED: &str = "cp web.container data.volume /etc/containers/systemd/; systemctl daemon-reload";
/// They have been started.
const STARTED: &str =
    "cp web.container data.volume /etc/containers/systemd/; systemctl daemon-reload; systemctl start web";

const UNIT: &str = "[Container]\nImage=docker.io/library/busybox:latest\nExec=sleep 1000\nVolume=data.volume:/data\n";

/// The files of the directory that examples run in.
const FILES: &[(&str, &str)] = &[
    ("password.txt", "a good password\n"),
    ("web.container", UNIT),
    ("data.volume", "[Volume]\n"),
    ("web.conf", "# for the application\n"),
    (
        "shop/shop.container",
        "[Container]\nImage=docker.io/library/busybox:latest\nExec=sleep 1000\n",
    ),
    (
        "deploy/web.container",
        "[Container]\nImage=docker.io/library/busybox:latest\n",
    ),
];

/// The examples of a command and of all below it; panics where one has none.
fn examples(machine: &Machine, command: &[&str], into: &mut BTreeSet<String>) {
    let help = machine.unipod(&[command, &["--help"]].concat()).ok();
    let below = subcommands(&help);
    let own: Vec<&str> = help
        .lines()
        .map(|line| line.trim_start().trim_start_matches("Example: "))
        .filter(|line| line.starts_with("unipod "))
        .collect();
    assert!(
        !own.is_empty() || !below.is_empty(),
        "unipod {} --help has no example",
        command.join(" ")
    );
    into.extend(own.into_iter().map(ToOwned::to_owned));
    for name in below {
        examples(machine, &[command, &[name]].concat(), into);
    }
}

/// The names that a help text lists as commands.
fn subcommands(help: &str) -> Vec<&str> {
    let list = help
        .split("\nCommands:\n")
        .nth(1)
        .and_then(|rest| rest.split("\n\n").next());
    let lines = list.unwrap_or_default().lines();
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect()
}

#[test]
fn every_example_of_every_help_works() {
    let machine = setup::boot();
    let mut found = BTreeSet::new();
    examples(&machine, &[], &mut found);
    let known: BTreeSet<String> = CASES.iter().map(|(example, ..)| (*example).to_owned()).collect();
    assert_eq!(found, known, "each example has a case here");
    for (name, text) in FILES {
        machine.write(&format!("/srv/examples/{name}"), text);
    }
    let mut failed = Vec::new();
    for (example, before, after) in CASES {
        // The registry of the documentation is nowhere; the machine's stands for it where one is asked.
        let asks = ["login", "logout"].iter().any(|verb| example.contains(verb));
        let example = if asks {
            example.replace("registry.example.com", "registry.local:5000")
        } else {
            (*example).to_owned()
        };
        machine.write("/srv/examples/.example", &example);
        let script = format!(
            "cd /srv/examples && {{ :; {before}\n}} >/dev/null 2>&1 </dev/null
             printf 'echo inside\\nexit\\n' | timeout {LONGEST} script -qec 'sh .example' /dev/null || [ $? = 130 ] || exit
             {after}"
        );
        let said = machine.sh(&script);
        if !said.success() {
            failed.push(format!("{example}: {said}"));
        }
        machine.sh("unipod pod rm -af -t 0; unipod rm -afi -t 0; systemctl stop web data-volume; true");
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
