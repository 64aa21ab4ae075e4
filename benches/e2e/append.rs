//! The append-only file: how fast it is loaded, what it costs those who write and those who only read, and what a rewrite
//! of it adds.
//!
//! What waits for the disk is worth nothing without the disk of the same minute, so beside those figures stands how
//! often it made a small write durable, measured just before.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::board::{Better, Boards};
use crate::contest::{Contestant, START_LIMIT};
use crate::data::Data;
use crate::latency::{Latencies, Probe, Target, Writer};
use crate::logs;
use crate::options::Options;
use crate::pipe::Random;
use crate::support::client::Client;
use crate::support::server::Builder;
use crate::usage::{cpu_seconds, forget_peak, peak_rss_bytes, rss_bytes};

/// How long each stretch of writes is measured.
const STRETCH: Duration = Duration::from_secs(4);
/// How long the disk is looked at.
const LOOK: Duration = Duration::from_millis(300);
/// Requests a second of the probe.
const PROBE_RATE: u64 = 10_000;
/// Keys that it reads where writers write others.
const READ_KEYS: usize = 100_000;
/// Clients that write with `always`.
const WRITERS: usize = 50;
/// The same, where writes per flush are counted.
const MANY_WRITERS: usize = 64;

/// Runs the job.
pub fn run(options: &Options) {
    if let Some(rate) = options.disk {
        // Everything else is measured on the disk as it is.
        return slow_disk(options, rate);
    }
    loads(options);
    everysec(options);
    always(options);
    rewrites(options);
}

fn each(options: &Options, title: &str, mut measure: impl FnMut(&Contestant, &mut Boards)) {
    println!("\n--- append-only file: {title}{}", options.disk_name());
    let mut boards = Boards::default();
    for _ in 0..options.rounds {
        for server in &options.servers {
            measure(server, &mut boards);
        }
    }
    boards.print();
}

/// From the start of the process until it answers, and the processor time of it.
fn loads(options: &Options) {
    for (name, log) in logs::made(options) {
        each(options, &format!("load of {name}"), |server, boards| {
            let mut running = options.builder(server).start();
            running.kill();
            place(&log, &running.dir().join("appendonlydir"));
            let builder = with_log(options.builder(server), "everysec");
            let begun = Instant::now();
            running.start_again(builder);
            let ready = running.wait_ready(START_LIMIT);
            ready.unwrap_or_else(|log| panic!("{} did not load it:\n{log}", server.name));
            let wall = begun.elapsed().as_secs_f64();
            boards.add("load", "s", Better::Lower, &server.name, wall);
            let used = cpu_seconds(running.pid());
            let title = "processor time";
            boards.add(title, "s", Better::Lower, &server.name, used);
            boards.add(
                "keys",
                "",
                Better::Neither,
                &server.name,
                running.client().int("DBSIZE") as f64,
            );
        });
    }
}

/// Puts a log of one increment into a directory.
fn place(log: &Path, directory: &Path) {
    fs::create_dir_all(directory).expect("a directory can be made");
    let name = "appendonly.aof.1.incr.aof";
    fs::copy(log, directory.join(name)).expect("a log can be copied");
    let manifest = format!("file {name} seq 1 type i\n");
    fs::write(directory.join("appendonly.aof.manifest"), manifest).expect("it can be written");
}

fn with_log(builder: Builder, fsync: &str) -> Builder {
    builder
        .config("appendonly yes")
        .config(format!("appendfsync {fsync}"))
        .config("auto-aof-rewrite-percentage 0")
}

