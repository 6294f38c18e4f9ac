//! What a container mounts beside its root: named and anonymous volumes, images, secrets. Host paths, `tmpfs` and the like
//! need nothing from the store; the runtime module reads them from the options itself.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::record::{Record, VolumeUse};
use super::userns::Users;
use super::{ContainerError, rootfs};
use unipod_bundle as bundle;
use unipod_bundle::HostMount;
use unipod_bundle::mounts::volumes::{self, MountRequest, MountSource};
use unipod_image::{self as image, Image};
use unipod_linux::inside::open_in_root;
use unipod_linux::mount;
use unipod_secret::{self as secret, SecretUse, Target};
use unipod_store::{Store, StoreError, id, set_mode};
use unipod_volume::{self as volume, Volume, Wanted};

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
/// A mount is malformed, or what it names is missing and cannot be made.
pub fn resolve(
    store: &Store,
    record: &mut Record,
    image: Option<&Image>,
    users: Option<&Users>,
    root: &Path,
) -> Result<Storage, ContainerError> {
    let declared = image
        .and_then(|i| i.config.config().as_ref())
        .and_then(|c| c.volumes().clone())
        .unwrap_or_default();
    let requests = volumes::parse(&record.options, &declared)?;
    claim_volumes(store, record, &requests)?;
    record.mounted_images.clear();
    let volumes = record.volumes.clone();
    let user = record
        .options
        .user
        .clone()
        .or_else(|| of_image(image))
        .unwrap_or_default();
    let mut place = Place {
        store,
        record,
        users,
        root,
        user: &user,
    };
    let mut storage = Storage::default();
    let mut claimed = volumes.iter();
    for (number, request) in requests.iter().enumerate() {
        let mut options = request.options.clone();
        let source = match &request.source {
            MountSource::NamedVolume { .. } | MountSource::Anonymous => {
                let (volume, source) =
                    place.volume_source(claimed.next().expect("every volume was claimed"), request)?;
                restrict(&mut options, &volume.parsed_options()?.mount);
                source
            }
            MountSource::Image {
                reference,
                subpath,
                writable,
            } => {
                let target = place.mount_point(number);
                place.image_source(reference, writable.then_some(number), &target)?;
                below(&target, subpath.as_deref())?
            }
            _ => continue,
        };
        storage.mounts.push(HostMount {
            source,
            destination: request.destination.clone(),
            options,
        });
    }
    place.add_secrets(&mut storage)?;
    record.mounts.clone_from(&storage.mounts);
    if users.is_some() {
        bring_near(store, record, &mut storage.mounts)?;
    }
    Ok(storage)
}

/// Whether the mount shows its owners shifted as the user namespace maps them.
fn is_shifted(request: &MountRequest) -> bool {
    let shifts = |option: &String| option == "idmap" || option.starts_with("idmap=");
    request.options.iter().any(shifts)
}

/// The user that the image's programs run as.
fn of_image(image: Option<&Image>) -> Option<String> {
    image?.config.config().as_ref()?.user().clone()
}

/// The root of a user namespace mounts what it is given from where it may pass, and that is not the data directory: volumes
/// are attached in the bundle, in the start's own mount namespace.
fn bring_near(store: &Store, record: &Record, mounts: &mut [HostMount]) -> Result<(), ContainerError> {
    for (number, mount) in mounts.iter_mut().enumerate() {
        if mount.source.starts_with(store.data()) {
            let near = store
                .bundle(record.id.as_str())
                .join("mounts")
                .join(format!("volume-{number}"));
            mount::bind_tree(&mount.source, &near)?;
            mount.source = near;
        }
    }
    Ok(())
}

