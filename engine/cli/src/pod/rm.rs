//! `unipod pod rm`.

use clap::Args;

use super::run::Targets;
use crate::error::CliError;
use unipod::pod::PodError;
use unipod::pod::service::{self, Removal};
use unipod::store::Store;

/// Remove pods and their containers.
///
/// Example: unipod pod rm --force shop
#[derive(Debug, Args)]
pub struct RmArgs {
    /// Stop running containers first; a pod that is not there is fine.
    #[arg(short, long)]
    force: bool,
    /// A pod that is not there is fine.
    #[arg(short, long)]
    ignore: bool,
    /// Seconds before SIGKILL, with --force.
    #[arg(short = 't', long, visible_alias = "timeout", value_name = "SECONDS")]
    time: Option<u32>,
    #[command(flatten)]
    targets: Targets,
}

impl RmArgs {
    /// Does it. The exit code is 1 if a pod was not there, 2 if one is in use (podman-pod-rm(1)).
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        let how = Removal {
            force: self.force,
            timeout: self.time,
        };
        self.targets
            .each(store, self.ignore || self.force, PodError::code_of_removal, |pod| {
                service::remove(store, pod, how)
            })
    }
}
