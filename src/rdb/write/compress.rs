//! Compresses those strings of a value that become smaller by it, and leaves everything else as it is.
//!
//! Real servers do the same under `rdbcompression yes` when they save: every string over 20 bytes is tried.
//! Compressed strings stay as they are.

use crate::bytes::cursor::{Cursor, Read};
use crate::bytes::lzf::Packer;
use crate::bytes::string::{StrRef, encode_blob};
use crate::error::RdbError;
use crate::tags::rdb_type::RdbType;

/// Strings of at most this many bytes are never packed.
pub const NEVER_PACKED_MAX: usize = 20;

/// Appends the value, with its raw strings compressed where that makes them smaller; without a packer, the unchanged
/// value.
///
/// # Errors
/// Those of a value that is not sound.
pub fn compress_value(
    rdb_type: RdbType,
    bytes: &[u8],
    packer: Option<&mut Packer>,
    out: &mut Vec<u8>,
) -> Result<(), RdbError> {
    let Some(packer) = packer.filter(|_| bytes.len() > NEVER_PACKED_MAX) else {
        out.extend_from_slice(bytes);
        return Ok(());
    };
    let mut copy = Copier {
        cur: Cursor::new(bytes),
        copied: 0,
        packer,
        out,
    };
    copy.value(rdb_type)?;
    copy.rest();
    Ok(())
}

/// Copies lazily: bytes that are not compressed are copied in one piece.
struct Copier<'a, 'p> {
    cur: Cursor<'a>,
    copied: usize,
    packer: &'p mut Packer,
    out: &'p mut Vec<u8>,
}

impl Copier<'_, '_> {
    fn value(&mut self, rdb_type: RdbType) -> Read<()> {
        match rdb_type {
            RdbType::String
            | RdbType::SetIntset
            | RdbType::HashListpack
            | RdbType::ZsetListpack
            | RdbType::SetListpack => self.string(),
            RdbType::HashListpackTtl => {
                self.cur.take(8, "earliest field expiry")?;
                self.string()
            }
            RdbType::Set => self.rows(1, 0, 0),
            RdbType::Hash => self.rows(2, 0, 0),
            RdbType::Zset2 => self.rows(1, 0, 8),
            RdbType::Hash2 => self.rows(2, 0, 8),
            RdbType::Quicklist2 => self.rows(1, 1, 0),
            RdbType::HashTtl => {
                self.cur.take(8, "earliest field expiry")?;
                self.rows(2, 1, 0)
            }
            RdbType::Stream3 | RdbType::Stream4 | RdbType::Stream5 => self.rows(2, 0, 0),
            // Nothing in these types is worth compressing, or they are never written.
            RdbType::List
            | RdbType::Zset
            | RdbType::Module
            | RdbType::Module2
            | RdbType::HashZipmap
            | RdbType::ListZiplist
            | RdbType::ZsetZiplist
            | RdbType::HashZiplist
            | RdbType::Quicklist
            | RdbType::Stream
            | RdbType::Stream2
            | RdbType::HashTtlRc
            | RdbType::HashListpackTtlRc
            | RdbType::Array
            | RdbType::HashTemplateListpackDump
            | RdbType::HashTemplateListpack
            | RdbType::HashTemplateDump
            | RdbType::HashTemplatePlain => Ok(()),
        }
    }

    /// A count, then rows of `numbers` numbers, `strings` strings and `tail` bytes.
    fn rows(&mut self, strings: u32, numbers: u32, tail: u64) -> Read<()> {
        for _ in 0..self.cur.count(1, "number of elements")? {
            for _ in 0..numbers {
                self.cur.number("number")?;
            }
            for _ in 0..strings {
                self.string()?;
            }
            self.cur.take(tail, "number")?;
        }
        Ok(())
    }

    fn string(&mut self) -> Read<()> {
        let at = self.cur.at();
        if let StrRef::Raw(bytes) = self.cur.string("string")?
            && bytes.len() > NEVER_PACKED_MAX
        {
            self.out
                .extend_from_slice(&self.cur.bytes()[self.copied..at]);
            encode_blob(bytes, Some(self.packer), self.out);
            self.copied = self.cur.at();
        }
        Ok(())
    }

    fn rest(&mut self) {
        self.out.extend_from_slice(&self.cur.bytes()[self.copied..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::string::{encode_raw, encode_string};
    use crate::packed::listpack::Builder;
    use crate::values::walk::{self, Bufs};

    #[test]
    fn long_strings_are_packed_and_the_rest_stays() {
        let long = vec![b'a'; 200];
        let mut value = vec![3];
        for (field, v) in [(&b"f1"[..], &long[..]), (b"12345", b"short"), (&long, b"x")] {
            encode_string(field, None, &mut value);
            encode_string(v, None, &mut value);
        }
        let mut out = b"before".to_vec();
        compress_value(RdbType::Hash, &value, Some(&mut Packer::new()), &mut out).unwrap();
        assert!(out.len() < 70);
        let mut got = Vec::new();
        walk::hash(
            &crate::Context::held(),
            RdbType::Hash,
            &out[6..],
            &mut Bufs::new(),
            |f, v, _| {
                got.push((f.to_vec(), v.to_vec()));
                Ok::<(), RdbError>(())
            },
        )
        .unwrap();
        assert_eq!(got[0], (b"f1".to_vec(), long.clone()));
        assert_eq!(got[1], (b"12345".to_vec(), b"short".to_vec()));
        assert_eq!(got[2], (long, b"x".to_vec()));
    }

    #[test]
    fn without_a_packer_or_a_gain_the_value_is_copied() {
        let mut lp = Builder::new();
        (0..100).for_each(|i| lp.push_bytes(format!("member:{}", i % 10).as_bytes()));
        let mut value = Vec::new();
        encode_raw(lp.finish(), &mut value);
        let mut out = Vec::new();
        compress_value(RdbType::HashListpack, &value, None, &mut out).unwrap();
        assert_eq!(out, value);
        out.clear();
        compress_value(
            RdbType::HashListpack,
            &value,
            Some(&mut Packer::new()),
            &mut out,
        )
        .unwrap();
        assert!(out.len() < value.len() / 3);
        let mut again = Vec::new();
        compress_value(
            RdbType::HashListpack,
            &out,
            Some(&mut Packer::new()),
            &mut again,
        )
        .unwrap();
        assert_eq!(again, out, "what is packed stays");
    }
}
