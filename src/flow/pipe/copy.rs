//! The bytes of a finished dump.

use disk::DiskFile;
use std::io;
use std::sync::Arc;

/// Bytes read at once.
const CHUNK: usize = 256 << 10;

/// Reads a file that others read at the same time.
#[derive(Debug)]
pub struct FileCopy<F> {
    file: Arc<F>,
    at: u64,
    len: u64,
    buf: Vec<u8>,
}

impl<F: DiskFile> FileCopy<F> {
    /// Will read what the file holds now.
    ///
    /// # Errors
    /// The disk's.
    pub fn new(file: Arc<F>) -> io::Result<FileCopy<F>> {
        let len = file.size()?;
        Ok(FileCopy {
            file,
            at: 0,
            len,
            buf: vec![0; CHUNK.min(usize::try_from(len).unwrap_or(CHUNK))],
        })
    }

    /// How many bytes it reads.
    pub fn total(&self) -> u64 {
        self.len
    }

    /// The next of them, or `None` after the last one.
    ///
    /// # Errors
    /// The disk's, also if the file has become shorter.
    pub fn chunk(&mut self) -> io::Result<Option<&[u8]>> {
        let left = usize::try_from(self.len - self.at).unwrap_or(usize::MAX);
        if left == 0 {
            return Ok(None);
        }
        let most = left.min(self.buf.len());
        let n = self.file.read_some_at(&mut self.buf[..most], self.at)?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += n as u64;
        Ok(Some(&self.buf[..n]))
    }
}
