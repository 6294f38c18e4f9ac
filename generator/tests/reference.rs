//! `docs/keys.md` is what the tables say. `UPDATE_GOLDEN=1` writes it anew.

#[test]
fn the_document_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/keys.md");
    let made = unipod_generator::reference::reference();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &made).expect("can be written");
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == made, "{path} is old: run the test with UPDATE_GOLDEN=1");
}
