//! Nanoseconds per operation and bytes per element of large values, without server or keyspace around.
//!
//! `cargo bench --bench values [-- FILTER]`. Keys and members look like redis-benchmark's. Times include
//! the formatting of the member (shown as `baseline`), and are CPU times: other work on the machine
//! disturbs caches, not the clock; bytes are what `Value::heap_bytes` accounts.

use forebay::keyspace::value::{Hash, List, Set, Zset};
use forebay::keyspace::{Limits, Value};
use std::hint::black_box;
use std::io::Write;

const N: usize = 1_000_000;

fn main() {
    let filter: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with("--"))
        .collect();
    let wants = |name: &str| filter.is_empty() || filter.iter().any(|f| name.contains(f.as_str()));
    let benches: [(&str, fn()); 7] = [
        ("baseline", baseline),
        ("set", set),
        ("hash", hash),
        ("zset", zset),
        ("list", list),
        ("packed", packed),
        ("load", load),
    ];
    for (name, bench) in benches {
        if wants(name) {
            bench();
        }
    }
}

/// A pseudo-random sequence, the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % n
    }
}

/// `prefix:000000012345`, without allocating.
struct Name {
    text: [u8; 32],
    len: usize,
}

fn name(prefix: &str, i: usize) -> Name {
    let mut text = [0; 32];
    let mut out = &mut text[..];
    write!(out, "{prefix}:{i:012}").expect("32 bytes suffice");
    let left = out.len();
    Name {
        text,
        len: 32 - left,
    }
}

impl Name {
    fn bytes(&self) -> &[u8] {
        &self.text[..self.len]
    }
}

/// CPU time of this thread so far, in nanoseconds (Linux counts it per thread).
fn cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let field = text.split_whitespace().next().expect("three fields");
    field.parse().expect("nanoseconds")
}

fn time(what: &str, ops: usize, mut op: impl FnMut(usize)) {
    let start = cpu_ns();
    for i in 0..ops {
        op(i);
    }
    let ns = (cpu_ns() - start) as f64 / ops as f64;
    println!("{what:<40} {ns:>8.1} ns");
}

fn memory(what: &str, value: &Value) {
    let per = value.heap_bytes() as f64 / value.len() as f64;
    println!("{what:<40} {per:>8.1} bytes per element");
}

fn baseline() {
    time("baseline: format a member", N, |i| {
        black_box(name("element", i).bytes());
    });
    let mut map = std::collections::HashMap::new();
    time("baseline: HashMap<Vec<u8>, Vec<u8>>", N, |i| {
        map.insert(name("element", i).bytes().to_vec(), b"value:xyz".to_vec());
    });
    let mut rng = Random(1);
    time("baseline: HashMap get", N, |_| {
        black_box(map.get(name("element", rng.below(N)).bytes()));
    });
}

fn set() {
    let limits = Limits::default();
    let mut rng = Random(1);
    let mut set = Set::new();
    time("sadd, 1M new", N, |i| {
        set.add(name("element", i).bytes(), &limits);
    });
    time("sadd, there already", N, |_| {
        set.add(name("element", rng.below(N)).bytes(), &limits);
    });
    time("sismember", N, |_| {
        black_box(set.as_ref().contains(name("element", rng.below(N)).bytes()));
    });
    time("srandmember", N, |i| {
        black_box(set.as_ref().random(i as u64 * 0x9e37_79b9));
    });
    let value = Value::Set(set.clone());
    memory("set of 1M", &value);
    time("smembers, per member", 1, |_| {
        black_box(set.as_ref().iter().map(|m| m.len()).sum::<usize>());
    });
    time("srem, first after a clone", 1, |_| {
        set.remove(name("element", 77).bytes());
    });
    time("srem, spread over a cloned set", 100_000, |i| {
        set.remove(name("element", i * 9).bytes());
    });
    drop(value);
    time("spop", 800_000, |i| {
        black_box(set.pop_random(i as u64 * 0x9e37_79b9_7f4a_7c15));
    });
    memory("set after spop", &Value::Set(set));
}

fn hash() {
    let limits = Limits::default();
    let mut rng = Random(2);
    let mut hash = Hash::new();
    time("hset, 1M new", N, |i| {
        hash.set(name("element", i).bytes(), b"value:xyz", &limits);
    });
    memory("hash of 1M", &Value::Hash(hash.clone()));
    time("hset, same size", N, |_| {
        hash.set(name("element", rng.below(N)).bytes(), b"value:abc", &limits);
    });
    time("hset, other sizes", N, |i| {
        hash.set(
            name("element", rng.below(N)).bytes(),
            &b"value:abcdefgh"[..i % 14],
            &limits,
        );
    });
    memory("hash after that", &Value::Hash(hash.clone()));
    time("hget", N, |_| {
        black_box(hash.as_ref().get(name("element", rng.below(N)).bytes()));
    });
    time("hexpire", 100_000, |i| {
        hash.set_expire(name("element", i).bytes(), Some(i as i64), &limits);
    });
    time("expire fields", 100, |i| {
        hash.remove_expired((i as i64 + 1) * 1000, 1000, |_| {});
    });
    time("hdel", 800_000, |_| {
        hash.remove(name("element", rng.below(N)).bytes());
    });
    memory("hash after hdel", &Value::Hash(hash));
}

