//! What COMMAND DOCS says about the commands for lists.

use engine::spec::Docs;

pub static BLMOVE: Docs =
    Docs::of("source@0 destination@1 wherefrom<LEFT|RIGHT> whereto<LEFT|RIGHT> timeout:double");

pub static BLMOVEM: Docs = Docs::of(
    "source@0 destination@1 wherefrom<LEFT|RIGHT> whereto<LEFT|RIGHT> timeout:double \
         [how-many{selector<COUNT count:int|EXACTLY exactly:int> ordering<OBO|BULK>}]",
);

pub static BLMPOP: Docs =
    Docs::of("timeout:double numkeys:int key@0... where<LEFT|RIGHT> [COUNT count:int]");

pub static BLPOP: Docs = Docs {
    arguments: "key@0... timeout:double",
    history: &[("6.0.0", "The timeout may have a fraction.")],
    ..Docs::NONE
};

pub static BRPOP: Docs = Docs {
    arguments: "key@0... timeout:double",
    history: &[("6.0.0", "The timeout may have a fraction.")],
    ..Docs::NONE
};

pub static BRPOPLPUSH: Docs = Docs {
    arguments: "source@0 destination@1 timeout:double",
    history: &[("6.0.0", "The timeout may have a fraction.")],
    replaced: Some(("6.2.0", "`BLMOVE` from `RIGHT` to `LEFT`")),
    ..Docs::NONE
};

pub static LINDEX: Docs = Docs::of("key@0 index:int");

pub static LINSERT: Docs = Docs::of("key@0 where<BEFORE|AFTER> pivot element");

pub static LLEN: Docs = Docs::of("key@0");

pub static LMOVE: Docs =
    Docs::of("source@0 destination@1 wherefrom<LEFT|RIGHT> whereto<LEFT|RIGHT>");

pub static LMOVEM: Docs = Docs::of(
    "source@0 destination@1 wherefrom<LEFT|RIGHT> whereto<LEFT|RIGHT> \
         [how-many{selector<COUNT count:int|EXACTLY exactly:int> ordering<OBO|BULK>}]",
);

pub static LMPOP: Docs = Docs::of("numkeys:int key@0... where<LEFT|RIGHT> [COUNT count:int]");

pub static LPOP: Docs = Docs {
    arguments: "key@0 [count:int^6.2.0]",
    history: &[("6.2.0", "A count may be given.")],
    ..Docs::NONE
};

pub static LPOS: Docs =
    Docs::of("key@0 element [RANK rank:int] [COUNT num-matches:int] [MAXLEN len:int]");

pub static LPUSH: Docs = Docs {
    arguments: "key@0 element...",
    history: &[("2.4.0", "Takes several elements.")],
    ..Docs::NONE
};

pub static LPUSHX: Docs = Docs {
    arguments: "key@0 element...",
    history: &[("4.0.0", "Takes several elements.")],
    ..Docs::NONE
};

pub static LRANGE: Docs = Docs::of("key@0 start:int stop:int");

pub static LREM: Docs = Docs::of("key@0 count:int element");

pub static LSET: Docs = Docs::of("key@0 index:int element");

pub static LTRIM: Docs = Docs::of("key@0 start:int stop:int");

pub static RPOP: Docs = Docs {
    arguments: "key@0 [count:int^6.2.0]",
    history: &[("6.2.0", "A count may be given.")],
    ..Docs::NONE
};

pub static RPOPLPUSH: Docs = Docs {
    arguments: "source@0 destination@1",
    replaced: Some(("6.2.0", "`LMOVE` from `RIGHT` to `LEFT`")),
    ..Docs::NONE
};

pub static RPUSH: Docs = Docs {
    arguments: "key@0 element...",
    history: &[("2.4.0", "Takes several elements.")],
    ..Docs::NONE
};

pub static RPUSHX: Docs = Docs {
    arguments: "key@0 element...",
    history: &[("4.0.0", "Takes several elements.")],
    ..Docs::NONE
};
