//! A file seen through a buffer that can be put anywhere: a search goes back and forth.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes that are read at once, at least.
const READ: usize = 4 << 20;

/// The file and the part of it that is in memory.
pub struct View<'f> {
    file: &'f File,
    size: u64,
    buf: Vec<u8>,
    start: u64,
}

impl<'f> View<'f> {
    /// Of the first `size` bytes.
    pub fn new(file: &'f File, size: u64) -> Self {
        View {
            file,
            size,
            buf: Vec::new(),
            start: 0,
        }
    }

    /// Bytes of the file.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The bytes from `at` on that are in memory: at least `at_least`, or all there are.
    ///
    /// # Errors
    /// Those of the file.
    pub fn at(&mut self, at: u64, at_least: usize) -> io::Result<&[u8]> {
        let want = (at_least as u64).min(self.size.saturating_sub(at)) as usize;
        let inside = at >= self.start && at <= self.start + self.buf.len() as u64;
        if !inside || self.buf.len() - ((at - self.start) as usize) < want {
            let len = (want.max(READ) as u64).min(self.size.saturating_sub(at)) as usize;
            self.buf.clear();
            self.buf.shrink_to(2 * READ);
            self.buf.resize(len, 0);
            self.start = at;
            let mut filled = 0;
            while filled < len {
                match self
                    .file
                    .read_at(&mut self.buf[filled..], at + filled as u64)
                {
                    Ok(0) => break,
                    Ok(n) => filled += n,
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    Err(e) => return Err(e),
                }
            }
            self.buf.truncate(filled);
        }
        Ok(&self.buf[(at - self.start) as usize..])
    }
}
