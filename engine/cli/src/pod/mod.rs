//! `unipod pod …`.

mod clone;
mod create;
mod filter;
mod inspect;
mod logs;
mod ls;
mod prune;
mod rm;
mod run;
mod stats;
mod targets;
mod top;

use clap::Subcommand;

use super::error::CliError;
use super::global::GlobalOptions;
pub use create::new_pod;
use unipod::pod::record;
use unipod::store::Store;

/// The subcommands of `unipod pod`.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
#[allow(missing_docs)] // What each does is said at its arguments, where clap finds it.
pub enum PodCommand {
    #[command(hide = true)]
    Cleanup(run::CleanupArgs),
    Clone(Box<clone::CloneArgs>),
    Create(Box<create::CreateArgs>),
    /// Answer with the exit code whether a pod exists: 0 yes, 1 no.
    ///
    /// Example: unipod pod exists shop || unipod pod create shop
    Exists {
        /// Name or ID.
        pod: String,
    },
    Inspect(inspect::InspectArgs),
    Kill(run::KillArgs),
    Logs(logs::LogsArgs),
    Pause(run::PauseArgs),
    Prune(prune::PruneArgs),
    #[command(visible_aliases = ["ls", "list"])]
    Ps(ls::LsArgs),
    Restart(run::RestartArgs),
    Rm(rm::RmArgs),
    Start(run::StartArgs),
    Stats(stats::StatsArgs),
    Stop(run::StopArgs),
    Top(top::TopArgs),
    Unpause(run::UnpauseArgs),
}

impl PodCommand {
    /// Does it, new pods with the defaults of `global`. Returns the exit code.
    pub fn run(self, store: &Store, global: &GlobalOptions) -> Result<u8, CliError> {
        match self {
            Self::Cleanup(args) => args.run(store),
            Self::Clone(args) => args.run(store),
            Self::Create(args) => args.run(store, global.defaults()?),
            Self::Exists { pod } => Ok(u8::from(record::find(store, &pod).is_err())),
            Self::Inspect(args) => args.run(store),
            Self::Kill(args) => args.run(store),
            Self::Logs(args) => args.run(store),
            Self::Pause(args) => args.run(store),
            Self::Prune(args) => args.run(store),
            Self::Ps(args) => args.run(store),
            Self::Restart(args) => args.run(store),
            Self::Rm(args) => args.run(store),
            Self::Start(args) => args.run(store),
            Self::Stats(args) => args.run(store),
            Self::Stop(args) => args.run(store),
            Self::Top(args) => args.run(store),
            Self::Unpause(args) => args.run(store),
        }
    }
}
