//! With Debian's docker-registry.

use std::fs;
use std::process::Command;

use super::debian::{Debian, Setup};
use super::sample::{DOCKER, OCI};
use super::*;
use crate::auth;
use crate::login::LoginOptions;
use crate::registry::TlsOptions;

#[test]
fn images_of_both_families_are_pulled_and_stay() {
    let dir = tempfile::tempdir().unwrap();
    let (store, options) = (store(dir.path()), options(dir.path()));
    let registry = Debian::start(dir.path(), Setup::default());
    let host = registry.host();
    let arch = Platform::wanted(None, None, None).arch;
    for family in [OCI, DOCKER] {
        let repository = if family.index == OCI.index {
            "team/oci"
        } else {
            "team/docker"
        };
        let image = Sample::image(family, &arch, &[("a", "lower"), ("b", "upper"), ("a", repository)]);
        let other = Sample::image(family, "s390x", &[("a", "other")]);
        registry.fill(repository, "1", &image);
        let list = Sample::list(family, &[("s390x", other.clone()), (&arch, image.clone())]);
        registry.fill(repository, "list", &list);

        let name = format!("{host}/{repository}:1");
        let recorder = Recorder::default();
        let found = ensure(&store, &name, &options, &recorder)
            .map_err(|e| with_causes(&e))
            .unwrap();
        assert_eq!(found.names, [name.as_str()]);
        assert_eq!(found.manifest_digest, image.digest());
        assert_eq!(content(&found, "a").as_deref(), Some(repository));
        assert_eq!(content(&found, "b").as_deref(), Some("upper"));
        let (status, done, total) = recorder.last();
        assert_eq!(
            (status.as_str(), done),
            ("Writing manifest to image destination", total)
        );
        assert!(total > 0);

        let of_list = pulled(&store, &format!("{host}/{repository}:list"), &options).unwrap();
        assert_eq!(of_list.manifest_digest, image.digest());
        let foreign = PullOptions {
            arch: Some("s390x".into()),
            ..options.clone()
        };
        let of_other = pulled(&store, &format!("{host}/{repository}:list"), &foreign).unwrap();
        assert_eq!(of_other.manifest_digest, other.digest());
        let by_digest = format!("{host}/{repository}@{}", list.digest());
        assert_eq!(
            pulled(&store, &by_digest, &options).unwrap().manifest_digest,
            image.digest()
        );
        let arm = PullOptions {
            arch: Some("riscv64".into()),
            ..options.clone()
        };
        let error = pulled(&store, &format!("{host}/{repository}:list"), &arm).unwrap_err();
        assert!(
            error.contains("no image for linux/riscv64") && error.contains("linux/s390x"),
            "{error}"
        );
    }
    drop(registry);

    let name = format!("{host}/team/oci:1");
    pulled(&store, &name, &options).expect("a local image needs no registry");
    let newer = PullOptions {
        policy: PullPolicy::Newer,
        ..options.clone()
    };
    pulled(&store, &name, &newer).unwrap();
    let always = PullOptions {
        policy: PullPolicy::Always,
        ..options.clone()
    };
    let error = pulled(&store, &name, &always).unwrap_err();
    assert!(error.contains(&host) && error.contains("refused"), "{error}");
    let local = PullOptions {
        policy: PullPolicy::Never,
        ..options.clone()
    };
    pulled(&store, &name, &local).unwrap();
    let error = pulled(&store, &format!("{host}/none"), &local).unwrap_err();
    assert!(error.contains("image not known"), "{error}");
}

#[test]
fn a_missing_image_is_an_error_that_says_where() {
    let dir = tempfile::tempdir().unwrap();
    let registry = Debian::start(dir.path(), Setup::default());
    let name = format!("{}/team/none:1", registry.host());
    let error = pulled(&store(dir.path()), &name, &options(dir.path())).unwrap_err();
    assert!(
        error.contains(&format!("cannot pull {name}")) && error.contains("not found"),
        "{error}"
    );
    assert!(error.contains("/v2/team/none/manifests/1"), "{error}");
}

