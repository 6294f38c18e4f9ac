//! `[Install]`: the links that enabling a service means. In a generator's directory nothing can be enabled, so they are
//! made there at once; where it can, [`crate::preset`] makes them.

use std::borrow::Cow;

use systemd_unit_parser::UnitFile;

use crate::paths::clean;

/// A symbolic link in the output directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its path, relative to the output directory.
    pub path: String,
    /// What it points to, relative to its own directory.
    pub target: String,
}

/// The keys that hang a service onto others, and the directories that do it.
const DEPENDENCIES: [(&str, &str); 3] = [
    ("WantedBy", "wants"),
    ("RequiredBy", "requires"),
    ("UpheldBy", "upholds"),
];

/// The links that the `[Install]` section of a unit asks for; `service` is the name without `.service`.
/// The second list tells which links are not made, and why; `source` is the unit's path.
pub fn links(document: &UnitFile, service: &str, source: &str) -> (Vec<Link>, Vec<String>) {
    let install = document.lookup("Install");
    if install.section().is_none() {
        return Default::default();
    }
    // One link is the rule.
    let (mut links, mut refused) = (Vec::with_capacity(1), Vec::new());
    let file = [service, ".service"].concat();
    for alias in install.words("Alias").iter().filter(|alias| !alias.is_empty()) {
        let path = clean(alias);
        if path.starts_with('/') || path.starts_with("..") || path == "." {
            refused.push(format!(
                "{source}: Alias={alias}: a link can only be made inside of the output directory"
            ));
        } else if path != file {
            let target = format!("{}{file}", "../".repeat(path.matches('/').count()));
            links.push(Link { path, target });
        }
    }
    if let Some(name) = linked_name(&file, install.nonempty("DefaultInstance")) {
        for (key, directory) in DEPENDENCIES {
            let units = install.words(key);
            let units = units.iter().filter(|unit| !unit.is_empty() && !unit.contains('/'));
            links.extend(units.map(|unit| Link {
                path: [unit, ".", directory, "/", &name].concat(),
                target: ["../", &file].concat(),
            }));
        }
    }
    refused.extend(install.take_warnings().iter().map(ToString::to_string));
    (links, refused)
}

/// The name under which a service is linked; a template needs an instance.
fn linked_name<'a>(file: &'a str, default_instance: Option<&str>) -> Option<Cow<'a, str>> {
    let Some(template) = file.strip_suffix("@.service") else {
        return Some(file.into());
    };
    let instance = default_instance.filter(|instance| !instance.contains('/'))?;
    Some(format!("{template}@{instance}.service").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(install: &str, service: &str) -> Vec<String> {
        let document = UnitFile::parse("t", format!("[Install]\n{install}").as_bytes()).expect("is a unit file");
        links(&document, service, "t")
            .0
            .into_iter()
            .map(|link| format!("{} -> {}", link.path, link.target))
            .collect()
    }

    #[test]
    fn links_follow_the_section() {
        for (install, service, expected) in [
            (
                "WantedBy=a.target b.target",
                "web",
                vec![
                    "a.target.wants/web.service -> ../web.service",
                    "b.target.wants/web.service -> ../web.service",
                ],
            ),
            (
                "UpheldBy=u.service\nRequiredBy=r.service",
                "web",
                vec![
                    "r.service.requires/web.service -> ../web.service",
                    "u.service.upholds/web.service -> ../web.service",
                ],
            ),
            ("WantedBy=a/b.target ../c", "web", vec![]),
            (
                "Alias=x.service d/./y.service",
                "web",
                vec!["x.service -> web.service", "d/y.service -> ../web.service"],
            ),
            ("Alias=/etc/x.service ../y.service web.service a/../../z", "web", vec![]),
            (
                "WantedBy=a.target\nAlias=z.service",
                "job@",
                vec!["z.service -> job@.service"],
            ),
            (
                "WantedBy=a.target\nDefaultInstance=7",
                "job@",
                vec!["a.target.wants/job@7.service -> ../job@.service"],
            ),
            (
                "WantedBy=a.target\nDefaultInstance=7",
                "job@3",
                vec!["a.target.wants/job@3.service -> ../job@3.service"],
            ),
            (
                "WantedBy=a.target\nWantedBy=\nWantedBy=b.target",
                "web",
                vec!["b.target.wants/web.service -> ../web.service"],
            ),
        ] {
            assert_eq!(made(install, service), expected, "{install}");
        }
    }
}
