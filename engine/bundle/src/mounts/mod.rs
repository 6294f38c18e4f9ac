//! The mounts of a container: what every container has, and what was asked for.

pub mod copy_up;
pub mod masks;
mod mount_flag;
pub(crate) mod oci;
pub mod options;
pub(crate) mod request;
pub mod user_mounts;
pub mod volumes;

use std::path::Path;

use oci_spec::runtime::Mount;

use self::oci::{bind, mount};
use crate::devices::cdi;
use crate::namespaces::Namespaces;
use crate::process::{environment, init, systemd_mode};
use crate::security::SecurityOptions;
use crate::{BundleError, BundleRequest, Namespace, files::GeneratedFile};

/// What the mounts depend on beside the request.
#[derive(Debug)]
pub struct Parts<'a> {
    /// Which namespaces are the container's own.
    pub namespaces: &'a Namespaces,
    /// For `proc-opts`.
    pub security: &'a SecurityOptions,
    /// Of CDI devices.
    pub edits: &'a cdi::Edits,
    /// Files written for this container.
    pub files: &'a [GeneratedFile],
    /// The host's IDs of the container's user, for `U`.
    pub owner: (u32, u32),
}

/// All mounts, in the order in which they are made: a mount comes after those it lies in.
pub fn mounts(request: &BundleRequest<'_>, parts: &Parts<'_>) -> Result<Vec<Mount>, BundleError> {
    let mut asked = user_mounts::mounts(request, parts.owner)?;
    parts.edits.change_mounts(&mut asked);
    let mut all = defaults(request, parts);
    all.extend(generated(request, parts)?);
    if request.options.read_only && request.options.read_only_tmpfs != Some(false) {
        all.extend(["/run", "/tmp", "/var/tmp"].map(writable_despite_read_only));
    }
    if systemd_mode::wanted(request)? {
        let systemd = systemd_mode::mounts();
        all.retain(|default| !systemd.iter().any(|mount| mount.destination() == default.destination()));
        all.extend(systemd);
    }
    if request.options.read_only && request.options.read_only_tmpfs == Some(false) {
        all.iter_mut().for_each(seal);
    }
    all.retain(|default| !asked.iter().any(|mount| mount.destination() == default.destination()));
    all.extend(asked);
    all.sort_by_key(|mount| mount.destination().components().count());
    Ok(all)
}

fn defaults(request: &BundleRequest<'_>, parts: &Parts<'_>) -> Vec<Mount> {
    let access = if request.options.privileged { "rw" } else { "ro" };
    let mut proc_options = vec!["nosuid", "noexec", "nodev"];
    proc_options.extend(parts.security.proc_options.iter().map(String::as_str));
    let mut all = vec![
        mount("/proc", "proc", "proc", &proc_options),
        mount(
            "/dev",
            "tmpfs",
            "tmpfs",
            &["nosuid", "strictatime", "mode=755", "size=65536k"],
        ),
        mount("/sys", "sysfs", "sysfs", &["nosuid", "noexec", "nodev", access]),
        mount(
            "/sys/fs/cgroup",
            "cgroup",
            "cgroup",
            &[
                "rprivate",
                "nosuid",
                "noexec",
                "nodev",
                "relatime",
                if request.own_cgroup { access } else { "ro" },
            ],
        ),
        // Group 5 is `tty` on every distribution; a user namespace may not map it.
        mount(
            "/dev/pts",
            "devpts",
            "devpts",
            if request
                .id_mappings
                .as_ref()
                .is_none_or(|maps| maps.on_host(0, 5).is_some())
            {
                &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]
            } else {
                &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
            },
        ),
    ];
    all.extend(ipc(request, &parts.namespaces.ipc));
    all
}

/// `/dev/shm` and `/dev/mqueue` belong to whoever's IPC namespace it is.
fn ipc(request: &BundleRequest<'_>, ipc: &Namespace) -> Vec<Mount> {
    let flags = ["nosuid", "noexec", "nodev"];
    let mqueue = || mount("/dev/mqueue", "mqueue", "mqueue", &flags);
    let shared = |shm: &Path| bind(shm, "/dev/shm", &["rw", "nosuid", "nodev", "noexec"]);
    match ipc {
        Namespace::Host => ["/dev/shm", "/dev/mqueue"]
            .into_iter()
            .filter(|path| Path::new(path).exists())
            .map(|path| bind(Path::new(path), path, &["rw", "nosuid", "nodev", "noexec"]))
            .collect(),
        Namespace::Path(_) if let Some(shm) = &request.joined.shm => vec![shared(shm), mqueue()],
        Namespace::New if request.options.ipc.as_deref() == Some("none") => vec![mqueue()],
        // Of a namespace alone nobody knows whose memory belongs to it.
        Namespace::New | Namespace::Path(_) => {
            let size = format!("size={}", request.options.shm_size.unwrap_or(64 << 20));
            let own = mount(
                "/dev/shm",
                "tmpfs",
                "shm",
                &["nosuid", "noexec", "nodev", "mode=1777", &size],
            );
            vec![own, mqueue()]
        }
    }
}

fn generated(request: &BundleRequest<'_>, parts: &Parts<'_>) -> Result<Vec<Mount>, BundleError> {
    let mut all: Vec<Mount> = parts
        .files
        .iter()
        .map(|file| bind(&file.path, file.destination, &["rw"]))
        .collect();
    if init::wanted(request)? {
        let program = init::program(request.options)?;
        all.push(bind(&program, init::DESTINATION, &["ro", "exec"]));
    }
    if let Some(socket) = &request.notify_socket {
        all.push(bind(socket, environment::NOTIFY_SOCKET, &["rw"]));
    }
    Ok(all)
}

/// With `--read-only --read-only-tmpfs=false` nothing is writable but what was asked for.
fn seal(default: &mut Mount) {
    let in_memory = default.typ().as_deref() == Some("tmpfs");
    let is_file = default.typ().as_deref() == Some("bind");
    if !in_memory && !is_file {
        return;
    }
    let mut options = default.options().clone().unwrap_or_default();
    options.retain(|option| option != "rw" && option != "ro");
    options.push("ro".to_owned());
    default.set_options(Some(options));
}

fn writable_despite_read_only(destination: &str) -> Mount {
    mount(
        destination,
        "tmpfs",
        "tmpfs",
        &["rw", "rprivate", "nosuid", "nodev", "tmpcopyup"],
    )
}
