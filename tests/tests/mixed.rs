//! Two hundred commands at once: whatever else runs, each does what it would do alone.

use std::time::Duration;

use unipod_tests::setup;

/// How many of each job run at once.
const OF_EACH: usize = 10;

/// Jobs of one shell line each, `@` is a number of its own; no two are about one thing, but for the image and the container `all`.
const JOBS: [&str; 20] = [
    "unipod run --rm busybox true",
    "unipod run --rm --name n@ -v v@:/v busybox touch /v/x && unipod volume rm v@",
    "unipod run --rm -p 12@:80 busybox true",
    "unipod run -d --name d@ busybox sleep 1000 && unipod rm -f -t 0 d@",
    "unipod run -d --name e@ busybox sleep 1000 && unipod stop -t 1 e@ && unipod start e@ && unipod rm -f -t 0 e@",
    "unipod create --name c@ busybox true && unipod rm c@",
    "unipod run --name f@ busybox sh -c 'exit 3'; [ $? = 3 ] && unipod rm f@",
    "unipod exec all true",
    "unipod exec all sh -c 'exit 7'; [ $? = 7 ]",
    "unipod ps -a",
    "unipod ps --format '{{.Names}}' | grep -qx all",
    "unipod inspect all --format '{{.State.Status}}' | grep -qx running",
    "unipod volume create x@ && unipod volume inspect x@ && unipod volume rm x@",
    "unipod volume ls && unipod volume prune -f --filter label=nobody",
    "unipod network create net@ && unipod network inspect net@ && unipod network rm net@",
    "unipod network ls && unipod secret ls",
    "printf %s @ | unipod secret create s@ - && unipod secret inspect s@ && unipod secret rm s@",
    "unipod pull -q busybox && unipod images",
    "unipod tag busybox localhost/t:@ && unipod image exists localhost/t:@ && unipod untag localhost/t:@ localhost/t:@",
    "unipod info && unipod image inspect busybox",
];

#[test]
fn two_hundred_commands_at_once_do_not_disturb_each_other() {
    let machine = setup::boot();
    machine.unipod(&["pull", "-q", "busybox"]).ok();
    machine
        .unipod(&["run", "-d", "--name", "all", "busybox", "sleep", "10000"])
        .ok();
    for (kind, job) in JOBS.iter().enumerate() {
        for number in 0..OF_EACH {
            let number = format!("{:03}", number * JOBS.len() + kind);
            machine.write(&format!("/srv/jobs/{number}"), &job.replace('@', &number));
        }
    }
    let script = "mkdir /tmp/jobs; cd /tmp/jobs
        for job in /srv/jobs/*; do n=${job##*/}; (sh $job >$n.out 2>&1; echo $? >$n.rc) & done; wait
        [ $(ls *.rc | wc -l) = 200 ] || exit
        failed=0; for rc in $(grep -Lx 0 *.rc); do
            failed=1; n=${rc%.rc}; echo \"== $(cat /srv/jobs/$n): $(cat $rc)\"; cat $n.out
        done; exit $failed";
    let said = machine.run_within(Duration::from_secs(300), &["sh", "-c", script]);
    assert!(said.success(), "{said}");

    // None of them left anything either.
    machine.unipod(&["rm", "-f", "-t", "0", "all"]).ok();
    machine.nothing_remains();
    assert_eq!(machine.unipod(&["volume", "ls", "-q"]).ok(), "");
    assert_eq!(machine.unipod(&["secret", "ls", "-q"]).ok(), "");
}
