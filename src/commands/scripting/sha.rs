//! The names of scripts: SHA-1 in hexadecimal digits.

use crate::commands::hex::hex;
use sha1::{Digest as _, Sha1};

/// 40 digits in lower case.
pub fn sha1_hex(text: &[u8]) -> String {
    hex(&Sha1::digest(text))
}
