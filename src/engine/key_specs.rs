//! What each command does with each of its keys: where they begin, how they continue, and whether they are read,
//! written or removed. COMMAND INFO shows it, COMMAND GETKEYSANDFLAGS and COMMAND GETKEYS apply it to a request.
//!
//! [`spec::Keys`](super::spec::Keys) is what dispatch needs to know; a specification says more, but
//! not always enough: where it is [`Access::INCOMPLETE`] or depends on the options
//! ([`Access::VARIABLE_FLAGS`]), a request has to be looked at.
//!
//! Most commands have one kind of keys, at the places that their declaration names: for those, a list of names for
//! each access is enough. The rest has specifications of its own.
//!
//! Source: COMMAND INFO and COMMAND GETKEYSANDFLAGS of Redis 8.2 (and of Valkey 9.1 for DELIFEQ and
//! MSETEX); how specifications are searched is `getKeysUsingKeySpecs` as observed from outside.

use super::Args;
use super::args::parse_int;
use super::spec::{Flags, Keys};
use super::table::Entry;
use bitflags::bitflags;
use std::collections::HashMap;
use std::sync::LazyLock;

bitflags! {
    /// What happens to a key, in the order in which COMMAND shows it.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Access: u16 {
        /// Read-only.
        const RO = 1;
        /// Read and written.
        const RW = 1 << 1;
        /// Overwritten, whatever it was.
        const OW = 1 << 2;
        /// Removed.
        const RM = 1 << 3;
        /// The value reaches the client or another key.
        const ACCESS = 1 << 4;
        /// The value is changed.
        const UPDATE = 1 << 5;
        /// Something is added, nothing changed or removed.
        const INSERT = 1 << 6;
        /// Something is removed.
        const DELETE = 1 << 7;
        /// It is routed like a key, but is none (a sharded channel).
        const NOT_KEY = 1 << 8;
        /// The specification may not find all keys.
        const INCOMPLETE = 1 << 9;
        /// The access depends on the options.
        const VARIABLE_FLAGS = 1 << 10;
    }
}

impl Access {
    /// The names that COMMAND shows.
    pub fn names(self) -> Vec<&'static str> {
        const NAMES: [&str; 11] = [
            "RO",
            "RW",
            "OW",
            "RM",
            "access",
            "update",
            "insert",
            "delete",
            "not_key",
            "incomplete",
            "variable_flags",
        ];
        let set = NAMES.iter().enumerate();
        set.filter(|(bit, _)| self.bits() & (1 << bit) != 0)
            .map(|(_, name)| *name)
            .collect()
    }
}

/// Where to look for the first key.
#[derive(Clone, Copy)]
pub enum Begin {
    /// At this argument.
    Index(i32),
    /// Behind a word, searched from this argument on (from the end where negative).
    Keyword(&'static str, i32),
    /// The arguments alone do not tell.
    Unknown,
}

/// How the keys continue from there.
#[derive(Clone, Copy)]
pub enum Find {
    /// To `last` from the first (from the end of the request where negative), in steps of `step`; `limit` 2 says that
    /// only the first half of the remaining arguments are keys.
    Range {
        /// Distance of the last key.
        last: i32,
        /// Distance between keys.
        step: i32,
        /// The share of the rest; 0 and 1 are all.
        limit: i32,
    },
    /// Their number is at the first place; the keys follow in steps of `step`.
    Counted {
        /// Distance between keys.
        step: i32,
    },
    /// The arguments alone do not tell.
    Unknown,
}

/// One specification.
#[derive(Clone, Copy)]
pub struct KeySpec {
    /// Where to look for the first key.
    pub begin: Begin,
    /// How the keys continue.
    pub find: Find,
    /// What happens to them.
    pub access: Access,
    /// A remark for the reader; empty for most.
    pub note: &'static str,
}

impl KeySpec {
    const fn new(begin: Begin, find: Find, access: Access) -> KeySpec {
        KeySpec {
            begin,
            find,
            access,
            note: "",
        }
    }

