//! Whether there are sound batches after a defect.
//!
//! Nothing follows a torn end, while batches with matching seals follow damage in the middle of a file. Only seals can
//! prove this, because bytes that look like a request may be part of a value.

use super::seal::{Checked, MARK, Seal, Sealer};
use memchr::memmem;

/// The longest line that is looked at.
const LINE_MAX: usize = 1024;

/// Looks for sound batches, window by window.
#[derive(Clone, Debug, Default)]
pub struct Search {
    batch: Sealer,
    /// Offset of the next window's first byte, and of the batch that began last.
    offset: u64,
    batch_at: u64,
    /// A batch begins at `batch_at`: the first bytes of the search belong to one that began before it.
    aligned: bool,
}

impl Search {
    /// A search whose first window begins at this offset of the file.
    pub fn at(offset: u64) -> Search {
        Search {
            offset,
            ..Search::default()
        }
    }

    /// Looks at a window, which is the `last` one if the file ends after it. Returns how many of its bytes are done
    /// with (the next window begins with the others), and the offset of a sound batch if there is one.
    pub fn next(&mut self, window: &[u8], last: bool) -> (usize, Option<u64>) {
        let mut at = 0;
        while let Some(found) = memmem::find(&window[at..], MARK) {
            let line = &window[at + found..];
            let seen = &line[..line.len().min(LINE_MAX)];
            let Some(len) = memchr::memchr(b'\n', seen) else {
                if seen.len() < LINE_MAX && !last {
                    self.pass(&window[at..at + found]);
                    return (at + found, None);
                }
                // This is not a seal: an endless line, or a line that the end of the file has cut off.
                self.pass(&window[at..at + found + MARK.len()]);
                at += found + MARK.len();
                continue;
            };
            let seal = Seal::parse(line[..len].strip_suffix(b"\r").unwrap_or(&line[..len]));
            let Some(seal) = seal else {
                self.pass(&window[at..at + found + MARK.len()]);
                at += found + MARK.len();
                continue;
            };
            self.pass(&window[at..at + found]);
            let begun = (self.batch_at, self.aligned);
            let checked = self.batch.check(&line[..len - 1], &seal);
            self.offset += len as u64 + 1;
            at += found + len + 1;
            (self.batch_at, self.aligned) = (self.offset, true);
            if let (Checked::Sound, (batch, true)) = (checked, begun)
                && seal.bytes > 0
            {
                return (at, Some(batch));
            }
        }
        // The end of the window may be the start of a mark.
        let left = match last {
            true => 0,
            false => (MARK.len() - 1).min(window.len() - at),
        };
        let done = window.len() - left;
        self.pass(&window[at..done]);
        (done, None)
    }

    fn pass(&mut self, bytes: &[u8]) {
        self.batch.update(bytes);
        self.offset += bytes.len() as u64;
    }
}

/// Looks through bytes that are in memory: the offset of a sound batch in them.
pub fn find(bytes: &[u8]) -> Option<u64> {
    Search::at(0).next(bytes, true).1
}
