//! Listpacks: the packed form of small hashes, sets, sorted sets, list nodes and stream nodes.
//!
//! ```text
//! total bytes u32le | elements u16le (65535 = count them) | element ... | ff
//! element = first byte, data, back length
//! ```
//!
//! | first byte | meaning | size without back length |
//! |---|---|---|
//! | `0xxxxxxx` | 0..127 | 1 |
//! | `10xxxxxx` | string, 6-bit length | 1 + n |
//! | `110xxxxx` yy | 13-bit integer | 2 |
//! | `1110xxxx` yy | string, 12-bit length | 2 + n |
//! | `f0` u32le | string | 5 + n |
//! | `f1` `f2` `f3` `f4` | 16, 24, 32, 64-bit integer, little-endian | 3 4 5 9 |
//!
//! The back length is the element's size in base 128, most significant group first, all bytes but the first
//! with the top bit set: it is read from its right end.
//!
//! **The trap.** For the sizes 16383, 2097151 and 268435455 servers up to Redis 8.6 and Valkey 9.0 write one byte
//! more than newer ones, and either kind crashes on the other's. Readers here accept both; [`encode`] writes the old
//! form; code that builds a listpack for others to load must keep such elements out ([`is_trapped`]).
//!
//! Functions on a listpack in memory expect one that [`check`] has accepted. On other bytes they return `None` or do
//! less than asked, but never panic.

pub use base::Item;
use base::number::canonical_i64;

/// Bytes of an empty listpack.
pub const EMPTY_LEN: usize = 7;
/// Bytes before the first element.
pub const HEADER_LEN: usize = 6;
/// An empty listpack.
pub const EMPTY: [u8; EMPTY_LEN] = [7, 0, 0, 0, 0, 0, END];
const END: u8 = 0xff;
/// The count that means "more than the field can say".
const COUNT_UNKNOWN: u16 = u16::MAX;
/// Element sizes whose back length the two families write differently.
const TRAPS: [usize; 3] = [16_383, 2_097_151, 268_435_455];

/// Where a listpack breaks the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Defect {
    /// Offset in the blob.
    pub at: usize,
    /// Which rule.
    pub what: &'static str,
}

/// What [`check`] found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// Elements, counted.
    pub count: usize,
    /// The header's count is right, or says that it is unknown.
    pub count_agrees: bool,
    /// An element has a size with two back-length forms.
    pub has_trap: bool,
    /// Such an element has the new form, which older servers do not read.
    pub has_new_form: bool,
}

/// Checks every byte of a listpack: header, bounds, first bytes, back lengths, end.
///
/// # Errors
/// The first defect. A wrong element count in the header is not one here (stream nodes of real servers may have
/// it): see [`Checked::count_agrees`].
pub fn check(lp: &[u8]) -> Result<Checked, Defect> {
    check_each(lp, |_, _| Ok(()))
}

/// [`check`], with a look at every element and its offset on the way.
///
/// # Errors
/// As `check`, or what `each` returns.
#[inline]
pub fn check_each<'a, E: From<Defect>>(
    lp: &'a [u8],
    mut each: impl FnMut(usize, Item<'a>) -> Result<(), E>,
) -> Result<Checked, E> {
    let fail = |at, what| Err(E::from(Defect { at, what }));
    if lp.len() < EMPTY_LEN {
        return fail(0, "the listpack is shorter than an empty one");
    }
    if total_bytes(lp) as usize != lp.len() {
        return fail(0, "the listpack's size and the size in its header differ");
    }
    let end = lp.len() - 1;
    if lp[end] != END {
        return fail(end, "the listpack does not end in its end mark");
    }
    let mut checked = Checked {
        count: 0,
        count_agrees: true,
        has_trap: false,
        has_new_form: false,
    };
    let mut at = HEADER_LEN;
    while at < end {
        let Some((item, size)) = decode(&lp[..end], at) else {
            return fail(
                at,
                "a listpack element is malformed or ends outside the listpack",
            );
        };
        let after = at + size;
        // Nearly all elements have one byte of back length.
        if size <= 127 {
            if lp[after] as usize != size || after >= end {
                return fail(after, "a listpack element's back length is wrong");
            }
            each(at, item)?;
            at = after + 1;
        } else {
            let Some((width, new_form)) = long_backlen(&lp[after..end], size) else {
                return fail(after, "a listpack element's back length is wrong");
            };
            checked.has_trap |= TRAPS.contains(&size);
            checked.has_new_form |= new_form;
            each(at, item)?;
            at = after + width;
        }
        checked.count += 1;
    }
    let declared = count_field(lp);
    checked.count_agrees = declared == COUNT_UNKNOWN || declared as usize == checked.count;
    Ok(checked)
}

