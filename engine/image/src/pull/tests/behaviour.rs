//! With a server that misbehaves.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use super::fake::{Answer, Fake, Request, range, serve};
use super::sample::{OCI, digest};
use super::*;

pub(super) fn sample() -> Sample {
    Sample::image(OCI, "amd64", &[("a", "lower"), ("big", &"x".repeat(300_000))])
}

/// Counts calls for which `matches` holds; true for the first `n` of them.
fn first(n: usize, matches: impl Fn(&Request) -> bool) -> impl FnMut(&Request) -> bool {
    let mut seen = 0;
    move |request| {
        seen += usize::from(matches(request));
        matches(request) && seen <= n
    }
}

fn is_blob(digest: &str) -> impl Fn(&Request) -> bool + use<> {
    let path = format!("/blobs/{digest}");
    move |request| request.path.ends_with(&path)
}

fn partials(store: &Store) -> usize {
    fs::read_dir(store.tmp()).map_or(0, Iterator::count)
}

#[test]
fn a_broken_transfer_goes_on_where_it_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let sample = sample();
    let big = sample.layers[1].clone();
    let mut breaks = first(2, is_blob(&big));
    let fake = Fake::serve(sample, move |request, sample| {
        let whole = serve(request, sample);
        breaks(request).then(|| Answer {
            length: Some(whole.body.len()),
            body: whole.body[..100_000].to_vec(),
            ..whole
        })
    });
    let recorder = Recorder::default();
    let name = format!("{}/app:1", fake.host());
    let image = ensure(&store(dir.path()), &name, &options(dir.path()), &recorder)
        .map_err(|e| with_causes(&e))
        .unwrap();
    assert_eq!(content(&image, "big").unwrap().len(), 300_000);
    let asked: Vec<_> = fake.requests().iter().filter(|r| is_blob(&big)(r)).map(range).collect();
    assert_eq!(asked, [None, Some(100_000), Some(200_000)]);
    let (_, done, total) = recorder.last();
    assert_eq!(done, total);
}

#[test]
fn a_later_pull_resumes_even_if_the_server_knows_no_ranges() {
    for (knows_ranges, damaged) in [(true, false), (false, false), (true, true)] {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let sample = sample();
        let big = sample.layers[1].clone();
        let mut left = sample.blobs[&big][..1000].to_vec();
        left[500] ^= u8::from(damaged);
        let mut partial = Blobs::new(&store).partial(&big).unwrap();
        partial.write(&left).unwrap();
        drop(partial);
        let fake = Fake::serve(sample, move |request, sample| {
            let without = Request {
                headers: Vec::new(),
                ..request.clone()
            };
            (!knows_ranges).then(|| serve(&without, sample))
        });
        pulled(&store, &format!("{}/app:1", fake.host()), &options(dir.path())).unwrap();
        let asked: Vec<_> = fake.requests().iter().filter(|r| is_blob(&big)(r)).map(range).collect();
        assert_eq!(
            asked,
            if damaged {
                vec![Some(1000), None]
            } else {
                vec![Some(1000)]
            }
        );
        assert_eq!(partials(&store), 0);
    }
}

#[test]
fn wrong_content_is_refused_by_name_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let sample = sample();
    let big = sample.layers[1].clone();
    let wrong = vec![b'y'; sample.blobs[&big].len()];
    let got = digest(&wrong);
    let is_big = is_blob(&big);
    let fake = Fake::serve(sample, move |request, _| {
        is_big(request).then(|| Answer::ok(wrong.clone()))
    });
    let name = format!("{}/app:1", fake.host());
    let error = pulled(&store, &name, &options(dir.path())).unwrap_err();
    for part in [&name, &big, &got, &fake.host(), "digest mismatch"] {
        assert!(error.contains(part), "{part} is not in: {error}");
    }
    assert_eq!(fake.count(&big), 1, "wrong content is no reason to try again");
    assert!(!Blobs::new(&store).has(&big));
    assert!(!partials_of(&store, &big));
    assert!(find(&store, &name).unwrap().is_none());
}

