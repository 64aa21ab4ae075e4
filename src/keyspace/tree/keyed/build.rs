//! Building trees of many members at once.

use super::super::counted::Tree;
use super::super::page::{Page, Shape};
use super::super::seed::hash;
use super::super::strings::{self, Enc};
use super::{Fields, Keyed, Members, Scores};
use crate::UnixMillis;
use std::marker::PhantomData;

/// Builds a tree of distinct members that come in any order: much faster than adding one by one.
pub(crate) struct Builder<S> {
    /// Entries side by side.
    bytes: Vec<u8>,
    /// (hash, where the entry starts, mark)
    starts: Vec<(u32, usize, bool)>,
    shape: PhantomData<S>,
}

impl<S: Shape<Key = u32, Sep = u32>> Builder<S> {
    /// No entries yet; room for `members` of `bytes` together.
    pub(crate) fn new(members: usize, bytes: usize) -> Self {
        Builder {
            bytes: Vec::with_capacity(bytes),
            starts: Vec::with_capacity(members),
            shape: PhantomData,
        }
    }

    fn begin(&mut self, member: &[u8], mark: bool) {
        self.starts.push((hash(member), self.bytes.len(), mark));
        self.add(member);
    }

    fn add(&mut self, bytes: &[u8]) {
        let enc = Enc::new(bytes);
        let at = self.bytes.len();
        self.bytes.resize(at + enc.len(), 0);
        enc.put(&mut self.bytes[at..]);
    }

    /// The tree.
    pub(crate) fn build(self) -> Keyed<S> {
        let ends = self
            .starts
            .iter()
            .skip(1)
            .map(|next| next.1)
            .chain([self.bytes.len()]);
        let entries = self.starts.iter().zip(ends);
        let mut entries: Vec<_> = entries
            .map(|(&(hash, start, mark), end)| (hash, &self.bytes[start..end], mark))
            .collect();
        entries.sort_unstable_by_key(|&(hash, ..)| hash);
        of_sorted(entries)
    }

    /// As [`Builder::build`], where members may have come several times: the last of them counts.
    pub(crate) fn build_distinct(self) -> Keyed<S> {
        let ends = self.starts.iter().skip(1).map(|next| next.1);
        let ends = ends.chain([self.bytes.len()]);
        let mut entries: Vec<_> = self.starts.iter().zip(ends).collect();
        // The order in which they have come is that of their places.
        entries.sort_unstable_by_key(|(start, _)| (start.0, std::cmp::Reverse(start.1)));
        let mut distinct = Vec::<(u32, &[u8], bool)>::with_capacity(entries.len());
        for (&(hash, start, mark), end) in entries {
            let entry = &self.bytes[start..end];
            let member = &entry[..strings::size(entry)];
            let others = distinct.iter().rev().take_while(|other| other.0 == hash);
            let mut others = others.map(|other| other.1);
            if !others.any(|other| other.starts_with(member)) {
                distinct.push((hash, entry, mark));
            }
        }
        of_sorted(distinct)
    }
}

/// A tree of entries in the order of their hashes.
fn of_sorted<S: Shape<Key = u32, Sep = u32>>(entries: Vec<(u32, &[u8], bool)>) -> Keyed<S> {
    let mut entries = entries.into_iter().peekable();
    let mut pages = Vec::new();
    while entries.peek().is_some() {
        pages.push(Page::fill(&mut entries));
    }
    Keyed(Tree::from_leaves(pages))
}

impl Builder<Members> {
    /// Adds a member.
    pub(crate) fn push(&mut self, member: &[u8]) {
        self.begin(member, false);
    }
}

impl Builder<Fields> {
    /// Adds a field.
    pub(crate) fn push(&mut self, field: &[u8], value: &[u8], at: Option<UnixMillis>) {
        self.begin(field, at.is_some());
        self.add(value);
        if let Some(at) = at {
            self.bytes.extend_from_slice(&at.to_le_bytes());
        }
    }
}

impl Builder<Scores> {
    /// Adds a member.
    pub(crate) fn push(&mut self, member: &[u8], score: f64) {
        self.begin(member, false);
        self.bytes.extend_from_slice(&score.to_le_bytes());
    }
}
