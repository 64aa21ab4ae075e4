//! Each place where a file is replaced has a test that crashes it.

use super::{assert_none, phrases_in, read, root};

/// Who replaces files, how often, and the test that stops durability after each of its operations.
const REPLACED: [(&str, &str, &str); 6] = [
    (
        "src/flow/append/log/base.rs: Aside::create_in",
        "src/server/crash_tests.rs",
        "a_crash_while_a_received_dump_becomes_a_base_leaves_none_or_a_whole_one",
    ),
    (
        // The manifest names the file in both of its places: see `flow::append::find`.
        "src/flow/append/log/single.rs: disk.rename",
        "src/server/append_load/tests.rs",
        "a_crash_while_a_single_file_is_moved_leaves_it_where_it_is_found",
    ),
    (
        "src/flow/append/writer.rs: Aside::create_in",
        "src/flow/append/tests.rs",
        "whatever_fails_and_wherever_it_crashes_what_was_durable_is_loaded_once_and_in_order",
    ),
    (
        "src/flow/follow/receive.rs: Aside::create",
        "src/server/crash_tests.rs",
        "a_crash_during_a_full_sync_to_disk_leaves_the_old_dump_or_the_received_one",
    ),
    (
        "src/flow/save/file_sink.rs: Aside::create_in",
        "src/server/crash_tests.rs",
        "a_crash_during_a_save_leaves_the_old_dump_or_the_new_one",
    ),
    (
        "src/server/rewrite_file.rs: Aside::create_in",
        "src/server/crash_tests.rs",
        "a_crash_during_config_rewrite_leaves_the_old_file_or_the_new_one",
    ),
];

#[test]
fn every_replacement_of_a_file_has_its_crash_test() {
    let ways = [
        "Aside::create",
        "Aside::create_in",
        "fs::rename",
        "disk.rename",
        "fs::hard_link",
    ];
    let mut found = phrases_in(&[""], &ways);
    // What the tools write is a copy of something that stays.
    let others = ["src/disk/", "src/tools/", "src/sync-bench/"];
    found.retain(|line| !others.iter().any(|room| line.starts_with(room)));
    found.sort();
    let known: Vec<&str> = REPLACED.iter().map(|(place, ..)| *place).collect();
    assert_eq!(found, known, "a list of all of them");
    let missing = REPLACED.iter().filter(|(_, file, test)| {
        let text = read(&root().join(file));
        !text.contains(&format!("fn {test}"))
    });
    let missing: Vec<String> = missing.map(|(place, ..)| (*place).to_owned()).collect();
    assert_none("their crash tests are gone", &missing);
}
