//! Members by hash: sets, the fields of hashes, and the scores of sorted sets.
//!
//! Entries are sorted by 32 bits of the member's keyed hash, so that a scan follows the order of hashes with the next
//! hash as its cursor: members that exist from its beginning to its end are shown, whatever is added and removed in the
//! meantime. Members with equal hashes are next to each other in one page.
//!
//! | shape | entry | in a dump |
//! |---|---|---|
//! | [`Members`] | member | type 2 |
//! | [`Fields`] | field, value, and if marked expiry i64le | type 4 without the expiry |
//! | [`Scores`] | member, score f64le | type 5 |

mod along;
mod build;
mod expiry;
mod together;

pub(crate) use along::Along;
pub use along::Hashed;
pub(crate) use build::Builder;
pub use expiry::NewExpiry;

use super::counted::{Leaf, Leaves, NEVER, Tree};
use super::page::{New, Page, Shape};
use super::seed::hash;
use super::strings::{self, Enc};
use crate::{Item, UnixMillis};
use smallvec::SmallVec;

/// Elements from which on not all of a tree is in the cache anyway.
const PREFETCH_FROM: usize = 4096;

/// The members of a set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Members;

/// The fields of a hash.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields;

/// The scores of the members of a sorted set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scores;

impl Shape for Members {
    type Key = u32;
    type Sep = u32;
    const GROUPS: bool = true;
    const ORDERED: bool = false;

    #[inline]
    fn extent(bytes: &[u8], _mark: bool) -> usize {
        strings::size(bytes)
    }

    fn sep(key: u32, _entry: &[u8]) -> u32 {
        key
    }
}

impl Shape for Fields {
    type Key = u32;
    type Sep = u32;
    const GROUPS: bool = true;
    const ORDERED: bool = false;
    const EXPIRES: bool = true;

    #[inline]
    fn extent(bytes: &[u8], mark: bool) -> usize {
        let field = strings::size(bytes);
        let value = strings::size(&bytes[field..]);
        field + value + if mark { 8 } else { 0 }
    }

    fn sep(key: u32, _entry: &[u8]) -> u32 {
        key
    }

    fn expiry(entry: &[u8]) -> i64 {
        entry
            .last_chunk()
            .map_or(NEVER, |at| i64::from_le_bytes(*at))
    }
}

impl Shape for Scores {
    type Key = u32;
    type Sep = u32;
    const GROUPS: bool = true;
    const ORDERED: bool = false;

    #[inline]
    fn extent(bytes: &[u8], _mark: bool) -> usize {
        strings::size(bytes) + 8
    }

    fn sep(key: u32, _entry: &[u8]) -> u32 {
        key
    }
}

/// A tree of members.
#[derive(Clone, Debug)]
pub(crate) struct Keyed<S: Shape>(pub(super) Tree<Page<S>>);

impl<S: Shape> Default for Keyed<S> {
    fn default() -> Self {
        Keyed(Tree::default())
    }
}

/// The place of a member in its page, or the place where it would be inserted.
enum Place {
    At(usize),
    Before(usize),
}

#[inline]
fn place<S: Shape<Key = u32>>(page: &Page<S>, hash: u32, member: &Enc<'_>) -> Place {
    let (n, key) = (page.len(), page.keys());
    let first = page.search(hash, |i| key(i) < hash);
    let mut i = first;
    while i < n && key(i) == hash {
        if member.starts(page.entry(i).0) {
            return Place::At(i);
        }
        i += 1;
    }
    Place::Before(first)
}

impl<S: Shape<Key = u32, Sep = u32>> Keyed<S> {
    /// Elements.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Bytes allocated.
    pub(crate) fn heap(&self) -> usize {
        self.0.heap()
    }

    /// The member's entry and its mark.
    #[inline]
    fn find(&self, member: &[u8]) -> Option<(&[u8], bool)> {
        let hash = hash(member);
        let page = self.0.leaf(|inner| inner.route(|&sep| sep <= hash));
        match place(page, hash, &Enc::new(member)) {
            Place::At(i) => Some(page.entry(i)),
            Place::Before(_) => None,
        }
    }

    /// Whether the member is there.
    #[inline]
    pub(crate) fn contains(&self, member: &[u8]) -> bool {
        self.find(member).is_some()
    }

