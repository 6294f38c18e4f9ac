use std::fs;
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

use super::lab::{Lab, TAR, Tar, digest, xattr};
use super::*;

#[test]
fn files_keep_owner_mode_time_and_content() {
    let lab = Lab::new();
    let tar = Tar::new()
        .add(EntryType::Directory, "./", "", b"", |h| h.set_mode(0o700))
        .add(EntryType::Directory, "d", "", b"", |h| h.set_mode(0o1777))
        .add(EntryType::Regular, "d/su", "", b"program", |h| {
            h.set_mode(0o4755);
            h.set_uid(5);
            h.set_gid(7);
        })
        .symlink("d/link", "/nowhere")
        .add(EntryType::Fifo, "d/fifo", "", b"", |_| {})
        .add(EntryType::Char, "d/null", "", b"", |h| {
            h.set_device_major(1).unwrap();
            h.set_device_minor(3).unwrap();
        })
        .hard_link("hard", "d/su")
        .file("missing/parents/file", b"")
        .end();
    let root = lab.unpack(&tar).unwrap();
    assert_eq!(fs::metadata(&root).unwrap().permissions().mode() & 0o7777, 0o700);
    let directory = fs::metadata(root.join("d")).unwrap();
    assert_eq!((directory.mode() & 0o7777, directory.mtime()), (0o1777, 1_000_000_000));
    let su = fs::metadata(root.join("d/su")).unwrap();
    assert_eq!(
        (su.mode() & 0o7777, su.uid(), su.gid(), su.mtime(), su.nlink()),
        (0o4755, 5, 7, 1_000_000_000, 2)
    );
    assert_eq!(fs::read(root.join("hard")).unwrap(), b"program");
    assert_eq!(fs::read_link(root.join("d/link")).unwrap(), Path::new("/nowhere"));
    assert_eq!(
        fs::symlink_metadata(root.join("d/link")).unwrap().mtime(),
        1_000_000_000
    );
    assert!(fs::symlink_metadata(root.join("d/fifo")).unwrap().file_type().is_fifo());
    assert_eq!(
        fs::metadata(root.join("d/null")).unwrap().rdev(),
        rustix::fs::makedev(1, 3)
    );
    assert_eq!(
        fs::metadata(root.join("missing/parents")).unwrap().mode() & 0o7777,
        0o755
    );
    assert_eq!(info(&lab.store, &digest(&tar)).unwrap().unwrap().size, 7);
}

#[test]
fn every_compression_is_seen_from_the_bytes() {
    let tar = Tar::new().file("f", &vec![7; 300_000]).end();
    let gzip = |part: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(part).unwrap();
        encoder.finish().unwrap()
    };
    let (a, b) = tar.split_at(1000);
    let skippable = [
        &[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3],
        zstd::encode_all(&*tar, 1).unwrap().as_slice(),
    ]
    .concat();
    for blob in [
        tar.clone(),
        gzip(&tar),
        [gzip(a), gzip(b)].concat(),
        zstd::encode_all(&*tar, 1).unwrap(),
        [zstd::encode_all(a, 1).unwrap(), zstd::encode_all(b, 1).unwrap()].concat(),
        skippable,
    ] {
        let lab = Lab::new();
        let root = lab.unpack_blob(&lab.blob(&blob), &tar).unwrap();
        assert_eq!(fs::metadata(root.join("f")).unwrap().len(), 300_000);
    }
}

