//! A member of a set or sorted set that is looked for in other ones: with its hash, if its own collection keeps it.

use keyspace::Item;
use keyspace::value::Hashed;

#[derive(Clone, Copy)]
pub(crate) enum Member<'a> {
    /// From a large collection, which keeps its members in the order of their hashes.
    Hashed(Hashed<'a>),
    /// From a packed one.
    Item(Item<'a>),
}

impl<'a> Member<'a> {
    /// Its bytes.
    pub(crate) fn item(&self) -> Item<'a> {
        match self {
            Member::Hashed(member) => member.item(),
            Member::Item(item) => *item,
        }
    }
}
