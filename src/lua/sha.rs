//! The names of scripts: SHA-1 in hexadecimal digits.

use sha1::{Digest as _, Sha1};

/// 40 digits in lower case.
pub struct Sha([u8; 40]);

impl Sha {
    /// Of a script's text.
    pub fn of(text: &[u8]) -> Sha {
        Sha(sha1_digits(text))
    }

    /// What a client names a script by, in any case; `None` if no script has such a name.
    pub fn given(name: &[u8]) -> Option<Sha> {
        let mut digits: [u8; 40] = name.try_into().ok()?;
        digits.make_ascii_lowercase();
        digits.is_ascii().then_some(Sha(digits))
    }

    /// True if this is the name.
    pub fn is(&self, name: &str) -> bool {
        name.as_bytes() == self.0
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// 40 digits in lower case.
pub fn sha1_digits(text: &[u8]) -> [u8; 40] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut digits = [0; 40];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(Sha1::digest(text)) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    digits
}
