//! The registry inside a test machine: the distribution's `docker-registry` on loopback, without a password, and a
//! second one with a password.

use std::io;
use std::time::Duration;

use super::build;
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

/// Tests may change what the registry holds: what they write lies in memory over the kept storage.
const OVERLAY: &str = "[Unit]
Description=A writable view of the kept images
DefaultDependencies=no
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'mkdir -p /run/registry/upper /run/registry/work && \
  mount -t overlay overlay -o lowerdir=/srv/registry,upperdir=/run/registry/upper,workdir=/run/registry/work /srv/registry'
[Install]
WantedBy=multi-user.target
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

/// Adds the registries with all images to a machine.
///
/// # Errors
/// The images cannot be built.
pub fn with_images(config: MachineConfig) -> io::Result<MachineConfig> {
    Ok(configure(config)
        .share(build::storage()?, STORAGE)
        .text("/etc/systemd/system/registry-storage.service", OVERLAY)
        .text(
            "/etc/systemd/system/registry@.service.d/storage.conf",
            "[Unit]\nRequires=registry-storage.service\nAfter=registry-storage.service\n",
        ))
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