/// A volume has neither set-user-id programs nor devices unless somebody says otherwise (podman-run(1), `--volume`), and what its
/// own definition forbids stays forbidden.
fn restrict(options: &mut Vec<String>, of_volume: &[String]) {
    for (forbidden, allowed) in [("nosuid", "suid"), ("nodev", "dev")] {
        if !options.iter().any(|option| option == forbidden || option == allowed) {
            options.push(forbidden.to_owned());
        }
    }
    for flag in ["nosuid", "nodev", "noexec", "ro"] {
        if of_volume.iter().any(|option| option == flag) {
            let opposite = flag.strip_prefix("no").unwrap_or("rw");
            options.retain(|option| option != flag && option != opposite);
            options.push(flag.to_owned());
        }
    }
}

/// One [`VolumeUse`] per volume request, in order. A restarted container keeps its anonymous volumes.
fn claim_volumes(store: &Store, record: &mut Record, requests: &[MountRequest]) -> Result<(), ContainerError> {
    let mut kept = std::mem::take(&mut record.volumes).into_iter().filter(|v| v.anonymous);
    for request in requests {
        let used = match &request.source {
            MountSource::NamedVolume { name, .. } => VolumeUse {
                name: name.clone(),
                anonymous: false,
            },
            MountSource::Anonymous => kept.next().unwrap_or_else(|| VolumeUse {
                name: id::random_hex(32),
                anonymous: true,
            }),
            _ => continue,
        };
        record.volumes.push(used);
    }
    if record.volumes.is_empty() {
        Ok(())
    } else {
        Ok(record.save(store)?)
    }
}

/// For whom, and below which root.
struct Place<'a> {
    store: &'a Store,
    record: &'a mut Record,
    users: Option<&'a Users>,
    root: &'a Path,
    /// The user that its first process runs as, as it is written.
    user: &'a str,
}

