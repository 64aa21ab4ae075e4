//! The bytes of a snapshot on their way to the connections of replicas.

use super::pipe::{Pipe, PipeReader, PipeWriter};
use flow::Fate;
use flow::feed::Payload;
use flow::save::{SaveError, Sink};
use std::fs::File;
use std::path::PathBuf;

/// A replica's connection as a destination of dump bytes.
struct ReplicaSink {
    pipe: PipeWriter,
    /// Behind the dump.
    mark: Vec<u8>,
}

impl Sink<File> for ReplicaSink {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SaveError> {
        self.pipe.push(bytes).map_err(gone)
    }

    fn finish(self: Box<Self>, _: &Fate) -> Result<Option<File>, SaveError> {
        self.pipe.push(&self.mark).map_err(gone)?;
        self.pipe.finish();
        Ok(None)
    }
}

fn gone(error: std::io::Error) -> SaveError {
    SaveError::Cancelled(format!("replica: {error}"))
}

/// The two ends of a payload's way: where it is written, and what the connection sends. `mark` ends the dump.
pub fn connect(mark: &[u8]) -> (Box<dyn Sink<File>>, Payload<PipeReader>) {
    let (pipe, reader) = Pipe::spilling(PathBuf::from("."));
    let head = [b"$EOF:", mark, b"\r\n"].concat();
    let mark = mark.to_vec();
    let sink = Box::new(ReplicaSink { pipe, mark });
    let source = reader;
    (sink, Payload { head, source })
}
