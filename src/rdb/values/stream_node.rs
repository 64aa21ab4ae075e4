//! The listpack of a stream node: a master entry, then the entries.
//!
//! ```text
//! live | deleted | N | field 1 .. field N | 0
//! per entry: flags | ms delta | seq delta | [ F | field value ]* or, with the master's fields, value 1 .. N | steps
//!   flags bit 0: deleted; bit 1: same fields as the master
//!   steps: elements of the entry before this one
//! ```
//!
//! An entry's id is the node's master id plus the deltas, each modulo 2^64.

use crate::packed::listpack::{self, BacklenForm, Defect, Item, Iter};
use crate::values::stream::StreamId;

const DELETED: i64 = 1;
const SAME_FIELDS: i64 = 2;

/// One entry of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its id.
    pub id: StreamId,
    /// Deleted entries stay in place until the node is removed.
    pub deleted: bool,
    /// Fields and values, in the order in which they were given.
    pub fields: Vec<(Item<'a>, Item<'a>)>,
}

/// The result of the check of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NodeInfo {
    /// Entries that are not deleted.
    pub live: u64,
    /// Entries that are.
    pub deleted: u64,
    /// Id of the first live entry.
    pub first_live: Option<StreamId>,
    /// Ids of the first and last entry, deleted or not.
    pub bounds: Option<(StreamId, StreamId)>,
    /// The ids ascend strictly.
    pub in_order: bool,
    /// The header's element count is wrong; some servers write and load that.
    pub count_is_wrong: bool,
    /// The declared split into live and deleted entries is wrong, though their sum is right.
    pub deleted_count_is_wrong: bool,
    /// An element has a two-form back length in the new form.
    pub has_new_form: bool,
    /// An element has a size with two back-length forms.
    pub has_trap: bool,
}

/// Reads the entries of a node, one after the other.
#[derive(Debug, Clone)]
pub struct NodeReader<'a> {
    master: StreamId,
    fields: Vec<Item<'a>>,
    iter: Iter<'a>,
    left: u64,
    /// Live and deleted, as declared.
    declared: (u64, u64),
}

impl<'a> NodeReader<'a> {
    /// Reads the master entry.
    ///
    /// # Errors
    /// The defect's place in the listpack. The listpack must have passed [`listpack::check`].
    pub fn open(master: StreamId, lp: &'a [u8]) -> Result<Self, Defect> {
        let mut iter = Iter::new(lp);
        let live = count(&mut iter, "the node's count of entries is none")?;
        let deleted = count(&mut iter, "the node's count of deleted entries is none")?;
        let n = count(&mut iter, "the node's number of fields is none")?;
        let mut fields = Vec::new();
        for _ in 0..n {
            fields.push(element(&mut iter)?);
        }
        let at = iter.offset();
        if integer(&mut iter, "the master entry does not end in 0")? != 0 {
            return Err(Defect {
                at,
                what: "the master entry does not end in 0",
            });
        }
        let left = live.checked_add(deleted).ok_or(Defect {
            at,
            what: "the node's counts overflow",
        })?;
        Ok(NodeReader {
            master,
            fields,
            iter,
            left,
            declared: (live, deleted),
        })
    }

    /// The fields of the master entry.
    pub fn master_fields(&self) -> &[Item<'a>] {
        &self.fields
    }

