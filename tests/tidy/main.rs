//! The rules of this repository that a compiler does not know, held by tests.
//!
//! Words that may stand nowhere are put together here from halves, so that this file may hold them.

mod commands;
mod dumps;
mod secrets;

use std::fs;
use std::path::{Path, PathBuf};

/// Folders whose code gets time, bytes and seeds as arguments.
const PURE: [&str; 6] = [
    "resp",
    "rdb",
    "keyspace",
    "commands",
    "snapshot",
    "replication",
];

/// What waits, or differs from run to run.
const IMPURE: [&str; 12] = [
    "tokio::",
    "use tokio",
    "std::fs",
    "std::net",
    "std::process",
    "std::env",
    "Instant::now",
    "SystemTime",
    "thread::sleep",
    "thread::spawn",
    "UNIX_EPOCH",
    "RandomState",
];

/// Code that decodes what others have sent must be safe code.
const SAFE: [&str; 3] = ["resp", "rdb", "replication"];

/// Lines of one file: about 500 are meant, this is the end.
const LINES_MAX: usize = 700;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `folder` with one of these endings.
fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else {
        return found;
    };
    for entry in entries.map(|e| e.expect("the folder can be read").path()) {
        let name = entry
            .file_name()
            .expect("an entry has a name")
            .to_string_lossy()
            .into_owned();
        if entry.is_dir() {
            if !["target", ".git"].contains(&name.as_str()) {
                found.extend(files(&entry, endings));
            }
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push(entry);
        }
    }
    found.sort();
    found
}

fn rust_files() -> Vec<PathBuf> {
    ["src", "tests", "benches"]
        .iter()
        .flat_map(|f| files(&root().join(f), &[".rs"]))
        .collect()
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}

/// The code of a file before its unit tests, without comments.
fn product_code(text: &str) -> Vec<(usize, &str)> {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or(text);
    let lines = code
        .lines()
        .enumerate()
        .map(|(i, line)| (i + 1, line.split("//").next().unwrap_or(line)));
    lines.filter(|(_, line)| !line.trim().is_empty()).collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn assert_none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

/// Lines of `folders` below src that contain one of `words`; files that exist for tests are left out.
fn lines_with(folders: &[&str], words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for path in folders
        .iter()
        .flat_map(|f| files(&root().join("src").join(f), &[".rs"]))
    {
        if shown(&path).contains("test") {
            continue;
        }
        for (number, line) in product_code(&read(&path)) {
            if let Some(word) = words.iter().find(|w| line.contains(**w)) {
                found.push(format!("{}:{number}: {word}", shown(&path)));
            }
        }
    }
    found
}

#[test]
fn pure_modules_neither_wait_nor_look_at_the_clock() {
    assert_none(
        "time, files and sockets belong into src/server",
        &lines_with(&PURE, &IMPURE),
    );
}

/// A refusal of the system is for whoever asked for a thread: one place starts them, and says so.
#[test]
fn the_server_starts_threads_in_one_place() {
    let folders = ["server", "replication", "keyspace", "snapshot", "commands"];
    let words = [
        "thread::spawn",
        "thread::Builder",
        "spawn_blocking",
        "tokio::fs",
        "lookup_host",
    ];
    let mut found = lines_with(&folders, &words);
    found.retain(|line| !line.starts_with("src/server/threads.rs"));
    assert_none("threads are started by server::threads", &found);
}

#[test]
fn code_that_decodes_input_has_no_unsafe() {
    assert_none("decoders are safe code", &lines_with(&SAFE, &["unsafe "]));
}

#[test]
fn every_module_says_what_it_is() {
    let silent: Vec<_> = rust_files()
        .iter()
        .filter(|path| !read(path).starts_with("//!"))
        .map(|path| shown(path))
        .collect();
    assert_none("files that do not open with //!", &silent);
}

#[test]
fn nothing_is_left_half_done() {
    let marks = [
        concat!("to", "do!("),
        concat!("unimpl", "emented!("),
        concat!("db", "g!("),
        concat!("#[ig", "nore"),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X:"),
    ];
    let mut found = Vec::new();
    for path in rust_files() {
        for (number, line) in read(&path).lines().enumerate() {
            if let Some(mark) = marks.iter().find(|m| line.contains(**m)) {
                found.push(format!("{}:{}: {mark}", shown(&path), number + 1));
            }
        }
    }
    assert_none("what lands is done", &found);
}

#[test]
fn no_file_outgrows_one_idea() {
    let large: Vec<_> = rust_files()
        .iter()
        .map(|path| (read(path).lines().count(), path))
        .filter(|(lines, _)| *lines > LINES_MAX)
        .map(|(lines, path)| format!("{} {lines}", shown(path)))
        .collect();
    assert_none("files over 700 lines", &large);
}

#[test]
fn the_repository_names_no_machine_and_no_neighbour() {
    let words = [
        concat!("/wo", "rk/"),
        concat!("../sha", "red"),
        concat!("/ro", "ot/"),
        concat!("py", "pi.org"),
        concat!("crates", ".io/"),
        concat!("npm", "js.org"),
    ];
    let endings = [
        ".rs", ".md", ".toml", ".txt", ".tsv", ".json", "run", "peers", "test", ".sh", ".conf",
        ".html",
    ];
    let mut found = Vec::new();
    for path in files(root(), &endings) {
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            if let Some(word) = words.iter().find(|w| line.contains(**w)) {
                found.push(format!("{}:{}: {word}", shown(&path), number + 1));
            }
        }
    }
    assert_none("words that may stand nowhere", &found);
}

