//! Every file in `examples/` is started, unchanged, as a reader would: dropped in, reloaded, started, asked.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use unipod_tests::machine::{Machine, MachineConfig};
use unipod_tests::quadlet::UNIT_DIR;
use unipod_tests::setup;

/// What shows that an example works: the units to start, a script that succeeds in the end, and the files it is about.
struct Case {
    start: &'static [&'static str],
    probe: &'static str,
    files: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        start: &["web"],
        probe: "curl -fsS 127.0.0.1:8080 | grep 'Welcome to nginx' && unipod exec systemd-web env | grep SITE=example.org",
        files: &["web.container", "web.container.d/10-local.conf"],
    },
    Case {
        start: &["hello"],
        probe: "journalctl -o cat -u hello | grep 'Hello from machine'",
        files: &["hello.container"],
    },
    Case {
        start: &["worker@alpha", "worker@beta"],
        probe: "journalctl -o cat -u worker@alpha | grep 'working on alpha' && systemctl is-active worker@beta",
        files: &["worker@.container"],
    },
    Case {
        start: &["memcached"],
        probe: "printf 'version\\r\\nquit\\r\\n' | socat -t2 - TCP:127.0.0.1:11211 | grep VERSION",
        files: &["memcached.container"],
    },
    Case {
        start: &["limits"],
        probe: "journalctl -o cat -u limits | grep -x 256 && [ $(cut -d' ' -f19 /proc/$(systemctl show --value -p MainPID limits)/stat) = 5 ]",
        files: &["limits.container"],
    },
    Case {
        start: &["redis"],
        probe: "printf 'SET a b\\r\\nGET a\\r\\nQUIT\\r\\n' | socat -t2 - TCP:127.0.0.1:6379 | grep -a '^b' && \
                unipod volume inspect redis-data",
        files: &["cache/redis.container", "cache/redis-data.volume"],
    },
    Case {
        start: &["postgres"],
        probe: "unipod exec -e PGPASSWORD='change me' systemd-postgres psql -h 127.0.0.1 -U app -d shop -Atc 'select 6*7' | grep -x 42",
        files: &[
            "database/postgres.container",
            "database/postgres-data.volume",
            "database/postgres.env",
        ],
    },
    Case {
        start: &["hidden.socket"],
        probe: "curl -fsS 127.0.0.1:8088 | grep 'Welcome to nginx' && systemctl is-active hidden.service",
        files: &["socket/hidden.container", "socket/hidden.socket", "socket/hidden.conf"],
    },
    Case {
        start: &["shop-front"],
        probe: "curl -fsS localhost:8090/cgi-bin/item | grep -a tea",
        files: &[
            "stack/shop.network",
            "stack/shop-store.container",
            "stack/shop-api.container",
            "stack/shop-api/cgi-bin/item",
            "stack/shop-front.container",
            "stack/shop-front.cfg",
        ],
    },
    Case {
        start: &["backup", "backup.timer"],
        probe: "tar -tzf /var/backups/notes.tar.gz && systemctl is-active backup.timer",
        files: &["backup/backup.container", "backup/backup.timer", "backup/notes.volume"],
    },
    Case {
        start: &["mariadb"],
        probe: "unipod exec systemd-mariadb mariadb -h 127.0.0.1 -uroot -p'a good password' -e 'show databases' | grep shop",
        files: &["mariadb/mariadb.container", "mariadb/mariadb-data.volume"],
    },
    Case {
        start: &["page"],
        probe: "echo 'from the host' >/srv/page/index.html; curl -fsS localhost:8081 | grep 'from the host' && \
                systemctl is-active page-image",
        files: &["prefetch/page.image", "prefetch/page.container"],
    },
];

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

fn files(dir: &Path, inside: &Path, into: &mut BTreeSet<String>) {
    for entry in fs::read_dir(dir.join(inside)).expect("the examples are readable") {
        let path = inside.join(entry.expect("the examples are readable").file_name());
        if dir.join(&path).is_dir() {
            files(dir, &path, into);
        } else if path.extension().is_none_or(|extension| extension != "md") {
            into.insert(path.to_string_lossy().into_owned());
        }
    }
}

fn all_files() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    files(&examples(), Path::new(""), &mut found);
    // Programs, no unit files: tests/library.rs runs them. A pod has a test of its own: tests/pod_stack.rs.
    found.retain(|file| !file.starts_with("library/") && !file.starts_with("pod/"));
    found
}

#[test]
fn no_example_is_forgotten() {
    let named: BTreeSet<String> = CASES
        .iter()
        .flat_map(|case| case.files)
        .map(|file| (*file).to_owned())
        .collect();
    assert_eq!(named, all_files());
}

#[test]
fn every_example_teaches_something() {
    for file in all_files()
        .iter()
        .filter(|file| !file.contains("cgi-bin") && !file.ends_with("cfg") && !file.ends_with("hidden.conf"))
    {
        let text = fs::read_to_string(examples().join(file)).expect("the examples are readable");
        assert!(text.starts_with("# "), "{file} begins with a comment");
    }
}

fn machine() -> Machine {
    let mut config: MachineConfig = setup::config().expect("everything is built");
    for file in all_files() {
        let plain = [".socket", ".timer"].iter().any(|suffix| file.ends_with(suffix));
        let name = file.rsplit('/').next().unwrap_or(&file);
        let place = if plain {
            format!("/etc/systemd/system/{name}")
        } else {
            format!("{UNIT_DIR}/{file}")
        };
        config = config.file(examples().join(&file), place);
    }
    let machine = setup::boot_with(&config);
    machine
        .sh("printf %s 'a good password' | unipod secret create mariadb-root -")
        .ok();
    machine.sh("mkdir -p /var/backups").ok();
    machine
}

fn run(cases: &[Case]) {
    let machine = machine();
    for case in cases {
        machine.start(case.start);
        machine.wait_for(case.probe);
        machine.stop(case.start);
    }
    machine.systemctl(&[
        "stop",
        "shop-front",
        "shop-api",
        "shop-store",
        "hidden.service",
        "hidden.socket",
        "backup.timer",
    ]);
    // Those with [Install] were started by the boot.
    machine.systemctl(&["stop", "redis", "web"]);
    machine.nothing_remains();
}

#[test]
fn the_first_half_of_the_examples_works() {
    run(&CASES[..CASES.len() / 2]);
}

#[test]
fn the_second_half_of_the_examples_works() {
    run(&CASES[CASES.len() / 2..]);
}
