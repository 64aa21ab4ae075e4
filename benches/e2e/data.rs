//! The data sets: each key is a function of its number, so that what was loaded can be checked.
//!
//! | name | keys at full scale | what |
//! |---|---|---|
//! | `d1` | 10,000,000 | `key:N` -> `value:N` |
//! | `d2` | 700,000 | strings (compressible), hashes, lists, sets, sorted sets |
//! | `d4` | 1,000,000 | JSON documents of 2 KB with an expiry |
//! | `hash1m` | 1 | a hash of 1,000,000 fields, `field:N` -> `value:N` |
//!
//! A dump is written once by a real redis-server 7.0 into `target/bench-data`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::options::Options;
use crate::pipe::{Pipe, Random};
use crate::support::Value;
use crate::support::client::Client;
use crate::support::peers;
use crate::support::server::Builder;

/// Reads that must be right before a load counts.
const CHECKED_READS: usize = 1_000;

/// Expiry of documents: no run lasts until then.
const FAR_FUTURE_MS: u64 = 4_000_000_000_000;

/// Which data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Small,
    Mixed,
    Documents,
    OneHash,
}

/// A data set of a certain size, as a dump.
pub struct Data {
    pub name: String,
    pub kind: Kind,
    /// Keys, or fields of the one hash.
    pub keys: usize,
    pub dump: PathBuf,
}

impl Data {
    /// The data set of this name at the scale of the options; written now if it is not there yet.
    pub fn named(name: &str, options: &Options) -> Data {
        let (kind, full) = match name {
            "d1" => (Kind::Small, 10_000_000),
            "d2" => (Kind::Mixed, 700_000),
            "d4" => (Kind::Documents, 1_000_000),
            "hash1m" => (Kind::OneHash, 1_000_000),
            other => panic!("there is no data set {other}"),
        };
        let keys = options.scaled(full);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench-data");
        fs::create_dir_all(&folder).expect("target/bench-data can be made");
        let dump = folder.join(format!("{name}-{keys}.rdb"));
        let data = Data {
            name: name.to_owned(),
            kind,
            keys,
            dump,
        };
        if !data.dump.exists() {
            data.write();
        }
        data
    }

    fn write(&self) {
        eprintln!(
            "writing {} ({} keys) with a real server, once",
            self.dump.display(),
            self.keys
        );
        let binary = peers::find("redis-7.0")
            .expect("redis-server 7.0 writes the data sets: run scripts/peers");
        let server = Builder::of("redis-7.0", binary).start();
        let mut client = server.client();
        client.set_reply_limit(None);
        match self.kind {
            Kind::Small => {
                client.ok(&format!("DEBUG POPULATE {}", self.keys));
            }
            Kind::Mixed => {
                let mut pipe = Pipe::to(server.port());
                (0..self.keys).for_each(|i| push_mixed(&mut pipe, i));
            }
            Kind::OneHash => {
                let mut pipe = Pipe::to(server.port());
                for i in 0..self.keys {
                    let (field, value) = (format!("field:{i}"), format!("value:{i}"));
                    pipe.push(&[b"HSET", b"hash", field.as_bytes(), value.as_bytes()]);
                }
            }
            Kind::Documents => {
                let mut pipe = Pipe::to(server.port());
                for i in 0..self.keys {
                    let expiry = (FAR_FUTURE_MS + i as u64).to_string();
                    pipe.push(&[
                        b"SET",
                        document_key(i).as_bytes(),
                        document(i).as_bytes(),
                        b"PXAT",
                        expiry.as_bytes(),
                    ]);
                }
            }
        }
        assert_eq!(client.int("DBSIZE"), self.dbsize());
        client.ok("SAVE");
        let part = self.dump.with_extension("part");
        fs::copy(server.dump_path(), &part).expect("the dump can be copied");
        fs::rename(part, &self.dump).expect("the dump can be renamed");
    }

    /// What DBSIZE says when everything is there.
    pub fn dbsize(&self) -> i64 {
        match self.kind {
            Kind::OneHash => 1,
            _ => self.keys as i64,
        }
    }

    /// The right number of keys is there, and random ones have the right value.
    pub fn check(&self, client: &mut Client, seed: u64) {
        assert_eq!(client.int("DBSIZE"), self.dbsize(), "keys loaded");
        let mut random = Random(seed);
        for _ in 0..CHECKED_READS {
            let i = random.below(self.keys);
            match self.kind {
                Kind::Small => {
                    assert_eq!(client.text(&format!("GET key:{i}")), format!("value:{i}"))
                }
                Kind::OneHash => assert_eq!(
                    client.text(&format!("HGET hash field:{i}")),
                    format!("value:{i}")
                ),
                Kind::Documents => assert_eq!(
                    client.text(&format!("GET {}", document_key(i))),
                    document(i)
                ),
                Kind::Mixed => check_mixed(client, i),
            }
        }
    }
}

