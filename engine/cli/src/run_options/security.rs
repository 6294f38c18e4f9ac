//! What the container may do.

use clap::Args;

use super::values::{Switch, lists, pairs, refused};
use crate::error::CliError;
use unipod::bundle::ContainerOptions;
use unipod::bundle::devices::cdi::Name;

/// Options of rights and devices.
#[derive(Debug, Default, Args)]
pub(crate) struct SecurityOptions {
    /// Give the container all rights that the engine has
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) privileged: Option<Switch>,
    /// Add a capability, or all
    #[arg(long, value_name = "CAPABILITY")]
    pub(crate) cap_add: Vec<String>,
    /// Drop a capability, or all
    #[arg(long, value_name = "CAPABILITY")]
    pub(crate) cap_drop: Vec<String>,
    /// no-new-privileges, label=…, apparmor=…, seccomp=…, mask=…, unmask=…, proc-opts=…
    #[arg(long, value_name = "OPTION")]
    pub(crate) security_opt: Vec<String>,
    /// Add a device of the host, HOST[:CONTAINER][:rwm], or of a vendor, VENDOR/CLASS=NAME
    #[arg(long, value_name = "DEVICE")]
    pub(crate) device: Vec<String>,
    /// Rule for the device cgroup, 'TYPE MAJOR:MINOR MODE'
    #[arg(long, value_name = "RULE")]
    pub(crate) device_cgroup_rule: Vec<String>,
    /// Add graphics processors of NVIDIA, by name or all
    #[arg(long, value_name = "GPUS", value_delimiter = ',')]
    pub(crate) gpus: Vec<String>,
    /// Kernel parameter, NAME=VALUE
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) sysctl: Vec<String>,
}

impl SecurityOptions {
    pub(crate) fn apply(self, options: &mut ContainerOptions) -> Result<(), CliError> {
        let Self {
            privileged,
            cap_add,
            cap_drop,
            security_opt,
            device,
            device_cgroup_rule,
            gpus,
            sysctl,
        } = self;
        if let Some(text) = sysctl.iter().find(|text| !text.contains('=')) {
            return Err(refused("--sysctl", text, "expected NAME=VALUE"));
        }
        options.privileged = Switch::or(privileged, options.privileged);
        options.cap_add = lists("--cap-add", cap_add)?;
        options.cap_drop = lists("--cap-drop", cap_drop)?;
        let privileged = options.privileged;
        options.security.retain(|text| stays(text, privileged, &security_opt));
        options.security.extend(security_opt);
        options.devices.extend(lists("--device", device)?);
        for gpu in gpus {
            options.devices.push(nvidia_gpu(&gpu)?);
        }
        options.device_cgroup_rules = lists("--device-cgroup-rule", device_cgroup_rule)?;
        options.sysctls = pairs("--sysctl", lists("--sysctl", sysctl)?)?;
        Ok(())
    }
}

/// Whether a default holds: the same is not said by an option, and a privileged container is not confined unless an option
/// says so.
fn stays(text: &str, privileged: bool, options: &[String]) -> bool {
    let kind = |text: &str| text.split(['=', ':']).next().map(str::to_owned);
    let said = options.iter().any(|option| kind(option) == kind(text));
    !said && (!privileged || text.starts_with("no-new-privileges"))
}

/// The CDI device that podman takes `--gpus` for.
fn nvidia_gpu(gpu: &str) -> Result<String, CliError> {
    let device = format!("nvidia.com/gpu={gpu}");
    let accepted = "expected all, or a name that `nvidia-ctk cdi list` shows after nvidia.com/gpu=";
    Name::parse(&device).ok_or_else(|| refused("--gpus", gpu, accepted))?;
    Ok(device)
}
