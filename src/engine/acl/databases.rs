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
use crate::spec::Channels;
use crate::table::Entry;
use crate::{Args, ClientFlags, Engine, Session};
use base::integer::parse_int;

impl Engine {
    /// Where the next call of a client runs: in a transaction that is being queued, in the database that it has selected
    /// last. One that will be discarded selects none.
    pub fn place_of(&self, client: &Session) -> Place {
        let state = client.flags & (ClientFlags::MULTI | ClientFlags::DIRTY_EXEC);
        let selected = client.queued_db.filter(|_| state == ClientFlags::MULTI);
        self.place(selected.unwrap_or(client.db))
    }

    /// This database.
    pub fn place(&self, db: usize) -> Place {
        Place {
            db,
            databases: self.keyspace.count(),
        }
    }

    /// A SELECT was queued.
    pub(crate) fn note_queued_select(&self, client: &mut Session, args: Args<'_>) {
        let selected = self.place(client.db).named(args.get(1));
        client.queued_db = selected.or(client.queued_db);
    }
}

/// Where a call runs.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The database.
    pub db: usize,
    /// How many databases there are.
    pub databases: usize,
}

impl Place {
    /// The database that an argument names. What names none is an error of the command.
    fn named(&self, argument: Option<&[u8]>) -> Option<usize> {
        let db = usize::try_from(parse_int(argument?)?).ok()?;
        (db < self.databases).then_some(db)
    }
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
    let allows = |db: usize| allowed.binary_search(&db).is_ok();
    let forbids = |at: usize| {
        let named = place.named(args.get(at));
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
    named.or_else(|| (uses_own && !allows(place.db)).then_some(0))
}

fn uses_database(entry: &'static Entry) -> bool {
    let keys = !entry.specs.is_empty() && entry.channels == Channels::None;
    let about_data = ["keyspace", "read", "write"];
    keys || entry.access.names().any(|name| about_data.contains(&name))
}
