//! All CDI files of the directories, and which of them describes a device.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::spec::Device;
use super::{Name, Spec};

/// Larger is no file: those of machines with eight graphics processors have some 100 KiB.
const LARGEST: u64 = 4 << 20;

/// So many names are told to whoever asks for one that is not there.
const NAMES_TOLD: usize = 20;

/// The files of some directories.
#[derive(Debug)]
pub(super) struct Specs {
    directories: Vec<PathBuf>,
    /// In the order of the directories, the last has the last word; in each by name.
    files: Vec<SpecFile>,
    /// What could not be read, and why.
    pub(super) broken: Vec<String>,
}

/// One file.
#[derive(Debug)]
pub(super) struct SpecFile {
    pub(super) path: PathBuf,
    /// Its directory's place.
    directory: usize,
    pub(super) spec: Spec,
}

impl Specs {
    /// Reads them all: `*.json`, `*.yaml`, `*.yml`. A directory that is not there has none.
    pub(super) fn read(directories: Vec<PathBuf>) -> Self {
        let (mut files, mut broken) = (Vec::new(), Vec::new());
        for (place, directory) in directories.iter().enumerate() {
            let paths = paths(directory).unwrap_or_else(|error| {
                broken.push(format!("{}: {error}", directory.display()));
                Vec::new()
            });
            for path in paths {
                match read(&path) {
                    Ok(spec) => files.push(SpecFile {
                        path,
                        directory: place,
                        spec,
                    }),
                    Err(reason) => broken.push(format!("{}: {reason}", path.display())),
                }
            }
        }
        Self {
            directories,
            files,
            broken,
        }
    }

    /// The device, and the file that describes it.
    ///
    /// # Errors
    /// What is wrong: no file does, or two in the last directory that has one.
    pub(super) fn find(&self, name: &Name) -> Result<(&SpecFile, &Device), String> {
        let of_kind = self.files.iter().filter(|file| file.spec.kind == name.kind);
        let mut found = of_kind
            .filter_map(|file| Some((file, file.spec.device(&name.device)?)))
            .rev();
        let Some((file, device)) = found.next() else {
            return Err(self.missing(name));
        };
        match found.next() {
            Some((other, _)) if other.directory == file.directory => Err(format!(
                "both {} and {} describe it; remove one of them",
                other.path.display(),
                file.path.display()
            )),
            _ => Ok((file, device)),
        }
    }

    fn missing(&self, name: &Name) -> String {
        let directories: Vec<_> = self.directories.iter().map(|dir| dir.display().to_string()).collect();
        let mut parts = vec![format!(
            "no file in {} describes this CDI device",
            directories.join(" or ")
        )];
        let known = self.names_like(name);
        if !known.is_empty() {
            parts.push(format!("there are {}", known.join(", ")));
        }
        if !self.broken.is_empty() {
            parts.push(format!("not understood: {}", self.broken.join("; ")));
        }
        parts.join("; ")
    }

    /// The names of that kind; if there are none, all names.
    fn names_like(&self, name: &Name) -> Vec<String> {
        let is_of_kind = |file: &&SpecFile| file.spec.kind == name.kind;
        let any = self.files.iter().any(|file| is_of_kind(&file));
        let files = self.files.iter().filter(|file| !any || is_of_kind(file));
        let mut names: Vec<String> = files
            .flat_map(|SpecFile { spec, .. }| spec.devices.iter().map(|d| format!("{}={}", spec.kind, d.name)))
            .collect();
        names.sort();
        names.dedup();
        if names.len() > NAMES_TOLD {
            names.truncate(NAMES_TOLD);
            names.push("…".to_owned());
        }
        names
    }
}

/// The files of a directory that may be meant, by name.
fn paths(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut all = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    let is_meant = |path: &PathBuf| {
        path.extension()
            .is_some_and(|e| e == "json" || e == "yaml" || e == "yml")
    };
    all.retain(is_meant);
    all.sort();
    Ok(all)
}

