//! Which server reads what: targets, the lowest version for a set of types, and values in the form that a target can
//! read.
//!
//! | target | header | list | set | sorted set | hash | field TTLs | stream | functions |
//! |---|---|---|---|---|---|---|---|---|
//! | redis-6.2 (also 5.0, 6.0) | REDIS0009 | 1 | 2, 11 | 5 | 4 | lost | 15 | lost |
//! | redis-7.0 | REDIS0010 | 18 | 2, 11 | 5, 17 | 4, 16 | lost | 19 | yes |
//! | redis-7.2, valkey-8 | REDIS0011 | 18 | 2, 11, 20 | 5, 17 | 4, 16 | lost | 21 | yes |
//! | redis-7.4, redis-8 | REDIS0012 | 18 | 2, 11, 20 | 5, 17 | 4, 16 | 24, 25 | 21 | yes |
//! | redis-8.6 | REDIS0013 | 18 | 2, 11, 20 | 5, 17 | 4, 16 | 24, 25 | 21, 26 | yes |
//! | redis-8.8 | REDIS0014 | 18 | 2, 11, 20 | 5, 17 | 4, 16 | 24, 25 | 21, 26, 27 | yes |
//! | valkey-9 | VALKEY080 | 18 | 2, 11, 20 | 5, 17 | 4, 16 | 22 | 21 | yes |
//! | auto | the lowest that holds the types there are | as held |||||||
//!
//! Whatever a target cannot hold is reported as a [`Loss`]; nothing is dropped silently.

use std::fmt;

use crate::bytes::lzf::Packer;
use crate::error::RdbError;
use crate::tags::rdb_type::RdbType;
use crate::tags::version::RdbVersion;
use crate::values::check::Scratch;

/// The server for which a file is written (`rdb-save-target`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Target {
    /// The lowest plain version that holds the data.
    #[default]
    Auto,
    /// Redis 5.0 to 6.2, and everything later.
    Redis62,
    /// Redis 7.0, and everything later.
    Redis70,
    /// Redis 7.2, Valkey 7.2, and everything later.
    Redis72,
    /// Redis 7.4.
    Redis74,
    /// Redis 8.0 to 8.4.
    Redis8,
    /// Redis 8.6: streams may have idempotent producers.
    Redis86,
    /// Redis 8.8 and later: arrays, and stream entries that were given back.
    Redis88,
    /// Valkey 8.
    Valkey8,
    /// Valkey 9.
    Valkey9,
}

