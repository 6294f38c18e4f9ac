//! What containers do and use: `unipod top`, `unipod stats`.

use serde_json::Value;
use unipod_tests::setup;

#[test]
fn the_processes_of_a_container_are_shown_as_it_sees_them() {
    let machine = setup::boot();
    machine
        .sh("unipod pull -q busybox
             unipod run -d --name a -u 1:12 --group-add 0 --cap-drop all --cap-add kill -e X=1 busybox sh -c 'sleep 1000 & sleep 2000; :'
             until pgrep -f 'sleep 2000' >/dev/null; do sleep 0.05; done")
        .ok();
    let top = |words: &str| machine.sh(&format!("unipod top {words}")).ok();
    let table = top("a");
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(
        lines[0],
        ["USER", "PID", "PPID", "%CPU", "ELAPSED", "TTY", "TIME", "COMMAND"]
    );
    assert_eq!(lines.len(), 4, "{table}");
    assert_eq!(
        (lines[1][1], lines[1][2], &lines[1][7..9]),
        ("1", "0", &["sh", "-c"][..]),
        "{table}"
    );
    assert_eq!(
        (lines[2][2], lines[2][5], &lines[2][7..]),
        ("1", "?", &["sleep", "1000"][..]),
        "{table}"
    );
    machine
        .sh(
            "[ \"$(unipod top -l hpid | sed -n 2p | xargs)\" = $(unipod inspect -f '{{.State.Pid}}' a) ]
             unipod exec a cat /etc/passwd | grep -q ^daemon:x:1: || exit 0; unipod top a user | grep -q daemon",
        )
        .ok();
    let cells = top("a pid,uid,huid seccomp capeff,capbnd groups %y state | sed -n 2p");
    let cells: Vec<&str> = cells.split_whitespace().collect();
    assert_eq!(
        (&cells[..6], cells[7], cells[8]),
        (&["1", "1", "1", "filter", "KILL", "KILL"][..], "?", "S"),
        "{cells:?}"
    );
    // What was started from elsewhere is there; who ends is not.
    machine
        .sh("unipod exec -d a sleep 3000; unipod exec -d -u 0 a sleep 4000")
        .ok();
    machine.wait_for("unipod top a args | grep -q 'sleep 3000' && [ \"$(unipod top a pid | wc -l)\" = 6 ]");
    // ps(1) of the host, and nobody else's processes.
    let said = top("a -eo pid,args");
    assert!(
        said.starts_with("PID") && said.contains("sleep 1000") && said.lines().count() == 6,
        "{said}"
    );
    assert!(top("a aux").contains("COMMAND"));
    for (words, expected) in [
        ("a bogus", "these are no descriptors"),
        ("a -o args", "no column PID"),
        ("nobody", "no such container"),
    ] {
        let refused = machine.sh(&format!("unipod top {words} 2>&1")).refused();
        assert!(refused.contains(expected), "{words}: {refused}");
    }
    machine
        .sh("unipod pause a && unipod top a | grep -q 'sleep 1000' && unipod unpause a && unipod stop -t 0 a")
        .ok();
    let refused = machine.sh("unipod top a 2>&1").refused();
    assert!(
        refused.contains("top can only be used on running containers"),
        "{refused}"
    );
    machine
        .sh("unipod run -d --name b --userns auto busybox sleep 1000
             [ \"$(unipod top b user,pid,ppid,args | sed -n 2p | xargs)\" = 'root 1 0 sleep 1000' ]
             [ $(unipod top b huid | sed -n 2p) != 0 ]
             unipod run -d --name c --pid host busybox sleep 1000
             [ \"$(unipod top c args | sed 1d | xargs)\" = 'sleep 1000' ]; unipod rm -fa -t 0")
        .ok();
    machine.nothing_remains();
}

#[test]
fn what_a_container_uses_is_counted_as_far_as_somebody_counts() {
    let machine = setup::boot();
    machine
        .sh("unipod pull -q busybox
             unipod run -d --name a busybox sh -c 'while :; do :; done'
             unipod run -d --name h --network host busybox sleep 1000
             unipod create --name idle busybox true")
        .ok();
    let stats = |words: &str| machine.sh(&format!("unipod stats {words}")).ok();
    let table = stats("--no-stream");
    let headings = table.lines().next().unwrap_or_default();
    let words: Vec<&str> = headings
        .split("  ")
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .collect();
    assert_eq!(
        words,
        [
            "ID",
            "NAME",
            "CPU %",
            "MEM USAGE / LIMIT",
            "MEM %",
            "NET IO",
            "BLOCK IO",
            "PIDS",
            "CPU TIME",
            "AVG CPU %"
        ]
    );
    assert_eq!(table.lines().count(), 3, "{table}");
    assert_eq!(stats("--no-stream --all").lines().count(), 4);
    let idle = stats("--no-stream --format '{{.Name}} {{.CPUPerc}} {{.MemUsage}} {{.NetIO}} {{.PIDS}}' idle");
    assert_eq!(idle, "idle -- -- / -- -- / -- --");
    assert_eq!(stats("--no-stream --format '{{.NetIO}}' h"), "-- / --");
    assert_eq!(stats("--no-stream --no-trunc --format '{{.ID}}' a").len(), 64);
    let json: Value = serde_json::from_str(&stats("--no-stream --format json a")).expect("JSON");
    let keys: Vec<&String> = json[0].as_object().expect("an object").keys().collect();
    let expected = "avg_cpu block_io cpu_percent cpu_time id mem_percent mem_usage name net_io pids";
    let mut keys: Vec<&str> = keys.into_iter().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys.join(" "), expected);
    let percent: f64 = json[0]["cpu_percent"]
        .as_str()
        .and_then(|text| text.strip_suffix('%')?.parse().ok())
        .expect("a percentage");
    assert!(percent > 1.0, "{json}");
    assert!(
        json[0]["net_io"].as_str().is_some_and(|text| text.contains("B / ")),
        "{json}"
    );
    // What is paused uses nothing from then on, and a stream ends with its reader or its container.
    machine
        .sh("set -e; unipod pause a
             timeout 20 unipod stats -i 1 --format '{{.CPUPerc}}' a | sed -n '2{p;q}' | grep -qx 0.00%
             unipod unpause a; (sleep 2; unipod rm -f -t 0 a) & timeout 60 unipod stats -i 1 a >/dev/null; wait")
        .ok();
    for words in ["nobody", "--all h", "-l h", "--interval 0"] {
        machine.sh(&format!("unipod stats --no-stream {words}")).refused();
    }
    machine.sh("unipod rm -fa -t 0").ok();
    machine.nothing_remains();
}
