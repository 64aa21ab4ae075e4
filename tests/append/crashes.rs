//! Crash rounds: a primary, or a replica, is killed with SIGKILL under a load of mixed commands and starts again from its
//! log. Each time replication goes on by a partial resync, both hold the same data, and a real server loads the same
//! from the directory.
//!
//! `APPEND_CRASH_ROUNDS` says how many rounds of each, `APPEND_CRASH_SEED` where they begin.

use crate::support::Client;
use crate::support::dataset::{wait_caught_up, wait_same};
use crate::support::server::{Builder, Server};
use crate::support::wait::wait_until;
use crate::support::words;
use crate::{copy_log, digest, forebay, wait_written};
use base::testing::Rng;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The servers at the other end, in turn.
const OTHERS: [&str; 5] = [
    "forebay",
    "redis-7.0",
    "forebay",
    "redis-8.10",
    "valkey-9.1",
];
/// The servers that load the directory.
const READERS: [&str; 3] = ["redis-8.2", "valkey-9.1", "redis-8.10"];
/// Rounds with the same two servers.
const ROUNDS_OF_A_PAIR: u64 = 5;
/// Requests that are sent together.
const TOGETHER: usize = 50;
/// Between two such, of each of two writers: together they write 20,000 requests a second.
const PERIOD: Duration = Duration::from_millis(5);

fn number(name: &str, default: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(default, |n| n.parse().expect("a number"))
}

/// A request of many kinds.
fn line(rng: &mut Rng, i: u64) -> String {
    let mut n = |most: usize| rng.below(most);
    match n(22) {
        0 => format!("SELECT {}", n(3)),
        1 => format!("SET k{} {}", n(300), "v".repeat(n(200))),
        2 => format!("LPUSH l{} {i} {i}", n(30)),
        3 => format!("LPOP l{} 2", n(30)),
        4 => format!("RPUSH queue {i}"),
        5 => format!("HSET h{} f{} {i}", n(30), n(50)),
        6 => format!("ZADD z{} {i} m{}", n(30), n(50)),
        7 => format!("XADD x{} MAXLEN ~ 100 * a {i}", n(5)),
        8 => format!("XREADGROUP GROUP g c COUNT 2 STREAMS x{} >", n(5)),
        9 => format!("XACK x{} g 1-1", n(5)),
        10 => format!("SET e{} v PX {}", n(100), 1 + n(60)),
        11 => format!("PEXPIRE h{} {}", n(30), 1 + n(60)),
        12 => format!("SADD s{} {i} {}", n(7), i + 1),
        13 => format!("SPOP s{} 2", n(7)),
        14 => format!("INCRBYFLOAT float 0.{}", n(9)),
        15 => format!("DEL k{} l{}", n(300), n(30)),
        16 => "EVAL \"redis.call('incr', KEYS[1]) redis.call('set', KEYS[2], ARGV[1], 'PX', 30) return 1\" 2 a b 7"
            .to_owned(),
        17 => format!("XGROUP CREATE x{} g 0 MKSTREAM", n(5)),
        18 => format!("PUBLISH channel {i}"),
        19 => format!("COPY k{} k{} REPLACE", n(300), n(300)),
        20 => format!("GETEX k{} PX {}", n(300), 5 + n(60)),
        _ => format!("BITFIELD bits SET u8 {} {}", n(500), n(200)),
    }
}

/// Writes until it is told to stop, or the connection ends.
fn write(address: &str, seed: u64, stop: &AtomicBool, written: &AtomicU64) -> io::Result<()> {
    let mut client = Client::connect(address)?;
    let mut rng = Rng::new(seed);
    let mut i = seed << 32;
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let mut lines = Vec::new();
        while lines.len() < TOGETHER {
            i += 1;
            match rng.below(15) {
                0 => {
                    lines.push("MULTI".to_owned());
                    lines.extend((0..2 + rng.below(4)).map(|_| line(&mut rng, i)));
                    lines.push("EXEC".to_owned());
                }
                _ => lines.push(line(&mut rng, i)),
            }
        }
        for line in &lines {
            client.send(&words::split(line).expect("a line"))?;
        }
        for _ in &lines {
            client.read()?;
        }
        written.fetch_add(lines.len() as u64, Ordering::Relaxed);
        std::thread::sleep(PERIOD.saturating_sub(begun.elapsed()));
    }
    Ok(())
}

/// Takes from a list that others fill, until it is told to stop, or the connection ends.
fn pop(address: &str, stop: &AtomicBool) -> io::Result<()> {
    let mut client = Client::connect(address)?;
    while !stop.load(Ordering::Relaxed) {
        client.try_cmd(&["BLMOVE", "queue", "taken", "LEFT", "RIGHT", "0.05"])?;
        client.try_cmd(&["BLPOP", "taken", "queue", "0.05"])?;
    }
    Ok(())
}

/// Runs `during` while clients write.
fn under_load<R>(address: &str, seed: u64, during: impl FnOnce(&AtomicU64) -> R) -> R {
    let (stop, written) = (AtomicBool::new(false), AtomicU64::new(0));
    let (stopped, count) = (&stop, &written);
    std::thread::scope(|scope| {
        for n in 0..2 {
            // The connection ends when the server is killed.
            scope.spawn(move || drop(write(address, seed * 2 + n, stopped, count)));
        }
        scope.spawn(|| drop(pop(address, stopped)));
        let result = during(&written);
        stop.store(true, Ordering::Relaxed);
        result
    })
}

fn wait_more(written: &AtomicU64, requests: u64) {
    let goal = written.load(Ordering::Relaxed) + requests;
    wait_until("clients have written", || {
        written.load(Ordering::Relaxed) >= goal
    });
}