fn read(path: &Path) -> Result<Spec, String> {
    // Whoever opens a pipe waits for its writer.
    if !fs::metadata(path).map_err(|e| e.to_string())?.is_file() {
        return Err("it is no file".to_owned());
    }
    let mut content = Vec::new();
    let file = File::open(path).map_err(|e| e.to_string())?;
    file.take(LARGEST + 1)
        .read_to_end(&mut content)
        .map_err(|e| e.to_string())?;
    if content.len() as u64 > LARGEST {
        return Err(format!("it is larger than {} MiB", LARGEST >> 20));
    }
    Spec::parse(&content).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Directories with files, each of kind `a/b` with the devices that follow its name.
    fn specs(dir: &Path, files: &[&str]) -> Specs {
        for file in files {
            let (name, devices) = file.split_once(' ').unwrap_or((file, ""));
            let path = dir.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let list: Vec<_> = devices
                .split_whitespace()
                .map(|device| format!("{{name: {device}}}"))
                .collect();
            fs::write(
                &path,
                format!("cdiVersion: 0.6.0\nkind: a/b\ndevices: [{}]\n", list.join(",")),
            )
            .unwrap();
        }
        Specs::read(["etc", "run", "none"].map(|name| dir.join(name)).to_vec())
    }

    fn found(specs: &Specs, device: &str) -> Result<String, String> {
        let (file, _) = specs.find(&Name::parse(device).unwrap())?;
        Ok(file.path.file_name().unwrap().to_str().unwrap().to_owned())
    }

    #[test]
    fn the_last_directory_wins() {
        let dir = tempfile::tempdir().unwrap();
        let specs = specs(
            dir.path(),
            &[
                "etc/1.yaml x y z",
                "etc/2.json x",
                "etc/3.yml w",
                "run/4.yaml x",
                "run/5.txt v",
            ],
        );
        assert!(specs.broken.is_empty(), "{:?}", specs.broken);
        assert_eq!(found(&specs, "a/b=x").unwrap(), "4.yaml");
        assert_eq!(found(&specs, "a/b=y").unwrap(), "1.yaml");
        assert_eq!(found(&specs, "a/b=w").unwrap(), "3.yml");
        let error = found(&specs, "a/b=v").unwrap_err();
        assert!(error.contains("there are a/b=w, a/b=x, a/b=y, a/b=z"), "{error}");
        let error = found(&specs, "a/c=v").unwrap_err();
        assert!(error.contains("there are a/b=w"), "{error}");
    }

    #[test]
    fn two_files_of_one_directory_are_in_conflict() {
        let dir = tempfile::tempdir().unwrap();
        let specs = specs(dir.path(), &["etc/1.yaml x y", "run/2.yaml x", "run/3.yaml x z"]);
        let error = found(&specs, "a/b=x").unwrap_err();
        assert!(
            error.contains("run/2.yaml and ") && error.contains("run/3.yaml describe"),
            "{error}"
        );
        assert_eq!(found(&specs, "a/b=z").unwrap(), "3.yaml");
    }

    #[test]
    fn a_broken_file_hides_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("run");
        fs::create_dir_all(run.join("dir.json")).unwrap();
        fs::write(run.join("broken.yaml"), "kind: [").unwrap();
        File::create(run.join("large.yaml"))
            .unwrap()
            .set_len(LARGEST + 1)
            .unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            run.join("pipe.yaml"),
            rustix::fs::FileType::Fifo,
            0o600.into(),
            0,
        )
        .unwrap();
        let specs = specs(dir.path(), &["run/sound.yaml x"]);
        assert_eq!(specs.broken.len(), 4, "{:?}", specs.broken);
        assert_eq!(found(&specs, "a/b=x").unwrap(), "sound.yaml");
        let error = found(&specs, "a/b=y").unwrap_err();
        for part in [
            "/etc or ",
            "there are a/b=x",
            "broken.yaml: ",
            "large.yaml: it is larger than 4 MiB",
            "dir.json: it is no file",
        ] {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}
