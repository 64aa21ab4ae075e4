//! Intsets: the packed form of sets of integers.
//!
//! ```text
//! width u32le (2, 4 or 8) | count u32le | count integers of that width, little-endian, strictly ascending
//! ```
//!
//! The width may be larger than the members need: servers never shrink it.
//! Functions on an intset in memory expect one that [`check`] has accepted. On other bytes they find fewer members, but
//! never panic.

use crate::packed::listpack::Defect;

/// Bytes before the members.
pub const HEADER_LEN: usize = 8;

/// Checks width, size and order.
///
/// # Errors
/// The first defect; an empty intset is one, as in every real server.
pub fn check(set: &[u8]) -> Result<usize, Defect> {
    let fail = |at, what| Err(Defect { at, what });
    if set.len() < HEADER_LEN {
        return fail(0, "the intset is shorter than its header");
    }
    let (width, count) = header(set);
    if !matches!(width, 2 | 4 | 8) {
        return fail(0, "the intset's width is none of 2, 4 and 8");
    }
    if count == 0 {
        return fail(4, "the intset is empty");
    }
    if (set.len() - HEADER_LEN) as u64 != width as u64 * count as u64 {
        return fail(4, "the intset's size and its count differ");
    }
    let mut before = get(set, 0);
    for i in 1..count {
        let now = get(set, i);
        if now <= before {
            return fail(
                HEADER_LEN + i * width,
                "the intset's members are not strictly ascending",
            );
        }
        before = now;
    }
    Ok(count)
}

fn header(set: &[u8]) -> (usize, usize) {
    let field = |at: usize| {
        set.get(at..at + 4)
            .and_then(|b| b.first_chunk())
            .map_or(0, |b| u32::from_le_bytes(*b)) as usize
    };
    (field(0), field(4))
}

/// Number of members.
pub fn count(set: &[u8]) -> usize {
    header(set).1
}

/// Bytes per member: 2, 4 or 8.
pub fn width(set: &[u8]) -> usize {
    header(set).0
}

/// Member number `i` in ascending order; `None` beyond the last.
#[inline]
pub fn get(set: &[u8], i: usize) -> Option<i64> {
    let (width, _) = header(set);
    let at = HEADER_LEN.checked_add(i.checked_mul(width)?)?;
    let bytes = set.get(at..)?;
    match width {
        2 => bytes
            .first_chunk()
            .map(|b| i64::from(i16::from_le_bytes(*b))),
        4 => bytes
            .first_chunk()
            .map(|b| i64::from(i32::from_le_bytes(*b))),
        8 => bytes.first_chunk().map(|b| i64::from_le_bytes(*b)),
        _ => None,
    }
}

/// The members, ascending.
pub fn iter(set: &[u8]) -> impl DoubleEndedIterator<Item = i64> + ExactSizeIterator + Clone + '_ {
    let held = (set.len().saturating_sub(HEADER_LEN))
        .checked_div(width(set))
        .unwrap_or(0);
    (0..count(set).min(held)).map(|i| get(set, i).unwrap_or(0))
}

/// The members, ascending, read at once.
pub fn members(set: &[u8]) -> Vec<i64> {
    let (width, count) = header(set);
    let held = set.get(HEADER_LEN..).unwrap_or_default();
    match width {
        2 => each_of(held, count, i16::from_le_bytes),
        4 => each_of(held, count, i32::from_le_bytes),
        8 => each_of(held, count, i64::from_le_bytes),
        _ => Vec::new(),
    }
}

fn each_of<T: Into<i64>, const WIDTH: usize>(
    held: &[u8],
    count: usize,
    read: impl Fn([u8; WIDTH]) -> T,
) -> Vec<i64> {
    let (members, _) = held.as_chunks::<WIDTH>();
    let members = members.iter().take(count);
    members.map(|bytes| read(*bytes).into()).collect()
}

/// The index of `n` (`Ok`), or the index at which it would be inserted (`Err`).
pub fn search(set: &[u8], n: i64) -> Result<usize, usize> {
    let (mut low, mut high) = (0, count(set));
    while low < high {
        let middle = low.midpoint(high);
        match get(set, middle) {
            Some(m) if m == n => return Ok(middle),
            Some(m) if m < n => low = middle + 1,
            _ => high = middle,
        }
    }
    Err(low)
}

/// Whether `n` is a member.
pub fn contains(set: &[u8], n: i64) -> bool {
    search(set, n).is_ok()
}

/// The smallest width that holds `n`.
pub fn width_of(n: i64) -> usize {
    if i16::try_from(n).is_ok() {
        2
    } else if i32::try_from(n).is_ok() {
        4
    } else {
        8
    }
}

/// An intset without members; it must get one before it is saved.
pub fn empty() -> Vec<u8> {
    vec![2, 0, 0, 0, 0, 0, 0, 0]
}

