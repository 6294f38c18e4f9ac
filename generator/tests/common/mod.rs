//! What the tests share: a directory of their own, and runs of the library and the binary in it.
#![allow(dead_code, reason = "each test program uses a part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

use unipod_generator::{Environment, Host, Outcome, generate, load, search};

/// A directory that is gone at the end of the test.
pub struct TempDir(PathBuf);

impl TempDir {
    pub fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "unipod-generator-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let path = fs::canonicalize(std::env::temp_dir())
            .expect("there is a temporary directory")
            .join(name);
        fs::create_dir_all(&path).expect("can be made");
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file below the directory; `path` may begin with a slash.
    pub fn file(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().expect("is below the directory")).expect("can be made");
        fs::write(&path, content).expect("can be written");
        path
    }

    /// Makes a symbolic link below the directory.
    pub fn link(&self, path: &str, target: &str) {
        let path = self.0.join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().expect("is below the directory")).expect("can be made");
        std::os::unix::fs::symlink(target, path).expect("can be made");
    }

    /// A system environment with this directory as root.
    pub fn system(&self) -> Environment {
        Environment {
            root: self.0.clone(),
            ..Environment::default()
        }
    }

    /// The environment of user 1000 with this directory as root.
    pub fn user(&self) -> Environment {
        Environment {
            user_mode: true,
            uid: 1000,
            xdg_runtime_dir: Some("/run/user/1000".into()),
            home: Some("/home/u".into()),
            ..self.system()
        }
    }

    /// Runs the binary on the unit files in `units/`, output to `out/`.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the generator starts")
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unipod-generator"));
        command
            .args(arguments)
            .env_clear()
            .env("QUADLET_UNIT_DIRS", self.0.join("units"))
            .current_dir(&self.0);
        command
    }

    /// What the output directory holds, as text: files, and links with their targets.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.0.join(path)).unwrap_or_else(|error| panic!("{path}: {error}\n{}", self.tree()))
    }

    /// All paths below the directory, sorted; links show their target.
    pub fn tree(&self) -> String {
        let mut lines = Vec::new();
        collect(&self.0, &self.0, &mut lines);
        lines.sort();
        lines.join("\n")
    }
}

fn collect(root: &Path, directory: &Path, lines: &mut Vec<String>) {
    for entry in fs::read_dir(directory).expect("can be read") {
        let path = entry.expect("can be read").path();
        let name = path.strip_prefix(root).expect("is below").display().to_string();
        match fs::read_link(&path) {
            Ok(target) => lines.push(format!("{name} -> {}", target.display())),
            Err(_) if path.is_dir() => collect(root, &path, lines),
            Err(_) => lines.push(name),
        }
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Everything from search to rendered services, without the process around.
pub fn run(environment: &Environment) -> Outcome {
    run_for("/usr/bin/unipod", environment)
}

/// The same for another engine.
pub fn run_for(engine: &str, environment: &Environment) -> Outcome {
    let host = Host {
        engine: engine.to_owned(),
        user_mode: environment.user_mode,
        root: environment.root.clone(),
    };
    let mut found = search(environment);
    let mut problems = std::mem::take(&mut found.problems);
    let units = load::load(&found, &mut problems);
    let mut outcome = generate(units, &host);
    outcome.problems.splice(0..0, problems);
    outcome
}

/// The text of a generated service.
pub fn content<'a>(outcome: &'a Outcome, name: &str) -> &'a str {
    let service = outcome.services.iter().find(|service| service.file_name == name);
    let service = service.unwrap_or_else(|| panic!("there is no {name} in {outcome:#?}"));
    std::str::from_utf8(&service.content).expect("is UTF-8")
}

/// The messages of all problems.
pub fn messages(outcome: &Outcome) -> Vec<String> {
    outcome.problems.iter().map(ToString::to_string).collect()
}
