use super::*;

fn found(text: &str, image: &str) -> Result<Option<Credentials>, AuthError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("auth.json");
    fs::write(&path, text).unwrap();
    AuthFiles {
        paths: vec![dir.path().join("missing.json"), path],
        required: false,
    }
    .find(&image.parse().unwrap())
}

fn user(text: &str, image: &str) -> Option<String> {
    match found(text, image).unwrap() {
        Some(Credentials::Password { user, password }) => Some(format!("{user}:{password}")),
        Some(Credentials::IdentityToken(token)) => Some(format!("token {token}")),
        None => None,
    }
}

#[test]
fn the_most_specific_entry_wins() {
    let entry = |key: &str, creds: &str| format!("{key:?}: {{\"auth\": {:?}}}", STANDARD.encode(creds));
    let text = format!(
        "{{\"auths\": {{{}, {}, {}, {}, {}, \"t.io\": {{\"identitytoken\": \"T\"}}, \"empty.io\": {{}}}}}}",
        entry("r.local/foo/bar/image", "image:1"),
        entry("r.local/foo", "foo:2"),
        entry("r.local", "host:3:x"),
        entry("https://index.docker.io/v1/", "hub:4"),
        entry("https://old.io/v2/", "old:5\0\0"),
    );
    for (image, expected) in [
        ("r.local/foo/bar/image:1", Some("image:1")),
        ("r.local/foo/bar/other", Some("foo:2")),
        ("r.local/food", Some("host:3:x")),
        ("r.local:5000/foo", None),
        ("docker.io/nginx", Some("hub:4")),
        ("old.io/x", Some("old:5")),
        ("t.io/x", Some("token T")),
        ("empty.io/x", None),
        ("none.io/x", None),
    ] {
        assert_eq!(user(&text, image).as_deref(), expected, "{image}");
    }
}

#[test]
fn what_is_broken_is_named_and_no_secret_shows() {
    let error = found("{\"auths\": {\"x.io\": {\"auth\": \"c2VjcmV0\"}}}", "x.io/a")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("x.io") && error.contains("auth.json") && !error.contains("c2VjcmV0"),
        "{error}"
    );
    assert!(found("{", "x.io/a").unwrap_err().to_string().contains("auth.json"));
    let gone = AuthFiles {
        paths: vec!["/nonexistent/auth.json".into()],
        required: true,
    };
    assert!(gone.find(&"x.io/a".parse().unwrap()).is_err());
    let secret = Credentials::Password {
        user: "u".into(),
        password: "hunter2".into(),
    };
    assert!(!format!("{secret:?}").contains("hunter2"));
    let helper = found("{\"credHelpers\": {\"x.io\": \"unipod-test-none\"}}", "x.io/a")
        .unwrap_err()
        .to_string();
    assert!(helper.contains("docker-credential-unipod-test-none"), "{helper}");
}
