//! Pulls from Debian's docker-registry, and from a small server that misbehaves on demand.

mod behaviour;
mod credentials;
mod debian;
mod fake;
mod files;
mod real;
mod sample;
mod search;
mod tags;

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use super::endpoints::with_causes;
use super::task::Pull;
use super::*;
use crate::blobs::Blobs;
use crate::platform::Platform;
use crate::registries::Registries;
use crate::tracker::Tracker;
use crate::{Image, Progress, PullOptions, PullPolicy, find, records};
use sample::Sample;
use unipod_store::{Lock, Store};

/// Remembers the status lines.
#[derive(Debug, Default)]
struct Recorder {
    lines: Mutex<Vec<(String, u64, u64)>>,
}

impl Progress for Recorder {
    fn report(&self, status: &str, done: u64, total: u64) {
        self.lines.lock().unwrap().push((status.to_owned(), done, total));
    }
}

impl Recorder {
    fn last(&self) -> (String, u64, u64) {
        self.lines.lock().unwrap().last().cloned().unwrap_or_default()
    }
}

fn store(dir: &Path) -> Store {
    Store::at(dir.join("data"), dir.join("run")).unwrap()
}

/// As `--tls-verify=false --retry-delay=10ms`, with an empty file of credentials.
fn options(dir: &Path) -> PullOptions {
    let authfile = dir.join("auth.json");
    if !authfile.exists() {
        std::fs::write(&authfile, "{}").unwrap();
    }
    PullOptions {
        tls_verify: Some(false),
        authfile: Some(authfile),
        retry_delay: Some("10ms".into()),
        ..PullOptions::default()
    }
}

fn pulled(store: &Store, name: &str, options: &PullOptions) -> Result<Image, String> {
    ensure(store, name, options, &Recorder::default()).map_err(|e| with_causes(&e))
}

/// What `path` holds in the image, looked for in its layers from the top.
fn content(image: &Image, path: &str) -> Option<String> {
    image
        .layers
        .iter()
        .rev()
        .find_map(|layer| std::fs::read_to_string(layer.join(path)).ok())
}
