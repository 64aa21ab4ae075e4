//! Bytes in the descriptions of dumps: text, base64, or length and hash.

use serde_json::Value as Json;
use sha2::{Digest, Sha256};

/// What a description says of bytes.
pub enum Said {
    /// They themselves.
    Bytes(Vec<u8>),
    /// Their length and SHA-256.
    Hashed(usize, String),
}

/// What is said of them.
pub fn said(json: &Json) -> Said {
    match json {
        Json::String(text) => Said::Bytes(text.as_bytes().to_vec()),
        Json::Object(o) if o.contains_key("b64") => {
            Said::Bytes(base64(o["b64"].as_str().expect("text")))
        }
        Json::Object(o) => {
            let len = o["len"].as_u64().expect("a length") as usize;
            Said::Hashed(len, o["sha256"].as_str().expect("text").to_owned())
        }
        other => panic!("no bytes: {other}"),
    }
}

/// Bytes that are written out.
pub fn bytes(json: &Json) -> Vec<u8> {
    match said(json) {
        Said::Bytes(bytes) => bytes,
        Said::Hashed(..) => panic!("hashed where bytes are needed"),
    }
}

fn base64(text: &str) -> Vec<u8> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut out, mut bits, mut held) = (Vec::new(), 0u32, 0u32);
    for c in text.bytes().filter(|&c| c != b'=') {
        let six = LETTERS.iter().position(|&l| l == c).expect("base64") as u32;
        (held, bits) = (held << 6 | six, bits + 6);
        if bits >= 8 {
            bits -= 8;
            out.push((held >> bits) as u8);
        }
    }
    out
}

/// A digest in hexadecimal digits.
pub fn hex(digest: impl AsRef<[u8]>) -> String {
    digest.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

/// Whether `got` is what a description says.
pub fn same(json: &Json, got: &[u8]) -> bool {
    match said(json) {
        Said::Bytes(bytes) => bytes == got,
        Said::Hashed(len, sha) => len == got.len() && sha == hex(Sha256::digest(got)),
    }
}
