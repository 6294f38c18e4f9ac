//! Programs of the host in a machine whose root is another distribution's.
//!
//! The tests' own tools are not the matter under test: where the root lacks one, the host's is used. The host's root is
//! visible read-only at [`HOST`]; a script in `/usr/local/bin` runs the program from there with the host's own libraries.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Where the host's root is inside, in a machine with another one.
pub const HOST: &str = "/run/host";

/// The tests' tools that distributions do not install by themselves, or do not have.
const PROGRAMS: &[&str] = &["curl", "docker-registry", "skopeo", "socat", "strace", "umoci"];

/// Programs without libraries, which tests also copy into containers.
const STATIC: &[&str] = &["busybox"];

/// The directories where programs lie.
const BIN: [&str; 2] = ["usr/bin", "usr/sbin"];

/// Makes the host's tools available in the machine's root where it has none of that name.
///
/// # Errors
/// The host has not got one either, or the overlay refuses a write.
pub fn carry(root: &Path) -> io::Result<()> {
    let local = root.join("usr/local/bin");
    fs::create_dir_all(&local)?;
    for name in PROGRAMS.iter().filter(|name| find(root, name).is_none()) {
        let path = local.join(name);
        fs::write(&path, script(&on_host(name)?)?)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    for name in STATIC.iter().filter(|name| find(root, name).is_none()) {
        symlink(inside(&on_host(name)?), local.join(name))?;
    }
    Ok(())
}

fn find(root: &Path, name: &str) -> Option<PathBuf> {
    BIN.iter()
        .map(|dir| root.join(dir).join(name))
        .find(|path| path.exists())
}

fn on_host(name: &str) -> io::Result<PathBuf> {
    find(Path::new("/"), name).ok_or_else(|| io::Error::other(format!("no program `{name}` (make deps installs it)")))
}

/// A script that runs a program of the host under the host's dynamic loader, beside which Debian keeps the libraries.
fn script(program: &Path) -> io::Result<String> {
    let loader = fs::canonicalize("/usr/bin/ld.so")?;
    let libraries = loader.parent().unwrap_or(Path::new("/"));
    Ok(format!(
        "#!/bin/sh\nexec {} --library-path {} {} \"$@\"\n",
        inside(&loader).display(),
        inside(libraries).display(),
        inside(program).display()
    ))
}

fn inside(path: &Path) -> PathBuf {
    Path::new(HOST).join(path.strip_prefix("/").unwrap_or(path))
}