    /// Prefetches what a batch of look-ups of these members will need, in three rounds, so that the cache misses of
    /// all members overlap.
    pub(crate) fn prefetch<'m>(&self, members: impl Iterator<Item = &'m [u8]>) {
        self.prefetch_hashes(members.map(hash));
    }

    fn prefetch_hashes(&self, hashes: impl Iterator<Item = u32>) {
        if self.len() < PREFETCH_FROM {
            return;
        }
        // Page, hash, and from the second round on about where in the page.
        let mut ways = SmallVec::<[_; 64]>::new();
        for hash in hashes {
            let page = self.0.leaf(|inner| inner.route(|&sep| sep <= hash));
            page.prefetch_head();
            ways.push((page, hash, 0));
        }
        for (page, hash, about) in &mut ways {
            *about = page.guess(*hash);
            page.prefetch_directory(*about);
        }
        for &(page, hash, about) in &ways {
            let key = page.keys();
            let i = page.search_from(about, |i| key(i) < hash);
            page.prefetch_entry((i < page.len() && key(i) == hash).then_some(i));
        }
    }

    /// Removes a member and returns the result of `look` for its entry.
    fn take<R>(&mut self, member: &[u8], look: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let hash = hash(member);
        let member = Enc::new(member);
        let route = |inner: &super::counted::Inner<Page<S>>| inner.route(|&sep| sep <= hash);
        // Looking first keeps shared chunks shared when there is nothing to remove.
        let Place::At(i) = place(self.0.leaf(route), hash, &member) else {
            return None;
        };
        self.0.edit_down(route, |page, _| {
            let result = look(page.entry(i).0);
            page.remove(i);
            Some(result)
        })
    }

    /// Removes a member that is there: it is looked for once.
    pub(crate) fn remove_present(&mut self, member: &[u8]) {
        let hash = hash(member);
        let member = Enc::new(member);
        let route = |inner: &super::counted::Inner<Page<S>>| inner.route(|&sep| sep <= hash);
        self.0
            .edit_down(route, |page, _| match place(page, hash, &member) {
                Place::At(i) => page.remove(i),
                Place::Before(_) => debug_assert!(false, "the member is there"),
            });
    }

    /// The entry at position `at` in hash order.
    fn nth(&self, at: usize) -> (&[u8], bool) {
        let (page, i) = self.0.seek(at);
        page.entry(i)
    }

    /// All entries, in hash order.
    fn entries(&self) -> Entries<'_, S> {
        Entries {
            leaves: self.0.all_leaves(),
            page: None,
            at: 0,
        }
    }

    /// Calls `f` with the entries from hash `cursor` on, at least `count` of them, and returns the
    /// next hash, 0 at the end.
    fn scan_entries(&self, cursor: u64, count: usize, mut f: impl FnMut(&[u8], bool)) -> u64 {
        let Ok(from) = u32::try_from(cursor) else {
            return 0;
        };
        let mut leaves = self.0.leaves(|inner| inner.route(|&sep| sep <= from));
        let (mut seen, mut last) = (0, None);
        while let Some(page) = leaves.next() {
            for i in page.partition_point(|i| page.key(i) < from)..page.len() {
                let key = page.key(i);
                if seen >= count && last != Some(key) {
                    return u64::from(key);
                }
                let (entry, mark) = page.entry(i);
                f(entry, mark);
                seen += 1;
                last = Some(key);
            }
        }
        0
    }

    #[cfg(test)]
    pub(crate) fn check(&self) {
        let mut last = None;
        self.0.check(&mut |page| {
            page.check();
            for i in 0..page.len() {
                let (key, entry) = (page.key(i), page.whole_entry(i));
                assert_eq!(key, strings::read(entry).0.with(hash));
                assert!(
                    i > 0 || last.is_none_or(|last| last < key),
                    "equal hashes share a page"
                );
                assert!(last.is_none_or(|last| last <= key));
                last = Some(key);
            }
        });
    }
}

impl Keyed<Members> {
    /// Adds a member; true if it was not there.
    #[inline]
    pub(crate) fn add(&mut self, member: &[u8]) -> bool {
        let hash = hash(member);
        let enc = Enc::new(member);
        // Looking first keeps shared chunks shared when it is there, and finding the way again costs little.
        let page = self.0.leaf(|inner| inner.route(|&sep| sep <= hash));
        let Place::Before(i) = place(page, hash, &enc) else {
            return false;
        };
        let new = New {
            key: hash,
            len: enc.len(),
            mark: false,
        };
        self.0.edit(
            |inner| inner.route(|&sep| sep <= hash),
            |page, spill| page.insert(i, new, |out| enc.put(out), spill),
        );
        true
    }

    /// Removes a member; true if it was there.
    pub(crate) fn remove(&mut self, member: &[u8]) -> bool {
        self.take(member, |_| ()).is_some()
    }

