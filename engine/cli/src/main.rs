//! The `unipod` binary: everything is in the library, see [`unipod_cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    unipod_cli::main()
}
