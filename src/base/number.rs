//! Integers as text, and scores as text.
//!
//! The packed encodings store a string as an integer exactly when the integer's decimal text is that string
//! again: no sign but `-`, no leading zero, no `-0`.

use super::double::DoubleText;
use super::item::Item;

/// Bytes of the longest decimal i64 (`-9223372036854775808`).
pub const INT_TEXT_MAX: usize = 20;

/// The integer whose canonical decimal text is `text`.
#[inline]
pub fn canonical_i64(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] if digits.len() < INT_TEXT_MAX => {}
        _ => return None,
    }
    let mut n = 0u64;
    for &d in digits {
        let d = d.wrapping_sub(b'0');
        if d > 9 {
            return None;
        }
        // At most 19 digits: no overflow of u64.
        n = n * 10 + u64::from(d);
    }
    if negative {
        0i64.checked_sub_unsigned(n)
    } else {
        i64::try_from(n).ok()
    }
}

/// The decimal text of `n`, without allocating.
#[derive(Clone, Copy)]
pub struct IntText {
    digits: itoa::Buffer,
    n: i64,
}

impl IntText {
    /// Prepares the text of `n`.
    pub fn new(n: i64) -> Self {
        IntText {
            digits: itoa::Buffer::new(),
            n,
        }
    }

    /// The text.
    pub fn as_bytes(&mut self) -> &[u8] {
        self.digits.format(self.n).as_bytes()
    }
}

impl std::fmt::Debug for IntText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IntText({})", self.n)
    }
}

/// Bytes of the decimal text of `n`.
pub fn int_text_len(n: i64) -> usize {
    let digits = n.unsigned_abs().checked_ilog10().unwrap_or(0) as usize + 1;
    digits + usize::from(n < 0)
}

/// The score that `text` starts with, as the C library reads it: `None` if it starts with no number, a NaN if it
/// says so.
pub fn leading_score(text: &[u8]) -> Option<f64> {
    if let Some(score) = strict_score(text) {
        return Some(score);
    }
    // Their buffer holds 128 bytes; what follows is not looked at.
    let text = &text[..text.len().min(127)];
    let start = text
        .iter()
        .position(|b| !b.is_ascii_whitespace())
        .unwrap_or(text.len());
    let text = &text[start..];
    let unsigned = text
        .strip_prefix(b"-")
        .or_else(|| text.strip_prefix(b"+"))
        .unwrap_or(text);
    let starts_with = |word: &[u8]| unsigned.len() >= 3 && unsigned[..3].eq_ignore_ascii_case(word);
    if starts_with(b"nan") {
        return Some(f64::NAN);
    }
    if starts_with(b"inf") {
        return Some(if text[0] == b'-' {
            f64::NEG_INFINITY
        } else {
            f64::INFINITY
        });
    }
    std::str::from_utf8(&text[..decimal_prefix(text)])
        .ok()?
        .parse()
        .ok()
}

/// A score from a packed sorted set: the number that the text starts with, and 0 if there is none. `None` for a NaN,
/// which is not a score.
///
/// Real servers adopt such text unchecked; all of them then see what `strtod` makes of it.
pub fn lenient_score(text: &[u8]) -> Option<f64> {
    Some(leading_score(text).unwrap_or(0.0)).filter(|score| !score.is_nan())
}

/// A score whose whole text is a decimal number, `inf` or `-inf`.
pub fn strict_score(text: &[u8]) -> Option<f64> {
    match text.first()? {
        b'0'..=b'9' | b'-' | b'+' | b'.' | b'i' | b'I' | b'n' | b'N' => {
            std::str::from_utf8(text).ok()?.parse().ok()
        }
        _ => None,
    }
}

