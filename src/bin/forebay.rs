//! The operator's tools: `forebay rdb check FILE` and so on.

use std::process::ExitCode;

fn main() -> ExitCode {
    forebay::cli::run()
}
