//! Whatever is written, cut off and removed: what is read back is the stream, or nothing.

use super::{Archive, ArchiveReader, NotThere, SharedArchive};
use crate::append::{Batch, Mark, Writer};
use aof::history;
use aof::names::BaseForm;
use aof::{Item, Judge, Manifest, Reader, Step};
use base::request::encode_request;
use base::testing::Rng;
use disk::Disk;
use disk::fake::FakeDisk;
use engine::CommitPosition;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

const DIRECTORY: &str = "/data/log";
const NAME: &str = "a.aof";
/// The offset at which the stream of these tests begins.
const START: u64 = 500;
const ALL: usize = usize::MAX;

struct Log {
    disk: FakeDisk,
    writer: Writer<FakeDisk>,
    archive: SharedArchive,
    commits: u64,
    stream: Vec<u8>,
}

fn mark(commits: u64, offset: u64) -> Mark {
    Mark {
        at: CommitPosition::nth(commits),
        id: [b'a'; 40],
        offset,
        ms: 1,
        holds: None,
    }
}

impl Log {
    fn new(limit: u64) -> Log {
        let disk = FakeDisk::with([]);
        let archive = SharedArchive::default();
        archive.with(|archive| {
            *archive = Archive::new(limit);
            archive.set_directory(DIRECTORY.into());
        });
        let manifest = Manifest::default();
        let last = mark(0, START);
        let (directory, name) = (DIRECTORY.into(), NAME.to_owned());
        let mut writer = Writer::new(disk.clone(), directory, name, manifest, last);
        writer.note_in(archive.clone());
        writer.begin_increment(true).expect("nothing fails");
        Log {
            disk,
            writer,
            archive,
            commits: 0,
            stream: Vec::new(),
        }
    }

    fn end(&self) -> u64 {
        START + self.stream.len() as u64
    }

    fn batch(&mut self, bytes: Vec<u8>, joins: bool) -> Batch {
        self.commits += 1;
        Batch {
            bytes,
            db: None,
            end: mark(self.commits, self.end()),
            joins,
        }
    }

    /// Pushes some requests, a few of which are not part of the stream.
    fn push(&mut self, rng: &mut Rng, most: usize) {
        let mut bytes = Vec::new();
        for _ in 0..=rng.below(3) {
            let own = rng.below(4) == 0;
            if own {
                history::own(&mut bytes);
            }
            let begun = bytes.len();
            let value = vec![b'a' + rng.below(26) as u8; rng.below(most)];
            encode_request(&mut bytes, &[b"SET", &b"key"[..], &value]);
            if !own {
                self.stream.extend_from_slice(&bytes[begun..]);
            }
        }
        let batch = self.batch(bytes, true);
        self.writer.push(batch);
    }

    fn write(&mut self, rng: &mut Rng, most: usize) {
        self.push(rng, most);
        self.writer.write().expect("nothing fails");
    }

    fn reader(&self) -> ArchiveReader<FakeDisk> {
        ArchiveReader::new(self.disk.clone(), self.archive.clone())
    }

    fn held(&self) -> Option<(u64, u64)> {
        let held = self.archive.with(|archive| archive.held());
        held.map(|(bytes, _)| (*bytes.start(), *bytes.end()))
    }

    /// Reads everything from a byte on, and compares it.
    fn read_from(&self, from: u64) -> Result<(), NotThere> {
        let (_, last) = self.held().expect("something is held");
        let (mut reader, mut at) = (self.reader(), from);
        while at <= last {
            let bytes = reader.read(at, ALL)?;
            let there = &self.stream[(at - START - 1) as usize..];
            assert!(there.starts_with(&bytes), "from {at}");
            at += bytes.len() as u64;
        }
        assert_eq!(at, last + 1);
        Ok(())
    }
}

#[test]
fn the_stream_is_read_back_byte_for_byte_from_anywhere() {
    for seed in 0..20 {
        let mut rng = Rng::new(seed);
        let mut log = Log::new(1 << 40);
        let most = [40, 3000, 200_000][rng.below(3)];
        for _ in 0..rng.below(150) + 5 {
            log.write(&mut rng, most);
            if rng.below(20) == 0 {
                log.writer.begin_increment(true).expect("nothing fails");
            }
        }
        let Some((first, last)) = log.held() else {
            panic!("seed {seed}: nothing is held")
        };
        assert_eq!((first, last), (START + 1, log.end()), "seed {seed}");
        for _ in 0..10 {
            let from = first + rng.below(log.stream.len()) as u64;
            log.read_from(from).expect("it is there");
        }
        log.read_from(first).expect("it is there");
        assert!(matches!(
            log.reader().read(last + 1, ALL),
            Err(NotThere::Gone)
        ));
        assert!(matches!(log.reader().read(START, ALL), Err(NotThere::Gone)));
    }
}

