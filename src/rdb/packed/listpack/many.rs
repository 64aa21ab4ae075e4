//! Finding many elements in one walk.

use super::{COUNT_UNKNOWN, Entry, HEADER_LEN, Item, before, count_field, entry_at, skip};
use base::number::canonical_i64;
use smallvec::SmallVec;

/// As [`find`](super::find) from the first element on, of each of `wanted`, which may have equal ones, in one walk; `found` is told which one, and where.
pub fn find_each<'a>(
    lp: &'a [u8],
    wanted: &[&[u8]],
    step: usize,
    mut found: impl FnMut(usize, Entry<'a>),
) {
    // A bit for each string that is looked for, by its length and its last two bytes.
    let mark = |bytes: &[u8]| {
        let (last, before) = match bytes {
            [.., before, last] => (*last, *before),
            [last] => (*last, 0),
            [] => (0, 0),
        };
        1u64 << ((usize::from(last) + 7 * usize::from(before) + 17 * bytes.len()) & 63)
    };
    let marks = wanted.iter().fold(0, |all, bytes| all | mark(bytes));
    let integers: SmallVec<[_; 32]> = wanted.iter().map(|bytes| canonical_i64(bytes)).collect();
    let some_integer = integers.iter().any(Option::is_some);
    let (mut at, end, mut left) = (HEADER_LEN, lp.len().saturating_sub(1), wanted.len());
    while at < end && left > 0 {
        let Some(entry) = entry_at(lp, at) else {
            return;
        };
        match entry.item {
            Item::Bytes(own) if mark(own) & marks != 0 => {
                for (i, _) in wanted.iter().enumerate().filter(|(_, b)| **b == own) {
                    left = left.saturating_sub(1);
                    found(i, entry);
                }
            }
            Item::Int(n) if some_integer => {
                let equal = integers.iter().enumerate().filter(|(_, m)| **m == Some(n));
                for (i, _) in equal {
                    left = left.saturating_sub(1);
                    found(i, entry);
                }
            }
            _ => {}
        }
        at = entry.next;
        for _ in 1..step {
            at = skip(lp, at).unwrap_or(end);
        }
    }
}

/// Byte offsets of every `step`th element from the first on, for a binary search.
///
/// Where an element lies is known once the one beside it has been read, so finding them is a chain of loads that wait
/// for each other. Where it is known how many there are, there are two chains, one from each end, and the processor
/// follows both at once.
pub fn offsets<A: smallvec::Array<Item = u32>>(lp: &[u8], step: usize) -> SmallVec<A> {
    let end = lp.len().saturating_sub(1);
    let mut all = SmallVec::new();
    let count = count_field(lp);
    // From the end, they are found only if all of them are followed by as many elements.
    if count != COUNT_UNKNOWN && usize::from(count).is_multiple_of(step) {
        all.resize(usize::from(count) / step, 0);
        let (mut front, mut back) = (HEADER_LEN, end);
        let (mut low, mut high) = (0, all.len());
        while low < high {
            all[low] = front as u32;
            low += 1;
            if low < high {
                high -= 1;
                for _ in 0..step {
                    back = before(lp, back).unwrap_or(HEADER_LEN);
                }
                all[high] = back as u32;
            }
            for _ in 0..step {
                front = skip(lp, front).unwrap_or(end);
            }
        }
        return all;
    }
    let mut at = HEADER_LEN;
    while at < end {
        all.push(at as u32);
        for _ in 0..step {
            at = skip(lp, at).unwrap_or(end);
        }
    }
    all
}
