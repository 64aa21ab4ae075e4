//! Requests, made from the command table: every command is drawn with as many arguments as its declaration
//! takes, keys where it says that keys are, and something from a small vocabulary elsewhere.

use super::input::Input;
use forebay::engine::Args;
use forebay::engine::spec::{Flags, Group, Keys};
use forebay::engine::table::{self, Entry};
use forebay::keyspace::sizes::{KEYS, STRINGS, around};
use std::sync::LazyLock;

/// A request.
pub type Request = Vec<Vec<u8>>;

/// What is never drawn, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    ("replicaof", "the replica beside the engine would no longer follow"),
    ("slaveof", "as replicaof"),
    ("failover", "as replicaof"),
    ("psync", "the client would become a replica, which needs a driver"),
    ("sync", "as psync"),
    ("replconf", "as psync"),
    ("debug", "some parts end the process or the replica's likeness; a safe choice is drawn"),
    ("config|set", "a memory limit of a few bytes would end all else; a safe choice is drawn"),
    ("config|resetstat", "errors that a replica met would be forgotten"),
];

/// A command, with the container that it is a subcommand of.
#[derive(Clone, Copy)]
struct Leaf {
    parent: Option<&'static str>,
    entry: &'static Entry,
}

static LEAVES: LazyLock<Vec<Leaf>> = LazyLock::new(|| {
    let mut leaves = Vec::new();
    table::install(forebay::commands::FAMILIES);
    for entry in table::all() {
        leaves.push(Leaf { parent: None, entry });
        let parent = Some(entry.name);
        leaves.extend(entry.subcommands.iter().map(|entry| Leaf { parent, entry }));
    }
    leaves.retain(|leaf| LEFT_OUT.iter().all(|(name, _)| *name != leaf.entry.name));
    leaves
});

/// Those that have keys: they are drawn more often.
static ON_KEYS: LazyLock<Vec<Leaf>> = LazyLock::new(|| {
    let leaves = LEAVES.iter().copied();
    leaves.filter(|leaf| !matches!(leaf.entry.keys, Keys::None)).collect()
});

/// What requests refer to.
#[derive(Default)]
pub struct Context {
    /// Unix time, ms.
    pub now_ms: i64,
    /// What DUMP gave last.
    pub payload: Vec<u8>,
}

/// A request from the table.
pub fn request(input: &mut Input<'_>, context: &Context) -> Request {
    let leaves = if input.below(4) > 0 { &*ON_KEYS } else { &*LEAVES };
    let Leaf { parent, entry } = leaves[input.below(leaves.len())];
    let mut argv: Request = Vec::new();
    argv.extend(parent.map(|name| name.as_bytes().to_vec()));
    argv.push(entry.short_name().as_bytes().to_vec());
    let least = entry.arity.unsigned_abs() as usize;
    let more = match input.below(16) {
        _ if entry.arity >= 0 => 0,
        0..=5 => 0,
        6..=9 => 1 + input.below(2),
        10..=13 => input.below(8),
        14 => input.below(40),
        // Enough to pass the limits of packed forms.
        _ => input.below(700),
    };
    let len = match input.below(64) {
        63 => least.saturating_sub(1),
        62 => least + more + 1,
        _ => least + more,
    };
    let many = more > 40;
    while argv.len() < len.max(argv.len()) {
        let word = if many { element(argv.len()) } else { word(input, context, entry.group) };
        argv.push(word);
    }
    if let Keys::Counted { count, .. } = entry.keys
        && count < argv.len()
        && !input.one_in(8)
    {
        argv[count] = (1 + input.below(3)).to_string().into_bytes();
    }
    let borrowed: Vec<&[u8]> = argv.iter().map(Vec::as_slice).collect();
    let keys = entry.keys.positions(&Args(&borrowed));
    for at in keys {
        if at < argv.len() {
            argv[at] = key(input, entry.group);
        }
    }
    tame(&mut argv, entry);
    argv
}

/// Takes the sting out of counts that ask for billions of elements.
fn tame(argv: &mut Request, entry: &Entry) {
    let asks_for_many = entry.name.ends_with("randmember") || entry.name.ends_with("randfield");
    for arg in argv.iter_mut().skip(2).filter(|_| asks_for_many) {
        if arg.first() == Some(&b'-') && arg.len() > 4 {
            *arg = b"-999".to_vec();
        }
    }
    // Its wait is that of a connection.
    if entry.flags.contains(Flags::BLOCKING) && argv.last().is_some_and(|arg| arg.len() > 6) {
        *argv.last_mut().expect("a name") = b"1".to_vec();
    }
}

/// One of many different elements.
fn element(n: usize) -> Vec<u8> {
    match n % 2 {
        0 => n.to_string().into_bytes(),
        _ => format!("{}.5", n * 7 % 1000).into_bytes(),
    }
}

