//! CDI, the Container Device Interface: `--device nvidia.com/gpu=all` (`AddDevice=`).
//!
//! What belongs to a device of a vendor (nodes, libraries, variables, hooks) is said by that vendor's files, which his tools
//! write to `/etc/cdi` and `/run/cdi` (<https://github.com/cncf-tags/container-device-interface>, `SPEC.md`). Nobody reads them
//! for a container without such a device.
//!
//! | file | job |
//! |---|---|
//! | `name` | `vendor/class=device` |
//! | `spec` | one file as it is written: parsed and checked, without a look at this machine |
//! | `specs` | all files of the directories, and which of them describes a device |
//! | `edits` | what they say, looked up on this machine, in the language of the OCI runtime |

mod edits;
mod name;
mod spec;
mod specs;

use std::path::PathBuf;

pub use edits::Edits;
pub use name::Name;
pub use spec::{Spec, SpecError};
use specs::Specs;

use crate::process::users::Identity;
use crate::{BundleError, ContainerOptions};

/// Where vendors put their files; a later directory wins. podman reads the same two, the second as `/var/run/cdi`.
const DIRECTORIES: [&str; 2] = ["/etc/cdi", "/run/cdi"];

/// The CDI devices among the values of `--device`, each once.
pub fn asked(options: &ContainerOptions) -> Vec<Name> {
    let mut names = Vec::new();
    for name in options.devices.iter().filter_map(|text| Name::parse(text)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// What the asked devices change in a container that runs as `user`. Files that mean nothing are noted and passed over.
///
/// # Errors
/// A device is not described, or twice in one directory; or what it needs is not on this machine.
pub(crate) fn edits(
    options: &ContainerOptions,
    user: &Identity,
    notes: &mut Vec<String>,
) -> Result<Edits, BundleError> {
    let mut edits = Edits::default();
    let asked = asked(options);
    if asked.is_empty() {
        return Ok(edits);
    }
    let specs = Specs::read(directories(options));
    let mut begun = Vec::new();
    for name in asked {
        let refuse = |reason| BundleError::invalid("--device", name.to_string(), reason);
        let (file, device) = specs.find(&name).map_err(refuse)?;
        let in_file = |reason| refuse(format!("{}: {reason}", file.path.display()));
        if !begun.contains(&&file.path) {
            begun.push(&file.path);
            edits.add(&file.spec.container_edits, user).map_err(in_file)?;
        }
        edits.add(&device.container_edits, user).map_err(in_file)?;
    }
    notes.extend(specs.broken.iter().map(|problem| format!("CDI: {problem}")));
    Ok(edits)
}

fn directories(options: &ContainerOptions) -> Vec<PathBuf> {
    if options.cdi_spec_dirs.is_empty() {
        DIRECTORIES.map(PathBuf::from).to_vec()
    } else {
        options.cdi_spec_dirs.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Options that ask for devices which the files of a directory describe.
    fn options(dir: &std::path::Path, devices: &[&str]) -> ContainerOptions {
        ContainerOptions {
            devices: devices.iter().map(ToString::to_string).collect(),
            cdi_spec_dirs: vec![dir.to_owned()],
            ..ContainerOptions::default()
        }
    }

    #[test]
    fn what_a_file_says_of_all_its_devices_is_said_once() {
        let dir = tempfile::tempdir().unwrap();
        let hook = |word: &str| format!("hooks: [{{hookName: poststop, path: /bin/{word}}}]");
        let (all, one, two) = (hook("all"), hook("one"), hook("two"));
        let text = format!(
            "cdiVersion: 0.6.0\nkind: acme.com/x\ncontainerEdits: {{{all}}}\ndevices:\n\
             - {{name: one, containerEdits: {{{one}}}}}\n- {{name: two, containerEdits: {{{two}}}}}\n"
        );
        fs::write(dir.path().join("x.yaml"), text).unwrap();
        fs::write(dir.path().join("broken.json"), "{").unwrap();
        let devices = ["acme.com/x=one", "/dev/null", "acme.com/x=two", "acme.com/x=one"];
        let mut notes = Vec::new();
        let edits = edits(&options(dir.path(), &devices), &Identity::default(), &mut notes).unwrap();
        let hooks = edits.hooks().unwrap().poststop().clone().unwrap();
        let programs: Vec<_> = hooks.iter().map(|hook| hook.path().to_str().unwrap()).collect();
        assert_eq!(programs, ["/bin/all", "/bin/one", "/bin/two"]);
        assert!(notes.len() == 1 && notes[0].contains("broken.json"), "{notes:?}");
    }

    #[test]
    fn an_error_names_device_and_file() {
        let dir = tempfile::tempdir().unwrap();
        let missing = "containerEdits: {deviceNodes: [{path: /dev/no-such-device}]}";
        let text = format!("cdiVersion: 0.6.0\nkind: acme.com/x\ndevices: [{{name: one, {missing}}}]\n");
        fs::write(dir.path().join("x.yaml"), text).unwrap();
        let error = edits(
            &options(dir.path(), &["acme.com/x=one"]),
            &Identity::default(),
            &mut Vec::new(),
        );
        let error = error.unwrap_err().to_string();
        for part in [
            "--device \"acme.com/x=one\"",
            "/x.yaml: ",
            "/dev/no-such-device: No such file",
        ] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn who_asks_for_none_reads_nothing() {
        let options = options("/no/such/directory".as_ref(), &["/dev/null"]);
        let mut notes = Vec::new();
        assert!(
            edits(&options, &Identity::default(), &mut notes)
                .unwrap()
                .hooks()
                .is_none()
        );
        assert!(notes.is_empty());
    }
}