#[test]
fn attributes_survive_with_any_bytes_and_do_not_speak_to_overlayfs() {
    let lab = Lab::new();
    // cap_dac_override and cap_fowner: the byte of a line feed inside the value.
    let capability = [1, 0, 0, 2, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let tar = Tar::new()
        .pax(&[
            ("SCHILY.xattr.security.capability", &capability),
            ("SCHILY.xattr.user.note", b"hi\n=x"),
            ("SCHILY.xattr.trusted.overlay.redirect", b"/etc"),
            ("SCHILY.xattr.user.overlay.opaque", b"y"),
            ("mtime", b"1234.5"),
            ("uid", b"3000000"),
        ])
        .file("f", b"x")
        .end();
    let file = lab.unpack(&tar).unwrap().join("f");
    assert_eq!(xattr(&file, "security.capability").unwrap(), capability);
    assert_eq!(xattr(&file, "user.note").unwrap(), b"hi\n=x");
    assert_eq!(xattr(&file, "trusted.overlay.redirect"), None);
    assert_eq!(xattr(&file, "user.overlay.opaque"), None);
    let meta = fs::metadata(&file).unwrap();
    assert_eq!(
        (meta.mtime(), meta.mtime_nsec(), meta.uid()),
        (1234, 500_000_000, 3_000_000)
    );
}

#[test]
fn whiteouts_become_what_overlayfs_knows() {
    let lab = Lab::new();
    let tar = Tar::new()
        .file("gone/.wh.file", b"")
        .dir("opaque")
        .file("opaque/.wh..wh..opq", b"")
        .file("opaque/new", b"")
        .file(".wh..wh.aufs", b"")
        .file(".wh..wh.plnk/x", b"")
        // A whiteout speaks of lower layers: what this layer has stays, and hides what is below.
        .dir("both")
        .file("both/new", b"")
        .file(".wh.both", b"")
        .file(".wh.later", b"")
        .dir("later")
        .end();
    let root = lab.unpack(&tar).unwrap();
    let whiteout = fs::symlink_metadata(root.join("gone/file")).unwrap();
    assert!(whiteout.file_type().is_char_device());
    assert_eq!(whiteout.rdev(), 0);
    for (path, opaque) in [("opaque", true), ("both", true), ("later", true), ("gone", false)] {
        assert_eq!(xattr(&root.join(path), OPAQUE_TRUSTED).is_some(), opaque, "{path}");
    }
    assert!(root.join("both/new").exists() && root.join("opaque/new").exists());
    assert_eq!(fs::read_dir(&root).unwrap().count(), 4);
    for name in [".wh.", ".wh..", ".wh..."] {
        assert!(
            lab.refused(&Tar::new().file(name, b"").end())
                .contains("whiteout of nothing")
        );
    }
}

#[test]
fn a_later_entry_replaces_an_earlier_one() {
    let lab = Lab::new();
    let tar = Tar::new()
        .file("a", b"first")
        .file("a", b"second")
        .dir("b")
        .file("b/below", b"")
        .file("b", b"a file now")
        .file("c", b"")
        .dir("c")
        .file("c/below", b"")
        .dir("c")
        .symlink("e", "c")
        .dir("e")
        .file("e/own", b"")
        .hard_link("a", "a")
        .end();
    let root = lab.unpack(&tar).unwrap();
    assert_eq!(fs::read(root.join("a")).unwrap(), b"second");
    assert_eq!(fs::read(root.join("b")).unwrap(), b"a file now");
    assert!(root.join("c/below").exists());
    assert!(fs::symlink_metadata(root.join("e")).unwrap().is_dir());
    assert!(!root.join("c/own").exists());
}

#[test]
fn names_lead_nowhere_outside() {
    let lab = Lab::new();
    let outside = lab.dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), b"secret").unwrap();
    let out = outside.to_str().unwrap();
    for (tar, reason) in [
        (Tar::new().file("../evil", b"x").end(), "leaves the layer"),
        (Tar::new().file("a/../../evil", b"x").end(), "leaves the layer"),
        (Tar::new().hard_link("l", "../../outside/secret").end(), "target leaves"),
        (
            Tar::new().hard_link("l", &format!("{out}/secret")).end(),
            "cannot find the target",
        ),
        (
            Tar::new().symlink("out", out).hard_link("l", "out/secret").end(),
            "cannot find the target",
        ),
        (
            Tar::new().symlink("out", out).file("out/evil", b"x").end(),
            "symbolic link to nothing",
        ),
        (
            Tar::new()
                .symlink("out", "../../../outside")
                .file("out/evil", b"x")
                .end(),
            "symbolic link to nothing",
        ),
        (Tar::new().symlink("l", "l").file("l/x", b"x").end(), "loop"),
        (
            Tar::new().file("f", b"").file("f/x", b"x").end(),
            "its directory is a file",
        ),
        (
            Tar::new().dir("d").hard_link("l", "d").end(),
            "hard link to a directory",
        ),
        (Tar::new().file(".", b"").end(), "root"),
        (Tar::new().symlink(".", "x").end(), "root"),
        (
            Tar::new().add(EntryType::new(b'Z'), "z", "", b"", |_| {}).end(),
            "cannot read",
        ),
    ] {
        let error = lab.refused(&tar);
        assert!(error.contains(reason), "{error:?} should say {reason:?}");
    }
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
}

