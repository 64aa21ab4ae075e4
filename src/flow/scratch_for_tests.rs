//! Files without a name, in memory, on a disk that may be full.

use disk::{Scratch, ScratchFile};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// What creates the files. A clone refers to the same state.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    full: AtomicBool,
    made: AtomicUsize,
}

/// One scratch file.
#[derive(Debug)]
pub struct MemoryFile {
    disk: MemoryDisk,
    bytes: Mutex<Vec<u8>>,
}

impl MemoryDisk {
    /// Sets whether the disk is full.
    pub fn set_full(&self, full: bool) {
        self.0.full.store(full, Ordering::Relaxed);
    }

    /// How many files were made.
    pub fn made(&self) -> usize {
        self.0.made.load(Ordering::Relaxed)
    }
}

impl Scratch for MemoryDisk {
    type File = MemoryFile;

    fn scratch(&self, _: &Path) -> io::Result<MemoryFile> {
        self.0.made.fetch_add(1, Ordering::Relaxed);
        Ok(MemoryFile {
            disk: self.clone(),
            bytes: Mutex::default(),
        })
    }
}

impl ScratchFile for MemoryFile {
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        if self.disk.0.full.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let mut all = self.bytes.lock().expect("nothing panics with this lock");
        assert_eq!(all.len() as u64, at, "they are written from start to end");
        all.extend_from_slice(bytes);
        Ok(())
    }

    fn read_at(&self, buf: &mut [u8], at: u64) -> io::Result<()> {
        let all = self.bytes.lock().expect("nothing panics with this lock");
        let end = at as usize + buf.len();
        let found = all.get(at as usize..end);
        buf.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}
