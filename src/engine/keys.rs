//! The places of the keys among the arguments of a request, as a declaration names them.

use super::Args;

/// The places of the keys among the arguments.
#[derive(Clone, Copy)]
pub enum Keys {
    /// No keys.
    None,
    /// `first..=last` in steps of `step`; a negative `last` counts from the end (-1 = the last).
    Range {
        /// Index of the first key.
        first: i32,
        /// Index of the last key.
        last: i32,
        /// Distance between keys.
        step: i32,
    },
    /// A count at `count`, followed by that many keys; `first` is another key or 0.
    Counted {
        /// Index of the count.
        count: usize,
        /// Index of a key before it (a destination), 0 = none.
        first: usize,
    },
    /// Found by a function, which pushes the index of each key.
    Custom(fn(&Args<'_>, &mut Vec<usize>)),
}

impl Keys {
    /// The key is argument 1.
    pub const ONE: Keys = Keys::Range {
        first: 1,
        last: 1,
        step: 1,
    };
    /// Arguments 1 and 2.
    pub const TWO: Keys = Keys::Range {
        first: 1,
        last: 2,
        step: 1,
    };
    /// All arguments from 1 on.
    pub const ALL: Keys = Keys::Range {
        first: 1,
        last: -1,
        step: 1,
    };

    /// Indexes of the keys in `args`; empty where the counts do not fit.
    pub fn positions(&self, args: &Args<'_>) -> Vec<usize> {
        let n = args.len() as i32;
        let mut out = Vec::new();
        match *self {
            Keys::None => {}
            Keys::Range { first, last, step } => {
                let last = if last < 0 { n + last } else { last };
                let mut at = first;
                while at <= last && at < n {
                    out.push(at as usize);
                    at += step;
                }
            }
            Keys::Counted { count, first } => {
                if first > 0 {
                    out.push(first);
                }
                if let Some(k) = args.get(count).and_then(super::args::parse_int) {
                    let end = (count as i64 + 1).saturating_add(k);
                    if k > 0 && end <= args.len() as i64 {
                        out.extend(count + 1..end as usize);
                    }
                }
            }
            Keys::Custom(f) => f(args, &mut out),
        }
        out
    }
}