fn partials_of(store: &Store, digest: &str) -> bool {
    let hex = digest.strip_prefix("sha256:").unwrap();
    fs::read_dir(store.tmp())
        .unwrap()
        .flatten()
        .any(|e| e.file_name().to_string_lossy().starts_with(hex))
}

#[test]
fn too_much_content_is_not_read_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let sample = sample();
    let big = sample.layers[1].clone();
    let is_big = is_blob(&big);
    let fake = Fake::serve(sample.clone(), move |request, _| {
        is_big(request).then(|| Answer::ok(vec![0; 2_000_000]))
    });
    let error = pulled(&store, &format!("{}/app:1", fake.host()), &options(dir.path())).unwrap_err();
    assert!(error.contains("larger than"), "{error}");
    let fake = Fake::serve(sample, |request, _| {
        request
            .path
            .contains("/manifests/")
            .then(|| Answer::ok(vec![b' '; 5 << 20]))
    });
    let error = pulled(&store, &format!("{}/app:1", fake.host()), &options(dir.path())).unwrap_err();
    assert!(error.contains("larger than 4194304 bytes"), "{error}");
}

#[test]
fn a_manifest_must_have_the_digest_it_was_asked_by() {
    let dir = tempfile::tempdir().unwrap();
    let fake = Fake::serve(sample(), |_, sample| Some(Answer::ok(sample.manifests[0].2.clone())));
    let asked = digest(b"something else");
    let error = pulled(
        &store(dir.path()),
        &format!("{}/app@{asked}", fake.host()),
        &options(dir.path()),
    )
    .unwrap_err();
    assert!(error.contains("digest mismatch") && error.contains(&asked), "{error}");
}

#[test]
fn faults_are_tried_again_and_refusals_are_not() {
    for (status, retry, requests) in [
        (503, None, 4),
        (429, Some(1), 2),
        (503, Some(0), 1),
        (404, None, 1),
        (403, None, 1),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let fake = Fake::serve(Sample::default(), move |_, _| {
            let body = "{\"errors\": [{\"code\": \"X\", \"message\": \"told\\u001b so\"}]}";
            Some(Answer {
                status,
                ..Answer::ok(body)
            })
        });
        let options = PullOptions {
            retry,
            ..options(dir.path())
        };
        let error = pulled(&store(dir.path()), &format!("{}/app:1", fake.host()), &options).unwrap_err();
        assert!(error.contains("told so"), "{error}");
        assert_eq!(fake.requests().len(), requests, "{status} {retry:?}");
    }
    let dir = tempfile::tempdir().unwrap();
    let mut fails = first(2, |r| r.path.contains("/manifests/"));
    let fake = Fake::serve(sample(), move |request, _| fails(request).then(|| Answer::status(500)));
    pulled(
        &store(dir.path()),
        &format!("{}/app:1", fake.host()),
        &options(dir.path()),
    )
    .unwrap();
}

#[test]
fn thirty_starts_at_once_pull_one_image_once() {
    let dir = tempfile::tempdir().unwrap();
    let (store, options) = (store(dir.path()), options(dir.path()));
    let fake = Fake::plain(sample());
    let name = format!("{}/app:1", fake.host());
    std::thread::scope(|scope| {
        for _ in 0..30 {
            scope.spawn(|| pulled(&store, &name, &options).unwrap());
        }
    });
    assert_eq!(fake.count("/manifests/"), 1);
    assert_eq!(fake.count("/blobs/"), 3, "{:?}", fake.requests());
}

#[test]
fn a_layer_that_two_images_share_is_fetched_once() {
    let dir = tempfile::tempdir().unwrap();
    let (store, options) = (store(dir.path()), options(dir.path()));
    let base = ("base", "z".repeat(200_000));
    let one = Sample::image(OCI, "amd64", &[(base.0, &base.1), ("n", "1")]);
    let two = Sample::image(OCI, "amd64", &[(base.0, &base.1), ("n", "2")]);
    let shared = one.layers[0].clone();
    assert_eq!(shared, two.layers[0]);
    let fakes = [Fake::plain(one), Fake::plain(two)];
    std::thread::scope(|scope| {
        for fake in &fakes {
            scope.spawn(|| pulled(&store, &format!("{}/app:1", fake.host()), &options).unwrap());
        }
    });
    assert_eq!(fakes.iter().map(|f| f.count(&shared)).sum::<usize>(), 1);
}

