//! netavark(1): its command line, its answer, its errors. Versions 1.4 to 1.17 agree on what is used here.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use serde::Deserialize;

use super::program::{self, Output, Run};
use super::state::{Input, input_path};
use super::{Attachment, Endpoint, NetworkError};
use unipod_linux::{child, pin};
use unipod_store::Store;

/// Start or end of a container's network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Setup,
    Teardown,
}

impl Action {
    fn name(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Teardown => "teardown",
        }
    }
}

/// Where netavark keeps aardvark-dns' configuration and its own.
pub(super) fn config_dir(store: &Store) -> PathBuf {
    store.run().join("networks")
}

/// Starts netavark on the state file that holds `input`.
pub(super) fn start(store: &Store, action: Action, input: &Input) -> Result<Run, NetworkError> {
    let id = &input.container_id;
    let config = config_dir(store);
    unipod_store::create_private(&config, unipod_store::Durability::ThisBoot)?;
    let mut args: Vec<OsString> = vec![
        "--file".into(),
        input_path(store, id).into(),
        "--config".into(),
        config.into(),
    ];
    args.extend([
        "--rootless".into(),
        (!nix::unistd::geteuid().is_root()).to_string().into(),
    ]);
    if let Ok(aardvark) = program::find("aardvark-dns") {
        args.extend(["--aardvark-binary".into(), aardvark.into()]);
    }
    let pin = pin::name_for_programs(&store.netns(id));
    args.extend([action.name().into(), pin.into()]);
    // Variables, not options: so that versions which know neither do not mind.
    let variables = [
        ("NETAVARK_FW", input.firewall_driver.clone()),
        ("NETAVARK_DNS_PORT", input.dns_port.map(|port| port.to_string())),
    ];
    let said = variables.into_iter().filter_map(|(name, value)| Some((name, value?)));
    Run::start(program::find("netavark")?, args, said)
}

/// Waits for netavark; its error becomes ours.
pub(super) fn wait(run: Run, action: Action) -> Result<String, NetworkError> {
    let output = run.wait()?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(NetworkError::Helper {
        program: "netavark",
        action: action.name(),
        message: message(&output),
    })
}

/// `{"error": "…"}` on standard output (or on standard error, as older versions had it), else whatever it said.
fn message(output: &Output) -> String {
    #[derive(Deserialize)]
    struct Failure {
        error: String,
    }
    let line = |text: &str| text.lines().find_map(|l| serde_json::from_str::<Failure>(l).ok());
    if let Some(failure) = line(&output.stdout).or_else(|| line(&output.stderr)) {
        return failure.error;
    }
    let said = child::words(output.stderr.as_bytes());
    if said.is_empty() {
        output.status.to_string()
    } else {
        format!("{said} ({})", output.status)
    }
}

/// netavark's answer, per network.
#[derive(Debug, Default, Deserialize)]
pub(super) struct StatusBlock {
    #[serde(default)]
    pub dns_search_domains: Option<Vec<String>>,
    #[serde(default)]
    pub dns_server_ips: Option<Vec<IpAddr>>,
    #[serde(default)]
    pub interfaces: Option<BTreeMap<String, Interface>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Interface {
    pub mac_address: String,
    #[serde(default)]
    pub subnets: Option<Vec<Address>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Address {
    pub ipnet: IpNet,
    #[serde(default)]
    pub gateway: Option<IpAddr>,
}

pub(super) fn parse_answer(text: &str) -> Result<BTreeMap<String, StatusBlock>, NetworkError> {
    serde_json::from_str(text).map_err(NetworkError::Answer)
}

/// The container's ends, in the order in which they were asked for.
pub(super) fn endpoints(
    answer: &BTreeMap<String, StatusBlock>,
    input: &Input,
    attachments: &[Attachment],
) -> Vec<Endpoint> {
    let endpoint = |attachment: &Attachment| {
        let name = &attachment.network;
        let interfaces = answer.get(name)?.interfaces.as_ref()?;
        let (interface, got) = interfaces.iter().next()?;
        let subnets = got.subnets.as_deref().unwrap_or_default();
        Some(Endpoint {
            network: name.clone(),
            interface: interface.clone(),
            mac: got.mac_address.clone(),
            addresses: subnets.iter().map(|s| s.ipnet.to_string()).collect(),
            gateways: subnets.iter().filter_map(|s| s.gateway).collect(),
            aliases: input.networks.get(name).map(|n| n.aliases.clone()).unwrap_or_default(),
        })
    };
    attachments.iter().filter_map(endpoint).collect()
}
