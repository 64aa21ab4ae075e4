//! Clients that number their writes, follow the primary wherever it goes, and know at the end what every server must hold.
//!
//! Each writer owns its keys and keeps a mirror of them: a write counts when it was answered, and one that a replica refuses
//! is sent again, in order, to whoever is the primary by then. A connection that ends would leave its writes in doubt, so
//! that it fails the writer: a planned promotion ends none.

use super::client::Client;
use super::resp::{Value, request};
use super::wait::wait_until;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Writes that are sent together.
const BATCH: usize = 10;

/// Keys of a kind that each writer has, or members of them.
const WIDTH: u64 = 64;

/// Elements of one list.
const PER_LIST: u64 = 512;

/// When fields expire: not during a test.
const FAR_MS: &str = "4000000000000";

/// Kinds of writes that take turns.
const KINDS: u64 = 12;

/// Adds two to a counter.
const SCRIPT: &str = "return redis.call('INCRBY', KEYS[1], 2)";

/// What is known to all servers: a field of a hash expires from Redis 7.4 and Valkey 9.0 on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Words {
    Plain,
    FieldExpiry,
}

/// How much is written.
#[derive(Clone, Copy)]
pub struct Load {
    pub writers: u64,
    /// Writes in a second, of all writers together.
    pub rate: u64,
    pub words: Words,
}

struct Shared {
    ports: Vec<u16>,
    load: Load,
    stop: AtomicBool,
    answered: AtomicU64,
    /// The longest time in which a writer had no answer, in microseconds.
    worst_gap: AtomicU64,
    /// By writer: the port of the server that answered last.
    served_by: Vec<AtomicU64>,
}

/// The writers.
pub struct Numbered {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<Mirror>>,
}

/// What the writers know when they have stopped.
pub struct Ledger(Vec<Mirror>);

impl Numbered {
    /// Starts to write to whichever of the servers with these ports is the primary.
    pub fn start(ports: &[u16], load: Load) -> Numbered {
        let shared = Arc::new(Shared {
            ports: ports.to_vec(),
            load,
            stop: AtomicBool::new(false),
            answered: AtomicU64::new(0),
            worst_gap: AtomicU64::new(0),
            served_by: (0..load.writers).map(|_| AtomicU64::new(0)).collect(),
        });
        let spawn = |id| {
            let shared = shared.clone();
            std::thread::spawn(move || write(&shared, id))
        };
        let threads = (0..load.writers).map(spawn).collect();
        Numbered { shared, threads }
    }

    /// Writes that were answered.
    pub fn answered(&self) -> u64 {
        self.shared.answered.load(Ordering::Relaxed)
    }

    /// Waits until that many more writes were answered.
    pub fn wait_more(&self, writes: u64) {
        let goal = self.answered() + writes;
        wait_until("the numbered writes are answered", || {
            self.assert_alive();
            self.answered() >= goal
        });
    }

    /// Does `promote`, waits until every writer is served by the server with this port, and gives the longest time
    /// in which a writer had no answer meanwhile.
    pub fn downtime(&self, port: u16, promote: impl FnOnce()) -> Duration {
        self.shared.worst_gap.store(0, Ordering::Relaxed);
        promote();
        wait_until("all writers are served by the new primary", || {
            self.assert_alive();
            let mut served = self.shared.served_by.iter();
            served.all(|by| by.load(Ordering::Relaxed) == u64::from(port))
        });
        Duration::from_micros(self.shared.worst_gap.load(Ordering::Relaxed))
    }

    fn assert_alive(&self) {
        let failed = self.threads.iter().any(JoinHandle::is_finished);
        assert!(!failed, "a writer has failed");
    }

    /// Stops the writers, when what they have sent is answered.
    pub fn stop(self) -> Ledger {
        self.shared.stop.store(true, Ordering::Relaxed);
        let mirrors = self.threads.into_iter().map(JoinHandle::join);
        Ledger(mirrors.map(|m| m.expect("writers do not fail")).collect())
    }
}

/// The primary's port, and a connection to it, as soon as there is one.
fn find_primary(ports: &[u16]) -> (u16, Client) {
    let mut found = None;
    wait_until("one of the servers is the primary", || {
        found = ports.iter().find_map(|&port| {
            let mut client = Client::connect(("127.0.0.1", port)).ok()?;
            let role = client.try_cmd(&["ROLE"]).ok()?;
            let is_primary = role.items()?.first()?.text() == Some("master");
            is_primary.then_some((port, client))
        });
        found.is_some()
    });
    found.expect("it was found")
}