    /// The member at position `at`.
    pub(crate) fn get_at(&self, at: usize) -> Item<'_> {
        strings::read(self.nth(at).0).0
    }

    /// All members.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Item<'_>> {
        self.entries().map(|(entry, _)| strings::read(entry).0)
    }

    /// One step of a scan.
    pub(crate) fn scan(&self, cursor: u64, count: usize, mut f: impl FnMut(Item<'_>)) -> u64 {
        self.scan_entries(cursor, count, |entry, _| f(strings::read(entry).0))
    }

    /// All members as RDB strings.
    pub(crate) fn encoded(&self) -> impl Iterator<Item = &[u8]> {
        self.entries()
            .map(|(entry, mark)| encoded_member(entry, mark))
    }
}

#[inline]
pub(super) fn encoded_member(entry: &[u8], mark: bool) -> &[u8] {
    &entry[..Members::extent(entry, mark)]
}

/// What happens to a field's expiry when its value is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// The entry is removed.
    Drop,
    /// It stays.
    Keep,
    /// It is this one from now on.
    At(UnixMillis),
}

/// A field, its value and its expiry.
pub(crate) type Field<'a> = (Item<'a>, Item<'a>, Option<UnixMillis>);

impl Keyed<Fields> {
    /// The value and expiry of a field.
    #[inline]
    pub(crate) fn get(&self, field: &[u8]) -> Option<(Item<'_>, Option<UnixMillis>)> {
        let (entry, mark) = self.find(field)?;
        let (_, value, at) = read_field(entry, mark);
        Some((value, at))
    }

    /// Sets a field; true if it was not there.
    #[inline]
    pub(crate) fn set(&mut self, field: &[u8], value: &[u8], expiry: Expiry) -> bool {
        let hash = hash(field);
        let (field, value) = (Enc::new(field), Enc::new(value));
        let fields = field.len();
        let strings = fields + value.len();
        let put = |out: &mut [u8]| {
            field.put(out);
            value.put(&mut out[fields..]);
        };
        // The entry of the field with this expiry, for a page to write.
        let entry = |at: Option<UnixMillis>| New {
            key: hash,
            len: strings + if at.is_some() { 8 } else { 0 },
            mark: at.is_some(),
        };
        let fill = |at: Option<UnixMillis>| {
            move |out: &mut [u8]| match at {
                Some(at) => put_field(out, &field, &value, at),
                None => put(out),
            }
        };
        self.0.edit(
            |inner| inner.route(|&sep| sep <= hash),
            |page, spill| match place(page, hash, &field) {
                Place::At(i) => {
                    let (old, mark) = page.entry(i);
                    let at = match expiry {
                        Expiry::Drop => None,
                        Expiry::Keep if mark => read_field(old, mark).2,
                        Expiry::Keep => None,
                        Expiry::At(at) => Some(at),
                    };
                    match at {
                        Some(at) if mark && page.whole_entry(i).len() == strings + 8 => {
                            page.rewrite(i, strings, put);
                            page.set_expiry(i, at);
                        }
                        _ => page.replace(i, entry(at), fill(at), spill),
                    }
                    false
                }
                Place::Before(i) => {
                    let at = match expiry {
                        Expiry::At(at) => Some(at),
                        Expiry::Drop | Expiry::Keep => None,
                    };
                    page.insert(i, entry(at), fill(at), spill);
                    true
                }
            },
        )
    }

    /// Removes a field; true if it was there.
    pub(crate) fn remove(&mut self, field: &[u8]) -> bool {
        self.take(field, |_| ()).is_some()
    }

    /// The earliest expiry.
    #[inline]
    pub(crate) fn min_expire(&self) -> Option<UnixMillis> {
        Some(self.0.min_expire()).filter(|&at| at != NEVER)
    }

    /// The field that expires first.
    pub(crate) fn first_to_expire(&self) -> Option<(Item<'_>, UnixMillis)> {
        let min = self.min_expire()?;
        let page = self.0.leaf(|inner| inner.earliest());
        let mut fields = (0..page.len()).map(|i| {
            let (entry, mark) = page.entry(i);
            read_field(entry, mark)
        });
        fields
            .find(|field| field.2 == Some(min))
            .map(|field| (field.0, min))
    }

    /// The field at position `at`.
    pub(crate) fn get_at(&self, at: usize) -> Field<'_> {
        let (entry, mark) = self.nth(at);
        read_field(entry, mark)
    }

    /// All fields.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        self.entries().map(|(entry, mark)| read_field(entry, mark))
    }

    /// One step of a scan.
    pub(crate) fn scan(&self, cursor: u64, count: usize, mut f: impl FnMut(Field<'_>)) -> u64 {
        self.scan_entries(cursor, count, |entry, mark| f(read_field(entry, mark)))
    }

    /// All fields with their values as two RDB strings, and the expiry.
    pub(crate) fn encoded(&self) -> impl Iterator<Item = (&[u8], Option<UnixMillis>)> {
        self.entries()
            .map(|(entry, mark)| encoded_field(entry, mark))
    }
}

