//! One end of a replication link: a server without sockets, files and threads. The other end is drawn from the input.

pub mod fake_primary;
pub mod fake_replica;
mod payload;

use forebay::engine::{ClientId, Engine, Executor};
use forebay::config::Config;
use forebay::config::choices::DisklessLoad;
use forebay::base::secret::Secrets;
use forebay::server::Shell;
use forebay::server::append::{self, AppendOnly};
use forebay::server::persist::{Persistence, Threads};
use std::rc::{Rc, Weak};

/// Numbers at which something may go wrong.
pub const EDGES: [i64; 24] = [
    0,
    1,
    -1,
    2,
    9,
    15,
    16,
    17,
    255,
    256,
    16_383,
    16_384,
    65_535,
    65_536,
    i32::MAX as i64,
    i32::MIN as i64,
    u32::MAX as i64,
    u32::MAX as i64 + 1,
    i64::MAX,
    i64::MAX - 1,
    i64::MAX - 100,
    i64::MIN,
    i64::MIN + 1,
    1 << 52,
];

/// The bytes of an input, taken from the front; zeros when they are used up.
pub struct Draws<'a>(pub &'a [u8]);

impl<'a> Draws<'a> {
    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    /// Below `n`, which is at most 256.
    pub fn below(&mut self, n: usize) -> usize {
        usize::from(self.byte()) % n
    }

    /// One of them.
    pub fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// A number: near an edge, or any.
    pub fn number(&mut self) -> i64 {
        let edge = self.of(&EDGES);
        match self.byte() {
            near @ 0..=7 => edge.wrapping_add(i64::from(near) - 4),
            8..=99 => edge,
            small @ 100..=180 => i64::from(small),
            _ => i64::from_le_bytes(std::array::from_fn(|_| self.byte())),
        }
    }

    /// Up to 255 bytes of the input itself.
    pub fn some(&mut self) -> &'a [u8] {
        let n = usize::from(self.byte()).min(self.0.len());
        let (taken, rest) = self.0.split_at(n);
        self.0 = rest;
        taken
    }

    /// True when nothing is left.
    pub fn is_over(&self) -> bool {
        self.0.is_empty()
    }
}

/// A server that writes no files of its own.
pub fn engine(draws: &mut Draws<'_>) -> Executor {
    let config = Config {
        databases: draws.of(&[16, 1, 2]),
        save: Vec::new(),
        rdbchecksum: false,
        repl_diskless_load: draws.of(&[
            DisklessLoad::Disabled,
            DisklessLoad::OnEmptyDb,
            DisklessLoad::Swapdb,
            DisklessLoad::FlushBeforeLoad,
        ]),
        repl_backlog_size: draws.of(&[16 << 10, 1 << 20]),
        repl_diskless_sync: draws.byte() % 2 == 0,
        ..Config::default()
    };
    let persistence = Persistence::new(Threads::default());
    let append = AppendOnly::new(append::Threads::default(), persistence.clone());
    let shell = Shell::new(Weak::new(), persistence, append);
    let mut engine = Engine::new(forebay::commands::FAMILIES, config, Secrets::predictable(7), Rc::new(shell));
    set_now(&mut engine, 1_000);
    Executor::from(engine)
}

/// Sets the clock, in ms since the start.
pub fn set_now(engine: &mut Engine, now_ms: u64) {
    engine.clock.unix_ms = 1_700_000_000_000 + now_ms as i64;
    engine.clock.unix_us = engine.clock.unix_ms * 1000;
    engine.clock.mono_us = now_ms * 1000;
    engine.sync_repl_clock();
}

/// Runs a client's command; its reply.
pub fn run(engine: &mut Executor, id: ClientId, words: &[&[u8]]) -> Vec<u8> {
    engine.execute(id, words);
    let session = engine.clients.get_mut(&id);
    session.map_or_else(Vec::new, |s| s.reply.take())
}

/// A request as it is sent.
pub fn request(words: &[&[u8]]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        out.extend(format!("${}\r\n", word.len()).bytes());
        out.extend_from_slice(word);
        out.extend(b"\r\n");
    }
    out
}

/// Keys in all databases.
pub fn keys(engine: &Engine) -> usize {
    let all = 0..engine.keyspace.count();
    all.map(|n| engine.keyspace.db(n).len()).sum()
}

/// What any server must still be able to do.
pub fn look_around(engine: &mut Executor, id: ClientId) {
    // All of INFO takes longer than most inputs.
    let section: &[u8] = match engine.stats.commands % 8 {
        0 => b"everything",
        _ => b"replication",
    };
    for words in [
        &[b"INFO".as_slice(), section][..],
        &[b"ROLE"],
        &[b"DBSIZE"],
        &[b"CLIENT", b"LIST"],
    ] {
        let reply = run(engine, id, words);
        assert!(!reply.is_empty(), "{}", String::from_utf8_lossy(words[0]));
    }
    for n in 0..engine.keyspace.count() {
        let db = engine.keyspace.db(n);
        let mut found = 0;
        db.scan(0, usize::MAX, |_| found += 1);
        assert_eq!(found, db.len(), "database {n}");
    }
}
