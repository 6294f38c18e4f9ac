//! What the container shares with the host or with another container.

use clap::Args;

use super::values::lists;
use crate::error::CliError;
use unipod::bundle::ContainerOptions;

/// Options of namespaces.
#[derive(Debug, Args)]
pub(crate) struct NamespaceOptions {
    /// Process IDs: private, host, container:NAME or ns:PATH
    #[arg(long, value_name = "MODE")]
    pid: Option<String>,
    /// Inter-process communication: private, shareable, none, host, container:NAME or ns:PATH
    #[arg(long, value_name = "MODE")]
    ipc: Option<String>,
    /// Host name: private, host, container:NAME or ns:PATH
    #[arg(long, value_name = "MODE")]
    uts: Option<String>,
    /// View of the cgroups: private, host, container:NAME or ns:PATH
    #[arg(long, value_name = "MODE")]
    cgroupns: Option<String>,
    /// Users: host, auto, private, container:NAME or ns:PATH
    #[arg(long, value_name = "MODE")]
    userns: Option<String>,
    /// Map users, CONTAINER:HOST[:SIZE]
    #[arg(long, value_name = "MAP")]
    uidmap: Vec<String>,
    /// Map groups, CONTAINER:HOST[:SIZE]
    #[arg(long, value_name = "MAP")]
    gidmap: Vec<String>,
    /// Name in /etc/subuid whose range is mapped
    #[arg(long, value_name = "NAME")]
    subuidname: Option<String>,
    /// Name in /etc/subgid whose range is mapped
    #[arg(long, value_name = "NAME")]
    subgidname: Option<String>,
}

impl NamespaceOptions {
    /// Of containers only.
    pub(crate) fn refuse_for_pods(&self) -> Result<(), CliError> {
        if self.ipc.is_some() || self.cgroupns.is_some() {
            return Err(CliError::new(
                "--ipc, --cgroupns: what the containers of a pod share is said with --share",
            ));
        }
        Ok(())
    }

    pub(crate) fn apply(self, options: &mut ContainerOptions) -> Result<(), CliError> {
        let Self {
            pid,
            ipc,
            uts,
            cgroupns,
            userns,
            uidmap,
            gidmap,
            subuidname,
            subgidname,
        } = self;
        options.pid = pid.or(options.pid.take());
        options.ipc = ipc.or(options.ipc.take());
        options.uts = uts.or(options.uts.take());
        options.cgroupns = cgroupns.or(options.cgroupns.take());
        // Mappings say what a namespace of users is to be, as the mode does.
        let mapped = !uidmap.is_empty() || !gidmap.is_empty() || subuidname.is_some() || subgidname.is_some();
        options.userns = userns.or(options.userns.take().filter(|_| !mapped));
        options.uid_maps = lists("--uidmap", uidmap)?;
        options.gid_maps = lists("--gidmap", gidmap)?;
        options.sub_uid_name = subuidname;
        options.sub_gid_name = subgidname;
        Ok(())
    }
}
