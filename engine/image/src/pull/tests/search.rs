//! With several registries that may have the image: mirrors, and those that a short name may mean.

use std::fs;

use super::behaviour::sample;
use super::fake::{Answer, Fake};
use super::*;

pub(super) fn with_registries(conf: &str, store: &Store, name: &str, options: &PullOptions) -> Result<Image, String> {
    let dir = tempfile::tempdir().unwrap();
    let main = dir.path().join("registries.conf");
    fs::write(&main, conf).unwrap();
    let files = crate::registries::Files {
        main: vec![main],
        required: true,
        ..Default::default()
    };
    let recorder = Recorder::default();
    let mut pull = Pull::new(store, name, options, &recorder).unwrap();
    pull.registries = Registries::read(&files).unwrap();
    pull.run().map_err(|e| with_causes(&e))
}

#[test]
fn mirrors_are_tried_in_order_and_all_failures_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let options = PullOptions {
        tls_verify: None,
        retry: Some(0),
        ..options(dir.path())
    };
    let locked = Fake::serve(Sample::default(), |_, _| {
        Some(Answer::status(401).header("WWW-Authenticate", "Basic realm=\"x\""))
    });
    let empty = Fake::plain(Sample::default());
    let good = Fake::plain(sample());
    let conf = |primary: &str| {
        let mirror = |fake: &Fake| {
            format!(
                "[[registry.mirror]]\nlocation = \"{}/m\"\ninsecure = true\n",
                fake.host()
            )
        };
        format!(
            "[[registry]]\nprefix = \"example.com/x\"\nlocation = \"{primary}/real\"\ninsecure = true\n{}{}",
            mirror(&locked),
            mirror(&empty)
        )
    };
    let image = with_registries(&conf(&good.host()), &store, "example.com/x/app:1", &options).unwrap();
    assert_eq!(image.names, ["example.com/x/app:1"]);
    assert_eq!(
        (
            locked.count("/v2/m/app/manifests/1"),
            empty.count("/v2/m/app/manifests/1")
        ),
        (1, 1)
    );
    assert_eq!(good.count("/v2/real/app/manifests/1"), 1);

    let error = with_registries(&conf(&empty.host()), &store, "example.com/x/none:1", &options).unwrap_err();
    for part in [
        "example.com/x/none:1",
        &locked.host(),
        &empty.host(),
        "/v2/real/none/",
        "authentication required",
    ] {
        assert!(error.contains(part), "{part} is not in: {error}");
    }
}

#[test]
fn a_short_name_is_tried_in_all_search_registries() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let (empty, good) = (Fake::plain(Sample::default()), Fake::plain(sample()));
    let conf = format!(
        "unqualified-search-registries = [\"{}\", \"{}\"]",
        empty.host(),
        good.host()
    );
    let image = with_registries(&conf, &store, "app", &options(dir.path())).unwrap();
    assert_eq!(image.names, [format!("{}/app:latest", good.host())]);
    assert_eq!(empty.count("/v2/app/manifests/latest"), 1);
    let error = with_registries("", &store, "other", &options(dir.path())).unwrap_err();
    assert!(error.contains("docker.io/other"), "{error}");

    // A password is for one of them, and it is not said which.
    let asked = empty.requests().len() + good.requests().len();
    let with_password = PullOptions {
        creds: Some("u:p".into()),
        ..options(dir.path())
    };
    let error = with_registries(&conf, &store, "secret", &with_password).unwrap_err();
    assert!(error.contains("--creds") && error.contains(&good.host()), "{error}");
    assert_eq!(empty.requests().len() + good.requests().len(), asked);
}