/// One writer, until it is stopped.
fn write(shared: &Shared, id: u64) -> Mirror {
    let Load {
        writers,
        rate,
        words,
    } = shared.load;
    let every = Duration::from_secs_f64((BATCH as u64 * writers) as f64 / rate as f64);
    let mut mirror = Mirror::default();
    let mut numbers =
        (0..).filter(|&n| words == Words::FieldExpiry || Kind::of(n) != Kind::ExpireField);
    let mut pending = VecDeque::new();
    let (mut port, mut client) = find_primary(&shared.ports);
    let (mut due, mut last_answer) = (Instant::now(), Instant::now());
    loop {
        pending.extend(numbers.by_ref().take(BATCH - pending.len()));
        let requests: Vec<_> = pending.iter().map(|&n| requests(id, n)).collect();
        let bytes: Vec<u8> = requests.iter().flatten().flat_map(|r| request(r)).collect();
        client.send_raw(&bytes).expect("the requests are sent");
        let mut refused = VecDeque::new();
        for (n, parts) in pending.drain(..).zip(&requests) {
            let replies = parts
                .iter()
                .map(|_| client.read().expect("no connection ends"));
            let reply = replies.last().expect("there is a request");
            if is_refusal(&reply) {
                refused.push_back(n);
                continue;
            }
            assert!(!reply.is_error(), "{parts:?}: {reply}");
            assert!(refused.is_empty(), "{n} has overtaken {refused:?}");
            mirror.apply(n);
            shared.answered.fetch_add(1, Ordering::Relaxed);
            let gap = u64::try_from(last_answer.elapsed().as_micros()).unwrap_or(u64::MAX);
            shared.worst_gap.fetch_max(gap, Ordering::Relaxed);
            shared.served_by[id as usize].store(u64::from(port), Ordering::Relaxed);
            last_answer = Instant::now();
        }
        pending = refused;
        if !pending.is_empty() {
            (port, client) = find_primary(&shared.ports);
            due = Instant::now();
            continue;
        }
        if shared.stop.load(Ordering::Relaxed) {
            return mirror;
        }
        due += every;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}

/// Whether a reply says that somebody else is the primary.
fn is_refusal(reply: &Value) -> bool {
    let Value::Error(text) = reply else {
        return false;
    };
    // Redis 6.2 gives the error of a script's call within one of its own.
    text.starts_with("EXECABORT") || text.starts_with("READONLY") || text.contains("-READONLY ")
}

/// What is written, by the number of the write.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Set,
    Push,
    Increment,
    SetField,
    ExpireField,
    Add,
    Score,
    Entry,
    Delete,
    Transaction,
    Script,
}

impl Kind {
    fn of(n: u64) -> Kind {
        match n % KINDS {
            0 | 1 => Kind::Set,
            2 => Kind::Push,
            3 => Kind::Increment,
            4 => Kind::SetField,
            5 => Kind::ExpireField,
            6 => Kind::Add,
            7 => Kind::Score,
            8 => Kind::Entry,
            9 => Kind::Delete,
            10 => Kind::Transaction,
            _ => Kind::Script,
        }
    }
}

/// The number of the key or field that write `n` is about.
fn slot(n: u64) -> u64 {
    match Kind::of(n) {
        Kind::Delete => (n / KINDS + WIDTH / 2) % WIDTH,
        _ => (n / KINDS) % WIDTH,
    }
}

fn list_of(n: u64) -> u64 {
    n / KINDS / PER_LIST
}

/// The requests of write `n`: the reply to the last one tells whether it was done.
fn requests(id: u64, n: u64) -> Vec<Vec<String>> {
    let key = |kind: &str| format!("w{id}:{kind}");
    let (string, field, number) = (format!("w{id}:string:{}", slot(n)), slot(n), n);
    let one = match Kind::of(n) {
        Kind::Set => format!("SET {string} {number}"),
        Kind::Push => format!("RPUSH w{id}:list:{} {number}", list_of(n)),
        Kind::Increment => format!("INCR {}", key("counter")),
        Kind::SetField => format!("HSET {} f{field} {number}", key("hash")),
        Kind::ExpireField => format!("HPEXPIREAT {} {FAR_MS} FIELDS 1 f{field}", key("hash")),
        Kind::Add => format!("SADD {} {number}", key("set")),
        Kind::Score => format!("ZADD {} {number} f{field}", key("zset")),
        Kind::Entry => format!("XADD {} {}-1 n {number}", key("stream"), n + 1),
        Kind::Delete => format!("DEL {string}"),
        Kind::Transaction => {
            let parts = [
                "MULTI".to_owned(),
                format!("INCR {}", key("counter")),
                format!("APPEND {} x", key("log")),
                "EXEC".to_owned(),
            ];
            return parts.iter().map(|line| split(line)).collect();
        }
        Kind::Script => {
            let words = ["EVAL", SCRIPT, "1", &key("counter")].map(str::to_owned);
            return vec![words.into()];
        }
    };
    vec![split(&one)]
}

