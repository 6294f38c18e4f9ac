//! Nothing from outside makes the engine panic or leave its place: the fuzz targets' bodies over inputs made of the pieces
//! that matter, from fixed seeds. `cargo fuzz run` in `engine/` looks further.

mod exercise;
#[path = "../../../units/tests/random/mod.rs"]
mod random;

use random::Random;

fn seeded(seed: u64) -> Random {
    Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
}

impl Random {
    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    /// Some of the pieces, one after the other; now and then a byte that fits nowhere.
    fn join(&mut self, pieces: &[&str], most: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for _ in 0..self.below(most) {
            bytes.extend_from_slice(self.one(pieces).as_bytes());
            if self.below(40) == 0 {
                bytes.push(u8::try_from(self.below(256)).unwrap_or(0));
            }
        }
        bytes
    }
}

/// How many of the inputs were taken for good ones: were it none, the property would prove little.
fn taken(cases: u64, input: impl Fn(&mut Random) -> Vec<u8>, exercise: impl Fn(&[u8]) -> bool) -> usize {
    (0..cases).filter(|seed| exercise(&input(&mut seeded(*seed)))).count()
}

#[test]
fn words() {
    const PIECES: [&str; 44] = [
        "a",
        "web",
        "docker.io",
        "/",
        "/",
        ":",
        ":",
        "@",
        "sha256:",
        "0123456789abcdef",
        "latest",
        "localhost:5000",
        "-",
        "_",
        "..",
        ".",
        "=",
        ",",
        ",",
        "type=",
        "bind",
        "volume",
        "tmpfs",
        "glob",
        "src=",
        "dst=",
        "destination=/x",
        "/data",
        "ro",
        "rw",
        "size=",
        "10",
        "m",
        "g",
        "1h",
        "30s",
        "18446744073709551616",
        "-1",
        " ",
        "é",
        "\0",
        "host-gateway",
        "::1",
        "10.0.0.1",
    ];
    let taken = taken(20_000, |random| random.join(&PIECES, 8), exercise::words);
    assert!(taken > 1_000, "{taken}");
}

#[test]
fn answers() {
    const PIECES: [&str; 26] = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "null",
        "-1",
        "1e400",
        "\"\"",
        "\"schemaVersion\":2",
        "\"mediaType\":",
        "\"application/vnd.oci.image.manifest.v1+json\"",
        "\"layers\":[]",
        "\"manifests\":[]",
        "\"config\":",
        "\"digest\":\"sha256:../../etc/passwd\"",
        "\"size\":18446744073709551615",
        "\"size\":-5",
        "\"architecture\":\"amd64\"",
        "\"os\":\"linux\"",
        "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}",
        "\"history\":[{}]",
        "\"config\":{\"Cmd\":[\"x\"]}",
        "\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}",
        "\u{feff}",
    ];
    let sound = |random: &mut Random| {
        let mut bytes = match random.below(3) {
            0 => random.join(&PIECES, 12),
            1 => {
                br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:0"]}}"#.to_vec()
            }
            _ => br#"{"schemaVersion":2,"manifests":[{"mediaType":"a","digest":"sha256:0","size":7}]}"#.to_vec(),
        };
        for _ in 0..random.below(3).min(bytes.len()) {
            let at = random.below(bytes.len());
            bytes[at] = random.one(&["}", "\"", "0", "x", "-"]).as_bytes()[0];
        }
        bytes
    };
    let taken = taken(50_000, sound, exercise::answer);
    assert!(taken > 1_000, "{taken}");
}

#[test]
fn containers_conf() {
    const PIECES: [&str; 40] = [
        "[containers]\n",
        "[network]\n",
        "[engine]\n",
        "[engine.runtimes]\n",
        "[machine]\n",
        "[contaners]\n",
        "env = ",
        "tz = ",
        "pids_limit = ",
        "umask = ",
        "default_subnet_pools = ",
        "dns_bind_port = ",
        "firewall_driver = ",
        "retry = ",
        "image_parallel_copies = ",
        "crun = ",
        "privileged = ",
        "hooks_dir = ",
        "log_path = ",
        "[\"A=b\", {append=true}]\n",
        "[\"/usr/bin/crun\"]\n",
        "[{base=\"10.0.0.0/8\", size=24}]\n",
        "[{base=\"10.0.0.0/33\", size=-1}]\n",
        "\"10\"\n",
        "\"nftables\"\n",
        "\"\"\"",
        "'''",
        "true\n",
        "10\n",
        "-1\n",
        "0x7fffffffffffffff\n",
        "1e999\n",
        "1979-05-27\n",
        "# a = comment\n",
        "\n",
        "=",
        "[[",
        "{",
        "é",
        "\"\\u0007\" = 1\n",
    ];
    let good = taken(20_000, |random| random.join(&PIECES, 14), exercise::containers_conf);
    assert!(good > 100, "{good}");
}

