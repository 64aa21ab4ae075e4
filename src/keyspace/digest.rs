//! `DEBUG DIGEST`: a fingerprint of the dataset that is equal on two servers exactly when they hold the
//! same data, and equal to what Redis computes for it.
//!
//! There are two ways to add something to a digest `d` of 20 bytes: *xor*, `d ^= SHA1(x)`, if order does not matter,
//! and *mix*, `d = SHA1(d ^ SHA1(x))`, if it does. The type of a value decides whether its parts are mixed or xored;
//! the digest of each key is xored into that of the dataset.
//!
//! Servers before Redis 7.2 format a sorted set's scores as `%.17g`, and later ones as the text of Grisu2
//! ([`DoubleText`]); [`ScoreText`] offers both. Observed on Redis 6.2, 7.0, 8.2 and Valkey 8.1, 9.1.

use crate::{Db, Item, Loc, ValueRef};
use base::double::DoubleText;
use rdb::RdbType;
use rdb::check::Kind;
use rdb::held;
use rdb::stream::Stream;
use rdb::stream_node::{Entry, NodeReader};
use rdb::string::StrBuf;
use rdb::walk::{self, Bufs};
use rdb::{Context, RdbError};
use sha1::{Digest as _, Sha1};

/// How scores are spelled in a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScoreText {
    /// `%.17g`: Redis up to 7.0.
    Seventeen,
    /// That of Grisu2: Redis from 7.2 on, Valkey.
    Grisu,
}

/// A digest in the making.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint([u8; 20]);

impl Fingerprint {
    /// Adds `bytes` to the digest, independent of order.
    pub fn xor(&mut self, bytes: &[u8]) {
        let hash = Sha1::digest(bytes);
        self.0.iter_mut().zip(hash).for_each(|(d, h)| *d ^= h);
    }

    /// Adds `bytes` to the digest; the order matters.
    pub fn mix(&mut self, bytes: &[u8]) {
        self.xor(bytes);
        self.0 = Sha1::digest(self.0).into();
    }

    /// Adds what was xored into another digest.
    pub fn combine(&mut self, other: &Fingerprint) {
        self.0.iter_mut().zip(other.0).for_each(|(d, h)| *d ^= h);
    }

    /// Adds the digest of a key.
    pub fn xor_key(&mut self, key: &Fingerprint) {
        self.xor(&key.0);
    }

    fn xor_item(&mut self, item: Item<'_>) {
        item.with(|bytes| self.xor(bytes));
    }

    fn mix_item(&mut self, item: Item<'_>) {
        item.with(|bytes| self.mix(bytes));
    }

    /// The digest so far.
    pub fn bytes(self) -> [u8; 20] {
        self.0
    }

    /// 40 hexadecimal digits.
    pub fn to_hex(self) -> String {
        base::hex::hex(&self.0)
    }
}

/// Adds a database: its number, then every key with its value.
pub fn database(into: &mut Fingerprint, number: u32, db: &Db, manner: Manner) {
    if db.is_empty() {
        return;
    }
    into.mix(&number.to_be_bytes());
    db.scan(0, usize::MAX, |loc| {
        let mut key = Fingerprint::default();
        key.mix(db.key(loc));
        entry(&mut key, db, loc, manner);
        into.xor(&key.0);
    });
}

