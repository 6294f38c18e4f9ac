//! `unipod system check`: damage is found, told with what to do, and repaired; whoever is killed at it leaves nothing broken.

use unipod_tests::machine::Machine;
use unipod_tests::{saboteur, setup};

/// At most this many places at which a repair is killed.
const STAGES: usize = 12;

/// A program of the image, its layer, and a way to give damage to it.
const NAMES: &str =
    "cd /var/lib/unipod; F=$(find layers/*/ -type f -size +100k | head -n 1); L=${F%%/usr/*}; L=${L%%/bin/*};
    B=$(cd blobs/sha256 && ls -S | head -n 1); ";

fn machine() -> Machine {
    let machine = setup::boot();
    machine
        .sh("unipod pull -q busybox && unipod system check --contents")
        .ok();
    machine
}

#[test]
fn damage_is_found_told_and_repaired() {
    let machine = machine();
    // One that has changed a directory and a file of the image.
    let kept =
        "unipod create --name kept busybox sh -c 'echo x >>/etc/passwd; mkdir -p /usr/bin/new && ls /usr/bin/busybox'";
    machine.sh(&format!("{kept} && unipod start -a kept")).ok();
    let sh = |script: &str| machine.sh(&format!("{NAMES} {script}"));
    for (damage, options, said) in [
        ("truncate -s 3 $F", "", "has 3 bytes, not "),
        ("rm $F", "", "is missing"),
        ("rm $F && mkdir $F", "", "is a directory, not a file"),
        ("chmod 600 $F", "", "has the mode 0600, not 0755"),
        ("chown 1:1 $F", "", "belongs to 1:1, not to 0:0"),
        ("echo >$L/new", "", "/new does not belong there"),
        ("rm -r $L", "--quick", "is missing"),
        ("rm $L.files", "", "nobody has noted what belongs in it"),
        ("echo '{' >$L.json", "", "nobody has noted what belongs in it"),
        (
            "cp -p $F /tmp/f && printf X | dd of=$F bs=1 seek=99 conv=notrunc && touch -r /tmp/f $F && unipod system check",
            "--contents",
            "has another content",
        ),
        // Its blob is gone as well, so that the layer has to come from the registry again.
        ("rm $F blobs/sha256/$B", "", "is missing"),
        ("truncate -s 3 $F blobs/sha256/$B", "--contents", "has 3 bytes, not "),
        (
            "for b in blobs/sha256/*; do [ $(stat -c %s $b) -gt 9000 ] || echo x >$b; done",
            "",
            "another content",
        ),
    ] {
        sh(damage).ok();
        let found = machine.sh(&format!("unipod system check {options}"));
        assert!(
            found.code == 125 && found.stdout.contains(said) && found.stdout.contains("system check --repair"),
            "{damage}: {found}"
        );
        machine
            .sh(&format!(
                "unipod system check {options} --repair && unipod system check --contents && unipod run --rm busybox true && unipod start -a kept"
            ))
            .ok();
    }
    // Nothing is pulled away under a container.
    sh("unipod run -d --name web busybox sleep 1000 && echo >$L/new").ok();
    let refused = machine.unipod(&["system", "check", "--repair"]);
    assert!(refused.stderr.contains("in use by web"), "{refused}");
    machine.unipod(&["system", "check", "--force"]).refused();
    machine.unipod(&["image", "exists", "busybox"]).ok();
    sh("[ -e $L/new ] && unipod exec web true && unipod rm -f web && unipod system check --repair && [ ! -e $L/new ]")
        .ok();
    // Where it came from, it is not any more.
    sh(
        "unipod rm kept && unipod tag busybox localhost/own:1 && unipod untag busybox docker.io/library/busybox:latest
        rm -r $L blobs/sha256/$B && mkdir blobs/sha256/$B",
    )
    .ok();
    let refused = machine.unipod(&["system", "check", "--repair"]).refused();
    assert!(refused.contains("--force removes it"), "{refused}");
    machine
        .sh("unipod system check --force; [ -z \"$(unipod images -q)\" ] && unipod system check && unipod pull -q busybox")
        .ok();
}

#[test]
fn damaged_records_and_leftovers_are_told() {
    let machine = machine();
    machine
        .sh("echo sesame >/tmp/s
             unipod volume create v && unipod network create v && unipod secret create v /tmp/s
             unipod create --name v busybox true && unipod run --rm -v v:/v busybox touch /v/kept && unipod system check
             cd /var/lib/unipod
             for record in volumes/v/volume.json networks/v.json secrets/v.json containers/v.json images/*; do
                 echo '{' >$record
             done
             mkdir -p volumes/rest/_data containers/$(printf '%064d' 0)/upper layers/$(printf '%064d' 0)")
        .ok();
    let found = machine.unipod(&["system", "check", "--max", "0"]).refused();
    for what in [
        "volume v: ",
        "network v: ",
        "secret v: ",
        "container v: ",
        "image docker.io/library/busybox:latest: ",
        "volume rest: ",
    ] {
        assert!(found.contains(&format!("Damaged {what}")), "{what}: {found}");
    }
    // The image comes again; the rest needs somebody's word.
    machine.unipod(&["system", "check", "--repair", "--max=0"]).refused();
    machine
        .sh("unipod run --rm busybox true && [ ! -e /var/lib/unipod/volumes/rest ]")
        .ok();
    machine
        .sh("unipod system check --force --max 0 && unipod system check --force --max 0 && unipod system check --max 0 &&
             unipod run --rm -v v:/v busybox ls /v/kept && [ -z \"$(unipod ps -aq)\" ] && cd /var/lib/unipod &&
             [ ! -e containers/$(printf '%064d' 0) ] && [ ! -e layers/$(printf '%064d' 0) ]")
        .ok();
}

#[test]
fn a_repair_may_be_killed() {
    let machine = machine();
    saboteur::hire(&machine);
    let damage = || {
        machine.sh(&format!("{NAMES} truncate -s 3 $F blobs/sha256/$B")).ok();
    };
    let repair = || machine.sh("unipod system check --contents --repair");
    damage();
    let stages = saboteur::observe(&machine, "system", || drop(repair().ok()));
    let step = stages.len().div_ceil(STAGES);
    for stage in stages.iter().step_by(step) {
        damage();
        saboteur::strike(&machine, "system", stage);
        repair();
        saboteur::dismiss(&machine);
        let after = machine.sh(
            "unipod system check --contents --repair && unipod system check --contents && unipod run --rm busybox true &&
             [ -z \"$(ls /var/lib/unipod/tmp)\" ]",
        );
        assert!(after.success(), "killed at {stage:?}: {after}");
    }
}
