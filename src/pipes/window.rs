//! The windows through which a dump is read, from a file or a socket alike.
//!
//! A window is a buffer of a few MB that begins with the unfinished record of the one before it. A fixed
//! number of them is in use at once: the reader waits for the loader threads, so memory stays bounded
//! however large the dump is. A record larger than a window gets a window of its own, grown by doubling
//! as its bytes arrive: what a length *claims* allocates nothing.

use super::buffer::Buffer;
use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex};

/// Size of an ordinary window, bytes: large enough that a list of its records of one range of hashes uses each cache
/// line of that range's segments more than once.
pub const WINDOW: usize = 8 << 20;
/// Windows in use at once.
const WINDOWS: usize = 4;
/// Bytes asked for at once.
const STEP: usize = 1 << 20;

/// Some consecutive bytes of a dump.
pub struct Window {
    bytes: Buffer,
    /// Offset of the first byte in the dump.
    pub offset: u64,
    pool: Option<Arc<Pool>>,
}

impl Window {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        if let Some(pool) = &self.pool {
            pool.give_back(std::mem::take(&mut self.bytes));
        }
    }
}

/// The buffers that are not in use.
pub struct Pool {
    size: usize,
    free: Mutex<Vec<Buffer>>,
    returned: Condvar,
}

impl Pool {
    /// `buffers` of them, for windows of `size` bytes, all free; their memory is taken when they are first
    /// used.
    pub fn new(size: usize, buffers: usize) -> Arc<Pool> {
        let free = (0..buffers).map(|_| Buffer::default()).collect();
        Arc::new(Pool {
            size,
            free: Mutex::new(free),
            returned: Condvar::new(),
        })
    }

    fn take(&self) -> Buffer {
        let mut free = self.free.lock().expect("no panic while the lock is held");
        loop {
            if let Some(buffer) = free.pop() {
                return buffer;
            }
            free = self
                .returned
                .wait(free)
                .expect("no panic while the lock is held");
        }
    }

    fn give_back(&self, mut buffer: Buffer) {
        buffer.clear(2 * self.size);
        self.free
            .lock()
            .expect("no panic while the lock is held")
            .push(buffer);
        self.returned.notify_one();
    }
}

/// Cuts a stream into windows.
pub struct Windows<R> {
    source: R,
    size: usize,
    pool: Arc<Pool>,
    current: Buffer,
    offset: u64,
    ended: bool,
}

impl<R: Read> Windows<R> {
    /// Starts at offset 0 of the dump.
    pub fn new(source: R) -> Self {
        Windows::with_buffers(source, WINDOW, WINDOWS)
    }

    /// The same with windows of another size, and another number of them (at least 2) in use at once.
    pub fn with_buffers(source: R, size: usize, buffers: usize) -> Self {
        let pool = Pool::new(size, buffers);
        let current = pool.take();
        Windows {
            source,
            size,
            pool,
            current,
            offset: 0,
            ended: false,
        }
    }

    /// The bytes read and not yet handed out.
    pub fn bytes(&self) -> &[u8] {
        &self.current
    }

    /// Offset of the first of [`Windows::bytes`] in the dump.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Reads until a window is full, and further where `at_least` bytes are known to be needed; where a window is
    /// full already, until twice as much is there; or until the source ends. Returns the number of new bytes; 0
    /// means that the source has ended.
    pub fn fill(&mut self, at_least: usize) -> io::Result<usize> {
        let before = self.current.len();
        // A record longer than the window is scanned again each time more of it has arrived. Each time there is twice
        // as much, so that all scans together cost as much as two of the whole record. A length that is only claimed
        // does not make the buffer grow faster.
        let room = match before < self.size {
            true => self.size.max(at_least.min(2 * self.size)),
            false => 2 * before,
        };
        while !self.ended && self.current.len() < room {
            // Dumps longer than one window are worth large pages; a short one is read into few pages.
            let large_pages = self.offset > 0;
            let step = (room - self.current.len()).min(STEP);
            let space = self.current.space(step, large_pages)?;
            match self.source.read(space) {
                Ok(0) => self.ended = true,
                Ok(read) => self.current.filled(read),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(self.current.len() - before)
    }

    /// Hands out the first `used` bytes as a window; the rest begins the next one. Waits while all
    /// windows are in use.
    ///
    /// # Errors
    /// The system has no memory left.
    pub fn hand_out(&mut self, used: usize) -> io::Result<Window> {
        let mut next = self.pool.take();
        let rest = &self.current[used..];
        // Behind the end of the source there is no more than the rest.
        let large_pages = !self.ended;
        next.space(rest.len(), large_pages)?[..rest.len()].copy_from_slice(rest);
        next.filled(rest.len());
        let mut bytes = std::mem::replace(&mut self.current, next);
        bytes.truncate(used);
        let offset = self.offset;
        self.offset += used as u64;
        Ok(Window {
            bytes,
            offset,
            pool: Some(self.pool.clone()),
        })
    }

    /// The source, for what follows the dump in it.
    pub fn into_rest(self) -> (Vec<u8>, R) {
        (self.current.to_vec(), self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unfinished_record_begins_the_next_window() {
        let data: Vec<u8> = (0..10_000_000u32).map(|i| i as u8).collect();
        let mut windows = Windows::new(data.as_slice());
        let mut seen = Vec::new();
        while windows.fill(1).unwrap() > 0 || !windows.bytes().is_empty() {
            let used = (windows.bytes().len() * 2 / 3).max(1);
            let window = windows.hand_out(used).unwrap();
            assert_eq!(window.offset as usize, seen.len());
            seen.extend_from_slice(window.bytes());
        }
        assert_eq!(seen, data);
    }

    #[test]
    fn a_claimed_length_allocates_in_proportion_to_what_is_there() {
        let data = vec![7u8; 100];
        let mut windows = Windows::new(data.as_slice());
        assert_eq!(windows.fill(usize::MAX).unwrap(), 100);
        assert_eq!(windows.fill(usize::MAX).unwrap(), 0);
        assert!(
            windows.current.capacity() <= 3 * WINDOW,
            "{}",
            windows.current.capacity()
        );
    }

    #[test]
    fn a_record_of_many_windows_is_looked_at_a_few_times() {
        let data = vec![3u8; 1 << 20];
        let mut windows = Windows::with_buffers(data.as_slice(), 1 << 10, 2);
        let (mut looks, mut looked_at) = (0, 0);
        // The end of a long collection is not known before its last element: just more is asked for.
        while windows.fill(windows.bytes().len() + 1).unwrap() > 0 {
            looks += 1;
            looked_at += windows.bytes().len();
        }
        assert_eq!(windows.bytes(), data);
        assert!(looks <= 12, "{looks} looks");
        assert!(looked_at <= 2 * data.len() + 1024, "at {looked_at} bytes");
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the test is the one who has threads"
    )]
    fn the_reader_waits_for_its_windows_to_come_back() {
        let data = vec![1u8; 64 << 20];
        let mut windows = Windows::new(data.as_slice());
        let (give, take) = std::sync::mpsc::channel::<Window>();
        let user = std::thread::spawn(move || take.iter().map(|w| w.bytes().len()).sum::<usize>());
        while windows.fill(1).unwrap() > 0 {
            let all = windows.bytes().len();
            give.send(windows.hand_out(all).unwrap()).unwrap();
        }
        drop(give);
        assert_eq!(user.join().unwrap(), data.len());
    }
}
