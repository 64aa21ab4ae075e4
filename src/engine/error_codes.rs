//! How often each error code was replied (`errorstat_*`).
//!
//! Scripts can make up codes, so the number of codes that are counted is limited. The log says when the limit is
//! reached; from then on no code is counted until CONFIG RESETSTAT.

use std::collections::BTreeMap;

/// How many codes are counted.
const CODES_MAX: usize = 128;
/// A code is shorter than this many bytes; an error that begins with a longer word counts as one without a code.
const CODE_LEN_MAX: usize = 31;
/// The code of an error without one.
const NO_CODE: &str = "ERR";

/// Counts of error replies by their codes.
#[derive(Clone, Debug, Default)]
pub struct ErrorCodes {
    counts: BTreeMap<String, u64>,
    disabled: bool,
}

impl ErrorCodes {
    /// Counts an error. If its code is one too many, counting stops, and the codes counted so far are returned for the
    /// log.
    pub fn count(&mut self, text: &str) -> Option<String> {
        if self.disabled {
            return None;
        }
        let code = match memchr::memchr(b' ', text.as_bytes()) {
            Some(end) if end < CODE_LEN_MAX => &text[..end],
            _ => NO_CODE,
        };
        if let Some(count) = self.counts.get_mut(code) {
            *count += 1;
            return None;
        }
        if self.counts.len() < CODES_MAX {
            self.counts.insert(code.to_owned(), 1);
            return None;
        }
        self.disabled = true;
        let codes: Vec<String> = std::mem::take(&mut self.counts).into_keys().collect();
        self.counts.insert("ERRORSTATS_DISABLED".into(), 1);
        Some(codes.join(", "))
    }

    /// Each code, and the number of replies that had it.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.counts.iter().map(|(code, count)| (&**code, *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_precedes_the_first_space_is_the_code_if_it_is_short() {
        let mut codes = ErrorCodes::default();
        for text in ["A b", "A c", " x", "", "nospace"] {
            assert_eq!(codes.count(text), None);
        }
        for len in [30, 31, 1000] {
            codes.count(&format!("{} x", "L".repeat(len)));
        }
        let seen: Vec<_> = codes.iter().collect();
        let long = "L".repeat(30);
        assert_eq!(seen, [("", 1), ("A", 2), ("ERR", 4), (&*long, 1)]);
    }

    #[test]
    fn one_code_too_many_ends_the_counting() {
        let mut codes = ErrorCodes::default();
        for i in 0..CODES_MAX {
            assert_eq!(codes.count(&format!("F{i} x")), None);
        }
        assert_eq!(codes.count("F0 again"), None);
        let told = codes.count("ONE more").expect("the codes so far");
        assert!(told.starts_with("F0, F1, F10, ") && told.ends_with(", F99"));
        assert_eq!(codes.count("F0 x"), None);
        let left: Vec<_> = codes.iter().collect();
        assert_eq!(left, [("ERRORSTATS_DISABLED", 1)]);
    }
}
