//! Blocks of the stream on disk: the part that slow replicas have not read yet and that does not fit into memory.
//!
//! ```text
//! log: oldest block --> SpillWriter::write --> files without names, FILE_BYTES each --> on_spilled(place)
//! replica's connection: place --> read
//! ```
//!
//!  * A file is closed, which frees its space, when no block refers to it any longer. That can take long, so the
//!    creator of the writer decides who closes files.
//!  * Nothing is left of the files, however the server ends.

use disk::{Scratch, ScratchFile};
use replication::ReplOffset;
use replication::log::{Place, Spill};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// A file takes this many bytes before the next one is begun.
pub const FILE_BYTES: u64 = 64 << 20;

/// Closes a file.
pub type Closer<F> = Arc<dyn Fn(F) + Send + Sync>;

/// A block that was written or could not be written, for [`replication::Replication::on_spilled`].
pub type Spilled = (ReplOffset, Result<Place, String>);

/// Writes blocks.
pub struct SpillWriter<D: Scratch> {
    disk: D,
    directory: PathBuf,
    file_bytes: u64,
    close: Closer<D::File>,
    /// The file that is being filled, and how many bytes it has.
    current: Option<(Arc<SpillFile<D::File>>, u64)>,
}

/// One file, to which blocks refer.
struct SpillFile<F> {
    file: Option<F>,
    close: Closer<F>,
}

impl<F> SpillFile<F> {
    fn open(&self) -> io::Result<&F> {
        let file = self.file.as_ref();
        file.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl<F> Drop for SpillFile<F> {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            (self.close)(file);
        }
    }
}

impl<D: Scratch> SpillWriter<D> {
    /// Writes into `directory`, and begins another file after `file_bytes`.
    pub fn new(
        disk: D,
        directory: PathBuf,
        file_bytes: u64,
        close: Closer<D::File>,
    ) -> SpillWriter<D> {
        SpillWriter {
            disk,
            directory,
            file_bytes,
            close,
            current: None,
        }
    }

    /// Writes a block.
    pub fn write(&mut self, block: &Spill) -> Spilled {
        let result = self.append(&block.bytes);
        if result.is_err() {
            // No block refers to one that was written partly. The next one gets another file.
            self.current = None;
        }
        (block.start, result.map_err(|e| e.to_string()))
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<Place> {
        self.current
            .take_if(|(_, written)| *written >= self.file_bytes);
        let (file, written) = match &mut self.current {
            Some(current) => current,
            none => {
                let file = SpillFile {
                    file: Some(self.disk.scratch(&self.directory)?),
                    close: self.close.clone(),
                };
                none.insert((Arc::new(file), 0))
            }
        };
        let at = *written;
        file.open()?.write_at(bytes, at)?;
        *written += bytes.len() as u64;
        let file = file.clone();
        Ok(Place { file, at })
    }
}

/// Reads the `len` bytes of a block back. `F` are the files of the writer that gave the place.
///
/// # Errors
/// The system's.
pub fn read<F: ScratchFile>(place: &Place, len: usize) -> io::Result<Vec<u8>> {
    let file = place.file.downcast_ref::<SpillFile<F>>();
    let file = file.ok_or_else(|| io::Error::other("a place of another store"))?;
    let mut bytes = vec![0; len];
    file.open()?.read_at(&mut bytes, place.at)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch_for_tests::{MemoryDisk, MemoryFile};
    use std::path::Path;
    use std::sync::Mutex;

    struct Closed(Arc<Mutex<usize>>);

    impl Closed {
        fn count(&self) -> usize {
            *self.0.lock().expect("nothing panics with this lock")
        }
    }

    fn writer(disk: &MemoryDisk, file_bytes: u64) -> (SpillWriter<MemoryDisk>, Closed) {
        let closed = Arc::<Mutex<usize>>::default();
        let count = closed.clone();
        let close = move |_: MemoryFile| *count.lock().expect("nothing panics with it") += 1;
        let directory = Path::new("/data").to_owned();
        let writer = SpillWriter::new(disk.clone(), directory, file_bytes, Arc::new(close));
        (writer, Closed(closed))
    }

    fn block(start: i64, bytes: &[u8]) -> Spill {
        Spill {
            start: ReplOffset::claimed(start),
            bytes: Arc::new(bytes.to_vec()),
        }
    }

    fn placed(writer: &mut SpillWriter<MemoryDisk>, start: i64, bytes: &[u8]) -> Place {
        let (told, place) = writer.write(&block(start, bytes));
        assert_eq!(told, block(start, bytes).start);
        place.unwrap_or_else(|why| panic!("it is written: {why}"))
    }

    #[test]
    fn blocks_are_read_back_from_the_places_that_they_got() {
        let disk = MemoryDisk::default();
        let (mut writer, _) = writer(&disk, 8);
        let blocks: [&[u8]; 4] = [b"first", b"second", b"", b"third"];
        let places: Vec<Place> = (0..)
            .zip(blocks)
            .map(|(n, b)| placed(&mut writer, n, b))
            .collect();
        for (place, bytes) in places.iter().zip(blocks).rev() {
            let read = read::<MemoryFile>(place, bytes.len()).expect("it is there");
            assert_eq!(read, bytes);
        }
        assert_eq!(disk.made(), 2, "another file is begun after eight bytes");
        assert_eq!([places[0].at, places[1].at, places[3].at], [0, 5, 0]);
    }

    #[test]
    fn a_file_is_closed_when_nothing_refers_to_it_and_it_is_not_filled_any_more() {
        let disk = MemoryDisk::default();
        let (mut writer, closed) = writer(&disk, 8);
        let first = placed(&mut writer, 0, b"eight or more");
        let second = placed(&mut writer, 13, b"the next file");
        assert_eq!(closed.count(), 0);
        drop(first);
        assert_eq!(closed.count(), 1);
        drop(second);
        assert_eq!(closed.count(), 1, "the writer may still fill it");
        drop(writer);
        assert_eq!(closed.count(), 2);
    }

    #[test]
    fn after_a_block_that_was_not_written_whole_another_file_is_begun() {
        let disk = MemoryDisk::default();
        let (mut writer, closed) = writer(&disk, 1 << 20);
        let before = placed(&mut writer, 0, b"before");
        disk.set_full(true);
        let (_, refused) = writer.write(&block(6, b"refused"));
        assert!(refused.is_err_and(|why| why.contains("no storage space")));
        disk.set_full(false);
        let after = placed(&mut writer, 13, b"after");
        assert_eq!((disk.made(), after.at), (2, 0));
        assert_eq!(closed.count(), 0);
        assert_eq!(
            read::<MemoryFile>(&before, 6).expect("it is there"),
            b"before"
        );
        assert_eq!(
            read::<MemoryFile>(&after, 5).expect("it is there"),
            b"after"
        );
    }

    #[test]
    fn a_place_of_something_else_or_beyond_the_file_is_an_error() {
        let disk = MemoryDisk::default();
        let (mut writer, _) = writer(&disk, 1 << 20);
        let place = placed(&mut writer, 0, b"bytes");
        assert!(read::<MemoryFile>(&place, 6).is_err());
        let strange = Place {
            file: Arc::new(b"bytes".to_vec()),
            at: 0,
        };
        assert!(read::<MemoryFile>(&strange, 5).is_err());
    }
}
