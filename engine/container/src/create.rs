//! Making a container: its name is claimed, its image is there, its record is on disk. Nothing runs yet.

use super::pod::PodUse;
use super::record::{self, ImageUse, Lifecycle, Record, SdNotify, UnitUse};
use super::remove::{self, RemoveOptions};
use super::{ContainerError, health, leftover, names, transient};
use unipod_bundle::ContainerOptions;
use unipod_bundle::values::signal;
use unipod_image::Image;
use unipod_runtime::OciRuntime;
use unipod_store::{ContainerId, Lock, Store};

/// Seconds between the stop signal and SIGKILL unless said otherwise: podman-stop(1).
pub const DEFAULT_STOP_TIMEOUT: u32 = 10;

/// What is to be made.
#[derive(Debug)]
pub struct CreateRequest<'a> {
    /// What was asked for.
    pub options: ContainerOptions,
    /// How it lives.
    pub lifecycle: Lifecycle,
    /// The image, in the store; `None` with `--rootfs`.
    pub image: Option<&'a Image>,
    /// Who will start it.
    pub supervisor: Supervisor,
    /// The pod that it is to be in.
    pub pod: Option<PodUse>,
}

/// Who starts a container and learns of its end.
#[derive(Debug, Clone)]
pub enum Supervisor {
    /// The engine itself, in the foreground.
    Engine,
    /// The unit that has called us.
    Unit(UnitUse),
    /// A transient unit of its own.
    Transient,
}

/// A name that nobody else can take while this is held, and the OCI runtime that is to run its container.
#[derive(Debug)]
pub struct Claim {
    runtime: OciRuntime,
    name: String,
    lock: Lock,
}

/// A container that was made, and the lock on its name.
#[derive(Debug)]
pub struct Created {
    /// Its record, on disk.
    pub record: Record,
    /// Held until the caller is done with starting it.
    pub lock: Lock,
}

/// Writes the record: from here on whatever is made for the container can be found and removed.
///
/// # Errors
/// It could never become ready, or the store cannot be written.
pub fn create(store: &Store, claim: Claim, request: CreateRequest<'_>) -> Result<Created, ContainerError> {
    let CreateRequest {
        mut options,
        lifecycle,
        image,
        supervisor,
        pod,
    } = request;
    let Claim { runtime, name, lock } = claim;
    if options.defaults.name_as_hostname {
        options.hostname = options.hostname.or_else(|| names::hostname(&name));
    }
    let (unit, lifecycle) = match supervisor {
        Supervisor::Engine => (None, lifecycle),
        Supervisor::Unit(unit) => (Some(unit), lifecycle),
        Supervisor::Transient => (Some(transient::unit_of(&name)), transient::lifecycle(lifecycle)),
    };
    let record = Record {
        id: ContainerId::random(),
        name,
        created: jiff::Timestamp::now(),
        stop_signal: options.stop_signal.unwrap_or_else(|| image_stop_signal(image)),
        stop_timeout: options.stop_timeout.unwrap_or(DEFAULT_STOP_TIMEOUT),
        image: image.map(|image| image_use(image, &options.image)),
        runtime: runtime.path().to_owned(),
        options,
        lifecycle,
        unit,
        pod,
        process: None,
        boot: None,
        cgroup: None,
        relays: Vec::new(),
        started: None,
        exit: None,
        failure: None,
        network: None,
        mounted_images: Vec::new(),
        volumes: Vec::new(),
        id_mappings: None,
        mounts: Vec::new(),
    };
    check_readiness(store, &record)?;
    record.save(store)?;
    Ok(Created { record, lock })
}

/// `--sdnotify=healthy` needs a health check.
fn check_readiness(store: &Store, record: &Record) -> Result<(), ContainerError> {
    if record.lifecycle.sdnotify == SdNotify::Healthy && health::check_of(store, record)?.is_none() {
        return Err(ContainerError::Option {
            option: "--sdnotify=healthy (Notify=healthy)".to_owned(),
            reason: "neither the options nor the image have a health check that could say so".to_owned(),
        });
    }
    Ok(())
}

/// Claims the name that the options want, or any. With `replace`, whoever has it goes; a leftover that ended with its unit or
/// boot goes in any case: it belongs to nobody.
///
/// # Errors
/// The name is invalid or taken, its holder cannot be removed, or the OCI runtime is not there.
pub fn claim(store: &Store, options: &ContainerOptions, replace: bool) -> Result<Claim, ContainerError> {
    let runtime = OciRuntime::find(options.runtime.as_deref())?;
    let (name, lock) = claim_name(store, options.name.as_deref(), replace)?;
    Ok(Claim { runtime, name, lock })
}

fn claim_name(store: &Store, wanted: Option<&str>, replace: bool) -> Result<(String, Lock), ContainerError> {
    let Some(name) = wanted else {
        return claim_random_name(store);
    };
    if !record::is_valid_name(name) {
        return Err(ContainerError::Name(name.to_owned()));
    }
    let lock = Lock::acquire(store, "container", name)?;
    if let Some(holder) = record::by_name(store, name)? {
        if !replace && !leftover::is_leftover(&holder) {
            return Err(ContainerError::NameInUse {
                name: name.to_owned(),
                id: holder.id.short().to_owned(),
            });
        }
        remove::remove_locked(
            store,
            &holder,
            RemoveOptions {
                force: true,
                volumes: true,
                timeout: None,
            },
        )?;
    }
    Ok((name.to_owned(), lock))
}

fn claim_random_name(store: &Store) -> Result<(String, Lock), ContainerError> {
    loop {
        let name = names::random();
        let lock = Lock::try_acquire(store, "container", &name)?;
        if let (Some(lock), None) = (lock, record::by_name(store, &name)?) {
            return Ok((name, lock));
        }
    }
}

fn image_stop_signal(image: Option<&Image>) -> i32 {
    let config = image.and_then(|image| image.config.config().as_ref());
    config
        .and_then(|c| c.stop_signal().as_deref())
        .and_then(signal::parse)
        .unwrap_or(libc::SIGTERM)
}

fn image_use(image: &Image, asked: &str) -> ImageUse {
    let name = image.names.iter().find(|name| *name == asked).or(image.names.first());
    ImageUse {
        id: image.id.clone(),
        manifest_digest: image.manifest_digest.clone(),
        name: name.cloned().unwrap_or_else(|| asked.to_owned()),
    }
}
