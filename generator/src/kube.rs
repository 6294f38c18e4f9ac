//! `.kube` units: `[Kube]` becomes `ExecStart=… kube play`.

use crate::conversion::Conversion;
use crate::emit::Command;
use crate::handlers::service;
use crate::keys::{
    Emit::{Elsewhere, Joined, PairEvenEmpty, Verbatim, With},
    Key,
    Kind::{Arguments, Boolean, Raw, Scalar, Words},
    key,
};
use crate::paths;
use crate::shared::shared;

/// The keys of `[Kube]`, in the order of their options.
#[rustfmt::skip]
pub static KEYS: &[Key] = &[
    shared("ContainersConfModule", "4.8"),
    shared("GlobalArgs", "4.8"),
    key("ExitCodePropagation", Scalar, "4.6", Joined("--service-exit-code-propagation"), "How container exit codes become the service's: all, any, none"),
    key("LogDriver", Scalar, "4.5", PairEvenEmpty("--log-driver"), "Where the containers' output goes"),
    shared("LogOpt", "5.2"),
    shared("UserNS", "4.5"),
    key("RemapUsers", Raw, "4.4", Elsewhere, "auto or keep-id (use UserNS=)"),
    shared("RemapUid", "4.4"),
    shared("RemapGid", "4.4"),
    shared("RemapUidSize", "4.4"),
    shared("Network", "4.4"),
    key("AutoUpdate", Words, "4.7", With(auto_update), "How images are updated: registry, local, or NAME/registry"),
    key("ConfigMap", Words, "4.4", With(config_maps), "YAML file with ConfigMaps, relative to the unit"),
    shared("PublishPort", "4.4"),
    key("PodmanArgs", Arguments, "4.6", Verbatim, "Further options of kube play"),
    key("Yaml", Words, "4.4", Elsewhere, "Kubernetes YAML file, relative to the unit"),
    key("KubeDownForce", Boolean, "4.8", Elsewhere, "Remove volumes as well when the service stops"),
    key("SetWorkingDirectory", Scalar, "4.7", Elsewhere, "Working directory of the service: yaml or unit"),
    shared("ServiceName", "5.3"),
];

/// Converts one `.kube` unit.
pub fn convert(c: &mut Conversion<'_>) {
    let words = c.words("Yaml");
    let yaml: Vec<String> = words.iter().map(|path| paths::unit_relative(c.unit, path)).collect();
    if yaml.is_empty() {
        c.error_section("Yaml= is not set");
    }
    service::kill_mode(c);
    c.add_service("Environment", "PODMAN_SYSTEMD_UNIT=%n");
    service::notify_type(c);
    c.default_service("SyslogIdentifier", "%N");
    // What a payload writes is its own: a line that begins with <0> is no emergency of the host.
    c.default_service("SyslogLevelPrefix", "no");
    let mut play = c.base("");
    play.words(["kube", "play", "--replace", "--service-container=true"]);
    c.emit(KEYS, &mut play);
    play.words(&yaml);
    c.add_service("ExecStart", play.into_line());
    let mut down = c.base("");
    down.words(["kube", "down"]);
    match c.section.boolean("KubeDownForce") {
        Some(true) => drop(down.word("--force")),
        Some(false) => drop(down.word("--force=false")),
        None => {}
    }
    down.words(&yaml);
    c.add_service("ExecStopPost", down.into_line());
    working_directory(c, &yaml);
}

/// `NAME/registry` updates one container, anything else all of them.
fn auto_update(c: &mut Conversion<'_>, command: &mut Command) {
    for word in &c.words("AutoUpdate") {
        match word.split_once('/') {
            Some((name, kind)) => {
                command.concatenated(&["--annotation=io.containers.autoupdate/", name, "=", kind]);
            }
            None => drop(command.joined("--annotation=io.containers.autoupdate", word)),
        }
    }
}

fn config_maps(c: &mut Conversion<'_>, command: &mut Command) {
    for path in &c.words("ConfigMap") {
        command.option("--configmap", &paths::unit_relative(c.unit, path));
    }
}

fn working_directory(c: &mut Conversion<'_>, yaml: &[String]) {
    let Some((entry, value)) = c.text_entry("SetWorkingDirectory") else {
        return;
    };
    let directory = match value.to_ascii_lowercase().as_str() {
        "unit" => c.unit.directory().to_owned(),
        "yaml" => match yaml {
            [] => return,
            [path] => paths::directory_of(path),
            [_, _, ..] => return c.error(entry, "SetWorkingDirectory=yaml works with only one Yaml="),
        },
        _ => return c.error(entry, "SetWorkingDirectory= can only be unit or yaml"),
    };
    if c.service.nonempty("WorkingDirectory").is_none() {
        c.add_service("WorkingDirectory", directory);
    }
}
