//! The power is cut: what was not synced is gone.
//!
//! A library that is preloaded (`power_cut.c`) keeps a journal of what a server does to its log. At any record of the
//! journal the power may have been cut: then a disk holds what was synced, and of the rest any part. From that a server
//! starts again, and what it had acknowledged must be there.
//!
//! `POWER_CUTS` says how many cuts of each run are looked at, `POWER_SEED` which.

use crate::forebay;
use crate::support::Client;
use crate::support::server::Server;
use crate::support::wait::wait_until;
use base::testing::Rng;
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Clients that write.
const CLIENTS: usize = 4;
/// Writes of all of them before the power is cut.
const WRITES: u64 = 6_000;

/// A record of the journal. The numbers are those of `power_cut.c`.
#[derive(Clone, Debug)]
enum Change {
    Create(PathBuf, u64),
    Write(u64, usize, Vec<u8>),
    Truncate(u64, usize),
    /// What was recorded before this one is durable.
    Sync(u64, usize),
    Rename(PathBuf, PathBuf),
    Unlink(PathBuf),
    SyncDirectory(usize),
}

#[derive(Debug)]
struct Record {
    change: Change,
    /// Where it ends in the journal.
    end: u64,
    /// Of the monotonic clock.
    ns: u64,
}

/// The whole records of a journal. A process that is killed may have written half of the last one.
fn records(journal: &[u8]) -> Vec<Record> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(head) = journal.get(at..at + 40) {
        let word = |i: usize| u64::from_le_bytes(head[i..i + 8].try_into().expect("8 bytes"));
        let (op, path) = (word(0) as u32, (word(0) >> 32) as usize);
        let (file, place, bytes, ns) = (word(8), word(16) as usize, word(24) as usize, word(32));
        let Some(rest) = journal.get(at + 40..at + 40 + path + bytes) else {
            break;
        };
        at += 40 + path + bytes;
        let (path, bytes) = rest.split_at(path);
        let path_of = |bytes: &[u8]| PathBuf::from(String::from_utf8_lossy(bytes).into_owned());
        let change = match op {
            1 => Change::Create(path_of(path), file),
            2 => Change::Write(file, place, bytes.to_vec()),
            3 => Change::Truncate(file, place),
            4 => Change::Sync(file, place),
            5 => Change::Rename(path_of(path), path_of(bytes)),
            6 => Change::Unlink(path_of(path)),
            7 => Change::SyncDirectory(place),
            other => panic!("record {other}"),
        };
        let end = at as u64;
        found.push(Record { change, end, ns });
    }
    found
}

/// A file and the changes of it that are not durable, by their numbers.
#[derive(Default)]
struct Bytes {
    durable: Vec<u8>,
    pending: Vec<usize>,
}

/// The numbers of files by their names.
type Names = HashMap<PathBuf, usize>;

/// A change to the names of a directory.
type Naming = Box<dyn Fn(&mut Names)>;

/// What the disk may hold behind these records: of what is not durable, what `keeps` says.
fn image(records: &[Record], mut keeps: impl FnMut() -> bool) -> HashMap<PathBuf, Vec<u8>> {
    let mut files: Vec<Bytes> = Vec::new();
    // The number of a file may be used again when it is gone.
    let mut by_number: HashMap<u64, usize> = HashMap::new();
    let mut now: Names = HashMap::new();
    let mut durable: Names = HashMap::new();
    let mut namings: Vec<(usize, Naming)> = Vec::new();
    for (i, Record { change, .. }) in records.iter().enumerate() {
        let naming: Naming = match change.clone() {
            Change::Create(path, number) => {
                let file = files.len();
                by_number.insert(number, file);
                files.push(Bytes::default());
                Box::new(move |names| _ = names.insert(path.clone(), file))
            }
            Change::Rename(from, to) => {
                let Some(file) = now.get(&from).copied() else {
                    continue;
                };
                Box::new(move |names| {
                    names.remove(&from);
                    names.insert(to.clone(), file);
                })
            }
            Change::Unlink(path) => Box::new(move |names| _ = names.remove(&path)),
            Change::Write(number, ..) | Change::Truncate(number, _) => {
                files[by_number[&number]].pending.push(i);
                continue;
            }
            Change::Sync(number, before) => {
                let file = &mut files[by_number[&number]];
                let durable = std::mem::take(&mut file.pending);
                let (durable, rest): (Vec<_>, Vec<_>) =
                    durable.into_iter().partition(|n| *n < before);
                for change in durable {
                    apply(&records[change].change, &mut file.durable);
                }
                file.pending = rest;
                continue;
            }
            Change::SyncDirectory(before) => {
                let (done, rest) = namings.into_iter().partition(|(n, _)| *n < before);
                namings = rest;
                let done: Vec<(usize, Naming)> = done;
                done.iter().for_each(|(_, naming)| naming(&mut durable));
                continue;
            }
        };
        naming(&mut now);
        namings.push((i, naming));
    }
    for (_, naming) in namings {
        if keeps() {
            naming(&mut durable);
        }
    }
    let left = durable.into_iter().map(|(path, file)| {
        let Bytes { durable, pending } = &files[file];
        let mut bytes = durable.clone();
        for change in pending {
            if !keeps() {
                break;
            }
            apply(&records[*change].change, &mut bytes);
        }
        (path, bytes)
    });
    left.collect()
}

