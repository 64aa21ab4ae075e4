//! What comes out of a pipe, and when it ends.

use super::*;
use crate::Fate;
use crate::save::{SaveError, Sink};
use crate::scratch_for_tests::{MemoryDisk, MemoryFile};
use disk::fake::FakeDisk;
use disk::{Disk, Scratch};
use std::path::Path;
use std::sync::{Arc, Mutex};

fn no_file() -> io::Result<MemoryFile> {
    panic!("memory is enough")
}

/// Everything that is there, and what follows.
fn drain(pipe: &mut Pipe<MemoryFile>) -> (Vec<u8>, Read) {
    let mut all = Vec::new();
    loop {
        match pipe.read() {
            Read::Bytes(bytes) => all.extend(bytes),
            other => return (all, other),
        }
    }
}

#[test]
fn what_does_not_fit_into_memory_goes_through_a_file_in_order() {
    let disk = MemoryDisk::default();
    let scratch = || disk.scratch(Path::new("/data"));
    let mut pipe = Pipe::spilling(10);
    let mut given = Vec::new();
    for i in 0..40 {
        let piece = vec![i; usize::from(i)];
        pipe.push(&piece, scratch).expect("the disk has room");
        given.extend(piece);
        assert!(pipe.bytes <= 10, "{i}");
    }
    // The reader lags behind: bytes that are pushed in the meantime must not overtake those in the file.
    let mut got = Vec::new();
    for _ in 0..3 {
        if let Read::Bytes(bytes) = pipe.read() {
            got.extend(bytes);
        }
    }
    pipe.push(b"late", scratch).expect("the disk has room");
    given.extend(b"late");
    let (rest, end) = drain(&mut pipe);
    got.extend(rest);
    assert_eq!((got, end), (given, Read::Later));
    assert_eq!(disk.made(), 1);
    // The file is read: memory is used again, and after it another file.
    pipe.push(b"tail", scratch).expect("memory has room");
    assert_eq!((disk.made(), pipe.bytes), (1, 4));
    pipe.push(b"more than there is room for", scratch)
        .expect("the disk has room");
    assert_eq!(disk.made(), 2);
    pipe.finish();
    pipe.writer_is_gone();
    let all = b"tailmore than there is room for".to_vec();
    assert_eq!(drain(&mut pipe), (all, Read::End));
}

#[test]
fn one_chunk_of_any_size_is_kept_in_memory() {
    let mut pipe = Pipe::spilling(10);
    pipe.push(&[7; 1000], no_file).expect("it is the only one");
    assert_eq!(drain(&mut pipe), (vec![7; 1000], Read::Later));
}

#[test]
fn a_writer_that_waits_goes_on_when_there_is_room_or_nobody_reads() {
    let mut pipe = Pipe::waiting(10);
    for ready in [true, true, false] {
        assert_eq!(!pipe.must_wait(), ready);
        pipe.push(&[1; 6], no_file).expect("it is read");
    }
    assert_eq!(pipe.read(), Read::Bytes(vec![1; 6]));
    assert!(pipe.must_wait(), "there are 12 bytes");
    assert_eq!(pipe.read(), Read::Bytes(vec![1; 6]));
    assert!(!pipe.must_wait());
    pipe.push(&[1; 6], no_file).expect("it is read");
    assert!(pipe.must_wait());
    pipe.reader_is_gone();
    assert!(!pipe.must_wait());
    assert!(pipe.push(b"x", no_file).is_err());
}

#[test]
fn an_unfinished_payload_ends_with_an_error_behind_what_there_is() {
    let mut pipe = Pipe::waiting(10);
    pipe.push(b"some", no_file).expect("it is read");
    assert_eq!(pipe.read(), Read::Bytes(b"some".to_vec()));
    assert_eq!(pipe.read(), Read::Later);
    pipe.push(b"more", no_file).expect("it is read");
    pipe.writer_is_gone();
    let end = Read::Failed("the snapshot ended early".to_owned());
    assert_eq!(drain(&mut pipe), (b"more".to_vec(), end.clone()));
    assert_eq!(pipe.read(), end, "it stays so");
}

