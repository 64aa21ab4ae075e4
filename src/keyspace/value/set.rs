//! Sets.

use crate::keyspace::{Item, Limits};
use std::collections::BTreeSet;

/// A set, owned.
#[derive(Clone, Debug, Default)]
pub struct Set {
    members: BTreeSet<Vec<u8>>,
}

/// A set as a reader sees it.
#[derive(Debug)]
pub struct SetRef<'a>(&'a Set);

impl Set {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// As a reader sees it.
    pub fn as_ref(&self) -> SetRef<'_> {
        SetRef(self)
    }

    /// Adds; true if it was not there.
    pub fn add(&mut self, member: &[u8], _limits: &Limits) -> bool {
        self.members.insert(member.to_vec())
    }

    /// Removes; true if it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        self.members.remove(member)
    }

    /// Removes and returns a uniformly random member; `random` is a fresh random number.
    pub fn pop_random(&mut self, random: u64) -> Option<Vec<u8>> {
        let member = self.as_ref().random(random)?.to_vec();
        self.members.remove(&member);
        Some(member)
    }
}

impl SetRef<'_> {
    /// Number of members.
    pub fn len(&self) -> usize {
        self.0.members.len()
    }

    /// True without members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Membership.
    pub fn contains(&self, member: &[u8]) -> bool {
        self.0.members.contains(member)
    }

    /// All members, in the order SMEMBERS shows.
    pub fn iter(&self) -> impl Iterator<Item = Item<'_>> {
        self.0.members.iter().map(|m| Item::Bytes(m))
    }

    /// A uniformly random member; `random` is a fresh random number.
    pub fn random(&self, random: u64) -> Option<Item<'_>> {
        let n = self.len() as u64;
        (n > 0).then(|| {
            self.iter()
                .nth((random % n) as usize)
                .expect("index below the length")
        })
    }

    /// One SCAN step: calls `f` for about `count` members from `cursor` on; returns the next cursor,
    /// 0 at the end. A member present during the whole scan is visited at least once.
    pub fn scan(&self, _cursor: u64, _count: usize, mut f: impl FnMut(Item<'_>)) -> u64 {
        self.iter().for_each(&mut f);
        0
    }

    /// `intset`, `listpack` or `hashtable`.
    pub fn encoding(&self) -> &'static str {
        if self.len() <= 128 {
            "listpack"
        } else {
            "hashtable"
        }
    }
}
