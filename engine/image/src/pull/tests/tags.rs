//! `--all-tags`.

use super::debian::{Debian, Setup};
use super::fake::{Answer, Fake, serve};
use super::sample::OCI;
use super::*;

fn image(text: &str) -> Sample {
    Sample::image(OCI, &crate::host_arch(), &[("a", text)])
}

fn all(store: &Store, name: &str, options: &PullOptions) -> Result<Vec<Image>, String> {
    ensure_all(store, name, options, &Recorder::default()).map_err(|e| with_causes(&e))
}

fn names(images: &[Image]) -> Vec<&str> {
    images
        .iter()
        .flat_map(|image| &image.names)
        .map(String::as_str)
        .collect()
}

#[test]
fn all_tags_of_a_repository_are_pulled() {
    let dir = tempfile::tempdir().unwrap();
    let (store, options) = (store(dir.path()), options(dir.path()));
    let registry = Debian::start(dir.path(), Setup::default());
    for tag in ["1", "2", "latest"] {
        registry.fill("team/app", tag, &image(tag));
    }
    registry.fill("team/other", "x", &image("other"));
    let name = format!("{}/team/app", registry.host());
    // As podman does, also where a tag is written.
    for given in [name.clone(), format!("{name}:2")] {
        let images = all(&store, &given, &options).unwrap();
        assert_eq!(names(&images), ["1", "2", "latest"].map(|tag| format!("{name}:{tag}")));
        assert_eq!(content(&images[1], "a").as_deref(), Some("2"));
    }
    assert_eq!(records::all(&store).unwrap().len(), 3);
    let error = all(&store, &format!("{}/team/none", registry.host()), &options).unwrap_err();
    assert!(
        error.contains("team/none: http") && error.contains("/v2/team/none/tags/list") && error.contains("not found"),
        "{error}"
    );
}

/// A registry that lists `tags`, `page` of them at a time, and has `sample` under each.
fn listing(sample: Sample, tags: &'static [&'static str], page: usize) -> Fake {
    Fake::serve(sample, move |request, _| {
        let (_, query) = request.path.split_once("/tags/list?")?;
        let start: usize = query
            .split('&')
            .find_map(|part| part.strip_prefix("last=")?.parse().ok())
            .unwrap_or(0);
        let end = tags.len().min(start + page);
        let answer = Answer::ok(serde_json::json!({"name": "app", "tags": tags[start..end]}).to_string());
        // The name by which the registry knows itself is none that can be reached.
        let link = format!("<http://inner.invalid/v2/other/tags/list?n={page}&last={end}>; rel=\"next\"");
        Some(if end < tags.len() {
            answer.header("Link", link)
        } else {
            answer
        })
    })
}

#[test]
fn a_list_without_end_is_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    let page = serde_json::json!({"name": "app", "tags": ["a".repeat(15 << 20)]}).to_string();
    let mut pages = 0;
    let fake = Fake::serve(image("x"), move |request, _| {
        request.path.contains("/tags/list").then(|| {
            pages += 1;
            Answer::ok(page.clone()).header("Link", format!("</v2/app/tags/list?last={pages}>; rel=\"next\""))
        })
    });
    let error = all(
        &store(dir.path()),
        &format!("{}/app", fake.host()),
        &options(dir.path()),
    )
    .unwrap_err();
    assert!(error.contains("larger than 67108864 bytes"), "{error}");
    assert_eq!(fake.count("/tags/list"), 5);
}

#[test]
fn long_lists_come_in_pages() {
    let dir = tempfile::tempdir().unwrap();
    let (store, options) = (store(dir.path()), options(dir.path()));
    let fake = listing(image("x"), &["a", "b", "c", "d", "e"], 2);
    let images = all(&store, &format!("{}/app", fake.host()), &options).unwrap();
    assert_eq!(
        names(&images),
        ["a", "b", "c", "d", "e"].map(|tag| format!("{}/app:{tag}", fake.host()))
    );
    assert_eq!((fake.count("/tags/list"), fake.count("/blobs/")), (3, 2));
}

#[test]
fn what_cannot_be_listed_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let (store, options) = (store(dir.path()), options(dir.path()));
    let never = PullOptions {
        policy: PullPolicy::Never,
        ..options.clone()
    };
    for (name, options, expected) in [
        ("oci:/nowhere", &options, "only a registry has tags"),
        (
            &format!("a.io/b@sha256:{}", "0".repeat(64)),
            &options,
            "a digest names one image",
        ),
        ("a.io/b", &never, "the pull policy is never"),
        ("a.io/B", &options, "invalid image reference"),
    ] {
        let error = all(&store, name, options).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    for (answer, expected) in [
        (Answer::ok("{\"name\": \"app\", \"tags\": null}"), "lists no tags"),
        (Answer::ok("<html>"), "no list of tags"),
        (Answer::ok("{\"tags\": [\"../x\"]}"), "the tag is malformed"),
        (Answer::ok("{}").header("Link", "<?n=100>; rel=next"), "has no end"),
        (Answer::status(403), "authentication required"),
    ] {
        let fake = Fake::serve(Sample::default(), move |_, _| Some(answer.clone()));
        let error = all(&store, &format!("{}/app", fake.host()), &options).unwrap_err();
        assert!(error.contains(expected) && error.contains(&fake.host()), "{error}");
    }
}

#[test]
fn one_tag_that_fails_costs_itself_and_a_signature_nothing() {
    const TAGS: &str = "{\"tags\": [\"bad\", \"good\", \"sha256-0.sig\"]}";
    let dir = tempfile::tempdir().unwrap();
    let (store, options) = (store(dir.path()), options(dir.path()));
    let signature = Sample::image(
        super::sample::Family {
            config: "application/vnd.dev.cosign.artifact.sig.v1+json",
            ..OCI
        },
        "amd64",
        &[("s", "s")],
    );
    let fake = Fake::serve(image("x"), move |request, _| match request.path.rsplit('/').next()? {
        "bad" => Some(Answer::status(404)),
        "sha256-0.sig" => Some(serve(request, &signature)),
        last if last.starts_with("list") => Some(Answer::ok(TAGS)),
        _ => None,
    });
    let name = format!("{}/app", fake.host());
    let error = all(&store, &name, &options).unwrap_err();
    assert!(
        error.contains("1 of 3 tags") && error.contains("/manifests/bad: not found"),
        "{error}"
    );
    assert!(find(&store, &format!("{name}:good")).unwrap().is_some());
}