/// A key that mostly holds what a family of commands is for.
pub fn key(input: &mut Input<'_>, group: Group) -> Vec<u8> {
    let group = if input.one_in(6) { Group::Generic } else { group };
    let family = match group {
        Group::String | Group::Bitmap => "s",
        Group::HyperLogLog => "p",
        Group::List => "l",
        Group::Set => "t",
        Group::SortedSet | Group::Geo => "z",
        Group::Hash => "h",
        Group::Stream => "x",
        _ => input.pick(&["s", "l", "t", "z", "h", "x", "p", "k"]),
    };
    match input.below(32) {
        n @ 0..=24 => format!("{family}{}", n % 5).into_bytes(),
        25..=29 => {
            let len = size(input, &KEYS);
            let mut key = family.as_bytes().to_vec();
            key.resize(len, b'K');
            key
        }
        30 => vec![b'K'; input.pick(&[70_000, 70_001, 200_000])],
        _ => input.bytes(12).to_vec(),
    }
}

/// A size at a boundary, or beside it.
fn size(input: &mut Input<'_>, boundaries: &[usize]) -> usize {
    let boundary = input.pick(boundaries);
    input.pick(&around(boundary))
}

const NUMBERS: &[&str] = &[
    "0", "1", "-1", "2", "3", "4", "5", "7", "8", "10", "16", "-2", "-10", "63", "64", "100", "127", "128", "129",
    "255", "256", "512", "513", "999", "1000", "-1000", "4095", "4096", "16383", "16384", "65535", "65536",
    "100000", "524288", "2147483647", "2147483648", "4294967295", "4294967296", "9223372036854775807",
    "9223372036854775808", "-9223372036854775808", "18446744073709551615", "1.5", "-0.5", "0.1", "inf", "-inf",
    "nan", "1e3", "3e-5", "1e300", "01", "+1", " 1", "-0", "",
];

const WORDS: &[&str] = &[
    "NX", "XX", "GT", "LT", "CH", "INCR", "EX", "PX", "EXAT", "PXAT", "KEEPTTL", "PERSIST", "GET", "SET", "INCRBY",
    "OVERFLOW", "WRAP", "SAT", "FAIL", "u8", "i64", "u63", "u1", "#1", "BYTE", "BIT", "AND", "OR", "XOR", "NOT",
    "WITHSCORES", "WITHSCORE", "WITHVALUES", "LIMIT", "COUNT", "MATCH", "TYPE", "BY", "STORE", "STOREDIST", "ASC",
    "DESC", "ALPHA", "WEIGHTS", "AGGREGATE", "SUM", "MIN", "MAX", "BYSCORE", "BYLEX", "REV", "LEFT", "RIGHT", "BEFORE",
    "AFTER", "RANK", "MAXLEN", "FIELDS", "BLOCK", "STREAMS", "GROUP", "NOACK", "MINID", "~", "=", "$", ">", "*", "+",
    "-", "(", "[", "(1", "[m1", "IDLE", "TIME", "RETRYCOUNT", "FORCE", "JUSTID", "LASTID", "MKSTREAM", "ENTRIESREAD",
    "FROMMEMBER", "FROMLONLAT", "BYRADIUS", "BYBOX", "m", "km", "WITHCOORD", "WITHDIST", "WITHHASH", "ANY", "REPLACE",
    "ABSTTL", "IDLETIME", "FREQ", "COPY", "DB", "KEYS", "IDX", "LEN", "MINMATCHLEN", "WITHMATCHLEN", "ASYNC", "SYNC",
    "ON", "OFF", "YES", "NO", "SKIP", "BCAST", "OPTIN", "OPTOUT", "NOLOOP", "PREFIX", "REDIRECT", "ID", "SKIPME",
    "ALL", "WRITE", "CREATE", "FULL", "HELP", "3", "2", "AUTH", "default", "string", "hash", "zset", "g", "c", "c2",
    "s*", "l*_*", "nosort", "#", "h*->m1", "0-1", "1-1", "5-*", "1000000-0", "g0", "RESET", "TIMEOUT", "ERROR",
    "FLUSH", "APPEND", "lib", "f1", "__keyspace@0__:*",
];

fn word(input: &mut Input<'_>, context: &Context, group: Group) -> Vec<u8> {
    match input.below(20) {
        0..=5 => input.pick(NUMBERS).as_bytes().to_vec(),
        6..=10 => input.pick(WORDS).as_bytes().to_vec(),
        11..=13 => format!("m{}", input.below(8)).into_bytes(),
        14 => key(input, group),
        15 => {
            let len = size(input, &STRINGS);
            vec![b'a' + input.byte() % 26; len]
        }
        16 => format!("{}-{}", input.below(20), input.below(3)).into_bytes(),
        17 => (context.now_ms + input.pick(&[-1, 0, 1, 10, 1000, 100_000])).to_string().into_bytes(),
        18 if !context.payload.is_empty() => context.payload.clone(),
        _ => input.bytes(40).to_vec(),
    }
}

