//! Writes man pages and shell completions, from the very command line that the engine parses and its table of keys of
//! containers.conf.
//!
//! Usage: `unipod-packaging DIR` makes `DIR/man1/*.1`, `DIR/man5/unipod-containers.conf.5` and
//! `DIR/completions/{bash,fish,zsh}/…`.

use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap_complete::Shell;
use clap_mangen::roff::{Roff, bold, roman};
use unipod_config::keys::{KEYS, tables};

fn main() -> ExitCode {
    let Some(dir) = std::env::args_os().nth(1) else {
        eprintln!("usage: unipod-packaging DIR");
        return ExitCode::from(2);
    };
    match write_all(Path::new(&dir)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot write below {}: {error}", dir.display());
            ExitCode::FAILURE
        }
    }
}

fn write_all(dir: &Path) -> io::Result<()> {
    let man = dir.join("man1");
    fs::create_dir_all(&man)?;
    clap_mangen::generate_to(unipod_cli::command(), &man)?;
    let man = dir.join("man5");
    fs::create_dir_all(&man)?;
    fs::write(man.join("unipod-containers.conf.5"), keys().render())?;
    for (shell, folder) in [(Shell::Bash, "bash"), (Shell::Fish, "fish"), (Shell::Zsh, "zsh")] {
        let folder = dir.join("completions").join(folder);
        fs::create_dir_all(&folder)?;
        clap_complete::generate_to(shell, &mut unipod_cli::command(), "unipod", &folder)?;
    }
    Ok(())
}

/// What becomes of each key of containers.conf(5).
fn keys() -> Roff {
    let mut page = Roff::new();
    page.control("TH", ["unipod-containers.conf", "5"]);
    page.control("SH", ["NAME"]);
    page.text([roman(
        "unipod-containers.conf - what unipod makes of the keys of containers.conf(5)",
    )]);
    page.control("SH", ["DESCRIPTION"]);
    page.text([roman(
        "The files, their order and their form are those of containers.conf(5). An option or a unit wins over every file. \
         What is unknown, or asks for something that is not here, is a warning with file and line; a value of a wrong kind is \
         an error for what is about to start.",
    )]);
    for table in tables() {
        page.control("SH", [format!("[{table}]").as_str()]);
        for key in KEYS.iter().filter(|key| key.table() == table) {
            page.control("TP", []);
            page.text([bold(key.short())]);
            page.text([roman(key.meaning())]);
        }
    }
    page
}
