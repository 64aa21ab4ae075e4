//! Lists.

use crate::keyspace::{Item, Limits};
use std::collections::VecDeque;
use std::ops::Range;

/// A list, owned.
#[derive(Clone, Debug, Default)]
pub struct List {
    items: VecDeque<Vec<u8>>,
}

/// A list as a reader sees it.
#[derive(Debug)]
pub struct ListRef<'a>(&'a List);

impl List {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// As a reader sees it.
    pub fn as_ref(&self) -> ListRef<'_> {
        ListRef(self)
    }

    /// Adds at the head.
    pub fn push_front(&mut self, item: &[u8], _limits: &Limits) {
        self.items.push_front(item.to_vec());
    }

    /// Adds at the tail.
    pub fn push_back(&mut self, item: &[u8], _limits: &Limits) {
        self.items.push_back(item.to_vec());
    }

    /// Takes the head.
    pub fn pop_front(&mut self) -> Option<Vec<u8>> {
        self.items.pop_front()
    }

    /// Takes the tail.
    pub fn pop_back(&mut self) -> Option<Vec<u8>> {
        self.items.pop_back()
    }

    /// Replaces the element at `index` (0-based from the head). False when there is none.
    pub fn set(&mut self, index: usize, item: &[u8], _limits: &Limits) -> bool {
        match self.items.get_mut(index) {
            Some(slot) => {
                *slot = item.to_vec();
                true
            }
            None => false,
        }
    }

    /// Inserts before `index` (`index == len` appends).
    pub fn insert(&mut self, index: usize, item: &[u8], _limits: &Limits) {
        self.items.insert(index, item.to_vec());
    }

    /// Removes `range`.
    pub fn remove_range(&mut self, range: Range<usize>) {
        self.items.drain(range);
    }

    /// After removals and CONFIG changes: goes back to the packed form where the limits allow it.
    pub fn shrink(&mut self, _limits: &Limits) {}
}

impl ListRef<'_> {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.0.items.len()
    }

    /// True without elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The element at `index` from the head.
    pub fn get(&self, index: usize) -> Option<Item<'_>> {
        self.0.items.get(index).map(|v| Item::Bytes(v))
    }

    /// The elements of `range`, head to tail.
    pub fn range(&self, range: Range<usize>) -> impl Iterator<Item = Item<'_>> {
        self.0.items.range(range).map(|v| Item::Bytes(v))
    }

    /// The elements of `range`, tail to head.
    pub fn range_rev(&self, range: Range<usize>) -> impl Iterator<Item = Item<'_>> {
        self.0.items.range(range).rev().map(|v| Item::Bytes(v))
    }

    /// All elements, head to tail.
    pub fn iter(&self) -> impl Iterator<Item = Item<'_>> {
        self.range(0..self.len())
    }

    /// `listpack` or `quicklist`.
    pub fn encoding(&self) -> &'static str {
        if self.len() <= 128 {
            "listpack"
        } else {
            "quicklist"
        }
    }
}
