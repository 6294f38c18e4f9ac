//! What a container mounts beside its root: named and anonymous volumes, images, secrets. Host paths, `tmpfs` and the like
//! need nothing from the store; the runtime module reads them from the options itself.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use super::record::{Record, VolumeUse};
use super::{ContainerError, rootfs};
use crate::image::{self, Image};
use crate::runtime::HostMount;
use crate::runtime::volumes::{self, MountRequest, MountSource};
use crate::secret::{self, SecretUse, Target};
use crate::store::{Store, StoreError, id, mount};
use crate::volume::{self, Volume, Wanted};

/// Everything with a path on the host now, and secrets that become environment variables.
#[derive(Debug, Default)]
pub struct Storage {
    /// To be mounted.
    pub mounts: Vec<HostMount>,
    /// Names and values.
    pub secret_env: Vec<(String, String)>,
}

/// Makes, fills and mounts what the container asks for. `root` is its mounted root file system.
///
/// Volumes made here are in the record, on disk, before they exist: whoever removes the container finds them.
///
/// # Errors
/// A mount is malformed, or what it names is not there and cannot be made.
pub fn resolve(
    store: &Store,
    record: &mut Record,
    image: Option<&Image>,
    root: &Path,
) -> Result<Storage, ContainerError> {
    let declared = image.and_then(|i| i.config.config().as_ref()).and_then(|c| c.volumes().clone()).unwrap_or_default();
    let requests = volumes::parse(&record.options, &declared)?;
    claim_volumes(store, record, &requests)?;
    let mut storage = Storage::default();
    let mut claimed = record.volumes.clone().into_iter();
    for (number, request) in requests.iter().enumerate() {
        let source = match &request.source {
            MountSource::NamedVolume { .. } | MountSource::Anonymous => {
                let used = claimed.next().expect("every volume was claimed");
                volume_source(store, record, &used, request, root)?
            }
            MountSource::Image { reference, subpath, writable } => {
                let target = mount_point(store, record, number);
                image_source(store, record, reference, writable.then_some(number), &target)?;
                below(&target, subpath.as_deref())?
            }
            _ => continue,
        };
        storage.mounts.push(HostMount { source, destination: request.destination.clone(), options: request.options.clone() });
    }
    add_secrets(store, record, &mut storage)?;
    record.mounts.clone_from(&storage.mounts);
    Ok(storage)
}

/// One [`VolumeUse`] per volume request, in order. A restarted container keeps its anonymous volumes.
fn claim_volumes(store: &Store, record: &mut Record, requests: &[MountRequest]) -> Result<(), ContainerError> {
    let mut kept = std::mem::take(&mut record.volumes).into_iter().filter(|v| v.anonymous);
    for request in requests {
        let used = match &request.source {
            MountSource::NamedVolume { name, .. } => VolumeUse { name: name.clone(), anonymous: false },
            MountSource::Anonymous => {
                kept.next().unwrap_or_else(|| VolumeUse { name: id::random_hex(32), anonymous: true })
            }
            _ => continue,
        };
        record.volumes.push(used);
    }
    if record.volumes.is_empty() { Ok(()) } else { Ok(record.save(store)?) }
}

fn volume_source(
    store: &Store,
    record: &Record,
    used: &VolumeUse,
    request: &MountRequest,
    root: &Path,
) -> Result<PathBuf, ContainerError> {
    let wanted = Wanted { name: Some(used.name.clone()), anonymous: used.anonymous, ..Wanted::default() };
    let volume = match volume::find_exact(store, &used.name)? {
        Some(volume) => volume,
        // Like podman and docker: a volume that nobody has made yet is made here.
        None => volume::create(store, &wanted, false)
            .or_else(|_| volume::find(store, &used.name).map(volume::Created::Same))?
            .volume(),
    };
    let host = attach(store, record, &volume)?;
    if !request.options.iter().any(|o| o == "nocopy") {
        volume.populate(store, &host, root, &request.destination, None)?;
    }
    match &request.source {
        MountSource::NamedVolume { subpath, .. } => below(&host, subpath.as_deref()),
        _ => Ok(host),
    }
}

fn attach(store: &Store, record: &Record, volume: &Volume) -> Result<PathBuf, ContainerError> {
    let Some(reference) = volume.image() else { return Ok(volume.attach()?) };
    let target = store.bundle(record.id.as_str()).join("mounts").join(&volume.name);
    image_source(store, record, reference, None, &target)?;
    Ok(target)
}

fn mount_point(store: &Store, record: &Record, number: usize) -> PathBuf {
    store.bundle(record.id.as_str()).join("mounts").join(number.to_string())
}

/// Mounts an image at `target`; with a number, changes go to a layer of that number beside the container's own.
fn image_source(
    store: &Store,
    record: &Record,
    reference: &str,
    writable: Option<usize>,
    target: &Path,
) -> Result<(), ContainerError> {
    let image = image::find(store, reference)?.ok_or_else(|| ContainerError::ImageGone(reference.to_owned()))?;
    let upper = writable.map(|n| store.container_data(record.id.as_str(), record.lifecycle.rm).join(format!("image-{n}")));
    rootfs::mount_image(&image, upper.as_deref(), target)
}

/// A path below a volume or image that its content may not lead out of.
fn below(host: &Path, subpath: Option<&Path>) -> Result<PathBuf, ContainerError> {
    let Some(subpath) = subpath else { return Ok(host.to_owned()) };
    let failed = |source| ContainerError::Io { action: "find the subpath", path: host.join(subpath), source };
    let found = pathrs::Root::open(host)
        .and_then(|root| root.resolve(subpath))
        .map_err(|e| failed(std::io::Error::other(e)))?;
    fs::read_link(mount::fd_path(&found)).map_err(failed)
}

/// Secrets become files in the bundle, which lies in memory and is readable by nobody else.
fn add_secrets(store: &Store, record: &Record, storage: &mut Storage) -> Result<(), ContainerError> {
    let dir = store.bundle(record.id.as_str()).join("secrets");
    for (number, text) in record.options.secrets.iter().enumerate() {
        let SecretUse { secret, target } = secret::parse_use(text)?;
        let (_, data) = secret::find(store, &secret)?;
        match target {
            Target::Environment(name) => {
                storage.secret_env.push((name, String::from_utf8_lossy(data.expose()).into_owned()));
            }
            Target::File { path, uid, gid, mode } => {
                let source = dir.join(number.to_string());
                write_secret(&source, data.expose(), uid, gid, mode)?;
                storage.mounts.push(HostMount { source, destination: path, options: vec!["ro".to_owned()] });
            }
        }
    }
    Ok(())
}

fn write_secret(path: &Path, data: &[u8], uid: u32, gid: u32, mode: u32) -> Result<(), StoreError> {
    let dir = path.parent().unwrap_or(Path::new("/"));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(StoreError::io("create", dir))?;
    fs::write(path, data).map_err(StoreError::io("write", path))?;
    chown(path, Some(uid), Some(gid)).map_err(StoreError::io("set the owner of", path))?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(StoreError::io("set the mode of", path))
}