    /// The one key at `index`.
    const fn at(index: i32, access: Access) -> KeySpec {
        KeySpec::new(Begin::Index(index), ONE, access)
    }

    /// All arguments from `index` on.
    const fn rest(index: i32, access: Access) -> KeySpec {
        KeySpec::new(Begin::Index(index), REST, access)
    }

    const fn noted(self, note: &'static str) -> KeySpec {
        KeySpec { note, ..self }
    }

    /// The indexes of its keys in a request; `None` where the request does not fit it.
    fn search(&self, args: &Args<'_>) -> Option<Vec<usize>> {
        let n = args.len() as i64;
        let mut first = match self.begin {
            Begin::Index(i) => i64::from(i),
            Begin::Keyword(word, from) if from > 0 => {
                match (from as usize..args.len()).find(|i| args.is(*i, word)) {
                    Some(i) => i as i64 + 1,
                    None => return Some(Vec::new()),
                }
            }
            // The reference looks at one place only.
            Begin::Keyword(word, from) => {
                let at = n + i64::from(from);
                match usize::try_from(at).is_ok_and(|i| args.is(i, word)) {
                    true => at + 1,
                    false => return Some(Vec::new()),
                }
            }
            Begin::Unknown => return None,
        };
        let (last, step) = match self.find {
            Find::Range { last, step, .. } if last >= 0 => (first + i64::from(last), step),
            Find::Range { last, step, limit } => {
                let end = match limit {
                    0 | 1 => n,
                    _ => first + (n - first) / i64::from(limit),
                };
                (end + i64::from(last), step)
            }
            Find::Counted { step } => {
                let count = args
                    .get(first as usize)
                    .and_then(parse_int)
                    .filter(|c| *c >= 0)?;
                first += 1;
                let span = (count - 1).checked_mul(i64::from(step))?;
                (first.checked_add(span)?, step)
            }
            Find::Unknown => return None,
        };
        if last >= n || last < first || first >= n {
            return None;
        }
        let keys = (first..=last).step_by(step.max(1) as usize);
        Some(keys.map(|i| i as usize).collect())
    }
}

/// The specifications of a command; empty where it has no keys.
pub fn of(entry: &Entry) -> &'static [KeySpec] {
    SPECS.get(entry.name).map_or(&[], Vec::as_slice)
}

/// True if some argument is a key.
pub fn takes_keys(entry: &Entry) -> bool {
    of(entry)
        .iter()
        .any(|s| !s.access.contains(Access::NOT_KEY))
}

/// The keys of a request, as indexes, with what would happen to each.
///
/// `None` where the request is not one that the command could run.
pub fn keys_of(entry: &Entry, args: &Args<'_>) -> Option<Vec<(usize, Access)>> {
    let specs = of(entry);
    let undecided = Access::INCOMPLETE | Access::VARIABLE_FLAGS;
    let told = match specs.iter().any(|s| s.access.intersects(undecided)) {
        true => None,
        false => by_specs(specs, args),
    };
    let found = told.or_else(|| by_looking(entry, specs, args));
    match entry.flags.contains(Flags::NO_MANDATORY_KEYS) {
        true => Some(found.unwrap_or_default()),
        false => found.filter(|keys| !keys.is_empty()),
    }
}

fn by_specs(specs: &[KeySpec], args: &Args<'_>) -> Option<Vec<(usize, Access)>> {
    let mut out = Vec::new();
    for spec in specs {
        if spec.access.contains(Access::NOT_KEY) {
            continue;
        }
        out.extend(spec.search(args)?.into_iter().map(|i| (i, spec.access)));
    }
    Some(out)
}

