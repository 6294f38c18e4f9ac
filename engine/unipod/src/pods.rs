//! Pods, and what can be done with one.

use serde_json::Value;
use unipod_bundle::values::signal;
use unipod_container::ContainerError;
use unipod_container::record::Record;
use unipod_pod::create::{CreateRequest, create};
use unipod_pod::service::{self, Removal};
use unipod_pod::{self as pod, PodOptions, State, inspect, member, members, record};

use crate::{Engine, EngineError};

/// What a pod is to be. What nobody says is as `unipod pod create` without options has it.
#[derive(Debug, Default)]
pub struct NewPod {
    /// Its name; a random one if not given.
    pub name: Option<String>,
    /// What it shares, publishes and hands to its members.
    pub options: PodOptions,
    /// Whether a pod that has its name is removed first, with its members.
    pub replace: bool,
}

impl NewPod {
    /// A pod of this name.
    pub fn named(name: &str) -> Self {
        Self {
            name: Some(name.to_owned()),
            ..Self::default()
        }
    }
}

/// The pods of an engine.
#[derive(Debug, Clone, Copy)]
pub struct Pods<'a> {
    engine: &'a Engine,
}

impl<'a> Pods<'a> {
    pub(crate) fn of(engine: &'a Engine) -> Self {
        Self { engine }
    }

    /// Makes a pod. Nothing is shared and nothing runs yet. Containers are made in it with [`crate::NewContainer::in_pod`].
    ///
    /// # Errors
    /// An option cannot work here, or the name is taken.
    pub fn create(self, new: NewPod) -> Result<Pod<'a>, EngineError> {
        let NewPod { name, options, replace } = new;
        let request = CreateRequest {
            options,
            name,
            unit: None,
            replace,
        };
        Ok(self.pod(create(self.engine.store(), request)?))
    }

    /// The pod of this name, ID or beginning of an ID.
    ///
    /// # Errors
    /// There is none, or more than one.
    pub fn get(self, name_or_id: &str) -> Result<Pod<'a>, EngineError> {
        Ok(self.pod(record::find(self.engine.store(), name_or_id)?))
    }

    /// The records of all, those that have ended as well; oldest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn list(self) -> Result<Vec<pod::Pod>, EngineError> {
        Ok(record::list(self.engine.store())?)
    }

    fn pod(self, record: pod::Pod) -> Pod<'a> {
        Pod {
            engine: self.engine,
            id: record.id.as_str().to_owned(),
            name: record.name,
        }
    }
}

/// One pod. It is looked up anew by each call: others may have stopped or removed it.
#[derive(Debug, Clone)]
pub struct Pod<'a> {
    engine: &'a Engine,
    id: String,
    name: String,
}

impl Pod<'_> {
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
    pub fn record(&self) -> Result<pod::Pod, EngineError> {
        Ok(record::find(self.engine.store(), &self.id)?)
    }

    /// The records of its containers, oldest first.
    ///
    /// # Errors
    /// It is gone, or the store cannot be read.
    pub fn members(&self) -> Result<Vec<Record>, EngineError> {
        Ok(member::members(self.engine.store(), &self.record()?)?)
    }

    /// What it does, seen by its containers.
    ///
    /// # Errors
    /// As [`Self::members`].
    pub fn state(&self) -> Result<State, EngineError> {
        Ok(State::of(self.engine.store(), &self.record()?, &self.members()?))
    }

    /// All that can be said of it, as `unipod pod inspect` prints it.
    ///
    /// # Errors
    /// As [`Self::members`].
    pub fn inspect(&self) -> Result<Value, EngineError> {
        Ok(inspect::inspect(self.engine.store(), &self.record()?)?)
    }

    /// Starts it and all its containers that do not run, each as a service of its own, and returns when they are ready.
    ///
    /// # Errors
    /// It does not start, or one of its containers; those that did start go on.
    pub fn start(&self) -> Result<(), EngineError> {
        let program = self.engine.program()?;
        Ok(service::start(self.engine.store(), &self.record()?, &program)?)
    }

    /// Stops its containers, and then itself. `timeout` is the number of seconds before SIGKILL, each container's own if not given.
    ///
    /// # Errors
    /// One of them cannot be stopped.
    pub fn stop(&self, timeout: Option<u32>) -> Result<(), EngineError> {
        Ok(service::stop(self.engine.store(), &self.record()?, timeout)?)
    }

    /// Stops it and starts it again, with all its containers, in new namespaces.
    ///
    /// # Errors
    /// As [`Self::stop`] and [`Self::start`].
    pub fn restart(&self) -> Result<(), EngineError> {
        let program = self.engine.program()?;
        Ok(service::restart(self.engine.store(), &self.record()?, &program)?)
    }

    /// Sends a signal to the init of each of its containers that runs, by name (`TERM`, `SIGHUP`) or number.
    ///
    /// # Errors
    /// There is no such signal, or it may not be sent.
    pub fn kill(&self, signal: &str) -> Result<(), EngineError> {
        let number = signal::parse(signal).ok_or_else(|| ContainerError::Option {
            option: format!("signal {signal:?}"),
            reason: "there is no such signal; write TERM, SIGTERM or 15".to_owned(),
        })?;
        Ok(members::kill(self.engine.store(), &self.record()?, number)?)
    }

    /// Freezes all processes of its containers that run, until [`Self::unpause`]. Whether there was one.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn pause(&self) -> Result<bool, EngineError> {
        Ok(members::pause(self.engine.store(), &self.record()?)?)
    }

    /// Lets the processes of its containers that are paused go on. Whether there was one.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn unpause(&self) -> Result<bool, EngineError> {
        Ok(members::unpause(self.engine.store(), &self.record()?)?)
    }

    /// Removes it and its containers, which must have ended. See [`Self::remove_with`] for more.
    ///
    /// # Errors
    /// A container runs, it is gone, or something of it cannot be removed.
    pub fn remove(self) -> Result<(), EngineError> {
        self.remove_with(Removal::default())
    }

    /// Removes it and its containers as `how` says.
    ///
    /// # Errors
    /// As [`Self::remove`].
    pub fn remove_with(self, how: Removal) -> Result<(), EngineError> {
        Ok(service::remove(self.engine.store(), &self.record()?, how)?)
    }
}