#[test]
fn links_inside_the_layer_are_followed_as_if_it_were_the_root() {
    let lab = Lab::new();
    let tar = Tar::new()
        .dir("usr")
        .dir("usr/lib")
        .symlink("lib", "/usr/lib")
        .symlink("up", "../../../usr")
        .file("lib/a", b"1")
        .file("up/b", b"2")
        .file("/abs", b"3")
        .symlink("f", "/etc/passwd")
        .file("f", b"a file, not what the link led to")
        .end();
    let root = lab.unpack(&tar).unwrap();
    assert_eq!(fs::read(root.join("usr/lib/a")).unwrap(), b"1");
    assert_eq!(fs::read(root.join("usr/b")).unwrap(), b"2");
    assert_eq!(fs::read(root.join("abs")).unwrap(), b"3");
    assert!(fs::symlink_metadata(root.join("f")).unwrap().is_file());
}

#[test]
fn numbers_that_are_left_out_are_zero() {
    let lab = Lab::new();
    let blank = |h: &mut Header| {
        let old = h.as_old_mut();
        (old.mode, old.uid, old.gid, old.size, old.mtime) = ([0; 8], [b' '; 8], [0; 8], [0; 12], [0; 12]);
    };
    let device = |h: &mut Header| {
        blank(h);
        let ustar = h.as_gnu_mut().unwrap();
        (ustar.dev_major, ustar.dev_minor) = ([b' '; 8], [0; 8]);
    };
    let tar = Tar::new()
        .add(EntryType::Directory, "d", "", b"", blank)
        .file("d/f", b"x")
        .add(EntryType::Regular, "empty", "", b"", blank)
        .add(EntryType::Symlink, "link", "d", b"", blank)
        .add(EntryType::Char, "device", "", b"", device)
        .file("last", b"x");
    let root = lab.unpack(&tar.end()).unwrap();
    assert_eq!(fs::metadata(root.join("empty")).unwrap().len(), 0);
    assert_eq!(fs::metadata(root.join("device")).unwrap().rdev(), 0);
    assert!(root.join("link").is_symlink() && root.join("last").exists());
    let meta = fs::metadata(root.join("d")).unwrap();
    assert_eq!(
        (meta.mode() & 0o7777, meta.uid(), meta.gid(), meta.mtime()),
        (0, 0, 0, 0)
    );
    assert_eq!(fs::read(root.join("d/f")).unwrap(), b"x");
}

#[test]
fn an_archive_may_end_after_the_data_of_its_last_entry() {
    let tar = Tar::new().file("f", &[1; 2000]).end();
    let data = 512 + 2000;
    for end in [data, data + 20, 512 + 2048, 512 + 2048 + 512] {
        let lab = Lab::new();
        let root = lab.unpack(&tar[..end]).unwrap_or_else(|e| panic!("{end}: {e}"));
        assert_eq!(fs::read(root.join("f")).unwrap(), [1; 2000]);
    }
    for end in [512 + 1999, 512 + 2048 + 100] {
        Lab::new().refused(&Tar::new().file("f", &[1; 2000]).file("g", b"").end()[..end]);
    }
}

