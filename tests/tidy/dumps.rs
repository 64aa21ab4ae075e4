//! Files are renamed, removed and truncated in few places of the server, and those that do it to a dump ask for the
//! witness of a complete dataset.

use super::{assert_none, phrases_in};

/// What takes a file from under its name, or its bytes away.
const DESTROYS: [&str; 13] = [
    "Aside::create",
    "Machine.rename",
    "Machine.remove",
    "disk.rename",
    "disk.remove(",
    "fs::rename",
    "remove_file",
    "remove_dir",
    ".persist(",
    "set_len(",
    ".truncate(true)",
    "File::create(",
    "fs::write(",
];

/// Who may, and what they do it to.
const MAY: [(&str, &str); 12] = [
    (
        "src/flow/append/writer.rs",
        "files of the append-only log that the manifest does not need any more",
    ),
    ("src/flow/dump_file.rs", "a dump, with the witness"),
    (
        "src/flow/fate.rs",
        "the temporary file of a save that was given up",
    ),
    (
        "src/flow/save/file_sink.rs",
        "a dump, with the right that the witness gave",
    ),
    (
        "src/flow/save/give_up.rs",
        "the temporary file of a payload that is not complete",
    ),
    (
        "src/flow/follow/receive.rs",
        "a dump that was received and checked, or its temporary file",
    ),
    (
        "src/flow/append/log/single.rs",
        "the single file of an older server, which becomes the base of the log",
    ),
    ("src/server/shutdown.rs", "pid file and socket"),
    ("src/server/startup.rs", "the pid file"),
    ("src/server/listen.rs", "the socket"),
    ("src/server/rewrite_file.rs", "the configuration file"),
    ("src/server/log.rs", "the log"),
];

#[test]
fn only_those_who_hold_the_witness_destroy_dumps() {
    let found = phrases_in(&["flow", "server"], &DESTROYS);
    assert!(found.len() > 5, "the places that are known are found");
    let strange = found
        .into_iter()
        .filter(|line| !MAY.iter().any(|(file, _)| line.starts_with(file)));
    assert_none(
        "a file that may be a dump is destroyed without the witness of src/flow/whole.rs",
        &strange.collect::<Vec<_>>(),
    );
}

#[test]
fn requests_run_on_the_executor_alone() {
    let folders = ["engine", "commands", "replication", "server"];
    // A handler that could run one would run it within its own.
    let mut made = phrases_in(&folders, &["Executor::from(", "Executor {"]);
    // What it can do is no way to make one.
    for can in phrases_in(&folders, &["impl Executor {"]) {
        let same = can.replace("impl ", "");
        let at = made.iter().position(|line| *line == same);
        made.remove(at.expect("the shorter phrase is there too"));
    }
    let known = [
        "src/engine/executor.rs",
        "src/server/state.rs",
        "src/engine/blocking/mod.rs",
        "src/engine/dispatch.rs",
    ];
    let strange = made
        .into_iter()
        .filter(|line| !known.iter().any(|file| line.starts_with(file)));
    assert_none(
        "the executor is made where the server is",
        &strange.collect::<Vec<_>>(),
    );
}