#[test]
fn a_password_comes_from_the_file_or_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let (store, options) = (store(dir.path()), options(dir.path()));
    let sample = Sample::image(OCI, "amd64", &[("a", "secret")]);
    Debian::start(dir.path(), Setup::default()).fill("private/app", "1", &sample);
    let htpasswd = dir.path().join("htpasswd");
    // bcrypt of "pw".
    fs::write(
        &htpasswd,
        "alice:$2y$05$abcdefghijklmnopqrstuuHIrMEWpUCQe2YqFR3sXwQ75u4od..9q\n",
    )
    .unwrap();
    let registry = Debian::start(
        dir.path(),
        Setup {
            htpasswd: Some(&htpasswd),
            tls: None,
        },
    );
    let name = format!("{}/private/app:1", registry.host());

    let error = pulled(&store, &name, &options).unwrap_err();
    assert!(
        error.contains("authentication required") && error.contains("unipod login"),
        "{error}"
    );
    let wrong = PullOptions {
        creds: Some("alice:wrong".into()),
        ..options.clone()
    };
    let error = pulled(&store, &name, &wrong).unwrap_err();
    assert!(error.contains("access denied") && !error.contains("wrong"), "{error}");
    let authfile = dir.path().join("other.json");
    let entry = format!(
        "{{\"auths\": {{\"{}/private\": {{\"auth\": \"YWxpY2U6cHc=\"}}}}}}",
        registry.host()
    );
    fs::write(&authfile, entry).unwrap();
    let from_file = PullOptions {
        authfile: Some(authfile),
        ..options.clone()
    };
    pulled(&store, &name, &from_file).unwrap();
    let always = PullOptions {
        policy: PullPolicy::Always,
        creds: Some("alice:pw".into()),
        ..options.clone()
    };
    pulled(&store, &name, &always).unwrap();

    let login = LoginOptions {
        registry: registry.host(),
        authfile: options.authfile.clone(),
        tls: TlsOptions {
            verify: Some(false),
            cert_dir: None,
        },
    };
    let error = with_causes(&login.login(&auth::from_option("alice:wrong")).unwrap_err());
    assert!(
        error.contains("cannot log in") && error.contains("access denied"),
        "{error}"
    );
    assert!(login.current().unwrap().is_none());
    login.login(&auth::from_option("alice:pw")).unwrap();
    assert_eq!(login.current().unwrap(), Some(auth::from_option("alice:pw")));
    pulled(
        &store,
        &name,
        &PullOptions {
            creds: None,
            ..always.clone()
        },
    )
    .unwrap();
}

#[test]
fn certificates_are_checked_unless_told_otherwise() {
    let dir = tempfile::tempdir().unwrap();
    let (store, options) = (store(dir.path()), options(dir.path()));
    let sample = Sample::image(OCI, "amd64", &[("a", "tls")]);
    Debian::start(dir.path(), Setup::default()).fill("app", "1", &sample);
    let certs = dir.path().join("certs");
    fs::create_dir(&certs).unwrap();
    let (cert, key) = (certs.join("ca.crt"), dir.path().join("server.pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args([
            "-subj",
            "/CN=test",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ])
        .args(["-keyout".as_ref(), key.as_os_str(), "-out".as_ref(), cert.as_os_str()])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let registry = Debian::start(
        dir.path(),
        Setup {
            htpasswd: None,
            tls: Some((&cert, &key)),
        },
    );
    let name = format!("{}/app:1", registry.host());

    let strict = PullOptions {
        tls_verify: Some(true),
        ..options.clone()
    };
    let error = pulled(&store, &name, &strict).unwrap_err();
    assert!(error.contains("certificate") && error.contains("certs.d"), "{error}");
    pulled(&store, &name, &options).expect("--tls-verify=false takes any certificate");
    let trusted = PullOptions {
        policy: PullPolicy::Always,
        cert_dir: Some(certs),
        ..strict
    };
    pulled(&store, &name, &trusted).unwrap();
}

#[test]
fn plain_http_needs_permission() {
    let dir = tempfile::tempdir().unwrap();
    let registry = Debian::start(dir.path(), Setup::default());
    let strict = PullOptions {
        tls_verify: None,
        ..options(dir.path())
    };
    let error = pulled(&store(dir.path()), &format!("{}/app:1", registry.host()), &strict).unwrap_err();
    assert!(error.contains("insecure = true"), "{error}");
}
