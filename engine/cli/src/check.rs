//! `unipod system check`.

use std::time::Duration;

use clap::Args;

use super::error::CliError;
use super::{output, progress};
use unipod::bundle::values::duration;
use unipod::container::verify::{self, mounted_images};
use unipod::image::ImageError;
use unipod::image::layers::inventory::Depth;
use unipod::image::verify::Verification;
use unipod::store::problem::{Problem, with_causes};
use unipod::store::{self, Store};
use unipod::{network, secret, volume};

/// Check what is in the store: images, their files, containers, volumes, networks, secrets.
///
/// Each problem is a line that says what it is, where, and what can be done. Exit code 125 says that there are some.
///
/// Example: unipod system check --repair
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "they are the switches of the command line")]
pub struct CheckArgs {
    /// Do not look at the files of layers, only whether layers are there.
    #[arg(short, long, conflicts_with = "contents")]
    quick: bool,
    /// Also read all files and blobs, for damage that neither size nor time tells.
    #[arg(long)]
    contents: bool,
    /// Repair without loss: unpack layers again, fetch what is damaged from where it came, remove leftovers.
    #[arg(short, long)]
    repair: bool,
    /// Repair, and remove what cannot be repaired; volumes keep what is in them.
    #[arg(short, long)]
    force: bool,
    /// For how long layers and blobs may stay that no image needs.
    #[arg(short, long, value_name = "DURATION", default_value = "24h0m0s", value_parser = age)]
    max: Duration,
}

/// How often images are looked at: what is damaged may hide other damage.
const PASSES: usize = 3;

fn age(text: &str) -> Result<Duration, String> {
    duration::parse(text).ok_or_else(|| "write a duration such as 90m or 24h0m0s".to_owned())
}

impl CheckArgs {
    /// Does it.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        let progress = progress::of_command(false);
        let busy = || mounted_images(store);
        let images = Verification {
            store,
            depth: match (self.quick, self.contents) {
                (true, _) => None,
                (_, false) => Some(Depth::Metadata),
                (_, true) => Some(Depth::Contents),
            },
            patience: self.max,
            busy: &busy,
            progress: progress.as_ref(),
        };
        let mut left = 0;
        for _ in 0..PASSES {
            let found = images.problems()?;
            left = self.settle(&found);
            if left == found.len() {
                break;
            }
        }
        // What is repaired of images may be what containers miss.
        left += self.settle(&verify::problems(store, progress.as_ref())?);
        left += self.settle(&volume::verify::problems(store)?);
        left += self.settle(&network::verify::problems(store)?);
        left += self.settle(&secret::verify::problems(store)?);
        if self.repair || self.force {
            store::sweep_tmp(store)?;
        }
        match left {
            0 => Ok(0),
            _ => Err(CliError::new("damage detected in local storage")),
        }
    }

    /// Tells the problems, and does about them what was asked for. Returns how many are left.
    fn settle(&self, problems: &[Problem<'_>]) -> usize {
        problems.iter().filter(|problem| !self.is_settled(problem)).count()
    }

    fn is_settled(&self, problem: &Problem<'_>) -> bool {
        output::print_line(&format!("Damaged {problem}"));
        if !self.repair && !self.force {
            return false;
        }
        let what = &problem.what;
        let acts = [Some(&problem.repair), Some(&problem.removal).filter(|_| self.force)];
        for act in acts.into_iter().flatten().flatten() {
            match act() {
                Ok(done) => {
                    output::print_line(&format!("Repaired {what}: {done}"));
                    return true;
                }
                Err(error) => {
                    output::say_line(&format!("Not repaired: {what}: {}", with_causes(error.as_ref())));
                    // It can be repaired, only not now: nothing to be removed for.
                    if let Some(ImageError::LayerInUse { .. }) = error.downcast_ref() {
                        return false;
                    }
                }
            }
        }
        if problem.removal.is_some() && !self.force {
            output::say_line(&format!("Not repaired: {what}: --force removes it"));
        }
        false
    }
}
