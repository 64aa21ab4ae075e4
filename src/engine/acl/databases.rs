//! Which databases a call uses, for rules about databases (`db=`, of Valkey 9.1).
//!
//! ```text
//! SELECT, SWAPDB   the databases that they name
//! MOVE, COPY DB    the database that they name, and that of the client
//! FLUSHALL         all
//! others           that of the client, if they use keys or a database as a whole
//! ```
//!
//! Source: valkey-server 9.1, observed from outside.

use super::selector::Selector;
use crate::categories;
use crate::session::Queued;
use crate::spec::Channels;
use crate::table::{self, Entry};
use crate::{Args, ClientFlags, Engine, Session};
use base::integer::parse_int;

impl Engine {
    /// Where the next call of a client runs.
    pub fn place_of(&self, client: &Session) -> Place {
        let selected = selected_by_queue(client, self.keyspace.count());
        self.place(selected.unwrap_or(client.db))
    }

    /// This database.
    pub fn place(&self, db: usize) -> Place {
        Place {
            db,
            databases: self.keyspace.count(),
        }
    }
}

/// The database that the transaction which is being queued has selected last. One that will be discarded selects none.
fn selected_by_queue(client: &Session, databases: usize) -> Option<usize> {
    let state = client.flags & (ClientFlags::MULTI | ClientFlags::DIRTY_EXEC);
    if state != ClientFlags::MULTI {
        return None;
    }
    let selected = |queued: &Queued| match table::of(queued.command).name {
        "select" => queued.args.run(|argv| number(argv.get(1)?)),
        _ => None,
    };
    let exists = |db: &usize| *db < databases;
    let selected = |queued| usize::try_from(selected(queued)?).ok().filter(exists);
    client.queue.iter().rev().find_map(selected)
}

/// Where a call runs.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The database.
    pub db: usize,
    /// How many databases there are.
    pub databases: usize,
}

/// What the selector refuses: the index of an argument that names a database, or 0 for the database in which the call
/// runs.
pub fn refused(
    selector: &Selector,
    entry: &'static Entry,
    args: Args<'_>,
    place: Place,
) -> Option<usize> {
    let allowed = selector.databases.as_deref()?;
    let allows = |db: i64| allowed.binary_search(&db).is_ok();
    let forbids = |at: usize| {
        // What names no database is an error of the command.
        let named = args.get(at).and_then(number);
        let named = named.filter(|db| (0..place.databases as i64).contains(db));
        named.is_some_and(|db| !allows(db)).then_some(at)
    };
    let (named, uses_own) = match entry.name {
        "select" => (forbids(1), false),
        "swapdb" => (forbids(1).or_else(|| forbids(2)), false),
        "move" => (forbids(2), true),
        "copy" => {
            let mut options = 3..args.len();
            let option = |at: usize| args.is(at, "DB").then(|| forbids(at + 1)).flatten();
            (options.find_map(option), true)
        }
        "flushall" => return Some(0),
        _ => (None, uses_database(entry)),
    };
    named.or_else(|| (uses_own && !allows(place.db as i64)).then_some(0))
}

fn number(text: &[u8]) -> Option<i64> {
    parse_int(text)
}

fn uses_database(entry: &'static Entry) -> bool {
    let keys = !entry.specs.is_empty() && entry.channels == Channels::None;
    let about_data = ["keyspace", "read", "write"];
    let is_about_data = |category: &&str| about_data.contains(category);
    keys || categories::of(entry).iter().any(is_about_data)
}
