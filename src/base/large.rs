//! Large arguments of requests, each in pages of its own.
//!
//! A value of hundreds of megabytes must be in memory only once, not once in a connection's buffer and once more in the
//! keyspace. Therefore an argument of [`LARGE_FROM`] bytes or more is received into pages that nothing else uses
//! ([`Growing`]), and code that keeps it shares these pages:
//!
//! ```text
//! socket -> Growing -> Large ---- offered to the handler, which sees a plain slice of bytes
//!                        |------- Slice: an effect, a queued request (keeps the pages, copies nothing)
//!                        '------- Stretch: a piece of a long string (gives its own pages back when it goes)
//! ```
//!
//! Handlers do not have to know about this: they receive slices, and [`take`] and [`find`] recognize by its address a
//! slice that lies in pages which have been [`offer`]ed on this thread.
//!
//! Invariants:
//!  * Pages are written only by the [`Growing`] that owns them; what is shared never changes.
//!  * The stretches of some pages never overlap: they are created only once ([`take`]). A stretch that is dropped gives
//!    its pages back only if nothing but stretches refers to them.
//!  * Memory is in proportion to the bytes that have arrived, whatever length was announced.

use memmap2::{MmapMut, RemapOptions, UncheckedAdvice};
use std::cell::RefCell;
use std::fmt;
use std::io;
use std::ops::{Deref, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Arguments from this length on get pages of their own. Below it a copy costs little, and a mapping for each value
/// would soon be more mappings than a process may have.
pub const LARGE_FROM: usize = 1 << 20;
/// Bytes of a stretch: whole pages, and its copy with a header just fits a size class of the allocator.
const STRETCH: usize = 60 << 10;
/// The size of a page that is assumed when pages are returned to the system.
const PAGE: usize = 4096;
/// Bytes that are read at once.
const READ: usize = 1 << 20;

/// Bytes in all pages of this kind.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// Bytes of memory that large arguments take, and the values that were made of them.
pub fn held_bytes() -> usize {
    HELD.load(Ordering::Relaxed)
}

struct Pages {
    map: MmapMut,
    /// Bytes of the argument.
    len: usize,
    /// Bytes of them that are counted in [`HELD`].
    counted: AtomicUsize,
    /// Stretches have been made of them.
    taken: AtomicBool,
    /// Stretches that refer to them.
    stretches: AtomicUsize,
}

impl Drop for Pages {
    fn drop(&mut self) {
        HELD.fetch_sub(*self.counted.get_mut(), Ordering::Relaxed);
    }
}

/// A zeroed buffer that is shared by reference count, made without a copy of it.
pub fn zeroed(len: usize) -> Arc<[u8]> {
    let buffer = Arc::<[u8]>::new_zeroed_slice(len);
    // SAFETY: all bytes are zero, which is a value of u8.
    unsafe { buffer.assume_init() }
}

/// A large argument on its way in.
pub struct Growing {
    pages: Pages,
    wanted: usize,
}

impl Growing {
    /// For `wanted` bytes, none of which has come yet.
    ///
    /// # Errors
    /// The system refuses the memory.
    pub fn new(wanted: usize) -> io::Result<Growing> {
        let pages = Pages {
            map: MmapMut::map_anon(wanted.clamp(1, LARGE_FROM))?,
            len: 0,
            counted: AtomicUsize::new(0),
            taken: AtomicBool::new(false),
            stretches: AtomicUsize::new(0),
        };
        Ok(Growing { pages, wanted })
    }

    /// Bytes that have come.
    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> usize {
        self.pages.len
    }

    /// Bytes that are still to come.
    pub fn missing(&self) -> usize {
        self.wanted - self.pages.len
    }

    /// Room for some of the bytes that are still to come; empty once all have.
    ///
    /// # Errors
    /// The system refuses the memory.
    pub fn room(&mut self) -> io::Result<&mut [u8]> {
        let Pages { map, len, .. } = &mut self.pages;
        if *len == map.len() && *len < self.wanted {
            let more = (map.len() * 2).min(self.wanted);
            // SAFETY: `&mut self` shows that nothing refers to the old address; the pages move with their content,
            // and those that are added read as zeroes.
            unsafe { map.remap(more, RemapOptions::new().may_move(true)) }?;
        }
        let end = map.len().min(self.wanted).min(*len + READ);
        Ok(&mut map[*len..end])
    }

    /// The first `n` bytes of [`Growing::room`] have been written.
    pub fn advance(&mut self, n: usize) {
        let pages = &mut self.pages;
        assert!(pages.len + n <= pages.map.len(), "there was no such room");
        pages.len += n;
        *pages.counted.get_mut() += n;
        HELD.fetch_add(n, Ordering::Relaxed);
    }

    /// Copies as many of `bytes` as are missing; returns how many.
    ///
    /// # Errors
    /// The system refuses the memory.
    pub fn extend(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut done = 0;
        while done < bytes.len() && self.missing() > 0 {
            let room = self.room()?;
            let n = room.len().min(bytes.len() - done);
            room[..n].copy_from_slice(&bytes[done..done + n]);
            self.advance(n);
            done += n;
        }
        Ok(done)
    }

    /// The bytes that have come: they never change again.
    pub fn finish(self) -> Large {
        Large(Arc::new(self.pages))
    }
}

/// A large argument that has come in. A clone shares its pages.
#[derive(Clone)]
pub struct Large(Arc<Pages>);

impl Large {
    /// A copy of `bytes` in pages of its own.
    ///
    /// # Errors
    /// The system refuses the memory.
    pub fn copy_of(bytes: &[u8]) -> io::Result<Large> {
        let mut growing = Growing::new(bytes.len())?;
        growing.extend(bytes)?;
        Ok(growing.finish())
    }

    /// The same pages, as a slice of all their bytes.
    pub fn into_slice(self) -> Slice {
        let range = 0..self.0.len;
        Slice {
            pages: self.0,
            range,
        }
    }
}

impl Deref for Large {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0.map[..self.0.len]
    }
}

