//! The rules of this repository that a compiler does not know, held by tests.
//!
//! Words that may stand nowhere are put together here from halves, so that this file may hold them.

mod circles;
mod commands;
mod contrib;
mod crashes;
mod dumps;
mod rooms;
mod secrets;
mod source;
mod sweep;
mod unsafes;
#[allow(dead_code, reason = "other tests use more of it")]
#[path = "../support/words.rs"]
mod words;

use source::{Token, tokens, without_tests};
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of one file: about 500 are meant, this is the end.
const LINES_MAX: usize = 700;

/// The table of the directives is one idea, and each row has a text for administrators. Those lines do not count.
const TABLE: &str = "src/config/directives.rs";

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
    ["src", "tests", "benches", "fuzz"]
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

/// True for files that only tests include, and for those in folders of such files.
fn is_for_tests(path: &Path) -> bool {
    let below = path.strip_prefix(root()).unwrap_or(path).with_extension("");
    below.iter().any(|name| {
        let name = name.to_string_lossy();
        ["tests", "testing"].contains(&&*name) || name.ends_with("_tests")
    })
}

/// All product code below src, by file.
fn all_product_code() -> Vec<(String, Vec<Token>)> {
    let product = files(&root().join("src"), &[".rs"]);
    let product = product.iter().filter(|path| !is_for_tests(path));
    product
        .map(|path| (shown(path), without_tests(&tokens(&read(path)))))
        .collect()
}

/// Where product code of `folders` below src has one of these phrases, token for token.
fn phrases_in(folders: &[&str], phrases: &[&str]) -> Vec<String> {
    let wanted: Vec<Vec<Token>> = phrases.iter().map(|phrase| tokens(phrase)).collect();
    let mut found = Vec::new();
    for (path, code) in all_product_code() {
        if !folders
            .iter()
            .any(|f| Path::new(&path).starts_with(Path::new("src").join(f)))
        {
            continue;
        }
        for (phrase, wanted) in phrases.iter().zip(&wanted) {
            let times = code
                .windows(wanted.len())
                .filter(|there| there == wanted)
                .count();
            found.extend((0..times).map(|_| format!("{path}: {phrase}")));
        }
    }
    found
}

/// True if `code` has `.field`, and `after` accepts the tokens that follow.
fn has_field(code: &[Token], field: &str, after: impl Fn(&[Token]) -> bool) -> bool {
    code.windows(2)
        .enumerate()
        .any(|(i, pair)| pair[0].is_mark('.') && pair[1].is_word(field) && after(&code[i + 2..]))
}

#[test]
fn files_for_tests_are_known_by_their_names() {
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
        .map(|path| {
            let text = read(path);
            let lines = text
                .lines()
                .filter(|line| shown(path) != TABLE || !line.trim_start().starts_with("///"));
            (lines.count(), path)
        })
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
    let table = without_tests(&tokens(&read(&root().join("src/config/directives.rs"))));
    // `Works LIVE -> Port "port" ["alias"] port: i64 = ...`
    let rows = table.windows(2).enumerate().filter(|(_, pair)| {
        pair[0].is_word(effect)
            && pair[1]
                .word()
                .is_some_and(|flags| flags == flags.to_uppercase())
    });
    let fields: Vec<String> = rows
        .filter_map(|(i, _)| {
            let rest = &table[i..];
            let colon = rest.iter().position(|token| token.is_mark(':'))?;
            Some(rest[colon - 1].word()?.to_owned())
        })
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
    let append = read(&root().join("src/flow/append/log/info.rs"));
    // `put("name", 0)`, `line("name", &"text")` and pairs of name and text.
    let constant = |rest: &[Token]| {
        let [
            Token::Mark('('),
            Token::Text(name),
            Token::Mark(','),
            rest @ ..,
        ] = rest
        else {
            return None;
        };
        let rest = rest.strip_prefix(&[Token::Mark('&')]).unwrap_or(rest);
        let [value, Token::Mark(')'), Token::Mark(';' | ','), ..] = rest else {
            return None;
        };
        let fixed = value.is_word("0") || matches!(value, Token::Text(_));
        fixed.then(|| name.to_owned())
    };
    let code = [sections, persistence, append].map(|text| without_tests(&tokens(&text)));
    let mut fields: Vec<String> = code
        .iter()
        .flat_map(|code| (0..code.len()).filter_map(|i| constant(&code[i..])))
        .collect();
    assert!(fields.len() > 20, "{fields:?}");
    fields.retain(|field| !docs.contains(&format!("`{field}`")));
    assert_none(
        "constant fields that docs/info-fields.md does not list",
        &fields,
    );
}

/// A counter of INFO that nothing counts would be 0 for ever.
#[test]
fn every_counter_of_stats_is_written() {
    let engine = without_tests(&tokens(&read(&root().join("src/engine/stats.rs"))));
    let is_stats = |pair: &[Token]| pair[0].is_word("struct") && pair[1].is_word("Stats");
    let at = engine.windows(2).position(is_stats).expect("Stats");
    let body = engine[at..].iter().take_while(|token| !token.is_mark('}'));
    let body: Vec<&Token> = body.collect();
    let fields = body.windows(3).filter_map(|three| {
        let declares = three[0].is_word("pub") && three[2].is_mark(':');
        three[1].word().filter(|_| declares)
    });
    let code = all_product_code();
    let writes = |rest: &[Token]| match rest {
        [Token::Mark('='), Token::Mark('='), ..] => false,
        [Token::Mark('=' | '.' | '['), ..] | [Token::Mark('+'), Token::Mark('='), ..] => true,
        _ => false,
    };
    let mut counted = 0;
    let unwritten: Vec<String> = fields
        .map(str::to_owned)
        .inspect(|_| counted += 1)
        .filter(|field| {
            // `Stats { field: value }`
            let made = |three: &[Token]| {
                three[0].is_word(field) && three[1].is_mark(':') && !three[2].is_mark(':')
            };
            !code.iter().any(|(path, code)| {
                let shows = path.ends_with("info_sections.rs");
                let declares = path.ends_with("engine/stats.rs");
                let is_made = !declares && code.windows(3).any(made);
                !shows && (has_field(code, field, writes) || is_made)
            })
        })
        .collect();
    assert!(counted > 20, "the fields of Stats were found");
    assert_none("counters that nothing counts", &unwritten);
}