/// SETs in pipelines of 16, without a log and with one that is synced each second, one after the other.
fn everysec(options: &Options) {
    each(options, "everysec against off", |server, boards| {
        let mut figures = Vec::new();
        for fsync in [None, Some("everysec")] {
            let builder = options.builder(server);
            let running = match fsync {
                None => builder.start(),
                Some(fsync) => with_log(builder, fsync).start(),
            };
            let name = fsync.unwrap_or("off");
            tell_disk(running.dir(), name, &server.name, boards);
            let cpu = cpu_seconds(running.pid());
            let flood = Flood::of(running.port(), 8, 16).run(STRETCH);
            let cpu = (cpu_seconds(running.pid()) - cpu) * 1e6 / flood.writes as f64;
            let rate = flood.writes as f64 / STRETCH.as_secs_f64();
            let p999 = flood.latencies.percentile_ms(0.999);
            let most = flood.latencies.percentile_ms(1.0);
            for (what, unit, better, value) in [
                ("SETs a second", "1/s", Better::Higher, rate),
                ("p99.9 of a pipeline", "ms", Better::Lower, p999),
                ("slowest pipeline", "ms", Better::Lower, most),
                ("processor time a SET", "us", Better::Lower, cpu),
            ] {
                let title = format!("{what}, {name}");
                boards.add(&title, unit, better, &server.name, value);
            }
            figures.push((rate, p999, cpu));
        }
        let (off, on) = (figures[0], figures[1]);
        for (what, better, ratio) in [
            ("SETs a second", Better::Higher, on.0 / off.0),
            ("p99.9", Better::Lower, on.1 / off.1),
            ("processor time a SET", Better::Lower, on.2 / off.2),
        ] {
            let title = format!("{what}: everysec by off");
            boards.add(&title, "", better, &server.name, ratio);
        }
    });
}

/// What writers see where the disk takes a few megabytes a second, and they write three fifths of that.
fn slow_disk(options: &Options, rate: u64) {
    let value = "v".repeat(1000);
    let fed = rate as f64 * 0.6;
    let title = format!("everysec, fed with {fed:.0} MB/s");
    each(options, &title, |server, boards| {
        let running = with_log(options.builder(server), "everysec").start();
        let per_second = (fed * 1e6 / value.len() as f64) as usize;
        let flood = Flood::of(running.port(), 8, 16)
            .with_value(&value)
            .paced(per_second);
        let cpu = cpu_seconds(running.pid());
        let flood = flood.run(2 * STRETCH);
        let cpu = (cpu_seconds(running.pid()) - cpu) * 1e6 / flood.writes as f64;
        let written = flood.writes as f64 * value.len() as f64 / 1e6;
        let name = &server.name;
        let ms = |share| flood.latencies.percentile_ms(share);
        for (what, unit, better, value) in [
            (
                "fed",
                "MB/s",
                Better::Neither,
                written / (2.0 * STRETCH.as_secs_f64()),
            ),
            ("p99.9 of a pipeline", "ms", Better::Lower, ms(0.999)),
            ("slowest pipeline", "ms", Better::Lower, ms(1.0)),
            ("processor time a SET", "us", Better::Lower, cpu),
        ] {
            boards.add(what, unit, better, name, value);
        }
    });
}

/// Clients that write with `always`, and one that only reads beside them.
fn always(options: &Options) {
    each(options, "always", |server, boards| {
        let running = with_log(options.builder(server), "always").start();
        tell_disk(running.dir(), "always", &server.name, boards);
        let flood = Flood::of(running.port(), WRITERS, 1).run(STRETCH);
        let rate = flood.writes as f64 / STRETCH.as_secs_f64();
        let title = format!("SETs a second of {WRITERS} clients");
        boards.add(&title, "1/s", Better::Higher, &server.name, rate);
        let before = seals(running.dir());
        let flood = Flood::of(running.port(), MANY_WRITERS, 1).run(STRETCH);
        if let flushes @ 1.. = seals(running.dir()) - before {
            let title = format!("writes a flush of {MANY_WRITERS} clients");
            let writes = flood.writes as f64 / flushes as f64;
            boards.add(&title, "", Better::Higher, &server.name, writes);
        }
        drop(running);
        let mut p99 = Vec::new();
        for fsync in [None, Some("always")] {
            let builder = options.builder(server);
            let running = match fsync {
                None => builder.start(),
                Some(fsync) => with_log(builder, fsync).start(),
            };
            running.client().ok(&format!("DEBUG POPULATE {READ_KEYS}"));
            let target = Target::of_strings(running.port(), READ_KEYS);
            let probe = Probe::start(target, PROBE_RATE);
            Flood::of(running.port(), WRITERS, 1)
                .paced(2_000)
                .run(STRETCH);
            let seen = probe.finish().percentile_ms(0.99);
            let title = format!("p99 of GETs beside writers, {}", fsync.unwrap_or("off"));
            boards.add(&title, "ms", Better::Lower, &server.name, seen);
            p99.push(seen);
        }
        let title = "p99 of GETs: always by off";
        boards.add(title, "", Better::Lower, &server.name, p99[1] / p99[0]);
    });
}

