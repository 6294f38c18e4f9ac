//! The test machine: real systemd as PID 1 in fresh namespaces over a copy-on-write view of the host's own root,
//! or of another distribution's: `UNIPOD_TEST_ROOT=DIR` in the environment of any program that boots machines
//! ([`MachineConfig::root`]).
//!
//! It boots in about two seconds, is gone when [`Machine`] is dropped (or the test is killed), and leaves nothing on the
//! host. It needs root, cgroup2 somewhere under `/sys/fs/cgroup`, and systemd installed (not running).
//!
//! | module | job |
//! |---|---|
//! | [`layout`] | what a machine is on the host |
//! | [`launcher`] | the keeper process: boots, reboots, cleans up |
//! | [`root`] | the first process: mounts, then becomes systemd |
//! | [`guest`] | the system inside: what is masked, what is written |
//! | [`enter`] | one command inside |
//! | [`carried`] | the host's tools in a root that lacks them |
//! | [`config`] | what a test puts into a machine |
//! | [`actions`] | what a test does in a machine |
//! | [`cgroup`] | the machine's cgroup on the host |
//! | [`output`], [`wait`] | results, and waiting for them |

pub mod actions;
pub mod carried;
pub mod cgroup;
pub mod config;
pub mod enter;
pub mod guest;
pub mod launcher;
pub mod layout;
pub mod output;
pub mod root;
pub mod wait;

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::AtomicUsize;
use std::thread;
use std::time::Duration;

pub use self::config::MachineConfig;
use self::layout::Layout;
pub use self::output::Output;

/// How long a boot or a shutdown may take on a loaded machine.
const BOOT: Duration = Duration::from_secs(60);

/// A running machine. Dropping it ends it and removes everything of it from the host.
#[derive(Debug)]
pub struct Machine {
    layout: Layout,
    launcher: Child,
    /// Closed to end the machine.
    lifeline: Option<ChildStdin>,
    boots: BufReader<ChildStdout>,
    init: String,
    commands: AtomicUsize,
}

impl Machine {
    /// Boots a machine and waits until systemd has started everything.
    ///
    /// # Panics
    /// The caller is not root, or the machine does not come up; the message shows what systemd said.
    #[track_caller]
    pub fn boot(config: &MachineConfig) -> Self {
        match Self::try_boot(config) {
            Ok(machine) => machine,
            Err(error) => panic!("the test machine does not boot: {error}"),
        }
    }

    /// Boots a machine and waits until systemd has started everything.
    ///
    /// # Errors
    /// The caller is not root, or the machine does not come up; the message shows what systemd said.
    pub fn try_boot(config: &MachineConfig) -> io::Result<Self> {
        if !nix::unistd::geteuid().is_root() {
            return Err(io::Error::other(
                "it needs root: it mounts file systems and makes namespaces (try sudo)",
            ));
        }
        let layout = new_layout(config)?;
        layout.create()?;
        config.seed(&layout.dir)?;
        let mut launcher = Command::new(helper()?)
            .arg("launch")
            .arg(&layout.dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A Ctrl-C or a harness that kills the test's process group must not reach the one who cleans up.
            .process_group(0)
            .spawn()?;
        let (lifeline, boots) = (launcher.stdin.take(), launcher.stdout.take());
        let boots = BufReader::new(boots.ok_or_else(|| io::Error::other("the launcher has no output"))?);
        let mut machine = Self {
            layout,
            launcher,
            lifeline,
            boots,
            init: String::new(),
            commands: AtomicUsize::new(0),
        };
        machine.wait_for_boot()?;
        Ok(machine)
    }

    /// Reads the next boot's first process from the launcher and waits until systemd has finished.
    fn wait_for_boot(&mut self) -> io::Result<()> {
        let mut line = String::new();
        self.boots.read_line(&mut line)?;
        if line.is_empty() {
            return Err(io::Error::other(format!("the launcher gave up\n{}", self.console())));
        }
        line.trim().clone_into(&mut self.init);
        let up = wait::until(BOOT, || {
            let state = self.run(&["systemctl", "is-system-running"]).stdout;
            ["running", "degraded"].contains(&state.trim())
        });
        if up {
            Ok(())
        } else {
            Err(io::Error::other(format!(
                "systemd does not come up\n{}",
                self.console()
            )))
        }
    }

    fn console(&self) -> String {
        fs::read_to_string(self.layout.console()).unwrap_or_default()
    }

    /// Ends the machine and removes all of it; says what could not be removed.
    fn end(&mut self) -> io::Result<()> {
        drop(self.lifeline.take());
        let status = self.launcher.wait()?;
        if status.success() {
            Ok(())
        } else {
            Err(io::Error::other(format!("the launcher: {status}")))
        }
    }

    /// What is on the host while the machine runs: its directory and its cgroup. Both are gone after the drop.
    pub fn traces(&self) -> [PathBuf; 2] {
        [self.layout.dir.clone(), self.layout.cgroup.clone()]
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if thread::panicking() && !self.init.is_empty() {
            let journal = ["journalctl", "--no-pager", "-n", "60", "-o", "short-precise"];
            eprintln!("--- the machine's journal\n{}", self.run(&journal).stdout);
        }
        if let Err(error) = self.end() {
            eprintln!("the machine could not be removed: {error}");
        }
    }
}

fn new_layout(config: &MachineConfig) -> io::Result<Layout> {
    let dir = tempfile::Builder::new()
        .prefix("unipod-machine-")
        .tempdir_in(config.place())?
        .keep();
    // The root directory inside is the overlay of this one: everybody may pass.
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o755))?;
    let name = dir
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("unipod-machine")
        .to_owned();
    // Random, and in a form that is the machine id's but for the dashes.
    let machine_id = fs::read_to_string("/proc/sys/kernel/random/uuid")?
        .trim()
        .replace('-', "");
    Ok(Layout {
        base: config.base()?,
        cgroup: cgroup::own()?.join(name),
        hostname: "machine".to_owned(),
        machine_id,
        shared: config.shared.clone(),
        dir,
    })
}

/// The `machine` program of this crate: beside the running program, or one up from a test's `deps` directory.
///
/// # Errors
/// It is not built.
pub fn helper() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    program
        .ancestors()
        .skip(1)
        .take(2)
        .map(|dir| dir.join("machine"))
        .find(|path| path.is_file())
        .ok_or_else(|| io::Error::other(format!("no program `machine` beside {}", program.display())))
}
