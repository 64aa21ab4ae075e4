//! Entries of a stream in the order of their ids.

use super::node::{Fields, Node, Rows};
use crate::tree::counted::Leaves;
use rdb::stream::StreamId;

/// A live entry.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// Its id.
    pub id: StreamId,
    /// Fields and values in the order in which they were given.
    pub fields: Fields<'a>,
}

/// The live entries between two ids, both included, in one direction.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    pub(super) leaves: Leaves<'a, Node>,
    pub(super) rows: Option<Rows<'a>>,
    pub(super) from: StreamId,
    pub(super) to: StreamId,
    pub(super) backward: bool,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            let rows = match &mut self.rows {
                Some(rows) => rows,
                none => {
                    let node = match self.backward {
                        true => self.leaves.prev(),
                        false => self.leaves.next(),
                    };
                    none.insert(node?.rows())
                }
            };
            let row = match self.backward {
                true => rows.prev(),
                false => rows.next(),
            };
            let Some(row) = row else {
                self.rows = None;
                continue;
            };
            let (early, late) = match self.backward {
                true => (row.id > self.to, row.id < self.from),
                false => (row.id < self.from, row.id > self.to),
            };
            if late {
                self.leaves = Leaves::ended();
                self.rows = None;
                return None;
            }
            if !early && !row.deleted {
                return Some(Entry {
                    id: row.id,
                    fields: row.fields,
                });
            }
        }
    }
}
