//! What the fuzz target does with its bytes; the tests do it with bytes from fixed seeds.

use unipod_generator::load::unit_from_bytes;
use unipod_generator::{Host, Outcome, UnitType, generate};

/// Separates files: no unit file can hold it.
pub const SEPARATOR: u8 = 0xff;

/// Any bytes as units of every type, all in one run so that they can refer to each other: never a panic.
pub fn exercise(data: &[u8]) {
    let host = Host {
        engine: "/usr/bin/unipod".to_owned(),
        user_mode: false,
        root: "/nonexistent".into(),
    };
    let types = UnitType::ALL.into_iter().cycle();
    let files = data.split(|byte| *byte == SEPARATOR).zip(types).take(32);
    let units = files.enumerate().map(|(number, (bytes, unit_type))| {
        let name = format!("u{}.{}", number / UnitType::ALL.len(), unit_type.extension());
        unit_from_bytes(format!("/units/{name}"), &name, unit_type, bytes)
    });
    check(&generate(units.collect(), &host));
}

/// Every service is a file of its own that can be read again and does something, and no link leaves the directory.
pub fn check(outcome: &Outcome) {
    for service in &outcome.services {
        let stem = service.file_name.strip_suffix(".service");
        assert!(stem.is_some_and(|stem| !stem.contains('/')), "{service:?}");
        let read = systemd_unit_parser::UnitFile::parse(service.file_name.as_str(), &service.content);
        assert!(read.is_ok_and(|read| read.section("Service").is_some()), "{service:?}");
        for link in &service.links {
            assert!(
                !link.path.starts_with('/') && !link.path.split('/').any(|part| part == ".."),
                "{link:?}"
            );
        }
    }
}
