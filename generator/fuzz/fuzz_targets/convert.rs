//! Any bytes as units of every type, all in one run so that they can refer to each other: never a panic, and every unit
//! with a usable name yields a service.

#![no_main]

use libfuzzer_sys::fuzz_target;
use unipod_generator::load::unit_from_bytes;
use unipod_generator::{Host, UnitType, generate};

fuzz_target!(|data: &[u8]| {
    let host = Host { engine: "/usr/bin/unipod".to_owned(), user_mode: false, root: "/nonexistent".into() };
    // Files are separated by 0xff, which no unit file can hold.
    let files = data.split(|byte| *byte == 0xff).zip(UnitType::ALL.into_iter().cycle()).take(32);
    let units = files.enumerate().map(|(number, (bytes, unit_type))| {
        let name = format!("u{}.{}", number / UnitType::ALL.len(), unit_type.extension());
        unit_from_bytes(&format!("/units/{name}"), &name, unit_type, bytes)
    });
    let outcome = generate(units.collect(), &host);
    assert!(outcome.services.iter().all(|service| service.file_name.ends_with(".service") && !service.file_name.contains('/')));
});
