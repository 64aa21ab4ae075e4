//! Passes a payload from the thread that produces it to the task that writes it to a replica: [`flow::pipe`] between a
//! thread that may wait and a task that is woken.

use disk::{Machine, Scratch};
use flow::pipe::{MEMORY, Pipe, PipeEnd, Read};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

struct Inner {
    pipe: Pipe<File>,
    waker: Option<Waker>,
}

struct Shared {
    inner: Mutex<Inner>,
    room: Condvar,
}

/// The writing end. Dropping it unfinished ends the payload with an error.
pub struct PipeWriter(Arc<Shared>);

/// The reading end. Dropping it makes pushes fail.
pub struct PipeReader(Arc<Shared>);

/// A pipe whose writer never waits: bytes that do not fit into memory are written to a file in the working directory.
pub fn spilling() -> (PipeWriter, PipeReader) {
    ends(Pipe::spilling(MEMORY))
}

/// A pipe whose writer waits.
pub fn waiting() -> (PipeWriter, PipeReader) {
    ends(Pipe::waiting(MEMORY))
}

fn ends(pipe: Pipe<File>) -> (PipeWriter, PipeReader) {
    let shared = Arc::new(Shared {
        inner: Mutex::new(Inner { pipe, waker: None }),
        room: Condvar::new(),
    });
    (PipeWriter(shared.clone()), PipeReader(shared))
}

impl Shared {
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

impl PipeEnd for PipeWriter {
    fn push(&self, bytes: &[u8]) -> io::Result<()> {
        let mut inner = self.0.lock();
        while inner.pipe.must_wait() {
            let woken = self.0.room.wait(inner);
            inner = woken.expect("nothing panics with this lock");
        }
        let pushed = inner.pipe.push(bytes, || Machine.scratch(Path::new(".")));
        inner.wake();
        pushed
    }

    fn finish(self) {
        self.0.lock().pipe.finish();
    }
}

impl Drop for PipeWriter {
    fn drop(&mut self) {
        let mut inner = self.0.lock();
        inner.pipe.writer_is_gone();
        inner.wake();
    }
}

impl PipeReader {
    /// The next bytes; `Ready(None)` at the end.
    pub fn poll_chunk(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Vec<u8>, String>>> {
        let mut inner = self.0.lock();
        match inner.pipe.read() {
            Read::Bytes(bytes) => {
                self.0.room.notify_one();
                Poll::Ready(Some(Ok(bytes)))
            }
            Read::End => Poll::Ready(None),
            Read::Failed(why) => Poll::Ready(Some(Err(why))),
            Read::Later => {
                inner.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for PipeReader {
    fn drop(&mut self) {
        self.0.lock().pipe.reader_is_gone();
        self.0.room.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the test is the one who has threads"
    )]
    fn a_waiting_writer_goes_on_when_there_is_room() {
        let (writer, reader) = waiting();
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

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the test is the one who has threads"
    )]
    fn a_waiting_writer_whose_reader_goes_away_ends() {
        let (writer, reader) = waiting();
        let thread = std::thread::spawn(move || while writer.push(&[1; 1 << 20]).is_ok() {});
        drop(reader);
        thread.join().unwrap();
    }

    #[test]
    fn a_reader_is_woken_by_what_comes_and_by_the_end() {
        let (writer, reader) = spilling();
        let woken = Arc::new(Count::default());
        let waker = Waker::from(woken.clone());
        let mut cx = Context::from_waker(&waker);
        assert!(reader.poll_chunk(&mut cx).is_pending());
        writer.push(b"some").unwrap();
        assert_eq!(woken.times(), 1);
        assert!(reader.poll_chunk(&mut cx).is_ready());
        assert!(reader.poll_chunk(&mut cx).is_pending());
        writer.finish();
        assert_eq!(woken.times(), 2);
        assert!(matches!(reader.poll_chunk(&mut cx), Poll::Ready(None)));
    }

    #[derive(Default)]
    struct Count(std::sync::atomic::AtomicUsize);

    impl Count {
        fn times(&self) -> usize {
            self.0.load(std::sync::atomic::Ordering::Relaxed)
        }
    }

    impl std::task::Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }
}