fn zset() {
    let limits = Limits::default();
    let mut rng = Random(3);
    let mut zset = Zset::new();
    time("zadd, 1M new, random scores", N, |i| {
        zset.set(
            name("element", i).bytes(),
            rng.below(1 << 30) as f64,
            &limits,
        );
    });
    memory("zset of 1M", &Value::Zset(zset.clone()));
    time("zadd, other score", N, |_| {
        zset.set(
            name("element", rng.below(N)).bytes(),
            rng.below(1 << 30) as f64,
            &limits,
        );
    });
    time("zscore", N, |_| {
        black_box(zset.as_ref().score(name("element", rng.below(N)).bytes()));
    });
    time("zrank", N, |_| {
        black_box(zset.as_ref().rank(name("element", rng.below(N)).bytes()));
    });
    time("zrange of 100", 100_000, |_| {
        let at = rng.below(N - 100);
        black_box(zset.as_ref().range(at..at + 100).count());
    });
    time("zpopmin", 800_000, |_| {
        let member = zset.as_ref().range(0..1).next().map(|(m, _)| m.to_vec());
        zset.remove(&member.expect("not empty"));
    });
    let mut zset = Zset::new();
    time("zadd, 1M new, equal scores", N, |i| {
        zset.set(name("element", i * 7919 % N).bytes(), 0.0, &limits);
    });
    let mut zset = Zset::new();
    time("zadd, 1M new, rising scores", N, |i| {
        zset.set(name("element", i).bytes(), i as f64, &limits);
    });
    memory("zset of 1M, rising", &Value::Zset(zset));
}

fn list() {
    let limits = Limits::default();
    let mut rng = Random(4);
    let mut list = List::new();
    time("rpush", N, |i| {
        list.push_back(name("element", i).bytes(), &limits)
    });
    memory("list of 1M", &Value::List(list.clone()));
    time("lindex", 100_000, |_| {
        black_box(list.as_ref().get(rng.below(N)));
    });
    time("lrange of 100", 100_000, |_| {
        let at = rng.below(N - 100);
        black_box(list.as_ref().range(at..at + 100).count());
    });
    time("lset", 100_000, |_| {
        list.set(rng.below(N), b"other", &limits);
    });
    time("linsert in the middle", 100_000, |_| {
        list.insert(rng.below(N), b"between", &limits)
    });
    time("lpop", N, |_| {
        black_box(list.pop_front());
    });
    let mut list = List::new();
    time("lpush", N, |i| {
        list.push_front(name("element", i).bytes(), &limits)
    });
    time("lpush + rpop, a queue", N, |i| {
        list.push_front(name("element", i).bytes(), &limits);
        black_box(list.pop_back());
    });
    time("lpush of 3 bytes", N, |_| list.push_front(b"xyz", &limits));
}

/// What a command on a small value costs that stands in a record: read from it, or taken out, changed
/// and put back.
fn packed() {
    let limits = Limits::default();
    let mut hash = Hash::new();
    for i in 0..10 {
        hash.set(name("field", i).bytes(), b"value:xyz", &limits);
    }
    let mut bytes = Vec::new();
    let rdb_type = Value::Hash(hash)
        .to_record(&mut bytes)
        .expect("a small hash");
    time("hget of 10 fields in a record", N, |i| {
        let forebay::keyspace::ValueRef::Hash(hash) =
            forebay::keyspace::ValueRef::from_record(rdb_type, &bytes)
        else {
            unreachable!()
        };
        black_box(hash.get(name("field", i % 10).bytes()));
    });
    let mut out = Vec::new();
    time("hset of 10 fields in a record", N, |i| {
        let mut value = Value::from_record(rdb_type, &bytes);
        let Value::Hash(hash) = &mut value else {
            unreachable!()
        };
        hash.set(name("field", i % 10).bytes(), b"value:abc", &limits);
        out.clear();
        black_box(value.to_record(&mut out));
    });
}

/// Building trees from a dump's bytes, and writing them.
fn load() {
    let limits = Limits::default();
    let mut hash = Hash::new();
    let mut zset = Zset::new();
    for i in 0..N {
        hash.set(name("element", i).bytes(), b"value:xyz", &limits);
        zset.set(name("element", i).bytes(), (i * 7919 % N) as f64, &limits);
    }
    for (what, value) in [("hash", Value::Hash(hash)), ("zset", Value::Zset(zset))] {
        let mut bytes = Vec::new();
        let start = cpu_ns();
        let rdb_type = value.to_rdb(&mut |piece| bytes.extend_from_slice(piece), None);
        println!(
            "{:<40} {:>8.1} ns per element",
            format!("{what}: write 1M"),
            (cpu_ns() - start) as f64 / N as f64
        );
        let start = cpu_ns();
        let loaded = Value::from_record(rdb_type, &bytes);
        println!(
            "{:<40} {:>8.1} ns per element",
            format!("{what}: load 1M"),
            (cpu_ns() - start) as f64 / N as f64
        );
        memory(&format!("{what}, loaded"), &loaded);
        let start = cpu_ns();
        drop(loaded);
        println!(
            "{:<40} {:>8.1} ns per element",
            format!("{what}: drop 1M"),
            (cpu_ns() - start) as f64 / N as f64
        );
    }
}