#[test]
fn an_unchanged_image_costs_one_request_and_a_moved_tag_is_followed() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let options = PullOptions {
        policy: PullPolicy::Newer,
        ..options(dir.path())
    };
    let (old, new) = (sample(), Sample::image(OCI, "amd64", &[("a", "new")]));
    let moved = Arc::new(AtomicUsize::new(0));
    let (seen, newer) = (moved.clone(), new.clone());
    let fake = Fake::serve(old.clone(), move |request, _| {
        (seen.load(SeqCst) == 1).then(|| serve(request, &newer))
    });
    let name = format!("{}/app:1", fake.host());
    pulled(&store, &name, &options).unwrap();
    let before = fake.requests().len();
    pulled(&store, &name, &options).unwrap();
    assert_eq!(fake.requests().len(), before + 1);
    moved.store(1, SeqCst);
    assert_eq!(pulled(&store, &name, &options).unwrap().manifest_digest, new.digest());
}

#[test]
fn damage_in_the_store_is_fetched_again_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (store, options) = (store(dir.path()), options(dir.path()));
    let sample = sample();
    let [small, big] = [&sample.layers[0], &sample.layers[1]].map(String::clone);
    let fake = Fake::plain(sample);
    let name = format!("{}/app:1", fake.host());
    let image = pulled(&store, &name, &options).unwrap();
    fs::write(Blobs::new(&store).path(&big), b"rot").unwrap();
    fs::remove_dir_all(&image.layers[1]).unwrap();
    let image = pulled(&store, &name, &options).unwrap();
    assert_eq!(content(&image, "big").unwrap().len(), 300_000);
    assert_eq!((fake.count(&small), fake.count(&big)), (1, 2));
}

#[test]
fn a_pull_waits_for_another_one_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let recorder = Recorder::default();
    let tracker = Tracker::new(&recorder);
    let held = Lock::acquire(&store, "pull", "x").unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| tracker.locked(&store, "pull", "x").map(drop));
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while recorder.lines.lock().unwrap().len() < 3 {
            assert!(std::time::Instant::now() < deadline, "nothing is reported");
            std::thread::yield_now();
        }
        assert!(!waiting.is_finished());
        drop(held);
        waiting.join().unwrap().unwrap();
    });
    assert!(recorder.last().0.contains("Waiting for another pull of x"));
}

#[test]
fn a_full_disk_is_named_and_nothing_stays_in_the_way() {
    unipod_linux::mount::enter_private_namespace().expect("the tests run as root");
    let dir = tempfile::tempdir().unwrap();
    let small = dir.path().join("small");
    fs::create_dir(&small).unwrap();
    rustix::mount::mount(
        "tmpfs",
        &small,
        "tmpfs",
        rustix::mount::MountFlags::empty(),
        c"size=256k",
    )
    .unwrap();
    let store = store(&small);
    let sample = sample();
    let big = sample.layers[1].clone();
    let fake = Fake::plain(sample);
    let name = format!("{}/app:1", fake.host());
    let error = pulled(&store, &name, &options(dir.path())).unwrap_err();
    let room = ["kept free for others", "larger than the whole file system"];
    assert!(
        room.iter().any(|why| error.contains(why)) && error.contains(&name),
        "{error}"
    );
    assert!(!partials_of(&store, &big));
    assert_eq!(fake.count(&big), 1, "a full disk is no reason to try again");
    assert!(find(&store, &name).unwrap().is_none());
    rustix::mount::unmount(&small, rustix::mount::UnmountFlags::DETACH).unwrap();
}

#[test]
fn an_image_of_ours_that_is_missing_fails_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let options = PullOptions {
        retry_delay: Some("1h".into()),
        ..options(dir.path())
    };
    let error = pulled(&store(dir.path()), "localhost/unipod-test-none", &options).unwrap_err();
    assert!(error.contains("cannot pull localhost/unipod-test-none"), "{error}");
}

