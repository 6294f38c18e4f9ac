//! Names: of the service that a unit becomes, and of the thing (volume, network …) that others refer to.

use systemd_unit_parser::Lookup;

use crate::unit::{Unit, UnitType};

/// All units of one run, with their names resolved.
#[derive(Debug, Default)]
pub struct Registry {
    /// In order of conversion.
    pub units: Vec<Named>,
    /// Their indices, sorted by file name.
    by_name: Vec<usize>,
}

/// A unit and the names derived from it.
#[derive(Debug)]
pub struct Named {
    /// The unit.
    pub unit: Unit,
    /// Name of its service, without `.service`.
    pub service: String,
    /// Name that other units get when they refer to it; `None` where nothing can be referred to.
    pub resource: Option<String>,
}

impl Named {
    fn new(unit: Unit) -> Self {
        let section = unit.document.lookup(unit.unit_type.section());
        let service = service_name(&unit, &section);
        let resource = resource_name(&unit, &section, &service);
        Self {
            unit,
            service,
            resource,
        }
    }

    /// The file name of its service, `web.service`.
    pub fn service_file(&self) -> String {
        [&self.service, ".service"].concat()
    }
}

impl Registry {
    /// Resolves the names of all units. They are sorted by conversion class; within a class their order stays.
    pub fn new(mut units: Vec<Unit>) -> Self {
        units.sort_by_key(|unit| unit.unit_type.class());
        let units: Vec<Named> = units.into_iter().map(Named::new).collect();
        let mut by_name: Vec<usize> = (0..units.len()).collect();
        by_name.sort_by(|a, b| units[*a].unit.name.cmp(&units[*b].unit.name));
        Self { units, by_name }
    }

    /// The unit with exactly this file name.
    pub fn find(&self, name: &str) -> Option<usize> {
        let name_of = |index: &usize| self.units[*index].unit.name.as_str();
        let found = self.by_name.binary_search_by(|index| name_of(index).cmp(name));
        found.ok().map(|place| self.by_name[place])
    }

    /// The file names of all units.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.units.iter().map(|named| named.unit.name.as_str())
    }
}

/// `ServiceName=` as it is; else the stem and the type's suffix, which goes before the `@` of a template.
fn service_name(unit: &Unit, section: &Lookup<'_>) -> String {
    if let Some(name) = section.scalar("ServiceName") {
        return name.to_owned();
    }
    let (stem, suffix) = (unit.parts().stem(), unit.unit_type.suffix());
    match stem.strip_suffix('@') {
        Some(stem) if unit.is_template() => [stem, suffix, "@"].concat(),
        _ => [stem, suffix].concat(),
    }
}

/// The name of what the unit stands for, if it can be known before systemd expands specifiers.
fn resource_name(unit: &Unit, section: &Lookup<'_>, service: &str) -> Option<String> {
    let given = |key: &str| section.nonempty(key).map(str::to_owned);
    match unit.unit_type {
        UnitType::Container => {
            let name = container_name(unit, section).replace("%N", service);
            (!name.contains('%')).then_some(name)
        }
        UnitType::Pod => Some(given("PodName").unwrap_or_else(|| format!("systemd-{}", unit.parts().stem()))),
        UnitType::Volume => Some(given("VolumeName").unwrap_or_else(|| default_name(unit))),
        UnitType::Network => Some(given("NetworkName").unwrap_or_else(|| default_name(unit))),
        UnitType::Image => given("ImageTag").or_else(|| given("Image")),
        UnitType::Artifact => given("Artifact"),
        UnitType::Build => section.lines("ImageTag").first().map(|&tag| tag.to_owned()),
        UnitType::Kube => None,
    }
}

/// `ContainerName=`, or a name that systemd derives from the service's.
pub(crate) fn container_name<'a>(unit: &Unit, section: &Lookup<'a>) -> &'a str {
    let default = if unit.name.contains('@') {
        "systemd-%p_%i"
    } else {
        "systemd-%N"
    };
    section.nonempty("ContainerName").unwrap_or(default)
}

/// The name of a volume or network that names none: a template's has a place for the instance, and an instance's is
/// what its template's becomes. (The reference loses a letter of the instance there.)
fn default_name(unit: &Unit) -> String {
    let parts = unit.parts();
    match parts.instance() {
        Some(instance) => format!("systemd-{}-{instance}", parts.prefix()),
        None if parts.has_at() => format!("systemd-{}-%i", parts.prefix()),
        None => ["systemd-", parts.stem()].concat(),
    }
}

/// Whether systemd accepts a service of this name (`unit_name_is_valid` of systemd: letters, digits, `:-_.\@`).
pub(crate) fn is_valid_name(name: &str) -> bool {
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte);
    !name.is_empty() && !name.starts_with('@') && name.len() + ".service".len() < 256 && name.bytes().all(is_valid)
}
