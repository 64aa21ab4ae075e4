//! The elements of arrays (type 28): which text each of them is, and in which of the four forms a text is written.
//!
//! Redis 8.8 and later hold integers, doubles and short texts without an allocation, and write what they hold. Clients
//! only see the text. Forebay writes the same text always in the same form, so that equal arrays have equal bytes.

use crate::length::encode_length;
use crate::listpack::Item;
use crate::lzf;
use crate::string::{encode_blob, encode_raw};
use crate::walk::ArrayItem;
use base::double::DoubleText;
use base::number::canonical_i64;

/// The tag before an element, which says how the element is written.
pub(crate) const TEXT: u64 = 0;
pub(crate) const INT: u64 = 1;
pub(crate) const DOUBLE: u64 = 2;
pub(crate) const SHORT: u64 = 3;
/// The longest text that is a short one.
pub(crate) const SHORT_MAX: usize = 7;

/// Integers up to this one are written as integers.
const INT_MAX: i64 = (1 << 61) - 1;
/// The bits of a double that are not held.
const LOST: u64 = 3;

impl ArrayItem<'_> {
    /// Calls `f` with the element's text.
    pub fn with<R>(&self, f: impl FnOnce(&[u8]) -> R) -> R {
        match *self {
            ArrayItem::Bytes(bytes) => f(bytes),
            ArrayItem::Int(n) => Item::Int(n).with(f),
            ArrayItem::Double(x) => f(double_text(f64::from_bits(x.to_bits() & !LOST)).as_bytes()),
        }
    }
}

/// The text of a double: one without fraction and exponent ends in `.0`, so that it does not look like an integer.
fn double_text(x: f64) -> String {
    let mut text = DoubleText::of(x).as_str().to_owned();
    if x.is_finite() && text.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
        text.push_str(".0");
    }
    text
}

/// The double that a text is the text of, if all of it is held.
fn double(text: &[u8]) -> Option<f64> {
    const LONGEST: usize = 24;
    let is_plain = |b: &u8| b.is_ascii_digit() || matches!(b, b'.' | b'-');
    if text.len() > LONGEST || !text.contains(&b'.') || !text.iter().all(is_plain) {
        return None;
    }
    let x: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (x.to_bits() & LOST == 0 && double_text(x).as_bytes() == text).then_some(x)
}

/// Appends the head of an array of this many elements, with the index at which the last one was inserted.
pub fn encode_head(elements: u64, inserted: Option<u64>, out: &mut Vec<u8>) {
    encode_length(elements, out);
    encode_length(u64::from(inserted.is_some()), out);
    if let Some(index) = inserted {
        encode_length(index, out);
    }
}

/// Appends an element with its index.
pub fn encode_element(
    index: u64,
    element: Item<'_>,
    packer: Option<&mut lzf::Packer>,
    out: &mut Vec<u8>,
) {
    encode_length(index, out);
    let int = match element {
        Item::Int(n) => Some(n),
        Item::Bytes(text) => canonical_i64(text),
    };
    if let Some(n) = int.filter(|n| (-INT_MAX - 1..=INT_MAX).contains(n)) {
        encode_length(INT, out);
        out.extend_from_slice(&n.to_le_bytes());
        return;
    }
    element.with(|text| match double(text) {
        Some(x) => {
            encode_length(DOUBLE, out);
            out.extend_from_slice(&x.to_le_bytes());
        }
        None if text.len() <= SHORT_MAX => {
            encode_length(SHORT, out);
            encode_raw(text, out);
        }
        None => {
            encode_length(TEXT, out);
            encode_blob(text, packer, out);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::walk::{self, Bufs};

    /// The forms that Redis 8.10 writes.
    const FORMS: [(u64, &[&str]); 4] = [
        (
            TEXT,
            &[
                "abcdefgh",
                "9223372036854775807",
                "2305843009213693952",
                "-2305843009213693953",
                "100000000000000000000.0",
                "9007199254740993.0",
                "1.52587890625e-05",
                "3.14159265358979",
            ],
        ),
        (
            INT,
            &[
                "0",
                "-1",
                "300",
                "2305843009213693951",
                "-2305843009213693952",
            ],
        ),
        (
            DOUBLE,
            &[
                "1.5",
                "-0.0",
                "3.0",
                "1000.0",
                "0.00390625",
                "16777216.5",
                "10000000000000000.0",
            ],
        ),
        (
            SHORT,
            &[
                "", "007", "0.1", "1e3", "1.50", "-0", "inf", "nan", "1e+20", ".5", "5.", "abcdefg",
            ],
        ),
    ];

    #[test]
    fn a_text_is_written_as_the_reference_writes_it_and_read_back() {
        for (form, texts) in FORMS {
            for text in texts {
                let mut out = Vec::new();
                encode_head(1, Some(9), &mut out);
                let at = out.len() + 1;
                encode_element(5, Item::of(text.as_bytes()), None, &mut out);
                assert_eq!(u64::from(out[at]), form, "{text}");
                let mut found = Vec::new();
                let inserted = walk::array(&out, &mut Bufs::default(), |index, element| {
                    element.with(|text| found.push((index, text.to_vec())));
                    Ok::<(), crate::RdbError>(())
                });
                assert_eq!(inserted.expect("it is sound"), Some(9));
                assert_eq!(found, [(5, text.as_bytes().to_vec())]);
            }
        }
    }

    #[test]
    fn doubles_are_shown_with_what_the_reference_holds_of_them() {
        for (x, text) in [
            (0.1, "0.09999999999999998"),
            (1e22, "9999999999999996000000.0"),
            (1e21, "1e+21"),
            (1e17, "100000000000000000.0"),
            (1e-5, "9.999999999999999e-6"),
            (5e-324, "0.0"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "nan"),
        ] {
            ArrayItem::Double(x).with(|shown| assert_eq!(shown, text.as_bytes()));
        }
    }
}
