//! Any bytes are converted without panic: the fuzz target's body over files made of the pieces that matter, from fixed
//! seeds. `cargo fuzz run convert` looks further.

mod common;
mod exercise;
#[path = "../../units/tests/random/mod.rs"]
mod random;

use common::{TempDir, run};
use exercise::{SEPARATOR, check, exercise};
use random::Random;
use unipod_generator::UnitType;

const UNITS: &str = "etc/containers/systemd";

/// What values and lines are made of; the rest are single random bytes.
const PIECES: [&str; 40] = [
    "[Container]\n",
    "\n[Install]\nWantedBy=",
    "\n[Unit]\nAfter=",
    "\n[Service]\n",
    "\n[Quadlet]\n",
    "ServiceName=",
    "=",
    "\n",
    "\\\n",
    "\\",
    "\"",
    "'",
    ",",
    ":",
    ";",
    "#",
    "%n",
    "%",
    " ",
    "\\x4",
    "\\x41",
    "src=",
    "source=",
    "a@.pod",
    "u0.volume",
    "u0.network",
    "u0.image",
    "u0.build",
    "u0.container",
    "u1.pod",
    "u9.volume",
    "\u{e9}",
    "=-",
    "type=bind",
    "/../",
    "./",
    "\r",
    "\0",
    "yes",
    "@",
];

impl Random {
    /// A file for a type. Most keep to text, so that most are converted.
    fn unit(&mut self, unit_type: UnitType) -> Vec<u8> {
        let mut text = format!("[{}]\n", unit_type.section()).into_bytes();
        let keys = unit_type.keys();
        let wild = self.below(8) == 0;
        for _ in 0..self.below(60) {
            match self.below(4) {
                0 if wild => text.push(u8::try_from(self.below(256)).unwrap_or(0)),
                0 | 1 => text.extend_from_slice(format!("\n{}=", keys[self.below(keys.len())].name).as_bytes()),
                _ => text.extend_from_slice(PIECES[self.below(PIECES.len())].as_bytes()),
            }
        }
        text
    }
}

#[test]
fn in_every_type() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for _ in 0..1000 {
        let types = UnitType::ALL.into_iter().cycle().take(1 + random.below(24));
        let files: Vec<Vec<u8>> = types.map(|unit_type| random.unit(unit_type)).collect();
        exercise(&files.join(&SEPARATOR));
    }
}

#[test]
fn in_dropins() {
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    for round in 0..20 {
        let root = TempDir::new();
        for unit_type in UnitType::ALL {
            let (text, extension) = (random.unit(unit_type), unit_type.extension());
            root.file(&format!("{UNITS}/x.{extension}"), &text);
            root.file(&format!("{UNITS}/{extension}.d/{round}.conf"), random.unit(unit_type));
        }
        check(&run(&root.system()));
    }
}
