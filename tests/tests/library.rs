//! Programs that use the engine as a library: the examples, in a machine with unipod.

use unipod_tests::machine::Machine;
use unipod_tests::setup;

const BUSYBOX: &str = "docker.io/library/busybox:latest";

fn boot_with_example(name: &str) -> Machine {
    let example = setup::example(name).expect("make build has built the examples");
    let config = setup::config().expect("unipod is built");
    setup::boot_with(&config.file(example, format!("/usr/local/bin/{name}")))
}

#[test]
fn another_program_pulls_an_image_runs_a_container_and_reads_what_it_wrote() {
    let machine = boot_with_example("hello");
    let hello = |command: &str| machine.sh(&format!("hello {BUSYBOX} {command}; echo \"code $?\""));
    assert_eq!(
        hello("sh -c 'echo out; echo err >&2; exit 3' 2>/dev/null").ok(),
        "out\nerr\ncode 3"
    );
    assert_eq!(hello("true 2>/dev/null").ok(), "code 0");
    // What does not start says why, as on the command line, and stays to be looked at.
    let failed = machine
        .sh(&format!("hello {BUSYBOX} /no/such/program 2>&1; unipod ps -aq | wc -l"))
        .ok();
    assert!(
        failed.contains("/no/such/program") && failed.ends_with("\n1"),
        "{failed}"
    );
    machine.sh("unipod rm -a").ok();
    let missing = machine.sh("hello registry.example.invalid/x 2>&1").refused();
    assert!(missing.contains("registry.example.invalid"), "{missing}");
    machine.nothing_remains();
}

#[test]
fn another_program_needs_the_engine_to_be_installed_and_says_so() {
    let machine = boot_with_example("hello");
    let refused = machine
        .sh(&format!("PATH=/nowhere /usr/local/bin/hello {BUSYBOX} true 2>&1"))
        .refused();
    assert!(refused.contains("NoProgram"), "{refused}");
    machine.sh("unipod rm -a").ok();
    machine.nothing_remains();
}

#[test]
fn containers_of_another_program_share_a_volume() {
    let machine = boot_with_example("volume");
    let output = machine.sh(&format!("volume {BUSYBOX}")).ok();
    assert!(
        output.starts_with("kept\n") && output.contains("no-such-volume"),
        "{output}"
    );
    assert_eq!(machine.unipod(&["volume", "ls", "-q"]).ok(), "");
    machine.nothing_remains();
}

#[test]
fn containers_of_another_program_are_a_pod() {
    let machine = boot_with_example("pod");
    let output = machine.sh(&format!("pod {BUSYBOX}")).ok();
    assert_eq!(output, "Created\nfrom the neighbour\nRunning\nPaused\nRunning\nExited");
    assert_eq!(machine.unipod(&["pod", "ps", "-q"]).ok(), "");
    machine.nothing_remains();
}