#[test]
fn every_decision_is_in_the_index() {
    let folder = root().join("docs/decisions");
    let index = read(&folder.join("README.md"));
    let missing: Vec<_> = files(&folder, &[".md"])
        .iter()
        .filter_map(|path| path.file_name()?.to_str().map(str::to_owned))
        .filter(|name| name != "README.md" && !index.contains(&format!("({name})")))
        .collect();
    assert_none(
        "decisions that docs/decisions/README.md does not list",
        &missing,
    );
}

#[test]
fn the_readme_has_two_commands_and_what_it_names_exists() {
    let readme = read(&root().join("README.md"));
    let commands: Vec<_> = readme
        .split("```sh\n")
        .skip(1)
        .filter_map(|b| b.split("```").next())
        .collect();
    assert_eq!(
        commands.len(),
        2,
        "one command starts the main job, one passes all tests: {commands:?}"
    );
    assert!(
        commands[0].starts_with("cargo run --release -- "),
        "{}",
        commands[0]
    );
    assert_eq!(commands[1].trim(), "./test");
    let link = |part: &str| part.split(')').next().map(str::to_owned);
    let links = readme
        .split("](")
        .skip(1)
        .filter_map(link)
        .filter(|l| !l.contains("://"));
    let missing: Vec<_> = links
        .map(|l| l.split('#').next().unwrap_or_default().to_owned())
        .filter(|l| !root().join(l).exists())
        .collect();
    assert_none("links of the README that lead nowhere", &missing);
    let dump = commands[0]
        .split_whitespace()
        .find(|w| w.contains("rdb-samples"));
    let dump = root().join(
        dump.expect("the first command names a real dump")
            .trim_end_matches('/'),
    );
    assert!(dump.exists(), "{} is not there", dump.display());
}

/// A directive that says it works must be read by something.
#[test]
fn directives_that_work_are_used() {
    let table = read(&root().join("src/config/directives.rs"));
    let code: String = files(&root().join("src"), &[".rs"])
        .iter()
        .filter(|path| !path.ends_with("config/directives.rs"))
        .map(|path| read(path))
        .collect();
    let idle: Vec<String> = table
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Works "))
        .filter_map(|line| line.split(": ").next()?.rsplit(' ').next())
        .filter(|field| !code.contains(*field))
        .map(str::to_owned)
        .collect();
    assert_none("directives that nothing reads", &idle);
}
