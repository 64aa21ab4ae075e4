//! A request's arguments, with the conversions that commands share.

use super::CommandError;
pub use base::float::parse_float;
pub use base::integer::parse_int;
use std::ops::{Index, Range};

/// The arguments of one request; index 0 is the command name as the client typed it.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a>(pub &'a [&'a [u8]]);

impl<'a> Args<'a> {
    /// Number of arguments, the name included.
    #[allow(clippy::len_without_is_empty)] // a request has a name: it is never empty
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Argument `i` with the request's lifetime.
    pub fn get(&self, i: usize) -> Option<&'a [u8]> {
        self.0.get(i).copied()
    }

    /// Arguments from `i` on.
    pub fn from(&self, i: usize) -> &'a [&'a [u8]] {
        &self.0[i.min(self.0.len())..]
    }

    /// Argument `i` as an i64, in Redis's strict form (no `+`, no leading zeros, no spaces).
    pub fn int(&self, i: usize) -> Result<i64, CommandError> {
        int_of(self.0[i])
    }

    /// Argument `i` as an i64 within bounds, which the error names.
    pub fn int_within(&self, i: usize, min: i64, max: i64) -> Result<i64, CommandError> {
        let n = self.int(i)?;
        if (min..=max).contains(&n) {
            return Ok(n);
        }
        Err(CommandError::new(format!(
            "ERR value is out of range, value must between {min} and {max}"
        )))
    }

    /// Argument `i` as a count whose sign means a direction, or that members may repeat. The least i64 is refused, as
    /// it has no negative.
    pub fn signed_count(&self, i: usize) -> Result<i64, CommandError> {
        self.int_within(i, -i64::MAX, i64::MAX)
    }

    /// Argument `i` as a timeout in ms, the sign unchecked.
    pub fn timeout_ms(&self, i: usize) -> Result<i64, CommandError> {
        timeout_ms_of(self.0[i])
    }

    /// Argument `i` as a double: no spaces, not NaN; `inf`, `-inf`, hex and exponents as Redis takes them.
    pub fn float(&self, i: usize) -> Result<f64, CommandError> {
        parse_float(self.0[i]).ok_or(CommandError::NOT_A_FLOAT)
    }

    /// The keys after a count at index `i`, and the index after the last of them.
    ///
    /// # Errors `too_few` if the count is not a positive integer; a syntax error if it is greater than the number of
    /// arguments that follow.
    pub fn counted(
        &self,
        i: usize,
        too_few: &'static str,
    ) -> Result<(&'a [&'a [u8]], usize), CommandError> {
        let count = parse_int(self.0[i]).filter(|&n| n > 0);
        let count = count.ok_or_else(|| CommandError::new(too_few))?;
        let end = usize::try_from(count)
            .ok()
            .and_then(|n| n.checked_add(i + 1));
        match end.filter(|&end| end <= self.0.len()) {
            Some(end) => Ok((&self.0[i + 1..end], end)),
            None => Err(CommandError::SYNTAX),
        }
    }

    /// True if argument `i` is `word` (given in upper case), in any case.
    pub fn is(&self, i: usize, word: &str) -> bool {
        self.0
            .get(i)
            .is_some_and(|a| a.eq_ignore_ascii_case(word.as_bytes()))
    }
}

impl<'a> Index<usize> for Args<'a> {
    type Output = [u8];
    fn index(&self, i: usize) -> &[u8] {
        self.0[i]
    }
}

/// An argument as an i64, as [`Args::int`] reads it.
pub fn int_of(text: &[u8]) -> Result<i64, CommandError> {
    parse_int(text).ok_or(CommandError::NOT_AN_INTEGER)
}

/// An argument as a timeout in ms, as [`Args::timeout_ms`] reads it.
pub fn timeout_ms_of(text: &[u8]) -> Result<i64, CommandError> {
    parse_int(text).ok_or(CommandError::fixed(
        &"ERR timeout is not an integer or out of range",
    ))
}

/// The inclusive range from `start` to `stop` (negative ones count from the end) of `len` elements, as in LRANGE,
/// ZRANGE and LTRIM: clamped to the elements, and empty if none is in it.
pub fn span(start: i64, stop: i64, len: usize) -> Range<usize> {
    let from_front = |n: i64| {
        if n < 0 {
            n.saturating_add(len as i64)
        } else {
            n
        }
    };
    let start = from_front(start).max(0) as usize;
    let end = from_front(stop).saturating_add(1).clamp(0, len as i64) as usize;
    if start < end { start..end } else { 0..0 }
}

/// A limit; 0 means none. Returns `error` for anything but an integer of at least 0.
pub fn up_to(text: &[u8], error: &'static str) -> Result<usize, CommandError> {
    let limit = parse_int(text).and_then(|n| usize::try_from(n).ok());
    match limit.ok_or_else(|| CommandError::new(error))? {
        0 => Ok(usize::MAX),
        limit => Ok(limit),
    }
}

/// A count of elements; zero is allowed.
pub fn count_from_0(text: &[u8]) -> Result<usize, CommandError> {
    let count = parse_int(text).and_then(|n| usize::try_from(n).ok());
    count.ok_or(CommandError::fixed(
        &"ERR value is out of range, must be positive",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_count_from_both_ends_and_stay_inside() {
        for (start, stop, expected) in [
            (0, -1, 0..5),
            (1, 2, 1..3),
            (-2, -1, 3..5),
            (-100, 100, 0..5),
            (3, 2, 0..0),
            (5, 9, 0..0),
            (0, -6, 0..0),
            (i64::MIN, i64::MAX, 0..5),
        ] {
            assert_eq!(span(start, stop, 5), expected, "{start} {stop}");
        }
    }
}
