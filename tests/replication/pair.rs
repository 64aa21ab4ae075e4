//! What these tests share: writers, and when two servers agree.

use crate::support::client::Client;
use crate::support::dataset;
use crate::support::server::{Builder, Server};
use crate::support::wait::wait_until;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

/// The real server that every test is run with.
pub const PEER: &str = "redis-7.0";

/// Between two commands of a writer.
const PAUSE: std::time::Duration = std::time::Duration::from_micros(200);

/// A client that writes all kinds of values until it is stopped.
pub struct Writers {
    stop: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Writers {
    /// Starts `count` of them.
    pub fn start(server: &Server, count: u64) -> Writers {
        let stop = Arc::new(AtomicBool::new(false));
        let written = Arc::new(AtomicU64::new(0));
        let spawn = |n: u64| {
            let (mut client, stop, written) = (server.client(), stop.clone(), written.clone());
            std::thread::spawn(move || {
                let mut seed = n + 1;
                while !stop.load(Ordering::Relaxed) {
                    if write_something(&mut client, &mut seed).is_err() {
                        return; // the server was killed by its test
                    }
                    written.fetch_add(1, Ordering::Relaxed);
                    // A load that an unoptimised build can follow.
                    std::thread::sleep(PAUSE);
                }
            })
        };
        let threads = (0..count).map(spawn).collect();
        Writers {
            stop,
            written,
            threads,
        }
    }

    /// Waits until that many more commands were answered.
    pub fn wait_more(&self, commands: u64) {
        let goal = self.written.load(Ordering::Relaxed) + commands;
        wait_until("the writers have written", || {
            self.written.load(Ordering::Relaxed) >= goal
        });
    }

    /// Stops them; gives the number of commands that were answered.
    pub fn stop(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().expect("writers do not panic");
        }
        self.written.load(Ordering::Relaxed)
    }
}

/// Enough to vary keys.
fn xorshift(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed >> 8
}

fn write_something(client: &mut Client, seed: &mut u64) -> std::io::Result<()> {
    let n = xorshift(seed);
    let key = |kind: &str| format!("{kind}:{}", n % 500);
    let value = format!("value-{n}");
    let run = |client: &mut Client, words: &[&str]| client.try_cmd(words).map(drop);
    match n % 16 {
        0 => run(client, &["RPUSH", &key("list"), &value]),
        1 => run(client, &["LPOP", &key("list")]),
        2 => run(client, &["SADD", &key("set"), &value, "a", "b"]),
        3 => run(client, &["SPOP", &key("set")]),
        4 => run(client, &["HSET", &key("hash"), &value, "1", "f", &value]),
        5 => run(
            client,
            &["ZADD", &key("zset"), &(n % 1000).to_string(), &value],
        ),
        6 => run(client, &["INCR", &key("counter")]),
        7 => run(client, &["DEL", &key("string"), &key("list")]),
        8 => run(client, &["EXPIRE", &key("string"), "1000"]),
        9 => run(client, &["SELECT", &(n % 3).to_string()]),
        10 => {
            run(client, &["MULTI"])?;
            run(client, &["INCR", "total"])?;
            run(client, &["APPEND", &key("log"), "x"])?;
            run(client, &["EXEC"])
        }
        11 => run(client, &["SET", &key("big"), &value.repeat(300)]),
        _ => run(client, &["SET", &key("string"), &value]),
    }
}

/// A few values of every type, so that a full sync has something to carry.
pub fn seed_data(server: &Server) {
    let mut client = server.client();
    client.ok("SET plain value");
    client.ok("SET number 12345");
    client.ok("SET later value EX 100000");
    client.ok("RPUSH list a b 3 4");
    client.ok("SADD set a b c");
    client.ok("SADD ints 1 2 3");
    client.ok("ZADD zset 1 a 2.5 b");
    client.ok("HSET hash f v g w");
    client.ok("SELECT 9");
    client.ok("SET other database");
    let mut seed = 1;
    let letter = |_| char::from(b'A' + (xorshift(&mut seed) % 58) as u8);
    let large: String = (0..100_000).map(letter).collect();
    client.cmd(&["SET", "large", &large]); // nothing to compress: the payload is as long
    for i in 0..2000 {
        client.cmd(&["SET", &format!("key:{i}"), &format!("value:{i}")]);
    }
}

/// Waits until the replica follows and both hold the same, at the same offset.
pub fn assert_in_step(primary: &Server, replica: &Server) {
    let (mut a, mut b) = (primary.client(), replica.client());
    dataset::wait_caught_up(&mut a, &mut b);
    dataset::wait_same(&mut a, &mut b);
    wait_until(
        "both have the same offset and the primary has its acknowledgement",
        || {
            let ours = a.info("replication");
            let theirs = b.info("replication");
            let acked = ours.values().any(|v| {
                v.contains("state=online")
                    && v.contains(&format!("offset={},", ours["master_repl_offset"]))
            });
            ours["master_repl_offset"] == theirs["slave_repl_offset"]
                && ours["master_replid"] == theirs["master_replid"]
                && acked
        },
    );
}

/// A field of INFO as a number.
pub fn number(server: &Server, section: &str, field: &str) -> i64 {
    let text = server.client().info_field(section, field);
    text.parse()
        .unwrap_or_else(|_| panic!("{field} is {text:?}"))
}

/// Waits until the link to the primary stands.
pub fn wait_link(replica: &Server) {
    let mut client = replica.client();
    wait_until("the link is up", || {
        client.info_field("replication", "master_link_status") == "up"
    });
}

/// `forebay`, or the peer; `None` where there is none.
pub fn builder(name: &str) -> Option<Builder> {
    Builder::named(name)
}

/// Starts replicas of `primary`, one of each name that is installed, and waits until they have its data.
pub fn readers_of(primary: &Server, names: &[&str]) -> Vec<Server> {
    let readers: Vec<Server> = names
        .iter()
        .filter_map(|name| builder(name))
        .map(|b| b.replica_of(primary).start())
        .collect();
    readers.iter().for_each(wait_link);
    readers
}
