//! Unit files in a machine: dropped in, started, asked about.

use std::time::Duration;

use crate::machine::{Machine, Output};

/// Where an administrator drops unit files.
pub const UNIT_DIR: &str = "/etc/containers/systemd";

/// How long a start or stop may take on a loaded machine, with a debug build.
pub const PATIENCE: Duration = Duration::from_secs(30);

impl Machine {
    /// Drops a unit file in; [`Self::reload`] makes systemd see it.
    ///
    /// # Panics
    /// The machine's file system refuses.
    #[track_caller]
    pub fn quadlet(&self, name: &str, text: &str) {
        self.write(&format!("{UNIT_DIR}/{name}"), text);
    }

    /// Has systemd run the generators again.
    ///
    /// # Panics
    /// It fails.
    #[track_caller]
    pub fn reload(&self) {
        self.systemctl(&["daemon-reload"]).ok();
    }

    /// Starts units and waits for systemd's verdict.
    ///
    /// # Panics
    /// One does not start; the message shows its status and journal.
    #[track_caller]
    pub fn start(&self, units: &[&str]) {
        let output = self.systemctl(&[&["start"], units].concat());
        if !output.success() {
            let down: Vec<&str> = units.iter().copied().filter(|unit| !self.is_active(unit)).collect();
            panic!("{output}\n{}", self.status(&down));
        }
    }

    /// Starts a unit that must fail; gives back its status as `systemctl status` shows it.
    ///
    /// # Panics
    /// It starts.
    #[track_caller]
    pub fn start_refused(&self, unit: &str) -> String {
        let output = self.systemctl(&["start", unit]);
        assert!(
            !output.success(),
            "{unit} should not have started\n{}",
            self.status(&[unit])
        );
        self.status(&[unit])
    }

    /// Stops units.
    ///
    /// # Panics
    /// systemd refuses or does not come to an end.
    #[track_caller]
    pub fn stop(&self, units: &[&str]) {
        let output = self.systemctl(&[&["stop"], units].concat());
        assert!(output.success(), "{output}\n{}", self.status(units));
    }

    /// What `systemctl status` says about units, with their journal.
    ///
    /// # Panics
    /// The journal does not answer.
    #[track_caller]
    pub fn status(&self, units: &[&str]) -> String {
        self.run(&["journalctl", "--sync"]).ok();
        // The exit code is the unit's state, no verdict on the command.
        self.systemctl(&[&["status", "--full", "-n", "40"], units].concat())
            .stdout
    }

    /// Whether a unit is active.
    ///
    /// # Panics
    /// `systemctl` does not end.
    #[track_caller]
    pub fn is_active(&self, unit: &str) -> bool {
        self.systemctl(&["is-active", "--quiet", unit]).success()
    }

    /// Runs the engine.
    ///
    /// # Panics
    /// It does not end.
    #[track_caller]
    pub fn unipod(&self, arguments: &[&str]) -> Output {
        self.run(&[&[crate::setup::ENGINE], arguments].concat())
    }

    /// Waits until a shell script succeeds.
    ///
    /// # Panics
    /// It does not within [`PATIENCE`]; the message shows its last answer.
    #[track_caller]
    pub fn wait_for(&self, script: &str) {
        let mut last = None;
        let held = crate::machine::wait::until(PATIENCE, || {
            let output = self.sh(script);
            let success = output.success();
            last = Some(output);
            success
        });
        assert!(
            held,
            "not within {PATIENCE:?}: {}",
            last.map(|output| output.to_string()).unwrap_or_default()
        );
    }

    /// What running containers leave in the system: empty when none runs and none has left anything.
    ///
    /// # Panics
    /// The machine does not answer.
    #[track_caller]
    pub fn remains(&self) -> String {
        self.sh("unipod ps -aq; unipod pod ps -q
             grep -E '/(var/lib|run)/unipod' /proc/mounts | grep -vE ' /var/lib/unipod (ext4|tmpfs|btrfs|xfs) '
             ip -o link | grep -E 'veth|podman[0-9]'
             for dir in /run/unipod/bundles /run/unipod/netns /run/unipod/pods /run/unipod/containers \
                        /var/lib/unipod/containers /var/lib/unipod/pods /var/lib/unipod/ephemeral/*; do
                 ls -dA $dir/* $dir/.[!.]* 2>/dev/null
             done
             pgrep -a 'unipod|crun|aardvark'")
            .stdout
            .trim()
            .to_owned()
    }

    /// Asserts that nothing of any container remains.
    ///
    /// # Panics
    /// Something does; the message shows it.
    #[track_caller]
    pub fn nothing_remains(&self) {
        let remains = self.remains();
        assert!(remains.is_empty(), "this is left:\n{remains}");
    }
}
