//! Filters compiled once per boot.
//!
//! crun has libseccomp compile the profile at every start, three times as much work as all the rest of a start. It leaves
//! the result beside the container's state, and takes it back in an annotation; so the first container's serves all that
//! follow with the same profile.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use oci_spec::runtime::LinuxSeccomp;
use sha2::{Digest, Sha256};

use crate::store::{Durability, write_atomic};

/// The annotation by which crun takes a compiled filter (crun(1)).
pub const ANNOTATION: &str = "run.oci.seccomp_bpf_data";

/// Where crun leaves the filter in a container's state directory.
const STATE_FILE: &str = "seccomp.bpf";

/// The size of `struct sock_filter`: a filter is a whole number of them.
const INSTRUCTION: usize = 8;

/// Compiled filters of one runtime program.
#[derive(Debug, Clone)]
pub struct FilterCache {
    dir: PathBuf,
    program: String,
}

impl FilterCache {
    /// The cache in `dir`, which nobody else may write, for one program. `None` if the program cannot be looked at.
    pub fn of(dir: &Path, program: &Path) -> Option<Self> {
        let meta = std::fs::metadata(program).ok()?;
        let program = format!(
            "{} {} {} {}.{}",
            meta.dev(),
            meta.ino(),
            meta.size(),
            meta.mtime(),
            meta.mtime_nsec()
        );
        Some(Self {
            dir: dir.to_path_buf(),
            program,
        })
    }

    /// The compiled form of a filter as text for the annotation; or else where it is to be kept once there is one.
    pub fn look_up(&self, filter: &LinuxSeccomp) -> Result<String, PathBuf> {
        let mut hash = Sha256::new();
        hash.update(&self.program);
        hash.update(serde_json::to_vec(filter).unwrap_or_default());
        let path = self.dir.join(hex::encode(hash.finalize()));
        match std::fs::read(&path) {
            Ok(code) if is_filter(&code) => Ok(STANDARD.encode(code)),
            _ => Err(path),
        }
    }
}

/// Keeps the filter that crun has compiled for a container. It only saves time: what fails is tried at the next start.
pub fn keep(state_root: &Path, id: &str, path: &Path) {
    let code = std::fs::read(state_root.join(id).join(STATE_FILE)).unwrap_or_default();
    if is_filter(&code) {
        let _ = write_atomic(path, &code, Durability::ThisBoot);
    }
}

fn is_filter(code: &[u8]) -> bool {
    !code.is_empty() && code.len().is_multiple_of(INSTRUCTION)
}
