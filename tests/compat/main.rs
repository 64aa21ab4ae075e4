//! The same commands to Forebay and to real redis-servers, replies compared to the byte, then the
//! datasets by digest, then the replication streams that all have sent.
//!
//! `cargo test --test compat -- lists` runs one family: its script (`scripts/lists.txt`, the form is
//! described in [`script`]) in RESP2 and RESP3, and random commands of its grammar ([`grammar`]).
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `FOREBAY_COMPAT_SUBJECT` | who is judged: `forebay`, a peer's name, or host:port of a running server | `forebay` |
//! | `FOREBAY_COMPAT_REFERENCE` | who is right: peers' names or host:port, one or several | `redis-7.0,redis-8.2` |
//! | `FOREBAY_COMPAT_SEED` | seed of the random commands | fixed |
//! | `FOREBAY_COMPAT_OPS` | random commands per family | 6000 |
//! | `FOREBAY_COMPAT_PROTOCOL` | 2 or 3: the protocol of the random commands | 2 |
//! | `FOREBAY_COMPAT_STREAMS` | `no`: replication streams are not compared | |
//! | `FOREBAY_COMPAT_SHOWN` | differences shown before the rest is only counted | 40 |
//!
//! Servers that are given by address are emptied (FLUSHALL) and keep running.

#[path = "../support/mod.rs"]
mod support;

mod compare;
mod docs;
mod dumps;
mod generate;
mod grammar;
mod info;
mod panel;
mod patterns;
mod random;
mod script;
mod settled;
mod side;
mod users;
mod users_databases;

/// One family: its script in both protocols, and random commands where it has a grammar.
macro_rules! families {
    ($($family:ident $(random $grammar:ident)? $(and $more:ident)?;)*) => {$(
        mod $family {
            #[test]
            fn script_resp2_gives_the_replies_of_the_reference() {
                crate::script::run(stringify!($family), crate::side::Protocol::Resp2);
            }
            #[test]
            fn script_resp3_gives_the_replies_of_the_reference() {
                crate::script::run(stringify!($family), crate::side::Protocol::Resp3);
            }
            $(
                #[test]
                fn random_commands_give_the_replies_of_the_reference() {
                    crate::random::run(stringify!($family), crate::grammar::$grammar);
                }
            )?
            $(
                #[test]
                fn random_commands_that_replicas_get_in_other_words_give_the_replies_of_the_reference() {
                    let lines = [crate::grammar::GROUPS, crate::grammar::$more].concat();
                    crate::random::run_replies(stringify!($family), &lines);
                }
            )?
        }
    )*};
}

families! {
    strings random STRINGS;
    keys random KEYS;
    lists random LISTS;
    hashes random HASHES;
    sets random SETS;
    zsets random ZSETS;
    streams random STREAMS;
    groups random GROUPS and REFERENCES;
    arrays random ARRAYS;
    tracking;
    transactions;
    pubsub;
    scan;
    server;
    errors;
    scripting;
    functions;
    blocking;
    acl;
    imports;
    polygons;
}
