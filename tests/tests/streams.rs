//! Payloads that open their standard streams by name get pipes and a relay; nobody else gets either.

use unipod_tests::machine::Machine;
use unipod_tests::setup;

/// A container of busybox without network that runs a shell script.
fn shell(script: &str, keys: &str) -> String {
    format!(
        "[Container]\nImage=docker.io/library/busybox:latest\nNetwork=none\nExec=sh -c '{script}'\n{keys}\n[Service]\n"
    )
}

/// Waits for its end, and says something then.
const POLITE: &str = r#"trap "echo farewell; exit 0" TERM; while :; do sleep 0.1; done"#;

/// Programs in a unit's control group that are ours and not the container's.
fn relays(machine: &Machine, unit: &str) -> usize {
    machine
        .sh(&format!(
            "for pid in $(find /sys/fs/cgroup$(systemctl show --value -p ControlGroup {unit}) -name cgroup.procs \
                          -exec cat {{}} +); do cat /proc/$pid/comm 2>/dev/null || true; done"
        ))
        .ok()
        .lines()
        .filter(|name| *name == "unipod-relay")
        .count()
}

#[test]
fn the_public_nginx_logs_to_the_journal() {
    let machine = setup::boot();
    let image = "[Container]\nImage=docker.io/library/nginx:latest\nPublishPort=8080:80\n";
    machine.quadlet("nginx.container", image);
    machine.reload();
    machine.start(&["nginx"]);
    machine.wait_for("curl -fsS localhost:8080 | grep Welcome");
    assert_eq!(relays(&machine, "nginx"), 1, "both streams are one socket");
    machine.stop(&["nginx"]);
    let journal = machine.journal("nginx");
    for part in ["start worker process", "GET / HTTP/1.1", "notice] 1#1: exit"] {
        assert!(journal.contains(part), "{part} in\n{journal}");
    }
    let errors = machine.sh("journalctl --no-pager -o cat -u nginx -p err").ok();
    assert_eq!(errors, "", "standard error is not an error");
    machine.nothing_remains();
}

#[test]
fn what_gives_a_payload_away() {
    let machine = setup::boot();
    let conf = "echo from-file >/dev/stderr\n";
    machine.write("/srv/conf/hook.sh", conf);
    machine.write("/srv/one.sh", conf);
    machine.write("/srv/data/deep/hook.sh", conf);
    let cases = [
        ("plain", POLITE.to_owned(), "", 0),
        ("words", format!("echo from-words >/dev/stderr; {POLITE}"), "", 1),
        (
            "another",
            format!("echo from-another >/proc/1/fd/1; {POLITE}"),
            "User=1000",
            1,
        ),
        (
            "variable",
            format!("echo from-variable >$LOG; {POLITE}"),
            "Environment=LOG=/dev/stdout",
            1,
        ),
        (
            "file",
            format!(". /one.sh; {POLITE}"),
            "Volume=/srv/one.sh:/one.sh:ro",
            1,
        ),
        (
            "directory",
            format!(". /conf/hook.sh; {POLITE}"),
            "Volume=/srv/conf:/conf",
            1,
        ),
        ("data", POLITE.to_owned(), "Volume=/srv/data:/data", 0),
    ];
    for (name, script, keys, _) in &cases {
        machine.quadlet(&format!("{name}.container"), &shell(script, keys));
    }
    machine.reload();
    for (name, _, _, expected) in &cases {
        machine.start(&[name]);
        assert_eq!(relays(&machine, name), *expected, "{name}\n{}", machine.status(&[name]));
        machine.stop(&[name]);
    }
    for (name, word) in [
        ("words", "from-words"),
        ("another", "from-another"),
        ("variable", "from-variable"),
        ("file", "from-file"),
        ("directory", "from-file"),
        ("plain", "farewell"),
        ("words", "farewell"),
    ] {
        let journal = machine.journal(name);
        assert!(journal.lines().any(|line| line == word), "{name}: {word} in\n{journal}");
    }
    machine.nothing_remains();
}