struct Pair {
    primary: Server,
    replica: Server,
    name: &'static str,
}

fn configured(builder: Builder) -> Builder {
    builder.config("repl-backlog-size 64mb")
}

fn logged(fsync: &str) -> Builder {
    configured(forebay(fsync)).config("auto-aof-rewrite-min-size 2mb")
}

impl Pair {
    /// One that is killed and has a log, and another one.
    fn new(round: u64, kills_primary: bool) -> Option<Pair> {
        let pair = (round / ROUNDS_OF_A_PAIR) as usize;
        let name = OTHERS[pair % OTHERS.len()];
        let fsync = ["everysec", "always", "no"][pair % 3];
        let other = configured(Builder::named(name)?);
        let (primary, replica) = match kills_primary {
            true => (logged(fsync), other),
            false => (other, logged(fsync)),
        };
        let primary = primary.start();
        let replica = replica.replica_of(&primary).start();
        let mut client = replica.client();
        wait_until("the link is up", || {
            client.info_field("replication", "master_link_status") == "up"
        });
        let this = Pair {
            primary,
            replica,
            name,
        };
        // Until the payload is its base, the log of a replica is that of the dataset before.
        wait_written(if kills_primary {
            &this.primary
        } else {
            &this.replica
        });
        Some(this)
    }

    fn full_syncs(&self) -> u64 {
        let count = self.primary.client().info_field("stats", "sync_full");
        count.parse().expect("a number")
    }

    /// Both have the same, and so has who reads the log.
    fn judge(&self, logged: &Server, round: u64, why: &str) {
        let (mut a, mut b) = (self.primary.client(), self.replica.client());
        wait_until("all that expires has expired", || {
            a.info("keyspace")
                .values()
                .all(|line| line.contains("expires=0"))
        });
        wait_caught_up(&mut a, &mut b);
        let expected = wait_same(&mut a, &mut b);
        wait_written(logged);
        let name = READERS[round as usize % READERS.len()];
        if let Some(reader) = Builder::peer(name) {
            let copy = copy_log(logged);
            let reader = reader
                .config("appendonly yes")
                .config(format!("dir {}", copy.path().display()))
                .start();
            assert_eq!(digest(&mut reader.client()), expected, "{why}: {name}");
        }
    }
}

fn rounds(kills_primary: bool) {
    let (count, seed) = (
        number("APPEND_CRASH_ROUNDS", 2),
        number("APPEND_CRASH_SEED", 0),
    );
    let mut pair: Option<Pair> = None;
    let mut requests = 0;
    for round in seed..seed + count {
        if round % ROUNDS_OF_A_PAIR == 0 {
            pair = None;
        }
        let Some(mut this) = pair.take().or_else(|| Pair::new(round, kills_primary)) else {
            continue;
        };
        let why = format!("round {round} with {}", this.name);
        let mut rng = Rng::new(round);
        let before = this.full_syncs();
        let pause = 1000 + rng.below(4000) as u64;
        let rewrite = rng.below(3) == 0;
        let killed = |server: &mut Server, written: &AtomicU64| {
            if rewrite {
                server.client().run("BGREWRITEAOF");
            }
            wait_more(written, pause);
            server.kill();
        };
        let address = this.primary.address();
        requests += under_load(&address, round, |written| {
            match kills_primary {
                true => killed(&mut this.primary, written),
                false => {
                    killed(&mut this.replica, written);
                    wait_more(written, 1000);
                }
            }
            written.load(Ordering::Relaxed)
        });
        match kills_primary {
            true => this.primary = this.primary.restart(),
            false => this.replica = this.replica.restart(),
        }
        let mut client = this.replica.client();
        wait_until("the link is up", || {
            client.info_field("replication", "master_link_status") == "up"
        });
        let after = this.full_syncs();
        assert_eq!(after, if kills_primary { 0 } else { before }, "{why}");
        under_load(&address, round + 1_000_000, |written| {
            wait_more(written, 500);
        });
        let logged = match kills_primary {
            true => &this.primary,
            false => &this.replica,
        };
        this.judge(logged, round, &why);
        pair = Some(this);
    }
    println!("{count} rounds, {requests} requests before the kills");
}

#[test]
fn a_primary_that_is_killed_goes_on_from_its_log() {
    rounds(true);
}

#[test]
fn a_replica_that_is_killed_goes_on_from_its_log() {
    rounds(false);
}

#[test]
fn a_crash_during_a_full_sync_leaves_the_old_dataset_or_the_new_one() {
    let primary = Builder::forebay().start();
    let mut client = primary.client();
    client.ok("DEBUG POPULATE 20000 key 100");
    let new = digest(&mut client);
    let (mut old_ones, mut new_ones) = (0, 0);
    let mut rng = Rng::new(number("APPEND_CRASH_SEED", 0));
    for round in 0..number("APPEND_CRASH_ROUNDS", 10) {
        let load = ["disabled", "swapdb"][rng.below(2)];
        let mut replica = logged("everysec")
            .config(format!("repl-diskless-load {load}"))
            .start();
        let mut client = replica.client();
        client.ok("SET old value");
        let old = digest(&mut client);
        client.ok(&format!("REPLICAOF 127.0.0.1 {}", primary.port()));
        std::thread::sleep(Duration::from_millis(rng.below(700) as u64));
        replica.kill();
        let replica = replica.restart();
        let found = digest(&mut replica.client());
        assert!(found == old || found == new, "round {round}, {load}");
        old_ones += usize::from(found == old);
        new_ones += usize::from(found == new);
    }
    println!("{old_ones} times the old dataset, {new_ones} times the new one");
}
