//! `docs/replication-matrix.md`: which server follows which, as the last whole run found it.

use crate::{Cell, Login};
use std::fmt::Write;

const WAYS: [(bool, &str); 6] = [
    (false, "disabled"),
    (false, "on-empty-db"),
    (false, "swapdb"),
    (true, "disabled"),
    (true, "on-empty-db"),
    (true, "swapdb"),
];

/// Writes the page.
pub fn write(results: &[(Cell, Result<(), String>)]) {
    let mut page = String::from(
        "# Who follows whom\n\n\
         This page is written by `FOREBAY_MATRIX=all cargo test --test matrix`. In each cell, clients write to the primary, \
         the replica asks for a full sync, the link comes up, and the clients continue to write. Finally both servers hold \
         the same data (`DEBUG DIGEST`) at the same offset, which the replica has acknowledged, after exactly one full sync \
         (two for a replica with Redis 6.2, which does not announce its version and disconnects from the first payload). The \
         columns are `repl-diskless-sync` of the primary and `repl-diskless-load` of the replica; then come full \
         syncs over two connections, where both servers support them; the last two are a diskless sync with `masterauth`, \
         and with `masteruser`.\n\n\
         | primary | replica | disk, disabled | disk, on-empty-db | disk, swapdb | diskless, disabled | diskless, \
         on-empty-db | diskless, swapdb | two, disabled | two, on-empty-db | two, swapdb | password | user |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for (cell, _) in results {
        let pair = (cell.primary, cell.replica);
        if !pairs.contains(&pair) {
            pairs.push(pair);
        }
    }
    for (primary, replica) in pairs {
        let of = |diskless: bool, load: &str, two: bool, login: Login| {
            let found = results.iter().find(|(c, _)| {
                (c.primary, c.replica, c.diskless, c.load, c.two, c.login)
                    == (primary, replica, diskless, load, two, login)
            });
            match found {
                Some((_, Ok(()))) => "yes",
                Some((_, Err(_))) => "**no**",
                None => "-",
            }
        };
        write!(page, "| {primary} | {replica} |").expect("a string takes it");
        for (diskless, load) in WAYS {
            let cell = of(diskless, load, false, Login::Nobody);
            write!(page, " {cell} |").expect("a string takes it");
        }
        for load in ["disabled", "on-empty-db", "swapdb"] {
            let cell = of(true, load, true, Login::Nobody);
            write!(page, " {cell} |").expect("a string takes it");
        }
        for login in [Login::Password, Login::User] {
            let cell = of(true, "disabled", false, login);
            write!(page, " {cell} |").expect("a string takes it");
        }
        page.push('\n');
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/replication-matrix.md");
    std::fs::write(path, page).expect("docs can be written");
}
