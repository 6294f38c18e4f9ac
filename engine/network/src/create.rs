//! New networks: what was asked for, checked and completed.

use super::complete::complete;
use super::definition::{self, Network, check_name, default_name};
use super::state::users;
pub use super::wanted::{Wanted, WantedSubnet};
use super::{NetworkError, definition::path};
use unipod_store::{Lock, Store, remove_tree};

/// Names that `--network` gives a meaning of their own.
const RESERVED: [&str; 9] = [
    "bridge",
    "container",
    "default",
    "host",
    "none",
    "ns",
    "pasta",
    "private",
    "slirp4netns",
];

/// What came of [`create`].
#[derive(Debug, PartialEq, Eq)]
pub enum Created {
    /// The network was made.
    New,
    /// It was there already, just like this, or with `--ignore` under another definition that nothing used: replaced.
    Replaced,
    /// It was there already as it was asked for.
    Same,
    /// With `--ignore`: it is there under another definition, and these containers use it.
    KeptInUse(Vec<String>),
}

/// Makes a network. With `ignore`, one that exists is brought up to date if anything is asked for and no container is on it.
pub fn create(store: &Store, wanted: &Wanted, ignore: bool) -> Result<Created, NetworkError> {
    check_name(&wanted.name)?;
    if RESERVED.contains(&wanted.name.as_str()) {
        return Err(NetworkError::invalid(
            "network name",
            &wanted.name,
            "it has a meaning of its own for --network",
        ));
    }
    // One at a time: two networks must not choose the same subnet. Then against leases on the network itself.
    let _all = Lock::acquire(store, "network", ".create")?;
    let _this = Lock::acquire(store, "network", &wanted.name)?;
    let networks = definition::list(store)?;
    let (mine, others): (Vec<Network>, Vec<Network>) = networks.into_iter().partition(|n| n.name == wanted.name);
    let existing = mine.into_iter().next();
    if existing.is_some() && !ignore {
        return Err(NetworkError::Exists(wanted.name.clone()));
    }
    if ignore && (wanted.name == default_name() || existing.is_some() && wanted.asks_for_nothing()) {
        return Ok(Created::Same);
    }
    let network = complete(wanted, existing.as_ref(), &others)?;
    let Some(existing) = existing else {
        network.save(store)?;
        return Ok(Created::New);
    };
    if network == existing {
        return Ok(Created::Same);
    }
    let users: Vec<String> = users(store, &wanted.name)?.into_iter().map(|u| u.name).collect();
    if !users.is_empty() {
        return Ok(Created::KeptInUse(users));
    }
    network.save(store)?;
    Ok(Created::Replaced)
}

