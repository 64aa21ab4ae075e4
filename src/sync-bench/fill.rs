//! The data that a master is filled with: a dump that all servers can load, with keys `key:N` and values `value:N`.
//!
//! Every server loads the same file, so all of them start with the same data. The file has the format version that the oldest
//! server reads, and no compression, because only some servers would have to decompress it.

use rdb::string::{encode_blob, encode_string};
use rdb::version::RdbVersion;
use rdb::writer::{Checksum, Sink, Writer};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use tools::source::Trouble;

/// The format of Redis 5 to 6.2.
const VERSION: RdbVersion = RdbVersion::redis(9);
/// A plain string.
const STRING: u8 = 0;
/// Keys that a write load touches; they exist before, so that the count of keys does not change.
pub const LOAD_KEYS: u64 = 1000;

struct Out(BufWriter<File>);

impl Sink for Out {
    type Error = io::Error;

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }
}

/// What the keys look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// How many.
    pub keys: u64,
    /// Bytes of each value; `None` = `value:N` and no more.
    pub value_size: Option<usize>,
}

/// Writes a dump with `shape`, and the keys of the write load.
///
/// # Errors
/// The file cannot be written.
pub fn write_dump(path: &Path, shape: Shape) -> Result<(), Trouble> {
    let write = || -> io::Result<()> {
        let out = Out(BufWriter::with_capacity(1 << 20, File::create(path)?));
        let mut writer = Writer::new(out, VERSION, Checksum::Computed)?;
        writer.aux(b"redis-bits", b"64")?;
        writer.select_db(0)?;
        writer.resize_db(shape.keys + LOAD_KEYS, 0)?;
        let mut frame = Vec::new();
        for n in 0..shape.keys {
            frame.clear();
            frame.push(STRING);
            encode_string(format!("key:{n}").as_bytes(), None, &mut frame);
            encode_blob(&value(n, shape.value_size), None, &mut frame);
            writer.raw(&frame)?;
        }
        for n in 0..LOAD_KEYS {
            frame.clear();
            frame.push(STRING);
            encode_string(load_key(n).as_bytes(), None, &mut frame);
            encode_blob(b"0", None, &mut frame);
            writer.raw(&frame)?;
        }
        let (mut out, _) = writer.finish()?;
        out.0.flush()
    };
    write().map_err(|e| Trouble::io("write", path, &e))
}

/// A key of the write load.
pub fn load_key(n: u64) -> String {
    format!("sync-bench:{}", n % LOAD_KEYS)
}

/// `value:N`, filled up with letters that do not compress.
pub fn value(n: u64, size: Option<usize>) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = format!("value:{n}").into_bytes();
    let Some(size) = size else { return out };
    let mut state = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    while out.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.push(LETTERS[(state >> 58) as usize]);
    }
    out.truncate(size);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_size_that_is_asked_for() {
        assert_eq!(value(7, None), b"value:7");
        assert_eq!(value(7, Some(3)), b"val");
        let long = value(7, Some(500));
        assert_eq!(long.len(), 500);
        assert!(long.starts_with(b"value:7") && long != value(8, Some(500)));
    }
}
