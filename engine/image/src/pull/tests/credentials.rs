//! With a registry that wants to know who asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use super::behaviour::sample;
use super::fake::{Answer, Fake, Request};
use super::sample::OCI;
use super::search::with_registries;
use super::*;

/// A registry that wants a token; the first one is over after two requests.
fn with_token(sample: Sample, expected: &'static str) -> Fake {
    let (mut left, mut serial) = (0, 0);
    Fake::serve(sample, move |request, _| {
        let host = request.header("host").unwrap_or_default();
        if request.path.starts_with("/token?") {
            let known = request.header("authorization").unwrap_or_default() == expected;
            (left, serial) = (if serial == 0 { 2 } else { 100 }, serial + 1);
            let token = format!("{{\"access_token\": \"T{serial}\", \"token\": \"\"}}");
            return Some(if known { Answer::ok(token) } else { Answer::status(401) });
        }
        if request.header("authorization") == Some(&format!("Bearer T{serial}")) && left > 0 {
            left -= 1;
            return None;
        }
        let challenge = format!("Bearer realm=\"http://{host}/token\",service=\"reg\",scope=\"repository:app:pull\"");
        Some(Answer::status(401).header("WWW-Authenticate", challenge))
    })
}

#[test]
fn a_token_is_fetched_and_renewed() {
    let dir = tempfile::tempdir().unwrap();
    let (store, options) = (store(dir.path()), options(dir.path()));
    let open = with_token(sample(), "");
    pulled(&store, &format!("{}/team/app:1", open.host()), &options).unwrap();
    assert_eq!(
        open.count("/token?service=reg&scope=repository%3Ateam%2Fapp%3Apull"),
        2,
        "one renewal serves all"
    );

    let always = PullOptions {
        policy: PullPolicy::Always,
        creds: Some("u:p".into()),
        ..options.clone()
    };
    let closed = with_token(Sample::image(OCI, "amd64", &[("c", "closed")]), "Basic dTpw");
    let name = format!("{}/team/app:1", closed.host());
    pulled(&store, &name, &always).unwrap();
    let error = pulled(&store, &name, &PullOptions { creds: None, ..always }).unwrap_err();
    assert!(
        error.contains("authentication required") && error.contains("unipod login"),
        "{error}"
    );
}

/// What `--creds` says is for the registry that was named.
#[test]
fn a_mirror_does_not_get_the_registrys_credentials() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let options = PullOptions {
        tls_verify: None,
        retry: Some(0),
        creds: Some("u:p".into()),
        ..options(dir.path())
    };
    let asking = |_: &Request, _: &Sample| Some(Answer::status(401).header("WWW-Authenticate", "Basic realm=\"x\""));
    let seen = Arc::new(AtomicBool::new(false));
    let shared = Arc::clone(&seen);
    let mirror = Fake::serve(Sample::default(), move |request, sample| {
        shared.fetch_or(request.header("authorization").is_some(), SeqCst);
        asking(request, sample)
    });
    let own = Fake::serve(sample(), move |request, sample| {
        if request.header("authorization") == Some("Basic dTpw") {
            return None;
        }
        asking(request, sample)
    });
    let conf = format!(
        "[[registry]]\nprefix = \"example.com/x\"\nlocation = \"{}/real\"\ninsecure = true\n\
         [[registry.mirror]]\nlocation = \"{}/m\"\ninsecure = true\n",
        own.host(),
        mirror.host()
    );
    with_registries(&conf, &store, "example.com/x/app:1", &options).unwrap();
    assert_eq!(mirror.count("/v2/m/app/manifests/1"), 1);
    assert!(!seen.load(SeqCst), "the mirror has seen them");
}
