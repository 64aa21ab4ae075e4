//! How payloads are announced, and how a snapshot gets into a pipe.

use crate::Fate;
use crate::feed::Payload;
use crate::save::{SaveError, Sink};
use std::io;

/// The end of a pipe that is written to. Dropped before it is finished, the payload is incomplete.
pub trait PipeEnd: Send + 'static {
    /// Gives bytes.
    ///
    /// # Errors
    /// As [`Pipe::push`](super::Pipe::push).
    fn push(&self, bytes: &[u8]) -> io::Result<()>;

    /// All bytes were given.
    fn finish(self);
}

/// A replica's connection as a destination of dump bytes.
struct ReplicaSink<P> {
    pipe: P,
    /// Behind the dump.
    mark: Vec<u8>,
}

/// A snapshot for a connection: where its bytes go, and what the connection gets. The dump is followed by `mark`.
pub fn of_snapshot<F, S>(
    mark: &[u8],
    (pipe, source): (impl PipeEnd, S),
) -> (Box<dyn Sink<F>>, Payload<S>) {
    let head = [b"$EOF:", mark, b"\r\n"].concat();
    let mark = mark.to_vec();
    let sink = Box::new(ReplicaSink { pipe, mark });
    (sink, Payload { head, source })
}

/// A finished dump of `len` bytes for a connection.
pub fn of_file<S>(len: u64, source: S) -> Payload<S> {
    let head = format!("${len}\r\n").into_bytes();
    Payload { head, source }
}

impl<F, P: PipeEnd> Sink<F> for ReplicaSink<P> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SaveError> {
        self.pipe.push(bytes).map_err(gone)
    }

    fn finish(self: Box<Self>, _: &Fate) -> Result<Option<F>, SaveError> {
        self.pipe.push(&self.mark).map_err(gone)?;
        self.pipe.finish();
        Ok(None)
    }
}

fn gone(error: io::Error) -> SaveError {
    SaveError::Cancelled(format!("replica: {error}"))
}