/// BGREWRITEAOF beside writes, in turn with as long a stretch without.
fn rewrites(options: &Options) {
    let data = Data::named("d1", options);
    let title = format!("BGREWRITEAOF of {} keys", data.keys);
    each(options, &title, |server, boards| {
        let builder = options.builder(server).link_dump(&data.dump);
        let running = builder
            .config("auto-aof-rewrite-percentage 0")
            .start_within(START_LIMIT);
        let mut client = running.client();
        client.set_reply_limit(None);
        client.ok("CONFIG SET appendonly yes");
        wait_rewritten(&mut client);
        let target = Target::new(running.port(), &data);
        let writer = Writer::start(target, Some(10_000));
        for _ in 0..options.pairs {
            std::thread::sleep(Duration::from_secs(2));
            let before = rss_bytes(running.pid());
            forget_peak(running.pid());
            let (with, took) = probed(target, || {
                client.ok("BGREWRITEAOF");
                wait_rewritten(&mut client);
            });
            let peak = peak_rss_bytes(running.pid());
            let copied = client.info_field("persistence", "aof_last_cow_size");
            let copied = copied.parse().unwrap_or(0);
            let extra = peak.saturating_sub(before).max(copied) as f64 * 100.0 / before as f64;
            let (without, _) = probed(target, || std::thread::sleep(took));
            let name = &server.name;
            let ms = |seen: &Latencies, share| seen.percentile_ms(share);
            let (on, off) = (ms(&with, 0.999), ms(&without, 0.999));
            boards.add("p99.9 without", "ms", Better::Lower, name, off);
            boards.add("p99.9 during", "ms", Better::Lower, name, on);
            boards.add("p99.9: what it adds", "ms", Better::Neither, name, on - off);
            let (on, off) = (ms(&with, 1.0), ms(&without, 1.0));
            boards.add(
                "slowest: what it adds",
                "ms",
                Better::Neither,
                name,
                on - off,
            );
            boards.add("extra memory", "%", Better::Lower, name, extra);
            boards.add("BGREWRITEAOF", "s", Better::Lower, name, took.as_secs_f64());
        }
        writer.finish();
    });
}

/// What a probe sees while this is done, and how long it took.
fn probed(target: Target, act: impl FnOnce()) -> (Latencies, Duration) {
    let probe = Probe::start(target, PROBE_RATE);
    let begun = Instant::now();
    act();
    let took = begun.elapsed();
    (probe.finish(), took)
}

