//! From a request to a bundle: the container as the OCI runtime wants to be told, and the files that belong to it.

use std::collections::HashMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use oci_spec::runtime::{Linux, LinuxResources, Mount, Process, Root as OciRoot, Spec};

use crate::devices::cdi;
use crate::mounts::{copy_up, masks};
use crate::namespaces::Namespaces;
use crate::namespaces::sysctl;
use crate::process::environment;
use crate::process::users::{Accounts, Identity};
use crate::root::Root;
use crate::security::capabilities::{self, Granted};
use crate::security::seccomp;
use crate::security::{self, SecurityOptions};
use crate::{BundleError, BundleRequest, Namespace, devices, files, mounts, process};

/// The version of the runtime specification that is written: crun, runc and youki of any age take it.
const VERSION: &str = "1.0.2";

/// A bundle as written.
#[derive(Debug)]
pub struct Bundle {
    /// The content of `config.json`.
    pub spec: Spec,
    /// What was left out because this machine lacks it, for the journal.
    pub notes: Vec<String>,
}

/// Writes the files that `config.json` refers to into the bundle directory; that one is for whoever runs the bundle
/// (`unipod_runtime::OciRuntime`).
///
/// # Errors
/// Something was asked for that means nothing or that this machine cannot grant; or the directory cannot be written.
pub fn write_bundle(request: &BundleRequest<'_>) -> Result<Bundle, BundleError> {
    let bundle = &request.bundle;
    DirBuilder::new()
        .recursive(true)
        .mode(0o711)
        .create(bundle)
        .map_err(BundleError::io("create", bundle))?;
    let mut notes = Vec::new();
    let facts = Facts::gather(request, &mut notes)?;
    let spec = facts.spec(request)?;
    Ok(Bundle { spec, notes })
}

/// What the parts of the specification have in common.
struct Facts {
    security: SecurityOptions,
    namespaces: Namespaces,
    root: Root,
    accounts: Accounts,
    identity: Identity,
    available: capabilities::Set,
    granted: Granted,
    hostname: Option<String>,
    edits: cdi::Edits,
}

impl Facts {
    fn gather(request: &BundleRequest<'_>, notes: &mut Vec<String>) -> Result<Self, BundleError> {
        let options = request.options;
        let security = SecurityOptions::parse(options)?;
        security::check_labels(&security)?;
        let root = Root::open(&request.rootfs)?;
        let accounts = Accounts::read(&root)?;
        let identity = accounts.find(process::command::user_name(request), &options.group_add)?;
        let namespaces = Namespaces::of(request)?;
        let available = capabilities::available()?;
        let granted = capabilities::granted(options, available, identity.uid == 0, notes)?;
        let hostname = environment::hostname(request, &namespaces.uts);
        let edits = cdi::edits(options, &identity, notes)?;
        Ok(Self {
            security,
            namespaces,
            root,
            accounts,
            identity,
            available,
            granted,
            hostname,
            edits,
        })
    }

    fn spec(&self, request: &BundleRequest<'_>) -> Result<Spec, BundleError> {
        let options = request.options;
        let mut mounts = self.mounts(request)?;
        if !request.copies_up {
            copy_up::leave_out(&mut mounts, &self.root)?;
        }
        let mut root = OciRoot::default();
        root.set_path(request.rootfs.clone())
            .set_readonly(Some(options.read_only));
        let own_name = self.namespaces.uts == Namespace::New;
        let mut annotations: HashMap<_, _> = options.annotations.clone().into_iter().collect();
        if options.group_add.iter().any(|group| group == "keep-groups") {
            annotations.insert("run.oci.keep_original_groups".to_owned(), "1".to_owned());
        }
        let mut linux = self.linux(request, &mounts)?;
        let cache = request.filter_cache.as_ref();
        if let Some(filter) = seccomp::filter(&self.security.seccomp, self.granted.bounding, cache)? {
            linux.set_seccomp(Some(filter.profile));
            if let Some(code) = filter.compiled {
                annotations.entry(seccomp::cache::ANNOTATION.to_owned()).or_insert(code);
            }
        }
        let mut spec = Spec::default();
        spec.set_version(VERSION.to_owned())
            .set_process(Some(self.process(request)?))
            .set_root(Some(root))
            .set_hostname(self.hostname.clone().filter(|_| own_name))
            .set_mounts(Some(mounts))
            .set_hooks(self.edits.hooks())
            .set_annotations((!annotations.is_empty()).then_some(annotations))
            .set_linux(Some(linux));
        Ok(spec)
    }

