//! Forebay against every real server, in both roles and every way of a full sync, while clients write:
//! full sync, command stream, offsets and acknowledgements, equal datasets. [`writes`] has every write that a server
//! lists, [`migration`] restarts and changes of roles.
//!
//! ```text
//! cargo test --test matrix                        fourteen cells
//! FOREBAY_MATRIX=all cargo test --test matrix     all of them; writes docs/replication-matrix.md
//! FOREBAY_MATRIX=valkey-9.1 ...                   those with this server
//! FOREBAY_MATRIX=two ...                          those whose full sync has two connections
//! ```

mod migration;
#[allow(
    dead_code,
    reason = "shared with tests/replication, which uses all of it"
)]
#[path = "../replication/pair.rs"]
mod pair;
#[path = "../support/mod.rs"]
mod support;
mod table;
mod writes;

use pair::{Writers, assert_in_step, builder, number, seed_data, wait_link};
use support::peers;
use support::server::Builder;
use table::Section;

/// The cells of every run: seven servers once in each role, over all modes.
const ALWAYS: [(&str, &str, bool, &str); 14] = [
    ("forebay", "redis-6.2", true, "swapdb"),
    ("redis-6.2", "forebay", false, "disabled"),
    ("forebay", "redis-8.2", false, "disabled"),
    ("redis-8.2", "forebay", true, "swapdb"),
    ("forebay", "redis-8.10", true, "disabled"),
    ("redis-8.10", "forebay", false, "swapdb"),
    ("forebay", "redis-stack-7.4", false, "swapdb"),
    ("redis-stack-7.4", "forebay", true, "swapdb"),
    ("forebay", "valkey-9.0", false, "disabled"),
    ("valkey-9.0", "forebay", true, "on-empty-db"),
    ("forebay", "valkey-8.1", true, "on-empty-db"),
    ("valkey-8.1", "forebay", true, "disabled"),
    ("forebay", "valkey-9.1", true, "swapdb"),
    ("valkey-9.1", "forebay", true, "on-empty-db"),
];

/// How the replica proves who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Login {
    Nobody,
    Password,
    /// A user with its password (`masteruser`): the primary is a real server with ACLs.
    User,
}

/// One combination.
#[derive(Clone, Debug)]
struct Cell {
    primary: &'static str,
    replica: &'static str,
    diskless: bool,
    load: &'static str,
    login: Login,
    /// The payload goes over a second connection.
    two: bool,
}

/// The directive by which a server uses second connections.
fn second_connections(server: &str) -> Option<&'static str> {
    match server.split_once('-')? {
        ("redis", version) if version.starts_with('8') => Some("repl-rdb-channel yes"),
        ("valkey", _) => Some("dual-channel-replication-enabled yes"),
        _ => None,
    }
}

/// The one that both of these know.
fn common_directive(primary: &str, replica: &str) -> Option<&'static str> {
    match (primary, replica) {
        ("forebay", "forebay") => Some("repl-rdb-channel yes"),
        ("forebay", peer) | (peer, "forebay") => second_connections(peer),
        _ => None,
    }
}

fn all_cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    let pairs = peers::EVERY
        .into_iter()
        .flat_map(|peer| [("forebay", peer), (peer, "forebay")])
        .chain([("forebay", "forebay")]);
    for (primary, replica) in pairs {
        for diskless in [false, true] {
            for load in ["disabled", "on-empty-db", "swapdb"] {
                cells.push(Cell {
                    primary,
                    replica,
                    diskless,
                    load,
                    login: Login::Nobody,
                    two: false,
                });
            }
        }
        if common_directive(primary, replica).is_some() {
            for load in ["disabled", "on-empty-db", "swapdb"] {
                cells.push(Cell {
                    primary,
                    replica,
                    diskless: true,
                    load,
                    login: Login::Nobody,
                    two: true,
                });
            }
        }
        let login = |login| Cell {
            primary,
            replica,
            diskless: true,
            load: "disabled",
            login,
            two: false,
        };
        cells.push(login(Login::Password));
        if primary != "forebay" {
            cells.push(login(Login::User));
        }
    }
    cells
}

