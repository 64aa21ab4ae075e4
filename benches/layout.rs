//! What keys and values cost: bytes of memory per key, nanoseconds per operation.
//!
//! `cargo bench --bench layout` prints a table for strings of several sizes: bytes per key (resident,
//! without the process itself) when they are fresh, after two rounds of random overwrites of 0.5 to
//! 1.5 times the size, and after half of the keys have been deleted at random; then the time of
//! single operations on many small keys. Arguments: keys for the timings (10000000), MB of values
//! for the sweep (512).

use forebay::base::secret::HashKey;
use forebay::keyspace::record::{self, put_head, put_string};
use forebay::keyspace::snapshot::{SnapshotOptions, Step};
use forebay::keyspace::{Db, Keyspace, Partition, Scanned, SizeHint, ValueRef};
use forebay::rdb::RdbType;
use std::hint::black_box;
use std::io::Write as _;
use std::time::Instant;

const SEED: HashKey = HashKey::fixed([0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344]);
const SIZES: [usize; 12] = [
    8, 64, 200, 420, 510, 600, 1024, 2048, 4096, 6000, 8000, 20000,
];

fn main() {
    let mut numbers = std::env::args().filter_map(|arg| arg.parse::<usize>().ok());
    let keys = numbers.next().unwrap_or(10_000_000);
    let megabytes = numbers.next().unwrap_or(512);
    if keys > 0 {
        timings(keys);
    }
    if megabytes > 0 {
        println!("size    keys     fresh   overwritten  half deleted (share given back)");
        for size in SIZES {
            sweep(size, (megabytes << 20) / (size + 40));
        }
    }
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages = statm.split(' ').nth(1).expect("its second number");
    pages.parse::<usize>().expect("a number") * 4096
}

fn key(out: &mut Vec<u8>, n: usize) {
    out.clear();
    write!(out, "key:{n}").expect("memory");
}