#[test]
fn a_batch_that_is_larger_than_memory_for_it_is_given_in_parts() {
    let mut log = Log::new(1 << 40);
    let mut rng = Rng::new(1);
    log.write(&mut rng, 100);
    let before = log.end();
    let mut bytes = Vec::new();
    encode_request(&mut bytes, &[b"SET", &b"key"[..], &vec![b'x'; 9 << 20]]);
    log.stream.extend_from_slice(&bytes);
    let batch = log.batch(bytes, true);
    log.writer.push(batch);
    log.writer.write().expect("nothing fails");
    log.write(&mut rng, 100);
    for from in [START + 1, before + 1, before + (5 << 20), log.end()] {
        log.read_from(from).expect("it is there");
    }
    let mut reader = log.reader();
    let bytes = reader.read(before + 1, ALL).expect("it is there");
    assert!(bytes.len() < 2 << 20, "{}", bytes.len());
    let few = reader
        .read(before + 1 + bytes.len() as u64, 10)
        .expect("it is there");
    assert_eq!(few.len(), 10, "no more than may be sent");
    let from = before + 1 + bytes.len() as u64 + 10;
    let next = reader.read(from, ALL).expect("it goes on");
    assert!(log.stream[(from - START - 1) as usize..].starts_with(&next));
}

#[test]
fn what_the_log_does_not_tell_is_forgotten_with_what_is_before_it() {
    let mut log = Log::new(1 << 40);
    let mut rng = Rng::new(2);
    for _ in 0..50 {
        log.write(&mut rng, 5000);
    }
    // Bytes of the stream that no file has.
    log.stream.extend_from_slice(&[b'?'; 70]);
    let batch = log.batch(b"#REPL:own\r\n*1\r\n$4\r\nping\r\n".to_vec(), false);
    log.writer.push(batch);
    log.writer.write().expect("nothing fails");
    assert_eq!(log.held(), None);
    let from = log.end() + 1;
    for _ in 0..50 {
        log.write(&mut rng, 5000);
    }
    assert_eq!(log.held(), Some((from, log.end())));
    log.read_from(from).expect("it is there");
}

#[test]
fn no_more_is_remembered_than_was_asked_for_and_no_less() {
    for limit in [200_000, 1 << 20] {
        let mut log = Log::new(limit);
        let mut rng = Rng::new(3);
        for _ in 0..1500 {
            log.write(&mut rng, 2000);
        }
        let (first, last) = log.held().expect("something is held");
        let held = last + 1 - first;
        assert!(held >= limit && held < limit + (130 << 10), "{held}");
        let points = log.archive.with(|archive| archive.points.len());
        assert!(points as u64 <= limit / (64 << 10) * 2 + 4, "{points}");
        log.read_from(first).expect("it is there");
        log.archive.with(|archive| archive.set_limit(0));
        assert_eq!(log.held(), None);
        log.write(&mut rng, 2000);
        assert_eq!(log.held(), None);
        log.archive.with(|archive| archive.set_limit(limit));
        let from = log.end() + 1;
        log.write(&mut rng, 2000);
        log.push(&mut rng, 2000);
        log.writer.write().expect("nothing fails");
        let (first, _) = log.held().expect("it begins again");
        assert!(first >= from);
        log.read_from(first).expect("it is there");
    }
}

#[test]
fn batches_that_are_written_again_after_a_failure_are_read_where_they_are_then() {
    let mut failures = 0;
    for seed in 0..60 {
        let mut rng = Rng::new(seed);
        let mut log = Log::new(1 << 40);
        for _ in 0..10 {
            log.write(&mut rng, 30_000);
        }
        log.writer.sync().expect("nothing fails");
        log.disk.fail_at(log.disk.operations() + rng.below(4));
        for _ in 0..4 {
            log.push(&mut rng, 30_000);
            let write = log.writer.write();
            let sync = write.and_then(|()| log.writer.sync());
            failures += usize::from(sync.is_err());
        }
        while log.writer.has_unwritten() {
            let _ = log.writer.write();
        }
        log.writer.sync().expect("nothing fails any more");
        assert_eq!(log.held(), Some((START + 1, log.end())), "seed {seed}");
        log.read_from(START + 1).expect("it is there");
    }
    assert!(failures > 30, "{failures}");
}

