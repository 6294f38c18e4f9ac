//! `unipod wait`.

use std::thread;
use std::time::Duration;

use clap::Args;

use crate::error::CliError;
use crate::output;
use unipod::bundle::values::duration;
use unipod::container::ContainerError;
use unipod::store::Store;
use unipod::{Condition, Container, Engine, EngineError};

/// Wait until containers have ended, and print their exit codes.
///
/// Example: unipod wait web
#[derive(Debug, Args)]
pub struct WaitArgs {
    /// Wait for another state: created, exited, healthy, paused, removing, running, stopped, unhealthy. One of several is enough; for
    /// other ends than the last one, -1 is printed.
    #[arg(long, value_name = "STATE", default_value = "stopped")]
    condition: Vec<Condition>,
    /// The first of the containers is enough.
    #[arg(long)]
    exit_first_match: bool,
    /// A container that is not there counts as -1.
    #[arg(long)]
    ignore: bool,
    /// How often to look, for a state that is not an end: 250ms, 2s; milliseconds without a unit.
    #[arg(short, long, value_name = "DURATION", default_value = "250ms")]
    interval: String,
    /// The container that was created last.
    #[arg(short, long)]
    latest: bool,
    /// The containers, by name or ID.
    #[arg(required_unless_present = "latest")]
    containers: Vec<String>,
}

impl WaitArgs {
    /// Does it.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        let interval = self.interval()?;
        let engine = Engine::of(store.clone());
        let mut found = Vec::new();
        for name in self.names(&engine)? {
            match engine.containers().get(&name) {
                Err(EngineError::Container(ContainerError::NotFound(_))) if self.ignore => found.push(None),
                container => found.push(Some(container?)),
            }
        }
        let codes = if self.exit_first_match {
            vec![self.first(&found, interval)?]
        } else {
            self.all(&found, interval)?
        };
        for code in codes {
            output::print_line(&code.to_string());
        }
        Ok(0)
    }

    fn interval(&self) -> Result<Duration, CliError> {
        let text = self.interval.as_str();
        let number = text.parse().ok().map(Duration::from_millis);
        number
            .or_else(|| duration::parse(text))
            .ok_or_else(|| CliError::new(format!("--interval {text:?} is no duration: write 250ms or 2s")))
    }

    fn names(&self, engine: &Engine) -> Result<Vec<String>, CliError> {
        if !self.latest {
            return Ok(self.containers.clone());
        }
        let last = engine.containers().list()?.pop();
        let last = last.ok_or_else(|| CliError::new("there are no containers"))?;
        Ok(vec![last.name])
    }

    /// Waits for each, all at once: one that goes with its end would not be there any more when its turn comes.
    fn all(&self, found: &[Option<Container<'_>>], interval: Duration) -> Result<Vec<i32>, CliError> {
        thread::scope(|scope| {
            let wait = |container| scope.spawn(move || self.until(container, interval));
            let waiting: Vec<_> = found.iter().map(|container| wait(container.as_ref())).collect();
            let join =
                |waits: thread::ScopedJoinHandle<'_, _>| waits.join().expect("a thread that waits does not panic");
            waiting.into_iter().map(join).collect()
        })
    }

    /// Waits for one; what is to be printed for it.
    fn until(&self, container: Option<&Container<'_>>, interval: Duration) -> Result<i32, CliError> {
        let Some(container) = container else { return Ok(-1) };
        if self.condition == [Condition::Stopped] {
            return Ok(container.wait()?.unwrap_or(-1));
        }
        loop {
            if let Some(code) = self.met(container)? {
                return Ok(code);
            }
            thread::sleep(interval);
        }
    }

    fn first(&self, found: &[Option<Container<'_>>], interval: Duration) -> Result<i32, CliError> {
        loop {
            for container in found {
                let Some(container) = container else { return Ok(-1) };
                if let Some(code) = self.met(container)? {
                    return Ok(code);
                }
            }
            thread::sleep(interval);
        }
    }

    /// What is to be printed for a container that is as it should be.
    fn met(&self, container: &Container<'_>) -> Result<Option<i32>, CliError> {
        for condition in &self.condition {
            if container.is(*condition)? {
                let ended = *condition == Condition::Stopped;
                return Ok(Some(if ended { container.wait()?.unwrap_or(-1) } else { -1 }));
            }
        }
        Ok(None)
    }
}