/// The length of the longest prefix of the form `[+-] digits [. digits] [e [+-] digits]`.
fn decimal_prefix(text: &[u8]) -> usize {
    let digits_from = |at: usize| text[at..].iter().take_while(|b| b.is_ascii_digit()).count();
    let sign = usize::from(matches!(text.first(), Some(b'-' | b'+')));
    let whole = digits_from(sign);
    let mut end = sign + whole;
    let mut fraction = 0;
    if text.get(end) == Some(&b'.') {
        fraction = digits_from(end + 1);
        if whole + fraction > 0 {
            end += 1 + fraction;
        }
    }
    if whole + fraction == 0 {
        return 0;
    }
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(end + 1), Some(b'-' | b'+')));
        if text.len() > end + 1 + sign {
            let exponent = digits_from(end + 1 + sign);
            if exponent > 0 {
                end += 1 + sign + exponent;
            }
        }
    }
    end
}

/// A score as the element of a packed sorted set: an integer where it is one, else text that reads back equal.
#[derive(Debug, Clone)]
pub enum ScoreItem {
    /// An integer.
    Int(i64),
    /// Text, as real servers write it.
    Text(DoubleText),
}

impl ScoreItem {
    /// Prepares the element for `score`, which is not NaN.
    pub fn new(score: f64) -> Self {
        /// Up to here every integral double is exactly an integer of 64 bits.
        const INT_MAX: f64 = (1i64 << 62) as f64;
        let negative_zero = score == 0.0 && score.is_sign_negative();
        if score == score.trunc() && score.abs() <= INT_MAX && !negative_zero {
            return ScoreItem::Int(score as i64);
        }
        ScoreItem::Text(DoubleText::without_integers(score))
    }

    /// The element.
    pub fn item(&self) -> Item<'_> {
        match self {
            ScoreItem::Int(n) => Item::Int(*n),
            ScoreItem::Text(text) => Item::Bytes(text.as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_text_is_an_integer() {
        let min = i64::MIN.to_string();
        let max = i64::MAX.to_string();
        for (text, n) in [
            ("0", 0),
            ("-1", -1),
            ("10", 10),
            (min.as_str(), i64::MIN),
            (max.as_str(), i64::MAX),
        ] {
            assert_eq!(canonical_i64(text.as_bytes()), Some(n));
            assert_eq!(IntText::new(n).as_bytes(), text.as_bytes());
            assert_eq!(int_text_len(n), text.len());
        }
        for text in [
            "",
            "-",
            "-0",
            "00",
            "007",
            "+1",
            " 1",
            "1 ",
            "1a",
            "9223372036854775808",
            "-9223372036854775809",
            "18446744073709551616",
            "99999999999999999999",
        ] {
            assert_eq!(canonical_i64(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn scores_become_elements_that_read_back_equal() {
        let mut rng = crate::testing::Rng::new(17);
        let some = (0..5_000)
            .map(|_| f64::from_bits(rng.next()))
            .filter(|s| !s.is_nan());
        let edges = [
            0.0,
            -0.0,
            1.0,
            -1.5,
            1e22,
            5e-324,
            f64::MAX,
            f64::MIN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            1e17,
            4.6e18,
        ];
        for score in some.chain(edges) {
            let element = ScoreItem::new(score);
            let text = element.item().to_vec();
            assert!(text.len() < 40, "{score}");
            let back = match element.item() {
                Item::Int(n) => n as f64,
                Item::Bytes(text) => strict_score(text).expect("a number"),
            };
            assert_eq!(back.to_bits(), score.to_bits(), "{score}");
        }
    }

    #[test]
    fn scores_are_read_as_real_servers_read_them() {
        for (text, score) in [
            ("1.5", 1.5),
            ("-0", -0.0),
            ("1e3", 1000.0),
            ("inf", f64::INFINITY),
            ("-inf", f64::NEG_INFINITY),
            ("one", 0.0),
            ("", 0.0),
            ("2.5abc", 2.5),
            ("-3e", -3.0),
            ("1e+", 1.0),
            (".5x", 0.5),
            ("-.", 0.0),
            (" 7", 7.0),
        ] {
            assert_eq!(lenient_score(text.as_bytes()), Some(score), "{text:?}");
        }
        for text in ["nan", "NaN", "-nan", "nan(1)"] {
            assert_eq!(lenient_score(text.as_bytes()), None);
        }
    }
}
