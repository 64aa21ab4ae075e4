//! `docs/replication-matrix.md`: which server follows which, as the last whole run found it.

use std::fmt::Write;
use std::sync::Mutex;

/// The page; each test of a whole run writes a section of it.
const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/replication-matrix.md");

/// A part of the page.
#[derive(Clone, Copy)]
pub enum Section {
    /// Every way of a full sync.
    Syncs,
    /// Every write that a server lists.
    Writes,
    /// Restarts and changes of roles.
    Promotions,
}

/// All of them, in the order of the page.
const SECTIONS: [Section; 3] = [Section::Syncs, Section::Writes, Section::Promotions];

const HEAD: &str = "# Who follows whom\n\nMade by `FOREBAY_MATRIX=all cargo test --test matrix`: each cell was run, and holds \
                    what it says.\n";

impl Section {
    fn title(self) -> &'static str {
        match self {
            Section::Syncs => "## Full syncs under writes",
            Section::Writes => "## Every write",
            Section::Promotions => "## Restarts and changes of roles",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Section::Syncs => {
                "Clients write to the primary, the replica asks for a full sync, the link comes up, the writers go on, \
                 then both hold the same data (`DEBUG DIGEST`) at the same offset, which the replica has acknowledged, \
                 after exactly one full sync (two for a replica with Redis 6.2, which does not announce its version and \
                 disconnects from the first payload). The columns are `repl-diskless-sync` of the primary and \
                 `repl-diskless-load` of the replica; then come full syncs over two connections, where both servers \
                 support them; the last two are a diskless sync with `masterauth`, and with `masteruser`."
            }
            Section::Writes => {
                "Every command that the primary lists as a write (where it is Forebay: those that the replica lists, \
                 too) is sent to the primary again and again, with arguments drawn from what COMMAND DOCS says of them. \
                 The replica never needs another full sync for it, and at the end both hold the same, key by key and \
                 by digest. (A Redis 7.4 that follows Forebay gets one more full sync: it does not tell that fields of \
                 its hashes may expire. Valkey 9.0.0 crashes in both directions: it takes a key for a hash still that \
                 was one with fields that expire and was overwritten.)"
            }
            Section::Promotions => {
                "Clients that number their writes write to the server, which Forebay follows. Forebay is restarted and \
                 goes on where it was, the server hands over to it by `FAILOVER`, the clients go on there. Then the server \
                 is restarted, goes on where it was, and gets its role back by `FAILOVER`. No step but the first \
                 needs a full sync, every write that was answered is on both servers at the end, in order and no more \
                 often, and both hold the same by digest."
            }
        }
    }

    fn columns(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Section::Syncs => (
                &["primary", "replica"],
                &[
                    "disk, disabled",
                    "disk, on-empty-db",
                    "disk, swapdb",
                    "diskless, disabled",
                    "diskless, on-empty-db",
                    "diskless, swapdb",
                    "two, disabled",
                    "two, on-empty-db",
                    "two, swapdb",
                    "password",
                    "user",
                ],
            ),
            Section::Writes => (&["primary", "replica"], &["all arrive"]),
            Section::Promotions => (&["server"], &["there and back"]),
        }
    }
}

/// A row: its names, and whether each column held; `None` has no meaning for it.
pub type Row = (Vec<String>, Vec<Option<bool>>);

/// Writes a section, and leaves the others as they are.
pub fn write(section: Section, rows: &[Row]) {
    static ONE_BY_ONE: Mutex<()> = Mutex::new(());
    let _guard = ONE_BY_ONE.lock().expect("nobody fails here");
    let old = std::fs::read_to_string(PATH).unwrap_or_default();
    let mut page = HEAD.to_owned();
    for each in SECTIONS {
        let kept = old
            .split_once(each.title())
            .map(|(_, rest)| rest.split("\n## ").next().unwrap_or_default());
        let body = match kept {
            _ if each.title() == section.title() => made(section, rows),
            Some(kept) => kept.trim_end().to_owned() + "\n",
            None => continue,
        };
        write!(page, "\n{}{body}", each.title()).expect("a string takes it");
    }
    std::fs::write(PATH, page).expect("docs can be written");
}

fn made(section: Section, rows: &[Row]) -> String {
    let (names, columns) = section.columns();
    let mut text = format!("\n\n{}\n\n|", section.text());
    for column in names.iter().chain(columns) {
        write!(text, " {column} |").expect("a string takes it");
    }
    text += "\n|";
    text += &"---|".repeat(names.len() + columns.len());
    text.push('\n');
    for (row, held) in rows {
        write!(text, "| {} |", row.join(" | ")).expect("a string takes it");
        for held in held {
            let shown = match held {
                Some(true) => "yes",
                Some(false) => "**no**",
                None => "-",
            };
            write!(text, " {shown} |").expect("a string takes it");
        }
        text.push('\n');
    }
    text
}
