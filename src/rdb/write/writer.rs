//! Writes a file: header, auxiliary fields, databases, keys, the end with its checksum.
//!
//! ```text
//! magic | AUX ... | FUNCTION2 ... | per database: SELECTDB RESIZEDB keys ... | EOF | CRC-64 of all before
//! ```
//!
//! There is one writer for all destinations. A [`Sink`] takes the bytes, whether it is a block on its way to a file,
//! the sockets of replicas, or a buffer. The `encode_*` functions append single frames to a buffer, for callers that
//! fill blocks themselves.

use std::convert::Infallible;

use crate::bytes::crc64::Crc64;
use crate::bytes::length::encode_length;
use crate::bytes::lzf::Packer;
use crate::bytes::string::encode_string;
use crate::tags::opcode::Opcode;
use crate::tags::rdb_type::RdbType;
use crate::tags::version::RdbVersion;

/// Where the bytes go.
pub trait Sink {
    /// Why bytes could not be taken.
    type Error;

    /// Accepts bytes. When this returns, they need not have reached their destination yet.
    ///
    /// # Errors
    /// The destination does not accept them. Writing ends with such an error.
    fn put(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;
}

impl Sink for Vec<u8> {
    type Error = Infallible;

    fn put(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.extend_from_slice(bytes);
        Ok(())
    }
}

impl<S: Sink> Sink for &mut S {
    type Error = S::Error;

    fn put(&mut self, bytes: &[u8]) -> Result<(), S::Error> {
        (**self).put(bytes)
    }
}

/// The bytes after the EOF opcode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// The checksum of everything before, computed on the way.
    Computed,
    /// Zero: readers check nothing (`rdbchecksum no`).
    Zero,
    /// The writer appends nothing: the sink computes the checksum and appends its eight bytes, little-endian.
    ByTheSink,
}

/// What a file says about its writer, in the same order as in files of Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileInfo<'a> {
    /// `redis-ver`.
    pub server_version: &'a str,
    /// `ctime`: unix seconds when the save began.
    pub created_s: i64,
    /// `used-mem`: bytes in use.
    pub used_memory: u64,
    /// `repl-stream-db`, `repl-id`, `repl-offset`: only when there is something to resume.
    pub replication: Option<ReplicationInfo<'a>>,
    /// `aof-base`: the file is the base of an append-only file.
    pub aof_base: bool,
}

/// The place in the replication stream at the snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplicationInfo<'a> {
    /// The database that the stream had selected.
    pub stream_db: u32,
    /// The replication id, 40 bytes.
    pub id: &'a [u8],
    /// The offset that belongs to the snapshot.
    pub offset: u64,
}

/// The attributes that precede a key's type byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attributes {
    /// Unix milliseconds.
    pub expire_ms: Option<i64>,
    /// Seconds since the last use; written under an LRU policy.
    pub idle_s: Option<u64>,
    /// Access frequency; written under an LFU policy.
    pub freq: Option<u8>,
}

/// Writes one file to one sink.
#[derive(Debug)]
pub struct Writer<S> {
    sink: S,
    checksum: Checksum,
    crc: Crc64,
    written: u64,
    /// A frame under construction.
    frame: Vec<u8>,
}

