//! Debian's docker-registry on a free port of loopback.

use std::fmt::Write;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_TYPE, LOCATION};

use super::sample::Sample;

/// A running registry; dropped means stopped.
pub struct Debian {
    child: Child,
    port: u16,
}

/// How to run it.
#[derive(Debug, Default, Clone, Copy)]
pub struct Setup<'a> {
    /// An htpasswd file.
    pub htpasswd: Option<&'a Path>,
    /// Certificate and key.
    pub tls: Option<(&'a Path, &'a Path)>,
}

impl Debian {
    /// Starts it over the storage in `dir` and waits until it listens.
    pub fn start(dir: &Path, setup: Setup<'_>) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let storage = dir.join("registry").display().to_string();
        let mut config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {storage:?}}}}}\n\
             http:\n  addr: 127.0.0.1:{port}\n"
        );
        if let Some((certificate, key)) = setup.tls {
            writeln!(config, "  tls: {{certificate: {certificate:?}, key: {key:?}}}").unwrap();
        }
        if let Some(path) = setup.htpasswd {
            writeln!(config, "auth: {{htpasswd: {{realm: test, path: {path:?}}}}}").unwrap();
        }
        let file = dir.join("registry.yml");
        std::fs::write(&file, config).unwrap();
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("docker-registry is installed");
        let started = Self { child, port };
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "docker-registry does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        started
    }

    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Pushes everything of a sample over the API (distribution-spec, "Pushing").
    pub fn fill(&self, repository: &str, tag: &str, sample: &Sample) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let base = format!("http://{}/v2/{repository}", self.host());
        runtime.block_on(async {
            // It speaks plain HTTP, but reqwest insists.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let http = reqwest::Client::new();
            for (digest, blob) in &sample.blobs {
                let begun = http.post(format!("{base}/blobs/uploads/")).send().await.unwrap();
                let location = begun.headers()[LOCATION].to_str().unwrap().to_owned();
                let separator = if location.contains('?') { '&' } else { '?' };
                let url = format!("{location}{separator}digest={digest}");
                let done = http.put(url).body(blob.clone()).send().await.unwrap();
                assert_eq!(done.status(), 201);
            }
            let last = sample.manifests.len() - 1;
            for (n, (digest, media_type, bytes)) in sample.manifests.iter().enumerate() {
                let name = if n == last { tag } else { digest };
                let url = format!("{base}/manifests/{name}");
                let done = http
                    .put(url)
                    .header(CONTENT_TYPE, *media_type)
                    .body(bytes.clone())
                    .send()
                    .await
                    .unwrap();
                assert_eq!(done.status(), 201, "{}", done.text().await.unwrap());
            }
        });
    }
}

impl Drop for Debian {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