/// Width of the back length at the start of `bytes` for an element of `size` > 127 bytes, and whether it is the new
/// form of a trapped size. `None` if it does not say `size`.
fn long_backlen(bytes: &[u8], size: usize) -> Option<(usize, bool)> {
    let mut width = backlen_width(size);
    let new_form = TRAPS.contains(&size) && *bytes.first()? != 0;
    width -= usize::from(new_form);
    let groups = bytes.get(..width)?;
    let mut said = 0u64;
    for (i, &b) in groups.iter().enumerate() {
        if (b & 0x80 != 0) != (i > 0) {
            return None;
        }
        said = said << 7 | u64::from(b & 0x7f);
    }
    (said == size as u64).then_some((width, new_form))
}

/// Width of the back length of an element of `size` bytes, in the old form.
#[inline]
fn backlen_width(size: usize) -> usize {
    match size {
        0..=127 => 1,
        128..=16_382 => 2,
        16_383..=2_097_150 => 3,
        2_097_151..=268_435_454 => 4,
        _ => 5,
    }
}

/// The element at `at` and its size without back length.
#[inline]
fn decode(lp: &[u8], at: usize) -> Option<(Item<'_>, usize)> {
    let rest = lp.get(at..)?;
    let (&first, data) = rest.split_first()?;
    match first {
        0..=0x7f => Some((Item::Int(i64::from(first)), 1)),
        0x80..=0xbf => {
            let n = usize::from(first & 0x3f);
            Some((Item::Bytes(data.get(..n)?), 1 + n))
        }
        0xc0..=0xdf => {
            let n = i64::from(first & 0x1f) << 8 | i64::from(*data.first()?);
            Some((Item::Int(if n >= 4096 { n - 8192 } else { n }), 2))
        }
        0xe0..=0xef => {
            let n = usize::from(first & 0x0f) << 8 | usize::from(*data.first()?);
            Some((Item::Bytes(data.get(1..1 + n)?), 2 + n))
        }
        _ => decode_wide(first, data),
    }
}

fn decode_wide(first: u8, data: &[u8]) -> Option<(Item<'_>, usize)> {
    match first {
        0xf0 => {
            let n = u32::from_le_bytes(*data.first_chunk()?) as usize;
            Some((Item::Bytes(data.get(4..4 + n)?), 5 + n))
        }
        0xf1 => Some((
            Item::Int(i64::from(i16::from_le_bytes(*data.first_chunk()?))),
            3,
        )),
        0xf2 => {
            let [a, b, c] = *data.first_chunk()?;
            Some((
                Item::Int(i64::from(i32::from_le_bytes([0, a, b, c]) >> 8)),
                4,
            ))
        }
        0xf3 => Some((
            Item::Int(i64::from(i32::from_le_bytes(*data.first_chunk()?))),
            5,
        )),
        0xf4 => Some((Item::Int(i64::from_le_bytes(*data.first_chunk()?)), 9)),
        _ => None,
    }
}

fn total_bytes(lp: &[u8]) -> u32 {
    lp.first_chunk().map_or(0, |b| u32::from_le_bytes(*b))
}

fn count_field(lp: &[u8]) -> u16 {
    lp.get(4..6).map_or(0, |b| u16::from_le_bytes([b[0], b[1]]))
}

