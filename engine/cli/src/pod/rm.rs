//! `unipod pod rm`.

use clap::Args;

use super::targets::{Targets, id};
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
    /// Does it. The exit code is 1 if a pod was not there (podman-pod-rm(1)). Files with their IDs go as well.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        let how = Removal {
            force: self.force,
            timeout: self.time,
        };
        let ignore = self.ignore || self.force;
        let code = self
            .targets
            .each(store, ignore, (id, PodError::code_of_removal), |pod| {
                service::remove(store, pod, how).map(|()| true)
            })?;
        if code == 0 {
            self.targets.files().for_each(|file| {
                // Nobody needs it; that of a directory which is read-only stays.
                let _ = std::fs::remove_file(file);
            });
        }
        Ok(code)
    }
}
