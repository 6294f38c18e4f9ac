//! What the OCI runtime says when it fails, what that means, and the exit code for it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use unipod_linux::child;

/// What can go wrong with the OCI runtime.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// It is not installed.
    #[error("the OCI runtime {0} is not installed: {advice}", advice = advice(.0))]
    Missing(String),
    /// It failed for a reason of its own.
    #[error("{} failed: {message}", runtime.display())]
    Failed {
        /// The program.
        runtime: PathBuf,
        /// What it said.
        message: String,
        /// The exit code for the user.
        code: u8,
    },
    /// The command of the container is not there.
    #[error("the command is not in the container: {0}")]
    CommandNotFound(String),
    /// The directory to start the command in is not there.
    #[error("the working directory is not in the container: {0}")]
    DirectoryNotFound(String),
    /// The command of the container cannot be executed.
    #[error("the command cannot be executed: {0}")]
    CommandNotExecutable(String),
    /// It says that the container started, but not as what.
    #[error("the OCI runtime wrote no process ID to {}", .0.display())]
    NoPid(PathBuf),
    /// An operating system error.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A file for it cannot be written.
    #[error(transparent)]
    Bundle(#[from] unipod_bundle::BundleError),
}

impl RuntimeError {
    /// The exit code of podman-run(1): 127 for a command that is not there, or a directory to start it in, 126 for one that cannot be executed, else 125.
    pub fn code(&self) -> u8 {
        match self {
            Self::CommandNotFound(_) | Self::DirectoryNotFound(_) => 127,
            Self::CommandNotExecutable(_) => 126,
            Self::Failed { code, .. } => *code,
            Self::Missing(_) | Self::NoPid(_) | Self::Io { .. } | Self::Bundle(_) => 125,
        }
    }

    /// For `map_err` on an operating system error.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            action,
            path: path.to_path_buf(),
            source,
        }
    }
}

fn advice(name: &str) -> String {
    let name = name.rsplit('/').next().unwrap_or(name);
    if matches!(name, "crun" | "runc" | "youki") {
        format!("install the package {name}")
    } else {
        "name another with --runtime, such as crun".to_owned()
    }
}

/// The error behind a runtime that failed.
pub(super) fn of(log: &Path, runtime: &Path, status: ExitStatus) -> RuntimeError {
    let message = last_error(log).unwrap_or_else(|| silent(status));
    classify(message, runtime)
}

/// What is known of a failure that says nothing.
pub(super) fn silent(status: ExitStatus) -> String {
    format!("it ended with {status} and left no message")
}

/// A status that may be the payload's or the runtime's: it is the runtime's if that wrote an error.
pub(super) fn own_failure(log: &Path, runtime: &Path, status: ExitStatus) -> Result<ExitStatus, RuntimeError> {
    if status.success() {
        return Ok(status);
    }
    last_error(log).map_or(Ok(status), |message| Err(classify(message, runtime)))
}

fn classify(message: String, runtime: &Path) -> RuntimeError {
    let lower = message.to_ascii_lowercase();
    let has = |texts: &[&str]| texts.iter().any(|text| lower.contains(text));
    // crun says the first four (the third since 1.21), runc the last, youki the one before it.
    let about_command = has(&[
        "executable file",
        "open executable",
        "the path `",
        "exec container process",
        "executable '",
        "exec: \"",
        "cannot find ``",
    ]);
    // The last is what an empty word is told.
    let is_missing = has(&["no such file", "not found", "cannot find ``"]);
    if is_missing && has(&["chdir to", "chdir `"]) {
        RuntimeError::DirectoryNotFound(message)
    } else if about_command && is_missing {
        RuntimeError::CommandNotFound(message)
    } else if about_command
        && has(&[
            "permission denied",
            "not permitted",
            "exec format error",
            "is a directory",
            "does not have correct permissions",
        ])
    {
        RuntimeError::CommandNotExecutable(message)
    } else {
        RuntimeError::Failed {
            runtime: runtime.to_path_buf(),
            message,
            code: 125,
        }
    }
}

/// The last message of level error in a log of JSON objects. Real logs have a few lines; a program that talks for ever is not read
/// for ever.
fn last_error(log: &Path) -> Option<String> {
    let mut said = Vec::new();
    let most = child::MOST as u64;
    File::open(log).ok()?.take(most).read_to_end(&mut said).ok()?;
    last_error_in(&String::from_utf8_lossy(&said)).map(|message| child::words(message.as_bytes()))
}

/// An entry is one line from runc and crun 1.21, several from crun 1.28; youki has another word for the message.
fn last_error_in(text: &str) -> Option<String> {
    let entries = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>();
    // What follows a broken entry cannot be told apart.
    let errors = entries.map_while(Result::ok).filter_map(|entry| {
        let level = entry.get("level")?.as_str()?.to_ascii_lowercase();
        let message = entry.get("msg").or_else(|| entry.get("message"))?.as_str()?.to_owned();
        matches!(level.as_str(), "error" | "fatal").then_some(message)
    });
    errors.last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_causes_get_their_codes() {
        for (message, code) in [
            (
                "executable file `nosuch` not found in $PATH: No such file or directory",
                127,
            ),
            (
                "runc run failed: unable to start container process: exec: \"x\": executable file not found in $PATH",
                127,
            ),
            (
                "runc run failed: unable to start container process: exec: \"/x\": stat /x: no such file or directory",
                127,
            ),
            ("open executable: Operation not permitted", 126),
            ("open executable: Permission denied", 126),
            (
                "the path `/x` exists but it is not executable: Operation not permitted",
                126,
            ),
            ("the path `/etc` is not a regular file: Operation not permitted", 126),
            ("exec container process `/x`: Exec format error", 126),
            ("error in executing process : executable '/x' not found in $PATH", 127),
            (
                "error in executing process : executable '/x' at path '\"/x\"' does not have correct permissions",
                126,
            ),
            ("exec container process `/x`: No such file or directory", 127),
            (
                "runc run failed: unable to start container process: exec: \"/bin\": permission denied",
                126,
            ),
            ("cannot find `` in $PATH: No such file or directory", 127),
            ("chdir `/x`: No such file or directory", 127),
            ("chdir to `/x`: No such file or directory", 127),
            (
                "exec failed: unable to start container process: chdir to cwd (\"/x\") set in config.json failed: no such file or \
                 directory",
                127,
            ),
            ("chdir to `/etc/passwd`: Not a directory", 125),
            ("mount `proc` to `proc`: Operation not permitted", 125),
            ("open `/x`: No such file or directory", 125),
        ] {
            assert_eq!(
                classify(message.to_owned(), Path::new("crun")).code(),
                code,
                "{message}"
            );
        }
    }

    #[test]
    fn the_last_error_of_a_log_counts() {
        let lines = r#"{"level":"error","msg":"first"}
            {"level":"warning","msg":"odd"}
            {"level":"error","msg":"second","time":"now"}
            {"level":"debug","msg":"bye"}
            {"level":"err"#;
        assert_eq!(last_error_in(lines).as_deref(), Some("second"));
        let indented = "{\n  \"msg\": \"file `\\/x` not found\",\n  \"level\": \"error\"\n}\n";
        assert_eq!(last_error_in(indented).as_deref(), Some("file `/x` not found"));
        let youki = r#"{"timestamp":"now","level":"ERROR","message":"failed to load","target":"youki"}"#;
        assert_eq!(last_error_in(youki).as_deref(), Some("failed to load"));
        assert_eq!(last_error_in("no JSON at all"), None);
    }
}
