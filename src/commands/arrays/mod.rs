//! Arrays of Redis 8.8: elements by index, most of which may be missing.
//!
//! * [`mod@write`]: setting and deleting elements. [`insert`]: adding elements after the last one, or in a ring.
//! * [`read`]: elements of indices and ranges. [`fold`]: AROP. [`grep`]: ARGREP, with the expressions of [`regex`].
//! * [`table`]: the declarations.
//!
//! An index is an unsigned 64-bit number; the highest one is not a valid index. In a reply, a number beyond the signed
//! range is a bulk string, or a big number in RESP3.

mod fold;
mod grep;
mod insert;
mod read;
mod regex;
mod table;
#[cfg(test)]
mod tests;
mod write;

pub use table::COMMANDS;

use engine::CommandError;
use keyspace::value::INDEX_MAX;
use resp::Reply;

const BAD_INDEX: CommandError = CommandError::fixed(&"ERR invalid array index");

/// An unsigned number in any form that C's `strtoull` reads completely, except negative ones.
fn unsigned(text: &[u8]) -> Option<u64> {
    if let Some(n) = engine::args::parse_int(text) {
        return u64::try_from(n).ok();
    }
    let text = text.trim_ascii_start();
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    // A sign of its own would be read as a number by what follows.
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let n: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(if negative { n.wrapping_neg() } else { n })
}

/// The index that a text is.
fn index(text: &[u8]) -> Result<u64, CommandError> {
    let index = unsigned(text).filter(|index| *index <= INDEX_MAX);
    index.ok_or(BAD_INDEX)
}

/// Writes an index, a length or a count.
fn reply_number(reply: &mut Reply, n: u64) {
    match i64::try_from(n) {
        Ok(n) => reply.int(n),
        Err(_) => reply.big_number(itoa::Buffer::new().format(n).as_bytes()),
    }
}

/// Two ends of a range, of which the first may be the higher one: the range, and whether it runs backward.
fn span(from: u64, to: u64) -> (std::ops::RangeInclusive<u64>, bool) {
    match from <= to {
        true => (from..=to, false),
        false => (to..=from, true),
    }
}
