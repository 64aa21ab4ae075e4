//! Files without a name on a disk that may be full, and the two ends of the product's pipe.

use super::disk::{SimDisk, SimFile};
use forebay::disk::{Scratch, ScratchFile};
use forebay::flow::pipe::{FileCopy, Pipe, PipeEnd, Read};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

/// Bytes of a payload that a pipe keeps in memory: few, so that files are used at all.
const MEMORY: usize = 800;

/// Where payloads go for which memory has no room.
pub const PAYLOADS: &str = "/payloads";

/// A file without a name.
#[derive(Debug)]
pub struct SimScratch {
    disk: SimDisk,
    bytes: Mutex<Vec<u8>>,
}

impl SimScratch {
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.bytes.lock().expect("nothing panics with this lock")
    }
}

impl Scratch for SimDisk {
    type File = SimScratch;

    fn scratch(&self, directory: &Path) -> io::Result<SimScratch> {
        if directory == Path::new(PAYLOADS) {
            self.note_payload_file();
        }
        Ok(SimScratch {
            disk: self.clone(),
            bytes: Mutex::default(),
        })
    }
}

impl ScratchFile for SimScratch {
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        if self.disk.is_full() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let mut all = self.bytes();
        assert_eq!(all.len() as u64, at, "they are written from start to end");
        all.extend_from_slice(bytes);
        Ok(())
    }

    fn read_at(&self, buf: &mut [u8], at: u64) -> io::Result<()> {
        let (all, at) = (self.bytes(), at as usize);
        let found = all.get(at..at + buf.len());
        buf.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

type Shared = Arc<Mutex<Pipe<SimScratch>>>;

fn lock(shared: &Shared) -> MutexGuard<'_, Pipe<SimScratch>> {
    shared.lock().expect("nothing panics with this lock")
}

/// The end that is written to. Dropped before it is finished, the payload is incomplete.
pub struct PipeWriter(Shared, SimDisk);

/// The end that is read.
struct PipeReader(Shared);

impl PipeEnd for PipeWriter {
    fn push(&self, bytes: &[u8]) -> io::Result<()> {
        lock(&self.0).push(bytes, || self.1.scratch(Path::new(PAYLOADS)))
    }

    fn finish(self) {
        lock(&self.0).finish();
    }
}

impl Drop for PipeWriter {
    fn drop(&mut self) {
        lock(&self.0).writer_is_gone();
    }
}

impl Drop for PipeReader {
    fn drop(&mut self) {
        lock(&self.0).reader_is_gone();
    }
}

/// Where the bytes of a payload come from.
pub struct Source {
    pipe: PipeReader,
    /// Who copies a file into the pipe, until it is copied.
    copies: Option<(FileCopy<SimFile>, PipeWriter)>,
}

impl Source {
    /// What the snapshot of a payload has made, and where it writes.
    pub fn of_snapshot(disk: &SimDisk) -> (PipeWriter, Source) {
        ends(Pipe::spilling(MEMORY), disk)
    }

    /// The bytes of a file.
    pub fn of_file(copy: FileCopy<SimFile>, disk: &SimDisk) -> Source {
        let (writer, source) = ends(Pipe::waiting(MEMORY), disk);
        Source {
            copies: Some((copy, writer)),
            ..source
        }
    }

    /// What comes next.
    pub fn read(&mut self) -> Read {
        self.copy_on();
        lock(&self.pipe.0).read()
    }

    fn copy_on(&mut self) {
        while let Some((copy, writer)) = &mut self.copies {
            if lock(&self.pipe.0).must_wait() {
                return;
            }
            let pushed = match copy.chunk() {
                Ok(Some(bytes)) => writer.push(bytes).is_ok(),
                Ok(None) => {
                    lock(&self.pipe.0).finish();
                    false
                }
                Err(_) => false,
            };
            if !pushed {
                self.copies = None;
            }
        }
    }
}

fn ends(pipe: Pipe<SimScratch>, disk: &SimDisk) -> (PipeWriter, Source) {
    let shared = Arc::new(Mutex::new(pipe));
    let pipe = PipeReader(shared.clone());
    let source = Source { pipe, copies: None };
    (PipeWriter(shared, disk.clone()), source)
}
