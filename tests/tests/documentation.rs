//! What the README has on its screens is what happens.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use unipod_tests::machine::Machine;
use unipod_tests::setup;

/// What the README shows on screens: commands, and what each printed.
fn screens() -> Vec<Vec<(String, Vec<String>)>> {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).expect("it is there");
    let screens = readme.split("```console\n").skip(1);
    let screens = screens.map(|rest| {
        let mut commands: Vec<(String, Vec<String>)> = Vec::new();
        for line in rest.split("\n```").next().unwrap_or_default().lines() {
            match (line.strip_prefix("$ "), commands.last_mut()) {
                (Some(command), _) => commands.push((command.to_owned(), Vec::new())),
                (None, Some((_, output))) => output.push(line.to_owned()),
                (None, None) => panic!("output before the first command: {line}"),
            }
        }
        commands
    });
    screens.collect()
}

/// A line without what differs from run to run: numbers, what they count, widths of columns and of the screen.
fn essence(line: &str) -> String {
    const COUNTED: [&str; 13] = [
        "second", "seconds", "ms", "s", "µs", "min", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun",
    ];
    // How wide a number is decides where it stands in a tree.
    let line = line
        .replace(['├', '└', '─', '│'], " ")
        .replace("Less than a second", "1 second");
    let words = line
        .split_whitespace()
        .filter(|word| !COUNTED.contains(&word.trim_end_matches([',', ')'])));
    let words = words.map(|word| {
        let plain = word.trim_matches(|c: char| !c.is_alphanumeric());
        let is_id = plain.len() == 12 && plain.chars().all(|c| c.is_ascii_hexdigit());
        let mark = is_id || plain.starts_with(|c: char| c.is_ascii_digit());
        if mark { "#".to_owned() } else { word.to_owned() }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Whether all `wanted` lines come in this order among those that were `said`.
fn are_in_order(wanted: &[String], said: &str) -> Result<(), String> {
    let said: Vec<String> = said.lines().map(essence).collect();
    let mut rest = said.as_slice();
    for line in wanted.iter().map(|line| essence(line)).filter(|line| !line.is_empty()) {
        let Some(at) = rest.iter().position(|other| *other == line) else {
            return Err(format!("{line:?} is not among\n{}", said.join("\n")));
        };
        rest = &rest[at + 1..];
    }
    Ok(())
}

/// The lines of a unit file that a report quotes: `3 | [Container]` below `--> web.container:3:1`.
fn quoted_files(report: &[String]) -> BTreeMap<String, BTreeMap<usize, String>> {
    let mut files: BTreeMap<String, BTreeMap<usize, String>> = BTreeMap::new();
    let mut current = String::new();
    for line in report {
        let line = line.trim_start();
        if let Some(place) = line.strip_prefix("--> ").or_else(|| line.strip_prefix("::: ")) {
            place.split(':').next().unwrap_or_default().clone_into(&mut current);
        } else if let Some((number, text)) = line
            .split_once(" | ")
            .and_then(|(n, text)| Some((n.parse().ok()?, text)))
        {
            files
                .entry(current.clone())
                .or_default()
                .insert(number, text.to_owned());
        }
    }
    files
}

/// Does what a screen shows: writes the files, and looks whether each command says what it says there.
fn follow(machine: &Machine, screen: &[(String, Vec<String>)]) {
    for (command, output) in screen {
        if let Some(file) = command.strip_prefix("cat ") {
            machine.write(file, &(output.join("\n") + "\n"));
            continue;
        }
        if command.starts_with("curl ") {
            // A unit without Notify= is up before its payload listens.
            machine.wait_for(command);
        }
        let said = machine.sh(command).ok();
        are_in_order(output, &said).unwrap_or_else(|error| panic!("{command}: {error}"));
    }
}

#[test]
fn the_readme_shows_what_happens() {
    let machine = setup::boot();
    let screens = screens();
    let [start, pod, check, why] = screens.as_slice() else {
        panic!("the README has other screens than this test knows: {screens:#?}")
    };
    follow(&machine, start);
    machine.stop(&["web"]);
    machine.sh("rm -f /etc/containers/systemd/*").ok();
    machine.reload();

    machine.quadlet("shop-data.volume", "[Volume]\n");
    for (name, exec) in [("web", "httpd -f -h /"), ("app", "sleep 1000"), ("db", "sleep 1000")] {
        let member = format!("[Container]\nImage=docker.io/library/busybox:latest\nPod=shop.pod\nExec={exec}\n");
        machine.quadlet(&format!("{name}.container"), &member);
    }
    follow(&machine, pod);
    machine.sh("rm -f /etc/containers/systemd/*").ok();
    machine.reload();

    // The unit files of the report, with comments where it quotes nothing.
    let [(command, report)] = check.as_slice() else {
        panic!("one command: {check:#?}")
    };
    for (file, lines) in quoted_files(report) {
        let last = lines.keys().max().copied().unwrap_or_default();
        let text: Vec<&str> = (1..=last)
            .map(|number| {
                lines.get(&number).map_or(
                    if number == 1 && file.starts_with("api") {
                        "[Container]"
                    } else {
                        "#"
                    },
                    String::as_str,
                )
            })
            .collect();
        let text = text
            .join("\n")
            .replacen("#\nPublish", "Image=docker.io/library/nginx\nPublish", 1);
        machine.write(&format!("/srv/units/{file}"), &(text + "\n"));
    }
    machine.write("/srv/units/web-data.volume", "[Volume]\n");
    let said = machine.sh(&format!("cd /srv/units && {command}"));
    assert_eq!(said.stdout.trim(), report.join("\n").trim(), "{said}");

    let payload = "sh -c 'echo connecting to the database; sleep 1; echo no route to host >&2; exit 7'";
    let service = "[Service]\nRestart=on-failure\nRestartSec=30\n[Install]\nWantedBy=multi-user.target\n";
    machine.quadlet(
        "api.container",
        &format!("[Container]\nImage=docker.io/library/busybox:latest\nExec={payload}\n{service}"),
    );
    machine.quadlet("old.container", "[Container]\nExec=true\n");
    machine.quadlet("web-data.volume", "[Volume]\n");
    machine.quadlet(
        "web.container",
        "[Container]\nImage=docker.io/library/busybox:latest\nExec=sleep 1000\nVolume=web-data.volume:/www\n",
    );
    machine.reload();
    machine.start(&["web", "api"]);
    machine.wait_for("systemctl show -p SubState api | grep auto-restart");
    for (command, output) in why {
        let said = machine.sh(&format!("COLUMNS=110 {command}")).stdout;
        are_in_order(output, &said).unwrap_or_else(|error| panic!("{command}: {error}"));
    }
}
