//! What COMMAND DOCS says about the commands for sets.

use engine::spec::Docs;

pub static SADD: Docs = Docs {
    arguments: "key@0 member...",
    history: &[("2.4.0", "Takes several members.")],
    ..Docs::NONE
};

pub static SCARD: Docs = Docs::of("key@0");

pub static SDIFF: Docs = Docs::of("key@0...");

pub static SDIFFSTORE: Docs = Docs::of("destination@0 key@1...");

pub static SINTER: Docs = Docs::of("key@0...");

pub static SINTERCARD: Docs = Docs::of("numkeys:int key@0... [LIMIT limit:int]");

pub static SINTERSTORE: Docs = Docs::of("destination@0 key@1...");

pub static SDIFFCARD: Docs = Docs::of("numkeys:int key@0... [LIMIT limit:int]");

pub static SISMEMBER: Docs = Docs::of("key@0 member");

pub static SMEMBERS: Docs = Docs::of("key@0");

pub static SMISMEMBER: Docs = Docs::of("key@0 member...");

pub static SMOVE: Docs = Docs::of("source@0 destination@1 member");

pub static SPOP: Docs = Docs {
    arguments: "key@0 [count:int^3.2.0]",
    history: &[("3.2.0", "A count may be given.")],
    ..Docs::NONE
};

pub static SRANDMEMBER: Docs = Docs {
    arguments: "key@0 [count:int^2.6.0]",
    history: &[("2.6.0", "A count may be given.")],
    ..Docs::NONE
};

pub static SREM: Docs = Docs {
    arguments: "key@0 member...",
    history: &[("2.4.0", "Takes several members.")],
    ..Docs::NONE
};

pub static SSCAN: Docs = Docs::of("key@0 cursor:int [MATCH pattern:pattern] [COUNT count:int]");

pub static SUNION: Docs = Docs::of("key@0...");

pub static SUNIONCARD: Docs = Docs::of("numkeys:int key@0... [APPROX] [LIMIT limit:int]");

pub static SUNIONSTORE: Docs = Docs::of("destination@0 key@1...");
