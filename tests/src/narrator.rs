//! Tells on a terminal what happens in a machine: each command with its real answer, each promise with a mark.

use std::io::{self, IsTerminal};

use crate::machine::{Machine, Output};

/// Speaks to the reader and keeps count of broken promises.
#[derive(Debug)]
pub struct Narrator<'a> {
    machine: &'a Machine,
    colours: bool,
    broken: usize,
}

impl<'a> Narrator<'a> {
    /// A narrator for a machine; colours only on a terminal, and not with `NO_COLOR` (no-color.org).
    pub fn new(machine: &'a Machine) -> Self {
        Self {
            machine,
            colours: colours(),
            broken: 0,
        }
    }

    /// A heading.
    pub fn chapter(&self, title: &str) {
        println!("\n{}", paint(self.colours, "1;36", &format!("── {title} ")));
    }

    /// A remark.
    pub fn say(&self, text: &str) {
        println!("{}", paint(self.colours, "2", &format!("# {text}")));
    }

    /// Runs a command, shows it and its answer, and keeps the promise that it succeeds.
    pub fn run(&mut self, command: &str) -> Output {
        let output = self.show(command);
        if !output.success() {
            self.promise(&format!("`{command}` succeeds"), false);
        }
        output
    }

    /// Runs a command whose exit code is part of the answer, and shows both.
    pub fn show(&self, command: &str) -> Output {
        println!(
            "{} {}",
            paint(self.colours, "1;32", "$"),
            paint(self.colours, "1", command)
        );
        let output = self.machine.sh(command);
        for line in output.stdout.lines().chain(output.stderr.lines()) {
            println!("  {line}");
        }
        output
    }

    /// States a promise and whether it is kept.
    pub fn promise(&mut self, text: &str, kept: bool) {
        let (colour, mark) = if kept { ("32", "✔") } else { ("1;31", "✘") };
        println!("  {}", paint(self.colours, colour, &format!("{mark} {text}")));
        self.broken += usize::from(!kept);
    }

    /// The number of promises that were not kept.
    pub fn broken(&self) -> usize {
        self.broken
    }
}

/// Whether standard output wants colours.
fn colours() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn paint(colours: bool, code: &str, text: &str) -> String {
    if colours {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}
