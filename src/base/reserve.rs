//! Memory kept in reserve, for the moment when the system refuses more.
//!
//! Code in the middle of a write cannot stop because there is no memory: a structure would be left broken. Therefore
//! the server reserves address space and committed memory ([`fill`]), which it never touches and which is therefore not
//! resident. When the system refuses an allocation, a piece of the reserve is returned to the system, the allocation is
//! repeated and succeeds, and from then on the process [is short](is_short) of memory. Code that is about to begin
//! something that needs memory checks this first, and does not begin. The reserve is filled again as soon as there is
//! memory for all of it.
//!
//! The keyspace also has a reserve of regions; it uses the same flag.
//!
//! Invariant: nothing here allocates or waits for a lock while an allocation is being refused ([`refused`],
//! [`give_back`]).

use memmap2::MmapMut;
use std::cell::Cell;
use std::fmt;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Bytes that are released at a time. The allocator treats larger blocks separately.
const PIECE: usize = 4 << 20;
const PIECES: usize = 8;
/// If the allocator has no room for a whole piece, it may have room for parts of these sizes.
const PARTS: [usize; 3] = [PIECE, PIECE / 8, PIECE / 64];
/// Bytes of the whole reserve: no allocation that is larger can be helped by it.
pub const BYTES: usize = PIECES * PIECE;

static SHORT: AtomicBool = AtomicBool::new(false);
/// Each piece has a separate lock, which is never held while memory is requested. A thread that finds one locked takes
/// the next, so no available piece is missed.
static KEPT: [Mutex<Option<Piece>>; PIECES] = [const { Mutex::new(None) }; PIECES];
thread_local! {
    /// This thread fills the reserve: it does not take from it to do so.
    static FILLS: Cell<bool> = const { Cell::new(false) };
}
static FIRST: Mutex<Option<Refusal>> = Mutex::new(None);
static BLOCKS: AtomicUsize = AtomicUsize::new(0);

/// Memory that is kept and not used.
enum Piece {
    /// From the system.
    Map { _map: MmapMut },
    /// From the allocator, which keeps addresses that it does not return to the system. Other blocks may be between
    /// them for as long as the process runs, so a piece may consist of several blocks.
    Blocks { _blocks: Vec<Vec<u8>> },
}

impl Piece {
    fn new() -> io::Result<Piece> {
        MmapMut::map_anon(PIECE)
            .map(|_map| Piece::Map { _map })
            .or_else(|error| {
                let _blocks = PARTS.into_iter().find_map(blocks).ok_or(error)?;
                BLOCKS.fetch_add(PIECE, Ordering::Relaxed);
                Ok(Piece::Blocks { _blocks })
            })
    }
}

/// The bytes of a piece in blocks of `bytes` bytes.
fn blocks(bytes: usize) -> Option<Vec<Vec<u8>>> {
    let mut blocks = Vec::new();
    blocks.try_reserve_exact(PIECE / bytes).ok()?;
    for _ in 0..PIECE / bytes {
        let mut block = Vec::new();
        block.try_reserve_exact(bytes).ok()?;
        blocks.push(block);
    }
    Some(blocks)
}

impl Drop for Piece {
    fn drop(&mut self) {
        if matches!(self, Piece::Blocks { .. }) {
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

/// True if the system has refused memory, and the reserve is not full again.
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

/// Checks whether the system grants this many bytes now.
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
    if FILLS.get() {
        return false;
    }
    let take = |place: &Mutex<Option<Piece>>| place.try_lock().ok()?.take();
    KEPT.iter().rev().find_map(take).is_some()
}

/// Makes the reserve whole, `rest` being what others keep; true if it is. The process is short of memory exactly if it
/// is not.
pub fn fill(rest: impl FnOnce() -> bool) -> bool {
    // A refusal on another thread from here on is not overlooked.
    SHORT.store(false, Ordering::Relaxed);
    FILLS.set(true);
    let whole = fill_pieces();
    FILLS.set(false);
    let whole = whole & rest();
    if !whole {
        SHORT.store(true, Ordering::Relaxed);
    } else if !is_short() {
        *FIRST.lock().unwrap_or_else(|e| e.into_inner()) = None;
    }
    whole && !is_short()
}

fn fill_pieces() -> bool {
    for place in &KEPT {
        let lock = || place.lock().unwrap_or_else(|e| e.into_inner());
        if lock().is_some() {
            continue;
        }
        match Piece::new() {
            Ok(new) => drop(lock().replace(new)),
            Err(error) => {
                let errno = error.raw_os_error().unwrap_or_default();
                refused("the reserve", PIECE, errno);
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
        FILLS.set(true);
        assert!(!give_back(), "not to fill it");
        FILLS.set(false);
        assert!(fill(|| true));
        // Taking one piece does not block access to the others.
        let taken = KEPT[PIECES - 1].lock().expect("no panic");
        for _ in 1..PIECES {
            assert!(give_back());
        }
        assert!(!give_back());
        drop(taken);
        assert!(give_back());
    }
}