/// What specifications do not say.
fn by_looking(entry: &Entry, specs: &[KeySpec], args: &Args<'_>) -> Option<Vec<(usize, Access)>> {
    match entry.name {
        "set" => {
            let gets = (3..args.len()).any(|i| args.is(i, "GET"));
            let access = match gets {
                true => READ_UPDATE,
                false => OVERWRITE,
            };
            Some(vec![(1, access)])
        }
        "bitfield" => {
            let access = match bitfield_only_reads(args) {
                true => READ,
                false => READ_UPDATE,
            };
            Some(vec![(1, access)])
        }
        "sort_ro" => Some(vec![(1, READ)]),
        _ => match entry.keys {
            Keys::Custom(find) => {
                let mut at = Vec::new();
                find(args, &mut at);
                let later = specs.last()?.access;
                let access = |n| if n == 0 { specs[0].access } else { later };
                let found = at.into_iter().enumerate();
                let keys: Vec<_> = found
                    .map(|(n, i)| (i, access(n) - Access::INCOMPLETE))
                    .collect();
                (!keys.is_empty()).then_some(keys)
            }
            _ => None,
        },
    }
}

/// True if each operation of a BITFIELD is a GET.
fn bitfield_only_reads(args: &Args<'_>) -> bool {
    let mut i = 2;
    while i < args.len() {
        let more = args.len() - i - 1;
        i += match () {
            () if args.is(i, "GET") && more >= 2 => 3,
            () if args.is(i, "OVERFLOW") && more >= 1 => 2,
            () => return false,
        };
    }
    true
}

const ONE: Find = Find::Range {
    last: 0,
    step: 1,
    limit: 0,
};
const REST: Find = Find::Range {
    last: -1,
    step: 1,
    limit: 0,
};
/// The first half of the remaining arguments: the keys of XREAD, before as many ids.
const HALF: Find = Find::Range {
    last: -1,
    step: 1,
    limit: 2,
};

const READ: Access = Access::RO.union(Access::ACCESS);
const READ_UPDATE: Access = Access::RW.union(Access::ACCESS).union(Access::UPDATE);
const READ_DELETE: Access = Access::RW.union(Access::ACCESS).union(Access::DELETE);
const CHANGE: Access = Access::RW.union(Access::UPDATE);
const ADD: Access = Access::RW.union(Access::INSERT);
const REMOVE_PART: Access = Access::RW.union(Access::DELETE);
const OVERWRITE: Access = Access::OW.union(Access::UPDATE);
const CREATE: Access = Access::OW.union(Access::INSERT);
const REMOVE: Access = Access::RM.union(Access::DELETE);

/// Commands whose keys are at the places that the declaration names and are all treated alike.
const ALIKE: &[(Access, &str)] = &[
    (
        READ,
        "get mget getrange substr lcs getbit bitcount bitpos bitfield_ro hget hmget hgetall hkeys hvals \
         hrandfield hscan httl hpttl hexpiretime hpexpiretime lindex lrange lpos smembers smismember \
         srandmember sscan sinter sunion sdiff sintercard zrange zrangebyscore zrangebylex zrevrange \
         zrevrangebyscore zrevrangebylex zrank zrevrank zscore zmscore zcount zlexcount zrandmember \
         zscan zunion zinter zdiff zintercard geohash geopos geodist geosearch georadius_ro \
         georadiusbymember_ro xrange xrevrange xpending xinfo|stream xinfo|groups xinfo|consumers ttl \
         pttl expiretime pexpiretime dump evalsha_ro",
    ),
    (
        Access::RO,
        "strlen exists touch type watch hlen hstrlen hexists llen scard sismember zcard xlen \
         memory|usage object|encoding object|freq object|idletime object|refcount",
    ),
    (
        READ_UPDATE,
        "getset incr decr incrby decrby incrbyfloat setbit hincrby hincrbyfloat zincrby move evalsha",
    ),
    (
        READ_DELETE,
        "getdel hgetdel lpop rpop lmpop blmpop blpop brpop spop zpopmin zpopmax zmpop bzmpop bzpopmin \
         bzpopmax",
    ),
    (
        CHANGE,
        "setrange expire pexpire expireat pexpireat persist hset hmset hsetex hexpire hpexpire \
         hexpireat hpexpireat hpersist lset zadd geoadd xack xclaim xsetid xgroup|setid",
    ),
    (
        ADD,
        "append hsetnx lpush rpush lpushx rpushx linsert sadd pfadd xgroup|create xgroup|createconsumer",
    ),
    (
        REMOVE_PART,
        "hdel lrem ltrim srem zrem zremrangebyrank zremrangebyscore zremrangebylex xdel xdelex xtrim \
         xautoclaim xgroup|destroy xgroup|delconsumer",
    ),
    (OVERWRITE, "setex psetex mset restore restore-asking"),
    (CREATE, "setnx msetnx"),
    (REMOVE, "del unlink delifeq"),
    (CHANGE.union(Access::DELETE), "xackdel"),
    (Access::RW.union(Access::ACCESS), "pfdebug"),
    (Access::NOT_KEY, "spublish ssubscribe sunsubscribe"),
];