fn wait_rewritten(client: &mut Client) {
    let mut field = |name| client.info_field("persistence", name);
    while field("aof_rewrite_in_progress") == "1" || field("aof_rewrite_scheduled") == "1" {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(field("aof_last_bgrewrite_status"), "ok");
}

/// Seals in the increments of a log of Forebay: one a flush.
fn seals(dir: &Path) -> usize {
    let files = fs::read_dir(dir.join("appendonlydir")).expect("the log is there");
    let paths = files.flatten().map(|file| file.path());
    let increments = paths.filter(|path| path.extension().is_some_and(|end| end == "aof"));
    let count = |path: PathBuf| {
        let bytes = fs::read(path).expect("an increment can be read");
        let mark = forebay::aof::seal::MARK;
        let lines = bytes.split(|&b| b == b'\n');
        lines.filter(|line| line.starts_with(mark)).count()
    };
    increments.map(count).sum()
}

/// How often the disk makes a small write durable, for the board.
fn tell_disk(dir: &Path, name: &str, server: &str, boards: &mut Boards) {
    let path = dir.join("flushes");
    let mut file = fs::File::create(&path).expect("a file can be made");
    let (mut flushes, begun) = (0, Instant::now());
    while begun.elapsed() < LOOK {
        file.write_all(&[0; 200]).expect("the disk takes it");
        file.sync_data().expect("the disk takes it");
        flushes += 1;
    }
    fs::remove_file(&path).expect("it is there");
    let rate = f64::from(flushes) / begun.elapsed().as_secs_f64();
    let title = format!("flushes a second of the disk just before, {name}");
    boards.add(&title, "1/s", Better::Neither, server, rate);
}

/// Clients that write at random as fast as they are answered.
struct Flood {
    port: u16,
    clients: usize,
    pipeline: usize,
    per_second: Option<usize>,
    value: String,
}

/// What they saw.
struct Flooded {
    writes: u64,
    latencies: Latencies,
}

impl Flood {
    fn of(port: u16, clients: usize, pipeline: usize) -> Flood {
        Flood {
            port,
            clients,
            pipeline,
            per_second: None,
            value: logs::VALUE.to_owned(),
        }
    }

    /// They write this value.
    fn with_value(mut self, value: &str) -> Flood {
        self.value = value.to_owned();
        self
    }

    /// All of them together write no more than that in a second.
    fn paced(mut self, per_second: usize) -> Flood {
        self.per_second = Some(per_second);
        self
    }

    fn run(self, how_long: Duration) -> Flooded {
        let ended = Arc::new(AtomicBool::new(false));
        let pause = self.per_second.map(|rate| {
            Duration::from_secs_f64((self.clients * self.pipeline) as f64 / rate as f64)
        });
        let clients: Vec<_> = (0..self.clients)
            .map(|n| {
                let ended = Arc::clone(&ended);
                let (to, value) = ((self.port, self.pipeline), self.value.clone());
                std::thread::spawn(move || flood(to, &value, pause, n as u64, &ended))
            })
            .collect();
        std::thread::sleep(how_long);
        ended.store(true, Ordering::SeqCst);
        let clients = clients.into_iter().map(|client| client.join());
        let micros: Vec<u32> = clients
            .flat_map(|micros| micros.expect("a client does not panic"))
            .collect();
        Flooded {
            writes: (micros.len() * self.pipeline) as u64,
            latencies: Latencies::of(micros),
        }
    }
}

/// The microseconds that each pipeline took.
fn flood(
    (port, pipeline): (u16, usize),
    value: &str,
    pause: Option<Duration>,
    seed: u64,
    ended: &AtomicBool,
) -> Vec<u32> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
    stream.set_nodelay(true).expect("a socket takes nodelay");
    let mut random = Random(seed);
    let (mut out, mut micros) = (Vec::new(), Vec::new());
    let mut replies = vec![0; 5 * pipeline];
    while !ended.load(Ordering::Relaxed) {
        out.clear();
        for _ in 0..pipeline {
            let key = format!("key:{:012}", random.below(1_000_000));
            logs::request(&mut out, &["SET", &key, value]);
        }
        let begun = Instant::now();
        stream.write_all(&out).expect("the server reads");
        stream.read_exact(&mut replies).expect("the server replies");
        assert!(replies.starts_with(b"+OK\r\n"), "a write was refused");
        micros.push(u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX));
        if let Some(pause) = pause {
            std::thread::sleep(pause.saturating_sub(begun.elapsed()));
        }
    }
    micros
}