    /// Reads the next entry into `entry`; `false` at the end.
    ///
    /// # Errors
    /// The defect's place in the listpack.
    pub fn read(&mut self, entry: &mut Entry<'a>) -> Result<bool, Defect> {
        let at = self.iter.offset();
        if self.left == 0 {
            return match self.iter.next_entry() {
                None => Ok(false),
                Some(_) => Err(Defect {
                    at,
                    what: "the node has more entries than it says",
                }),
            };
        }
        self.left -= 1;
        let flags = integer(&mut self.iter, "the entry's flags are no integer")?;
        if !(0..=DELETED | SAME_FIELDS).contains(&flags) {
            return Err(Defect {
                at,
                what: "an entry has unknown flags",
            });
        }
        let ms = integer(&mut self.iter, "the entry's milliseconds are no integer")?;
        let seq = integer(&mut self.iter, "the entry's sequence number is no integer")?;
        entry.id = StreamId {
            ms: self.master.ms.wrapping_add(ms.cast_unsigned()),
            seq: self.master.seq.wrapping_add(seq.cast_unsigned()),
        };
        entry.deleted = flags & DELETED != 0;
        entry.fields.clear();
        let steps = if flags & SAME_FIELDS != 0 {
            for &field in &self.fields {
                entry.fields.push((field, element(&mut self.iter)?));
            }
            self.fields.len() as u64 + 3
        } else {
            let n = count(&mut self.iter, "the entry's number of fields is none")?;
            for _ in 0..n {
                let field = element(&mut self.iter)?;
                entry.fields.push((field, element(&mut self.iter)?));
            }
            2 * n + 4
        };
        let at = self.iter.offset();
        if integer(&mut self.iter, "the entry's step count is no integer")?.cast_unsigned() != steps
        {
            return Err(Defect {
                at,
                what: "an entry's step count is wrong",
            });
        }
        Ok(true)
    }
}

impl<'a> Entry<'a> {
    /// An entry to read into.
    pub fn new() -> Self {
        Entry {
            id: StreamId::ZERO,
            deleted: false,
            fields: Vec::new(),
        }
    }
}

impl Default for Entry<'_> {
    fn default() -> Self {
        Entry::new()
    }
}

/// Checks a node's listpack, calling `each` for every entry.
///
/// # Errors
/// The first defect's place in the listpack.
pub fn check_node<'a>(
    master: StreamId,
    lp: &'a [u8],
    mut each: impl FnMut(&Entry<'a>),
) -> Result<NodeInfo, Defect> {
    let checked = listpack::check(lp)?;
    let mut reader = NodeReader::open(master, lp)?;
    let mut info = NodeInfo {
        in_order: true,
        count_is_wrong: !checked.count_agrees,
        has_new_form: checked.has_new_form,
        has_trap: checked.has_trap,
        ..NodeInfo::default()
    };
    let mut entry = Entry::new();
    while reader.read(&mut entry)? {
        match entry.deleted {
            true => info.deleted += 1,
            false => {
                info.live += 1;
                info.first_live.get_or_insert(entry.id);
            }
        }
        let (first, last) = info.bounds.unwrap_or((entry.id, entry.id));
        info.in_order &= info.bounds.is_none() || last < entry.id;
        info.bounds = Some((first, entry.id));
        each(&entry);
    }
    info.deleted_count_is_wrong = (info.live, info.deleted) != reader.declared;
    Ok(info)
}

/// Rewrites a node's listpack with exact counts and the wanted back-length form.
pub fn rewrite(lp: &[u8], form: BacklenForm, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&listpack::EMPTY[..listpack::HEADER_LEN]);
    let mut n = 0u64;
    for item in Iter::new(lp) {
        listpack::encode_form(&item, form, out);
        n += 1;
    }
    out.push(0xff);
    let total = (out.len() - start) as u32;
    out[start..start + 4].copy_from_slice(&total.to_le_bytes());
    out[start + 4..start + 6].copy_from_slice(&u16::try_from(n).unwrap_or(u16::MAX).to_le_bytes());
}

fn element<'a>(iter: &mut Iter<'a>) -> Result<Item<'a>, Defect> {
    let at = iter.offset();
    iter.next().ok_or(Defect {
        at,
        what: "the node ends inside an entry",
    })
}

fn integer(iter: &mut Iter<'_>, what: &'static str) -> Result<i64, Defect> {
    let at = iter.offset();
    // Text that is an integer serves as one, as in real servers.
    element(iter)?.as_int().ok_or(Defect { at, what })
}

fn count(iter: &mut Iter<'_>, what: &'static str) -> Result<u64, Defect> {
    let at = iter.offset();
    u64::try_from(integer(iter, what)?).map_err(|_| Defect { at, what })
}
