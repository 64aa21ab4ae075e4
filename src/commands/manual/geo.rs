//! What COMMAND DOCS says about geo commands.

use engine::spec::Docs;

pub static GEOADD: Docs = Docs {
    arguments: "key@0 [condition<NX|XX>^6.2.0] [change:CH^6.2.0] data{longitude:double latitude:double \
         member}...",
    history: &[("6.2.0", "The options `CH`, `NX` and `XX`.")],
    ..Docs::NONE
};

pub static GEODIST: Docs = Docs::of("key@0 member1 member2 [unit<M|KM|FT|MI>]");

pub static GEOHASH: Docs = Docs::of("key@0 [member...]");

pub static GEOPOS: Docs = Docs::of("key@0 [member...]");

pub static GEORADIUS: Docs = Docs {
    arguments: "key@0 longitude:double latitude:double radius:double unit<M|KM|FT|MI> [WITHCOORD] \
         [WITHDIST] [WITHHASH] [count-block{COUNT count:int [ANY^6.2.0]}] [order<ASC|DESC>] \
         [store<STORE storekey@1=key|STOREDIST storedistkey@2=key>]",
    history: &[
        ("6.2.0", "`ANY` ends the search at `COUNT` members."),
        ("7.0.0", "Units may be in capital letters."),
    ],
    replaced: Some(("6.2.0", "`GEOSEARCH` or `GEOSEARCHSTORE`, `BYRADIUS`")),
    ..Docs::NONE
};

pub static GEORADIUS_RO: Docs = Docs {
    arguments: "key@0 longitude:double latitude:double radius:double unit<M|KM|FT|MI> [WITHCOORD] \
         [WITHDIST] [WITHHASH] [count-block{COUNT count:int [ANY^6.2.0]}] [order<ASC|DESC>]",
    history: &[
        ("6.2.0", "`ANY` ends the search at `COUNT` members."),
        ("7.0.0", "Units may be in capital letters."),
    ],
    replaced: Some(("6.2.0", "`GEOSEARCH`, `BYRADIUS`")),
    ..Docs::NONE
};

pub static GEORADIUSBYMEMBER: Docs = Docs {
    arguments: "key@0 member radius:double unit<M|KM|FT|MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
         [count-block{COUNT count:int [ANY]}] [order<ASC|DESC>] [store<STORE \
         storekey@1=key|STOREDIST storedistkey@2=key>]",
    history: &[
        ("6.2.0", "`ANY` ends the search at `COUNT` members."),
        ("7.0.0", "Units may be in capital letters."),
    ],
    replaced: Some((
        "6.2.0",
        "`GEOSEARCH` or `GEOSEARCHSTORE`, `FROMMEMBER` and `BYRADIUS`",
    )),
    ..Docs::NONE
};

pub static GEORADIUSBYMEMBER_RO: Docs = Docs {
    arguments: "key@0 member radius:double unit<M|KM|FT|MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
         [count-block{COUNT count:int [ANY]}] [order<ASC|DESC>]",
    history: &[
        ("6.2.0", "`ANY` ends the search at `COUNT` members."),
        ("7.0.0", "Units may be in capital letters."),
    ],
    replaced: Some(("6.2.0", "`GEOSEARCH`, `FROMMEMBER` and `BYRADIUS`")),
    ..Docs::NONE
};

pub static GEOSEARCH: Docs = Docs {
    arguments: "key@0 from<FROMMEMBER member|FROMLONLAT fromlonlat{longitude:double latitude:double}> \
         by<circle{BYRADIUS radius:double unit<M|KM|FT|MI>}|box{BYBOX width:double height:double \
         unit<M|KM|FT|MI>}> [order<ASC|DESC>] [count-block{COUNT count:int [ANY]}] [WITHCOORD] \
         [WITHDIST] [WITHHASH]",
    history: &[("7.0.0", "Units may be in capital letters.")],
    ..Docs::NONE
};

pub static GEOSEARCHSTORE: Docs = Docs {
    arguments: "destination@0 source@1 from<FROMMEMBER member|FROMLONLAT fromlonlat{longitude:double \
         latitude:double}> by<circle{BYRADIUS radius:double unit<M|KM|FT|MI>}|box{BYBOX \
         width:double height:double unit<M|KM|FT|MI>}> [order<ASC|DESC>] [count-block{COUNT \
         count:int [ANY]}] [STOREDIST]",
    history: &[("7.0.0", "Units may be in capital letters.")],
    ..Docs::NONE
};
