//! What a container is to be, and how one is made of it.

use crate::EngineError;
use unipod_bundle::ContainerOptions;
use unipod_container::create::{self, CreateRequest, Created, Supervisor};
use unipod_container::record::{self, Lifecycle, State};
use unipod_container::remove::{self, RemoveOptions};
use unipod_container::{ContainerError, feasible};
use unipod_image::{self as image, Image, ImageError, Progress, PullOptions};
use unipod_pod::{Pod, PodError, member, record as pods};
use unipod_store::{Store, StoreError};
use unipod_systemd::manager::{self, ManagerError};

/// What a container is to be. What nobody says is as `unipod create` without options has it; what containers.conf
/// says is in [`Defaults`](crate::Defaults).
#[derive(Debug, Clone, Default)]
pub struct NewContainer {
    /// Image, command, environment, mounts, networks, limits …
    pub options: ContainerOptions,
    /// How it lives: `--rm`, `--restart`, its log.
    pub lifecycle: Lifecycle,
    /// How its image is pulled where it is not there.
    pub pull: PullOptions,
    /// Whether a container that has its name is removed first.
    pub replace: bool,
    /// The pod that it is to be in.
    pub pod: Option<Pod>,
}

impl NewContainer {
    /// A container of this image with this command; the image's own if `command` is empty.
    pub fn of(image: &str, command: &[&str]) -> Self {
        Self {
            options: ContainerOptions {
                image: image.to_owned(),
                command: command.iter().map(|word| (*word).to_owned()).collect(),
                ..ContainerOptions::default()
            },
            ..Self::default()
        }
    }

    /// The same with a name of one's choice instead of a random one.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.options.name = Some(name.to_owned());
        self
    }

    /// The same as a member of a pod.
    ///
    /// # Errors
    /// The pod is gone.
    pub fn in_pod(mut self, pod: &crate::Pod<'_>) -> Result<Self, EngineError> {
        self.pod = Some(pod.record()?);
        Ok(self)
    }
}

/// Sees to the image, claims the name and writes the record. `permit` is asked once the image is there and before anything is
/// made. In a unit neither it nor `feasible::check` is asked: the start, which comes next there, looks at all of this anyway.
///
/// # Errors
/// The image cannot be had, the options cannot work here, the name is taken, or `permit` says no.
pub fn make<E>(
    store: &Store,
    new: NewContainer,
    supervisor: Supervisor,
    progress: &dyn Progress,
    permit: impl FnOnce() -> Result<(), E>,
) -> Result<(Created, Option<Image>), E>
where
    E: From<ContainerError> + From<ImageError> + From<ManagerError> + From<PodError> + From<StoreError>,
{
    let NewContainer {
        options,
        lifecycle,
        pull,
        replace,
        pod,
    } = new;
    let (options, lifecycle) = match &pod {
        Some(pod) => of_member(pod, options, lifecycle)?,
        None => (options, lifecycle),
    };
    let name = options.image.clone();
    let ensure = || image::ensure(store, &name, &pull, progress);
    // Before the name is claimed: a pull takes its time, and until it succeeds, the container to be replaced runs.
    let image = options.rootfs.is_none().then(ensure).transpose()?;
    if !matches!(supervisor, Supervisor::Unit(_)) {
        feasible::check(store, &options, image.as_ref())?;
        permit()?;
    }
    if replace && matches!(supervisor, Supervisor::Transient) {
        stop_unit_of::<E>(store, options.name.as_deref())?;
    }
    let claim = create::claim(store, &options, replace)?;
    let kept = image.map(|image| image::keep(store, image, ensure)).transpose()?;
    let (image, _lock) = kept.unzip();
    let request = CreateRequest {
        options,
        lifecycle,
        image: image.as_ref(),
        supervisor,
        pod: pod.as_ref().map(Pod::to_use),
    };
    let created = create::create(store, claim, request)?;
    match &pod {
        Some(pod) if !is_there(store, pod)? => Err(take_back(store, created, pod)?.into()),
        _ => Ok((created, image)),
    }
}

/// Whoever removes a pod looks for its members before and after; whoever becomes one looks for the pod afterwards.
fn is_there(store: &Store, pod: &Pod) -> Result<bool, StoreError> {
    Ok(pods::by_name(store, &pod.name)?.is_some_and(|now| now.id == pod.id))
}

fn take_back(store: &Store, created: Created, pod: &Pod) -> Result<PodError, ContainerError> {
    let Created { record, lock } = created;
    drop(lock);
    let forced = RemoveOptions {
        force: true,
        volumes: true,
        timeout: None,
    };
    match remove::remove(store, &record, forced) {
        // Whoever removed the pod was first.
        Ok(()) | Err(ContainerError::NotFound(_)) => Ok(PodError::NotFound(pod.name.clone())),
        Err(error) => Err(error),
    }
}

/// What a member of a pod is asked to be, with what the pod says for all.
fn of_member(
    pod: &Pod,
    mut options: ContainerOptions,
    lifecycle: Lifecycle,
) -> Result<(ContainerOptions, Lifecycle), PodError> {
    member::check(pod, &options)?;
    member::furnish(pod, &mut options);
    let restart = lifecycle.restart.or_else(|| pod.options.restart.clone());
    Ok((options, Lifecycle { restart, ..lifecycle }))
}

/// The unit of the container to be replaced must be gone before another one of that name can start.
fn stop_unit_of<E: From<StoreError> + From<ManagerError>>(store: &Store, name: Option<&str>) -> Result<(), E> {
    let holder = name.map(|name| record::by_name(store, name)).transpose()?.flatten();
    match holder
        .filter(|holder| holder.state() == State::Running)
        .and_then(|holder| holder.unit)
    {
        Some(unit) => Ok(manager::stop(&unit.name)?),
        None => Ok(()),
    }
}
