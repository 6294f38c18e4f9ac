//! Containers, and what can be done with one.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use unipod_bundle::values::signal;
use unipod_container::create::Supervisor;
use unipod_container::record::{self, Record, State};
use unipod_container::remove::{self, RemoveOptions};
use unipod_container::stats::Sample;
use unipod_container::top::{Table, top};
use unipod_container::{ContainerError, inspect, pause, stop};
use unipod_image::{self as image, Silent};
use unipod_linux::child;
use unipod_systemd::journal::{self, Query};

use crate::{Condition, Engine, EngineError, NewContainer, make, pod, service};

/// How long the record of a container may take to say how it ended, once it has: its unit cleans up meanwhile.
const CLEAN_UP: Duration = Duration::from_secs(30);
/// How long the journal may take to say what a container has written.
const JOURNAL: Duration = Duration::from_secs(60);

/// The containers of an engine.
#[derive(Debug, Clone, Copy)]
pub struct Containers<'a> {
    engine: &'a Engine,
}

impl<'a> Containers<'a> {
    pub(crate) fn of(engine: &'a Engine) -> Self {
        Self { engine }
    }

    /// Makes a container, and pulls its image where it is not there. Nothing runs yet.
    ///
    /// # Errors
    /// The image cannot be had, the options cannot work here, or the name is taken.
    pub fn create(self, new: NewContainer) -> Result<Container<'a>, EngineError> {
        let store = self.engine.store();
        let (created, _) = make(store, new, Supervisor::Transient, &Silent, || Ok::<(), EngineError>(()))?;
        Ok(self.container(created.record.id.as_str().to_owned(), created.record.name.clone()))
    }

    /// The container of this name, ID or beginning of an ID.
    ///
    /// # Errors
    /// There is none, or more than one.
    pub fn get(self, name_or_id: &str) -> Result<Container<'a>, EngineError> {
        let record = record::find(self.engine.store(), name_or_id)?;
        Ok(self.container(record.id.as_str().to_owned(), record.name))
    }

    /// The records of all, those that have ended as well.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn list(self) -> Result<Vec<Record>, EngineError> {
        Ok(record::list(self.engine.store())?)
    }

    fn container(self, id: String, name: String) -> Container<'a> {
        Container {
            engine: self.engine,
            id,
            name,
        }
    }
}

/// One container. It is looked up anew by each call: others may have stopped or removed it.
#[derive(Debug, Clone)]
pub struct Container<'a> {
    engine: &'a Engine,
    id: String,
    name: String,
}

