//! `unipod image …`, and the commands on top that mean the same (`images`, `pull`, `rmi`, `tag`, `untag`, `history`).

mod filter;
mod history;
mod inspect;
mod list;
mod pull;
mod remove;
mod summary;

pub use history::HistoryArgs;
pub use inspect::{InspectArgs, inspect};
pub use list::LsArgs;
pub use pull::PullArgs;
pub use remove::{PruneArgs, RmArgs, TagArgs, UntagArgs};

use clap::Subcommand;

use super::error::CliError;
use super::global::GlobalOptions;
use unipod::image;
use unipod::store::Store;

/// The subcommands of `unipod image`.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
#[allow(missing_docs)] // What each does is said at its arguments, where clap finds it.
pub enum ImageCommand {
    /// Check whether an image is in the store
    ///
    /// Example: unipod image exists docker.io/library/nginx || unipod pull docker.io/library/nginx
    Exists {
        /// Name or ID
        image: String,
    },
    History(HistoryArgs),
    Inspect(InspectArgs),
    #[command(visible_alias = "list")]
    Ls(LsArgs),
    Prune(PruneArgs),
    Pull(PullArgs),
    #[command(visible_alias = "remove")]
    Rm(RmArgs),
    Tag(TagArgs),
    Untag(UntagArgs),
}

impl ImageCommand {
    /// Does it. Returns the exit code.
    pub fn run(self, store: &Store, global: &GlobalOptions) -> Result<u8, CliError> {
        match self {
            Self::Exists { image } => Ok(u8::from(image::find::find_record(store, &image)?.is_none())),
            Self::History(args) => args.run(store),
            Self::Inspect(args) => args.run(store),
            Self::Ls(args) => args.run(store),
            Self::Prune(args) => args.run(store),
            Self::Pull(args) => args.run(store, global),
            Self::Rm(args) => args.run(store),
            Self::Tag(args) => args.run(store),
            Self::Untag(args) => args.run(store),
        }
    }
}
