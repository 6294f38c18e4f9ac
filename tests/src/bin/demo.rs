//! `make demo`: a unit file becomes a running service, on a machine of its own that is gone afterwards.
//!
//! Every line of output is real. The exit code is not 0 if anything is not as promised.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use unipod_tests::images::registry;
use unipod_tests::machine::{Machine, wait};
use unipod_tests::narrator::Narrator;
use unipod_tests::setup;

const WEB: &str = r#"[Unit]
Description=A web page

[Container]
Image=registry.local:5000/web:latest
PublishPort=8080:80
Volume=web-data.volume:/www
Environment=GREETING="hello world"

[Install]
WantedBy=multi-user.target
"#;

const DATA: &str = "[Volume]\n";

fn main() -> ExitCode {
    println!("Booting a machine: real systemd in its own namespaces, over a copy-on-write view of this system.");
    println!("(The first run builds the images of the demo from Debian packages, which takes some seconds.)");
    let start = Instant::now();
    let machine = match setup::config().and_then(|config| Machine::try_boot(&config)) {
        Ok(machine) => machine,
        Err(error) => {
            eprintln!("the demo cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    registry::wait(&machine);
    println!(
        "Up after {:.1} s, with a registry on loopback.",
        start.elapsed().as_secs_f64()
    );
    let broken = tell(&machine);
    drop(machine);
    if broken == 0 {
        println!("\nEverything as promised; the machine is gone. Try it yourself: `make install`, then README.md.");
        ExitCode::SUCCESS
    } else {
        println!("\n{broken} promises were not kept.");
        ExitCode::FAILURE
    }
}

fn tell(machine: &Machine) -> usize {
    let mut narrator = Narrator::new(machine);
    drop_in(&mut narrator, machine);
    start(&mut narrator, machine);
    look(&mut narrator, machine);
    stop(&mut narrator, machine);
    narrator.broken()
}

fn drop_in(narrator: &mut Narrator<'_>, machine: &Machine) {
    narrator.chapter("A unit file is all there is to write");
    machine.write("/etc/containers/systemd/web.container", WEB);
    machine.write("/etc/containers/systemd/web-data.volume", DATA);
    narrator.run("cat /etc/containers/systemd/web.container");
    narrator.run("cat /etc/containers/systemd/web-data.volume");
}

fn start(narrator: &mut Narrator<'_>, machine: &Machine) {
    narrator.chapter("systemd starts it, like any service");
    narrator.say("The image comes from the registry, the volume and the network are made on the way.");
    narrator.run("systemctl daemon-reload && systemctl start web");
    let page = || machine.sh("curl -fsS localhost:8080").success();
    if !wait::until(Duration::from_secs(10), page) {
        narrator.promise("the page is served within ten seconds", false);
    }
    let page = narrator.run("curl -sS localhost:8080").stdout;
    narrator.promise(
        "the page greets with the words of the unit file",
        page.contains("hello world"),
    );
}

fn look(narrator: &mut Narrator<'_>, machine: &Machine) {
    narrator.chapter("Nobody stands between systemd and the container");
    narrator.run("systemctl status web");
    let pid = machine.property("web", "MainPID");
    narrator.say("The main process is the container's own init: PID 1 in its namespace.");
    let ids = narrator.run(&format!("grep NSpid /proc/{pid}/status")).stdout;
    narrator.promise("Main PID is the container's own init", ids.trim_end().ends_with("\t1"));
    let strangers = machine.sh("cgroup=/sys/fs/cgroup$(systemctl show --value -p ControlGroup web)
         inside=$(readlink /proc/$(systemctl show --value -p MainPID web)/ns/pid)
         for pid in $(find $cgroup -name cgroup.procs -exec cat {} +); do
             [ \"$(readlink /proc/$pid/ns/pid)\" = \"$inside\" ] || ps -o pid=,args= -p $pid
         done");
    narrator.promise(
        "its cgroup holds the container's processes and no other",
        strangers.success() && strangers.stdout.is_empty(),
    );
    narrator.say("Its output is in the journal, under the unit's name.");
    machine.run(&["journalctl", "--sync"]);
    let journal = narrator
        .run("journalctl -u web --no-hostname -o short | tail -n 12")
        .stdout;
    narrator.promise(
        "standard output is there",
        journal.contains("web: greeting is 'hello world'"),
    );
    narrator.promise("standard error is there", journal.contains("web: ready on port 80"));
    narrator.run("unipod ps");
}

fn stop(narrator: &mut Narrator<'_>, machine: &Machine) {
    narrator.chapter("It stops, and leaves nothing but its volume");
    narrator.run("systemctl stop web");
    let end = narrator
        .run("systemctl show web -p ActiveState,Result,ExecMainCode,ExecMainStatus")
        .stdout;
    let clean = [
        "ActiveState=inactive",
        "Result=success",
        "ExecMainCode=1",
        "ExecMainStatus=0",
    ];
    narrator.promise(
        "the exit code is the payload's own",
        clean.iter().all(|line| end.contains(line)),
    );
    let rest = [
        ("no container", "unipod ps -aq"),
        (
            "no mount",
            "grep -E 'unipod.*(merged|overlay)' /proc/mounts | grep -v '^overlay / '",
        ),
        ("no network interface", "ip -o link | grep -E 'veth|podman'"),
        ("no process", "pgrep -a nginx"),
        (
            "no transient file",
            "ls -A /run/unipod/bundles /run/unipod/netns /run/unipod/containers 2>/dev/null | grep -v ':$' | grep .",
        ),
    ];
    for (what, command) in rest {
        let output = machine.sh(command);
        let nothing = output.stdout.trim().is_empty();
        narrator.promise(&format!("{what} is left"), nothing);
        if !nothing {
            println!("{output}");
        }
    }
    narrator.run("unipod volume ls");
}
