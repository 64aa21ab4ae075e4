//! Carries a payload from the thread that makes it to the task that writes it to a replica.
//!
//! ```text
//! thread: push --> [ chunks in memory, at most MEMORY ] --> task: poll_chunk
//!             \--> [ spill file, once memory is full ] --/
//! ```
//!
//!  * [`Pipe::spilling`]: push never waits. What a slow replica has not read is written to an unlinked temporary
//!    file, so that it delays neither the snapshot nor other replicas.
//!  * [`Pipe::waiting`]: push waits for the reader: its source is a file already.
//!  * Bytes come out in the order in which they were pushed: while the spill file holds any, new bytes are appended
//!    to it, not kept in memory.
//!  * After the reader was dropped, push fails. After the writer was dropped without [`PipeWriter::finish`], the
//!    reader gets an error.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

/// Bytes kept in memory per replica.
const MEMORY: usize = 8 << 20;
/// Bytes read back from the spill file at once.
const SPILL_CHUNK: usize = 256 << 10;

struct Inner {
    chunks: VecDeque<Vec<u8>>,
    bytes: usize,
    spill: Option<Spill>,
    end: Option<Result<(), String>>,
    reader_gone: bool,
    waker: Option<Waker>,
}

struct Spill {
    file: File,
    read: u64,
    written: u64,
}

/// The pipe.
pub struct Pipe {
    inner: Mutex<Inner>,
    room: Condvar,
    /// Where the spill file is made; `None` = push waits.
    spill_dir: Option<PathBuf>,
}

/// The writing end. Dropping it unfinished ends the payload with an error.
pub struct PipeWriter(Arc<Pipe>);

/// The reading end. Dropping it makes pushes fail.
pub struct PipeReader(Arc<Pipe>);

impl Pipe {
    /// A pipe that spills to an unlinked file in `dir`.
    pub fn spilling(dir: PathBuf) -> (PipeWriter, PipeReader) {
        Self::pair(Some(dir))
    }

    /// A pipe whose writer waits.
    pub fn waiting() -> (PipeWriter, PipeReader) {
        Self::pair(None)
    }

    fn pair(spill_dir: Option<PathBuf>) -> (PipeWriter, PipeReader) {
        let pipe = Arc::new(Pipe {
            inner: Mutex::new(Inner {
                chunks: VecDeque::new(),
                bytes: 0,
                spill: None,
                end: None,
                reader_gone: false,
                waker: None,
            }),
            room: Condvar::new(),
            spill_dir,
        });
        (PipeWriter(pipe.clone()), PipeReader(pipe))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nothing panics with this lock")
    }
}

