//! Payloads on their way to the connections of replicas: from a running snapshot, or from a file.

use super::pipe::{self, PipeReader};
use crate::threads;
use flow::feed::Payload;
use flow::pipe::{FileCopy, PipeEnd, of_file, of_snapshot};
use flow::save::Sink;
use std::fs::File;
use std::io;
use std::sync::Arc;

/// The two ends of a payload's way: where it is written, and what the connection sends. `mark` ends the dump.
pub fn connect(mark: &[u8]) -> (Box<dyn Sink<File>>, Payload<PipeReader>) {
    of_snapshot(mark, pipe::spilling())
}

/// A finished dump, which a separate thread reads.
///
/// # Errors
/// The file's length cannot be read, or the system refuses a thread.
pub fn file(file: Arc<File>) -> io::Result<Payload<PipeReader>> {
    let mut copy = FileCopy::new(file)?;
    let len = copy.total();
    let (writer, reader) = pipe::waiting();
    threads::spawn("forebay-send", move || {
        loop {
            match copy.chunk() {
                Ok(Some(bytes)) if writer.push(bytes).is_ok() => {}
                Ok(None) => return writer.finish(),
                // The payload stays unfinished, so the connection is closed.
                Ok(Some(_)) | Err(_) => return,
            }
        }
    })?;
    Ok(of_file(len, reader))
}