/// Number of elements; walks the listpack when the header does not say.
pub fn count(lp: &[u8]) -> usize {
    match count_field(lp) {
        COUNT_UNKNOWN => Iter::new(lp).count(),
        n => n as usize,
    }
}

/// Whether the listpack has no elements.
pub fn is_empty(lp: &[u8]) -> bool {
    lp.len() <= EMPTY_LEN
}

/// One element with its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Byte offset of the element.
    pub at: usize,
    /// Byte offset of what follows it.
    pub next: usize,
    /// The element.
    pub item: Item<'a>,
}

/// Forward and backward iteration over a listpack that [`check`] has passed.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    lp: &'a [u8],
    front: usize,
    back: usize,
}

impl<'a> Iter<'a> {
    /// All elements of `lp`.
    #[inline]
    pub fn new(lp: &'a [u8]) -> Self {
        Iter {
            lp,
            front: HEADER_LEN,
            back: lp.len().saturating_sub(1),
        }
    }

    /// The elements from byte offset `at` on; `at` is an element's offset or that of the end.
    #[inline]
    pub fn from_offset(lp: &'a [u8], at: usize) -> Self {
        Iter {
            lp,
            front: at,
            back: lp.len().saturating_sub(1),
        }
    }

    /// The elements before byte offset `at`, which must be that of an element or of the end.
    #[inline]
    pub fn to_offset(lp: &'a [u8], at: usize) -> Self {
        Iter {
            lp,
            front: HEADER_LEN,
            back: at,
        }
    }

    /// Byte offset of the next element, or of the end.
    #[inline]
    pub fn offset(&self) -> usize {
        self.front
    }

    /// The next element with its place.
    #[inline]
    pub fn next_entry(&mut self) -> Option<Entry<'a>> {
        if self.front >= self.back {
            return None;
        }
        let entry = entry_at(self.lp, self.front)?;
        self.front = entry.next;
        Some(entry)
    }

    /// The element before the ones already taken from the back, with its place.
    #[inline]
    pub fn prev_entry(&mut self) -> Option<Entry<'a>> {
        let at = before(self.lp, self.back)?;
        if at < self.front {
            return None;
        }
        let (item, _) = decode(self.lp, at)?;
        let entry = Entry {
            at,
            next: self.back,
            item,
        };
        self.back = at;
        Some(entry)
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        self.next_entry().map(|e| e.item)
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        self.prev_entry().map(|e| e.item)
    }
}

/// The element at byte offset `at`.
#[inline]
pub fn entry_at(lp: &[u8], at: usize) -> Option<Entry<'_>> {
    let (item, size) = decode(lp, at)?;
    let width = match size {
        0..=127 => 1,
        _ => long_backlen(lp.get(at + size..)?, size)?.0,
    };
    Some(Entry {
        at,
        next: at + size + width,
        item,
    })
}

/// Byte offset of the element before `at` (an element's offset, or that of the end mark).
pub fn before(lp: &[u8], at: usize) -> Option<usize> {
    if at <= HEADER_LEN || at > lp.len() {
        return None;
    }
    // Nearly all elements have one byte of back length.
    let last = usize::from(lp[at - 1]);
    if last < 0x80 {
        return at.checked_sub(last + 1).filter(|&at| at >= HEADER_LEN);
    }
    let (mut size, mut width) = (0usize, 0usize);
    loop {
        let b = *lp.get(at.checked_sub(width + 1)?)?;
        size |= usize::from(b & 0x7f) << (7 * width);
        width += 1;
        if b & 0x80 == 0 {
            break;
        }
        if width == 5 {
            return None;
        }
    }
    at.checked_sub(size + width).filter(|&at| at >= HEADER_LEN)
}