    fn process(&self, request: &BundleRequest<'_>) -> Result<Process, BundleError> {
        let parts = process::Parts {
            identity: &self.identity,
            granted: &self.granted,
            available: self.available,
            security: &self.security,
            hostname: self.hostname.as_deref(),
        };
        let mut process = process::process(request, &parts)?;
        self.edits.change_process(&mut process);
        Ok(process)
    }

    fn mounts(&self, request: &BundleRequest<'_>) -> Result<Vec<Mount>, BundleError> {
        let Self { identity, hostname, .. } = self;
        let parts = files::Parts {
            root: &self.root,
            accounts: &self.accounts,
            identity,
            hostname: hostname.as_deref(),
        };
        let files = files::write(request, &parts)?;
        let (uid, gid) = (identity.uid, identity.gid);
        let owner = match &request.id_mappings {
            None => (uid, gid),
            Some(maps) => maps.on_host(uid, gid).ok_or_else(|| {
                BundleError::invalid(
                    "--user",
                    format!("{uid}:{gid}"),
                    "the user namespace maps no such user or group",
                )
            })?,
        };
        mounts::mounts(
            request,
            &mounts::Parts {
                namespaces: &self.namespaces,
                security: &self.security,
                edits: &self.edits,
                files: &files,
                owner,
            },
        )
    }

    fn linux(&self, request: &BundleRequest<'_>, mounts: &[Mount]) -> Result<Linux, BundleError> {
        let options = request.options;
        let Namespaces { network, ipc, user, .. } = &self.namespaces;
        let (masked, read_only) = masks::paths(&self.security, options.privileged);
        let mut devices = devices::devices(options)?;
        self.edits.change_devices(&mut devices);
        let sysctl = sysctl::settings(options, network, ipc, *user != Namespace::Host)?;
        let maps = request.id_mappings.as_ref().map(crate::IdMappings::to_oci);
        let (uids, gids) = maps.unzip();
        let mut resources = LinuxResources::default();
        resources.set_devices(Some(devices.rules));
        let mut linux = Linux::default();
        linux
            .set_namespaces(Some(self.namespaces.to_oci()))
            .set_uid_mappings(uids)
            .set_gid_mappings(gids)
            .set_sysctl((!sysctl.is_empty()).then_some(sysctl))
            .set_resources(Some(resources))
            .set_cgroups_path(own_cgroup().map(|own| own.join(format!("container-{}", request.id))))
            .set_devices((!devices.nodes.is_empty()).then_some(devices.nodes))
            .set_rootfs_propagation(propagation(mounts))
            .set_masked_paths(Some(masked))
            .set_readonly_paths(Some(read_only));
        Ok(linux)
    }
}

/// Our own cgroup. A runtime that insists on a cgroup of its own gets one below it; crun is told to stay where it is.
fn own_cgroup() -> Option<PathBuf> {
    let text = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    text.lines()
        .find_map(|line| line.strip_prefix("0::"))
        .map(PathBuf::from)
}

/// Mounts can be received from the host or sent to it only if the root lets them through.
fn propagation(mounts: &[Mount]) -> Option<String> {
    let any = |kind: &str| {
        mounts
            .iter()
            .flat_map(|mount| mount.options().iter().flatten())
            .any(|o| o.trim_start_matches('r') == kind)
    };
    let kind = if any("shared") {
        "rshared"
    } else if any("slave") {
        "rslave"
    } else {
        return None;
    };
    Some(kind.to_owned())
}
