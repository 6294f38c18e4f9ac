//! `rmi`, `tag`, `untag`, `image prune`.

use std::io::{IsTerminal, Write, stdin, stdout};

use clap::Args;

use super::filter::{self, Filter};
use super::summary::Summary;
use crate::arguments::each;
use crate::error::CliError;
use crate::output;
use unipod::container::record::used_images;
use unipod::image::remove::{self, Removed};
use unipod::image::{ImageError, records};
use unipod::store::Store;

/// Remove images.
///
/// Example: unipod rmi docker.io/library/nginx:alpine
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools)] // Each is a switch of its own.
pub struct RmArgs {
    /// Names or IDs
    #[arg(required_unless_present = "all")]
    images: Vec<String>,
    /// Remove all images
    #[arg(short, long, conflicts_with = "images")]
    all: bool,
    /// Also an image that has several names, or that containers use: that one stays without name; one that is not there is fine
    #[arg(short, long)]
    force: bool,
    /// No error for an image that is not there
    #[arg(short, long)]
    ignore: bool,
    /// Accepted: there are no parent images to keep
    #[arg(long)]
    no_prune: bool,
}

impl RmArgs {
    /// Does it. Returns the exit code: 1 if an image was not there, 2 if one is in use (podman-rmi(1)).
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        let names = if self.all { all_ids(store)? } else { self.images.clone() };
        Ok(each(&names, |name| {
            match remove::remove(store, name, &|| used_images(store), self.force || self.all) {
                Ok(removed) => {
                    print_removed(&removed);
                    Ok(None)
                }
                Err(ImageError::NotFound { .. }) if self.ignore || self.force => Ok(None),
                Err(error) => Err(CliError::coded(error, exit_code)),
            }
        }))
    }
}

fn exit_code(error: &ImageError) -> u8 {
    match error {
        ImageError::NotFound { .. } => 1,
        ImageError::InUse { .. } | ImageError::SeveralNames { .. } => 2,
        _ => 125,
    }
}

fn all_ids(store: &Store) -> Result<Vec<String>, ImageError> {
    Ok(records::list(store)?.into_iter().map(|record| record.id).collect())
}

fn print_removed(removed: &Removed) {
    for name in &removed.untagged {
        output::print_line(&format!("Untagged: {name}"));
    }
    for id in &removed.deleted {
        output::print_line(&format!("Deleted: {}", id.trim_start_matches("sha256:")));
    }
}

/// Give an image another name.
///
/// Example: unipod tag docker.io/library/nginx registry.example.com/web:1
#[derive(Debug, Args)]
pub struct TagArgs {
    /// Name or ID
    image: String,
    /// The new names
    #[arg(required = true)]
    names: Vec<String>,
}

impl TagArgs {
    /// Does it. Returns the exit code.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        for name in &self.names {
            remove::tag(store, &self.image, name)?;
        }
        Ok(0)
    }
}

/// Take names from an image.
///
/// Example: unipod untag docker.io/library/nginx registry.example.com/web:1
#[derive(Debug, Args)]
pub struct UntagArgs {
    /// Name or ID
    image: String,
    /// The names to take away; all if none are given
    names: Vec<String>,
}

impl UntagArgs {
    /// Does it. Returns the exit code.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        remove::untag(store, &self.image, &self.names)?;
        Ok(0)
    }
}

/// Remove images that are not used.
///
/// Example: unipod image prune --all --force
#[derive(Debug, Args)]
pub struct PruneArgs {
    /// All images that no container uses, not only those without name
    #[arg(short, long)]
    all: bool,
    /// Do not ask
    #[arg(short, long)]
    force: bool,
    /// Conditions on the images removed, such as label=KEY, until=24h
    #[arg(long, value_name = "KEY=VALUE")]
    filter: Vec<String>,
}

impl PruneArgs {
    /// Does it. Returns the exit code.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        let filters = self
            .filter
            .iter()
            .map(|text| Filter::parse(store, text))
            .collect::<Result<Vec<_>, _>>()?;
        if !self.force && !self.confirmed()? {
            return Ok(0);
        }
        let images = Summary::all(store)?;
        let keep = |record: &records::Record| {
            let image = images.iter().find(|image| image.record.id == record.id);
            !image.is_some_and(|image| filter::fits(&filters, image))
        };
        let removed = remove::prune(store, &|| used_images(store), self.all, keep)?;
        for id in &removed.deleted {
            output::print_line(id.trim_start_matches("sha256:"));
        }
        Ok(0)
    }

    fn confirmed(&self) -> Result<bool, CliError> {
        if !stdin().is_terminal() {
            return Err(CliError::new("there is nobody to ask whether images may be removed").hint("use --force"));
        }
        let which = if self.all {
            "images without at least one container associated with them"
        } else {
            "dangling images"
        };
        write!(
            stdout(),
            "WARNING! This command removes all {which}.\nAre you sure you want to continue? [y/N] "
        )?;
        stdout().flush()?;
        let mut answer = String::new();
        stdin().read_line(&mut answer)?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }
}
