//! A payload on its way from its producer to the connection of a replica.
//!
//! ```text
//! push --> [ chunks in memory, at most `memory` bytes ] --> read
//!     \--> [ a file without a name, once memory is full ] --/
//! ```
//!
//!  * [`Pipe::spilling`]: push never waits. What a slow replica has not read goes to a file, so that the replica delays
//!    neither the snapshot nor other replicas.
//!  * [`Pipe::waiting`]: push must wait while [`Pipe::must_wait`], because the payload is already in a file
//!    ([`FileCopy`]).
//!  * Bytes are read in the order in which they were pushed: while the file holds any, new bytes are appended to it,
//!    and not kept in memory.
//!  * Once the reader is gone, push fails. If the writer is gone before it has finished, the reader gets an error.
//!
//! The caller decides how waiting is done: with threads and tasks in the server, and not at all in the simulator.

mod copy;
#[cfg(test)]
mod tests;
mod way;

pub use copy::FileCopy;
pub use way::{PipeEnd, of_file, of_snapshot};

use disk::ScratchFile;
use std::collections::VecDeque;
use std::io;

/// Bytes kept in memory per replica.
pub const MEMORY: usize = 8 << 20;
/// Bytes read back from the file at once.
const SPILL_CHUNK: usize = 256 << 10;

/// The pipe. `F` is a file without a name.
#[derive(Debug)]
pub struct Pipe<F> {
    chunks: VecDeque<Vec<u8>>,
    /// Bytes in `chunks`.
    bytes: usize,
    /// The most that `chunks` hold, but for one chunk of any size.
    memory: usize,
    spills: bool,
    spilled: Option<Spilled<F>>,
    end: Option<Result<(), String>>,
    reader_gone: bool,
}

#[derive(Debug)]
struct Spilled<F> {
    file: F,
    read: u64,
    written: u64,
}

impl<F> Spilled<F> {
    fn holds_bytes(&self) -> bool {
        self.read < self.written
    }
}

/// The next result for the reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// The next bytes.
    Bytes(Vec<u8>),
    /// The bytes have ended.
    End,
    /// The bytes have ended early: some are missing.
    Failed(String),
    /// There are no bytes yet.
    Later,
}

impl<F: ScratchFile> Pipe<F> {
    /// A pipe into which bytes can be pushed at any time.
    pub fn spilling(memory: usize) -> Pipe<F> {
        Pipe::new(memory, true)
    }

    /// A pipe whose writer waits.
    pub fn waiting(memory: usize) -> Pipe<F> {
        Pipe::new(memory, false)
    }

    fn new(memory: usize, spills: bool) -> Pipe<F> {
        Pipe {
            chunks: VecDeque::new(),
            bytes: 0,
            memory,
            spills,
            spilled: None,
            end: None,
            reader_gone: false,
        }
    }

    /// True while the writer has to wait before it pushes more.
    pub fn must_wait(&self) -> bool {
        !self.spills && self.bytes >= self.memory && !self.reader_gone
    }

    /// Takes bytes. `scratch` makes the file, when it is needed.
    ///
    /// # Errors
    /// The reader is gone, or the file cannot be written. Nothing may be pushed after that.
    pub fn push(
        &mut self,
        bytes: &[u8],
        scratch: impl FnOnce() -> io::Result<F>,
    ) -> io::Result<()> {
        if self.reader_gone {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let full = self.bytes + bytes.len() > self.memory && self.bytes > 0;
        let spilling = self.spilled.as_ref().is_some_and(Spilled::holds_bytes);
        if !self.spills || (!full && !spilling) {
            self.bytes += bytes.len();
            self.chunks.push_back(bytes.to_vec());
            return Ok(());
        }
        let spilled = match &mut self.spilled {
            Some(spilled) => spilled,
            none => none.insert(Spilled {
                file: scratch()?,
                read: 0,
                written: 0,
            }),
        };
        spilled.file.write_at(bytes, spilled.written)?;
        spilled.written += bytes.len() as u64;
        Ok(())
    }

    /// All bytes were pushed.
    pub fn finish(&mut self) {
        self.end.get_or_insert(Ok(()));
    }

    /// The writer has finished.
    pub fn writer_is_gone(&mut self) {
        let unfinished = || Err("the snapshot ended early".to_owned());
        self.end.get_or_insert_with(unfinished);
    }

    /// The reader has gone, so the rest is discarded.
    pub fn reader_is_gone(&mut self) {
        self.reader_gone = true;
        self.chunks.clear();
        self.spilled = None;
    }

    /// What comes next.
    pub fn read(&mut self) -> Read {
        if let Some(chunk) = self.chunks.pop_front() {
            self.bytes -= chunk.len();
            return Read::Bytes(chunk);
        }
        if let Some(spilled) = self.spilled.as_mut().filter(|s| s.holds_bytes()) {
            let n = (spilled.written - spilled.read).min(SPILL_CHUNK as u64);
            let mut chunk = vec![0; n as usize];
            if let Err(error) = spilled.file.read_at(&mut chunk, spilled.read) {
                return Read::Failed(format!("spill file: {error}"));
            }
            spilled.read += n;
            if !spilled.holds_bytes() {
                // Everything has been read. The file is dropped, and memory is used again.
                self.spilled = None;
            }
            return Read::Bytes(chunk);
        }
        match &self.end {
            Some(Ok(())) => Read::End,
            Some(Err(error)) => Read::Failed(error.clone()),
            None => Read::Later,
        }
    }
}
