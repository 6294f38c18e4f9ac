//! Writes man pages and shell completions, from the very command line that the engine parses.
//!
//! Usage: `unipod-packaging DIR` makes `DIR/man1/*.1` and `DIR/completions/{bash,fish,zsh}/…`.

use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap_complete::Shell;

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
    clap_mangen::generate_to(unipod::cli::command(), &man)?;
    for (shell, folder) in [(Shell::Bash, "bash"), (Shell::Fish, "fish"), (Shell::Zsh, "zsh")] {
        let folder = dir.join("completions").join(folder);
        fs::create_dir_all(&folder)?;
        clap_complete::generate_to(shell, &mut unipod::cli::command(), "unipod", &folder)?;
    }
    Ok(())
}
