//! `docs/config.md`, made from the table.

use super::directive::{Directive, Effect, Flags};
use super::foreign::FOREIGN;
use super::{Config, DIRECTIVES};
use std::fmt::Write;

/// The page. `forebay-server --print-config-doc` prints it; a test compares it with the file.
pub fn document() -> String {
    let mut page = String::from(
        "# Directives\n\n\
         Made from the table in `src/config/directives.rs` by `forebay-server --print-config-doc`.\n\n\
         `forebay-server [FILE] [--directive value...] [-]` reads directives from a file, the command line and\n\
         standard input; the last value wins. CONFIG SET changes them at run time, and CONFIG REWRITE writes\n\
         the running values into the file. Sizes take the units `kb`, `mb` and `gb` (powers of 1024) and `k`,\n\
         `m` and `g` (powers of 1000).\n\n\
         A directive without effect is accepted, and a value other than its default is answered by a warning in\n\
         the log. A directive of which only one value is accepted would otherwise promise what is not there: the\n\
         server does not start with another value, and CONFIG SET refuses it.\n\n\
         `forebay-server --check-config FILE [--directive value...]` says of each line whether it works, has no effect,\n\
         is refused, unknown or wrong, and starts nothing; its exit code is 1 if the server would not start.\n",
    );
    let mut section = "";
    for directive in DIRECTIVES {
        if section != directive.section {
            section = directive.section;
            write!(page, "\n## {section}\n").expect("a String takes everything");
        }
        let (facts, text) = (facts(directive), directive.doc);
        write!(page, "\n### {}\n\n{facts}\n\n{text}\n", directive.name)
            .expect("a String takes everything");
    }
    page + &others()
}

/// The table of directives that only other servers have.
fn others() -> String {
    let mut page = String::from(
        "\n## Directives of Redis 8 and Valkey\n\n\
         A file of these servers may hold directives that Forebay's compatibility level does not have. Such a line is\n\
         passed over, with a warning in the log if it says anything but the default; where that would hurt, the server\n\
         does not start. CONFIG GET and CONFIG SET do not know them.\n\n\
         | directive | another value than | is | because |\n|---|---|---|---|\n",
    );
    for other in FOREIGN {
        let verdict = match other.effect {
            Effect::Refused => "refused",
            _ => "passed over",
        };
        let default = match other.default {
            "" => "an empty one".to_owned(),
            default => format!("`{default}`"),
        };
        let (name, instead) = (other.name, other.instead);
        writeln!(page, "| `{name}` | {default} | {verdict} | {instead} |")
            .expect("a String takes everything");
    }
    page
}

/// One line: which values the directive takes, its default and other name, and when it may be set.
fn facts(directive: &Directive) -> String {
    let mut facts = format!("Value: {}.", (directive.describe)());
    let default = (directive.lines)(&Config::default()).join("`, `");
    if !default.is_empty() {
        facts += &format!(" Default: `{default}`.");
    }
    if let Some(alias) = directive.alias {
        facts += &format!(" Other name: `{alias}`.");
    }
    for (flag, note) in [
        (Flags::START, " Set only at the start."),
        (
            Flags::PROTECTED,
            " CONFIG SET needs `enable-protected-configs`.",
        ),
        (Flags::SENSITIVE, " Left out of logs."),
        (
            Flags::HIDDEN,
            " CONFIG GET shows it only by its whole name.",
        ),
    ] {
        if directive.flags.contains(flag) {
            facts += note;
        }
    }
    facts
}

#[cfg(test)]
mod tests {
    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "a test may read the page that it judges"
    )]
    fn the_page_in_docs_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/config.md");
        let page = std::fs::read_to_string(path).expect("docs/config.md");
        assert!(
            page == super::document(),
            "docs/config.md is stale: forebay-server --print-config-doc > docs/config.md"
        );
    }
}