fn split(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

/// What one writer's keys hold.
#[derive(Default)]
struct Mirror {
    strings: BTreeMap<u64, u64>,
    lists: BTreeMap<u64, Vec<u64>>,
    counter: u64,
    log: usize,
    fields: BTreeMap<u64, u64>,
    expiring: BTreeSet<u64>,
    members: BTreeSet<u64>,
    scores: BTreeMap<u64, u64>,
    entries: Vec<u64>,
}

impl Mirror {
    /// What a write does to the keys.
    fn apply(&mut self, n: u64) {
        match Kind::of(n) {
            Kind::Set => _ = self.strings.insert(slot(n), n),
            Kind::Push => self.lists.entry(list_of(n)).or_default().push(n),
            Kind::Increment => self.counter += 1,
            Kind::SetField => {
                self.fields.insert(slot(n), n);
                self.expiring.remove(&slot(n));
            }
            Kind::ExpireField => _ = self.expiring.insert(slot(n)),
            Kind::Add => _ = self.members.insert(n),
            Kind::Score => _ = self.scores.insert(slot(n), n),
            Kind::Entry => self.entries.push(n),
            Kind::Delete => _ = self.strings.remove(&slot(n)),
            Kind::Transaction => {
                self.counter += 1;
                self.log += 1;
            }
            Kind::Script => self.counter += 2,
        }
    }

    /// Questions, and how they must be answered. What has no order is compared sorted.
    fn expected(&self, id: usize, words: Words) -> Vec<(String, Vec<String>)> {
        let key = |kind: &str| format!("w{id}:{kind}");
        let texts = |numbers: &[u64]| numbers.iter().map(u64::to_string).collect::<Vec<_>>();
        let mut all = Vec::new();
        for slot in 0..WIDTH {
            let value = self.strings.get(&slot).map(u64::to_string);
            all.push((
                format!("GET w{id}:string:{slot}"),
                value.into_iter().collect(),
            ));
        }
        for (n, numbers) in &self.lists {
            all.push((format!("LRANGE w{id}:list:{n} 0 -1"), texts(numbers)));
        }
        all.push((format!("GET {}", key("counter")), texts(&[self.counter])));
        all.push((format!("GET {}", key("log")), vec!["x".repeat(self.log)]));
        let fields = self.fields.iter();
        let fields = fields.flat_map(|(slot, n)| [format!("f{slot}"), n.to_string()]);
        all.push((format!("HGETALL {}", key("hash")), fields.collect()));
        if words == Words::FieldExpiry {
            for slot in self.fields.keys() {
                let at = if self.expiring.contains(slot) {
                    FAR_MS
                } else {
                    "-1"
                };
                let question = format!("HPEXPIRETIME {} FIELDS 1 f{slot}", key("hash"));
                all.push((question, vec![at.to_owned()]));
            }
        }
        let members: Vec<u64> = self.members.iter().copied().collect();
        all.push((format!("SMEMBERS {}", key("set")), texts(&members)));
        let scores = self.scores.iter();
        let scores = scores.flat_map(|(slot, n)| [format!("f{slot}"), n.to_string()]);
        let ranked = format!("ZRANGE {} 0 -1 WITHSCORES", key("zset"));
        all.push((ranked, scores.collect()));
        let entries = self.entries.iter();
        let entries = entries.flat_map(|n| [format!("{}-1", n + 1), "n".to_owned(), n.to_string()]);
        all.push((format!("XRANGE {} - +", key("stream")), entries.collect()));
        all
    }
}

impl Ledger {
    /// Every write that was answered is on this server, and nothing else is in the writers' keys.
    ///
    /// # Panics
    /// When it is not so.
    pub fn assert_held_by(&self, client: &mut Client, words: Words) {
        for (id, mirror) in self.0.iter().enumerate() {
            for (question, mut expected) in mirror.expected(id, words) {
                let mut found = Vec::new();
                flatten(&client.run(&question), &mut found);
                if !["LRANGE", "XRANGE"].iter().any(|w| question.starts_with(w)) {
                    found.sort_unstable();
                    expected.sort_unstable();
                }
                assert_eq!(found, expected, "{question}");
            }
        }
    }
}

fn flatten(reply: &Value, into: &mut Vec<String>) {
    match (reply, reply.items()) {
        (_, Some(items)) => items.iter().for_each(|item| flatten(item, into)),
        (Value::Int(n), _) => into.push(n.to_string()),
        (absent, _) if absent.is_null() => {}
        (other, _) => into.extend(other.text().map(str::to_owned)),
    }
}
