//! Mounts that were asked for, in the form of the OCI runtime specification.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::Path;

use oci_spec::runtime::Mount;

use crate::mounts::oci::mount;
use crate::mounts::options::{self, MountOptions};
use crate::mounts::volumes::{self, MountRequest, MountSource};
use crate::{BundleError, BundleRequest, HostMount};
use unipod_store::chown_tree;

/// The mounts that the caller has resolved, and those of the options that need no resolving.
pub fn mounts(request: &BundleRequest<'_>, owner: (u32, u32)) -> Result<Vec<Mount>, BundleError> {
    let mut work = Work {
        bundle: &request.bundle,
        owner,
        overlays: 0,
        root: request.id_mappings.as_ref().and_then(|maps| maps.on_host(0, 0)),
    };
    let mut all = Vec::new();
    for HostMount {
        source,
        destination,
        options,
    } in &request.mounts
    {
        all.push(work.host_path(source, destination, options, "--mount", &destination.to_string_lossy())?);
    }
    let config = request.image.and_then(|image| image.config().as_ref());
    let image_volumes = config.and_then(|config| config.volumes().clone()).unwrap_or_default();
    for wanted in volumes::parse(request.options, &image_volumes)? {
        work.add(&wanted, &mut all)?;
    }
    Ok(all)
}

struct Work<'a> {
    bundle: &'a Path,
    owner: (u32, u32),
    overlays: u32,
    /// The host's IDs of the root of a user namespace, who makes the overlays in it.
    root: Option<(u32, u32)>,
}

impl Work<'_> {
    fn add(&mut self, wanted: &MountRequest, all: &mut Vec<Mount>) -> Result<(), BundleError> {
        let (option, value) = (wanted.origin.option(), wanted.origin.value.as_str());
        let fixed = |typ: &str, flags: &[&str]| mount(&wanted.destination, typ, typ, flags);
        match &wanted.source {
            MountSource::HostPath(path) => {
                if let Err(e) = fs::metadata(path) {
                    return Err(wanted.origin.invalid(format!("statfs {}: {e}", path.display())));
                }
                all.push(self.host_path(path, &wanted.destination, &wanted.options, option, value)?);
            }
            MountSource::Glob(pattern) => {
                for path in glob(pattern).map_err(|reason| wanted.origin.invalid(reason))? {
                    let destination = wanted.destination.join(path.file_name().unwrap_or_default());
                    all.push(self.host_path(&path, &destination, &wanted.options, option, value)?);
                }
            }
            MountSource::Tmpfs => {
                let options = options::tmpfs(&wanted.options, option, value)?;
                all.push(fixed("tmpfs", &options.iter().map(String::as_str).collect::<Vec<_>>()));
            }
            MountSource::Ramfs => all.push(fixed("ramfs", &["nosuid", "nodev"])),
            MountSource::Devpts => all.push(fixed(
                "devpts",
                &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"],
            )),
            // These came in resolved, as the request's own mounts.
            MountSource::NamedVolume { .. }
            | MountSource::Anonymous
            | MountSource::Image { .. }
            | MountSource::Artifact(_) => {}
        }
        Ok(())
    }

    fn host_path(
        &mut self,
        source: &Path,
        destination: &Path,
        options: &[String],
        option: &'static str,
        value: &str,
    ) -> Result<Mount, BundleError> {
        let MountOptions {
            kernel,
            chown,
            overlay,
            nocopy: _,
        } = options::parse(options, true, option, value)?;
        if chown {
            let (uid, gid) = self.owner;
            chown_tree(source, uid, gid).map_err(BundleError::io("change the owner of", source))?;
        }
        if overlay {
            return self.overlay(source, destination, &kernel);
        }
        let mut oci = mount(
            destination,
            "bind",
            "",
            &kernel.iter().map(String::as_str).collect::<Vec<_>>(),
        );
        oci.set_source(Some(source.to_path_buf()));
        Ok(oci)
    }

    /// `O`: the source below, what the container writes above it in the bundle.
    fn overlay(&mut self, source: &Path, destination: &Path, kernel: &[String]) -> Result<Mount, BundleError> {
        let dir = self.bundle.join("overlay").join(self.overlays.to_string());
        self.overlays += 1;
        let (upper, work) = (dir.join("upper"), dir.join("work"));
        for part in [&upper, &work] {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(part)
                .map_err(BundleError::io("create", part))?;
        }
        let meta = fs::metadata(source).map_err(BundleError::io("read", source))?;
        fs::set_permissions(&upper, fs::Permissions::from_mode(meta.mode() & 0o7777))
            .map_err(BundleError::io("write", &upper))?;
        let owner = self.root.unwrap_or((meta.uid(), meta.gid()));
        chown(&upper, Some(owner.0), Some(owner.1)).map_err(BundleError::io("write", &upper))?;
        if let Some((uid, gid)) = self.root {
            for part in [dir.as_path(), self.bundle.join("overlay").as_path(), work.as_path()] {
                chown(part, Some(uid), Some(gid)).map_err(BundleError::io("change the owner of", part))?;
            }
        }
        let given = |key: &str| kernel.iter().find(|text| text.starts_with(key)).cloned();
        let path = |key: &str, path: &Path| format!("{key}{}", path.to_string_lossy().replace(':', "\\:"));
        let mut options = vec![
            path("lowerdir=", source),
            given("upperdir=").unwrap_or_else(|| path("upperdir=", &upper)),
            given("workdir=").unwrap_or_else(|| path("workdir=", &work)),
            "rprivate".to_owned(),
        ];
        // `trusted.*` attributes are out of reach in a user namespace.
        options.extend(self.root.map(|_| "userxattr".to_owned()));
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        Ok(mount(destination, "overlay", "overlay", &options))
    }
}

