//! Two servers hold the same data: by digest, which is quick, and key by key, which says what
//! differs.

use std::collections::BTreeMap;

use super::client::Client;
use super::resp::Value;
use super::wait::{LONG, wait_for};
use super::words::quoted;

/// Differing keys shown before the rest is only counted.
const SHOWN: usize = 10;

/// Databases looked into: Redis's default number.
const DATABASES: usize = 16;

/// `DEBUG DIGEST`: 40 hex digits over all databases; all zeros where there are no keys.
pub fn digest(client: &mut Client) -> String {
    client.text("DEBUG DIGEST")
}

/// Waits until both have the same digest (a replica follows its primary after a moment), then
/// gives it; compares key by key to say what differs when they do not get there.
pub fn wait_same(a: &mut Client, b: &mut Client) -> String {
    let start = std::time::Instant::now();
    loop {
        let (left, right) = (digest(a), digest(b));
        if left == right {
            return left;
        }
        if start.elapsed() > LONG {
            assert_same(a, b);
            panic!("digests differ ({left}, {right}) and no key does");
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// One value with its expiry, in a form in which order does not matter where it does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `TYPE`
    pub kind: String,
    /// The content: sorted where the type has no order.
    pub content: Vec<Value>,
    /// `PEXPIRETIME`; -1 is none, and [`SOME_TIME`] what a server without that command does not tell.
    pub expires_at_ms: i64,
}

/// The key expires, but the server (Redis 6.2) does not tell exactly when. `DEBUG DIGEST` does not know it either.
const SOME_TIME: i64 = i64::MAX;

impl Entry {
    fn equals(&self, other: &Entry, slack_ms: u64) -> bool {
        let both_expire = (self.expires_at_ms < 0) == (other.expires_at_ms < 0);
        let is_told = [self, other].iter().all(|e| e.expires_at_ms != SOME_TIME);
        self.kind == other.kind
            && self.content == other.content
            && both_expire
            && (!is_told || self.expires_at_ms.abs_diff(other.expires_at_ms) <= slack_ms)
    }
}

/// Every key of every database. `None`-expiry keys have -1.
pub fn read(client: &mut Client) -> BTreeMap<(usize, Vec<u8>), Entry> {
    let mut all = BTreeMap::new();
    for db in 0..DATABASES {
        if client.cmd(&["SELECT", &db.to_string()]).is_error() {
            break;
        }
        for key in keys(client) {
            let entry = entry(client, &key);
            all.insert((db, key), entry);
        }
    }
    client.ok("SELECT 0");
    all
}

/// Every key of the selected database, by SCAN.
pub fn keys(client: &mut Client) -> Vec<Vec<u8>> {
    let mut found = std::collections::BTreeSet::new();
    let mut cursor = b"0".to_vec();
    loop {
        let reply = client.cmd(&[
            b"SCAN".to_vec(),
            cursor,
            b"COUNT".to_vec(),
            b"1000".to_vec(),
        ]);
        let parts = reply.items().unwrap_or_else(|| panic!("SCAN: {reply}"));
        cursor = parts[0].bytes().expect("a cursor is a string").to_vec();
        let keys = parts[1].items().expect("the keys are an array");
        found.extend(keys.iter().filter_map(|k| k.bytes().map(<[u8]>::to_vec)));
        if cursor == b"0" {
            return found.into_iter().collect();
        }
    }
}

/// One key.
pub fn entry(client: &mut Client, key: &[u8]) -> Entry {
    let kind = client
        .cmd(&[b"TYPE", key])
        .text()
        .unwrap_or_default()
        .to_owned();
    let mut run = |args: &[&[u8]]| {
        let reply = client.cmd(args);
        match reply {
            Value::Array(items) | Value::Set(items) => items,
            Value::Map(pairs) => pairs.into_iter().flat_map(|(k, v)| [k, v]).collect(),
            other => vec![other],
        }
    };
    let content = match kind.as_str() {
        "string" => run(&[b"GET", key]),
        "list" => run(&[b"LRANGE", key, b"0", b"-1"]),
        "set" => sorted(run(&[b"SMEMBERS", key])),
        "hash" => sorted_pairs(run(&[b"HGETALL", key])),
        "zset" => by_number(run(&[b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"])),
        "stream" => run(&[b"XRANGE", key, b"-", b"+"]),
        "array" => run(&[b"ARSCAN", key, b"0", b"18446744073709551614"]),
        _ => Vec::new(),
    };
    let at = run(&[b"PEXPIRETIME", key])[0].int();
    let expires_at_ms = at.unwrap_or_else(|| match run(&[b"PTTL", key])[0].int() {
        Some(0..) => SOME_TIME,
        _ => -1,
    });
    Entry {
        kind,
        content,
        expires_at_ms,
    }
}

fn sorted(mut items: Vec<Value>) -> Vec<Value> {
    items.sort();
    items
}

/// Members with their scores, each of which servers write in texts of their own.
fn by_number(mut items: Vec<Value>) -> Vec<Value> {
    for score in items.iter_mut().skip(1).step_by(2) {
        let number: Option<f64> = score.text().and_then(|text| text.parse().ok());
        if let Some(number) = number {
            *score = Value::Bulk(format!("{number:?}").into_bytes());
        }
    }
    items
}

fn sorted_pairs(items: Vec<Value>) -> Vec<Value> {
    let mut pairs: Vec<_> = items.chunks(2).map(<[Value]>::to_vec).collect();
    pairs.sort();
    pairs.concat()
}

/// What differs between two servers, a line a key; empty where nothing does. Expiries count as equal
/// within `slack_ms`.
pub fn differences(a: &mut Client, b: &mut Client, slack_ms: u64) -> Vec<String> {
    let (left, right) = (read(a), read(b));
    let mut lines = Vec::new();
    for (at, entry) in &left {
        match right.get(at) {
            None => lines.push(format!("{} only in the first", name(at))),
            Some(other) if !entry.equals(other, slack_ms) => {
                lines.push(format!("{}: {} / {}", name(at), shown(entry), shown(other)));
            }
            Some(_) => {}
        }
    }
    for at in right.keys().filter(|at| !left.contains_key(at)) {
        lines.push(format!("{} only in the second", name(at)));
    }
    lines
}

/// Both hold the same keys with the same values and expiries.
///
/// # Panics
/// When they do not, with the first keys that differ.
pub fn assert_same(a: &mut Client, b: &mut Client) {
    let lines = differences(a, b, 0);
    assert!(
        lines.is_empty(),
        "{} keys differ:\n{}",
        lines.len(),
        lines[..lines.len().min(SHOWN)].join("\n")
    );
}

/// Waits until `replica` has the link up and has processed everything `primary` has written.
pub fn wait_caught_up(primary: &mut Client, replica: &mut Client) {
    wait_for("the replica has caught up", LONG, || {
        let info = replica.info("replication");
        let up = info.get("master_link_status").is_some_and(|s| s == "up");
        let theirs: i64 = info
            .get("slave_repl_offset")
            .and_then(|s| s.parse().ok())
            .unwrap_or(-1);
        let ours: i64 = primary
            .info_field("replication", "master_repl_offset")
            .parse()
            .unwrap_or(0);
        (up && theirs >= ours).then_some(())
    });
}

fn name((db, key): &(usize, Vec<u8>)) -> String {
    format!("db {db} key {}", quoted(key))
}

fn shown(entry: &Entry) -> String {
    let text = format!(
        "{} {} expires {}",
        entry.kind,
        Value::Array(entry.content.clone()),
        entry.expires_at_ms
    );
    if text.chars().count() > 300 {
        text.chars().take(300).collect::<String>() + "..."
    } else {
        text
    }
}