impl Target {
    /// All targets with the names that the configuration uses.
    pub const ALL: [(&'static str, Target); 10] = [
        ("auto", Target::Auto),
        ("redis-6.2", Target::Redis62),
        ("redis-7.0", Target::Redis70),
        ("redis-7.2", Target::Redis72),
        ("redis-7.4", Target::Redis74),
        ("redis-8", Target::Redis8),
        ("redis-8.6", Target::Redis86),
        ("redis-8.8", Target::Redis88),
        ("valkey-8", Target::Valkey8),
        ("valkey-9", Target::Valkey9),
    ];

    /// Finds a target by its name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Target::ALL
            .into_iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, t)| t)
    }

    /// The name that the configuration uses.
    pub fn name(self) -> &'static str {
        Target::ALL
            .into_iter()
            .find(|(_, t)| *t == self)
            .map_or("auto", |(n, _)| n)
    }

    /// The version in the header of a file for this target; `None` for `Auto`, where the types decide.
    pub fn version(self) -> Option<RdbVersion> {
        match self {
            Target::Auto => None,
            Target::Redis62 => Some(RdbVersion::redis(9)),
            Target::Redis70 => Some(RdbVersion::REDIS_10),
            Target::Redis72 | Target::Valkey8 => Some(RdbVersion::REDIS_11),
            Target::Redis74 | Target::Redis8 => Some(RdbVersion::redis(12)),
            Target::Redis86 => Some(RdbVersion::redis(13)),
            Target::Redis88 => Some(RdbVersion::redis(14)),
            Target::Valkey9 => Some(RdbVersion::VALKEY_80),
        }
    }

    /// The target whose files a server reads that announces this version (`REPLCONF version`, or what INFO says), for
    /// a Redis or a Valkey.
    pub fn of_server(valkey: bool, major: u32, minor: u32) -> Self {
        match (valkey, major, minor) {
            (true, 9.., _) => Target::Valkey9,
            (true, ..) => Target::Valkey8,
            (false, 9.., _) | (false, 8, 8..) => Target::Redis88,
            (false, 8, 6..) => Target::Redis86,
            (false, 8, _) => Target::Redis8,
            (false, 7, 4..) => Target::Redis74,
            (false, 7, 2..) => Target::Redis72,
            (false, 7, _) => Target::Redis70,
            (false, ..) => Target::Redis62,
        }
    }

    /// Whether the target reads values of this held type as they are. Streams may still hold elements with two
    /// back-length forms.
    pub fn reads(self, rdb_type: RdbType) -> bool {
        use RdbType as T;
        let by_6_2 = matches!(
            rdb_type,
            T::String
                | T::List
                | T::Set
                | T::Zset
                | T::Hash
                | T::Zset2
                | T::Module2
                | T::HashZipmap
                | T::ListZiplist
                | T::SetIntset
                | T::ZsetZiplist
                | T::HashZiplist
                | T::Quicklist
                | T::Stream
        );
        let packed = matches!(rdb_type, T::HashListpack | T::ZsetListpack | T::Quicklist2);
        let by_7_0 = by_6_2 || packed || rdb_type == T::Stream2;
        let by_7_2 = by_7_0 || matches!(rdb_type, T::SetListpack | T::Stream3);
        let by_7_4 = by_7_2 || matches!(rdb_type, T::HashTtl | T::HashListpackTtl);
        match self {
            Target::Auto => true,
            Target::Redis62 => by_6_2,
            Target::Redis70 => by_7_0,
            Target::Redis72 | Target::Valkey8 => by_7_2,
            Target::Redis74 | Target::Redis8 => by_7_4,
            Target::Redis86 => by_7_4 || rdb_type == T::Stream4,
            Target::Redis88 => by_7_4 || matches!(rdb_type, T::Stream4 | T::Stream5 | T::Array),
            Target::Valkey9 => by_7_2 || rdb_type == T::Hash2,
        }
    }

    /// Whether a held value of this type is written for the target byte for byte. Streams for Valkey 9 are not: an
    /// element of certain sizes has another back-length there. Of a module's value its name has to be looked at.
    pub fn takes_as_held(self, rdb_type: RdbType) -> bool {
        let stream = matches!(
            rdb_type,
            RdbType::Stream3 | RdbType::Stream4 | RdbType::Stream5
        );
        match rdb_type {
            RdbType::Module2 => self == Target::Auto,
            _ => self.reads(rdb_type) && !(self == Target::Valkey9 && stream),
        }
    }

    /// The held types of which [`Target::takes_as_held`] is true.
    pub fn types_as_held(self) -> TypeSet {
        let held = (0..64).filter_map(RdbType::held);
        held.filter(|&t| self.takes_as_held(t)).collect()
    }

    /// Whether the target knows vector sets without having loaded a module.
    pub fn holds_vectors(self) -> bool {
        use Target as T;
        matches!(self, T::Auto | T::Redis8 | T::Redis86 | T::Redis88)
    }

    /// The lowest target of Redis 8 that reads all of these, as far as its version decides.
    pub fn lowest_of_redis_8(types: TypeSet) -> Self {
        let reads = |target: &Target| {
            let later = [RdbType::Stream4, RdbType::Stream5, RdbType::Array];
            let mut later = later.into_iter().filter(|t| types.contains(*t));
            later.all(|t| target.reads(t))
        };
        let targets = [Target::Redis8, Target::Redis86];
        targets.into_iter().find(reads).unwrap_or(Target::Redis88)
    }

    /// Whether the target keeps function libraries.
    pub fn holds_functions(self) -> bool {
        self != Target::Redis62
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of held types, as counted by the keyspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TypeSet(u64);

impl TypeSet {
    /// A set without types.
    pub fn new() -> Self {
        TypeSet::default()
    }

    /// Adds a type.
    pub fn insert(&mut self, rdb_type: RdbType) {
        self.0 |= 1 << rdb_type.number();
    }

    /// Whether the type is there.
    pub fn contains(self, rdb_type: RdbType) -> bool {
        self.0 >> rdb_type.number() & 1 == 1
    }

    /// The types, in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = RdbType> {
        (0..64)
            .filter_map(RdbType::held)
            .filter(move |&t| self.contains(t))
    }
}

impl FromIterator<RdbType> for TypeSet {
    fn from_iter<I: IntoIterator<Item = RdbType>>(types: I) -> Self {
        let mut set = TypeSet::new();
        types.into_iter().for_each(|t| set.insert(t));
        set
    }
}

/// The lowest version that defines a held type; at least 9, below which nothing is written any more.
pub fn lowest_version(rdb_type: RdbType) -> RdbVersion {
    match rdb_type {
        RdbType::String
        | RdbType::List
        | RdbType::Set
        | RdbType::Zset
        | RdbType::Hash
        | RdbType::Zset2
        | RdbType::Module
        | RdbType::Module2
        | RdbType::HashZipmap
        | RdbType::ListZiplist
        | RdbType::SetIntset
        | RdbType::ZsetZiplist
        | RdbType::HashZiplist
        | RdbType::Quicklist
        | RdbType::Stream => RdbVersion::redis(9),
        RdbType::HashListpack | RdbType::ZsetListpack | RdbType::Quicklist2 | RdbType::Stream2 => {
            RdbVersion::REDIS_10
        }
        RdbType::SetListpack | RdbType::Stream3 => RdbVersion::REDIS_11,
        RdbType::HashTtlRc
        | RdbType::HashListpackTtlRc
        | RdbType::HashTtl
        | RdbType::HashListpackTtl => RdbVersion::redis(12),
        RdbType::Stream4 => RdbVersion::redis(13),
        RdbType::Stream5 | RdbType::Array => RdbVersion::redis(14),
        RdbType::HashTemplateListpackDump
        | RdbType::HashTemplateListpack
        | RdbType::HashTemplateDump
        | RdbType::HashTemplatePlain => RdbVersion::redis(15),
        RdbType::Hash2 => RdbVersion::VALKEY_80,
    }
}