/// Adds the value and the expiry of an entry.
pub fn entry(into: &mut Fingerprint, db: &Db, loc: Loc, manner: Manner) {
    let value = db.value(loc);
    into.mix(&type_number(value_kind(&value)).to_be_bytes());
    match &value {
        ValueRef::Str(v) => into.mix(&v.bytes()),
        ValueRef::List(v) => v.iter().for_each(|item| into.mix_item(item)),
        ValueRef::Set(v) => v.iter().for_each(|member| into.xor_item(member)),
        ValueRef::Zset(v) => v
            .iter()
            .for_each(|(member, score)| zset_member(into, member, score, manner.scores)),
        ValueRef::Hash(v) => v.iter().for_each(|(field, value, expire)| {
            let expires = expire.is_some() && manner.field_expiries;
            hash_field(into, field, value, expires);
        }),
        ValueRef::Stream(v) => v.iter().for_each(|found| {
            into.mix(format!("{}.{}", found.id.ms, found.id.seq).as_bytes());
            found.fields.for_each(|(field, value)| {
                into.mix_item(field);
                into.mix_item(value);
            });
        }),
        ValueRef::Array(v) => {
            let mut elements = Elements::default();
            v.iter()
                .for_each(|(index, item)| elements.add(into, index, item));
        }
        // In Redis, the module decides what its value adds to a digest. Here it is the value as it is saved.
        ValueRef::Opaque(v) => into.mix(v.bytes()),
    }
    if db.expire(loc).is_some() {
        expiry(into);
    }
}

/// How a server computes digests, where servers differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    /// How scores are spelled.
    pub scores: ScoreText,
    /// Whether it counts that a hash field has an expiry: Redis does, Valkey 9 does not.
    pub field_expiries: bool,
}

impl Manner {
    /// Redis up to 7.0.
    pub const REDIS_7_0: Self = Manner {
        scores: ScoreText::Seventeen,
        field_expiries: true,
    };
    /// Redis from 7.2 on.
    pub const REDIS_7_2: Self = Manner {
        scores: ScoreText::Grisu,
        field_expiries: true,
    };
    /// Valkey.
    pub const VALKEY: Self = Manner {
        scores: ScoreText::Grisu,
        field_expiries: false,
    };
}

/// Takes in the bytes of a value in a dump: one that [`rdb::check::check_value`] has passed; a stream must be
/// canonical. `false` for modules' values, whose digest is not defined: nothing was taken in.
///
/// # Errors
/// Those of a value that is not sound.
pub fn dumped_value(
    into: &mut Fingerprint,
    kind: Kind,
    (context, rdb_type, bytes): (&Context, RdbType, &[u8]),
    bufs: &mut Bufs,
    manner: Manner,
) -> Result<bool, RdbError> {
    if matches!(kind, Kind::Module(_)) {
        return Ok(false);
    }
    into.mix(&type_number(kind).to_be_bytes());
    match kind {
        Kind::String => {
            let item = walk::string(bytes, bufs)?;
            into.mix_item(item);
        }
        Kind::List => {
            walk::list(rdb_type, bytes, bufs, |item| {
                into.mix_item(item);
                Ok::<(), RdbError>(())
            })?;
        }
        Kind::Set => {
            walk::set(rdb_type, bytes, bufs, |member| {
                into.xor_item(member);
                Ok::<(), RdbError>(())
            })?;
        }
        Kind::Zset => {
            walk::zset(rdb_type, bytes, bufs, |member, score| {
                zset_member(into, member, score, manner.scores);
                Ok::<(), RdbError>(())
            })?;
        }
        Kind::Hash => {
            walk::hash(context, rdb_type, bytes, bufs, |field, value, expire| {
                let expires = manner.field_expiries && expire.is_some();
                hash_field(into, field, value, expires);
                Ok::<(), RdbError>(())
            })?;
        }
        Kind::Stream => stream(into, rdb_type, bytes),
        Kind::Array => {
            let mut elements = Elements::default();
            walk::array(bytes, bufs, |index, item| {
                item.with(|text| elements.add(into, index, Item::Bytes(text)));
                Ok::<(), RdbError>(())
            })?;
        }
        Kind::Module(_) => {}
    }
    Ok(true)
}

/// The elements of an array in order. Redis also adds each index without an element, one by one, which for a sparse
/// array takes practically for ever. Beyond some number of them, their count is added instead.
#[derive(Default)]
struct Elements {
    /// One above the last index.
    end: u64,
    /// Missing elements that were taken in.
    missing: u64,
}

impl Elements {
    /// Missing elements of one array that are taken in one by one.
    const MISSING_MAX: u64 = 100_000;

