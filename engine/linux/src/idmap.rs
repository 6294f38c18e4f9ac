//! Mounts whose owners are shifted by a user namespace: the layers of an image belong to everybody's root on disk, and to
//! the container's root where a container of a user namespace sees them. Nothing is copied (`mount_setattr(2)`).

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::CWD;
use rustix::mount::{MoveMountFlags, move_mount};

use super::mount::{MountError, Overlay, fd_path};
use super::tree;
use super::userns::UserNamespace;

/// overlayfs takes shifted layers since then.
const NEEDED: (u32, u32) = (5, 19);

impl Overlay {
    /// Mounts it at `target`, an existing directory, with the owners of the layers shifted. The writable layer is not: what
    /// is written has shifted owners on disk as well.
    ///
    /// overlayfs of older kernels wants layers that are attached somewhere. They are attached at `target`, below the overlay,
    /// which hides them: meant for the private mount namespace of a start, where they go away with it.
    ///
    /// # Errors
    /// The kernel is older than 5.19, a layer lies on a file system without shifted mounts, or as [`Overlay::mount`].
    pub fn mount_shifted(&self, target: &Path, namespace: &UserNamespace) -> Result<(), MountError> {
        let fail = |path: &Path| MountError::io("shift the owners of", path);
        check_kernel().map_err(fail(target))?;
        let shifted = self
            .lower
            .iter()
            .map(|layer| shifted_at(layer, target, namespace).map_err(fail(layer)));
        let shifted = shifted.collect::<Result<Vec<_>, _>>()?;
        Self {
            lower: shifted.iter().map(fd_path).collect(),
            ..self.clone()
        }
        .mount(target)
    }
}

fn shifted_at(layer: &Path, target: &Path, namespace: &UserNamespace) -> io::Result<OwnedFd> {
    let tree = tree::shifted(layer, namespace.as_fd())?;
    move_mount(&tree, "", CWD, target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
    Ok(tree)
}

fn check_kernel() -> io::Result<()> {
    let name = rustix::system::uname();
    let release = name.release().to_string_lossy();
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map_while(|part| part.parse::<u32>().ok());
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if found >= NEEDED {
        return Ok(());
    }
    let why = format!(
        "user namespaces need Linux {}.{} or newer, this is Linux {release}",
        NEEDED.0, NEEDED.1
    );
    Err(io::Error::new(io::ErrorKind::Unsupported, why))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, chown};
    use std::path::PathBuf;

    use super::*;
    use crate::mount::in_private_namespace;

    fn namespace() -> UserNamespace {
        UserNamespace::create(&[(0, 100_000, 1000)], &[(0, 200_000, 1000)]).unwrap()
    }

    fn layers(dir: &Path, count: usize) -> Vec<PathBuf> {
        let layer = |n: usize| {
            let path = dir.join(format!("layer-{n}"));
            fs::create_dir(&path).unwrap();
            fs::write(path.join(format!("own-{n}")), "x").unwrap();
            chown(path.join(format!("own-{n}")), Some(7), Some(8)).unwrap();
            path
        };
        (0..count).rev().map(layer).collect()
    }

    fn owner(path: &Path) -> (u32, u32) {
        let meta = fs::symlink_metadata(path).unwrap();
        (meta.uid(), meta.gid())
    }

    #[test]
    fn layers_are_shifted_and_changes_are_stored_as_they_are() {
        for count in [1, 2, 120] {
            let dir = tempfile::tempdir().unwrap();
            let at = |name: &str| dir.path().join(name);
            for name in ["upper", "work", "target"] {
                fs::create_dir(at(name)).unwrap();
            }
            let overlay = Overlay {
                lower: layers(dir.path(), count),
                upper: Some((at("upper"), at("work"))),
                volatile: true,
            };
            in_private_namespace(|| {
                overlay.mount_shifted(&at("target"), &namespace()).unwrap();
                for n in [0, count - 1] {
                    assert_eq!(
                        owner(&at("target").join(format!("own-{n}"))),
                        (100_007, 200_008),
                        "{n} of {count}"
                    );
                }
                // Copied up by a change of what is in it.
                fs::write(at("target/own-0"), "y").unwrap();
            })
            .unwrap();
            assert_eq!(owner(&at("upper/own-0")), (100_007, 200_008));
            assert_eq!(owner(&at("layer-0/own-0")), (7, 8));
        }
    }

    #[test]
    fn one_layer_alone_is_read_only() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("target");
        fs::create_dir(&target).unwrap();
        let overlay = Overlay {
            lower: layers(dir.path(), 1),
            upper: None,
            volatile: false,
        };
        in_private_namespace(|| {
            overlay.mount_shifted(&target, &namespace()).unwrap();
            assert_eq!(owner(&target.join("own-0")), (100_007, 200_008));
            assert_eq!(
                fs::write(target.join("new"), "").unwrap_err().raw_os_error(),
                Some(libc::EROFS)
            );
        })
        .unwrap();
    }

    #[test]
    fn a_file_system_without_shifted_mounts_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let overlay = Overlay {
            lower: vec!["/proc".into()],
            upper: None,
            volatile: false,
        };
        let error = in_private_namespace(|| overlay.mount_shifted(dir.path(), &namespace()))
            .unwrap()
            .unwrap_err();
        assert!(error.to_string().contains("/proc"), "{error}");
        assert!(
            std::error::Error::source(&error)
                .unwrap()
                .to_string()
                .contains("idmapped"),
            "{error:?}"
        );
    }
}
