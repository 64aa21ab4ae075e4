//! The rules of this repository that a compiler does not know, held by tests.
//!
//! Words that may stand nowhere are put together here from halves, so that this file may hold them.

mod commands;
mod dumps;
mod rooms;
mod secrets;

use std::fs;
use std::path::{Path, PathBuf};

/// Folders whose code gets time, bytes and seeds as arguments.
const PURE: [&str; 11] = [
    "aof",
    "base",
    "config",
    "flow",
    "resp",
    "rdb",
    "keyspace",
    "lua",
    "engine",
    "commands",
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
const SAFE: [&str; 4] = ["aof", "resp", "rdb", "replication"];

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

/// The code of a file without the items that are built for tests only, and without comments.
///
/// The layout is rustfmt's: an item of several lines ends with a brace in the column in which it began.
fn product_code(text: &str) -> Vec<(usize, &str)> {
    let mut code = Vec::new();
    let (mut for_tests, mut ends_with) = (false, None::<String>);
    for (i, line) in text.lines().enumerate() {
        if let Some(end) = &ends_with {
            if line.strip_suffix(';').unwrap_or(line) == end {
                ends_with = None;
            }
            continue;
        }
        let word = line.trim();
        if word == "#[cfg(test)]" {
            for_tests = true;
        } else if for_tests && !word.starts_with("#[") {
            for_tests = false;
            if !word.ends_with([';', '}', ',']) {
                let indent = &line[..line.len() - line.trim_start().len()];
                ends_with = Some(format!("{indent}}}"));
            }
        } else if !for_tests {
            code.push((i + 1, line.split("//").next().unwrap_or(line)));
        }
    }
    code.retain(|(_, line)| !line.trim().is_empty());
    code
}

/// True for files that only tests include, and for those in folders of such files.
fn is_for_tests(path: &Path) -> bool {
    let below = path.strip_prefix(root()).unwrap_or(path).with_extension("");
    below.iter().any(|name| {
        let name = name.to_string_lossy();
        ["tests", "testing"].contains(&&*name) || name.ends_with("_tests")
    })
}

/// All product code below src, by file.
fn all_product_code() -> Vec<(String, String)> {
    let product = files(&root().join("src"), &[".rs"]);
    let product = product.iter().filter(|path| !is_for_tests(path));
    product
        .map(|path| {
            let text = read(path);
            let lines: Vec<&str> = product_code(&text).into_iter().map(|(_, l)| l).collect();
            (shown(path), lines.join("\n"))
        })
        .collect()
}

/// True if `code` has `.field`, and `after` accepts what follows the whole word.
fn has_field(code: &str, field: &str, after: impl Fn(&str) -> bool) -> bool {
    let dotted = format!(".{field}");
    code.match_indices(&dotted).any(|(at, found)| {
        let rest = &code[at + found.len()..];
        let is_word = !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        is_word && after(rest)
    })
}

#[test]
fn items_for_tests_are_left_out_and_nothing_behind_them_is() {
    let text = "#[cfg(test)]\nmod tests;\n\nuse a::b; // why\n\n#[cfg(test)]\nmod more {\n    fn f() {\n    }\n}\n\nfn g() {\n    #[cfg(test)]\n    let x = 1;\n}\n";
    let lines: Vec<(usize, &str)> = product_code(text);
    assert_eq!(lines, [(4, "use a::b; "), (12, "fn g() {"), (15, "}")]);
    assert!(is_for_tests(&root().join("src/a/tests.rs")));
    assert!(is_for_tests(&root().join("src/a/b_tests.rs")));
    assert!(is_for_tests(&root().join("src/a/tests/set.rs")));
    assert!(is_for_tests(&root().join("src/a/testing/run.rs")));
    assert!(is_for_tests(&root().join("src/a/b_tests/set.rs")));
    assert!(!is_for_tests(&root().join("src/a/latest.rs")));
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
        if is_for_tests(&path) {
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
    let folders = [
        "server",
        "replication",
        "keyspace",
        "lua",
        "engine",
        "commands",
        "pipes",
    ];
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

/// The fields of the directives with this effect.
fn directives(effect: &str) -> Vec<String> {
    let table = read(&root().join("src/config/directives.rs"));
    let lines = table
        .lines()
        .filter_map(|line| line.trim().strip_prefix(effect)?.strip_prefix(' '));
    let fields: Vec<String> = lines
        .filter_map(|line| line.split(": ").next()?.rsplit(' ').next())
        .map(str::to_owned)
        .collect();
    assert!(fields.len() > 10, "{effect}: {fields:?}");
    fields
}

/// A directive that says it works is read by something, one that says it does nothing by nothing.
#[test]
fn directives_do_what_they_say() {
    let mut code = all_product_code();
    code.retain(|(path, _)| !path.ends_with("config/directives.rs"));
    let is_read = |field: &String| {
        code.iter()
            .any(|(_, code)| has_field(code, field, |_| true))
    };
    let mut unread = directives("Works");
    unread.retain(|field| !is_read(field));
    assert_none("directives that nothing reads", &unread);
    let mut read = directives("Idle");
    read.retain(is_read);
    assert_none(
        "directives that are read, and say that they do nothing",
        &read,
    );
}

/// A field of INFO that never changes is listed, with its reason.
#[test]
fn constant_fields_of_info_are_documented() {
    let docs = read(&root().join("docs/info-fields.md"));
    let (_, docs) = docs
        .split_once("# INFO fields that are constant")
        .expect("the section");
    let sections = read(&root().join("src/commands/server_cmds/info_sections.rs"));
    let persistence = read(&root().join("src/flow/save/info.rs"));
    let append = read(&root().join("src/server/append/info.rs"));
    // `put("name", 0)`, `put("name", "text")`, `line("name", &0)` and pairs of name and text.
    let constant = |line: &str| {
        let line = line.trim();
        let rest = ["line.put(\"", "line(\"", "(\""]
            .iter()
            .find_map(|start| line.strip_prefix(start))?;
        let (name, value) = rest.split_once("\", ")?;
        let value = value.trim_end_matches([';', ',']).strip_suffix(')')?;
        let value = value.strip_prefix('&').unwrap_or(value);
        let fixed = value == "0" || value.starts_with('"') && value.ends_with('"');
        fixed.then(|| name.to_owned())
    };
    let lines = sections.lines().chain(persistence.lines());
    let lines = lines.chain(append.lines());
    let mut fields: Vec<String> = lines.filter_map(constant).collect();
    assert!(fields.len() > 25, "{fields:?}");
    fields.retain(|field| !docs.contains(&format!("`{field}`")));
    assert_none(
        "constant fields that docs/info-fields.md does not list",
        &fields,
    );
}

/// A counter of INFO that nothing counts would be 0 for ever.
#[test]
fn every_counter_of_stats_is_written() {
    let engine = read(&root().join("src/engine/engine.rs"));
    let (_, fields) = engine.split_once("pub struct Stats {").expect("Stats");
    let (fields, _) = fields.split_once("\n}").expect("its end");
    let fields = fields
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(':'));
    let code = all_product_code();
    let writes = |rest: &str| {
        let rest = rest.trim_start();
        let assigns = rest.starts_with('=') && !rest.starts_with("==");
        assigns || rest.starts_with("+=") || rest.starts_with(['.', '['])
    };
    let mut counted = 0;
    let unwritten: Vec<String> = fields
        .map(|(field, _)| field.to_owned())
        .inspect(|_| counted += 1)
        .filter(|field| {
            let made = format!(" {field}: ");
            !code.iter().any(|(path, code)| {
                let shows = path.ends_with("info_sections.rs");
                let declares = path.ends_with("engine/engine.rs");
                !shows && (has_field(code, field, writes) || !declares && code.contains(&made))
            })
        })
        .collect();
    assert!(counted > 20, "the fields of Stats were found");
    assert_none("counters that nothing counts", &unwritten);
}