/// A part of DEBUG that leaves the process and the likeness of the replica alone.
pub fn debug(input: &mut Input<'_>) -> Request {
    let key = key(input, Group::Generic);
    let parts: &[&[&[u8]]] = &[
        &[b"RELOAD"],
        &[b"DIGEST"],
        &[b"DIGEST-VALUE", &key],
        &[b"OBJECT", &key],
        &[b"HTSTATS-KEY", &key],
        &[b"SET-ACTIVE-EXPIRE", b"0"],
        &[b"SET-ACTIVE-EXPIRE", b"1"],
        &[b"PROTOCOL", b"map"],
        &[b"PROTOCOL", b"attrib"],
        &[b"PROTOCOL", b"push"],
    ];
    let part = parts[input.below(parts.len())];
    std::iter::once(&b"DEBUG"[..]).chain(part.iter().copied()).map(<[u8]>::to_vec).collect()
}

/// A change of a limit of packed forms, or of another directive that commands heed.
pub fn config(input: &mut Input<'_>) -> Request {
    let names: &[&str] = &[
        "hash-max-listpack-entries",
        "hash-max-listpack-value",
        "list-max-listpack-size",
        "list-compress-depth",
        "set-max-intset-entries",
        "set-max-listpack-entries",
        "set-max-listpack-value",
        "zset-max-listpack-entries",
        "zset-max-listpack-value",
        "stream-node-max-bytes",
        "stream-node-max-entries",
        "hll-sparse-max-bytes",
        "tracking-table-max-keys",
        "notify-keyspace-events",
        "maxmemory-policy",
    ];
    let name = input.pick(names);
    let value = match name {
        "notify-keyspace-events" => input.pick(&["KEA", "", "Ex"]),
        "maxmemory-policy" => input.pick(&["noeviction", "allkeys-lfu", "volatile-lru"]),
        _ => input.pick(&["0", "1", "2", "-1", "-2", "-5", "16", "128", "4096", "1000000"]),
    };
    ["CONFIG", "SET", name, value].map(|arg| arg.as_bytes().to_vec()).to_vec()
}

/// A script that does something with a request, or with other arguments.
pub fn script(input: &mut Input<'_>, context: &Context) -> Request {
    const CALLS: &[&str] = &[
        "return redis.call(unpack(ARGV))",
        "return redis.pcall(unpack(ARGV))",
        "redis.setresp(3) return redis.call(unpack(ARGV))",
        "local r for i=1,20 do r=redis.pcall(unpack(ARGV)) end return r",
        "redis.call('set','s0',ARGV[1]) error('stop')",
        "local t=redis.pcall(unpack(ARGV)) return cjson.encode(t)",
        "local t=redis.pcall(unpack(ARGV)) return cmsgpack.unpack(cmsgpack.pack(t))",
    ];
    const PLAIN: &[&str] = &[
        "return cjson.decode(ARGV[1])",
        "return cmsgpack.unpack(ARGV[1])",
        "return {struct.unpack(ARGV[1],ARGV[2])}",
        "return struct.pack(ARGV[1],ARGV[2],ARGV[3])",
        "return string.format(ARGV[1],ARGV[2],ARGV[3])",
        "return bit.tohex(tonumber(ARGV[1]) or 0,tonumber(ARGV[2]) or 0)",
        "return tonumber(ARGV[1])",
        "return redis.sha1hex(ARGV[1])",
    ];
    let calls = input.below(3) > 0;
    let text = input.pick(if calls { CALLS } else { PLAIN });
    let mut argv = vec![b"EVAL".to_vec(), text.as_bytes().to_vec(), b"0".to_vec()];
    if calls {
        argv.extend(request(input, context).into_iter().take(200));
    } else {
        argv.extend((0..3).map(|_| word(input, context, Group::String)));
    }
    argv
}

/// Loads a library, or calls its function.
pub fn function(input: &mut Input<'_>, context: &Context) -> Request {
    const LIBRARY: &str = "#!lua name=lib\nredis.register_function('f1',function(k,a) return redis.call(unpack(a)) end)";
    let mut argv: Request = match input.below(3) {
        0 => return ["FUNCTION", "LOAD", "REPLACE", LIBRARY].map(|a| a.as_bytes().to_vec()).to_vec(),
        _ => ["FCALL", "f1", "0"].map(|a| a.as_bytes().to_vec()).to_vec(),
    };
    argv.extend(request(input, context).into_iter().take(200));
    argv
}