#[test]
fn log_drivers() {
    let machine = setup::boot();
    let cases = [
        ("journald", POLITE, 1, true),
        (
            "passthrough",
            ": /dev/stderr; trap \"echo farewell; exit 0\" TERM; while :; do sleep 0.1; done",
            0,
            true,
        ),
        ("none", POLITE, 0, false),
        ("k8s-file", POLITE, 0, true),
    ];
    for (driver, script, _, _) in cases {
        machine.quadlet(
            &format!("{driver}.container"),
            &shell(script, &format!("LogDriver={driver}")),
        );
    }
    machine.quadlet("syslog.container", &shell(POLITE, "LogDriver=syslog"));
    machine.reload();
    for (driver, _, expected, heard) in cases {
        machine.start(&[driver]);
        assert_eq!(relays(&machine, driver), expected, "{driver}");
        machine.stop(&[driver]);
        let journal = machine.journal(driver);
        assert_eq!(
            journal.lines().any(|line| line == "farewell"),
            heard,
            "{driver}:\n{journal}"
        );
    }
    let status = machine.start_refused("syslog");
    assert!(status.contains("\"syslog\"") && status.contains("journald"), "{status}");
    machine.nothing_remains();
}

#[test]
fn nothing_is_lost_when_a_container_ends_by_itself() {
    let machine = setup::boot();
    let burst = "exec >/dev/stdout; seq 1 5000; exit 7";
    machine.quadlet("burst.container", &shell(burst, ""));
    machine.quadlet(
        "job.container",
        &shell(burst, "").replace("[Service]\n", "[Service]\nType=oneshot\n"),
    );
    // Rate limits of the journal are not what is tested.
    machine.write(
        "/etc/systemd/journald.conf.d/all.conf",
        "[Journal]\nRateLimitIntervalSec=0\n",
    );
    machine.systemctl(&["restart", "systemd-journald"]).ok();
    machine.reload();
    for unit in ["burst", "job"] {
        // It may be over before systemd has heard that it began.
        machine.systemctl(&["start", unit]);
        machine.wait_for(&format!("! systemctl is-active --quiet {unit}"));
        assert_eq!(
            machine.property(unit, "ExecMainStatus"),
            "7",
            "{}",
            machine.status(&[unit])
        );
        let journal = machine.journal(unit);
        let numbers = journal.lines().filter(|line| line.parse::<u32>().is_ok());
        assert_eq!(numbers.count(), 5000, "{unit}");
    }
    machine.nothing_remains();
}

/// `docker run -dit` and `PodmanArgs=-t`: the payload has a terminal, what it says there is the unit's journal, and the relay
/// that holds the terminal ends with it.
#[test]
fn a_detached_container_has_a_terminal() {
    let machine = setup::boot();
    let script = format!("tty; test -t 0 -a -t 1 -a -t 2; echo terminal=$?; {POLITE}");
    machine.quadlet("term.container", &shell(&script, "PodmanArgs=-t"));
    machine.reload();
    machine.start(&["term"]);
    assert_eq!(relays(&machine, "term"), 1, "{}", machine.status(&["term"]));
    machine.stop(&["term"]);
    let journal = machine.journal("term");
    for line in ["/dev/pts/0", "terminal=0", "farewell"] {
        assert!(journal.lines().any(|found| found == line), "{line} in\n{journal}");
    }
    machine.nothing_remains();

    let run = |options: &[&str], command: &[&str]| {
        let image = ["--network=none", "docker.io/library/busybox:latest"];
        machine.unipod(&[&["run"], options, &image, command].concat())
    };
    // A shell that reads its terminal waits for ever, and can be visited.
    run(&["-dit", "--name=shell"], &["sh"]).ok();
    let visited = machine.unipod(&["exec", "shell", "readlink", "/proc/1/fd/0"]).ok();
    assert_eq!(visited, "/dev/pts/0");
    machine.unipod(&["rm", "-f", "shell"]).ok();
    run(
        &["-dt", "--name=silent", "--log-driver=none"],
        &["sh", "-c", "echo nobody hears; exit 3"],
    )
    .ok();
    machine.wait_for("unipod inspect --format '{{.State.Status}} {{.State.ExitCode}}' silent | grep 'exited 3'");
    assert!(!machine.journal("unipod-silent").contains("nobody hears"));
    machine.unipod(&["start", "silent"]).ok();
    machine.wait_for("unipod inspect --format {{.State.Status}} silent | grep exited");
    machine.unipod(&["rm", "silent"]).ok();
    machine.nothing_remains();
}

