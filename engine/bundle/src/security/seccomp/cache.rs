//! Filters compiled once per boot.
//!
//! To compile a profile is three times as much work as all the rest of a start, and crun has it done at every start. It
//! takes one that is compiled already in an annotation.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use oci_spec::runtime::LinuxSeccomp;

use super::compile::compile;
use unipod_store::{Durability, write_atomic};

/// The annotation by which crun takes a compiled filter (crun(1)).
pub const ANNOTATION: &str = "run.oci.seccomp_bpf_data";

/// Compiled filters, each a file with the text for the annotation.
#[derive(Debug, Clone)]
pub struct FilterCache {
    dir: PathBuf,
}

impl FilterCache {
    /// The cache in `dir`, which nobody else may write.
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_path_buf() }
    }

    /// The text for the annotation. `name` stands for the profile, which is compiled if this boot has not seen it yet;
    /// `None` leaves that to the runtime.
    pub fn get(&self, name: &str, profile: impl FnOnce() -> LinuxSeccomp) -> Option<String> {
        let path = self.dir.join(name);
        if let Ok(text) = std::fs::read_to_string(&path) {
            return Some(text);
        }
        match compile(&profile()) {
            Ok(code) => {
                let text = STANDARD.encode(code);
                // It only saves time: what fails is tried at the next start.
                let _ = write_atomic(&path, text.as_bytes(), Durability::ThisBoot);
                Some(text)
            }
            Err(error) => {
                tracing::debug!("the OCI runtime compiles the system call filter: {error}");
                None
            }
        }
    }
}