/// The same, with a remark.
const NOTED: &[(&str, Access, &str)] = &[
    (
        "set",
        READ_UPDATE.union(Access::VARIABLE_FLAGS),
        "RW and ACCESS due to the optional `GET` argument",
    ),
    ("getex", READ_UPDATE, CHANGES_TTL),
    ("hgetex", READ_UPDATE, CHANGES_TTL),
    (
        "bitfield",
        READ_UPDATE.union(Access::VARIABLE_FLAGS),
        "This command allows both access and modification of the key",
    ),
    (
        "xadd",
        CHANGE,
        "UPDATE instead of INSERT because of the optional trimming feature",
    ),
    (
        "pfcount",
        Access::RW.union(Access::ACCESS),
        "RW because it may change the internal representation of the key, and propagate to replicas",
    ),
    ("eval", READ_UPDATE, SCRIPT_WRITES),
    ("fcall", READ_UPDATE, SCRIPT_WRITES),
    ("eval_ro", READ, SCRIPT_READS),
    ("fcall_ro", READ, SCRIPT_READS),
];

const CHANGES_TTL: &str = "RW and UPDATE because it changes the TTL";
const SCRIPT_WRITES: &str =
    "We cannot tell how the keys will be used so we assume the worst, RW and UPDATE";
const SCRIPT_READS: &str =
    "We cannot tell how the keys will be used so we assume the worst, RO and ACCESS";

/// The destination first, then the sources.
const STORE_OF_TWO: &[KeySpec] = &[KeySpec::at(1, OVERWRITE), KeySpec::at(2, READ)];
const STORE_OF_SETS: &[KeySpec] = &[KeySpec::at(1, OVERWRITE), KeySpec::rest(2, READ)];
const STORE_OF_COUNTED: &[KeySpec] = &[
    KeySpec::at(1, OVERWRITE),
    KeySpec::new(Begin::Index(2), Find::Counted { step: 1 }, READ),
];
const FROM_ONE_TO_ANOTHER: &[KeySpec] = &[KeySpec::at(1, READ_DELETE), KeySpec::at(2, ADD)];
const SORTED_BY: KeySpec = KeySpec::new(Begin::Unknown, Find::Unknown, READ).noted(
    "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the \
     content of the key we sort",
);
const SORTED_INTO: KeySpec = KeySpec::new(Begin::Unknown, Find::Unknown, OVERWRITE).noted(
    "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere in \
     the argument array",
);