#[test]
fn files_that_a_rewrite_has_removed_are_not_looked_for() {
    let mut log = Log::new(1 << 40);
    let mut rng = Rng::new(5);
    log.write(&mut rng, 100_000);
    log.writer.begin_increment(true).expect("nothing fails");
    let from = log.end() + 1;
    for _ in 0..20 {
        log.write(&mut rng, 10_000);
    }
    let seq = log.writer.next_base();
    let base = aof::names::base(NAME, seq, BaseForm::Requests);
    log.disk
        .create(&Path::new(DIRECTORY).join(base), 0o644)
        .expect("it is created");
    let installed = log.writer.install_base(seq, BaseForm::Requests);
    installed.expect("nothing fails");
    assert_eq!(
        log.held(),
        Some((START + 1, log.end())),
        "they stay for a while"
    );
    log.read_from(START + 1).expect("it is there");
    log.writer.remove_history().expect("nothing fails");
    assert_eq!(log.held(), Some((from, log.end())));
    log.read_from(from).expect("it is there");
}

#[test]
fn a_damaged_file_or_one_that_is_gone_gives_nothing() {
    let mut log = Log::new(1 << 40);
    let mut rng = Rng::new(6);
    for _ in 0..8 {
        log.write(&mut rng, 9_000);
    }
    let path = Path::new(DIRECTORY).join(aof::names::increment(NAME, 1));
    let whole = log.disk.read(&path).expect("it is there");
    for _ in 0..200 {
        let at = rng.below(whole.len());
        let put = |byte: u8| {
            let mut file = log.disk.open_to_write(&path).expect("it is there");
            file.seek(SeekFrom::Start(at as u64)).expect("no wonder");
            file.write_all(&[byte]).expect("it is written");
        };
        put(whole[at] ^ 4);
        let before = log.archive.with(|archive| archive.clone());
        let read = log.read_from(START + 1);
        assert!(
            matches!(read, Err(NotThere::Untold(_) | NotThere::Short)),
            "byte {at}: {read:?}"
        );
        // Nobody is promised it again.
        assert!(log.held().is_none_or(|(first, _)| first > START + 1));
        log.archive.with(|archive| *archive = before);
        put(whole[at]);
    }
    log.read_from(START + 1).expect("it is there");
    log.disk.remove(&path).expect("it is there");
    assert!(matches!(
        log.read_from(START + 1),
        Err(NotThere::Unreadable(_))
    ));
}

#[test]
fn what_was_loaded_is_what_was_written() {
    use crate::append::Reading;
    for seed in 0..10 {
        let mut rng = Rng::new(seed);
        let mut log = Log::new(1 << 40);
        // A file begins with its place, as the encoder has it.
        let mut place = Vec::new();
        let (id, db, former) = ([b'a'; 40], 0, Vec::new());
        let offset = START;
        history::At {
            id,
            offset,
            db,
            former,
        }
        .print(&mut place);
        let batch = log.batch(place, true);
        log.writer.push(batch);
        let mut names = vec![log.writer.increment_name().to_owned()];
        for _ in 0..60 {
            log.write(&mut rng, 10_000);
            if rng.below(15) == 0 {
                log.writer.begin_increment(true).expect("nothing fails");
                names.push(log.writer.increment_name().to_owned());
            }
        }
        let mut reading = Reading::new(1 << 20, 1 << 40);
        for name in &names {
            let file = log.disk.read(&Path::new(DIRECTORY).join(name));
            let file = file.expect("it is there");
            reading.begin_file(name);
            let (mut reader, mut judge, mut at) = (Reader::at(0), Judge::at(0), 0);
            while at < file.len() {
                let Ok(Step::Item { item, consumed }) = reader.next(&file[at..]) else {
                    panic!("no item at {at}");
                };
                let bytes = &file[at..at + consumed];
                let event = judge.item(at as u64, bytes, &item).expect("it is sound");
                at += consumed;
                reading.item(bytes, at as u64, &item, &event);
                assert!(!matches!(item, Item::Annotation(line) if line.is_empty()));
            }
            reading.end_file(false);
        }
        let mut loaded = reading.take_archive();
        loaded.set_directory(DIRECTORY.into());
        let (written, _) = log.held().expect("something is held");
        log.archive.with(|archive| *archive = loaded);
        let (first, last) = log.held().expect("something is held");
        assert_eq!(last, log.end());
        // What came together with the first place does not join it.
        assert!(first >= written && first < written + 45_000, "{first}");
        log.read_from(first).expect("it is there");
    }
}
