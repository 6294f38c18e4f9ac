//! `--opt` of `network create`: what the drivers of netavark know, and the values that they take. netavark would find a wrong
//! one when a container starts, and then at each start.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::NetworkError;
use super::mode::parse_interface;

/// What a value may be.
#[derive(Debug, Clone, Copy)]
enum Value {
    Number,
    /// 0 leaves it open. An interface has at least 68 (RFC 791) and at most 65535 (Linux, `ETH_MAX_MTU`).
    Mtu,
    /// IEEE 802.1Q.
    Vlan,
    /// Signed: -1 turns it off (macvlan, `IFLA_MACVLAN_BC_CUTOFF`).
    Limit,
    Switch,
    SwitchOrStrict,
    OneOf(&'static [&'static str]),
    Interface,
    V4,
    V6,
}

type Known = &'static [(&'static str, Value)];

/// Of netavark's bridge driver (netavark 1.17).
const BRIDGE: Known = &[
    ("mtu", Value::Mtu),
    ("isolate", Value::SwitchOrStrict),
    ("metric", Value::Number),
    ("mode", Value::OneOf(&["managed", "unmanaged"])),
    ("vlan", Value::Vlan),
    ("vrf", Value::Interface),
    ("no_default_route", Value::Switch),
    ("outbound_addr4", Value::V4),
    ("outbound_addr6", Value::V6),
];

const MACVLAN: Known = &[
    ("parent", Value::Interface),
    ("mode", Value::OneOf(&["bridge", "private", "vepa", "passthru"])),
    ("mtu", Value::Mtu),
    ("metric", Value::Number),
    ("no_default_route", Value::Switch),
    ("bclim", Value::Limit),
];

const IPVLAN: Known = &[
    ("parent", Value::Interface),
    ("mode", Value::OneOf(&["l2", "l3", "l3s"])),
    ("mtu", Value::Mtu),
    ("metric", Value::Number),
    ("no_default_route", Value::Switch),
];

/// Options under netavark's names and in its words; those of docker that mean the same are translated.
///
/// # Errors
/// An option that the driver does not know, or a value that it does not take.
pub(super) fn checked(
    driver: &str,
    options: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, NetworkError> {
    let known = match driver {
        "macvlan" => MACVLAN,
        "ipvlan" => IPVLAN,
        _ => BRIDGE,
    };
    let mut result = BTreeMap::new();
    for (key, value) in options {
        let key = match key.as_str() {
            "com.docker.network.driver.mtu" => "mtu",
            "com.docker.network.bridge.name" if driver == "bridge" => {
                result.insert(key.clone(), value.clone());
                continue;
            }
            key => key,
        };
        let Some((_, kind)) = known.iter().find(|(name, _)| *name == key) else {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            let why = format!(
                "unsupported {driver} network option {key}: known are {}",
                names.join(", ")
            );
            return Err(NetworkError::Unsupported(why));
        };
        let value = kind
            .read(value)
            .map_err(|why| NetworkError::invalid("network option", format!("{key}={value}"), why))?;
        result.insert(key.to_owned(), value);
    }
    Ok(result)
}

impl Value {
    /// The value as netavark spells it, or what is expected.
    fn read(self, text: &str) -> Result<String, String> {
        let number = |good: fn(u32) -> bool| text.parse().is_ok_and(good);
        let good = match self {
            Self::Number => number(|_| true),
            Self::Mtu => number(|mtu| mtu == 0 || (68..=65535).contains(&mtu)),
            Self::Vlan => number(|vlan| vlan <= 4094),
            Self::Limit => text.parse::<i32>().is_ok(),
            Self::OneOf(words) => words.contains(&text),
            Self::V4 => text.parse::<Ipv4Addr>().is_ok(),
            Self::V6 => text.parse::<Ipv6Addr>().is_ok(),
            Self::Interface => return parse_interface(text),
            Self::SwitchOrStrict if text == "strict" => true,
            // netavark takes only these two words.
            Self::Switch | Self::SwitchOrStrict => {
                return switch(text).map(|on| on.to_string()).ok_or_else(|| self.expected());
            }
        };
        good.then(|| text.to_owned()).ok_or_else(|| self.expected())
    }

    fn expected(self) -> String {
        match self {
            Self::Number | Self::Limit => "the value is not a number".to_owned(),
            Self::Mtu => "expected a number from 68 to 65535, or 0".to_owned(),
            Self::Vlan => "expected a number from 0 to 4094".to_owned(),
            Self::Switch => "expected true or false".to_owned(),
            Self::SwitchOrStrict => "expected true, false or strict".to_owned(),
            Self::OneOf(words) => format!("expected one of {}", words.join(", ")),
            Self::Interface => "expected the name of an interface".to_owned(),
            Self::V4 => "expected an IPv4 address".to_owned(),
            Self::V6 => "expected an IPv6 address".to_owned(),
        }
    }
}

/// The words of Go's `strconv.ParseBool`, which podman takes.
fn switch(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(driver: &str, option: &str) -> Result<String, String> {
        let (key, value) = option.split_once('=').unwrap();
        let options = BTreeMap::from([(key.to_owned(), value.to_owned())]);
        let read = checked(driver, &options).map_err(|e| e.to_string())?;
        let words: Vec<String> = read.iter().map(|(k, v)| format!("{k}={v}")).collect();
        Ok(words.concat())
    }

    #[test]
    fn values_reach_netavark_in_its_own_words() {
        for (driver, option, expected) in [
            ("bridge", "no_default_route=1", "no_default_route=true"),
            ("bridge", "isolate=F", "isolate=false"),
            ("bridge", "isolate=strict", "isolate=strict"),
            ("bridge", "com.docker.network.driver.mtu=1400", "mtu=1400"),
            ("bridge", "mtu=0", "mtu=0"),
            ("bridge", "vlan=4094", "vlan=4094"),
            ("bridge", "outbound_addr6=fd00::1", "outbound_addr6=fd00::1"),
            ("macvlan", "mode=vepa", "mode=vepa"),
            ("macvlan", "bclim=-1", "bclim=-1"),
            ("ipvlan", "mode=l3s", "mode=l3s"),
        ] {
            assert_eq!(read(driver, option).as_deref(), Ok(expected), "{driver} {option}");
        }
    }

    #[test]
    fn what_would_fail_at_each_start_is_refused() {
        for (driver, option) in [
            ("bridge", "no_default_route=yes"),
            ("bridge", "isolate=STRICT"),
            ("bridge", "metric=-1"),
            ("bridge", "metric="),
            ("bridge", "mode=l2"),
            ("bridge", "mtu=70000"),
            ("bridge", "mtu=10"),
            ("bridge", "vlan=4095"),
            ("bridge", "vrf=a/b"),
            ("bridge", "outbound_addr4=fd00::1"),
            ("bridge", "outbound_addr6=10.0.0.1"),
            ("bridge", "bclim=1"),
            ("bridge", "parent=eth0"),
            ("macvlan", "mode=l2"),
            ("macvlan", "isolate=true"),
            ("macvlan", "bclim=many"),
            ("ipvlan", "mode=bridge"),
            ("ipvlan", "bclim=1"),
        ] {
            let error = read(driver, option).unwrap_err();
            let key = option.split('=').next().unwrap();
            assert!(error.contains(key), "{driver} {option}: {error}");
        }
    }
}