/// Half of it repeats, as real values do.
fn value(random: &mut Random, out: &mut Vec<u8>, len: usize) {
    out.clear();
    while out.len() < len {
        let word = random.next();
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.truncate(len);
}

fn sweep(size: usize, keys: usize) {
    let before = resident();
    let mut keyspace = Keyspace::new(1, SEED);
    let mut random = Random(88_172_645_463_325_252);
    let (mut k, mut v) = (Vec::new(), Vec::new());
    for n in 0..keys {
        key(&mut k, n);
        value(&mut random, &mut v, size);
        keyspace.db_mut(0).insert_str(&k, &v, None);
    }
    let fresh = settle(&mut keyspace) - before;
    let start = Instant::now();
    for i in 0..2 * keys {
        key(&mut k, random.next() as usize % keys);
        let len = size / 2 + random.next() as usize % (size + 1);
        value(&mut random, &mut v, len);
        keyspace.db_mut(0).insert_str(&k, &v, None);
        if i % 1000 == 0 {
            keyspace.tidy(0);
        }
    }
    let ns = start.elapsed().as_nanos() as usize / (2 * keys);
    let overwritten = settle(&mut keyspace) - before;
    let mut left = keys;
    for n in 0..keys {
        key(&mut k, n);
        if random.next() >> 33 & 1 == 0 {
            let db = keyspace.db_mut(0);
            let loc = db.find(&k).expect("not deleted yet");
            db.remove(loc);
            left -= 1;
        }
        if n % 1000 == 0 {
            keyspace.tidy(0);
        }
    }
    let halved = settle(&mut keyspace) - before;
    println!(
        "{size:5} {keys:8} {:8.1} {:10.1} {:13.1} ({:2.0} %)   {ns} ns/overwrite",
        fresh as f64 / keys as f64,
        overwritten as f64 / keys as f64,
        halved as f64 / left as f64,
        100.0 * (1.0 - halved as f64 / overwritten as f64),
    );
}

fn settle(keyspace: &mut Keyspace) -> usize {
    // At work, then in a pause.
    for now_ms in [0, 60_000] {
        while keyspace.tidy(now_ms) {}
    }
    resident()
}

fn timings(keys: usize) {
    let hasher = Keyspace::new(1, SEED).hasher();
    let (mut k, mut v) = (Vec::new(), Vec::new());
    let mut image = Vec::new();
    let mut ends = Vec::with_capacity(keys);
    for n in 0..keys {
        key(&mut k, n);
        v.clear();
        write!(v, "value:{n}").expect("memory");
        put_head(&mut image, None, RdbType::String, &k);
        put_string(&mut image, &v);
        ends.push(image.len());
    }
    // As a loader does: lists of one hash range, collected window by window.
    let hint = SizeHint {
        keys: keys as u64,
        bytes: image.len() as u64,
    };
    let bits = if keys < 50_000 { 0 } else { 8 };
    let mut partitions = Partition::split(hasher, bits, hint);
    let mut lists: Vec<Vec<Scanned<'_>>> = vec![Vec::new(); 1 << bits];
    let start = Instant::now();
    let mut hashing = 0;
    for window in ends.chunks(150_000) {
        let t = Instant::now();
        let first = window[0];
        let mut at = ends[..]
            .partition_point(|&end| end < first)
            .checked_sub(1)
            .map_or(0, |i| ends[i]);
        for &end in window {
            let record = &image[at..end];
            let hash = hasher.hash(record::Record::parse(record).key);
            lists[hash.unbounded_shr(64 - bits) as usize].push(Scanned {
                hash,
                record,
                heat: 0,
            });
            at = end;
        }
        hashing += t.elapsed().as_millis();
        for (list, partition) in lists.iter_mut().zip(&mut partitions) {
            partition
                .insert_batch(list.len(), |i| list[i])
                .expect("distinct keys");
            list.clear();
        }
    }
    let loaded = start.elapsed();
    let t = Instant::now();
    let db = Db::assemble(partitions);
    println!(
        "load {keys} keys {:.3} s ({hashing} ms of it hashing), assemble {:.3} ms",
        loaded.as_secs_f64(),
        t.elapsed().as_secs_f64() * 1e3
    );
    drop(lists);
    drop(image);
    drop(ends);
    let mut keyspace = Keyspace::new(1, SEED);
    drop(keyspace.replace(0, db));
    let per_key = |bytes: usize| bytes as f64 / keys as f64;
    println!(
        "loaded: {:.1} B/key used, {:.1} resident",
        per_key(keyspace.used_bytes()),
        per_key(keyspace.resident_bytes())
    );
    operations(&mut keyspace, keys);
    walk(&mut keyspace, keys);
    let t = Instant::now();
    drop(keyspace);
    println!("drop {:.3} s", t.elapsed().as_secs_f64());

    let before = resident();
    let mut keyspace = Keyspace::new(1, SEED);
    let t = Instant::now();
    for n in 0..keys {
        key(&mut k, n);
        v.clear();
        write!(v, "value:{n}").expect("memory");
        keyspace.db_mut(0).insert_str(&k, &v, None);
    }
    println!(
        "insert_str from empty {:.0} ns",
        t.elapsed().as_nanos() as f64 / keys as f64
    );
    let used = keyspace.used_bytes() as f64 / keys as f64;
    println!(
        "grown: {:.1} B/key resident, {used:.1} used",
        (resident() - before) as f64 / keys as f64
    );
}

fn operations(keyspace: &mut Keyspace, keys: usize) {
    let count = 3_000_000;
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut k = Vec::new();
    let mut sum = 0;
    let t = Instant::now();
    for _ in 0..count {
        key(&mut k, random.next() as usize % keys);
        sum += black_box(&k).len();
    }
    let empty = t.elapsed().as_nanos() as f64 / count as f64;
    let t = Instant::now();
    for _ in 0..count {
        key(&mut k, random.next() as usize % keys);
        let db = keyspace.db(0);
        let loc = db.find(&k).expect("it is there");
        match db.value(loc) {
            ValueRef::Str(s) => sum += s.bytes().len(),
            _ => unreachable!("strings only"),
        }
    }
    let get = t.elapsed().as_nanos() as f64 / count as f64;
    let mut batch: Vec<Vec<u8>> = vec![Vec::new(); 16];
    let mut hashes = Vec::new();
    let t = Instant::now();
    for _ in 0..count / 16 {
        let db = keyspace.db(0);
        hashes.clear();
        for k in &mut batch {
            key(k, random.next() as usize % keys);
            hashes.push(db.hash(k));
        }
        db.prefetch(&hashes);
        for (k, &hash) in batch.iter().zip(&hashes) {
            let loc = db.find_hashed(hash, k).expect("it is there");
            match db.value(loc) {
                ValueRef::Str(s) => sum += s.bytes().len(),
                _ => unreachable!("strings only"),
            }
        }
    }
    let batched = t.elapsed().as_nanos() as f64 / count as f64;
    let mut v = Vec::new();
    let t = Instant::now();
    for _ in 0..count {
        let n = random.next() as usize % keys;
        key(&mut k, n);
        v.clear();
        write!(v, "VALUE:{n}").expect("memory");
        keyspace.db_mut(0).insert_str(&k, &v, None);
    }
    let same = t.elapsed().as_nanos() as f64 / count as f64;
    let t = Instant::now();
    for _ in 0..count {
        key(&mut k, random.next() as usize % keys);
        v.resize(6 + random.next() as usize % 14, b'y');
        keyspace.db_mut(0).insert_str(&k, &v, None);
    }
    let other = t.elapsed().as_nanos() as f64 / count as f64;
    println!(
        "GET {get:.0} ns, batched by 16 {batched:.0} ns; SET same size {same:.0} ns, other size {other:.0} ns \
         (with {empty:.0} ns for the key; {sum})"
    );
}

fn walk(keyspace: &mut Keyspace, keys: usize) {
    for heats in [false, true] {
        keyspace
            .begin_snapshot(SnapshotOptions { heats })
            .expect("no other");
        let (mut bytes, mut blocks, mut seen, mut worst) = (0, 0, 0, 0.0f64);
        let t = Instant::now();
        loop {
            let slice = Instant::now();
            let step = keyspace.walk_step(128 << 10).expect("running");
            worst = worst.max(slice.elapsed().as_secs_f64() * 1e6);
            match step {
                Step::Block(block) => {
                    bytes += block.bytes.len();
                    seen += block.keys();
                    blocks += 1;
                }
                Step::Pending => {}
                Step::Done => break,
            }
        }
        let seconds = t.elapsed().as_secs_f64();
        assert_eq!(seen, keys);
        println!(
            "walk (heats {heats}): {:.0} MB in {seconds:.3} s = {:.2} GB/s, {blocks} blocks, worst slice {worst:.0} us",
            bytes as f64 / 1e6,
            bytes as f64 / 1e9 / seconds
        );
    }
}