    fn add(&mut self, into: &mut Fingerprint, index: u64, item: Item<'_>) {
        let missing = index - self.end;
        self.end = index + 1;
        if missing <= Self::MISSING_MAX - self.missing {
            self.missing += missing;
            (0..missing).for_each(|_| into.mix(b"(null)"));
        } else {
            into.mix(format!("(null) {missing}").as_bytes());
        }
        into.mix_item(item);
    }
}

/// Adds the fact that a key has an expiry; the time itself does not count.
pub fn expiry(into: &mut Fingerprint) {
    into.xor(b"!!expire!!");
}

fn value_kind(value: &ValueRef<'_>) -> Kind {
    match value {
        ValueRef::Str(_) => Kind::String,
        ValueRef::List(_) => Kind::List,
        ValueRef::Set(_) => Kind::Set,
        ValueRef::Zset(_) => Kind::Zset,
        ValueRef::Hash(_) => Kind::Hash,
        ValueRef::Stream(_) => Kind::Stream,
        ValueRef::Array(_) => Kind::Array,
        ValueRef::Opaque(v) => {
            let id = held::module_id(v.rdb_type(), v.bytes());
            Kind::Module(id.expect("all that is not served is a module's"))
        }
    }
}

/// The number of a type inside the reference server.
fn type_number(kind: Kind) -> u32 {
    match kind {
        Kind::String => 0,
        Kind::List => 1,
        Kind::Set => 2,
        Kind::Zset => 3,
        Kind::Hash => 4,
        Kind::Module(_) => 5,
        Kind::Stream => 6,
        Kind::Array => 7,
    }
}

fn zset_member(into: &mut Fingerprint, member: Item<'_>, score: f64, scores: ScoreText) {
    let mut one = Fingerprint::default();
    one.mix_item(member);
    match scores {
        ScoreText::Seventeen => one.mix(seventeen_digits(score).as_bytes()),
        ScoreText::Grisu => one.mix(DoubleText::without_integers(score).as_bytes()),
    }
    into.xor(&one.0);
}

fn hash_field(into: &mut Fingerprint, field: Item<'_>, value: Item<'_>, expires: bool) {
    let mut one = Fingerprint::default();
    one.mix_item(field);
    one.mix_item(value);
    if expires {
        one.xor(b"!!hexpire!!");
    }
    into.xor(&one.0);
}

/// Live entries in order: id, then fields and values. The bytes were checked when they were loaded.
fn stream(into: &mut Fingerprint, rdb_type: RdbType, bytes: &[u8]) {
    let parts = Stream::parse(rdb_type, bytes).expect("a held stream is sound");
    let mut buf = StrBuf::new();
    for node in &parts.nodes {
        let listpack = node.listpack.get(&mut buf).expect("a held stream is sound");
        let mut reader = NodeReader::open(node.master, listpack).expect("a held stream is sound");
        let mut found = Entry::new();
        while reader.read(&mut found).expect("a held stream is sound") {
            if found.deleted {
                continue;
            }
            into.mix(format!("{}.{}", found.id.ms, found.id.seq).as_bytes());
            for (field, value) in &found.fields {
                into.mix_item(*field);
                into.mix_item(*value);
            }
        }
    }
}

/// `%.17g` of C.
fn seventeen_digits(x: f64) -> String {
    if !x.is_finite() || x == 0.0 {
        return DoubleText::without_integers(x).as_str().to_owned();
    }
    let scientific = format!("{x:.16e}");
    let (mantissa, exponent) = scientific
        .split_once('e')
        .expect("LowerExp has an exponent");
    let exponent: i32 = exponent.parse().expect("LowerExp's exponent is an integer");
    let strip = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if (-4..17).contains(&exponent) {
        return strip(&format!("{x:.*}", (16 - exponent) as usize));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", strip(mantissa), exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_spelled_as_c_spells_them() {
        for (x, text) in [
            (0.1, "0.10000000000000001"),
            (3.0, "3"),
            (1e30, "1e+30"),
            (-2.5, "-2.5"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (0.0001, "0.0001"),
            (0.00001, "1.0000000000000001e-05"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(seventeen_digits(x), text);
        }
    }
}
