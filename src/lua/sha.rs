//! The names of scripts: SHA-1 in hexadecimal digits.

use sha1::{Digest as _, Sha1};

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

/// As [`sha1_digits`], as text.
pub fn sha1_hex(text: &[u8]) -> String {
    sha1_digits(text).iter().copied().map(char::from).collect()
}