#[test]
fn broken_archives_and_wrong_digests_leave_nothing() {
    let lab = Lab::new();
    let tar = Tar::new().file("f", &[1; 2000]).end();
    let mut wrong_sum = tar.clone();
    wrong_sum[0] = b'g';
    let unending = [tar.as_slice(), &vec![0; 65 << 20]].concat();
    for (bad, reason) in [
        (&tar[..1500], "cannot read the archive"),
        (&tar[..700], "cannot read the archive"),
        (b"no archive at all".as_slice(), "cannot read the archive"),
        (wrong_sum.as_slice(), "cannot read the archive"),
        (unending.as_slice(), "cannot read the archive"),
    ] {
        assert!(lab.refused(bad).contains(reason));
    }
    let error = unpack(&lab.store, &lab.blob(&tar), TAR, &digest(b"other"), &digest(b"other")).unwrap_err();
    assert!(matches!(error, LayerError::DiffId { .. }), "{error}");
    let error = unpack(&lab.store, &lab.blob(&tar), "text/plain", &digest(&tar), &digest(&tar)).unwrap_err();
    assert!(error.to_string().contains("text/plain"));
}

#[test]
fn long_names_of_both_kinds() {
    let lab = Lab::new();
    let long = format!("{}/{}", "d".repeat(150), "f".repeat(200));
    let mut gnu = Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_size(1);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    gnu.append_data(&mut header, &long, b"g".as_slice()).unwrap();
    let root = lab.unpack(&gnu.into_inner().unwrap()).unwrap();
    assert_eq!(fs::read(root.join(&long)).unwrap(), b"g");
    let pax = Tar::new()
        .pax(&[("path", long.as_bytes()), ("comment", b"x")])
        .file("short", b"p")
        .end();
    assert_eq!(fs::read(lab.unpack(&pax).unwrap().join(&long)).unwrap(), b"p");
    let hostile = Tar::new()
        .add(EntryType::GNULongName, "L", "", b"", |h| h.set_size(1 << 40))
        .end();
    assert!(lab.refused(&hostile).contains("cannot read the archive"));
}

/// The header holds the first 100 bytes of a long name: a slash at their end makes no directory of a file.
#[test]
fn long_names_that_are_cut_after_a_slash() {
    let work = tempfile::tempdir().unwrap();
    let dir = "d".repeat(99);
    fs::create_dir(work.path().join(&dir)).unwrap();
    fs::write(work.path().join(&dir).join("file"), [b'x'; 700]).unwrap();
    for format in ["--format=gnu", "--format=posix"] {
        let lab = Lab::new();
        let tar = std::process::Command::new("tar")
            .arg("-C")
            .arg(work.path())
            .args([format, "-c", &dir])
            .output()
            .unwrap();
        let root = lab.unpack(&tar.stdout).unwrap_or_else(|e| panic!("{format}: {e}"));
        assert_eq!(fs::read(root.join(&dir).join("file")).unwrap().len(), 700);
    }
}

/// GNU tar writes the three forms; ours must read them as it does.
#[test]
fn sparse_files_as_gnu_tar_writes_them() {
    let work = tempfile::tempdir().unwrap();
    let file = File::create(work.path().join("sparse")).unwrap();
    for n in 0..40_u64 {
        std::os::unix::fs::FileExt::write_all_at(&file, b"data", n * 1_000_000).unwrap();
    }
    file.set_len(50_000_000).unwrap();
    fs::write(work.path().join("after"), b"next entry").unwrap();
    let expected = fs::read(work.path().join("sparse")).unwrap();
    for format in [
        &["--format=gnu"][..],
        &["--format=posix", "--sparse-version=0.1"],
        &["--format=posix", "--sparse-version=1.0"],
    ] {
        let lab = Lab::new();
        let mut tar = std::process::Command::new("tar");
        tar.arg("-C")
            .arg(work.path())
            .args(format)
            .args(["-S", "-c", "sparse", "after"]);
        let tar = tar.output().unwrap().stdout;
        assert!(tar.len() < 1_000_000, "tar wrote no sparse archive");
        let root = lab.unpack(&tar).unwrap();
        assert!(fs::read(root.join("sparse")).unwrap() == expected, "{format:?}");
        assert!(fs::metadata(root.join("sparse")).unwrap().blocks() * 512 < 1_000_000);
        assert_eq!(fs::read(root.join("after")).unwrap(), b"next entry");
    }
}

