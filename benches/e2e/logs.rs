//! Append-only files to be loaded: requests as redis-server writes them, made once.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::options::Options;
use crate::pipe::Random;

/// A value of 56 bytes.
pub const VALUE: &str = "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv";

/// The logs, with what they hold.
pub fn made(options: &Options) -> Vec<(String, PathBuf)> {
    let (sets, mixed) = (options.scaled(3_000_000), options.scaled(4_000_000));
    vec![
        (
            format!("{sets} SETs over {} keys", sets / 3),
            file("sets", sets, |random, _, out| set(random, sets / 3, out)),
        ),
        (
            format!("{mixed} requests of all types"),
            file("mixed", mixed, |random, number, out| {
                drawn(random, number, mixed, out);
            }),
        ),
    ]
}

/// Appends a request.
pub fn request(out: &mut Vec<u8>, words: &[&str]) {
    write!(out, "*{}\r\n", words.len()).expect("a Vec takes everything");
    for word in words {
        write!(out, "${}\r\n{word}\r\n", word.len()).expect("a Vec takes everything");
    }
}

fn file(name: &str, requests: usize, draw: impl Fn(&mut Random, usize, &mut Vec<u8>)) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench-data");
    fs::create_dir_all(&folder).expect("target/bench-data can be made");
    let path = folder.join(format!("{name}-{requests}.aof"));
    if path.exists() {
        return path;
    }
    let half = path.with_extension("half");
    let mut out = BufWriter::new(File::create(&half).expect("a file can be made"));
    let (mut random, mut bytes) = (Random(1), Vec::new());
    request(&mut bytes, &["SELECT", "0"]);
    for number in 0..requests {
        draw(&mut random, number, &mut bytes);
        out.write_all(&bytes).expect("the disk takes it");
        bytes.clear();
    }
    out.flush().expect("the disk takes it");
    fs::rename(&half, &path).expect("it is renamed");
    path
}

fn set(random: &mut Random, keys: usize, out: &mut Vec<u8>) {
    request(out, &["SET", &numbered(random, "key:", keys), VALUE]);
}

fn numbered(random: &mut Random, name: &str, below: usize) -> String {
    format!("{name}{:06}", random.below(below.max(1)))
}

/// A request of any type, or a transaction of two: the one of this `number` among `of`.
fn drawn(random: &mut Random, number: usize, of: usize, out: &mut Vec<u8>) {
    let which = random.below(100);
    let n = random.below(1_000_000).to_string();
    let (name, share) = match which {
        0..30 | 90..93 => ("key:", 13),
        30..34 => ("session:", 40),
        34..44 | 98.. => ("counter:", 80),
        44..58 | 93..98 => ("user:", 40),
        58..66 => ("board:", 20_000),
        66..74 => ("set:", 200),
        74..85 => ("list:", 800),
        _ => ("stream:", 4_000),
    };
    let key = &numbered(random, name, of / share);
    match which {
        0..30 => request(out, &["SET", key, VALUE]),
        30..34 => request(out, &["SET", key, VALUE, "PXAT", "4000000000000"]),
        34..44 => request(out, &["INCR", key]),
        44..58 => request(out, &["HSET", key, &numbered(random, "field", 10), &n]),
        58..66 => request(
            out,
            &["ZADD", key, &n, &numbered(random, "member", of / 80)],
        ),
        66..74 => request(out, &["SADD", key, &numbered(random, "m", 1_000)]),
        74..82 => request(out, &["RPUSH", key, &n]),
        82..85 => request(out, &["LPOP", key]),
        85..90 => {
            let id = format!("{}-0", 1_700_000_000_000 + number);
            request(out, &["XADD", key, &id, "field", &n]);
        }
        90..93 => request(out, &["DEL", key]),
        93..96 => request(out, &["HINCRBY", key, "n", "3"]),
        96..98 => request(out, &["PEXPIREAT", key, "4000000000000"]),
        _ => {
            request(out, &["MULTI"]);
            request(out, &["INCR", key]);
            let recent = numbered(random, "recent:", of / 40_000);
            request(out, &["LPUSH", &recent, &n]);
            request(out, &["EXEC"]);
        }
    }
}