/// Builds an intset of strictly ascending members, of the smallest width.
pub fn build(members: &[i64]) -> Vec<u8> {
    debug_assert!(members.is_sorted_by(|a, b| a < b));
    let width = members.iter().map(|&n| width_of(n)).max().unwrap_or(2);
    let mut set = Vec::with_capacity(HEADER_LEN + width * members.len());
    set.extend_from_slice(&(width as u32).to_le_bytes());
    set.extend_from_slice(&(members.len() as u32).to_le_bytes());
    for &n in members {
        set.extend_from_slice(&n.to_le_bytes()[..width]);
    }
    set
}

/// Inserts `n`, widening the set if it must; `false` if it is a member already.
pub fn insert(set: &mut Vec<u8>, n: i64) -> bool {
    let Err(i) = search(set, n) else { return false };
    let needed = width_of(n);
    if needed > width(set) {
        widen(set, needed);
    }
    let width = width(set);
    let at = HEADER_LEN + i * width;
    let len = set.len();
    set.resize(len + width, 0);
    set.copy_within(at..len, at + width);
    set[at..at + width].copy_from_slice(&n.to_le_bytes()[..width]);
    let count = count(set) + 1;
    set_count(set, count);
    true
}

/// Removes `n`; `false` if it is not a member. The width stays.
pub fn remove(set: &mut Vec<u8>, n: i64) -> bool {
    let Ok(i) = search(set, n) else { return false };
    let width = width(set);
    let at = HEADER_LEN + i * width;
    set.drain(at..at + width);
    let count = count(set) - 1;
    set_count(set, count);
    true
}

fn widen(set: &mut Vec<u8>, width: usize) {
    let mut wide = Vec::with_capacity(HEADER_LEN + width * (count(set) + 1));
    wide.extend_from_slice(&(width as u32).to_le_bytes());
    wide.extend_from_slice(&(count(set) as u32).to_le_bytes());
    for n in iter(set) {
        wide.extend_from_slice(&n.to_le_bytes()[..width]);
    }
    *set = wide;
}

fn set_count(set: &mut [u8], count: usize) {
    set[4..8].copy_from_slice(&(count as u32).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::testing::Rng;
    use std::collections::BTreeSet;

    #[test]
    fn the_intset_of_a_real_dump_is_built_and_read() {
        let bytes = b"\x02\0\0\0\x03\0\0\0\x01\0\x02\0\x2c\x01";
        assert_eq!(build(&[1, 2, 300]), bytes);
        assert_eq!(check(bytes), Ok(3));
        assert!(iter(bytes).eq([1, 2, 300]));
    }

    #[test]
    fn each_broken_rule_is_found() {
        let bad = |bytes: &[u8]| check(bytes).unwrap_err().what;
        assert!(bad(b"\x02\0\0\0").contains("shorter"));
        assert!(bad(b"\x03\0\0\0\x01\0\0\0\0\0\0").contains("width"));
        assert!(bad(b"\x02\0\0\0\0\0\0\0").contains("empty"));
        assert!(bad(b"\x02\0\0\0\x02\0\0\0\x01\0").contains("size"));
        assert!(bad(b"\x02\0\0\0\xff\xff\xff\xff\x01\0").contains("size"));
        assert!(bad(b"\x02\0\0\0\x02\0\0\0\x01\0\x01\0").contains("ascending"));
        assert!(bad(b"\x02\0\0\0\x02\0\0\0\x01\0\xff\xff").contains("ascending"));
        assert_eq!(
            check(b"\x08\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0"),
            Ok(1),
            "wider than needed"
        );
    }

    #[test]
    fn edits_agree_with_an_ordered_set() {
        let mut rng = Rng::new(21);
        for _ in 0..50 {
            let mut set = empty();
            let mut model = BTreeSet::new();
            let shift = [56, 50, 40, 20, 0][rng.below(5)];
            for _ in 0..300 {
                let n = rng.next() as i64 >> shift;
                if rng.below(3) == 0 {
                    assert_eq!(remove(&mut set, n), model.remove(&n));
                } else {
                    assert_eq!(insert(&mut set, n), model.insert(n));
                }
                assert_eq!(contains(&set, n), model.contains(&n));
            }
            assert!(iter(&set).eq(model.iter().copied()));
            assert!(members(&set).into_iter().eq(model.iter().copied()));
            if !model.is_empty() {
                assert_eq!(check(&set), Ok(model.len()));
                let members: Vec<i64> = model.into_iter().collect();
                assert!(iter(&build(&members)).eq(members.iter().copied()));
            }
        }
    }

    #[test]
    fn random_bytes_never_panic() {
        let mut rng = Rng::new(8);
        for _ in 0..20_000 {
            let len = rng.below(30);
            let mut set = rng.bytes(len);
            if len > 8 && rng.below(2) == 0 {
                set[..4].copy_from_slice(&[2, 0, 0, 0]);
            }
            let _ = check(&set);
            let _ = iter(&set).take(10).count();
            let _ = members(&set);
            let _ = search(&set, rng.next() as i64);
        }
    }
}
