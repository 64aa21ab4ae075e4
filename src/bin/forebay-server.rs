//! The server: `forebay-server [CONF] [--directive value...]`.

use std::process::ExitCode;

fn main() -> ExitCode {
    forebay::server::startup::run(std::env::args().skip(1).collect())
}
