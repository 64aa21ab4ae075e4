//! Prefetches what a batch of requests will look up while the first of them run.
//!
//! If requests were processed one by one, each cache miss would have to be waited for; those of a batch overlap. The
//! key is usually the first argument; if it is not, only the hint is lost.

use crate::replay::Known;
use crate::{Engine, Hint};
use keyspace::{Db, Hasher, MemberArgs};
use smallvec::SmallVec;

/// Requests of a batch.
pub const BATCH: usize = 64;
/// Requests in a batch from which on it pays.
const FROM: usize = 3;
/// Keys of a database from which on they are not all in the cache anyway.
const KEYS_FROM: usize = 1_000;

/// What the first arguments of a batch's requests hash to, as far as that was needed.
#[derive(Debug, Default)]
pub struct Hashes(SmallVec<[u64; BATCH]>);

impl Hashes {
    /// Prefetches for a batch of `n` requests on database `db`; `args` gives the arguments of one of them. Nothing must
    /// have been prefetched by it before.
    #[inline]
    pub fn prefetch<'a, A>(
        &mut self,
        engine: &Engine,
        db: usize,
        n: usize,
        args: impl Fn(usize) -> A,
    ) where
        A: Iterator<Item = &'a [u8]>,
    {
        if n < FROM {
            return;
        }
        let db = engine.keyspace.db(db);
        self.members(db, n, &args);
        if db.len() < KEYS_FROM {
            return;
        }
        for i in self.0.len()..n {
            // A request without arguments takes its place, too.
            let mut args = args(i);
            args.next();
            self.0.push(args.next().map_or(0, |key| db.hash(key)));
        }
        db.prefetch(&self.0);
    }

    /// Holds the hashes of `n` requests from now on; for a thread without an engine.
    pub fn fill<'a, A>(&mut self, hasher: &Hasher, n: usize, args: impl Fn(usize) -> A)
    where
        A: Iterator<Item = &'a [u8]>,
    {
        let hash = |i| args(i).nth(1).map_or(0, |key| hasher.hash(key));
        self.0.clear();
        self.0.extend((0..n).map(hash));
    }

    /// Prefetches for requests on database `db` whose hashes are known, and returns for how many.
    #[inline]
    pub fn prefetch_known(&self, engine: &Engine, db: usize) -> usize {
        let db = engine.keyspace.db(db);
        if db.len() < KEYS_FROM {
            return 0;
        }
        db.prefetch(&self.0);
        self.0.len()
    }

    /// Prefetches members for a batch of `n` requests, where it names many of one collection.
    #[inline]
    pub fn prefetch_members<'a, A>(
        &mut self,
        engine: &Engine,
        db: usize,
        n: usize,
        args: impl Fn(usize) -> A,
    ) where
        A: Iterator<Item = &'a [u8]>,
    {
        if n >= FROM {
            self.members(engine.keyspace.db(db), n, &args);
        }
    }

    /// The same for members of a collection: where a batch begins with requests that name one key, the arguments
    /// after it are most likely members.
    #[inline]
    fn members<'a, A>(&mut self, db: &Db, n: usize, args: &impl Fn(usize) -> A)
    where
        A: Iterator<Item = &'a [u8]>,
    {
        let Some(key) = args(0).nth(1) else {
            return;
        };
        let mut members = SmallVec::<[MemberArgs<'_>; BATCH]>::new();
        for i in 0..n {
            let mut args = args(i);
            args.next();
            match (args.next(), args.next()) {
                (Some(next), Some(first)) if next == key => members.push((first, args.next())),
                _ => break,
            }
        }
        if members.len() >= FROM {
            let hash = db.hash(key);
            // They may all be known, and more than these.
            self.0.resize(self.0.len().max(members.len()), hash);
            db.prefetch_members(hash, key, &members);
        }
    }

    /// The hint for request `i` of the batch, which has these arguments.
    #[inline]
    pub fn hint<'a>(&self, i: usize, argv: &[&'a [u8]]) -> Hint<'a> {
        match (self.0.get(i), argv.get(1)) {
            (Some(&hash), Some(key)) => Hint::new(key, hash),
            _ => Hint::default(),
        }
    }
}

/// Prefetches for requests of a log on database `db`, at most [`BATCH`]: what is known of them, and their arguments.
#[inline]
pub fn known<'a, A>(
    engine: &Engine,
    db: usize,
    requests: impl Iterator<Item = (&'a Known, A)> + Clone,
) where
    A: Iterator<Item = &'a [u8]>,
{
    let db = engine.keyspace.db(db);
    let hashes = requests.clone().map(|(known, _)| known.hash());
    let hashes: SmallVec<[u64; BATCH]> = hashes.collect();
    if db.len() >= KEYS_FROM {
        db.prefetch(&hashes);
    }
    // Where several requests name one key, what follows it is most likely a member.
    let mut rest = requests;
    let mut at = 0;
    while at < hashes.len() {
        let hash = hashes[at];
        let same = hashes[at..].iter().take_while(|other| **other == hash);
        let same = same.count();
        if same >= FROM && hash != 0 {
            let mut key = None;
            let mut members = SmallVec::<[MemberArgs<'_>; BATCH]>::new();
            for (known, args) in rest.by_ref().take(same) {
                let mut args = args.skip(known.hashed().unwrap_or_default());
                key = args.next();
                members.extend(args.next().map(|first| (first, args.next())));
            }
            if let Some(key) = key {
                db.prefetch_members(hash, key, &members);
            }
        } else {
            rest.by_ref().take(same).for_each(drop);
        }
        at += same;
    }
}
