//! Files of one room that need each other: whoever reads one of a circle has to read all of them.

use super::source::{Token, tokens, without_tests};
use super::{files, is_for_tests, read, root};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The number of files that the largest circle of each room may have. A room that is not here has none. Lower a number
/// when its circle has become smaller; no change makes one larger.
const LARGEST: &[(&str, usize)] = &[
    ("base", 2),
    ("cli", 2),
    ("commands", 5),
    ("config", 2),
    ("engine", 2),
    ("flow", 2),
    ("keyspace", 5),
    ("lua", 4),
    ("lua-syntax", 2),
    ("rdb", 2),
    ("replication", 2),
    ("server", 5),
    ("sync-bench", 3),
    ("tools", 3),
];

/// A path of modules within a room; the room itself is empty.
type Module = Vec<String>;

/// A file: what it uses, and what it gives on under a shorter path.
#[derive(Default)]
struct File {
    uses: Vec<Module>,
    gives: BTreeMap<String, Option<Module>>,
}

/// The module that a file below the folder of its room is.
fn module_of(below: &Path) -> Module {
    let mut module: Module = below
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if module
        .last()
        .is_some_and(|last| ["mod", "lib"].contains(&last.as_str()))
    {
        module.pop();
    }
    module
}

/// The paths that a use declaration names, from the token after `use`; the index of its end.
fn use_tree(tokens: &[Token], mut i: usize, before: &[String], out: &mut Vec<Module>) -> usize {
    let mut path = before.to_vec();
    while let Some(token) = tokens.get(i) {
        match token {
            Token::Word(word) if word == "as" => i += 2,
            Token::Word(word) => {
                path.push(word.clone());
                i += 1;
            }
            Token::Mark(':') => i += 1,
            Token::Mark('*') => {
                path.push("*".to_owned());
                i += 1;
            }
            Token::Mark('{') => {
                i += 1;
                while tokens.get(i).is_some_and(|t| !t.is_mark('}')) {
                    i = use_tree(tokens, i, &path, out);
                    i += usize::from(tokens.get(i).is_some_and(|t| t.is_mark(',')));
                }
                return i + 1;
            }
            Token::Mark(_) | Token::Text(_) => break,
        }
    }
    out.push(path);
    i
}

/// The path from the room's root that a path in `module` means; `None` if it leads to another room.
fn absolute(module: &Module, path: &[String], is_child: impl Fn(&str) -> bool) -> Option<Module> {
    let mut base = module.clone();
    let mut rest = path;
    match path.first()?.as_str() {
        "crate" => {
            base.clear();
            rest = &path[1..];
        }
        "self" => rest = &path[1..],
        "super" => {
            while rest.first().is_some_and(|part| part == "super") {
                base.pop();
                rest = &rest[1..];
            }
        }
        child if is_child(child) => {}
        _ => return None,
    }
    Some(base.into_iter().chain(rest.iter().cloned()).collect())
}

/// True if a path to a child module begins here: `child::name`, which needs no `use`.
fn is_child_path(tokens: &[Token], i: usize, is_child: impl Fn(&str) -> bool) -> bool {
    let begins = i == 0 || !tokens[i - 1].is_mark(':');
    let goes_on = [1, 2]
        .iter()
        .all(|n| tokens.get(i + n).is_some_and(|t| t.is_mark(':')));
    begins && goes_on && tokens[i].word().is_some_and(is_child)
}

fn file(module: &Module, text: &str, modules: &BTreeSet<Module>) -> File {
    let tokens = without_tests(&tokens(text));
    let is_child = |name: &str| {
        let mut child = module.clone();
        child.push(name.to_owned());
        modules.contains(&child)
    };
    let mut found = File::default();
    let mut i = 0;
    while i < tokens.len() {
        let word = tokens[i].word().unwrap_or_default();
        if word == "use" {
            let mut paths = Vec::new();
            let given_on = i > 0 && (tokens[i - 1].is_word("pub") || tokens[i - 1].is_mark(')'));
            i = use_tree(&tokens, i + 1, &[], &mut paths);
            for path in paths {
                let home = absolute(module, &path, is_child);
                if given_on {
                    let name = path.last().cloned().unwrap_or_default();
                    found.gives.insert(name, home);
                } else {
                    found.uses.extend(home);
                }
            }
        } else if ["crate", "self", "super"].contains(&word) || is_child_path(&tokens, i, is_child)
        {
            let (mut path, mut at) = (vec![word.to_owned()], i + 1);
            while tokens.get(at).is_some_and(|t| t.is_mark(':'))
                && tokens.get(at + 1).is_some_and(|t| t.is_mark(':'))
                && let Some(next) = tokens.get(at + 2).and_then(Token::word)
            {
                path.push(next.to_owned());
                at += 3;
            }
            if path.len() > 1 {
                found.uses.extend(absolute(module, &path, is_child));
            }
            i = at;
        } else {
            i += 1;
        }
    }
    found
}

/// The file in which what a path names is written.
fn home(path: &[String], files: &BTreeMap<Module, File>, steps: usize) -> Option<Module> {
    let known = (0..=path.len())
        .rev()
        .find(|n| files.contains_key(&path[..*n]))?;
    let module = path[..known].to_vec();
    let name = path.get(known);
    match name.and_then(|name| files[&module].gives.get(name)) {
        // It comes from another room.
        Some(None) => None,
        Some(Some(given)) if steps < 8 => {
            let rest = path[known + 1..].iter().cloned();
            let path: Module = given.iter().cloned().chain(rest).collect();
            home(&path, files, steps + 1)
        }
        _ => Some(module),
    }
}

