//! Splits a log into requests and annotations, window by window.
//!
//! The caller holds the bytes that have arrived and have not been consumed. [`Reader::next`] finds the next [`Item`] in
//! them, or says how many bytes it needs at least. Nothing is buffered here. A dump at the start of a file is handled
//! by the crate `rdb`; the reader begins after it.
//!
//! Lengths are parsed as strictly as by `redis-check-aof`. A server that loads a file is more lenient, but whatever it
//! overlooks is damage, because no server writes it.

use super::defect::{Defect, Wrong};
use memchr::memchr;

/// Servers read an annotation into a buffer of 1,024 bytes with a zero at its end.
const ANNOTATION_MAX: usize = 1023;
/// Digits of the largest number, and a few zeros before it.
const DIGITS_MAX: usize = 24;
/// Arguments of one request: what the count of a request can say on the wire.
const ARGS_MAX: u64 = i32::MAX as u64;

/// What [`Reader::next`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// The next item.
    Item {
        /// The item; borrows from the window and the reader.
        item: Item<'a>,
        /// Bytes of the window that it took.
        consumed: usize,
    },
    /// The window ends inside an item.
    NeedMore {
        /// The window length that gets further, as far as known. The file says it, so it may be absurd: compare it
        /// with the bytes that can still come.
        at_least: u64,
    },
}

/// One item of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A request.
    Request(Request<'a>),
    /// A line that begins with `#`, without its line end.
    Annotation(&'a [u8]),
}

/// The arguments of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    window: &'a [u8],
    spans: &'a [(usize, usize)],
}

impl<'a> Request<'a> {
    /// The arguments, at least one: the first names the command.
    pub fn args(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone {
        let window = self.window;
        self.spans
            .iter()
            .map(move |&(at, len)| &window[at..][..len])
    }

    /// The place and the length of each argument, counted from the first byte of the request.
    pub fn spans(&self) -> &'a [(usize, usize)] {
        self.spans
    }

    /// The name of the command.
    pub fn name(&self) -> &'a [u8] {
        self.args().next().unwrap_or_default()
    }

    /// True for the command of this name.
    pub fn is(&self, name: &str) -> bool {
        self.name().eq_ignore_ascii_case(name.as_bytes())
    }

    /// The database that a SELECT names.
    pub fn selects(&self) -> Option<u32> {
        let (true, Some(number)) = (self.is("select"), self.args().nth(1)) else {
            return None;
        };
        std::str::from_utf8(number).ok()?.parse().ok()
    }
}

/// The state between items.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    offset: u64,
    spans: Vec<(usize, usize)>,
}

/// What ends the reading of a part.
enum Stop {
    More(u64),
    Defect(Defect),
}

impl Reader {
    /// A reader whose first window begins at this offset of the file.
    pub fn at(offset: u64) -> Reader {
        Reader {
            offset,
            spans: Vec::new(),
        }
    }

    /// Offset of the next window's first byte.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Finds the next item in a window of at least one byte.
    ///
    /// # Errors
    /// The bytes are not an item. Nothing after them can be read.
    pub fn next<'a>(&'a mut self, window: &'a [u8]) -> Result<Step<'a>, Defect> {
        self.spans.clear();
        let found = match window.first() {
            None => Err(Stop::More(1)),
            Some(b'#') => self.annotation(window),
            Some(b'*') => self.request(window),
            Some(&other) => Err(self.defect(0, Wrong::NoItem(other))),
        };
        let consumed = match found {
            Ok(consumed) => consumed,
            Err(Stop::More(at_least)) => return Ok(Step::NeedMore { at_least }),
            Err(Stop::Defect(defect)) => return Err(defect),
        };
        self.offset += consumed as u64;
        let item = match window[0] {
            b'#' => Item::Annotation(line(&window[..consumed])),
            _ => Item::Request(Request {
                window,
                spans: &self.spans,
            }),
        };
        Ok(Step::Item { item, consumed })
    }

    /// The defect of a file that ends after this window, for which more was needed.
    pub fn cut_off(&self, window: &[u8]) -> Defect {
        let begun = self.offset;
        Defect::new(begun + window.len() as u64, Wrong::CutOff { begun })
    }

    fn defect(&self, at: usize, wrong: Wrong) -> Stop {
        Stop::Defect(Defect::new(self.offset + at as u64, wrong))
    }

    fn annotation(&self, window: &[u8]) -> Result<usize, Stop> {
        let seen = &window[..window.len().min(ANNOTATION_MAX)];
        match memchr(b'\n', seen) {
            Some(at) => Ok(at + 1),
            None if seen.len() == ANNOTATION_MAX => {
                Err(self.defect(ANNOTATION_MAX, Wrong::LongAnnotation))
            }
            None => Err(Stop::More(window.len() as u64 + 1)),
        }
    }

    fn request(&mut self, window: &[u8]) -> Result<usize, Stop> {
        let (count, mut at) = self.number(window, 1)?;
        if count == 0 || count > ARGS_MAX {
            return Err(self.defect(1, Wrong::BadNumber));
        }
        for _ in 0..count {
            match window.get(at) {
                Some(b'$') => {}
                Some(&other) => return Err(self.defect(at, Wrong::NoArgument(other))),
                None => return Err(Stop::More(at as u64 + 1)),
            }
            let (len, start) = self.number(window, at + 1)?;
            // Every further argument takes at least six bytes, but what only a count claims is not asked for.
            let end = (start as u64).saturating_add(len).saturating_add(2);
            if end > window.len() as u64 {
                return Err(Stop::More(end));
            }
            let end = end as usize;
            self.line_end(window, end - 2)?;
            self.spans.push((start, end - 2 - start));
            at = end;
        }
        Ok(at)
    }

    /// The number at `at` and the index after its line end.
    fn number(&self, window: &[u8], at: usize) -> Result<(u64, usize), Stop> {
        let mut n = 0u64;
        let mut end = at;
        loop {
            match window.get(end) {
                None => return Err(Stop::More(end as u64 + 1)),
                Some(digit @ b'0'..=b'9') if end - at < DIGITS_MAX => {
                    let digit = u64::from(digit - b'0');
                    let next = n.checked_mul(10).and_then(|n| n.checked_add(digit));
                    n = match next.filter(|n| *n <= i64::MAX as u64) {
                        Some(n) => n,
                        None => return Err(self.defect(at, Wrong::BadNumber)),
                    };
                    end += 1;
                }
                Some(_) if end == at || end - at >= DIGITS_MAX => {
                    return Err(self.defect(end, Wrong::BadNumber));
                }
                Some(_) => break,
            }
        }
        self.line_end(window, end)?;
        Ok((n, end + 2))
    }

    fn line_end(&self, window: &[u8], at: usize) -> Result<(), Stop> {
        match window.get(at..) {
            Some([b'\r', b'\n', ..]) => Ok(()),
            Some([a, b, ..]) => Err(self.defect(at, Wrong::NoLineEnd([*a, *b]))),
            _ => Err(Stop::More(at as u64 + 2)),
        }
    }
}

/// Without the line end.
fn line(bytes: &[u8]) -> &[u8] {
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests;