#[test]
fn a_pull_removes_what_a_killed_one_left() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let left = store.tmp().join("left");
    fs::create_dir_all(left.join("etc")).unwrap();
    let held = unipod_store::Scratch::dir(&store).unwrap();
    let fake = Fake::plain(sample());
    pulled(&store, &format!("{}/app:1", fake.host()), &options(dir.path())).unwrap();
    assert!(!left.exists() && held.path().exists());
}

#[test]
fn a_manifest_that_is_damaged_in_the_store_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let (store, sample) = (store(dir.path()), sample());
    let manifest = Blobs::new(&store).path(sample.digest());
    let fake = Fake::plain(sample);
    let name = format!("{}/app:1", fake.host());
    let options = PullOptions {
        policy: PullPolicy::Always,
        ..options(dir.path())
    };
    pulled(&store, &name, &options).unwrap();
    fs::write(&manifest, b"rot").unwrap();
    pulled(&store, &name, &options).unwrap();
    assert_ne!(fs::read(&manifest).unwrap(), b"rot");
}

#[test]
fn what_a_registry_sends_instead_of_an_image_is_named() {
    const OTHER: &str = "{\"schemaVersion\": 2, \"mediaType\": \"application/odd+json\", \"x\": 1}";
    let dir = tempfile::tempdir().unwrap();
    let (store, options) = (store(dir.path()), options(dir.path()));
    let page = |kind: &str| Answer::ok("<!DOCTYPE html><html>").header("Content-Type", kind);
    for (answer, expected) in [
        (page("text/html; charset=utf-8"), "no JSON document but text/html"),
        (Answer::ok(""), "no JSON document but something without a media type"),
        (
            Answer::ok(OTHER),
            "manifests of type \"application/odd+json\" are not supported",
        ),
        (Answer::ok("{}"), "missing field `schemaVersion`"),
        (Answer::status(307).header("Location", "/v2/"), "too many redirects"),
        (
            Answer::status(401).header("WWW-Authenticate", "Bearer realm=\"nonsense\""),
            "the realm is no URL",
        ),
    ] {
        let fake = Fake::serve(Sample::default(), move |_, _| Some(answer.clone()));
        let name = format!("{}/app:1", fake.host());
        let error = pulled(&store, &name, &options).unwrap_err();
        assert!(error.contains(expected) && error.contains(&name), "{error}");
    }
}

#[test]
fn a_signed_address_is_not_told() {
    let dir = tempfile::tempdir().unwrap();
    let (sample, is_signed) = (sample(), |request: &Request| request.path.starts_with("/elsewhere"));
    let is_big = is_blob(&sample.layers[1]);
    let fake = Fake::serve(sample, move |request, _| {
        let signed = "/elsewhere?signature=secret";
        let moved = || Answer::status(307).header("Location", signed);
        is_big(request)
            .then(moved)
            .or_else(|| is_signed(request).then(|| Answer::status(404)))
    });
    let name = format!("{}/app:1", fake.host());
    let error = pulled(&store(dir.path()), &name, &options(dir.path())).unwrap_err();
    assert!(
        error.contains("/elsewhere: not found") && !error.contains("secret"),
        "{error}"
    );
}

#[test]
fn an_image_for_another_system_or_with_foreign_layers_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (store, options) = (store(dir.path()), options(dir.path()));
    let fake = Fake::plain(sample());
    let windows = PullOptions {
        os: Some("windows".into()),
        ..options.clone()
    };
    let error = pulled(&store, &format!("{}/app:1", fake.host()), &windows).unwrap_err();
    assert!(
        error.contains("the image is for linux/amd64, not for windows/"),
        "{error}"
    );

    let foreign = super::sample::Family {
        layer: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        ..OCI
    };
    let mut sample = Sample::image(foreign, "amd64", &[("a", "foreign")]);
    let layer = sample.layers[0].clone();
    sample.blobs.remove(&layer);
    let fake = Fake::plain(sample);
    let error = pulled(&store, &format!("{}/app:1", fake.host()), &options).unwrap_err();
    assert!(
        error.contains(&format!("layer {layer} is not in the registry")) && error.contains("foreign"),
        "{error}"
    );
}