impl Container<'_> {
    /// Its ID, 64 hexadecimal digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is known about it.
    ///
    /// # Errors
    /// It is gone.
    pub fn record(&self) -> Result<Record, EngineError> {
        Ok(record::find(self.engine.store(), &self.id)?)
    }

    /// Whether it was started, runs, has ended.
    ///
    /// # Errors
    /// It is gone.
    pub fn state(&self) -> Result<State, EngineError> {
        Ok(self.record()?.state())
    }

    /// All that can be said of it, as `unipod inspect` prints it.
    ///
    /// # Errors
    /// It is gone, or the store cannot be read.
    pub fn inspect(&self) -> Result<Value, EngineError> {
        let (store, record) = (self.engine.store(), self.record()?);
        let used = record.image.as_ref().map(|used| image::find(store, &used.id));
        Ok(inspect::inspect(store, &record, used.transpose()?.flatten().as_ref()))
    }

    /// Starts it in a service of its own, and returns when it is ready. One that runs is left as it is.
    ///
    /// # Errors
    /// It does not start; what was made for it stays to be looked at, unless it is to be removed at its end.
    pub fn start(&self) -> Result<(), EngineError> {
        let record = self.record()?;
        if record.state() == State::Running {
            return Ok(());
        }
        Ok(pod::service::start_container(
            self.engine.store(),
            &record,
            &self.engine.program()?,
        )?)
    }

    /// Waits until it has ended; its exit code, 128 + the signal's number if one ended it. `None` if nobody knows: it has never run,
    /// or was removed before.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn wait(&self) -> Result<Option<i32>, EngineError> {
        let Some((record, init)) = self.now()?.and_then(|record| record.process.map(|init| (record, init))) else {
            return self.exit_code();
        };
        let store = self.engine.store();
        let awaited = remove::await_end(store, &record)?;
        if let Some(handle) = init.open() {
            while !handle
                .wait(Duration::from_secs(3600))
                .map_err(|source| self.unwatched(source))?
            {}
        }
        let deadline = Instant::now() + CLEAN_UP;
        let unknown = |now: Record| now.exit.is_none() && now.process == Some(init);
        while self.now()?.is_some_and(unknown) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        let code = self.exit_code()?;
        remove::end_known(store, &record, awaited)?;
        Ok(code.or_else(|| service::exit_code(&record)))
    }

    /// Whether it is as `condition` says; one that is gone has ended, and was removed.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn is(&self, condition: Condition) -> Result<bool, EngineError> {
        let store = self.engine.store();
        Ok(self
            .now()?
            .map_or(condition.is_of_the_gone(), |now| condition.is_met(store, &now)))
    }

    /// What it has written so far to its standard output and error: the journal has it, as long as it keeps it. Where that may
    /// be much, [`Self::log`] is the way.
    ///
    /// # Errors
    /// It is gone, or the journal cannot be read.
    pub fn output(&self) -> Result<String, EngineError> {
        // What was written last may not be in a file yet. Where that cannot be asked for, the journal says what it has.
        let _ = child::output(Command::new("journalctl").arg("--sync"), b"", JOURNAL);
        let output = child::output(&mut self.log(false)?, b"", JOURNAL).map_err(EngineError::Journal)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The command that prints its output, and with `follow` goes on as long as it is not ended.
    ///
    /// # Errors
    /// It is gone, or belongs to no unit, and so to no journal.
    pub fn log(&self, follow: bool) -> Result<Command, EngineError> {
        let record = self.record()?;
        let unit = record.unit.ok_or_else(|| EngineError::NoLog(self.name.clone()))?;
        Ok(journal::command(&Query {
            unit: unit.name,
            invocation: None,
            user: !nix::unistd::geteuid().is_root(),
            follow,
            tail: None,
            since: Some(journal::moment(record.created)),
            until: None,
            timestamps: false,
        }))
    }

    /// Sends a signal to its init, by name (`TERM`, `SIGHUP`) or number.
    ///
    /// # Errors
    /// It does not run, or there is no such signal.
    pub fn kill(&self, signal: &str) -> Result<(), EngineError> {
        let number = signal::parse(signal).ok_or_else(|| ContainerError::Option {
            option: format!("signal {signal:?}"),
            reason: "there is no such signal; write TERM, SIGTERM or 15".to_owned(),
        })?;
        Ok(stop::kill(&self.record()?, number)?)
    }

    /// Stops it, and its unit with it. `timeout` is the number of seconds before SIGKILL, its own if not given.
    ///
    /// # Errors
    /// It is paused, or cannot be stopped.
    pub fn stop(&self, timeout: Option<u32>) -> Result<(), EngineError> {
        Ok(service::stop(&self.record()?, timeout)?)
    }

    /// Stops it if it runs, and starts it. One that belongs to somebody's unit is whatever comes when systemd restarts that unit, often
    /// another container of the same name. `timeout` is as in [`Self::stop`].
    ///
    /// # Errors
    /// It is paused, cannot be stopped, or does not start.
    pub fn restart(&self, timeout: Option<u32>) -> Result<(), EngineError> {
        let program = self.engine.program()?;
        Ok(service::restart(
            self.engine.store(),
            &self.record()?,
            &program,
            timeout,
        )?)
    }

    /// Freezes all its processes, until [`Self::unpause`]. What they were sent meanwhile waits for them.
    ///
    /// # Errors
    /// It does not run, is paused, or has no control group of its own.
    pub fn pause(&self) -> Result<(), EngineError> {
        Ok(pause::pause(&self.record()?)?)
    }

    /// Lets its processes go on.
    ///
    /// # Errors
    /// It is not paused.
    pub fn unpause(&self) -> Result<(), EngineError> {
        Ok(pause::unpause(&self.record()?)?)
    }

    /// What it uses at the moment; `None` if it does not run. The difference of two such samples is what it used in between.
    ///
    /// # Errors
    /// It is gone.
    pub fn stats(&self) -> Result<Option<Sample>, EngineError> {
        Ok(Sample::of(&self.record()?))
    }

    /// Its processes, in the columns that `words` name (`pid`, `user`, `args`; [`unipod_container::top::descriptors`]), or podman's
    /// default ones.
    ///
    /// # Errors
    /// It does not run, or there is no such column.
    pub fn top(&self, words: &[&str]) -> Result<Table, EngineError> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Ok(top(&self.record()?, &words)?)
    }

    /// Removes it and its volumes without names; it must have ended. See [`Self::remove_with`] for more.
    ///
    /// # Errors
    /// It runs, is gone, or something of it cannot be removed.
    pub fn remove(self) -> Result<(), EngineError> {
        self.remove_with(RemoveOptions {
            volumes: true,
            ..RemoveOptions::default()
        })
    }

    /// Removes it as `options` say.
    ///
    /// # Errors
    /// As [`Self::remove`].
    pub fn remove_with(self, options: RemoveOptions) -> Result<(), EngineError> {
        Ok(service::remove(self.engine.store(), &self.record()?, options)?)
    }

    /// Its record, if it is still there: the name may be another container's by now.
    fn now(&self) -> Result<Option<Record>, EngineError> {
        let found = record::by_name(self.engine.store(), &self.name)?;
        Ok(found.filter(|record| record.id.as_str() == self.id))
    }

    fn exit_code(&self) -> Result<Option<i32>, EngineError> {
        Ok(self.now()?.and_then(|record| record.exit).map(|exit| exit.code))
    }

    fn unwatched(&self, source: std::io::Error) -> EngineError {
        ContainerError::Io {
            action: "wait for the container",
            path: self.name.clone().into(),
            source,
        }
        .into()
    }
}
