//! What systemd knows about units, read over D-Bus (org.freedesktop.systemd1(5)). Nothing here changes anything.

use std::collections::HashMap;

use zbus::fdo::PropertiesProxy;
use zbus::names::InterfaceName;
use zbus::{OwnedObjectPath, OwnedVariant};

use super::manager::{Listed, ManagerError, ManagerProxy, connect_to};

/// The interface of all units.
const UNIT: &str = "org.freedesktop.systemd1.Unit";

/// A connection to the manager of the system, or of a user.
#[derive(Debug)]
pub struct Units {
    manager: ManagerProxy<'static>,
}

/// The states of one unit.
#[derive(Debug, Clone)]
pub struct State {
    /// The unit's name.
    pub name: String,
    /// `loaded`, `not-found`, `masked` …
    pub load: String,
    /// `active`, `inactive`, `failed` …
    pub active: String,
    /// Finer than that, `running`.
    pub sub: String,
}

/// The properties of one unit, of all interfaces that it has, by name.
#[derive(Debug, Default)]
pub struct Properties(HashMap<String, OwnedVariant>);

impl Units {
    /// Connects.
    ///
    /// # Errors
    /// There is no bus, or no systemd on it.
    pub fn connect(user: bool) -> Result<Self, ManagerError> {
        let manager = zbus::block_on(connect_to(user))?;
        Ok(Self { manager })
    }

    /// The properties of a unit. One that systemd does not know has `LoadState` `not-found`.
    ///
    /// # Errors
    /// The name is not one of a unit, or systemd does not answer.
    pub fn properties(&self, unit: &str) -> Result<Properties, ManagerError> {
        let answer = zbus::block_on(self.read(unit));
        answer.map(Properties).map_err(|source| ManagerError::Refused {
            action: "show",
            unit: unit.to_owned(),
            source,
        })
    }

    /// One property that every unit has, of which systemd need not work out the others; `None` if it is of another type.
    ///
    /// # Errors
    /// As [`Self::properties`].
    pub fn property<T: TryFrom<OwnedVariant>>(&self, unit: &str, name: &str) -> Result<Option<T>, ManagerError> {
        let read = async {
            let path = self.manager.load_unit(unit).await?;
            let properties = self.properties_at(path).await?;
            Ok(properties.get(InterfaceName::try_from(UNIT)?, name).await?)
        };
        let value = zbus::block_on(read).map_err(|source| ManagerError::Refused {
            action: "show",
            unit: unit.to_owned(),
            source,
        })?;
        Ok(value.try_into().ok())
    }

    /// Whether systemd is about to do something with a unit.
    ///
    /// # Errors
    /// As [`Self::properties`].
    pub fn has_job(&self, unit: &str) -> Result<bool, ManagerError> {
        let job = self.property::<(u32, OwnedObjectPath)>(unit, "Job")?;
        Ok(job.is_some_and(|(id, _)| id != 0))
    }

    /// The exit code of the main process of one start of a service, 128 + the signal's number if one ended it; `None` if it runs, or
    /// systemd does not know any more.
    ///
    /// # Errors
    /// As [`Self::properties`].
    pub fn exit_code(&self, service: &str, invocation: &str) -> Result<Option<i32>, ManagerError> {
        let mut properties = self.properties(service)?;
        let last = hex::encode(properties.take::<Vec<u8>>("InvocationID").unwrap_or_default());
        let status = properties.take::<i32>("ExecMainStatus").filter(|_| last == invocation);
        Ok(match properties.take("ExecMainCode") {
            Some(libc::CLD_EXITED) => status,
            Some(libc::CLD_KILLED | libc::CLD_DUMPED) => status.map(|signal| 128 + signal),
            _ => None,
        })
    }

    /// `enabled`, `disabled`, `generated` …; also for templates, which have no other properties.
    pub fn file_state(&self, unit: &str) -> Option<String> {
        zbus::block_on(self.manager.get_unit_file_state(unit)).ok()
    }

    /// What systemd is about to do with a unit: `start`, `stop`, `restart` …; `None` if nothing.
    ///
    /// # Errors
    /// systemd does not answer. A job that has ended meanwhile is none.
    pub fn job_of(&self, unit: &mut Properties) -> Result<Option<String>, ManagerError> {
        let Some((_, path)) = unit.take::<(u32, OwnedObjectPath)>("Job").filter(|(id, _)| *id != 0) else {
            return Ok(None);
        };
        let read = async {
            let job = self.properties_at(path).await?;
            job.get(InterfaceName::try_from("org.freedesktop.systemd1.Job")?, "JobType")
                .await
        };
        match zbus::block_on(read) {
            Ok(kind) => Ok(kind.try_into().ok()),
            Err(zbus::fdo::Error::UnknownObject(_)) => Ok(None),
            Err(error) => Err(ManagerError::Refused {
                action: "show the job of",
                unit: unit.text("Id"),
                source: error.into(),
            }),
        }
    }

    /// The states of units, and of those loaded ones whose name matches a pattern (glob(7)).
    ///
    /// # Errors
    /// A name is not one of a unit, or systemd does not answer.
    pub fn states(&self, names: &[String], patterns: &[String]) -> Result<Vec<State>, ManagerError> {
        let state = |(name, _, load, active, sub, ..): Listed| State {
            name,
            load,
            active,
            sub,
        };
        let answer = zbus::block_on(self.list(names, patterns));
        let listed = answer.map_err(|source| ManagerError::Refused {
            action: "list",
            unit: [names, patterns].concat().join(" "),
            source,
        })?;
        Ok(listed.into_iter().map(state).collect())
    }

    async fn list(&self, names: &[String], patterns: &[String]) -> zbus::Result<Vec<Listed>> {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let mut listed = self.manager.list_units_by_names(&names).await?;
        if !patterns.is_empty() {
            // Without a pattern it lists everything.
            listed.extend(self.manager.list_units_by_patterns(&[], &patterns).await?);
        }
        Ok(listed)
    }

    async fn read(&self, unit: &str) -> zbus::Result<HashMap<String, OwnedVariant>> {
        let path = self.manager.load_unit(unit).await?;
        let properties = self.properties_at(path).await?;
        let mut all = HashMap::new();
        for interface in interfaces(unit) {
            all.extend(properties.get_all(InterfaceName::try_from(*interface)?).await?);
        }
        Ok(all)
    }

    async fn properties_at(&self, path: OwnedObjectPath) -> zbus::Result<PropertiesProxy<'_>> {
        PropertiesProxy::builder(self.manager.inner().connection())
            .destination("org.freedesktop.systemd1")
            .path(path)
            .build()
            .await
    }
}

fn interfaces(unit: &str) -> &'static [&'static str] {
    match unit.rsplit_once('.') {
        Some((_, "service")) => &[UNIT, "org.freedesktop.systemd1.Service"],
        Some((_, "timer")) => &[UNIT, "org.freedesktop.systemd1.Timer"],
        _ => &[UNIT],
    }
}

impl Properties {
    /// Takes the value out; `None` if this version of systemd has no such property, or none of this type.
    pub fn take<T: TryFrom<OwnedVariant>>(&mut self, name: &str) -> Option<T> {
        self.0.remove(name)?.try_into().ok()
    }

    /// A text; empty where there is none.
    pub fn text(&mut self, name: &str) -> String {
        self.take(name).unwrap_or_default()
    }

    /// A number; `None` also for "not set" and "infinity", which systemd writes as the largest one.
    pub fn number(&mut self, name: &str) -> Option<u64> {
        self.take(name).filter(|number| *number != u64::MAX)
    }
}
