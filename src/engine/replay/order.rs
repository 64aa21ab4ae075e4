//! In which order the requests of a log may run.
//!
//! A request that changes one key and looks at no other gives the same result wherever it runs among requests for other
//! keys. Where such requests follow one another they are sorted by the hashes of their keys, because keys whose hashes
//! lie close together are stored together: each part of the keyspace then comes into the cache once for all requests
//! that it is in for, and not once for each. Requests for one key stay in their order.
//!
//! Everything else (requests for several keys, SELECT, scripts) stays where it is, and nothing is moved across it.
//! A transaction of requests for one key each may as well run as these requests, because nobody looks at the data
//! meanwhile.

use crate::args::Args;
use crate::spec::{Flags, Group, Keys};
use crate::table::{self, Entry};
use keyspace::Hasher;

/// Fewer requests than this are not worth sorting: what they need is fetched ahead of them anyway.
const SORTED_FROM: usize = 256;
/// The most bits of the hashes by which requests are sorted.
const BITS_MAX: u32 = 14;

/// What is known of a request before it runs.
#[derive(Clone, Copy)]
pub struct Known {
    /// What it calls; `None` if there is no such command.
    pub(super) command: Option<&'static Entry>,
    /// The hash of its key, or of its first argument, which is most likely one.
    hash: u64,
    /// The argument with that hash; 0 if there is none.
    at: u8,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// It changes one key and looks at no other.
    OneKey,
    /// MULTI
    Begins,
    /// EXEC
    Ends,
    /// It stays where it is.
    Fixed,
}

impl Known {
    /// Looks at a request of `count` arguments, of which the first few are given: at least three, if there are so many.
    pub fn of(first: &[&[u8]], count: usize, hasher: &Hasher) -> Known {
        let command = table::find_trusted(Args(first)).ok();
        let (place, at) = command.map_or((Place::Fixed, 1), |command| place(command, count));
        let key = first.get(at).filter(|_| at > 0);
        Known {
            command,
            hash: key.map_or(0, |key| hasher.hash(key)),
            at: key.map_or(0, |_| at as u8),
            place,
        }
    }

    /// The hash of its key, if that is known.
    #[inline]
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The index of the argument whose hash is known.
    #[inline]
    pub fn hashed(&self) -> Option<usize> {
        (self.at > 0).then_some(usize::from(self.at))
    }
}

/// Where a request may run, and the argument that is its key or may be.
fn place(command: &'static Entry, count: usize) -> (Place, usize) {
    match command.name {
        "multi" => return (Place::Begins, 0),
        "exec" => return (Place::Ends, 0),
        _ => {}
    }
    let at = match (command.one_key, command.keys) {
        (Some(key), _) => key.at,
        // DEL and others, with a single key.
        (
            None,
            Keys::Range {
                first: 1,
                last: -1,
                step: 1,
            },
        ) if count == 2 => 1,
        _ => return (Place::Fixed, 1),
    };
    let plain = command.flags.contains(Flags::WRITE)
        && !command
            .flags
            .intersects(Flags::BLOCKING | Flags::MOVABLEKEYS)
        && !command.varies
        && of_data(command.group);
    match plain && at <= 2 && command.arity_fits(count) {
        true => (Place::OneKey, at),
        false => (Place::Fixed, 1),
    }
}

/// What commands of this group do is done to keys.
fn of_data(group: Group) -> bool {
    match group {
        Group::String
        | Group::List
        | Group::Set
        | Group::SortedSet
        | Group::Hash
        | Group::Stream
        | Group::Generic
        | Group::HyperLogLog
        | Group::Geo
        | Group::Bitmap
        | Group::Array => true,
        Group::Pubsub
        | Group::Transactions
        | Group::Connection
        | Group::Server
        | Group::Scripting
        | Group::Cluster => false,
    }
}

impl AsRef<Known> for Known {
    fn as_ref(&self) -> &Known {
        self
    }
}

/// Finds the order for the requests of a file, some after the other.
#[derive(Debug, Default)]
pub struct Order {
    /// A transaction is open.
    open: bool,
    order: Vec<u32>,
    counts: Vec<u32>,
    sorted: Vec<u32>,
}

impl Order {
    /// The order in which the next requests of a file are to run, of which the first `movable` may run in any order that
    /// gives the same result. What need not run at all is not in it.
    pub fn of(&mut self, requests: &[impl AsRef<Known>], movable: usize) -> &[u32] {
        let mut order = std::mem::take(&mut self.order);
        order.clear();
        // Where those begin in the order that may be sorted.
        let mut begun = 0;
        let mut i = 0;
        while i < movable {
            let place = requests[i].as_ref().place;
            if place == Place::OneKey && !self.open {
                order.push(i as u32);
                i += 1;
                continue;
            }
            if place == Place::Begins
                && !self.open
                && let Some(end) = plain_transaction(&requests[..movable], i)
            {
                order.extend(i as u32 + 1..end as u32);
                i = end + 1;
                continue;
            }
            self.sort(&mut order[begun..], requests);
            self.pass(place);
            order.push(i as u32);
            begun = order.len();
            i += 1;
        }
        self.sort(&mut order[begun..], requests);
        for (i, request) in requests.iter().enumerate().skip(movable) {
            self.pass(request.as_ref().place);
            order.push(i as u32);
        }
        self.order = order;
        &self.order
    }

    fn pass(&mut self, place: Place) {
        match place {
            Place::Begins => self.open = true,
            Place::Ends => self.open = false,
            Place::OneKey | Place::Fixed => {}
        }
    }

    /// Sorts by the first bits of the hashes. What has the same ones stays in its order.
    fn sort(&mut self, run: &mut [u32], requests: &[impl AsRef<Known>]) {
        if run.len() < SORTED_FROM {
            return;
        }
        let bits = run.len().ilog2().min(BITS_MAX);
        let bucket = |i: u32| (requests[i as usize].as_ref().hash >> (64 - bits)) as usize;
        self.counts.clear();
        self.counts.resize(1 << bits, 0);
        run.iter().for_each(|&i| self.counts[bucket(i)] += 1);
        let mut before = 0;
        for count in &mut self.counts {
            before += std::mem::replace(count, before);
        }
        self.sorted.clear();
        self.sorted.resize(run.len(), 0);
        for &i in run.iter() {
            let place = &mut self.counts[bucket(i)];
            self.sorted[*place as usize] = i;
            *place += 1;
        }
        run.copy_from_slice(&self.sorted);
    }
}

/// Where the transaction ends that begins at `begin`, if all its requests are for one key each.
fn plain_transaction(requests: &[impl AsRef<Known>], begin: usize) -> Option<usize> {
    let inner = requests[begin + 1..].iter();
    let len = inner
        .take_while(|request| request.as_ref().place == Place::OneKey)
        .count();
    let end = begin + 1 + len;
    (requests.get(end)?.as_ref().place == Place::Ends).then_some(end)
}
