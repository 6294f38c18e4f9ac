//! The commands of the command line, killed at each stage: what the user does next works, and nothing is left for good.
//!
//! `make crash` strikes at every stage; otherwise a spread of them ([`STAGES`] for each command).

use unipod_tests::machine::Machine;
use unipod_tests::strikes::{self, Act};
use unipod_tests::{saboteur, setup};

/// At most this many stages of each command: a kill and its aftermath take about half a second.
const STAGES: usize = 10;

/// A payload that has begun may end before anybody says again what was said before the blow.
const RUN: &str = "unipod run --rm --name x --network cut -p 8081:80 -v /anonymous -v named:/named busybox true";
const RUN_AGAIN: &str = "until [ -z \"$(unipod ps -q)\" ]; do sleep 0.05; done
    unipod run --rm --name x --network cut -p 8081:80 -v /anonymous -v named:/named busybox true";
const RUN_DETACHED: &str = "unipod run -d --name x --network cut -p 8081:80 -v /anonymous busybox sleep 1000";
const CREATE: &str = "unipod create --name x --network cut -p 8081:80 -v /anonymous busybox sleep 1000";

const CONTAINERS: &[Act] = &[
    Act {
        before: "",
        verb: "run",
        command: RUN,
        next: RUN_AGAIN,
        after: "unipod volume rm named",
    },
    Act {
        before: "",
        verb: "create",
        command: CREATE,
        next: "unipod rm -f -i -v x && unipod create --name x -p 8081:80 -v /anonymous busybox sleep 1000 && unipod start x",
        after: "unipod rm -f -v x",
    },
    // What is half made starts, or says why it does not; nobody waits for it.
    Act {
        before: "",
        verb: "create",
        command: CREATE,
        next: "timeout 30 unipod start x 2>/tmp/said || { [ $? != 124 ] && grep -q '^Error: ' /tmp/said; }",
        after: "unipod rm -f -i -v x",
    },
    Act {
        before: "",
        verb: "run",
        command: RUN_DETACHED,
        next: "unipod run -d --replace --name x --network cut -p 8081:80 -v /anonymous busybox sleep 1000",
        after: "unipod rm -f -v x",
    },
    // The unit of the container is what is killed.
    Act {
        before: "",
        verb: "unit start",
        command: RUN_DETACHED,
        next: "unipod run -d --replace --name x --network cut -p 8081:80 -v /anonymous busybox sleep 1000",
        after: "unipod rm -f -v x",
    },
    Act {
        before: RUN_DETACHED,
        verb: "unit container cleanup",
        command: "unipod stop -t 1 x",
        next: "unipod start x && unipod exec x true",
        after: "unipod rm -f -v x",
    },
    Act {
        before: CREATE,
        verb: "start",
        command: "unipod start x",
        next: "unipod start x",
        after: "unipod rm -f -v x",
    },
    Act {
        before: RUN_DETACHED,
        verb: "stop",
        command: "unipod stop -t 1 x",
        next: "unipod stop -t 1 x && unipod start x",
        after: "unipod rm -f -v x",
    },
    Act {
        before: RUN_DETACHED,
        verb: "rm",
        command: "unipod rm -f -v x",
        next: "unipod rm -f -i -v x && unipod create --name x -p 8081:80 busybox true",
        after: "unipod rm x; unipod volume prune -f",
    },
    Act {
        before: RUN_DETACHED,
        verb: "exec",
        command: "unipod exec x true",
        next: "unipod exec x true && [ -z \"$(ls /run/unipod/bundles/*/ | grep ^exec)\" ]",
        after: "unipod rm -f -v x",
    },
];

const OBJECTS: &[Act] = &[
    Act {
        before: "unipod rmi -f -i cut:5000/none redis",
        verb: "pull",
        command: "unipod pull -q redis",
        next: "unipod pull -q redis && unipod run --rm redis true",
        after: "unipod rmi -f redis; unipod image prune -f",
    },
    Act {
        before: "unipod pull -q redis",
        verb: "rmi",
        command: "unipod rmi redis",
        next: "unipod pull -q redis && unipod run --rm redis true",
        after: "unipod rmi -f redis; unipod image prune -f",
    },
    Act {
        before: "",
        verb: "tag",
        command: "unipod tag busybox localhost/other:1",
        next: "unipod tag busybox localhost/other:1",
        after: "unipod untag busybox localhost/other:1",
    },
    Act {
        before: "",
        verb: "volume",
        command: "unipod volume create v",
        next: "unipod volume create --ignore v && unipod run --rm -v v:/v busybox touch /v/x",
        after: "unipod volume rm v",
    },
    Act {
        before: "unipod volume create v && unipod run --rm -v v:/v busybox touch /v/x",
        verb: "volume",
        command: "unipod volume rm v",
        next: "unipod volume rm -f v && unipod volume create v",
        after: "unipod volume rm v",
    },
    Act {
        before: "unipod run --name x -v /anonymous busybox true && unipod rm x",
        verb: "volume",
        command: "unipod volume prune -f",
        next: "unipod volume prune -f && [ -z \"$(unipod volume ls -q)\" ]",
        after: "",
    },
    Act {
        before: "",
        verb: "network",
        command: "unipod network create n",
        next: "unipod network create --ignore n && unipod run --rm --network n busybox true",
        after: "unipod network rm n",
    },
    Act {
        before: "unipod network create n",
        verb: "network",
        command: "unipod network rm n",
        next: "unipod network rm -f n && unipod network create n",
        after: "unipod network rm n",
    },
    Act {
        before: "echo sesame >/tmp/secret",
        verb: "secret",
        command: "unipod secret create s /tmp/secret",
        next: "unipod secret create --replace s /tmp/secret && unipod run --rm --secret s busybox cat /run/secrets/s",
        after: "unipod secret rm s",
    },
    Act {
        before: "unipod secret create s /tmp/secret",
        verb: "secret",
        command: "unipod secret rm s",
        next: "unipod secret create --replace s /tmp/secret",
        after: "unipod secret rm s",
    },
];

fn machine() -> Machine {
    let machine = setup::boot();
    machine
        .sh("unipod pull -q busybox && unipod network create cut && unipod run --rm --network cut busybox true")
        .ok();
    saboteur::hire(&machine);
    machine
}

#[track_caller]
fn killed(acts: &[Act]) {
    strikes::kill(&machine(), acts, STAGES);
}

#[test]
fn commands_about_containers_killed() {
    killed(CONTAINERS);
}

#[test]
fn commands_about_objects_killed() {
    killed(OBJECTS);
}