impl Inner {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl Spill {
    fn holds_bytes(&self) -> bool {
        self.read < self.written
    }
}

impl PipeWriter {
    /// Gives bytes.
    ///
    /// # Errors
    /// The reader is gone, or the spill file cannot be written.
    pub fn push(&self, bytes: &[u8]) -> io::Result<()> {
        let mut inner = self.0.lock();
        if self.0.spill_dir.is_none() {
            while inner.bytes >= MEMORY && !inner.reader_gone {
                let woken = self.0.room.wait(inner);
                inner = woken.expect("nothing panics with this lock");
            }
        }
        if inner.reader_gone {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let full = inner.bytes + bytes.len() > MEMORY && inner.bytes > 0;
        let spilling = inner.spill.as_ref().is_some_and(Spill::holds_bytes);
        match &self.0.spill_dir {
            Some(dir) if full || spilling => {
                if inner.spill.is_none() {
                    inner.spill = Some(Spill {
                        file: tempfile::tempfile_in(dir)?,
                        read: 0,
                        written: 0,
                    });
                }
                let spill = inner.spill.as_mut().expect("it was made just now");
                spill.file.write_all_at(bytes, spill.written)?;
                spill.written += bytes.len() as u64;
            }
            _ => {
                inner.bytes += bytes.len();
                inner.chunks.push_back(bytes.to_vec());
            }
        }
        inner.wake();
        Ok(())
    }

    /// All bytes were given.
    pub fn finish(self) {
        let mut inner = self.0.lock();
        inner.end = Some(Ok(()));
        inner.wake();
    }
}

impl Drop for PipeWriter {
    fn drop(&mut self) {
        let mut inner = self.0.lock();
        let unfinished = || Err("the snapshot ended early".to_owned());
        inner.end.get_or_insert_with(unfinished);
        inner.wake();
    }
}

impl PipeReader {
    /// The next bytes; `Ready(None)` at the end.
    pub fn poll_chunk(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Vec<u8>, String>>> {
        let mut inner = self.0.lock();
        if let Some(chunk) = inner.chunks.pop_front() {
            inner.bytes -= chunk.len();
            self.0.room.notify_one();
            return Poll::Ready(Some(Ok(chunk)));
        }
        if let Some(spill) = inner.spill.as_mut().filter(|s| s.holds_bytes()) {
            let n = (spill.written - spill.read).min(SPILL_CHUNK as u64);
            let mut chunk = vec![0; n as usize];
            if let Err(error) = spill.file.read_exact_at(&mut chunk, spill.read) {
                return Poll::Ready(Some(Err(format!("spill file: {error}"))));
            }
            spill.read += n;
            if !spill.holds_bytes() {
                // Everything is read: the file's blocks go back, and memory is used again.
                inner.spill = None;
            }
            return Poll::Ready(Some(Ok(chunk)));
        }
        match inner.end.clone() {
            Some(Ok(())) => Poll::Ready(None),
            Some(Err(error)) => Poll::Ready(Some(Err(error))),
            None => {
                inner.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for PipeReader {
    fn drop(&mut self) {
        let mut inner = self.0.lock();
        inner.reader_gone = true;
        inner.chunks.clear();
        inner.spill = None;
        self.0.room.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(reader: &PipeReader) -> (Vec<u8>, Option<String>) {
        let mut cx = Context::from_waker(Waker::noop());
        let mut out = Vec::new();
        loop {
            match reader.poll_chunk(&mut cx) {
                Poll::Ready(Some(Ok(chunk))) => out.extend(chunk),
                Poll::Ready(Some(Err(error))) => return (out, Some(error)),
                Poll::Ready(None) | Poll::Pending => return (out, None),
            }
        }
    }

    #[test]
    fn what_does_not_fit_into_memory_goes_through_a_file_in_order() {
        let (writer, reader) = Pipe::spilling(std::env::temp_dir());
        let mut given = Vec::new();
        for i in 0..40u8 {
            let piece = vec![i; 1 << 20];
            writer.push(&piece).unwrap();
            given.extend(piece);
        }
        assert!(reader.0.lock().bytes <= MEMORY);
        let (first, _) = drain(&reader);
        writer.push(b"tail").unwrap();
        writer.finish();
        let (second, error) = drain(&reader);
        assert!([first, second].concat() == [given, b"tail".to_vec()].concat());
        assert_eq!(error, None);
    }

    #[test]
    fn an_unfinished_payload_ends_with_an_error() {
        let (writer, reader) = Pipe::waiting();
        writer.push(b"some").unwrap();
        drop(writer);
        assert_eq!(
            drain(&reader),
            (b"some".to_vec(), Some("the snapshot ended early".into()))
        );
    }

    #[test]
    fn a_writer_whose_reader_is_gone_stops() {
        for (writer, reader) in [Pipe::waiting(), Pipe::spilling(std::env::temp_dir())] {
            drop(reader);
            assert!(writer.push(b"x").is_err());
        }
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the test is the one who has threads"
    )]
    fn a_waiting_writer_goes_on_when_there_is_room() {
        let (writer, reader) = Pipe::waiting();
        let thread = std::thread::spawn(move || {
            for _ in 0..20 {
                writer.push(&[1; 1 << 20]).unwrap();
            }
            writer.finish();
        });
        let mut total = 0;
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            match reader.poll_chunk(&mut cx) {
                Poll::Ready(Some(chunk)) => total += chunk.unwrap().len(),
                Poll::Ready(None) => break,
                Poll::Pending => std::thread::yield_now(),
            }
        }
        thread.join().unwrap();
        assert_eq!(total, 20 << 20);
    }
}
