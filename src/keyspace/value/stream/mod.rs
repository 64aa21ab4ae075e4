//! Streams: entries by id, and the consumer groups that read them.
//!
//! ```text
//! tree of nodes by master id ---- node: listpack of up to stream-node-max-entries entries, as saved
//! groups by name ---- group: pending entries by id -> consumer, time, count
//!                            consumers by name -> pending ids
//! ```
//!
//! A clone shares all of it; a write copies the node, or the chunks of pending entries, that it changes.
//!
//!  * Ids ascend over all nodes, except in streams that were loaded with ids out of order; every node has a live entry.
//!  * `last_id` never decreases by itself; `first_id` is that of the first live entry, 0-0 without one.
//!  * A pending entry is in its group's list and in that of the consumer that owns it; its entry may have been deleted.
//!
//! * [`node`]: a row of entries. [`range`]: entries in order. [`group`]: consumer groups.
//! * [`trim`]: shortening from the front. [`record`]: to and from RDB bytes. [`radix`]: a figure that
//!   XINFO shows.

mod group;
mod node;
mod once;
mod radix;
mod range;
mod record;
mod trim;

pub use group::{Consumer, Group, Name, Pending};
pub use node::Fields;
pub use range::{Entries, Entry};
pub use trim::{Bound, References, Trim};

use crate::Limits;
use crate::tree::counted::{Inner, Tree};
use crate::tree::ordered::Ordered;
use node::{Node, Row};
use rdb::stream::{Idmp, StreamId};
use std::borrow::Cow;
use std::ops::Deref;
use std::sync::Arc;

/// A stream, owned.
#[derive(Clone, Debug)]
pub struct Stream(Box<Body>);

#[derive(Clone, Debug, Default)]
struct Body {
    nodes: Tree<Node>,
    last_id: StreamId,
    first_id: StreamId,
    max_deleted_id: StreamId,
    entries_added: u64,
    groups: Ordered<Name, Group>,
    /// What is remembered of entries that are added only once.
    idmp: Option<Arc<Idmp<'static>>>,
    /// The stream may have pending entries that no consumer owns.
    given_back: bool,
    /// The number of nodes.
    shape: radix::Known,
}

/// A stream as a reader sees it: everything that a [`Stream`] shows.
#[derive(Debug)]
pub struct StreamRef<'a>(Cow<'a, Stream>);

impl Deref for StreamRef<'_> {
    type Target = Stream;

    fn deref(&self) -> &Stream {
        &self.0
    }
}

/// An entry is too large for any node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

impl Stream {
    /// An empty one.
    pub fn new() -> Self {
        Stream(Box::default())
    }

