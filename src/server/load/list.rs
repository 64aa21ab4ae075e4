//! What the scanner passes to the inserters: the places in a window of the records of one range of hashes.

use keyspace::UnixMillis;
use rdb::PlainString;
use rdb::RdbType;

/// Values up to this many bytes are handed to the keyspace as part of a record.
pub const RECORD_MAX: usize = 16 << 10;

/// A record, by its place in a window. One to each key, written and read once: as short as can be, because
/// most of them leave the caches in the meantime.
#[derive(Clone, Copy)]
pub struct Entry {
    /// Hash of the key.
    pub hash: u64,
    /// Where the record starts in the window, its expiry included; or the index of its [`Detail`].
    pub at: u32,
    /// Its length, if the record is kept as it is and there is nothing more to know of it; otherwise [`DETAILED`].
    pub len: u32,
}

/// A length that no record has.
pub const DETAILED: u32 = u32::MAX;

/// A record that needs more than its place.
pub struct Detail {
    /// The type of the value.
    pub rdb_type: RdbType,
    /// The position of the type byte in the window.
    pub body: usize,
    /// Bytes from the type byte to the end of the value.
    pub len: usize,
    /// Bytes from the type byte to the value.
    pub value: usize,
    /// How much of it is in the window as the keyspace keeps it.
    pub plain: Plain,
    /// The expiry.
    pub expire_ms: Option<UnixMillis>,
    /// What the dump says about the last use of the key.
    pub heat: Heat,
}

/// Records of one range of hashes, in the order of the dump.
#[derive(Default)]
pub struct List {
    /// One for each record.
    pub entries: Vec<Entry>,
    /// One for each record that needs it.
    pub details: Vec<Detail>,
}

impl List {
    /// True if there are no records.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Another list, for about as many records.
    pub fn fresh(&self) -> List {
        let room = |n: usize| n + n / 8;
        List {
            entries: Vec::with_capacity(room(self.entries.len())),
            details: Vec::with_capacity(room(self.details.len())),
        }
    }

    /// Adds a string that the scanner found `at` bytes into the window.
    #[inline]
    pub fn push_string(&mut self, hash: u64, at: usize, plain: &PlainString) {
        match u32::try_from(at) {
            Ok(at) if plain.end <= RECORD_MAX => self.entries.push(Entry {
                hash,
                at,
                len: plain.end as u32,
            }),
            _ => self.push(
                hash,
                Detail {
                    rdb_type: RdbType::String,
                    body: at + plain.type_at,
                    len: plain.end - plain.type_at,
                    value: plain.value_at - plain.type_at,
                    plain: Plain::Unchecked,
                    expire_ms: plain.expire_ms,
                    heat: Heat::None,
                },
            ),
        }
    }

    /// Adds any record.
    pub fn push(&mut self, hash: u64, detail: Detail) {
        let at = u32::try_from(self.details.len()).expect("a window holds fewer records");
        let len = DETAILED;
        self.entries.push(Entry { hash, at, len });
        self.details.push(detail);
    }
}

/// How much of a record is in its window as the keyspace keeps it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Plain {
    /// It does not.
    No,
    /// The key is raw, and the expiry, if any, is right before the type byte.
    Unchecked,
}

/// IDLE or FREQ of a record.
#[derive(Clone, Copy)]
pub enum Heat {
    /// Neither.
    None,
    /// Seconds since the last use.
    Idle(u64),
    /// LFU counter.
    Freq(u8),
}