/// Removes a network. Unless forced, not while a container is on it.
pub fn remove(store: &Store, name: &str, force: bool) -> Result<Network, NetworkError> {
    let network = match definition::find(store, name) {
        // What is left of it can only go.
        Err(NetworkError::NotFound(_)) if check_name(name).is_ok() && path(store, name).exists() => Network {
            name: name.to_owned(),
            ..Network::default_network()
        },
        found => found?,
    };
    let name = &network.name;
    if name == default_name() {
        return Err(NetworkError::invalid(
            "network",
            name,
            "the default network cannot be removed",
        ));
    }
    let _lock = Lock::acquire(store, "network", name)?;
    let users: Vec<String> = users(store, name)?.into_iter().map(|u| u.name).collect();
    if !users.is_empty() && !force {
        return Err(NetworkError::InUse {
            name: name.clone(),
            users,
        });
    }
    remove_tree(&path(store, name))?;
    if users.is_empty() {
        remove_tree(&store.leases(name))?;
    }
    Ok(network)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use unipod_store::testing::store;

    fn wanted(name: &str) -> Wanted {
        Wanted {
            name: name.into(),
            ..Wanted::default()
        }
    }

    fn on(name: &str, subnet: &str, gateway: Option<&str>, range: Option<&str>) -> Wanted {
        let subnet = WantedSubnet {
            subnet: subnet.parse().unwrap(),
            gateway: gateway.map(|g| g.parse().unwrap()),
            range: range.map(Into::into),
        };
        Wanted {
            subnets: vec![subnet],
            ..wanted(name)
        }
    }

    #[test]
    fn an_edited_definition_is_applied_unless_a_container_is_on_the_network() {
        let (_dir, store) = store();
        assert_eq!(create(&store, &wanted("n"), true).unwrap(), Created::New);
        assert_eq!(create(&store, &wanted("n"), true).unwrap(), Created::Same);
        assert!(matches!(
            create(&store, &wanted("n"), false),
            Err(NetworkError::Exists(_))
        ));
        let before = definition::find(&store, "n").unwrap();
        let edited = Wanted {
            internal: true,
            ..wanted("n")
        };
        assert_eq!(create(&store, &edited, true).unwrap(), Created::Replaced);
        let after = definition::find(&store, "n").unwrap();
        assert!(after.internal);
        assert_eq!(
            (after.id, after.subnets[0].subnet),
            (before.id, before.subnets[0].subnet)
        );

        let state = r#"{"container_id":"1","container_name":"web","networks":{"n":{"interface_name":"eth0"}},"network_info":{}}"#;
        std::fs::create_dir_all(store.run().join("netstate")).unwrap();
        std::fs::write(store.run().join("netstate/1.json"), state).unwrap();
        assert_eq!(create(&store, &wanted("n"), true).unwrap(), Created::Same);
        let other = on("n", "10.99.0.0/24", None, None);
        assert_eq!(
            create(&store, &other, true).unwrap(),
            Created::KeptInUse(vec!["web".into()])
        );
        assert!(matches!(remove(&store, "n", false), Err(NetworkError::InUse { .. })));
        remove(&store, "n", true).unwrap();
        assert!(definition::load(&store, "n").unwrap().is_none());
    }

    #[test]
    fn subnets_and_bridges_are_not_given_twice() {
        let (_dir, store) = store();
        for name in ["a", "b"] {
            create(&store, &wanted(name), false).unwrap();
        }
        let (a, b) = (
            definition::find(&store, "a").unwrap(),
            definition::find(&store, "b").unwrap(),
        );
        assert_ne!(a.subnets, b.subnets);
        assert_ne!(a.network_interface, b.network_interface);
    }

    #[test]
    fn options_become_podmans_definition() {
        let (_dir, store) = store();
        let options = [
            ("com.docker.network.driver.mtu", "1400"),
            ("com.docker.network.bridge.name", "br-x"),
        ];
        let options = options.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let wanted = Wanted {
            ipv6: true,
            options,
            ..on("n", "10.3.0.0/24", None, Some("10.3.0.64/26"))
        };
        create(&store, &wanted, false).unwrap();
        let network = definition::find(&store, "n").unwrap();
        let range = network.subnets[0].lease_range.clone().unwrap();
        assert_eq!(range.start_ip.unwrap().to_string(), "10.3.0.65");
        assert_eq!(range.end_ip.unwrap().to_string(), "10.3.0.126");
        assert_eq!(network.subnets[0].gateway.unwrap().to_string(), "10.3.0.1");
        assert!(network.subnets[1].gateway.unwrap().to_string().ends_with("::1"));
        assert_eq!(network.options, BTreeMap::from([("mtu".into(), "1400".into())]));
        assert_eq!(network.network_interface.as_deref(), Some("br-x"));
        assert!(network.dns_enabled && network.ipv6_enabled);
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        let (_dir, store) = store();
        create(&store, &on("taken", "10.3.0.0/24", None, None), false).unwrap();
        let options = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
        let cases = [
            (wanted("host"), "meaning of its own"),
            (wanted("a/b"), "names must match"),
            (on("n", "10.3.0.128/25", None, None), "already used by network taken"),
            (
                on("n", "10.4.0.0/24", Some("10.5.0.1"), None),
                "not in subnet 10.4.0.0/24",
            ),
            (
                on("n", "10.4.0.0/24", None, Some("10.4.0.9-10.4.0.2")),
                "runs backwards",
            ),
            (on("n", "10.4.0.0/24", None, Some("10.4.1.0/24")), "not in subnet"),
            (
                on("n", "10.4.0.0/24", None, Some("some")),
                "neither CIDR nor FIRST-LAST",
            ),
            (
                Wanted {
                    driver: "overlay".into(),
                    ..wanted("n")
                },
                "unsupported driver overlay",
            ),
            (
                Wanted {
                    driver: "macvlan".into(),
                    ..wanted("n")
                },
                "needs --subnet",
            ),
            (
                Wanted {
                    ipam_driver: "dhcp".into(),
                    ..wanted("n")
                },
                "dhcp proxy",
            ),
            (
                Wanted {
                    options: options("colour", "red"),
                    ..wanted("n")
                },
                "network option colour",
            ),
            (
                Wanted {
                    options: options("mtu", "big"),
                    ..wanted("n")
                },
                "expected a number",
            ),
            (
                Wanted {
                    interface: Some("lo".into()),
                    ..wanted("n")
                },
                "cannot name an interface",
            ),
            (
                Wanted {
                    interface: Some("podman0".into()),
                    ..wanted("n")
                },
                "bridge of network podman",
            ),
            (
                Wanted {
                    dns: vec!["9.9.9.9".parse().unwrap()],
                    disable_dns: true,
                    ..wanted("n")
                },
                "no names to serve",
            ),
        ];
        for (wanted, why) in cases {
            let error = create(&store, &wanted, false).unwrap_err().to_string();
            assert!(error.contains(why), "{error:?} should say {why:?}");
            assert!(definition::find(&store, "n").is_err());
        }
    }
}
