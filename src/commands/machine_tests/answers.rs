//! Every command replies.

use crate::testing::Bench;
use engine::spec::Flags;
use engine::table::{self, Entry};

/// The shortest request that the arity of a command admits: its words, and ones.
fn shortest(entry: &Entry) -> Vec<&[u8]> {
    let mut request: Vec<&[u8]> = entry.name.split('|').map(str::as_bytes).collect();
    let least = entry.arity.unsigned_abs() as usize;
    request.resize(least.max(request.len()), b"1");
    request
}

fn leaves() -> impl Iterator<Item = &'static Entry> {
    engine::table::install(crate::FAMILIES);
    let all = table::all().flat_map(|e| std::iter::once(e).chain(&e.subcommands));
    // COMMAND does work of its own without a subcommand.
    all.filter(|e| e.subcommands.is_empty() || e.arity == -1)
}

#[test]
fn the_shortest_request_of_each_command_is_answered_once() {
    let mut wrong = Vec::new();
    for entry in leaves() {
        for resp3 in [false, true] {
            let mut bench = Bench::new();
            bench.engine.config.enable_debug_command = config::choices::Protection::Yes;
            if resp3 {
                bench.resp3();
            }
            let request = shortest(entry);
            let id = bench.id;
            bench.engine.execute(id, &request);
            let waits = bench.engine.clients[&id].blocked.is_some();
            let replies = bench.replies(id).expect("the client is still here");
            let right = match replies.len() {
                0 if waits => entry.flags.intersects(Flags::BLOCKING | Flags::SILENT),
                0 => entry.flags.contains(Flags::SILENT),
                1 => !waits,
                _ => false,
            };
            if !right {
                wrong.push((entry.name, resp3, waits, replies));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn a_command_that_only_has_subcommands_cannot_be_called_without_one() {
    engine::table::install(crate::FAMILIES);
    for entry in table::all().filter(|e| !e.subcommands.is_empty() && e.name != "command") {
        let request = [entry.name];
        assert!(!entry.arity_fits(request.len()), "{}", entry.name);
    }
}

/// Names that COMMAND INFO does not list are not a way around the rule.
#[test]
fn what_a_command_does_without_listing_it_is_answered_once_too() {
    // It ends the process of the test.
    const PANIC: &str = "PANIC";
    // Its first word is a name, too, and the reference says the same of one that it does not know.
    const NESTED: &str = "REPLYBUFFER";
    engine::table::install(crate::FAMILIES);
    let mut seen = 0;
    for entry in table::all() {
        for one in entry.unlisted.iter().filter(|one| one.name != PANIC) {
            let mut request = vec![entry.name.as_bytes(), one.name.as_bytes()];
            request.resize(*one.takes.start(), b"0");
            let mut bench = Bench::new();
            bench.engine.config.enable_debug_command = config::choices::Protection::Yes;
            let id = bench.id;
            bench.engine.execute(id, &request);
            let replies = bench.replies(id).expect("the client is still here");
            assert_eq!(replies.len(), 1, "{}: {replies:?}", one.name);
            let unknown = replies[0].contains("unknown subcommand");
            assert_eq!(unknown, one.name == NESTED, "{replies:?}");
            seen += 1;
        }
    }
    assert!(seen > 15, "{seen}");
}
