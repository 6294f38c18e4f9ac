//! How a pull looks: a bar on a terminal, plain lines elsewhere. Always on standard error; standard output is for answers.

use std::io::{IsTerminal, stderr};
use std::sync::{Mutex, Once, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{human, output};
use unipod::image::{Progress, Silent};
use unipod::systemd::notify;

/// The progress of a command: nothing with `--quiet`, else as the place where standard error goes can show it.
pub fn of_command(quiet: bool) -> Box<dyn Progress> {
    if quiet {
        Box::new(Silent)
    } else if stderr().is_terminal() {
        Box::new(Bar::new(ProgressDrawTarget::stderr()))
    } else {
        Box::new(Lines::new(output::say_line))
    }
}

/// The progress of a start: in a unit it shows in `systemctl status` and holds off `TimeoutStartSec=`, however quiet the
/// command is.
pub fn of_start(in_unit: bool, quiet: bool) -> Box<dyn Progress> {
    if in_unit {
        Box::new(UnitStatus)
    } else {
        of_command(quiet)
    }
}

/// `STATUS=` of the unit. Reports come as long as the pull lives, and each pushes the unit's time limit back; a stalled network
/// ends the pull through the registry client's own limits.
#[derive(Debug, Clone, Copy)]
pub struct UnitStatus;

/// Reports come a few times a second, but a machine under load may be late with one.
const PATIENCE: Duration = Duration::from_secs(60);

impl Progress for UnitStatus {
    fn report(&self, status: &str, done: u64, total: u64) {
        let share = if total > 0 {
            format!("{status} ({} of {})", human::size(done), human::size(total))
        } else {
            status.into()
        };
        notify::status_extending(&share, PATIENCE);
    }
}

/// Prints each new status once.
#[derive(Debug)]
pub struct Lines<F> {
    print: F,
    last: Mutex<String>,
}

impl<F: Fn(&str)> Lines<F> {
    /// Lines go to `print`.
    pub fn new(print: F) -> Self {
        Self {
            print,
            last: Mutex::default(),
        }
    }
}

impl<F: Fn(&str) + Send + Sync> Progress for Lines<F> {
    fn report(&self, status: &str, _done: u64, _total: u64) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != status {
            status.clone_into(&mut last);
            (self.print)(status);
        }
    }
}

/// One bar over the whole image, with the present status behind it. It is wiped at the end.
#[derive(Debug)]
pub struct Bar {
    bar: ProgressBar,
    moves: Once,
}

impl Bar {
    /// A bar on `target`.
    ///
    /// # Panics
    /// The template is wrong, a defect of this module.
    pub fn new(target: ProgressDrawTarget) -> Self {
        const TEMPLATE: &str = "{spinner} {bar:30} {bytes:>10}/{total_bytes} {bytes_per_sec:>12} {eta:>4}  {wide_msg}";
        let style = ProgressStyle::with_template(TEMPLATE)
            .expect("the template is a constant")
            .progress_chars("━╸ ");
        let bar = ProgressBar::with_draw_target(Some(0), target).with_style(style);
        Self {
            bar,
            moves: Once::new(),
        }
    }
}

impl Progress for Bar {
    fn report(&self, status: &str, done: u64, total: u64) {
        // Where there is nothing to report, there is no bar.
        self.moves
            .call_once(|| self.bar.enable_steady_tick(Duration::from_millis(200)));
        if self.bar.message() != status {
            self.bar.set_message(status.to_owned());
        }
        self.bar.set_length(total);
        self.bar.set_position(done);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_printed_once_each() {
        let seen = Mutex::new(Vec::new());
        let lines = Lines::new(|line: &str| seen.lock().unwrap().push(line.to_owned()));
        for (status, done) in [
            ("Trying", 0),
            ("Trying", 0),
            ("Copying", 1),
            ("Copying", 2),
            ("Writing", 2),
        ] {
            lines.report(status, done, 2);
        }
        assert_eq!(*seen.lock().unwrap(), ["Trying", "Copying", "Writing"]);
    }

    #[test]
    fn a_bar_knows_how_far_it_is() {
        let bar = Bar::new(ProgressDrawTarget::hidden());
        bar.report("Copying blob sha256:abc", 512, 1024);
        assert_eq!((bar.bar.position(), bar.bar.length()), (512, Some(1024)));
        assert_eq!(bar.bar.message(), "Copying blob sha256:abc");
    }
}
