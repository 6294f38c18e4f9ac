//! Slices with limits of their own, systemd.slice(5), systemd.resource-control(5).

use zbus::Variant;

use super::manager::{self, ManagerError};

/// The value of a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limit {
    /// A number; [`manager::INFINITY`] for none.
    Number(u64),
    /// A set of bits, the lowest first: processors, memory nodes.
    Set(Vec<u8>),
}

/// Starts a transient slice with these limits, by the names of their properties. One that is there gets them.
///
/// # Errors
/// systemd cannot be reached, or refuses a limit.
pub fn start(name: &str, limits: &[(&str, Limit)]) -> Result<(), ManagerError> {
    let properties: Vec<(&str, Variant<'_>)> = limits
        .iter()
        .map(|(property, limit)| (*property, variant(limit)))
        .collect();
    zbus::block_on(async {
        let manager = manager::connect().await?;
        let started = manager.start_transient_unit(name, "fail", &properties, &[]).await;
        match started {
            Err(error) if manager::is(&error, "UnitExists") => {
                let changed = manager.set_unit_properties(name, true, &properties).await;
                changed.map_err(manager::refused("change", name))
            }
            other => other.map(drop).map_err(manager::refused("start", name)),
        }
    })
}

fn variant(limit: &Limit) -> Variant<'_> {
    match limit {
        Limit::Number(number) => Variant::from(*number),
        Limit::Set(bits) => Variant::from(bits.clone()),
    }
}
