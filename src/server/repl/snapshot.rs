//! Payloads on their way to the connections of replicas: from a snapshot that is being made, or from a file.

use super::pipe::{Pipe, PipeReader, PipeWriter};
use crate::threads;
use flow::Fate;
use flow::feed::Payload;
use flow::save::{SaveError, Sink};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

/// Bytes read from a dump file at once.
const FILE_CHUNK: usize = 256 << 10;

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

fn gone(error: io::Error) -> SaveError {
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

/// A finished dump: `$<length>` and the file, read by a thread of its own.
///
/// # Errors
/// The file's length cannot be read, or the system refuses a thread.
pub fn file(file: Arc<File>) -> io::Result<Payload<PipeReader>> {
    let len = file.metadata()?.len();
    let (writer, reader) = Pipe::waiting();
    let copy = move || {
        let mut buf = vec![0; FILE_CHUNK];
        let mut at = 0;
        while at < len {
            let most = buf
                .len()
                .min(usize::try_from(len - at).unwrap_or(usize::MAX));
            // Others read the same file: each at its own offset.
            match file.read_at(&mut buf[..most], at) {
                Ok(n) if n > 0 && writer.push(&buf[..n]).is_ok() => at += n as u64,
                _ => return, // unfinished: the connection is closed
            }
        }
        writer.finish();
    };
    threads::spawn("forebay-send", copy)?;
    Ok(Payload {
        head: format!("${len}\r\n").into_bytes(),
        source: reader,
    })
}
