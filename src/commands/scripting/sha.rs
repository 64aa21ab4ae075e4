//! The names of scripts: SHA-1 in hexadecimal digits.

use sha1::{Digest as _, Sha1};

/// 40 digits in lower case.
pub fn sha1_hex(text: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha1::digest(text)
        .iter()
        .fold(String::with_capacity(40), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}
