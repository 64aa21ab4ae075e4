//! `engine::request_keys` with the commands of all families.

use engine::Args;
use engine::request_keys::*;
use engine::spec::Keys;
use engine::table;

#[test]
fn every_command_with_keys_says_what_it_does_with_them() {
    engine::table::install(crate::FAMILIES);
    let all = table::all().flat_map(|e| std::iter::once(e).chain(&e.subcommands));
    for entry in all {
        let has_place = !matches!(entry.keys, Keys::None);
        assert_eq!(has_place, !of(entry).is_empty(), "{}", entry.name);
    }
}

#[test]
fn specifications_find_the_keys_that_dispatch_finds() {
    engine::table::install(crate::FAMILIES);
    for request in [
        "MSET a 1 b 2",
        "ZUNIONSTORE d 2 a b",
        "BITOP AND d a b",
        "XREAD COUNT 1 STREAMS a b 0 0",
        "GEORADIUS a 1 1 1 m STORE b",
        "GEORADIUS a 1 1 1 m STORE b STOREDIST c",
        "GEORADIUSBYMEMBER STORE STORE 1 m STORE STORE",
        "XREADGROUP COUNT 1 GROUP STREAMS c STREAMS a b > >",
        "MIGRATE h 1 k 0 10 COPY",
        "EVAL s 2 a b c",
        "MSETEX 2 a 1 b 2 EX 10",
        "BLMPOP 0 2 a b LEFT",
        "XGROUP CREATE a g $",
    ] {
        let words: Vec<&[u8]> = request.split(' ').map(str::as_bytes).collect();
        let args = Args(&words);
        let entry = table::find(args).unwrap();
        let found = keys_of(entry, &args).unwrap();
        let found: Vec<usize> = found.into_iter().map(|(i, _)| i).collect();
        assert_eq!(found, entry.keys.positions(&args), "{request}");
    }
}
