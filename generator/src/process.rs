//! What a run takes from its process: the only place of the library that reads the environment.

use std::env;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use crate::{Environment, Host, engine_path};

/// Where this process's user, or the system, keeps unit files.
pub fn environment(user_mode: bool) -> Environment {
    let path = |name: &str| env::var_os(name).map(PathBuf::from);
    Environment {
        root: PathBuf::from("/"),
        user_mode,
        uid: if user_mode { own_uid() } else { 0 },
        unit_dirs: env::var_os("QUADLET_UNIT_DIRS"),
        xdg_runtime_dir: path("XDG_RUNTIME_DIR"),
        xdg_config_home: path("XDG_CONFIG_HOME"),
        home: path("HOME"),
    }
}

/// This machine; the engine is `UNIPOD_ENGINE`, then `PODMAN`, then the installed one.
pub fn host(user_mode: bool) -> Host {
    let given = |name: &str| env::var(name).ok().filter(|engine| !engine.is_empty());
    Host {
        engine: given("UNIPOD_ENGINE")
            .or_else(|| given("PODMAN"))
            .unwrap_or_else(engine_path),
        user_mode,
        root: PathBuf::from("/"),
    }
}

/// The owner of a process's own entry in /proc is its user.
fn own_uid() -> u32 {
    std::fs::metadata("/proc/self").map_or(0, |metadata| metadata.uid())
}