    /// As a reader sees it.
    pub fn as_ref(&self) -> StreamRef<'_> {
        StreamRef(Cow::Borrowed(self))
    }

    /// Live entries.
    pub fn len(&self) -> usize {
        self.0.nodes.len()
    }

    /// True without live entries; groups and counters may be there.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The last id ever given, or set.
    pub fn last_id(&self) -> StreamId {
        self.0.last_id
    }

    /// Id of the first live entry; 0-0 without one.
    pub fn first_id(&self) -> StreamId {
        self.0.first_id
    }

    /// Id of the first entry that still takes room, deleted or not.
    pub fn first_kept_id(&self) -> Option<StreamId> {
        self.nodes().next()?.first_id()
    }

    /// The largest id ever deleted by name; 0-0 if none.
    pub fn max_deleted_id(&self) -> StreamId {
        self.0.max_deleted_id
    }

    /// Entries ever added.
    pub fn entries_added(&self) -> u64 {
        self.0.entries_added
    }

    /// The number of nodes.
    pub fn node_count(&self) -> usize {
        self.0.shape.of(self.masters()).0
    }

    /// Nodes of the radix tree in which real servers keep them.
    pub fn radix_nodes(&self) -> usize {
        self.0.shape.of(self.masters()).1
    }

    fn masters(&self) -> impl Iterator<Item = StreamId> + Clone {
        let mut leaves = self.0.nodes.all_leaves();
        std::iter::from_fn(move || leaves.next())
            .filter(|_| !self.is_empty())
            .map(Node::master)
    }

    fn nodes(&self) -> impl Iterator<Item = &Node> {
        let mut leaves = self.0.nodes.all_leaves();
        std::iter::from_fn(move || leaves.next()).filter(|_| !self.is_empty())
    }

    /// The live entries between two ids, both included, forward.
    pub fn range(&self, from: StreamId, to: StreamId) -> Entries<'_> {
        Entries {
            leaves: self.0.nodes.leaves(|inner| inner.route(|sep| *sep <= from)),
            rows: None,
            from,
            to,
            backward: false,
        }
    }

    /// The live entries between two ids, both included, backward.
    pub fn range_rev(&self, from: StreamId, to: StreamId) -> Entries<'_> {
        Entries {
            leaves: self.0.nodes.leaves(|inner| inner.route(|sep| *sep <= to)),
            rows: None,
            from,
            to,
            backward: true,
        }
    }

    /// All live entries.
    pub fn iter(&self) -> Entries<'_> {
        self.range(StreamId::ZERO, StreamId::MAX)
    }

    /// The live entry of this id.
    pub fn get(&self, id: StreamId) -> Option<Entry<'_>> {
        let row = self.row(id)?;
        Some(Entry {
            id,
            fields: row.fields,
        })
    }

    fn row(&self, id: StreamId) -> Option<Row<'_>> {
        self.0
            .nodes
            .leaf(|inner| inner.route(|sep| *sep <= id))
            .find(id)
    }

    /// Id of the last live entry; 0-0 without one.
    pub fn last_live_id(&self) -> StreamId {
        let mut entries = self.range_rev(StreamId::ZERO, StreamId::MAX);
        entries.next().map_or(StreamId::ZERO, |entry| entry.id)
    }

    /// Appends an entry of `fields`: field, value, field, value ... The id must be above the last one.
    ///
    /// # Errors
    /// The fields are more than a node can hold (1 GB).
    pub fn append(
        &mut self,
        id: StreamId,
        fields: &[&[u8]],
        limits: &Limits,
    ) -> Result<(), TooLarge> {
        if fields.iter().map(|text| text.len()).sum::<usize>() > node::NODE_BYTES_MAX {
            return Err(TooLarge);
        }
        let body = &mut *self.0;
        let shape = &mut body.shape;
        body.nodes.edit(
            |inner| inner.route(|_| true),
            |node, spill| {
                if node.is_vacant() {
                    shape.forget();
                    *node = Node::of_entry(id, fields);
                } else if node.is_full(fields, limits) {
                    shape.forget();
                    node.close();
                    spill.push(Node::of_entry(id, fields));
                } else {
                    node.push(id, fields);
                }
            },
        );
        body.entries_added = body.entries_added.wrapping_add(1);
        body.last_id = id;
        if body.nodes.len() == 1 {
            body.first_id = id;
        }
        Ok(())
    }

    /// Deletes the entry of this id by name; false if there is none.
    pub fn delete(&mut self, id: StreamId) -> bool {
        let gone = self.remove(id);
        if gone {
            self.0.max_deleted_id = self.0.max_deleted_id.max(id);
        }
        gone
    }

    /// Removes an entry; false if there is none.
    fn remove(&mut self, id: StreamId) -> bool {
        // Looking first keeps shared nodes shared when there is nothing to remove.
        let Some(place) = self.row(id).map(|row| row.place()) else {
            return false;
        };
        let route = |inner: &Inner<Node>| inner.route(|sep| *sep <= id);
        let body = &mut *self.0;
        let shape = &mut body.shape;
        body.nodes.edit_down(route, |node, _| {
            node.delete(place);
            if node.is_vacant() {
                shape.forget();
            }
        });
        if id == self.0.first_id {
            self.find_first();
        }
        true
    }

    /// Notes the first live entry.
    fn find_first(&mut self) {
        let first = self.iter().next().map(|entry| entry.id);
        self.0.first_id = first.unwrap_or(StreamId::ZERO);
    }

    /// Sets the last id, which must not be below that of any entry.
    pub fn set_last_id(&mut self, id: StreamId) {
        self.0.last_id = id;
    }

    /// Sets the number of entries ever added.
    pub fn set_entries_added(&mut self, count: u64) {
        self.0.entries_added = count;
    }

    /// Sets the largest id ever deleted.
    pub fn set_max_deleted_id(&mut self, id: StreamId) {
        self.0.max_deleted_id = id;
    }

    /// True if no entry after `last_id` has been deleted from the middle, as far as the counters show. A group
    /// that has read up to there, `read` entries in all, can then count on with each entry. A counter that cannot be
    /// right, because a client has set it, counts on from any place.
    pub fn counts_on(&self, last_id: StreamId, read: u64) -> bool {
        let body = &self.0;
        let whole = self.is_empty()
            || body.max_deleted_id == StreamId::ZERO
            || last_id > body.max_deleted_id;
        whole && (last_id >= body.first_id || read > body.entries_added)
    }

    /// How many entries were ever added up to this id, if the counters show it.
    pub fn entries_up_to(&self, id: StreamId) -> Option<u64> {
        let body = &self.0;
        let len = self.len() as u64;
        if body.entries_added == 0 {
            return Some(0);
        }
        if id == body.last_id || (len == 0 && id < body.last_id) {
            return Some(body.entries_added);
        }
        if id > body.last_id {
            return None;
        }
        let whole = body.max_deleted_id == StreamId::ZERO || body.max_deleted_id < body.first_id;
        match id.cmp(&body.first_id) {
            std::cmp::Ordering::Less if whole => Some(body.entries_added.wrapping_sub(len)),
            std::cmp::Ordering::Equal if whole => Some(body.entries_added.wrapping_sub(len) + 1),
            _ => None,
        }
    }

    /// The consumer groups by name.
    pub fn groups(&self) -> impl Iterator<Item = (&Name, &Group)> {
        self.0.groups.iter()
    }

    /// Number of consumer groups.
    pub fn group_count(&self) -> usize {
        self.0.groups.len()
    }

    /// A consumer group.
    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.0.groups.get(name)
    }

    /// Changes a consumer group; `None` if there is none of this name.
    pub fn edit_group<R>(
        &mut self,
        name: &[u8],
        change: impl FnOnce(&mut Group) -> R,
    ) -> Option<R> {
        self.0.groups.edit(name, change)
    }

    /// Removes the owner of a pending entry of a group. `count` computes the new number of deliveries from the old one.
    /// With `force`, an entry that is not pending becomes pending. Returns false if nothing was done.
    pub fn give_back(
        &mut self,
        group: &[u8],
        id: StreamId,
        force: bool,
        count: impl FnOnce(u64) -> u64,
    ) -> bool {
        let force = force && self.get(id).is_some();
        let done = self.edit_group(group, |group| group.give_back(id, force, count));
        let done = done.unwrap_or(false);
        self.0.given_back |= done;
        done
    }

    /// Adds a consumer group; false if there is one of this name.
    pub fn add_group(&mut self, name: &[u8], group: Group) -> bool {
        let new = self.group(name).is_none();
        if new {
            self.0.groups.insert(name.into(), group);
        }
        new
    }

    /// Removes a consumer group; false if there is none of this name.
    pub fn remove_group(&mut self, name: &[u8]) -> bool {
        self.0.groups.remove(name).is_some()
    }

    /// True if some group has this entry pending or has not read so far: it is not done with.
    pub fn is_awaited(&self, id: StreamId) -> bool {
        self.groups()
            .any(|(_, group)| group.last_id < id || group.pending(id).is_some())
    }

    /// True if some group has this entry pending.
    pub fn is_pending(&self, id: StreamId) -> bool {
        self.groups().any(|(_, group)| group.pending(id).is_some())
    }

    /// Removes an entry's id from the pending entries of all groups.
    pub fn forget_pending(&mut self, id: StreamId) {
        let pending = self.groups().filter(|(_, g)| g.pending(id).is_some());
        let names: Vec<Name> = pending.map(|(name, _)| name.clone()).collect();
        for name in names {
            self.edit_group(&name, |group| group.acknowledge(id));
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        size_of::<Body>() + self.0.nodes.heap() + self.0.groups.heap()
    }

    pub(super) fn free_effort(&self) -> usize {
        // Entries for their nodes; pending entries are small.
        1 + self.0.nodes.heap() / 4096 + self.0.groups.heap() / 64
    }
}

impl Default for Stream {
    fn default() -> Self {
        Stream::new()
    }
}
