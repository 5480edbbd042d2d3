//! The `anteroom` program: everything it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    anteroom::cli::run(std::env::args_os())
}