/// Commands with several kinds of keys, or with keys that the declaration finds by a function.
const OWN: &[(&str, &[KeySpec])] = &[
    (
        "bitop",
        &[KeySpec::at(2, OVERWRITE), KeySpec::rest(3, READ)],
    ),
    ("blmove", FROM_ONE_TO_ANOTHER),
    ("brpoplpush", FROM_ONE_TO_ANOTHER),
    ("lmove", FROM_ONE_TO_ANOTHER),
    ("rpoplpush", FROM_ONE_TO_ANOTHER),
    ("smove", FROM_ONE_TO_ANOTHER),
    ("copy", &[KeySpec::at(1, READ), KeySpec::at(2, OVERWRITE)]),
    (
        "rename",
        &[KeySpec::at(1, READ_DELETE), KeySpec::at(2, OVERWRITE)],
    ),
    (
        "renamenx",
        &[KeySpec::at(1, READ_DELETE), KeySpec::at(2, CREATE)],
    ),
    ("geosearchstore", STORE_OF_TWO),
    ("zrangestore", STORE_OF_TWO),
    ("sdiffstore", STORE_OF_SETS),
    ("sinterstore", STORE_OF_SETS),
    ("sunionstore", STORE_OF_SETS),
    ("zdiffstore", STORE_OF_COUNTED),
    ("zinterstore", STORE_OF_COUNTED),
    ("zunionstore", STORE_OF_COUNTED),
    (
        "pfmerge",
        &[
            KeySpec::at(1, Access::RW.union(Access::ACCESS).union(Access::INSERT)),
            KeySpec::rest(2, READ),
        ],
    ),
    ("sort", &[KeySpec::at(1, READ), SORTED_BY, SORTED_INTO]),
    ("sort_ro", &[KeySpec::at(1, READ), SORTED_BY]),
    (
        "georadius",
        &[
            KeySpec::at(1, READ),
            KeySpec::new(Begin::Keyword("STORE", 6), ONE, OVERWRITE),
            KeySpec::new(Begin::Keyword("STOREDIST", 6), ONE, OVERWRITE),
        ],
    ),
    (
        "georadiusbymember",
        &[
            KeySpec::at(1, READ),
            KeySpec::new(Begin::Keyword("STORE", 5), ONE, OVERWRITE),
            KeySpec::new(Begin::Keyword("STOREDIST", 5), ONE, OVERWRITE),
        ],
    ),
    (
        "migrate",
        &[
            KeySpec::at(3, READ_DELETE),
            KeySpec::new(
                Begin::Keyword("KEYS", -2),
                REST,
                READ_DELETE.union(Access::INCOMPLETE),
            ),
        ],
    ),
    (
        "xread",
        &[KeySpec::new(Begin::Keyword("STREAMS", 1), HALF, READ)],
    ),
    (
        "xreadgroup",
        &[KeySpec::new(Begin::Keyword("STREAMS", 4), HALF, READ)],
    ),
    (
        "msetex",
        &[KeySpec::new(
            Begin::Index(1),
            Find::Counted { step: 2 },
            OVERWRITE,
        )],
    ),
];

static SPECS: LazyLock<HashMap<&'static str, Vec<KeySpec>>> = LazyLock::new(|| {
    let alike = ALIKE.iter().flat_map(|(access, names)| {
        let names = names.split_ascii_whitespace();
        names.map(|name| (name, *access, ""))
    });
    let declared = alike.chain(NOTED.iter().copied());
    let declared = declared.map(|(name, access, note)| (name, vec![at_home(name, access, note)]));
    let own = OWN.iter().map(|(name, specs)| (*name, specs.to_vec()));
    declared.chain(own).collect()
});

/// Where the declaration of `name` says its keys are.
///
/// # Panics
/// If there is no such command, or it declares no place: a defect of the lists above.
fn at_home(name: &str, access: Access, note: &'static str) -> KeySpec {
    let (family, sub) = name.split_once('|').unwrap_or((name, ""));
    let entry = super::table::by_name(family.as_bytes()).and_then(|entry| match sub {
        "" => Some(entry),
        sub => entry.subcommand(sub.as_bytes()),
    });
    let keys = entry.unwrap_or_else(|| panic!("no command {name}")).keys;
    let (begin, find) = match keys {
        Keys::Range { first, last, step } => {
            let last = if last < 0 { last } else { last - first };
            let limit = 0;
            (first, Find::Range { last, step, limit })
        }
        Keys::Counted { count, .. } => (count as i32, Find::Counted { step: 1 }),
        Keys::None | Keys::Custom(_) => panic!("{name} declares no place of its keys"),
    };
    KeySpec::new(Begin::Index(begin), find, access).noted(note)
}
