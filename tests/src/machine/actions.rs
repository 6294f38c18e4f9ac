//! What a test does in a machine: commands, files, units, reboots.

use std::fs;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Machine, Output, cgroup, helper, wait};

/// How long a command may take unless the caller says otherwise.
const COMMAND: Duration = Duration::from_secs(60);

/// What a command reads and where its output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Console {
    /// Nothing on standard input, the outputs collected.
    Captured,
    /// Text on standard input, the outputs collected.
    Fed,
    /// The caller's own.
    Inherited,
}

impl Machine {
    /// Runs a command inside as root, with a minute's time.
    ///
    /// # Panics
    /// The command does not end in time.
    #[track_caller]
    pub fn run(&self, argv: &[&str]) -> Output {
        self.run_within(COMMAND, argv)
    }

    /// Runs a shell script inside as root, with a minute's time.
    ///
    /// # Panics
    /// The script does not end in time.
    #[track_caller]
    pub fn sh(&self, script: &str) -> Output {
        self.run_within(COMMAND, &["sh", "-c", script])
    }

    /// Runs a command inside as root, in a cgroup of its own, and kills it with all its children at the deadline.
    ///
    /// # Panics
    /// The command does not end in time.
    #[track_caller]
    pub fn run_within(&self, deadline: Duration, argv: &[&str]) -> Output {
        self.captured(deadline, argv, None)
    }

    #[track_caller]
    fn captured(&self, deadline: Duration, argv: &[&str], input: Option<&str>) -> Output {
        let command = argv.join(" ");
        let console = if input.is_some() {
            Console::Fed
        } else {
            Console::Captured
        };
        let (mut child, cgroup) = match self.spawn(argv, console) {
            Ok(spawned) => spawned,
            Err(error) => panic!("{command}: {error}"),
        };
        if let (Some(mut pipe), Some(text)) = (child.stdin.take(), input) {
            // A command that does not read to the end says so with its exit code.
            let _ = pipe.write_all(text.as_bytes());
        }
        let stdout = collect(child.stdout.take());
        let stderr = collect(child.stderr.take());
        let ended = wait::until(deadline, || matches!(child.try_wait(), Ok(Some(_))));
        if !ended {
            cgroup::kill(&cgroup);
        }
        let code = child.wait().ok().and_then(|status| status.code()).unwrap_or(-1);
        // What the command left in the background keeps its cgroup.
        let _ = fs::remove_dir(&cgroup);
        let text = |reader: thread::JoinHandle<String>| reader.join().unwrap_or_default();
        let output = Output {
            command,
            code,
            stdout: text(stdout),
            stderr: text(stderr),
        };
        assert!(ended, "no end after {deadline:?}:\n{output}");
        output
    }

    /// Runs a command inside on the caller's own terminal; returns its exit code.
    ///
    /// # Errors
    /// The command cannot be started.
    pub fn attach(&self, argv: &[&str]) -> io::Result<i32> {
        let (mut child, cgroup) = self.spawn(argv, Console::Inherited)?;
        let status = child.wait()?;
        cgroup::remove(&cgroup)?;
        Ok(status.code().unwrap_or(1))
    }

    fn spawn(&self, argv: &[&str], console: Console) -> io::Result<(Child, PathBuf)> {
        let number = self.commands.fetch_add(1, Ordering::Relaxed);
        let cgroup = self.layout.cgroup.join(format!("console/{number}"));
        let mut enter = Command::new(helper()?);
        enter.arg("enter").arg(&self.init).arg(&cgroup).args(argv);
        match console {
            Console::Captured => enter.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()),
            Console::Fed => enter
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped()),
            Console::Inherited => &mut enter,
        };
        Ok((enter.spawn()?, cgroup))
    }

    /// Writes a file inside and creates the directories above it.
    ///
    /// # Panics
    /// The machine's file system refuses.
    #[track_caller]
    pub fn write(&self, path: &str, text: &str) {
        let script = r#"mkdir -p "$(dirname "$1")" && cat >"$1""#;
        self.captured(COMMAND, &["sh", "-c", script, "sh", path], Some(text))
            .ok();
    }

    /// Reads a file inside.
    ///
    /// # Panics
    /// There is none.
    #[track_caller]
    pub fn read(&self, path: &str) -> String {
        let output = self.run(&["cat", path]);
        assert!(output.success(), "{output}");
        output.stdout
    }

    /// Runs `systemctl`.
    ///
    /// # Panics
    /// It does not end in time.
    #[track_caller]
    pub fn systemctl(&self, arguments: &[&str]) -> Output {
        let mut argv = vec!["systemctl", "--no-pager"];
        argv.extend(arguments);
        self.run(&argv)
    }

    /// One property of a unit, as `systemctl show` gives it.
    ///
    /// # Panics
    /// `systemctl` fails.
    #[track_caller]
    pub fn property(&self, unit: &str, name: &str) -> String {
        self.systemctl(&["show", "--value", "-p", name, unit]).ok()
    }

    /// All lines of the journal of one unit since boot, without dates.
    ///
    /// # Panics
    /// `journalctl` fails.
    #[track_caller]
    pub fn journal(&self, unit: &str) -> String {
        self.run(&["journalctl", "--sync"]).ok();
        self.run(&["journalctl", "--no-pager", "-b", "-o", "cat", "-u", unit])
            .ok()
    }

    /// Looks at a condition until it holds.
    ///
    /// # Panics
    /// It does not hold before the deadline; `what` names it in the message.
    #[track_caller]
    pub fn wait_until(&self, what: &str, deadline: Duration, condition: impl FnMut() -> bool) {
        assert!(wait::until(deadline, condition), "not within {deadline:?}: {what}");
    }

    /// Shuts the machine down in order and boots it again; the disks keep what is on them.
    ///
    /// # Panics
    /// It does not come up again.
    #[track_caller]
    pub fn reboot(&mut self) {
        // The command's own connection may break before the answer: what counts is the next boot.
        let _ = self.systemctl(&["reboot"]);
        self.await_next_boot();
    }

    /// Kills everything in the machine at once, as a power cut does, and boots it again.
    ///
    /// # Panics
    /// It does not come up again.
    #[track_caller]
    pub fn power_cut(&mut self) {
        let init = Pid::from_raw(self.init.parse().expect("the launcher prints process ids"));
        kill(init, Signal::SIGKILL).expect("the machine's first process runs until it is killed");
        self.await_next_boot();
    }

    #[track_caller]
    fn await_next_boot(&mut self) {
        if let Err(error) = self.wait_for_boot() {
            panic!("the machine does not come up again: {error}");
        }
    }
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What has come until an error is still worth showing.
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
