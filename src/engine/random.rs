//! HRANDFIELD, SRANDMEMBER, ZRANDMEMBER, SPOP: their options, and how they choose.

use super::{Args, CommandError};
use base::Rng;
use std::collections::BTreeSet;

/// How many random elements, and whether one may come twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// No count was given: one element, not an array.
    One,
    /// A count >= 0: distinct elements, all of them if it is larger.
    Distinct {
        /// How many at most.
        count: usize,
        /// WITHVALUES, WITHSCORES
        values: bool,
    },
    /// A negative count: exactly this many elements, which may repeat.
    Repeated {
        /// How many.
        count: usize,
        /// WITHVALUES, WITHSCORES
        values: bool,
    },
}

/// Reads `key [count [values_option]]`; `values_option` is empty for a command without one.
pub fn wanted(args: Args<'_>, values_option: &str) -> Result<Wanted, CommandError> {
    if args.len() <= 2 {
        return Ok(Wanted::One);
    }
    let count = args.signed_count(2)?;
    let values = match args.len() {
        3 => false,
        4 if !values_option.is_empty() && args.is(3, values_option) => true,
        _ => return Err(CommandError::SYNTAX),
    };
    if values && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(CommandError::fixed(&"ERR value is out of range"));
    }
    let n = count.unsigned_abs() as usize;
    Ok(if count < 0 {
        Wanted::Repeated { count: n, values }
    } else {
        Wanted::Distinct { count: n, values }
    })
}

/// Chooses `count` of the indexes `0..len` at random, in ascending order. Time and memory grow with `count`, not with
/// `len`.
pub fn choose(rng: &mut Rng, len: usize, count: usize) -> Vec<usize> {
    debug_assert!(count <= len);
    if count > len / 16 {
        let taken = mark(rng, len, count);
        return (0..len).filter(|&index| taken[index]).collect();
    }
    let mut chosen = BTreeSet::new();
    for bound in len - count..len {
        let pick = rng.below(bound as u64 + 1) as usize;
        if !chosen.insert(pick) {
            chosen.insert(bound);
        }
    }
    chosen.into_iter().collect()
}

/// As [`choose`]; says of each index whether it was chosen.
fn mark(rng: &mut Rng, len: usize, count: usize) -> Vec<bool> {
    // Floyd's sampling: each step draws an index up to a growing bound, and adds it, or the bound itself if the index
    // was drawn before.
    let mut taken = vec![false; len];
    for bound in len - count..len {
        let pick = rng.below(bound as u64 + 1) as usize;
        let at = if taken[pick] { bound } else { pick };
        taken[at] = true;
    }
    taken
}

/// Indexes that were drawn, in a table of twice as many places, so that a look-up meets few others on its way.
struct Drawn {
    /// Indexes, each one more than it is; 0 where there is none.
    places: Vec<usize>,
    /// The bits of a hash that are not used.
    unused: u32,
}

impl Drawn {
    fn with_capacity(count: usize) -> Self {
        let places = (2 * count).next_power_of_two().max(8);
        Drawn {
            places: vec![0; places],
            unused: 64 - places.trailing_zeros(),
        }
    }

    /// Adds an index; false if it is there.
    fn insert(&mut self, index: usize) -> bool {
        let hash = (index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut at = (hash >> self.unused) as usize;
        loop {
            match &mut self.places[at] {
                empty @ 0 => {
                    *empty = index + 1;
                    return true;
                }
                there if *there == index + 1 => return false,
                _ => at = (at + 1) & (self.places.len() - 1),
            }
        }
    }
}

/// A collection from which elements are drawn.
pub struct Urn<All, One> {
    /// Number of elements.
    pub len: usize,
    /// All elements in order.
    pub all: All,
    /// The element at an index.
    pub one: One,
}

impl<T, All, One> Urn<All, One>
where
    All: Iterator<Item = T>,
    One: Fn(usize) -> T,
{
    /// Passes `count` distinct elements (at most all) to `emit`: in one pass if that is a large part of them, otherwise
    /// by drawing until enough different ones have come up.
    pub fn distinct(self, rng: &mut Rng, count: usize, mut emit: impl FnMut(T)) {
        if count >= self.len {
            return self.all.for_each(emit);
        }
        if count.saturating_mul(3) > self.len {
            let mut taken = mark(rng, self.len, count).into_iter();
            self.all.for_each(|element| {
                if taken.next() == Some(true) {
                    emit(element);
                }
            });
            return;
        }
        // The places of elements tell them apart.
        let (mut drawn, mut left) = (Drawn::with_capacity(count), count);
        while left > 0 {
            let index = rng.below(self.len as u64) as usize;
            if drawn.insert(index) {
                emit((self.one)(index));
                left -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_indexes_are_distinct_and_all_come_up() {
        let mut rng = Rng::new(1);
        let mut seen = [0; 10];
        for _ in 0..1000 {
            let chosen = choose(&mut rng, 10, 3);
            assert_eq!(chosen.len(), 3);
            assert!(chosen.windows(2).all(|w| w[0] < w[1]));
            chosen.iter().for_each(|&i| seen[i] += 1);
        }
        assert!(seen.iter().all(|&n| (200..400).contains(&n)), "{seen:?}");
        assert_eq!(choose(&mut rng, 4, 4), [0, 1, 2, 3]);
    }

    #[test]
    fn drawn_elements_are_distinct_by_either_way() {
        let mut rng = Rng::new(2);
        for count in [0, 1, 5, 33, 34, 99, 100, 200] {
            let urn = Urn {
                len: 100,
                all: 0..100_i64,
                one: |index| index as i64,
            };
            let mut drawn = Vec::new();
            urn.distinct(&mut rng, count, |n| drawn.push(n));
            assert_eq!(drawn.len(), count.min(100));
            drawn.sort();
            assert!(drawn.windows(2).all(|w| w[0] < w[1]), "{drawn:?}");
        }
    }
}