impl fmt::Debug for Large {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Large({} bytes)", self.0.len)
    }
}

thread_local! {
    /// What [`offer`] offers now.
    static OFFERED: RefCell<Vec<Large>> = const { RefCell::new(Vec::new()) };
}

/// Ends an offer, also when the handler panics.
struct Offer(usize);

impl Drop for Offer {
    fn drop(&mut self) {
        OFFERED.with_borrow_mut(|offered| offered.truncate(self.0));
    }
}

/// Runs `f`, which may keep slices of `larges` by [`find`] and [`take`].
#[inline]
pub fn offer<'a, R>(larges: impl IntoIterator<Item = &'a Large>, f: impl FnOnce() -> R) -> R {
    let mut larges = larges.into_iter().peekable();
    if larges.peek().is_none() {
        return f();
    }
    let _offer = OFFERED.with_borrow_mut(|offered| {
        let offer = Offer(offered.len());
        offered.extend(larges.cloned());
        offer
    });
    f()
}

/// The slice to keep instead of a copy of these bytes, if they are within an offered argument.
#[inline]
pub fn find(bytes: &[u8]) -> Option<Slice> {
    match bytes.len() < LARGE_FROM / 2 {
        true => None,
        false => find_offered(bytes),
    }
}

#[inline(never)]
fn find_offered(bytes: &[u8]) -> Option<Slice> {
    OFFERED.with_borrow(|offered| {
        offered.iter().find_map(|large| {
            let start = bytes.as_ptr().addr().checked_sub(large.as_ptr().addr())?;
            let range = start..start.checked_add(bytes.len())?;
            (range.end <= large.len()).then(|| Slice {
                pages: large.0.clone(),
                range,
            })
        })
    })
}

/// The stretches that these bytes are made of, if they are within an offered argument of which nothing has been taken
/// yet.
pub fn take(bytes: &[u8]) -> Option<Vec<Stretch>> {
    let slice = find(bytes)?;
    if slice.pages.taken.swap(true, Ordering::AcqRel) {
        return None;
    }
    let starts = slice.range.clone().step_by(STRETCH);
    let stretches = starts.map(|start| {
        let pages = slice.pages.clone();
        pages.stretches.fetch_add(1, Ordering::AcqRel);
        Stretch {
            range: start..slice.range.end.min(start + STRETCH),
            pages,
        }
    });
    Some(stretches.collect())
}

/// Some bytes of a large argument. It keeps all its pages.
#[derive(Clone)]
pub struct Slice {
    pages: Arc<Pages>,
    range: Range<usize>,
}