/// Scripts ask for a terminal without having one: what they run is run, and what it says is seen.
#[test]
fn asked_for_a_terminal_where_there_is_none() {
    let machine = setup::boot();
    let image = "docker.io/library/busybox:latest";
    let run = "unipod run --rm --network=none";
    let said = machine
        .sh(&format!("echo 'echo from the pipe; tty' | {run} -it {image} sh"))
        .refused();
    assert!(said.contains("--tty is left out"), "{said}");
    let said = machine
        .sh(&format!(
            "{run} -t {image} sh -c 'tty; exit 4' </dev/null; echo code=$?"
        ))
        .ok();
    assert!(said.contains("/dev/pts/0") && said.contains("code=4"), "{said}");
    machine
        .unipod(&["run", "-d", "--name=web", "--network=none", image, "sleep", "infinity"])
        .ok();
    let said = machine.sh("unipod exec -it web echo hello </dev/null 2>/dev/null").ok();
    assert_eq!(said, "hello");
    machine.unipod(&["exec", "-dt", "web", "touch", "/done"]).ok();
    machine.wait_for("unipod exec web test -e /done");
    machine.unipod(&["rm", "-f", "web"]).ok();
    machine.nothing_remains();
}

/// The engine hands on its own terminal: what is typed, what is shown, how large it is; and what waits for a container that runs
/// is there with a terminal, too.
#[test]
fn a_terminal_in_the_foreground() {
    let machine = setup::boot();
    let image = "docker.io/library/busybox:latest";
    machine.unipod(&["pull", "-q", image]).ok();
    let run = "unipod run --rm --network=none";
    let on_terminal = |typed: &str, script: &str| {
        machine.write("/run/script", script);
        machine.write("/run/typed", typed);
        let said = machine.sh("timeout 60 script -qec 'sh /run/script' /dev/null </run/typed");
        said.ok().replace('\r', "")
    };
    let said = on_terminal(
        "",
        &format!(
            "stty rows 31 cols 97; before=$(stty -a)
             {run} -t {image} sh -c 'stty size; seq 1 20000; exit 7'; echo code=$?
             [ \"$before\" = \"$(stty -a)\" ] && echo restored"
        ),
    );
    assert!(
        said.contains("31 97\n") && said.contains("\n19999\n20000\ncode=7\nrestored"),
        "{said}"
    );
    let said = on_terminal(
        "echo in-$((1+1))\nexit 5\n",
        &format!("{run} -it {image} sh; echo code=$?"),
    );
    assert!(said.contains("\nin-2\n") && said.contains("code=5"), "{said}");
    let resized = "stty size; trap 'stty size; exit' WINCH; echo 1 >/shared/ready; while :; do sleep 0.05; done";
    let said = on_terminal(
        "",
        &format!(
            "mkdir -p /run/shared; stty rows 20 cols 80; terminal=$(tty)
             (until [ -s /run/shared/ready ]; do sleep 0.05; done; stty -F $terminal rows 22 cols 66) &
             {run} -t -v /run/shared:/shared {image} sh -c '{}'",
            resized.replace('\'', "\"")
        ),
    );
    // script(1) may echo the end of what was typed between the two.
    assert!(said.contains("20 80\n") && said.ends_with("22 66"), "{said}");

    on_terminal(
        "",
        &format!("unipod run -t --name t --network=none --cidfile /run/cid --pidfile /run/pid {image} true"),
    );
    machine
        .sh("[ $(cat /run/cid) = $(unipod inspect -f '{{.Id}}' t) ] && [ $(cat /run/pid) -gt 1 ]")
        .ok();
    let restarted = on_terminal("", "unipod start -a t; echo code=$?");
    assert!(restarted.contains("code=0"), "{restarted}");
    machine.unipod(&["rm", "t"]).ok();
    machine.nothing_remains();
}