/// Which files of a room use which others.
fn arrows(room: &Path) -> BTreeMap<Module, BTreeSet<Module>> {
    let sources = files(room, &[".rs"]);
    let sources = sources.iter().filter(|path| !is_for_tests(path));
    let texts: BTreeMap<Module, String> = sources
        .map(|path| {
            (
                module_of(path.strip_prefix(room).expect("below")),
                read(path),
            )
        })
        .collect();
    let modules: BTreeSet<Module> = texts.keys().cloned().collect();
    let files: BTreeMap<Module, File> = texts
        .iter()
        .map(|(module, text)| (module.clone(), file(module, text, &modules)))
        .collect();
    files
        .iter()
        .map(|(module, file)| {
            let used = file.uses.iter().filter_map(|path| home(path, &files, 0));
            (module.clone(), used.filter(|used| used != module).collect())
        })
        .collect()
}

/// All files that can be reached from one.
fn reached(from: &Module, arrows: &BTreeMap<Module, BTreeSet<Module>>) -> BTreeSet<Module> {
    let (mut seen, mut left) = (BTreeSet::new(), vec![from.clone()]);
    while let Some(next) = left.pop() {
        for used in &arrows[&next] {
            if seen.insert(used.clone()) {
                left.push(used.clone());
            }
        }
    }
    seen
}

/// The files of the largest circle.
fn largest(arrows: &BTreeMap<Module, BTreeSet<Module>>) -> BTreeSet<Module> {
    let reach: BTreeMap<&Module, BTreeSet<Module>> = arrows
        .keys()
        .map(|from| (from, reached(from, arrows)))
        .collect();
    let circles = reach.iter().map(|(from, to)| {
        let back = to.iter().filter(|other| reach[other].contains(*from));
        back.cloned().collect::<BTreeSet<Module>>()
    });
    circles.max_by_key(BTreeSet::len).unwrap_or_default()
}

#[test]
fn circles_of_files_do_not_grow() {
    let src = root().join("src");
    let rooms = std::fs::read_dir(&src)
        .expect("src")
        .map(|e| e.expect("a room").path());
    let mut wrong = Vec::new();
    for room in rooms.filter(|path| path.join("lib.rs").exists()) {
        let name = room
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let arrows = arrows(&room);
        let circle = largest(&arrows);
        let bound = LARGEST
            .iter()
            .find(|(room, _)| *room == name)
            .map_or(0, |(_, n)| *n);
        println!(
            "{name}: {} files, {} in the largest circle",
            arrows.len(),
            circle.len()
        );
        if circle.len() > bound {
            let paths: Vec<String> = circle.iter().map(|module| module.join("/")).collect();
            wrong.push(format!(
                "{name}: {} files in the largest circle, {bound} may be: {}",
                circle.len(),
                paths.join(" ")
            ));
        }
    }
    super::assert_none("circles of files", &wrong);
}

#[test]
fn a_circle_is_found_through_uses_paths_and_what_is_given_on() {
    let parse = |module: &[&str], text: &str, modules: &[&[&str]]| {
        let own = |path: &[&str]| -> Module { path.iter().map(|p| (*p).to_owned()).collect() };
        let modules = modules.iter().map(|path| own(path)).collect();
        (own(module), file(&own(module), text, &modules))
    };
    let all: &[&[&str]] = &[&[], &["a"], &["b"], &["b", "c"], &["d"]];
    let files: BTreeMap<Module, File> = [
        parse(&[], "mod a; pub mod b; pub use b::Given;", all),
        parse(&["a"], "use crate::{Given, d::{X as Y}};", all),
        parse(
            &["b"],
            "mod c; pub(crate) use c::Given; #[cfg(test)] use crate::d;",
            all,
        ),
        parse(
            &["b", "c"],
            "fn f() { super::super::a::g() } // crate::d",
            all,
        ),
        parse(&["d"], "use other::crate_like; use base::X;", all),
    ]
    .into();
    let arrows = files
        .iter()
        .map(|(module, file)| {
            let used = file.uses.iter().filter_map(|path| home(path, &files, 0));
            (module.clone(), used.collect())
        })
        .collect();
    let circle: Vec<String> = largest(&arrows).iter().map(|m| m.join("/")).collect();
    assert_eq!(circle, ["a", "b/c"]);
}

/// A module needs no `use` to name its children.
#[test]
fn paths_that_begin_with_a_child_are_uses() {
    let own = |path: &[&str]| -> Module { path.iter().map(|p| (*p).to_owned()).collect() };
    let modules = [own(&["m"]), own(&["m", "n"])].into();
    let uses = |text: &str| file(&own(&["m"]), text, &modules).uses;
    assert_eq!(uses("mod n; fn f() { n::g() }"), [own(&["m", "n", "g"])]);
    assert_eq!(
        uses("mod n; fn f() { self::n::g() }"),
        [own(&["m", "n", "g"])]
    );
    assert!(uses("mod n; fn f(n: u8) { n; x.n(); other::n::g() }").is_empty());
}