#[test]
fn files() {
    const PIECES: [&str; 24] = [
        "web:x:33:33:web:/srv:/bin/sh\n",
        "www:x:33:web\n",
        "log:x:44:\n",
        ":",
        "\n",
        "web",
        "x",
        "4294967296",
        "-1",
        "#",
        "+::::::\n",
        "unqualified-search-registries = [\"docker.io\"]\n",
        "[[registry]]\n",
        "prefix = \"*.example\"\n",
        "location = \"\"\n",
        "insecure = true\n",
        "[[registry.mirror]]\n",
        "[aliases]\n",
        "\"web\" = \"docker.io/library/web\"\n",
        "short-name-mode=\"x\"\n",
        "=",
        "[",
        "\"",
        "é",
    ];
    let dir = tempfile::tempdir().expect("a directory");
    let taken = taken(
        5_000,
        |random| random.join(&PIECES, 12),
        |bytes| exercise::files(dir.path(), bytes),
    );
    assert!(taken > 100, "{taken}");
}

#[test]
fn cdi() {
    const PIECES: [&str; 40] = [
        "cdiVersion: 0.6.0\n",
        "kind: a/b\n",
        "devices:\n",
        "- name: x\n",
        "  containerEdits:\n",
        "containerEdits:\n",
        "  env: [A=b]\n",
        "    deviceNodes:\n",
        "    - path: /dev/x\n",
        "      type: c\n",
        "      fileMode: 0660\n",
        "  mounts:\n",
        "  - hostPath: /x\n",
        "    containerPath: /y\n",
        "  hooks: []\n",
        "  intelRdt: {}\n",
        "annotations: &a\n",
        "*a",
        "  - *a\n",
        "<<: *a\n",
        "---\n",
        "...\n",
        "{\"cdiVersion\":\"1.1.0\",\"kind\":\"a/b\",",
        "\"devices\":[{\"name\":\"x\"",
        "}]}",
        "\"\\ud800\"",
        "!!binary x\n",
        "|\n",
        ">+\n",
        "? ",
        "- ",
        ": ",
        "\t",
        "\n",
        "\"",
        "[",
        "{",
        "null",
        "-1e999",
        "é",
    ];
    const SOUND: &str = "cdiVersion: 0.6.0\nkind: a/b\ndevices:\n- name: x\n  containerEdits: {env: [A=b]}\n";
    let input = |random: &mut Random| match random.below(3) {
        0 => random.join(&PIECES, 20),
        1 => [SOUND.as_bytes(), &random.join(&PIECES, 8)].concat(),
        _ => {
            let mut bytes = SOUND.as_bytes().to_vec();
            let at = random.below(bytes.len());
            bytes.splice(at..=at, random.one(&PIECES).bytes());
            bytes
        }
    };
    let taken = taken(20_000, input, exercise::cdi);
    assert!(taken > 1_000, "{taken}");
}

/// A tar archive of entries with the names that layers are attacked with.
fn archive(random: &mut Random) -> Vec<u8> {
    const NAMES: [&str; 20] = [
        "a",
        "b",
        "a/b",
        "a/b/c",
        "./a",
        "/a",
        "../../bait",
        "../../../bait",
        "/proc/self/cwd/bait",
        "a/../../bait",
        "..",
        ".",
        "/",
        ".wh.a",
        "a/.wh..wh..opq",
        ".wh.",
        ".wh...",
        "a/.wh.b",
        "link/bait",
        "",
    ];
    const LINKS: [&str; 8] = [
        "a",
        "..",
        "../../..",
        "/",
        "../../bait",
        "link",
        "a/b",
        "/proc/self/root",
    ];
    const TYPES: &[u8] = b"00005555222211364xgLKS";
    let mut bytes = Vec::new();
    for _ in 0..=random.below(6) {
        let content = vec![b'x'; random.below(3) * 300];
        let mut header = tar::Header::new_gnu();
        let name = random.one(&NAMES).as_bytes();
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        let link = random.one(&LINKS).as_bytes();
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link);
        header.set_entry_type(tar::EntryType::new(TYPES[random.below(TYPES.len())]));
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(content.len() as u64);
        header.set_cksum();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(&content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.extend_from_slice(&[0; 1024]);
    // Most archives are sound but for their names; some lack their end, or hold a byte that does not belong there.
    match random.below(10) {
        0 => bytes.truncate(random.below(bytes.len())),
        1 => {
            let at = random.below(bytes.len());
            bytes[at] = u8::try_from(random.below(256)).unwrap_or(0);
        }
        _ => {}
    }
    bytes
}

#[test]
fn layers() {
    let unpack = |bytes: &[u8]| {
        let dir = tempfile::tempdir().expect("a directory");
        exercise::layer(dir.path(), bytes)
    };
    let taken = taken(1_000, archive, unpack);
    assert!(taken > 50, "{taken}");
}
