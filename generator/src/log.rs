//! Messages go to the kernel's log, since at early boot nobody else listens; else to standard error.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write;

/// The kernel takes less than a kilobyte for one message, and shows the rest of a longer one nowhere.
const LONGEST: usize = 800;

/// Where messages go.
#[derive(Debug)]
pub struct Log {
    kmsg: Option<File>,
    verbose: bool,
}

impl Log {
    /// Opens the log.
    pub fn open(kmsg: bool, verbose: bool) -> Self {
        let kmsg = kmsg
            .then(|| OpenOptions::new().write(true).open("/dev/kmsg").ok())
            .flatten();
        Self { kmsg, verbose }
    }

    /// An error; one message for each line.
    pub fn error(&mut self, text: &str) {
        text.lines().for_each(|line| self.line("<3>", line));
    }

    /// A warning or a remark; one message for each line.
    pub fn warn(&mut self, text: &str) {
        text.lines().for_each(|line| self.line("<4>", line));
    }

    /// A warning that standard error gets in any case, as scripts that call Podman's generator expect of some.
    pub fn warn_aloud(&mut self, text: &str) {
        for line in text.lines() {
            self.line("<4>", line);
            if self.kmsg.is_some() {
                say(line);
            }
        }
    }

    /// What is only interesting when something is looked for.
    pub fn debug(&mut self, text: fmt::Arguments<'_>) {
        if self.verbose {
            self.line("<7>", &text.to_string());
        }
    }

    /// `level` is the kernel's, `<3>` for an error; it is no part of the text.
    fn line(&mut self, level: &str, text: &str) {
        let message = format!("{level}{}", told(text));
        let written = self
            .kmsg
            .as_mut()
            .is_some_and(|kmsg| kmsg.write_all(message.as_bytes()).is_ok());
        if !written {
            say(text);
        }
    }
}

/// Tells standard error.
fn say(text: &str) {
    // There is nowhere left to complain.
    let _ = writeln!(std::io::stderr().lock(), "{}", told(text));
}

/// As much of a line as fits, with who says it.
fn told(text: &str) -> String {
    let end = (0..=LONGEST.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(0);
    format!("unipod-generator[{}]: {}", std::process::id(), &text[..end])
}
