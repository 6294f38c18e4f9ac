//! The registry inside a test machine: the distribution's `docker-registry` on loopback, without a password, and a
//! second one with a password.

use std::time::Duration;

use crate::machine::{Machine, MachineConfig};

/// Where the registry stores inside.
pub const STORAGE: &str = "/srv/registry";

/// The account of the registry with a password, at port 5001.
pub const ACCOUNT: (&str, &str) = ("tester", "correct horse");

/// The account above for `htpasswd` authentication, hashed with bcrypt (the only form docker-registry takes).
const HTPASSWD: &str = "tester:$2y$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2\n";

const REGISTRIES: &str = include_str!("registries.conf");

const SERVICE: &str = "[Unit]
Description=Image registry on port %i
[Service]
ExecStart=docker-registry serve /etc/docker/registry/%i.yml
Environment=OTEL_TRACES_EXPORTER=none
";

fn settings(port: u16, auth: &str) -> String {
    format!(
        "version: 0.1
log: {{ level: warn, accesslog: {{ disabled: true }} }}
storage: {{ filesystem: {{ rootdirectory: {STORAGE} }}, delete: {{ enabled: true }} }}
http: {{ addr: '127.0.0.1:{port}', secret: test }}
{auth}"
    )
}

/// Adds the registries and their configuration to a machine, without the kept images.
pub(super) fn configure(config: MachineConfig) -> MachineConfig {
    let auth = "auth: { htpasswd: { realm: test, path: /etc/docker/registry/htpasswd } }\n";
    config
        .text("/etc/docker/registry/5000.yml", settings(5000, ""))
        .text("/etc/docker/registry/5001.yml", settings(5001, auth))
        .text("/etc/docker/registry/htpasswd", HTPASSWD)
        .text("/etc/containers/registries.conf", REGISTRIES)
        .text("/etc/systemd/system/registry@.service", SERVICE)
        .wants("registry@5000.service", "registry@.service")
}

/// Waits until the registry answers.
///
/// # Panics
/// It does not.
#[track_caller]
pub fn wait(machine: &Machine) {
    machine.wait_until("the registry answers", Duration::from_secs(20), || {
        machine.sh("curl -fsS http://127.0.0.1:5000/v2/").success()
    });
}
