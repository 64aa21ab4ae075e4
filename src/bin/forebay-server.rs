//! The server: `forebay-server [CONF] [--directive value...]`.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::startup::run(std::env::args().skip(1).collect())
}