#[test]
fn one_layer_from_many_threads() {
    let lab = Lab::new();
    let mut tar = Tar::new();
    for n in 0..200 {
        tar = tar.file(&format!("d/f{n}"), &vec![1; n * 10]);
    }
    let tar = tar.end();
    let blob = lab.blob(&tar);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| lab.unpack_blob(&blob, &tar).map(drop)))
            .collect();
        for thread in threads {
            thread.join().unwrap().unwrap();
        }
    });
    assert_eq!(
        fs::read_dir(directory(&lab.store, &digest(&tar)).join("d"))
            .unwrap()
            .count(),
        200
    );
    assert_eq!(fs::read_dir(lab.store.tmp()).unwrap().count(), 0);
    remove(&lab.store, &digest(&tar)).unwrap();
    assert!(!is_unpacked(&lab.store, &digest(&tar)));
    assert_eq!(fs::read_dir(lab.store.layers()).unwrap().count(), 0);
}

#[test]
fn a_layer_that_opens_streams_by_name_is_remembered_until_it_is_removed() {
    let lab = Lab::new();
    for (tar, expected) in [
        (
            Tar::new().dir("log").symlink("log/access.log", "/dev/stdout").end(),
            true,
        ),
        (
            Tar::new().dir("log").symlink("log/access.log", "/dev/null").end(),
            false,
        ),
    ] {
        let id = digest(&tar);
        lab.unpack(&tar).unwrap();
        assert_eq!(reopens_streams(&lab.store, &id), expected);
        for entry in fs::read_dir(lab.store.layers()).unwrap() {
            assert_eq!(owner(entry.unwrap().file_name().to_str().unwrap()), hex_of(&id));
        }
        remove(&lab.store, &id).unwrap();
        assert_eq!(fs::read_dir(lab.store.layers()).unwrap().count(), 0);
    }
}

#[test]
fn a_full_disk_is_named() {
    let lab = Lab::new();
    let data = lab.dir.path().join("data");
    rustix::mount::mount("tmpfs", &data, "tmpfs", rustix::mount::MountFlags::empty(), c"size=64k").unwrap();
    let tar = Tar::new().file("small", b"x").file("big", &vec![1; 200_000]).end();
    let error = lab.unpack(&tar).map_err(|e| e.to_string());
    let left = fs::read_dir(lab.store.tmp()).unwrap().count();
    rustix::mount::unmount(&data, rustix::mount::UnmountFlags::empty()).unwrap();
    let error = error.unwrap_err();
    assert!(error.contains("no space is left") && error.contains("big"), "{error}");
    assert_eq!(left, 0);
}

#[test]
fn a_bomb_ends_before_the_disk_is_full() {
    use std::error::Error as _;

    let lab = Lab::new();
    let data = lab.dir.path().join("data");
    let zeros = vec![0; 40 << 20];
    let again = (0..3).fold(Tar::new(), |tar, _| tar.file("small", &zeros[..8 << 20]));
    let files = (0..3000).fold(Tar::new(), |tar, number| tar.file(&format!("f{number}"), b""));
    for (tar, options, reason) in [
        (Tar::new().file("big", &zeros), c"size=20M", "are kept free for others"),
        (again, c"size=20M", "larger than the whole file system"),
        (files, c"size=200M,nr_inodes=2000", "inodes are free"),
    ] {
        rustix::mount::mount("tmpfs", &data, "tmpfs", rustix::mount::MountFlags::empty(), options).unwrap();
        let error = lab.unpack(&tar.end()).unwrap_err();
        let after = rustix::fs::statvfs(&data).unwrap();
        rustix::mount::unmount(&data, rustix::mount::UnmountFlags::empty()).unwrap();
        let source = error.source().unwrap().to_string();
        assert!(source.contains(reason), "{error}: {source}");
        assert!(after.f_bavail > after.f_blocks / 2, "nothing of it stays");
    }
}

#[test]
fn chain_ids_of_the_specification() {
    let diff_ids = [digest(b"a"), digest(b"b"), digest(b"c")];
    let chain = chain_ids(&diff_ids);
    assert_eq!(chain[0], diff_ids[0]);
    assert_eq!(chain[1], digest(format!("{} {}", diff_ids[0], diff_ids[1]).as_bytes()));
    assert_eq!(chain[2], digest(format!("{} {}", chain[1], diff_ids[2]).as_bytes()));
}