impl<S: Sink> Writer<S> {
    /// Opens a file of `version`: writes the magic.
    ///
    /// # Errors
    /// Those of the sink, here and in all other methods.
    pub fn new(sink: S, version: RdbVersion, checksum: Checksum) -> Result<Self, S::Error> {
        let mut writer = Writer {
            sink,
            checksum,
            crc: Crc64::new(),
            written: 0,
            frame: Vec::new(),
        };
        writer.raw(&version.header())?;
        Ok(writer)
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// The sink.
    pub fn sink_mut(&mut self) -> &mut S {
        &mut self.sink
    }

    /// Writes whole frames that are ready, such as records copied from memory.
    pub fn raw(&mut self, bytes: &[u8]) -> Result<(), S::Error> {
        if self.checksum == Checksum::Computed {
            self.crc.update(bytes);
        }
        self.written += bytes.len() as u64;
        self.sink.put(bytes)
    }

    /// Writes one auxiliary field.
    pub fn aux(&mut self, name: &[u8], value: &[u8]) -> Result<(), S::Error> {
        self.framed(|out| encode_aux(name, value, out))
    }

    /// The fields that say who wrote the file.
    pub fn file_info(&mut self, info: &FileInfo<'_>) -> Result<(), S::Error> {
        self.framed(|out| encode_file_info(info, out))
    }

    /// A function library.
    pub fn function(&mut self, code: &[u8], compress: Option<&mut Packer>) -> Result<(), S::Error> {
        self.framed(|out| {
            out.push(Opcode::Function2.number());
            encode_string(code, compress, out);
        })
    }

    /// The keys that follow belong to `db`.
    pub fn select_db(&mut self, db: u32) -> Result<(), S::Error> {
        self.framed(|out| encode_select_db(db, out))
    }

    /// How many keys, and keys with an expiry, the database has.
    pub fn resize_db(&mut self, keys: u64, expires: u64) -> Result<(), S::Error> {
        self.framed(|out| encode_resize_db(keys, expires, out))
    }

    /// Writes a key with its value's unchanged bytes.
    pub fn key(
        &mut self,
        attributes: &Attributes,
        rdb_type: RdbType,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), S::Error> {
        self.framed(|out| {
            encode_attributes(attributes, out);
            out.push(rdb_type.number());
            encode_string(key, None, out);
        })?;
        self.raw(value)
    }

    /// Ends the file. Returns the sink, and the checksum if one was written.
    pub fn finish(mut self) -> Result<(S, Option<u64>), S::Error> {
        self.raw(&[Opcode::Eof.number()])?;
        let checksum = match self.checksum {
            Checksum::Computed => Some(self.crc.value()),
            Checksum::Zero => Some(0),
            Checksum::ByTheSink => None,
        };
        if let Some(checksum) = checksum {
            self.written += 8;
            self.sink.put(&checksum.to_le_bytes())?;
        }
        Ok((self.sink, checksum))
    }

    fn framed(&mut self, encode: impl FnOnce(&mut Vec<u8>)) -> Result<(), S::Error> {
        let mut frame = std::mem::take(&mut self.frame);
        frame.clear();
        encode(&mut frame);
        let result = self.raw(&frame);
        self.frame = frame;
        result
    }
}

/// Appends an auxiliary field.
pub fn encode_aux(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.push(Opcode::Aux.number());
    encode_string(name, None, out);
    encode_string(value, None, out);
}

/// Appends the fields that say who wrote the file.
pub fn encode_file_info(info: &FileInfo<'_>, out: &mut Vec<u8>) {
    let number =
        |name: &[u8], n: u64, out: &mut Vec<u8>| encode_aux(name, n.to_string().as_bytes(), out);
    encode_aux(b"redis-ver", info.server_version.as_bytes(), out);
    number(b"redis-bits", 64, out);
    encode_aux(b"ctime", info.created_s.to_string().as_bytes(), out);
    number(b"used-mem", info.used_memory, out);
    if let Some(replication) = &info.replication {
        number(b"repl-stream-db", u64::from(replication.stream_db), out);
        encode_aux(b"repl-id", replication.id, out);
        number(b"repl-offset", replication.offset, out);
    }
    number(b"aof-base", u64::from(info.aof_base), out);
}

/// Appends the choice of a database.
pub fn encode_select_db(db: u32, out: &mut Vec<u8>) {
    out.push(Opcode::SelectDb.number());
    encode_length(u64::from(db), out);
}

/// Appends the sizes of a database.
pub fn encode_resize_db(keys: u64, expires: u64, out: &mut Vec<u8>) {
    out.push(Opcode::ResizeDb.number());
    encode_length(keys, out);
    encode_length(expires, out);
}

/// Appends the attributes that precede a key's type byte.
pub fn encode_attributes(attributes: &Attributes, out: &mut Vec<u8>) {
    if let Some(time) = attributes.expire_ms {
        out.push(Opcode::ExpireTimeMs.number());
        out.extend_from_slice(&time.to_le_bytes());
    }
    if let Some(idle) = attributes.idle_s {
        out.push(Opcode::Idle.number());
        encode_length(idle, out);
    }
    if let Some(freq) = attributes.freq {
        out.extend_from_slice(&[Opcode::Freq.number(), freq]);
    }
}

/// Appends a key with its value's unchanged bytes.
pub fn encode_key(
    attributes: &Attributes,
    rdb_type: RdbType,
    key: &[u8],
    value: &[u8],
    out: &mut Vec<u8>,
) {
    encode_attributes(attributes, out);
    out.push(rdb_type.number());
    encode_string(key, None, out);
    out.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crc64::crc64;
    use crate::frames::record::Frame;
    use crate::frames::scan::{Scanner, Step};

    /// Section 1.6 of the format's specification.
    const SMALL: &[u8] = b"REDIS0011\
\xfa\x09redis-ver\x057.2.4\xfa\x0aredis-bits\xc0\x40\xfe\x00\xfb\x03\x01\
\xfc\x00\xd8\xc3\x2c\xbb\x03\x00\x00\x00\x01k\x01v\x00\x01n\xc1\x2c\x01\
\x12\x01l\x01\x02\x0c\x0c\x00\x00\x00\x02\x00\x81a\x02\x05\x01\xff\xff\x64\xd8\xbb\x78\x65\x3c\x77\x53";

    #[test]
    fn the_file_of_the_specification_is_written_byte_for_byte() {
        let mut w = Writer::new(Vec::new(), RdbVersion::REDIS_11, Checksum::Computed).unwrap();
        w.aux(b"redis-ver", b"7.2.4").unwrap();
        w.aux(b"redis-bits", b"64").unwrap();
        w.select_db(0).unwrap();
        w.resize_db(3, 1).unwrap();
        let expires = Attributes {
            expire_ms: Some(4_102_444_800_000),
            ..Attributes::default()
        };
        w.key(&expires, RdbType::String, b"k", b"\x01v").unwrap();
        w.key(
            &Attributes::default(),
            RdbType::String,
            b"n",
            b"\xc1\x2c\x01",
        )
        .unwrap();
        w.raw(b"\x12\x01l\x01\x02\x0c\x0c\x00\x00\x00\x02\x00\x81a\x02\x05\x01\xff")
            .unwrap();
        assert_eq!(w.written() as usize, SMALL.len() - 9);
        let (bytes, checksum) = w.finish().unwrap();
        assert_eq!(bytes, SMALL);
        assert_eq!(checksum, Some(0x5377_3c65_78bb_d864));
    }

    #[test]
    fn all_frames_are_read_back() {
        let info = FileInfo {
            server_version: "7.4.2",
            created_s: 1_700_000_000,
            used_memory: 1 << 33,
            replication: Some(ReplicationInfo {
                stream_db: 3,
                id: &[b'a'; 40],
                offset: 77,
            }),
            aof_base: false,
        };
        let mut w = Writer::new(Vec::new(), RdbVersion::redis(12), Checksum::Zero).unwrap();
        w.file_info(&info).unwrap();
        let code = b"#!lua name=lib\nredis.register_function('f', function() return 'aaaaaaaaaaaaaaaaaaaa' end)";
        w.function(code, Some(&mut Packer::new())).unwrap();
        w.select_db(70_000).unwrap();
        let attributes = Attributes {
            expire_ms: Some(-5),
            idle_s: Some(99),
            freq: Some(7),
        };
        w.key(&attributes, RdbType::String, b"123", b"\x00")
            .unwrap();
        let (bytes, _) = w.finish().unwrap();
        assert!(bytes.ends_with(&[0xff, 0, 0, 0, 0, 0, 0, 0, 0]));
        let (mut scanner, mut at, mut aux, mut done) = (Scanner::new(), 0, Vec::new(), false);
        while !done {
            let Step::Frame { frame, consumed } = scanner.next(&bytes[at..]).unwrap() else {
                panic!("whole")
            };
            at += consumed;
            match frame {
                Frame::Aux { name, value } => aux.push((name.into_owned(), value.into_owned())),
                Frame::Function { code: read } => assert_eq!(&*read, code),
                Frame::SelectDb(db) => assert_eq!(db, 70_000),
                Frame::Key(r) => {
                    assert_eq!(
                        (r.expire_ms, r.idle_s, r.freq, &*r.key),
                        (Some(-5), Some(99), Some(7), &b"123"[..])
                    );
                }
                Frame::Eof { .. } => done = true,
                _ => {}
            }
        }
        let names: Vec<_> = aux
            .iter()
            .map(|(n, _)| String::from_utf8_lossy(n).into_owned())
            .collect();
        assert_eq!(
            names,
            [
                "redis-ver",
                "redis-bits",
                "ctime",
                "used-mem",
                "repl-stream-db",
                "repl-id",
                "repl-offset",
                "aof-base"
            ]
        );
        assert_eq!(aux[3].1, b"8589934592");
    }

    #[test]
    fn a_sink_may_add_the_checksum_itself() {
        let w = Writer::new(Vec::new(), RdbVersion::REDIS_10, Checksum::ByTheSink).unwrap();
        let (mut bytes, checksum) = w.finish().unwrap();
        assert_eq!((&bytes[..], checksum), (&b"REDIS0010\xff"[..], None));
        let crc = crc64(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        let computed = Writer::new(Vec::new(), RdbVersion::REDIS_10, Checksum::Computed)
            .unwrap()
            .finish()
            .unwrap();
        assert_eq!(computed, (bytes, Some(crc)));
    }
}
