//! `docs/config.md`, made from the table.

use super::directive::{Directive, Effect, Flags};
use super::foreign::FOREIGN;
use super::{Config, DIRECTIVES};
use std::fmt::Write;

/// The page. `forebay-server --print-config-doc` prints it; a test compares it with the file.
pub fn document() -> String {
    let mut page = String::from(
        "# Directives\n\n\
         This page is generated from the table in `src/config/directives.rs` by `forebay-server --print-config-doc`.\n\n\
         `forebay-server [FILE] [--directive value...] [-]` reads directives from a file, the command line and\n\
         standard input; the last value wins. CONFIG SET changes them at run time, and CONFIG REWRITE writes\n\
         the running values to the file. Sizes accept the units `kb`, `mb` and `gb` (powers of 1024) and `k`,\n\
         `m` and `g` (powers of 1000).\n\n\
         A directive without effect is accepted; a value other than its default causes a warning in the log. For\n\
         some directives only one value is accepted, because any other would require a feature that does not\n\
         exist: the server does not start with another value, and CONFIG SET refuses it.\n\n\
         `forebay-server --check-config FILE [--directive value...]` reports for each line whether it works, has no\n\
         effect, is refused, unknown or wrong, and does not start the server; its exit code is 1 if the server would\n\
         not start.\n",
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
         A configuration file of these servers may contain directives that Redis 7.4 does not have. Such a line is ignored,\n\
         with a warning in the log unless it gives the default. If ignoring it would do harm, the server does not start.\n\
         CONFIG GET and CONFIG SET do not know these directives.\n\n\
         | directive | any value other than | is | because |\n|---|---|---|---|\n",
    );
    for other in FOREIGN {
        let verdict = match other.effect {
            Effect::Refused => "refused",
            _ => "ignored",
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
        (Flags::START, " Can only be set at startup."),
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