fn apply(change: &Change, bytes: &mut Vec<u8>) {
    match change {
        Change::Write(_, at, new) => {
            bytes.resize(bytes.len().max(at + new.len()), 0);
            bytes[*at..at + new.len()].copy_from_slice(new);
        }
        Change::Truncate(_, len) => bytes.resize(*len, 0),
        _ => unreachable!("no change of bytes"),
    }
}

/// Compiles the library.
fn library(folder: &Path) -> PathBuf {
    let library = folder.join("power_cut.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/append/power_cut.c");
    let compiled = Command::new("cc")
        .args(["-O1", "-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(source)
        .args(["-ldl", "-lpthread"])
        .status()
        .expect("a C compiler, cc, which the build needs too");
    assert!(compiled.success(), "cc refuses power_cut.c");
    library
}

fn now_ns() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: it is given memory of our own for the one value that it writes.
    let done = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    assert_eq!(done, 0);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// "OK" for the `count`th INCR of a client.
#[derive(Clone, Copy, Debug)]
struct Acknowledged {
    client: usize,
    count: i64,
    /// The length of the journal then, and the time.
    journal: u64,
    ns: u64,
}

/// Counts up until the server is gone.
fn count_up(
    address: &str,
    client: usize,
    journal: &Path,
    written: &AtomicU64,
) -> Vec<Acknowledged> {
    let mut acknowledged = Vec::new();
    let mut write = || -> io::Result<()> {
        let mut connection = Client::connect(address)?;
        let key = format!("c{client}");
        loop {
            let reply = connection.try_cmd(&["INCR", &key])?;
            let ns = now_ns();
            acknowledged.push(Acknowledged {
                client,
                count: reply.int().expect("a number"),
                journal: fs::metadata(journal)?.len(),
                ns,
            });
            written.fetch_add(1, Ordering::Relaxed);
        }
    };
    let _ends_with_the_server = write();
    acknowledged
}

/// Rewrites the log again and again until the server is gone.
fn rewrite(address: &str, stop: &AtomicBool) -> io::Result<()> {
    let mut client = Client::connect(address)?;
    let mut filled = 0;
    while !stop.load(Ordering::Relaxed) {
        client.try_cmd(&["BGREWRITEAOF"])?;
        filled += 1;
        client.try_cmd(&[
            "DEBUG",
            "POPULATE",
            &(filled * 50).to_string(),
            "fill",
            "50",
        ])?;
        while client.try_info("persistence")?["aof_rewrite_in_progress"] != "0" {
            client.try_cmd(&["PING"])?;
        }
    }
    Ok(())
}

struct Run {
    journal: Vec<u8>,
    acknowledged: Vec<Acknowledged>,
    /// Where the log was.
    directory: PathBuf,
}

/// A server works until it is killed.
fn run(fsync: &str) -> Run {
    let folder = tempfile::tempdir().expect("a directory");
    let place = folder.path().join("journal");
    let home = folder.path().join("home");
    let directory = home.join("appendonlydir");
    fs::create_dir(&home).expect("a directory");
    let mut server = forebay(fsync)
        .config(format!("dir {}", home.display()))
        .config("auto-aof-rewrite-min-size 64kb")
        .env("LD_PRELOAD", &library(folder.path()).display().to_string())
        .env("CUT_DIR", &directory.display().to_string())
        .env("CUT_JOURNAL", &place.display().to_string())
        .start();
    let (written, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let address = server.address();
    let acknowledged = std::thread::scope(|scope| {
        let (address, place, written) = (&address, &place, &written);
        let clients: Vec<_> = (0..CLIENTS)
            .map(|n| scope.spawn(move || count_up(address, n, place, written)))
            .collect();
        scope.spawn(|| rewrite(address, &stop));
        let begun = Instant::now();
        wait_until("clients have written", || {
            let long = fsync == "always" || begun.elapsed() > Duration::from_millis(2_500);
            long && written.load(Ordering::Relaxed) >= WRITES
        });
        stop.store(true, Ordering::Relaxed);
        server.kill();
        let all = clients
            .into_iter()
            .flat_map(|client| client.join().expect("it ends"));
        all.collect()
    });
    Run {
        journal: fs::read(&place).expect("there is a journal"),
        acknowledged,
        directory,
    }
}

/// A server on what the disk holds.
fn start_on(files: &HashMap<PathBuf, Vec<u8>>, was: &Path) -> (TempDir, Server) {
    let home = tempfile::tempdir().expect("a directory");
    let directory = home.path().join("appendonlydir");
    fs::create_dir(&directory).expect("a directory");
    for (path, bytes) in files {
        let name = path.strip_prefix(was).expect("it is in the directory");
        fs::write(directory.join(name), bytes).expect("written");
    }
    let server = forebay("everysec")
        .config(format!("dir {}", home.path().display()))
        .start();
    (home, server)
}

fn number(name: &str, default: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(default, |n| n.parse().expect("a number"))
}

/// Looks at cuts of one run. Returns the greatest age of an acknowledged write that was lost, in ms.
fn cuts(fsync: &str) -> u64 {
    let Run {
        journal,
        acknowledged,
        directory,
    } = run(fsync);
    let records = records(&journal);
    let mut rng = Rng::new(number("POWER_SEED", 0));
    let (mut oldest, mut lost) = (0, 0);
    let count = number("POWER_CUTS", 4);
    for n in 0..count {
        let cut = match n {
            0 => records.len(),
            _ => rng.below(records.len()),
        };
        let keeps: u64 = [0, 50, 100][rng.below(3)];
        let before = &records[..cut];
        let files = image(before, || (rng.below(100) as u64) < keeps);
        let (_home, server) = start_on(&files, &directory);
        let mut client = server.client();
        let (end, ns) = before.last().map_or((0, 0), |last| (last.end, last.ns));
        let why = format!("appendfsync {fsync}, cut {cut} of {}", records.len());
        for id in 0..CLIENTS {
            let found: i64 = client.run(&format!("GET c{id}")).int().unwrap_or(0);
            let told = acknowledged.iter().filter(|a| a.client == id);
            let sent = told.clone().count() as i64 + 1;
            assert!(found <= sent, "{why}: {found} of {sent} of client {id}");
            for missing in told.filter(|a| a.journal <= end && a.count > found) {
                assert_ne!(fsync, "always", "{why}: {found}, and {missing:?}");
                oldest = oldest.max(ns.saturating_sub(missing.ns) / 1_000_000);
                lost += 1;
            }
        }
    }
    println!(
        "appendfsync {fsync}: {count} cuts of {} records, {} writes; {lost} of them lost, the oldest {oldest} ms old",
        records.len(),
        acknowledged.len()
    );
    oldest
}

#[test]
fn a_power_cut_takes_nothing_that_was_acknowledged_as_durable() {
    cuts("always");
}

#[test]
fn a_power_cut_takes_about_a_second_where_each_second_is_synced() {
    // A second, and what one sync takes on a disk that others use.
    let oldest = cuts("everysec");
    assert!(oldest < 10_000, "{oldest} ms");
}