/// Byte offset of element number `index` (negative: from the end, -1 is the last).
pub fn seek(lp: &[u8], index: i64) -> Option<usize> {
    let known = Some(count_field(lp))
        .filter(|&n| n != COUNT_UNKNOWN)
        .map(i64::from);
    // From the nearer end, when the count is known.
    let index = match known {
        Some(n) if index >= n || index < -n => return None,
        Some(n) if index >= 0 && index > n / 2 => index - n,
        Some(n) if index < 0 && index + n < n / 2 => index + n,
        _ => index,
    };
    let end = lp.len().saturating_sub(1);
    if index >= 0 {
        let mut at = HEADER_LEN;
        for _ in 0..index {
            at = skip(lp, at).filter(|&next| next < end)?;
        }
        return (at < end).then_some(at);
    }
    let mut at = end;
    for _ in index..0 {
        at = before(lp, at)?;
    }
    Some(at)
}

/// The integer at `at`, and the byte offset after it; `None` if the element is none.
#[inline]
pub fn int_at(lp: &[u8], at: usize) -> Option<(i64, usize)> {
    // Small ones first, of which streams have many.
    match *lp.get(at)? {
        first @ 0..=0x7f => Some((i64::from(first), at + 2)),
        first @ 0xc0..=0xdf => {
            let n = i64::from(first & 0x1f) << 8 | i64::from(*lp.get(at + 1)?);
            Some((if n >= 4096 { n - 8192 } else { n }, at + 3))
        }
        _ => {
            let entry = entry_at(lp, at)?;
            Some((entry.item.as_int()?, entry.next))
        }
    }
}

/// Byte offset after the element at `at`, without reading its content.
#[inline(always)]
pub fn skip(lp: &[u8], at: usize) -> Option<usize> {
    match *lp.get(at)? {
        0..=0x7f => Some(at + 2),
        first @ 0x80..=0xbf => Some(at + 2 + usize::from(first & 0x3f)),
        0xc0..=0xdf => Some(at + 3),
        _ => entry_at(lp, at).map(|entry| entry.next),
    }
}

/// The first of every `step` elements (from `from` on) that is `bytes`; with `step` 2 the fields of a hash.
#[inline]
pub fn find<'a>(lp: &'a [u8], from: usize, bytes: &[u8], step: usize) -> Option<Entry<'a>> {
    position(lp, from, bytes, step).map(|(entry, _)| entry)
}

/// As [`find`], with the number of steps to the element.
pub fn position<'a>(
    lp: &'a [u8],
    from: usize,
    bytes: &[u8],
    step: usize,
) -> Option<(Entry<'a>, usize)> {
    let wanted = canonical_i64(bytes);
    let end = lp.len().saturating_sub(1);
    let (mut at, mut steps) = (from, 0);
    // The last byte differs for most strings of equal length.
    let last = bytes.last();
    while at < end {
        let first = lp[at];
        if first & 0xc0 == 0x80 {
            let next = at + 2 + usize::from(first & 0x3f);
            let own = lp.get(at + 1..next - 1)?;
            if own.len() == bytes.len() && own.last() == last && own == bytes {
                let item = Item::Bytes(own);
                return Some((Entry { at, next, item }, steps));
            }
            at = next;
        } else {
            let entry = entry_at(lp, at)?;
            let hit = match entry.item {
                Item::Bytes(own) => own == bytes,
                Item::Int(n) => wanted == Some(n),
            };
            if hit {
                return Some((entry, steps));
            }
            at = entry.next;
        }
        for _ in 1..step {
            at = skip(lp, at).filter(|&next| next <= end)?;
        }
        steps += 1;
    }
    None
}

/// Whether a string of `len` bytes becomes an element whose back length the two families write differently.
pub fn is_trapped(len: usize) -> bool {
    TRAPS.contains(&encoded_string_size(len))
}

fn encoded_string_size(len: usize) -> usize {
    match len {
        0..64 => 1 + len,
        64..4096 => 2 + len,
        _ => 5 + len,
    }
}

/// Bytes that `item` takes as an element, back length included.
pub fn encoded_size(item: &Item<'_>) -> usize {
    let size = match *item {
        Item::Bytes(bytes) => encoded_string_size(bytes.len()),
        Item::Int(n) => int_size(n),
    };
    size + backlen_width(size)
}