/// What `auto` means for a dataset: the version of the header, and the target in whose form the values go.
///
/// The target is `Auto` (values as held), except when a hash has a field TTL that only Valkey can say, and where only
/// packed sets and streams would ask for version 11: they go in the form of 7.0, so that a dump of 7.0 comes back to
/// 7.0. What that form cannot say is when a stream's consumer was last active (it becomes the time it was last seen).
pub fn auto(types: TypeSet, has_functions: bool) -> (RdbVersion, Target) {
    if types.contains(RdbType::Hash2) {
        return (RdbVersion::VALKEY_80, Target::Valkey9);
    }
    let floor = RdbVersion::redis(if has_functions { 10 } else { 9 });
    let version = types
        .iter()
        .map(lowest_version)
        .fold(floor, RdbVersion::max);
    match version == RdbVersion::REDIS_11 {
        true => (RdbVersion::REDIS_10, Target::Redis70),
        false => (version, Target::Auto),
    }
}

/// What a target cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Loss {
    /// Expiries of hash fields; without them the fields would stay for ever.
    FieldExpiry,
    /// A field expiry after the year 10889, which the Redis dialect cannot say.
    FieldExpiryRange,
    /// Idempotent producers of a stream.
    StreamProducers,
    /// Pending stream entries that were given back.
    StreamGivenBack,
    /// Counters of a stream: entries added and read, largest deleted id, active times. Readers assume plausible ones.
    StreamCounters,
    /// An array.
    Array,
    /// A module's value: it is written, and only servers with that module load it.
    Module,
    /// Metadata that modules attach to a key.
    KeyMetadata,
    /// A vector set, which only Redis knows, from 8.0 on.
    Vectors,
    /// A function library.
    Function,
}

impl Loss {
    /// Whether users would miss data; otherwise only counters are lost, or the value is written.
    pub fn is_data(self) -> bool {
        !matches!(self, Loss::StreamCounters | Loss::Module)
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Loss::FieldExpiry => "expiries of hash fields",
            Loss::FieldExpiryRange => "an expiry of a hash field after the year 10889",
            Loss::StreamProducers => "idempotent producers of a stream",
            Loss::StreamGivenBack => "pending stream entries that were given back",
            Loss::StreamCounters => "counters of a stream",
            Loss::Array => "an array",
            Loss::Module => "a module's value",
            Loss::KeyMetadata => "metadata that modules attach to a key",
            Loss::Vectors => "a vector set",
            Loss::Function => "a function library",
        })
    }
}

/// What to do when a target cannot hold something (`rdb-save-loss`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnLoss {
    /// Refuse the value.
    #[default]
    Refuse,
    /// Write what can be written, and report the rest.
    Report,
}

/// What became of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transcoded {
    /// The type as which it was written; `None` if no part of it could be written (only with [`OnLoss::Report`]).
    pub rdb_type: Option<RdbType>,
    /// What was lost. With [`OnLoss::Refuse`] this is never data.
    pub loss: Option<Loss>,
}

/// Why a value was not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TranscodeError {
    /// The target cannot hold it.
    Loss(Loss),
    /// The bytes of the value are not sound.
    Corrupt(RdbError),
}

impl From<RdbError> for TranscodeError {
    fn from(error: RdbError) -> Self {
        TranscodeError::Corrupt(error)
    }
}

impl From<Loss> for TranscodeError {
    fn from(loss: Loss) -> Self {
        TranscodeError::Loss(loss)
    }
}

impl fmt::Display for TranscodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TranscodeError::Loss(loss) => write!(f, "the target cannot hold {loss}"),
            TranscodeError::Corrupt(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TranscodeError {}

/// Appends a canonical value in the form that `target` reads.
///
/// # Errors
/// `Loss` under [`OnLoss::Refuse`] if data would be lost; `Corrupt` if the value is not canonical after all. `out` is
/// then as before.
pub fn transcode_value(
    rdb_type: RdbType,
    bytes: &[u8],
    target: Target,
    on_loss: OnLoss,
    scratch: &mut Scratch,
    compress: Option<&mut Packer>,
    out: &mut Vec<u8>,
) -> Result<Transcoded, TranscodeError> {
    let start = out.len();
    let result =
        crate::write::transcode::transcode(rdb_type, bytes, target, scratch, compress, out);
    match result {
        Ok(Transcoded {
            loss: Some(loss), ..
        }) if on_loss == OnLoss::Refuse && loss.is_data() => {
            out.truncate(start);
            Err(loss.into())
        }
        Ok(done) => Ok(done),
        Err(error) => {
            out.truncate(start);
            Err(error.into())
        }
    }
}

#[cfg(test)]
mod tests;
