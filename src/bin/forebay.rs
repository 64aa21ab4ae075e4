//! The operator's tools: `forebay rdb check FILE` and so on.

use std::process::ExitCode;

// The room is named and not the library of all of them: a program links, and optimises once more, every room that it
// names, and this one needs neither the engine nor the commands.
fn main() -> ExitCode {
    cli::run()
}