fn int_size(n: i64) -> usize {
    match n {
        0..=127 => 1,
        -4096..=4095 => 2,
        -32_768..=32_767 => 3,
        -8_388_608..=8_388_607 => 4,
        -2_147_483_648..=2_147_483_647 => 5,
        _ => 9,
    }
}

/// How wide the back length of trapped sizes is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BacklenForm {
    /// Up to Redis 8.6 and Valkey 9.0: the form in memory here.
    #[default]
    Old,
    /// Redis 8.8 and Valkey 9.1.
    New,
}

/// Appends `item` as an element. Strings that are canonical integers should come as `Int` ([`Item::of`]).
#[inline]
pub fn encode(item: &Item<'_>, out: &mut Vec<u8>) {
    encode_form(item, BacklenForm::Old, out);
}

/// [`encode`] in either back-length form.
pub fn encode_form(item: &Item<'_>, form: BacklenForm, out: &mut Vec<u8>) {
    let start = out.len();
    match *item {
        Item::Bytes(bytes) => {
            encode_string_head(bytes.len(), out);
            out.extend_from_slice(bytes);
        }
        Item::Int(n) => match int_size(n) {
            1 => out.push(n as u8),
            2 => out.extend_from_slice(&[0xc0 | (n >> 8) as u8 & 0x1f, n as u8]),
            3 => {
                out.push(0xf1);
                out.extend_from_slice(&(n as i16).to_le_bytes());
            }
            4 => {
                out.push(0xf2);
                out.extend_from_slice(&(n as i32).to_le_bytes()[..3]);
            }
            5 => {
                out.push(0xf3);
                out.extend_from_slice(&(n as i32).to_le_bytes());
            }
            _ => {
                out.push(0xf4);
                out.extend_from_slice(&n.to_le_bytes());
            }
        },
    }
    encode_backlen(out.len() - start, form, out);
}

#[inline]
fn encode_string_head(len: usize, out: &mut Vec<u8>) {
    match len {
        n @ 0..64 => out.push(0x80 | n as u8),
        n @ 64..4096 => out.extend_from_slice(&[0xe0 | (n >> 8) as u8, n as u8]),
        n => {
            out.push(0xf0);
            out.extend_from_slice(&(n as u32).to_le_bytes());
        }
    }
}

#[inline]
fn encode_backlen(size: usize, form: BacklenForm, out: &mut Vec<u8>) {
    if size <= 127 {
        out.push(size as u8);
        return;
    }
    let mut width = backlen_width(size);
    if form == BacklenForm::New && TRAPS.contains(&size) {
        width -= 1;
    }
    for i in (0..width).rev() {
        let group = (size >> (7 * i) & 0x7f) as u8;
        out.push(if i + 1 == width { group } else { group | 0x80 });
    }
}

/// Bytes of a listpack whose only element is a string of `len` bytes.
pub fn single_len(len: usize) -> usize {
    let size = encoded_string_size(len);
    EMPTY_LEN + size + backlen_width(size)
}

/// Writes the listpack whose only element is the string `bytes` to `out`, of [`single_len`] bytes: as [`Builder`] makes
/// it, with one copy of the string.
pub fn write_single(bytes: &[u8], out: &mut [u8]) {
    let (mut head, mut tail) = (Vec::new(), Vec::new());
    head.extend_from_slice(&(out.len() as u32).to_le_bytes());
    head.extend_from_slice(&1u16.to_le_bytes());
    encode_string_head(bytes.len(), &mut head);
    encode_backlen(
        encoded_string_size(bytes.len()),
        BacklenForm::Old,
        &mut tail,
    );
    tail.push(0xff);
    let (first, rest) = out.split_at_mut(head.len());
    let (middle, last) = rest.split_at_mut(bytes.len());
    first.copy_from_slice(&head);
    middle.copy_from_slice(bytes);
    last.copy_from_slice(&tail);
}

mod edit;
mod many;
pub use edit::{Builder, append, delete, extend, fix_count, insert, replace};
pub use many::{find_each, offsets};

#[cfg(test)]
mod tests;
