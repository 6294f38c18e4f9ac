//! What systemd knows about units, read over D-Bus (org.freedesktop.systemd1(5)). Nothing here changes anything.

use std::collections::HashMap;

use zbus::OwnedVariant;
use zbus::fdo::PropertiesProxy;
use zbus::names::InterfaceName;

use super::manager::{ManagerError, ManagerProxy, connect_to};

/// A connection to the manager of the system, or of a user.
#[derive(Debug)]
pub struct Units {
    manager: ManagerProxy<'static>,
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

    /// `enabled`, `disabled`, `generated` …; also for templates, which have no other properties.
    pub fn file_state(&self, unit: &str) -> Option<String> {
        zbus::block_on(self.manager.get_unit_file_state(unit)).ok()
    }

    async fn read(&self, unit: &str) -> zbus::Result<HashMap<String, OwnedVariant>> {
        let path = self.manager.load_unit(unit).await?;
        let properties = PropertiesProxy::builder(self.manager.inner().connection())
            .destination("org.freedesktop.systemd1")
            .path(path)
            .build()
            .await?;
        let mut all = HashMap::new();
        for interface in interfaces(unit) {
            all.extend(properties.get_all(InterfaceName::try_from(*interface)?).await?);
        }
        Ok(all)
    }
}

fn interfaces(unit: &str) -> &'static [&'static str] {
    const UNIT: &str = "org.freedesktop.systemd1.Unit";
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