#[inline]
pub(super) fn encoded_field(entry: &[u8], mark: bool) -> (&[u8], Option<UnixMillis>) {
    let size = Fields::extent(entry, false);
    let at = mark.then(|| Fields::expiry(&entry[..size + 8]));
    (&entry[..size], at)
}

#[inline]
fn read_field(entry: &[u8], mark: bool) -> Field<'_> {
    let (field, field_len) = strings::read(entry);
    let (value, value_len) = strings::read(&entry[field_len..]);
    let at = mark.then(|| Fields::expiry(&entry[..field_len + value_len + 8]));
    (field, value, at)
}

fn put_field(out: &mut [u8], field: &Enc<'_>, value: &Enc<'_>, at: UnixMillis) {
    field.put(out);
    value.put(&mut out[field.len()..]);
    let end = field.len() + value.len();
    out[end..end + 8].copy_from_slice(&at.to_le_bytes());
}

impl Keyed<Scores> {
    /// A member's score.
    #[inline]
    pub(crate) fn get(&self, member: &[u8]) -> Option<f64> {
        self.find(member).map(|(entry, _)| read_score(entry).1)
    }

    /// Sets a member's score; returns the old one.
    #[inline]
    pub(crate) fn set(&mut self, member: &[u8], score: f64) -> Option<f64> {
        let hash = hash(member);
        let enc = Enc::new(member);
        let size = enc.len();
        self.0.edit(
            |inner| inner.route(|&sep| sep <= hash),
            |page, spill| match place(page, hash, &enc) {
                Place::At(i) => {
                    let old = read_score(page.entry(i).0).1;
                    if old != score {
                        page.patch(i, size, &score.to_le_bytes());
                    }
                    Some(old)
                }
                Place::Before(i) => {
                    let fill = |out: &mut [u8]| {
                        enc.put(out);
                        out[size..].copy_from_slice(&score.to_le_bytes());
                    };
                    page.insert(
                        i,
                        New {
                            key: hash,
                            len: size + 8,
                            mark: false,
                        },
                        fill,
                        spill,
                    );
                    None
                }
            },
        )
    }

    /// The score of an entry of this tree.
    #[inline]
    pub(crate) fn score_in(entry: &[u8]) -> f64 {
        read_score(entry).1
    }

    /// Removes a member; returns its score.
    pub(crate) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        self.take(member, |entry| read_score(entry).1)
    }

    /// One step of a scan.
    pub(crate) fn scan(&self, cursor: u64, count: usize, mut f: impl FnMut(Item<'_>, f64)) -> u64 {
        self.scan_entries(cursor, count, |entry, _| {
            let (member, score) = read_score(entry);
            f(member, score);
        })
    }
}

#[inline]
fn read_score(entry: &[u8]) -> (Item<'_>, f64) {
    let (member, size) = strings::read(entry);
    let score = entry[size..]
        .first_chunk()
        .map_or(0.0, |score| f64::from_le_bytes(*score));
    (member, score)
}

/// The entries of a tree from left to right.
struct Entries<'a, S: Shape> {
    leaves: Leaves<'a, Page<S>>,
    page: Option<&'a Page<S>>,
    at: usize,
}

impl<'a, S: Shape> Iterator for Entries<'a, S> {
    type Item = (&'a [u8], bool);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(page) = self.page
                && self.at < page.len()
            {
                self.at += 1;
                return Some(page.entry(self.at - 1));
            }
            self.page = Some(self.leaves.next().filter(|page| page.count() > 0)?);
            self.at = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::testing::Rng;

    #[test]
    fn pages_keep_their_invariants_under_churn() {
        for seed in 0..if cfg!(debug_assertions) { 4 } else { 20 } {
            let mut rng = Rng::new(seed);
            let mut tree = Keyed::<Fields>::default();
            let most = [5, 300, 20_000][rng.below(3)];
            for step in 0..20_000 {
                let field = format!("field:{}", rng.below(most));
                let shrinking = step / 5000 % 2 == 1;
                match rng.below(10) {
                    n if n < if shrinking { 2 } else { 6 } => {
                        let len = [3, 3, 30, 30, 200, 200, 200, 3000, 3000, 70_000]
                            [rng.below(10) * rng.below(2) / (1 + rng.below(4))];
                        tree.set(field.as_bytes(), &vec![b'v'; len], Expiry::Keep);
                    }
                    6 => {
                        let at = (rng.below(3) > 0).then(|| rng.below(50) as i64);
                        tree.set_expire(field.as_bytes(), at);
                    }
                    _ => {
                        tree.remove(field.as_bytes());
                    }
                }
                if step % 4000 == 0 {
                    tree.check();
                }
            }
            tree.check();
        }
    }
}
