//! Images in files, as skopeo writes them.

use std::path::PathBuf;
use std::process::Command;

use super::debian::{Debian, Setup};
use super::sample::OCI;
use super::*;

fn skopeo(args: &[&str]) {
    let out = Command::new("skopeo")
        .arg("copy")
        .args(args)
        .output()
        .expect("skopeo is installed");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn images_in_files_are_taken_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path());
    let sample = Sample::image(OCI, "amd64", &[("a", "lower"), ("b", "upper")]);
    let registry = Debian::start(dir.path(), Setup::default());
    registry.fill("app", "1", &sample);
    let from = format!("docker://{}/app:1", registry.host());
    let path = |name: &str| dir.path().join(name).display().to_string();
    let targets = [
        (format!("oci:{}:v1", path("layout")), "localhost/v1:latest"),
        (format!("oci-archive:{}:x.io/a:2", path("oci.tar")), "x.io/a:2"),
        (
            format!("docker-archive:{}:team/app:3", path("docker.tar")),
            "docker.io/team/app:3",
        ),
        (format!("dir:{}", path("plain")), ""),
    ];
    for (name, expected) in &targets {
        let (store, _keep) = fresh();
        skopeo(&["--src-tls-verify=false", &from, name]);
        for _ in 0..2 {
            let image = pulled(&store, name, &options).unwrap();
            assert_eq!(content(&image, "a").as_deref(), Some("lower"), "{name}");
            assert_eq!(content(&image, "b").as_deref(), Some("upper"), "{name}");
            assert!(expected.is_empty() || image.names == [*expected], "{:?}", image.names);
        }
        let short = name.split(':').take(2).collect::<Vec<_>>().join(":");
        pulled(&store, &short, &options).unwrap();
    }
    let (store, _keep) = fresh();
    let error = pulled(&store, &format!("oci:{}:none", path("layout")), &options).unwrap_err();
    assert!(error.contains("v1"), "{error}");
    let blob = PathBuf::from(path("plain")).join(sample.layers[0].strip_prefix("sha256:").unwrap());
    std::fs::write(blob, b"rot").unwrap();
    let error = pulled(&store, &targets[3].0, &options).unwrap_err();
    assert!(
        error.contains("damaged") && error.contains(&sample.layers[0]),
        "{error}"
    );
    assert!(
        pulled(&store, "dir:/nonexistent", &options)
            .unwrap_err()
            .contains("/nonexistent")
    );
}

fn fresh() -> (Store, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (store(dir.path()), dir)
}
