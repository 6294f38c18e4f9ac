use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};

use super::*;

fn tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::create_dir_all(at("etc/deep")).unwrap();
    fs::write(at("etc/deep/file"), "content").unwrap();
    fs::write(at("etc/other\nname"), "content").unwrap();
    symlink("file", at("etc/deep/link")).unwrap();
    dir
}

fn take(dir: &Path, depth: Depth) -> Inventory {
    Inventory::take(&File::open(dir).unwrap(), depth, &HashMap::new()).unwrap()
}

#[test]
fn it_comes_back_as_it_was_written() {
    let dir = tree();
    let inventory = take(dir.path(), Depth::Contents);
    assert_eq!(inventory.0.len(), 6);
    let mut bytes = inventory.to_bytes().unwrap();
    assert_eq!(Inventory::from_bytes(&bytes).unwrap(), inventory);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    Inventory::from_bytes(&bytes).unwrap_err();
    Inventory::from_bytes(b"").unwrap_err();
}

#[test]
fn holes_are_not_read() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let path = dir.path().join("file");
    let sum = |path: &Path| sum_of(File::open(path).unwrap().into()).unwrap();
    let mut content = vec![0; 3 << 20];
    content[(1 << 20) + 7] = 1;
    let mut whole = Crc::new();
    whole.update(&content);
    fs::write(&path, &content).unwrap();
    assert_eq!(sum(&path), whole.sum());
    let sparse = File::create(&path).unwrap();
    sparse.write_all_at(&[1], (1 << 20) + 7).unwrap();
    sparse.set_len(3 << 20).unwrap();
    assert_eq!(sum(&path), whole.sum());
    // Reading so much would take weeks.
    sparse.set_len(1 << 60).unwrap();
    assert_ne!(sum(&path), whole.sum());
}

#[test]
fn every_difference_is_told_once() {
    type Change = fn(&Path);
    let write_as_before = |path: &Path| {
        let before = fs::metadata(path).unwrap().modified().unwrap();
        fs::write(path, "c0ntent").unwrap();
        File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_modified(before)
            .unwrap();
    };
    let cases: [(Change, &str, &str, Depth); 9] = [
        (|_| {}, "", "", Depth::Contents),
        (
            |d| fs::write(d.join("etc/deep/file"), "").unwrap(),
            "etc/deep/file",
            "has 0 bytes, not 7",
            Depth::Metadata,
        ),
        (
            |d| fs::remove_dir_all(d.join("etc")).unwrap(),
            "etc",
            "is missing",
            Depth::Metadata,
        ),
        (
            |d| fs::create_dir_all(d.join("new/one")).unwrap(),
            "new",
            "does not belong there",
            Depth::Metadata,
        ),
        (
            |d| fs::set_permissions(d.join("etc/deep"), fs::Permissions::from_mode(0o700)).unwrap(),
            "etc/deep",
            "has the mode 0700, not 0755",
            Depth::Metadata,
        ),
        (
            |d| {
                fs::remove_file(d.join("etc/deep/file")).unwrap();
                fs::create_dir(d.join("etc/deep/file")).unwrap();
            },
            "etc/deep/file",
            "is a directory, not a file",
            Depth::Metadata,
        ),
        (
            |d| {
                fs::remove_file(d.join("etc/deep/link")).unwrap();
                symlink("/", d.join("etc/deep/link")).unwrap();
            },
            "etc/deep/link",
            "leads to /, not to file",
            Depth::Metadata,
        ),
        (
            |d| fs::write(d.join("etc/deep/file"), "c0ntent").unwrap(),
            "etc/deep/file",
            "was written to, as its time says",
            Depth::Metadata,
        ),
        (
            |d| xattr::set(d.join("etc"), "user.new", b"x").unwrap(),
            "etc",
            "has other extended attributes",
            Depth::Metadata,
        ),
    ];
    for (change, path, what, depth) in cases {
        let dir = tree();
        fs::set_permissions(dir.path().join("etc/deep"), fs::Permissions::from_mode(0o755)).unwrap();
        let before = take(dir.path(), Depth::Contents);
        change(dir.path());
        let found = before.differences(&take(dir.path(), depth), depth);
        let found: Vec<_> = found
            .iter()
            .map(|d| (d.path.to_str().unwrap(), d.what.as_str()))
            .collect();
        let expected = if what.is_empty() { vec![] } else { vec![(path, what)] };
        assert_eq!(found, expected);
    }
    let dir = tree();
    let before = take(dir.path(), Depth::Contents);
    write_as_before(&dir.path().join("etc/other\nname"));
    for (depth, count) in [(Depth::Metadata, 0), (Depth::Contents, 1)] {
        assert_eq!(before.differences(&take(dir.path(), depth), depth).len(), count);
    }
}