/// The paths that a pattern matches; `*` and `?` in its last component only.
fn glob(pattern: &str) -> Result<Vec<std::path::PathBuf>, String> {
    let (parent, name) = pattern.rsplit_once('/').ok_or("the pattern is no absolute path")?;
    if parent.contains(['*', '?', '[']) || name.contains('[') {
        return Err("only * and ? in the last component of a pattern are supported yet".to_owned());
    }
    let dir = if parent.is_empty() { "/" } else { parent };
    let entries = fs::read_dir(dir).map_err(|e| format!("{dir}: {e}"))?;
    let mut all: Vec<_> = entries
        .flatten()
        .filter(|entry| fits(name.as_bytes(), entry.file_name().as_encoded_bytes()))
        .map(|entry| entry.path())
        .collect();
    all.sort();
    if all.is_empty() {
        Err("no file of the host matches the pattern".to_owned())
    } else {
        Ok(all)
    }
}

fn fits(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => fits(rest, name) || name.split_first().is_some_and(|(_, tail)| fits(pattern, tail)),
        (Some((wanted, rest)), Some((have, tail))) => (*wanted == b'?' || wanted == have) && fits(rest, tail),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("*.conf", "a.conf", true),
            ("*.conf", "a.txt", false),
            ("a?c*", "abc", true),
            ("*", "", true),
            ("a", "ab", false),
        ] {
            assert_eq!(fits(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_tree_is_given_away_without_following_links() {
        let dir = tempfile::tempdir().unwrap();
        let (tree, outside) = (dir.path().join("tree"), dir.path().join("outside"));
        fs::create_dir_all(tree.join("deep")).unwrap();
        fs::write(&outside, "").unwrap();
        std::os::unix::fs::symlink(&outside, tree.join("deep/link")).unwrap();
        chown_tree(&tree, 4711, 4712).unwrap();
        assert_eq!(fs::symlink_metadata(tree.join("deep/link")).unwrap().uid(), 4711);
        assert_ne!(fs::metadata(&outside).unwrap().uid(), 4711);
    }
}
