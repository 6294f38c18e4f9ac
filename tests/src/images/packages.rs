//! Files of the distribution's packages, with the shared libraries they need.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::layer::Layer;

/// What a container has no use for: documentation, the host's configuration and service files, just-in-time compilers.
const LEFT_OUT: &[&str] = &[
    "/etc/",
    "/lib/systemd/",
    "/usr/lib/systemd/",
    "/usr/share/doc",
    "/usr/share/man",
    "/usr/share/locale",
    "/usr/share/lintian",
    "/usr/share/bug",
    "/usr/share/icons",
    "/usr/lib/postgresql/15/lib/bitcode",
    "/usr/lib/postgresql/15/lib/llvmjit",
    "/usr/share/zoneinfo/right",
    "/usr/share/zoneinfo/posix",
    "/var/",
];

/// Adds the files of installed packages, and the libraries their programs are linked with.
///
/// # Errors
/// A package is not installed, or a file cannot be read.
pub fn add(layer: &mut Layer, packages: &[&str], programs: &[&str]) -> io::Result<()> {
    let mut files: BTreeSet<PathBuf> = programs.iter().map(PathBuf::from).collect();
    for package in packages {
        let list = output(Command::new("dpkg").args(["-L", package]))?;
        files.extend(list.lines().filter(|path| wanted(path)).map(PathBuf::from));
    }
    files.retain(|path| !path.is_dir() && path.exists());
    let libraries = libraries(&files)?;
    for path in files.iter().chain(&libraries) {
        layer.host_file(path)?;
    }
    Ok(())
}

/// The installed versions of packages, one per line: what the built images depend on.
///
/// # Errors
/// One of them is not installed.
pub fn versions(packages: &[&str]) -> io::Result<String> {
    output(
        Command::new("dpkg-query")
            .args(["-W", "-f", "${Package} ${Version} ${db:Status-Abbrev}\n"])
            .args(packages),
    )
}

fn wanted(path: &str) -> bool {
    path.starts_with('/') && !LEFT_OUT.iter().any(|prefix| path.starts_with(prefix))
}

/// The shared libraries that programs and libraries among `files` need, each with the file its link leads to.
fn libraries(files: &BTreeSet<PathBuf>) -> io::Result<BTreeSet<PathBuf>> {
    let programs: Vec<&PathBuf> = files.iter().filter(|path| is_elf(path)).collect();
    if programs.is_empty() {
        return Ok(BTreeSet::new());
    }
    // ldd fails for a static program among them and lists the others all the same.
    let listed = Command::new("ldd").args(programs).output()?.stdout;
    let mut found = BTreeSet::new();
    for line in String::from_utf8_lossy(&listed).lines() {
        let path = line
            .split_once("=> ")
            .map_or(line.trim(), |(_, path)| path)
            .split(" (")
            .next()
            .unwrap_or_default();
        if line.starts_with('\t') && path.starts_with('/') {
            found.insert(PathBuf::from(path));
            found.insert(std::fs::canonicalize(path)?);
        }
    }
    Ok(found)
}

fn is_elf(path: &Path) -> bool {
    let mut magic = [0; 4];
    File::open(path)
        .and_then(|mut file| file.read_exact(&mut magic))
        .is_ok()
        && magic == *b"\x7fELF"
}

fn output(command: &mut Command) -> io::Result<String> {
    let output = command.output()?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(io::Error::other(format!(
            "{command:?}: {stderr}(make deps installs it)"
        )))
    }
}
