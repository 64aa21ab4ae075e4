//! `docs/config.md`, made from the table.

use super::directive::{Effect, Flags};
use super::{Config, DIRECTIVES};
use std::fmt::Write;

/// The page. `forebay-server --print-config-doc` prints it; a test compares it with the file.
pub fn document() -> String {
    let mut page = String::from(
        "# Directives\n\n\
         Made from the table in `src/config/directives.rs` by `forebay-server --print-config-doc`.\n\n\
         `forebay-server [FILE] [--directive value...] [-]` reads these from a file, the command line and\n\
         standard input; the last value wins. \"start\" marks what CONFIG SET cannot change, \"protected\"\n\
         what it changes only with `enable-protected-configs`. \"no effect\" marks what is accepted and does\n\
         nothing (a warning is logged), \"refused\" what must stay at its default.\n\n\
         | directive | default | values | | |\n| --- | --- | --- | --- | --- |\n",
    );
    let defaults = Config::default();
    for d in DIRECTIVES {
        let mut notes = Vec::new();
        for (flag, note) in [(Flags::START, "start"), (Flags::PROTECTED, "protected")] {
            if d.flags.contains(flag) {
                notes.push(note);
            }
        }
        match d.effect {
            Effect::Works => {}
            Effect::Idle => notes.push("no effect"),
            Effect::Refused => notes.push("refused"),
        }
        let alias = d.alias.map_or(String::new(), |a| format!(", `{a}`"));
        let default = match (d.lines)(&defaults).join("; ") {
            text if text.is_empty() => "".into(),
            text => format!("`{text}`"),
        };
        writeln!(
            page,
            "| `{}`{alias} | {default} | {} | {} | {} |",
            d.name,
            (d.describe)().replace('|', "\\|"),
            notes.join(", "),
            d.doc
        )
        .expect("a String takes everything");
    }
    page
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_in_docs_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/config.md");
        let page = std::fs::read_to_string(path).expect("docs/config.md");
        assert!(
            page == super::document(),
            "docs/config.md is stale: forebay-server --print-config-doc > docs/config.md"
        );
    }
}
