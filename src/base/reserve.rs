//! Memory kept in reserve, for the moment when the system refuses more.
//!
//! Code in the midst of a write cannot stop halfway because there is no memory: a structure would be left broken. So
//! the server keeps address space and the system's promise of memory ([`fill`]), untouched and therefore not resident.
//! When the system refuses an allocation, a piece is given back, the allocation is tried again and succeeds, and the
//! process [is short](is_short) of memory from then on. Whoever is about to begin something that needs memory asks that
//! first, and refuses to begin. The reserve is filled again as soon as there is memory for all of it.
//!
//! The keyspace has a reserve of regions besides; the flag is the same.
//!
//! Invariant: nothing here allocates or waits for a lock while an allocation is being refused ([`refused`],
//! [`give_back`]).

use memmap2::MmapMut;
use std::fmt;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Bytes that are given back at once. The allocator keeps apart what is larger.
const PIECE: usize = 4 << 20;
const PIECES: usize = 8;
/// Bytes of the whole reserve: no allocation that is larger can be helped by it.
pub const BYTES: usize = PIECES * PIECE;

static SHORT: AtomicBool = AtomicBool::new(false);
static KEPT: Mutex<[Option<Piece>; PIECES]> = Mutex::new([const { None }; PIECES]);
static FIRST: Mutex<Option<Refusal>> = Mutex::new(None);
static BLOCKS: AtomicUsize = AtomicUsize::new(0);

/// Some memory that nobody touches.
enum Piece {
    /// From the system.
    Map { _map: MmapMut },
    /// From the allocator, which has addresses that it does not give back to the system.
    Block { _block: Vec<u8> },
}

impl Piece {
    fn new() -> io::Result<Piece> {
        match MmapMut::map_anon(PIECE) {
            Ok(_map) => Ok(Piece::Map { _map }),
            Err(error) => {
                let mut _block = Vec::new();
                _block.try_reserve_exact(PIECE).map_err(|_| error)?;
                BLOCKS.fetch_add(PIECE, Ordering::Relaxed);
                Ok(Piece::Block { _block })
            }
        }
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        if matches!(self, Piece::Block { .. }) {
            BLOCKS.fetch_sub(PIECE, Ordering::Relaxed);
        }
    }
}

/// What the system refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    what: &'static str,
    bytes: usize,
    errno: i32,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refusal { what, bytes, errno } = *self;
        let error = io::Error::from_raw_os_error(errno);
        write!(f, "the system refused {bytes} bytes for {what}: {error}")
    }
}

/// The system has refused memory, and the reserve is not whole again.
#[inline]
pub fn is_short() -> bool {
    SHORT.load(Ordering::Relaxed)
}

/// An error if the process is short of memory.
///
/// # Errors
/// What the system has refused, with [`io::ErrorKind::OutOfMemory`].
pub fn check() -> io::Result<()> {
    match is_short() {
        false => Ok(()),
        true => {
            let text = match first() {
                Some(refusal) => refusal.to_string(),
                None => "the system has refused memory".into(),
            };
            Err(io::Error::new(io::ErrorKind::OutOfMemory, text))
        }
    }
}

/// An error if the system refuses so many bytes now.
///
/// # Errors
/// The system's.
pub fn probe(bytes: usize) -> io::Result<()> {
    MmapMut::map_anon(bytes).map(drop)
}

/// Notes a refusal: the process is short of memory.
pub fn refused(what: &'static str, bytes: usize, errno: i32) {
    if let Ok(mut first) = FIRST.try_lock() {
        first.get_or_insert(Refusal { what, bytes, errno });
    }
    SHORT.store(true, Ordering::Relaxed);
}

/// The first refusal since the reserve was whole.
pub fn first() -> Option<Refusal> {
    *FIRST.lock().unwrap_or_else(|e| e.into_inner())
}

/// Gives a piece of the reserve back, so that an allocation which was refused can succeed; false if there is none.
pub fn give_back() -> bool {
    let Ok(mut kept) = KEPT.try_lock() else {
        return false;
    };
    let piece = kept.iter_mut().rev().find_map(Option::take);
    drop(kept);
    piece.is_some()
}

/// Makes the reserve whole, `rest` being what others keep; true if it is. The process is short of memory exactly if it
/// is not.
pub fn fill(rest: impl FnOnce() -> bool) -> bool {
    // A refusal on another thread from here on is not overlooked.
    SHORT.store(false, Ordering::Relaxed);
    let whole = fill_pieces() & rest();
    if !whole {
        SHORT.store(true, Ordering::Relaxed);
    } else if !is_short() {
        *FIRST.lock().unwrap_or_else(|e| e.into_inner()) = None;
    }
    whole && !is_short()
}

fn fill_pieces() -> bool {
    let mut kept = KEPT.lock().unwrap_or_else(|e| e.into_inner());
    for piece in kept.iter_mut().filter(|piece| piece.is_none()) {
        match Piece::new() {
            Ok(new) => *piece = Some(new),
            Err(error) => {
                drop(kept);
                refused(
                    "the reserve",
                    PIECE,
                    error.raw_os_error().unwrap_or_default(),
                );
                return false;
            }
        }
    }
    true
}

/// Bytes of the reserve that the allocator counts as handed out.
pub fn counted_bytes() -> usize {
    BLOCKS.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_is_short_from_a_refusal_until_the_reserve_is_whole() {
        assert!(fill(|| true) && !is_short() && check().is_ok());
        refused("a test", 7, libc::ENOMEM);
        refused("a second one", 8, libc::EAGAIN);
        assert!(is_short());
        let told = check().expect_err("short").to_string();
        assert!(
            told.starts_with("the system refused 7 bytes for a test: "),
            "{told}"
        );
        assert!(
            !fill(|| false) && is_short(),
            "what others keep is not whole"
        );
        assert!(fill(|| true) && !is_short() && first().is_none());
        for _ in 0..PIECES {
            assert!(give_back());
        }
        assert!(!give_back(), "it is used up");
        assert!(fill(|| true));
        assert!(give_back());
    }
}
