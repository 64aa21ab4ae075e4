//! A sweep over all commands: processor time of the server per operation, and the worst single request, beside real
//! servers.
//!
//! `cargo bench --bench sweep -- [--only WORDS] [--max-size N] [--rounds 5] [--json FILE] ...`; BENCHMARKING.md says
//! what each figure means, and the head of `cases.rs` how the tables of cases are written.
//!
//! Each case runs on all servers in turn before the next begins, so that what the machine does meanwhile hits all of
//! them alike.

#[path = "../../tests/support/mod.rs"]
mod support;

#[allow(dead_code, reason = "the other bench uses more of it")]
#[path = "../e2e/contest.rs"]
mod contest;

#[allow(
    dead_code,
    reason = "the test that looks for commands without a case uses more of it"
)]
mod cases;
mod link;
mod options;
mod report;
mod run;
mod scenes;

use options::Options;
use report::Report;
use run::Target;
// The tables are read by a test as well, where the splitter of words stands elsewhere.
use support::words;

fn main() {
    let options = Options::from_command_line();
    let mut targets = Target::start(&options.servers);
    let mut report = Report::new(&options.servers);
    let (blocks, _) = cases::all();
    for block in &blocks {
        for &size in &block.sizes {
            if options.takes(size) {
                run::block(block, size, &mut targets, &options, &mut report);
            }
        }
    }
    scenes::all(&mut targets, &options, &mut report);
    report.summary();
    if let Some(path) = &options.json {
        report.write_json(path);
    }
}
