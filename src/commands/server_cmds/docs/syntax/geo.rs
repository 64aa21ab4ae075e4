//! What the commands of places take.

/// Each command with its arguments, in the order of the names.
pub static SYNTAX: &[(&str, &str)] = &[
    (
        "geoadd",
        "key@0 [condition<NX|XX>^6.2.0] [change:CH^6.2.0] data{longitude:double latitude:double \
         member}...",
    ),
    ("geodist", "key@0 member1 member2 [unit<M|KM|FT|MI>]"),
    ("geohash", "key@0 [member...]"),
    ("geopos", "key@0 [member...]"),
    (
        "georadius",
        "key@0 longitude:double latitude:double radius:double unit<M|KM|FT|MI> [WITHCOORD] \
         [WITHDIST] [WITHHASH] [count-block{COUNT count:int [ANY^6.2.0]}] [order<ASC|DESC>] \
         [store<STORE storekey@1=key|STOREDIST storedistkey@2=key>]",
    ),
    (
        "georadius_ro",
        "key@0 longitude:double latitude:double radius:double unit<M|KM|FT|MI> [WITHCOORD] \
         [WITHDIST] [WITHHASH] [count-block{COUNT count:int [ANY^6.2.0]}] [order<ASC|DESC>]",
    ),
    (
        "georadiusbymember",
        "key@0 member radius:double unit<M|KM|FT|MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
         [count-block{COUNT count:int [ANY]}] [order<ASC|DESC>] [store<STORE \
         storekey@1=key|STOREDIST storedistkey@2=key>]",
    ),
    (
        "georadiusbymember_ro",
        "key@0 member radius:double unit<M|KM|FT|MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
         [count-block{COUNT count:int [ANY]}] [order<ASC|DESC>]",
    ),
    (
        "geosearch",
        "key@0 from<FROMMEMBER member|FROMLONLAT fromlonlat{longitude:double latitude:double}> \
         by<circle{BYRADIUS radius:double unit<M|KM|FT|MI>}|box{BYBOX width:double height:double \
         unit<M|KM|FT|MI>}> [order<ASC|DESC>] [count-block{COUNT count:int [ANY]}] [WITHCOORD] \
         [WITHDIST] [WITHHASH]",
    ),
    (
        "geosearchstore",
        "destination@0 source@1 from<FROMMEMBER member|FROMLONLAT fromlonlat{longitude:double \
         latitude:double}> by<circle{BYRADIUS radius:double unit<M|KM|FT|MI>}|box{BYBOX \
         width:double height:double unit<M|KM|FT|MI>}> [order<ASC|DESC>] [count-block{COUNT \
         count:int [ANY]}] [STOREDIST]",
    ),
];
