//! `unipod container …`, and the same commands without `container`.

pub mod cleanup;
pub mod exec;
pub mod filter;
pub mod healthcheck;
pub mod inspect;
pub mod logs;
pub mod ls;
pub mod pause;
pub mod restart;
pub mod run;
pub mod start;
pub mod stats;
pub mod stop;
mod targets;
pub mod top;
pub mod wait;

use clap::Subcommand;

use super::error::CliError;
use super::global::GlobalOptions;
use unipod::container::record;
use unipod::store::Store;

/// The subcommands of `unipod container`.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
#[allow(missing_docs)] // What each does is said at its arguments, where clap finds it.
pub enum ContainerCommand {
    #[command(hide = true)]
    Cleanup(cleanup::CleanupArgs),
    Create(run::CreateArgs),
    Exec(exec::ExecArgs),
    /// Answer with the exit code whether a container exists: 0 yes, 1 no.
    ///
    /// Example: unipod container exists web && unipod stop web
    Exists {
        /// The container.
        container: String,
    },
    Inspect(inspect::InspectArgs),
    Kill(stop::KillArgs),
    Logs(logs::LogsArgs),
    #[command(visible_alias = "list", alias = "ps")]
    Ls(ls::LsArgs),
    Pause(pause::PauseArgs),
    Restart(restart::RestartArgs),
    Rm(stop::RmArgs),
    Run(run::RunArgs),
    Start(start::StartArgs),
    Stats(stats::StatsArgs),
    Stop(stop::StopArgs),
    Top(top::TopArgs),
    Unpause(pause::UnpauseArgs),
    Wait(wait::WaitArgs),
}

impl ContainerCommand {
    /// Does it, new containers with the defaults of `global`. Returns the exit code.
    pub fn run(self, store: &Store, global: &GlobalOptions) -> Result<u8, CliError> {
        match self {
            Self::Cleanup(args) => args.run(store),
            Self::Create(args) => args.run(store, global.defaults()?),
            Self::Exec(args) => args.run(store),
            Self::Exists { container } => Ok(u8::from(record::find(store, &container).is_err())),
            Self::Inspect(args) => args.run_on_containers(store),
            Self::Kill(args) => args.run(store),
            Self::Logs(args) => args.run(store),
            Self::Ls(args) => args.run(store),
            Self::Pause(args) => args.run(store),
            Self::Restart(args) => args.run(store),
            Self::Rm(args) => args.run(store),
            Self::Run(args) => args.run(store, global.defaults()?),
            Self::Start(args) => args.run(store),
            Self::Stats(args) => args.run(store),
            Self::Stop(args) => args.run(store),
            Self::Top(args) => args.run(store),
            Self::Unpause(args) => args.run(store),
            Self::Wait(args) => args.run(store),
        }
    }
}