/// Runs one cell; panics with what went wrong. `None` where a server is not on this machine.
fn run(cell: &Cell) -> Option<()> {
    let (mut primary, mut replica) = (builder(cell.primary)?, builder(cell.replica)?);
    let yes = if cell.diskless { "yes" } else { "no" };
    primary = primary.config(format!("repl-diskless-sync {yes}"));
    replica = replica.config(format!("repl-diskless-load {}", cell.load));
    if cell.two {
        let directive = common_directive(cell.primary, cell.replica)?;
        (primary, replica) = (primary.config(directive), replica.config(directive));
    }
    (primary, replica) = log_in(cell.login, primary, replica);
    let primary = primary.start();
    seed_data(&primary);
    let writers = Writers::start(&primary, 2);
    let replica = replica.start();
    if cell.load != "on-empty-db" {
        replica.client().ok("SET stale data");
    }
    let line = format!("REPLICAOF 127.0.0.1 {}", primary.port());
    replica.client().ok(&line);
    wait_link(&replica);
    writers.wait_more(500);
    writers.stop();
    assert_in_step(&primary, &replica);
    assert_eq!(replica.client().run("GET stale").text(), None);
    let syncs = number(&primary, "stats", "sync_full");
    // A 6.2 does not say that it is one: we learn it from the first payload, which it leaves.
    let tries = match (cell.primary, cell.replica) {
        ("forebay", "redis-6.2") => 2,
        _ => 1,
    };
    assert_eq!(syncs, tries, "full syncs");
    let both = format!("{}{}", primary.log(), replica.log());
    assert_eq!(both.contains("initialize RDB channel"), cell.two, "{both}");
    Some(())
}

/// The default user keeps its rights without a password: the tests' own clients do not log in.
fn log_in(login: Login, primary: Builder, replica: Builder) -> (Builder, Builder) {
    match login {
        Login::Nobody => (primary, replica),
        Login::Password => (
            primary.config("requirepass secret").password("secret"),
            replica.config("masterauth secret"),
        ),
        Login::User => (
            primary.config("user follower on >secret +psync +replconf +ping"),
            replica
                .config("masteruser follower")
                .config("masterauth secret"),
        ),
    }
}

/// The results of each pair, in the order of the columns.
fn rows(results: &[(Cell, Result<(), String>)]) -> Vec<table::Row> {
    const LOADS: [&str; 3] = ["disabled", "on-empty-db", "swapdb"];
    let ways = [(false, false), (true, false), (true, true)];
    let syncs = ways
        .iter()
        .flat_map(|&(diskless, two)| LOADS.map(|load| (diskless, load, two, Login::Nobody)));
    let logins = [Login::Password, Login::User].map(|login| (true, "disabled", false, login));
    let columns: Vec<_> = syncs.chain(logins).collect();
    let mut rows: Vec<table::Row> = Vec::new();
    for (cell, result) in results {
        let names = vec![cell.primary.to_owned(), cell.replica.to_owned()];
        if rows.last().is_none_or(|(last, _)| *last != names) {
            rows.push((names, vec![None; columns.len()]));
        }
        let of = (cell.diskless, cell.load, cell.two, cell.login);
        let at = columns.iter().position(|column| *column == of);
        if let (Some((_, held)), Some(at)) = (rows.last_mut(), at) {
            held[at] = Some(result.is_ok());
        }
    }
    rows
}

#[test]
fn every_server_follows_and_is_followed() {
    let wanted = std::env::var("FOREBAY_MATRIX").unwrap_or_default();
    let cells = all_cells().into_iter().filter(|c| match wanted.as_str() {
        "" => {
            let key = (c.primary, c.replica, c.diskless, c.load);
            c.login == Login::Nobody && !c.two && ALWAYS.contains(&key)
        }
        "two" => c.two,
        "all" => true,
        name => [c.primary, c.replica].contains(&name),
    });
    let mut results = Vec::new();
    for cell in cells {
        let result = std::panic::catch_unwind(|| run(&cell));
        let result = match result {
            Ok(Some(())) => Ok(()),
            Ok(None) => continue, // said so already
            Err(_) => Err(format!("{cell:?}")),
        };
        results.push((cell, result));
    }
    if wanted == "all" {
        table::write(Section::Syncs, &rows(&results));
    }
    let failed: Vec<_> = results
        .iter()
        .filter_map(|(_, r)| r.as_ref().err())
        .collect();
    assert!(failed.is_empty(), "{} cells: {failed:#?}", failed.len());
}