impl Place<'_> {
    fn volume_source(&mut self, used: &VolumeUse, request: &MountRequest) -> Result<(Volume, PathBuf), ContainerError> {
        let store = self.store;
        let found = volume::find_exact(store, &used.name)?;
        let is_new = found.is_none();
        let volume = found.map_or_else(|| self.new_volume(used), Ok)?;
        let host = self.attach(&volume)?;
        let owner = volume.is_fresh(store)?.then(|| self.owner(request)).transpose()?;
        if !request.options.iter().any(|o| o == "nocopy") {
            let as_inside = |uid, gid| self.as_inside(request, uid, gid);
            volume.populate(store, &host, self.root, &request.destination, owner, &as_inside)?;
        } else if let Some((uid, gid)) = owner.filter(|_| is_new) {
            chown(&host, Some(uid), Some(gid)).map_err(StoreError::io("set the owner of", &host))?;
        }
        let source = match &request.source {
            MountSource::NamedVolume { subpath, .. } => below(&host, subpath.as_deref())?,
            _ => host,
        };
        Ok((volume, source))
    }

    /// Whose a volume is that is used for the first time, unless the image or its own definition say more: the container's
    /// user's. A mount that shifts its owners shows the same numbers inside as on the disk.
    fn owner(&self, request: &MountRequest) -> Result<(u32, u32), ContainerError> {
        let (uid, gid) = bundle::process::users::numbers(self.root, self.user)?;
        match self.users {
            Some(users) if !is_shifted(request) => users.on_host(uid, gid),
            _ => Ok((uid, gid)),
        }
    }

    /// Whose a file is on the disk that belongs to these in the container's root, seen from the host.
    fn as_inside(&self, request: &MountRequest, uid: u32, gid: u32) -> (u32, u32) {
        match self.users {
            Some(users) if is_shifted(request) => users.mappings.inside(uid, gid).unwrap_or((uid, gid)),
            _ => (uid, gid),
        }
    }

    /// Like podman and docker: a volume that nobody has made yet is made here.
    fn new_volume(&self, used: &VolumeUse) -> Result<Volume, ContainerError> {
        let wanted = Wanted {
            name: Some(used.name.clone()),
            anonymous: used.anonymous,
            boot: (used.anonymous && self.record.lifecycle.rm).then(|| self.store.stamp().to_owned()),
            ..Wanted::default()
        };
        let created = volume::create(self.store, &wanted, false);
        Ok(created
            .or_else(|_| volume::find(self.store, &used.name).map(volume::Created::Same))?
            .volume())
    }

    fn attach(&mut self, volume: &Volume) -> Result<PathBuf, ContainerError> {
        let Some(reference) = volume.image() else {
            return Ok(volume.attach()?);
        };
        let target = self
            .store
            .bundle(self.record.id.as_str())
            .join("mounts")
            .join(&volume.name);
        self.image_source(reference, None, &target)?;
        Ok(target)
    }

    fn mount_point(&self, number: usize) -> PathBuf {
        self.store
            .bundle(self.record.id.as_str())
            .join("mounts")
            .join(number.to_string())
    }

    /// Mounts an image at `target`; with a number, changes go to a layer of that number beside the container's own. From here
    /// on the container uses that image, too.
    fn image_source(&mut self, reference: &str, writable: Option<usize>, target: &Path) -> Result<(), ContainerError> {
        let Self {
            store, record, users, ..
        } = self;
        let find = || image::find(store, reference)?.ok_or_else(|| ContainerError::ImageGone(reference.to_owned()));
        let (image, lock) = image::keep(store, find()?, find)?;
        record.mounted_images.push(image.id.clone());
        record.save(store)?;
        drop(lock);
        let data = store.container_data(record.id.as_str(), record.lifecycle.rm);
        let upper = writable.map(|n| data.join(format!("image-{n}")));
        rootfs::mount_image(&image, *users, upper.as_deref(), target)
    }

    /// Secrets become files in the bundle, which lies in memory and is readable by nobody else.
    fn add_secrets(&self, storage: &mut Storage) -> Result<(), ContainerError> {
        let dir = self.store.bundle(self.record.id.as_str()).join("secrets");
        for (number, text) in self.record.options.secrets.iter().enumerate() {
            let SecretUse { secret, target } = secret::parse_use(text)?;
            let (_, data) = secret::find(self.store, &secret)?;
            match target {
                Target::Environment(name) => {
                    storage
                        .secret_env
                        .push((name, String::from_utf8_lossy(data.expose()).into_owned()));
                }
                Target::File { path, uid, gid, mode } => {
                    let source = dir.join(number.to_string());
                    let (uid, gid) = self.users.map_or(Ok((uid, gid)), |users| users.on_host(uid, gid))?;
                    write_secret(&source, data.expose(), uid, gid, mode)?;
                    self.users.map_or(Ok(()), |users| users.let_through(&dir))?;
                    storage.mounts.push(HostMount {
                        source,
                        destination: path,
                        // All flags that /run may have: one that is missing counts as taken away, which a user namespace forbids.
                        options: ["ro", "nosuid", "nodev", "noexec"].map(str::to_owned).to_vec(),
                    });
                }
            }
        }
        Ok(())
    }
}

/// A path below a volume or image that its content may not lead out of.
fn below(host: &Path, subpath: Option<&Path>) -> Result<PathBuf, ContainerError> {
    let Some(subpath) = subpath else {
        return Ok(host.to_owned());
    };
    let failed = |source| ContainerError::Io {
        action: "find the subpath",
        path: host.join(subpath),
        source,
    };
    let root = fs::File::open(host).map_err(failed)?;
    let found = open_in_root(&root, subpath, OFlags::PATH).map_err(|error| failed(error.into()))?;
    fs::read_link(mount::fd_path(&found)).map_err(failed)
}

fn write_secret(path: &Path, data: &[u8], uid: u32, gid: u32, mode: u32) -> Result<(), StoreError> {
    let dir = path.parent().unwrap_or(Path::new("/"));
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(StoreError::io("create", dir))?;
    fs::write(path, data).map_err(StoreError::io("write", path))?;
    chown(path, Some(uid), Some(gid)).map_err(StoreError::io("set the owner of", path))?;
    set_mode(path, mode)
}