impl Slice {
    /// The argument that it is a part of.
    pub fn large(&self) -> Large {
        Large(self.pages.clone())
    }
}

impl Deref for Slice {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.pages.map[self.range.clone()]
    }
}

impl fmt::Debug for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slice({:?})", self.range)
    }
}

/// A part of a large argument that no other stretch has: dropped, it gives its pages back.
pub struct Stretch {
    pages: Arc<Pages>,
    range: Range<usize>,
}

impl Deref for Stretch {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.pages.map[self.range.clone()]
    }
}

impl fmt::Debug for Stretch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stretch({:?})", self.range)
    }
}

impl Drop for Stretch {
    fn drop(&mut self) {
        let others = self.pages.stretches.load(Ordering::Acquire);
        // With its last stretch the whole mapping is freed, by one call.
        if others > 1 && Arc::strong_count(&self.pages) == others {
            let start = self.range.start.next_multiple_of(PAGE);
            let end = self.range.end / PAGE * PAGE;
            if start < end {
                // SAFETY: the range lies in the mapping. Only stretches refer to these pages (each counts itself
                // after it has got its reference and before it gives it up, and new ones come from slices only, of
                // which there is none), they do not overlap, and this one ends here, so nothing reads the range
                // again.
                let given = unsafe {
                    let map = &self.pages.map;
                    map.unchecked_advise_range(UncheckedAdvice::DontNeed, start, end - start)
                };
                if given.is_ok() {
                    self.pages.counted.fetch_sub(end - start, Ordering::Relaxed);
                    HELD.fetch_sub(end - start, Ordering::Relaxed);
                }
            }
        }
        self.pages.stretches.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of an argument, no two stretches of which are equal.
    fn text(len: usize) -> Vec<u8> {
        (0..len).map(|i| (i / 4096 + i) as u8).collect()
    }

    #[test]
    fn what_has_come_in_pieces_is_there_as_one() {
        let bytes = text(LARGE_FROM * 5 + 7);
        let mut growing = Growing::new(bytes.len()).expect("memory");
        for piece in bytes.chunks(100_001) {
            assert!(growing.pages.map.len() <= (growing.len() * 2).max(LARGE_FROM));
            assert_eq!(growing.extend(piece).expect("memory"), piece.len());
        }
        assert_eq!(
            (growing.missing(), growing.room().expect("memory").len()),
            (0, 0)
        );
        assert_eq!(growing.extend(b"more").expect("memory"), 0);
        assert!(growing.finish()[..] == bytes);
    }

    #[test]
    fn only_what_is_offered_is_found_and_it_is_taken_once() {
        let bytes = text(LARGE_FROM + 5);
        let large = Large::copy_of(&bytes).expect("memory");
        assert!(find(&large).is_none());
        let (stretches, slice) = offer([&large], || {
            assert!(find(&bytes).is_none(), "the same text elsewhere");
            assert!(find(&large[..9]).is_none(), "a copy costs nothing");
            let slice = find(&large[5..]).expect("it is offered");
            (take(&large).expect("the first"), slice)
        });
        assert!(slice[..] == bytes[5..]);
        assert!(
            stretches
                .iter()
                .map(|s| &s[..])
                .collect::<Vec<_>>()
                .concat()
                == bytes
        );
        assert!(offer([&large], || take(&large)).is_none());
        assert!(find(&large).is_none());
    }

    #[test]
    fn a_stretch_gives_its_pages_back_unless_somebody_may_read_them() {
        let bytes = text(LARGE_FROM);
        let large = Large::copy_of(&bytes).expect("memory");
        let mut stretches = offer([&large], || take(&large)).expect("the first");
        let pages = stretches[0].pages.clone();
        stretches.remove(0);
        assert_eq!(pages.counted.load(Ordering::Relaxed), LARGE_FROM);
        assert!(large[..] == bytes, "a handler may still read its argument");
        drop((large, pages));
        let left = stretches.len();
        stretches.remove(left / 2);
        let counted = stretches[0].pages.counted.load(Ordering::Relaxed);
        assert_eq!(counted, LARGE_FROM - STRETCH);
        let mut rest = bytes.chunks(STRETCH).skip(1).collect::<Vec<_>>();
        rest.remove(left / 2);
        assert!(stretches.iter().map(|s| &s[..]).eq(rest));
    }
}
