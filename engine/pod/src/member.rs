//! The containers of a pod: which they are, and what each gets from it.

use unipod_bundle::{ContainerOptions, Namespace};
use unipod_container::pod::{PodUse, Shared};
use unipod_container::record::{self as containers, Record};
use unipod_linux::pin;
use unipod_store::{Store, StoreError};

use crate::options::has_own;
use crate::record::{self, Pod};
use crate::{PodError, etc, holder};

/// The containers of a pod, oldest first.
///
/// # Errors
/// The store cannot be read.
pub fn members(store: &Store, pod: &Pod) -> Result<Vec<Record>, StoreError> {
    let mut all = containers::list(store)?;
    all.retain(|record| is_in(record, pod));
    Ok(all)
}

/// Whether a container is in this pod.
pub fn is_in(record: &Record, pod: &Pod) -> bool {
    record.pod.as_ref().is_some_and(|of| of.id == pod.id.as_str())
}

/// Whether a container may be a member as it is asked for: what the pod has for all is no member's to say.
///
/// # Errors
/// It says so, in podman's words.
pub fn check(pod: &Pod, options: &ContainerOptions) -> Result<(), PodError> {
    let share = pod.options.shared();
    let own_network = matches!(options.networks.as_slice(), [only] if only == "host");
    let with_network = !options.networks.is_empty() && !own_network;
    let with_end = !options.ips.is_empty() || options.mac.is_some() || !options.network_aliases.is_empty();
    let of_network = [
        (
            !options.publish.is_empty() || !options.expose.is_empty() || options.publish_all,
            "published or exposed ports must be defined when the pod is created: network cannot be configured when it is shared \
             with a pod",
        ),
        (
            with_network || with_end,
            "networks must be defined when the pod is created: network cannot be configured when it is shared with a pod",
        ),
        (
            !options.add_hosts.is_empty(),
            "extra host entries must be specified on the pod: network cannot be configured when it is shared with a pod",
        ),
    ];
    if share.uts && options.hostname.is_some() && matches!(options.uts.as_deref(), None | Some("" | "pod")) {
        return Err(PodError::Member(
            "cannot set hostname when joining the pod UTS namespace: invalid configuration",
        ));
    }
    if let Some((_, why)) = of_network.into_iter().find(|(wrong, _)| share.network && *wrong) {
        return Err(PodError::Member(why));
    }
    let users = options.userns.is_some() || !options.uid_maps.is_empty() || !options.gid_maps.is_empty();
    let names = options.sub_uid_name.is_some() || options.sub_gid_name.is_some();
    if !pod.options.infra.without && (users || names) {
        return Err(PodError::Users);
    }
    Ok(())
}

/// What a member gets from its pod in addition to what it asks for itself: mounts, devices, rights and kernel parameters. What
/// it says itself comes last and wins.
pub fn furnish(pod: &Pod, options: &mut ContainerOptions) {
    let common = &pod.options.common;
    let before = |own: &mut Vec<String>, of_pod: &[String]| {
        let new: Vec<String> = of_pod.iter().filter(|text| !own.contains(text)).cloned().collect();
        own.splice(0..0, new);
    };
    before(&mut options.volumes, &common.volumes);
    before(&mut options.devices, &common.devices);
    before(&mut options.security, &common.security);
    for (name, value) in &common.sysctls {
        options.sysctls.entry(name.clone()).or_insert_with(|| value.clone());
    }
    let share = pod.options.shared();
    for (is_shared, own, of_pod) in [
        (share.pid, &mut options.pid, &common.pid),
        (share.ipc, &mut options.ipc, &common.ipc),
        (share.uts, &mut options.uts, &common.uts),
    ] {
        *own = own
            .take()
            .or_else(|| of_pod.clone().filter(|_| is_shared && !has_own(of_pod.as_deref())));
    }
}

/// What a pod that runs has for the member `record`, whose name is in `/etc/hosts` from now on. `None` for a container that is in
/// no pod.
///
/// # Errors
/// The pod is gone or does not run.
pub fn shared(store: &Store, record: &Record) -> Result<Option<Shared>, PodError> {
    let Some(PodUse { id, name, .. }) = &record.pod else {
        return Ok(None);
    };
    let found = record::exactly(store, name, id)?;
    let pod = found.ok_or_else(|| PodError::NotFound(name.clone()))?;
    let Some(up) = pod.up.as_ref().filter(|_| pod.is_up(store)) else {
        return Err(PodError::NotRunning(pod.name));
    };
    let dir = store.pod(pod.id.as_str());
    let pinned = |name: &str| {
        let pin = dir.join(name);
        pin.exists().then(|| pin::name_for_programs(&pin))
    };
    let share = pod.options.shared();
    let network = share.network.then(|| match &up.joined_network {
        Some(path) => Namespace::Path(path.clone()),
        None if store.netns(id).exists() => Namespace::Path(pin::name_for_programs(&store.netns(id))),
        None => Namespace::Host,
    });
    if share.network {
        etc::add_member(store, &pod, &record.name)?;
    }
    Ok(Some(Shared {
        network,
        status: up.network.clone(),
        ipc: pinned("ipc"),
        shm: share.ipc.then(|| dir.join("shm")),
        uts: pinned("uts"),
        pid: pinned(holder::PIN),
        users: pinned("user"),
        files: etc::shared(store, &pod),
    }))
}