#[test]
fn a_disk_that_is_full_or_does_not_give_back_what_it_took_is_an_error() {
    let disk = MemoryDisk::default();
    let scratch = || disk.scratch(Path::new("/data"));
    let full = || {
        let mut pipe = Pipe::spilling(4);
        pipe.push(b"1234", no_file).expect("memory has room");
        pipe
    };
    let refused = full().push(b"5", || Err(io::ErrorKind::PermissionDenied.into()));
    let refused = refused.expect_err("there is no file");
    assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
    disk.set_full(true);
    let refused = full().push(b"5", scratch).expect_err("the disk is full");
    assert_eq!(refused.kind(), io::ErrorKind::StorageFull);
    disk.set_full(false);
    let mut pipe = full();
    pipe.push(b"5", scratch).expect("the disk has room");
    pipe.spilled.as_mut().expect("it is in the file").written += 1;
    let (bytes, end) = drain(&mut pipe);
    assert_eq!(bytes, b"1234");
    assert!(matches!(end, Read::Failed(why) if why.starts_with("spill file: ")));
}

/// The end of a pipe that is written to, for the tests.
struct Writer(Arc<Mutex<Pipe<MemoryFile>>>);

impl PipeEnd for Writer {
    fn push(&self, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().expect("one thread").push(bytes, no_file)
    }

    fn finish(self) {
        self.0.lock().expect("one thread").finish();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.lock().expect("one thread").writer_is_gone();
    }
}

type Way = (
    Box<dyn Sink<MemoryFile>>,
    Arc<Mutex<Pipe<MemoryFile>>>,
    Vec<u8>,
);

fn way() -> Way {
    let pipe = Arc::new(Mutex::new(Pipe::spilling(1 << 20)));
    let (sink, payload) = of_snapshot(b"mark", (Writer(pipe.clone()), pipe));
    (sink, payload.source, payload.head)
}

#[test]
fn a_snapshot_is_announced_by_its_mark_and_ends_with_it() {
    let (mut sink, pipe, head) = way();
    assert_eq!(head, b"$EOF:mark\r\n");
    sink.write(b"dump").expect("somebody reads it");
    let file = sink.finish(&Fate::default()).expect("somebody reads it");
    assert!(file.is_none());
    let mut pipe = pipe.lock().expect("one thread");
    assert_eq!(drain(&mut pipe), (b"dumpmark".to_vec(), Read::End));
}

#[test]
fn a_snapshot_that_is_given_up_is_no_whole_payload_and_ends_when_nobody_reads_it() {
    let (mut sink, pipe, _) = way();
    sink.write(b"dump").expect("somebody reads it");
    drop(sink);
    let (bytes, end) = drain(&mut pipe.lock().expect("one thread"));
    assert_eq!(bytes, b"dump");
    assert!(matches!(end, Read::Failed(_)));

    let (mut sink, pipe, _) = way();
    pipe.lock().expect("one thread").reader_is_gone();
    let error = sink.write(b"dump").expect_err("nobody reads it");
    assert!(matches!(error, SaveError::Cancelled(why) if why.starts_with("replica: ")));
    assert!(sink.finish(&Fate::default()).is_err());
}

#[test]
fn a_finished_dump_is_read_to_the_length_that_was_announced() {
    let bytes = vec![5; 600 << 10];
    let disk = FakeDisk::with([("/data/dump", bytes.as_slice())]);
    let open = || Arc::new(disk.open(Path::new("/data/dump")).expect("it is there"));
    let shared = open();
    let mut copies = [0; 2].map(|_| FileCopy::new(shared.clone()).expect("it is open"));
    assert_eq!(of_file(copies[0].total(), ()).head, b"$614400\r\n");
    // Two replicas read the same file in turn.
    let mut read = [Vec::new(), Vec::new()];
    for _ in 0..4 {
        for (copy, read) in copies.iter_mut().zip(&mut read) {
            let chunk = copy.chunk().expect("it is there");
            read.extend_from_slice(chunk.unwrap_or_default());
        }
    }
    assert!(read.iter().all(|read| *read == bytes));
    // Bytes that are appended to the file in the meantime are not sent, and missing bytes are an error.
    let mut copy = FileCopy::new(open()).expect("it is open");
    disk::DiskFile::truncate(&*shared, 10).expect("it is open");
    assert_eq!(copy.chunk().expect("they are there"), Some(&[5; 10][..]));
    let error = copy.chunk().expect_err("the file has become shorter");
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}
