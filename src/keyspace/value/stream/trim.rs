//! Shortening a stream from the front.

use super::Stream;
use super::node::Node;
use rdb::stream::StreamId;

/// What a trim leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// At most this many entries remain.
    MaxLen(u64),
    /// No entry below this id.
    MinId(StreamId),
}

/// What happens to pending entries whose entry is removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum References {
    /// The pending entries remain.
    #[default]
    Keep,
    /// They go, too.
    Remove,
    /// An entry that a group still awaits does not go.
    Respect,
}

/// How a stream is shortened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trim {
    /// What the trim leaves.
    pub bound: Bound,
    /// Only whole nodes go: more is left than asked for.
    pub approximate: bool,
    /// The most entries that are removed; 0 = no limit.
    pub limit: u64,
    /// What happens to pending entries. Unless they are kept, no node is removed as a whole, and an approximate trim
    /// removes nothing.
    pub references: References,
}

impl Stream {
    /// Removes the oldest entries; gives their number.
    pub fn trim(&mut self, trim: &Trim) -> u64 {
        match (trim.references, trim.approximate) {
            (References::Keep, _) => self.trim_nodes(trim),
            (_, true) => 0,
            (references, false) => self.trim_entries(trim.bound, references),
        }
    }

    /// Entry by entry, with a look at the groups.
    fn trim_entries(&mut self, bound: Bound, references: References) -> u64 {
        let (ids, _) = self.entries_to_trim(bound, references);
        for id in &ids {
            if references == References::Remove {
                self.forget_pending(*id);
            }
            self.remove(*id);
        }
        ids.len() as u64
    }

    /// The entries that an exact trim removes that looks at the groups, and whether none before them stays.
    pub fn entries_to_trim(&self, bound: Bound, references: References) -> (Vec<StreamId>, bool) {
        let mut left = self.len() as u64;
        let (mut ids, mut from_front) = (Vec::new(), true);
        for (seen, id) in self.iter().map(|entry| entry.id).enumerate() {
            let goes = match bound {
                Bound::MaxLen(most) => left > most,
                Bound::MinId(min) => id < min,
            };
            if !goes {
                break;
            }
            if references == References::Remove || !self.is_awaited(id) {
                from_front &= ids.len() == seen;
                ids.push(id);
                left -= 1;
            }
        }
        (ids, from_front)
    }

    /// From the front, node by node.
    fn trim_nodes(&mut self, trim: &Trim) -> u64 {
        let len = self.len() as u64;
        let mut gone = 0;
        // Nodes that go as a whole, then perhaps a part of the one where that ended.
        let mut partly = false;
        for node in self.nodes() {
            let live = node.live();
            if matches!(trim.bound, Bound::MaxLen(most) if len - gone <= most)
                || (trim.limit > 0 && gone + live > trim.limit)
            {
                break;
            }
            let whole = match trim.bound {
                Bound::MaxLen(most) => len - gone - live >= most,
                Bound::MinId(id) => node.last_id().is_none_or(|last| last < id),
            };
            if !whole {
                partly = !trim.approximate;
                break;
            }
            gone += live;
        }
        let nodes = &mut self.0.nodes;
        nodes.remove_range(0..gone as usize, |node, _| *node = Node::default());
        if partly {
            let mut left = len - gone;
            gone += nodes.edit_down(
                |_| 0,
                |node, _| {
                    node.delete_front(|id| {
                        let goes = match trim.bound {
                            Bound::MaxLen(most) => left > most,
                            Bound::MinId(min) => id < min,
                        };
                        left -= u64::from(goes);
                        goes
                    })
                },
            ) as u64;
        }
        if gone > 0 {
            self.0.shape.forget();
            self.find_first();
        }
        gone
    }
}
