//! The container's root file system: the image's layers with a writable one on top, mounted in the engine's private
//! mount namespace, where it ends with the container.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::path::{Path, PathBuf};

use super::record::Record;
use super::userns::Users;
use super::{ContainerError, mount_points, remove};
use unipod_image::Image;
use unipod_linux::mount::Overlay;
use unipod_store::{Store, StoreError, remove_tree, set_mode};

/// Mounts the root file system and returns where.
///
/// # Errors
/// The writable layer cannot be made, or the kernel refuses the mount.
pub fn mount(
    store: &Store,
    record: &Record,
    image: Option<&Image>,
    users: Option<&Users>,
) -> Result<PathBuf, ContainerError> {
    if let Some(dir) = &record.options.rootfs {
        return fs::canonicalize(dir).map_err(|source| ContainerError::Io {
            action: "use as root file system",
            path: dir.clone(),
            source,
        });
    }
    let image = image.ok_or_else(|| ContainerError::ImageGone(record.options.image.clone()))?;
    let target = store.bundle(record.id.as_str()).join("rootfs");
    make_dir(&target, 0o755)?;
    let writable = writable_layer(store, record, users)?;
    let below = mount_points::below_image(store, &record.options)?;
    let lower = image.layers.iter().rev().cloned().chain(below).collect();
    let overlay = Overlay {
        lower,
        upper: Some(writable),
        volatile: record.lifecycle.rm,
    };
    mount_for(users, &overlay, &target)?;
    Ok(target)
}

/// Mounts an image's content at `target`, for `--mount type=image`; read-only unless changes go to a directory.
///
/// # Errors
/// The kernel refuses the mount.
pub fn mount_image(
    image: &Image,
    users: Option<&Users>,
    changes: Option<&Path>,
    target: &Path,
) -> Result<(), ContainerError> {
    make_dir(target, 0o755)?;
    let upper = changes.map(|dir| upper_and_work(dir, users)).transpose()?;
    let lower = image.layers.iter().rev().cloned().collect();
    mount_for(
        users,
        &Overlay {
            lower,
            upper,
            volatile: false,
        },
        target,
    )
}

fn mount_for(users: Option<&Users>, overlay: &Overlay, target: &Path) -> Result<(), ContainerError> {
    Ok(match users {
        Some(users) => overlay.mount_shifted(target, &users.namespace),
        None => overlay.mount(target),
    }?)
}

fn writable_layer(store: &Store, record: &Record, users: Option<&Users>) -> Result<(PathBuf, PathBuf), ContainerError> {
    let dir = store.container_data(record.id.as_str(), record.lifecycle.rm);
    if record.lifecycle.rm && make_boot_dir(store, &dir)? {
        remove::sweep_earlier_boots(store)?;
    }
    if record.lifecycle.rm {
        // What a start before has left here: the kernel takes an overlay that is never synced only once, unless its mark goes.
        remove_tree(&dir.join("work"))?;
    }
    upper_and_work(&dir, users)
}

fn upper_and_work(dir: &Path, users: Option<&Users>) -> Result<(PathBuf, PathBuf), ContainerError> {
    let (upper, work) = (dir.join("upper"), dir.join("work"));
    make_dir(dir, 0o700)?;
    make_dir(&upper, 0o755)?;
    make_dir(&work, 0o700)?;
    // What the container's users see of `/` is this directory's mode, whatever the engine's umask was.
    set_mode(&upper, 0o755)?;
    if let Some(users) = users {
        // The root directory of the container is the container's.
        let (uid, gid) = users.root()?;
        chown(&upper, Some(uid), Some(gid)).map_err(StoreError::io("set the owner of", &upper))?;
    }
    Ok((upper, work))
}

/// Makes the directory of this boot. Returns whether this container is the boot's first.
fn make_boot_dir(store: &Store, dir: &Path) -> Result<bool, StoreError> {
    let Some(boot) = dir.parent().filter(|boot| !boot.exists()) else {
        return Ok(false);
    };
    make_dir(&store.ephemeral(), 0o700)?;
    match fs::DirBuilder::new().mode(0o700).create(boot) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(e) => Err(StoreError::io("create", boot)(e)),
    }
}

fn make_dir(dir: &Path, mode: u32) -> Result<(), StoreError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(dir)
        .map_err(StoreError::io("create", dir))
}
