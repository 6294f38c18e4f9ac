//! `unipod container inspect`, and `unipod inspect`, which takes anything that has a name.

use clap::Args;

use crate::error::CliError;
use crate::output;
use unipod::container::{ContainerError, inspect, record};
use unipod::image;
use unipod::pod::record as pods;
use unipod::store::Store;

/// Show everything known of containers (and, as `unipod inspect`, of pods, images, volumes and networks).
///
/// Example: unipod inspect --format '{{.State.Pid}}' web
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// A Go template, or `json`.
    #[arg(short, long)]
    format: Option<String>,
    /// Only this kind: container, pod, image, volume, network.
    #[arg(short = 't', long = "type", value_name = "KIND")]
    kind: Option<String>,
    /// Names or IDs.
    #[arg(required = true)]
    names: Vec<String>,
}

impl InspectArgs {
    /// `unipod container inspect`.
    pub fn run_on_containers(self, store: &Store) -> Result<u8, CliError> {
        let found = self
            .names
            .iter()
            .map(|name| container(store, name))
            .collect::<Result<Vec<_>, _>>()?;
        output::print_inspect(&found, self.format.as_deref())?;
        Ok(0)
    }

    /// `unipod inspect`.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        let found = self
            .names
            .iter()
            .map(|name| self.anything(store, name))
            .collect::<Result<Vec<_>, _>>()?;
        output::print_inspect(&found, self.format.as_deref())?;
        Ok(0)
    }

    fn anything(&self, store: &Store, name: &str) -> Result<serde_json::Value, CliError> {
        let wanted = |kind: &str| self.kind.as_deref().is_none_or(|k| k == kind || k == "all");
        if wanted("container") {
            match container(store, name) {
                Err(_) if self.kind.is_none() => {}
                other => return other,
            }
        }
        if wanted("pod") {
            match pods::find(store, name) {
                Err(_) if self.kind.is_none() => {}
                found => return Ok(unipod::pod::inspect::inspect(store, &found?)?),
            }
        }
        if wanted("image")
            && let Some(found) = crate::image::inspect(store, name)?
        {
            return Ok(found);
        }
        if wanted("volume")
            && let Some(found) = crate::volume::inspect(store, name)?
        {
            return Ok(found);
        }
        if wanted("network")
            && let Some(found) = crate::network::inspect(store, name)?
        {
            return Ok(found);
        }
        Err(CliError::new(format!("no such object: {name:?}")))
    }
}

fn container(store: &Store, name: &str) -> Result<serde_json::Value, CliError> {
    let record = record::find(store, name)?;
    let image = match &record.image {
        Some(used) => image::find(store, &used.id).map_err(ContainerError::from)?,
        None => None,
    };
    Ok(inspect::inspect(store, &record, image.as_ref()))
}