fn document_key(i: usize) -> String {
    format!("doc:{i:08}")
}

/// About 2 KB of JSON: names repeat, values do not.
fn document(i: usize) -> String {
    let mut random = Random(i as u64);
    let mut json = format!("{{\"id\":{i},\"kind\":\"order\",\"items\":[");
    while json.len() < 1_990 {
        let (sku, price, count) = (
            random.next() % 10_000_000,
            random.next() % 100_000,
            1 + random.next() % 9,
        );
        json += &format!(
            "{{\"sku\":\"{sku:07}\",\"price\":{price},\"count\":{count},\"note\":\"{:08x}\"}},",
            random.next() as u32
        );
    }
    json + "{}]}"
}

fn push_mixed(pipe: &mut Pipe, i: usize) {
    let key = format!("mixed:{i}");
    let key = key.as_bytes();
    match i % 7 {
        0..=2 => pipe.push(&[b"SET", key, text(i).as_bytes()]),
        3 => {
            let fields = hash_fields(i);
            let mut args: Vec<&[u8]> = vec![b"HSET", key];
            args.extend(
                fields
                    .iter()
                    .flat_map(|(f, v)| [f.as_bytes(), v.as_bytes()]),
            );
            pipe.push(&args);
        }
        4 => {
            let elements: Vec<_> = (0..12).map(|n| element(i, n)).collect();
            let mut args: Vec<&[u8]> = vec![b"RPUSH", key];
            args.extend(elements.iter().map(String::as_bytes));
            pipe.push(&args);
        }
        5 => {
            let members: Vec<_> = (0..10).map(|n| member(i, n)).collect();
            let mut args: Vec<&[u8]> = vec![b"SADD", key];
            args.extend(members.iter().map(String::as_bytes));
            pipe.push(&args);
        }
        _ => {
            let scored: Vec<_> = (0..10).map(|n| (score(i, n), member(i, n))).collect();
            let mut args: Vec<&[u8]> = vec![b"ZADD", key];
            args.extend(
                scored
                    .iter()
                    .flat_map(|(s, m)| [s.as_bytes(), m.as_bytes()]),
            );
            pipe.push(&args);
        }
    }
}

fn check_mixed(client: &mut Client, i: usize) {
    let key = format!("mixed:{i}");
    let n = i % 10;
    match i % 7 {
        0..=2 => assert_eq!(client.text(&format!("GET {key}")), text(i)),
        3 => {
            let (field, value) = hash_fields(i).swap_remove(i % 8);
            assert_eq!(client.text(&format!("HGET {key} {field}")), value);
        }
        4 => assert_eq!(client.text(&format!("LINDEX {key} {n}")), element(i, n)),
        5 => assert_eq!(
            client.run(&format!("SISMEMBER {key} {}", member(i, n))),
            Value::Int(1)
        ),
        _ => assert_eq!(
            client.text(&format!("ZSCORE {key} {}", member(i, n))),
            score(i, n)
        ),
    }
}

/// 40 to 800 bytes that compress to about a third.
fn text(i: usize) -> String {
    let mut random = Random(i as u64);
    let words = [
        "harbour", "lantern", "blue", "keel", "mast", "net", "island", "tide", "anchor", "pier",
        "gull", "rope",
    ];
    let length = 40 + random.below(760);
    let mut text = String::with_capacity(length + 16);
    while text.len() < length {
        text += words[random.below(words.len())];
        text.push(' ');
    }
    text + &random.next().to_string()
}

fn hash_fields(i: usize) -> Vec<(String, String)> {
    let mut random = Random(i as u64);
    (0..8)
        .map(|n| {
            (
                format!("field-{n}"),
                format!("{}-{}", random.below(1_000), random.below(1_000_000)),
            )
        })
        .collect()
}

fn element(i: usize, n: usize) -> String {
    if n.is_multiple_of(2) {
        (i * 31 + n).to_string()
    } else {
        format!("element-{i}-{n}")
    }
}

/// Integers for even keys (an intset), words for odd ones.
fn member(i: usize, n: usize) -> String {
    if i.is_multiple_of(2) {
        (i * 10 + n * 3).to_string()
    } else {
        format!("member-{i}-{n}")
    }
}

fn score(i: usize, n: usize) -> String {
    (i % 1_000 * 10 + n).to_string()
}
