//! The persistence thread: takes the blocks of a snapshot walk, encodes them as RDB, writes them to the
//! sinks. One thread per save; the executor never waits for it.
//!
//!  * The queue is bounded in bytes: only the local disk paces the walk.
//!  * A failing sink ends alone; when none is left the save has failed.
//!  * A save is finished only if the keys emitted per database equal the counts taken at the cut.

use super::encoder::{Encoder, Plan};
use super::fate::Fate;
use super::file_sink::SaveError;
use super::sink::Sink;
use crate::server::allocator::Lent;
use crate::server::delay::sleep_for_key;
use crate::server::threads;
use crate::snapshot::Block;
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use tokio::sync::Notify;

/// Bytes of blocks waiting for the thread, at most (it may be exceeded by one block). It is a part of the data, so
/// that a small dataset is not held in memory twice, but enough that the thread never has to wait.
pub fn queue_bytes(data: usize) -> usize {
    (data / 32).clamp(1 << 20, 16 << 20)
}

/// What INFO and the stall timer read while a save runs.
#[derive(Default)]
pub struct Progress {
    /// Keys encoded so far.
    pub keys: AtomicU64,
    /// RDB bytes handed to the sinks so far.
    pub bytes: AtomicU64,
    /// Bytes of large values that only the snapshot still held when they were written.
    pub freed: AtomicU64,
    /// `rdb-key-save-delay` holds the thread up.
    pub delayed: AtomicBool,
}

/// Opens the sinks of a save. It is called on the save's thread.
pub type OpenSinks = Box<dyn FnOnce(&Fate) -> Result<Vec<Box<dyn Sink>>, SaveError> + Send>;

enum Message {
    /// The block is freed by the thread that writes it.
    Block(Block, Lent),
    Finish,
}

#[derive(Default)]
struct Queue {
    messages: std::collections::VecDeque<Message>,
    bytes: usize,
    abandoned: bool,
    /// The sinks have everything and make it final: it is too late to give up.
    committing: bool,
}

struct Shared {
    /// [`queue_bytes`] of the data at the cut.
    most: usize,
    queue: Mutex<Queue>,
    /// The thread waits for messages.
    filled: Condvar,
    /// A blocking save waits for room.
    drained: Condvar,
    /// The walk's task waits for room, or for the end.
    news: Notify,
    fate: Arc<Fate>,
    ended: AtomicBool,
}

/// How a save ended on the persistence thread.
#[derive(Debug)]
pub struct Outcome {
    /// RDB bytes written.
    pub bytes: u64,
    /// The file, if it went to disk; or why it failed.
    pub result: Result<Option<File>, SaveError>,
}

/// The executor's end of a running save.
pub struct SaveThread {
    shared: Arc<Shared>,
    /// Shared with the thread.
    pub progress: Arc<Progress>,
    handle: Option<std::thread::JoinHandle<Outcome>>,
}

impl SaveThread {
    /// Starts the thread; `most` is a bound for its queue, in bytes.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(plan: Plan, open: OpenSinks, most: usize) -> io::Result<SaveThread> {
        let shared = Arc::new(Shared {
            most,
            queue: Mutex::default(),
            filled: Condvar::new(),
            drained: Condvar::new(),
            news: Notify::new(),
            fate: Arc::default(),
            ended: AtomicBool::new(false),
        });
        let progress = Arc::new(Progress::default());
        let (theirs, counted) = (shared.clone(), progress.clone());
        let handle = threads::spawn("forebay-save", move || {
            crate::server::priority::background();
            let outcome = run(&theirs, &counted, plan, open);
            theirs.ended.store(true, Ordering::Release);
            theirs.drained.notify_all();
            theirs.news.notify_one();
            outcome
        })?;
        Ok(SaveThread {
            shared,
            progress,
            handle: Some(handle),
        })
    }

    /// True if a block may be given without growing the queue past its bound.
    pub fn has_room(&self) -> bool {
        self.lock().bytes < self.shared.most || self.ended()
    }

    /// Gives a block. Check [`SaveThread::has_room`] first.
    pub fn give(&self, block: Block) {
        let mut queue = self.lock();
        queue.bytes += block.weight();
        let lent = Lent::new(block.allocated());
        queue.messages.push_back(Message::Block(block, lent));
        self.shared.filled.notify_one();
    }

    /// All blocks were given.
    pub fn finish(&self) {
        self.lock().messages.push_back(Message::Finish);
        self.shared.filled.notify_one();
    }

    /// Gives the save up: sinks are dropped and the old dump stays. False if it is too late, because the new dump is
    /// in its place.
    pub fn give_up(&self) -> bool {
        let given_up = self.shared.fate.give_up();
        self.lock().abandoned |= given_up;
        self.shared.filled.notify_one();
        given_up
    }

    /// What becomes of it.
    pub fn fate(&self) -> Arc<Fate> {
        self.shared.fate.clone()
    }

    /// As [`SaveThread::give_up`], unless everything has been written. Then it gives false: a sync shows no progress,
    /// and the dump takes its place after it.
    pub fn abandon_writing(&self) -> bool {
        let mut queue = self.lock();
        queue.abandoned |= !queue.committing && self.shared.fate.give_up();
        self.shared.filled.notify_one();
        queue.abandoned
    }

    /// True when the thread has ended, well or not.
    pub fn ended(&self) -> bool {
        self.shared.ended.load(Ordering::Acquire)
    }

    /// Waits until there is room in the queue or the thread has ended.
    pub fn news(&self) -> impl Future<Output = ()> + use<> {
        let shared = self.shared.clone();
        async move { shared.news.notified().await }
    }

    /// Blocks until there is room in the queue or the thread has ended.
    pub fn wait_for_room(&self) {
        let mut queue = self.lock();
        while queue.bytes >= self.shared.most && !self.ended() {
            // The end is announced without the lock: look again after a while.
            let tick = std::time::Duration::from_millis(50);
            queue = self
                .shared
                .drained
                .wait_timeout(queue, tick)
                .expect("never poisoned")
                .0;
        }
    }

    /// Blocks until the thread has ended.
    pub fn wait_end(&self) {
        let mut queue = self.lock();
        while !self.ended() {
            let tick = std::time::Duration::from_millis(20);
            queue = self
                .shared
                .drained
                .wait_timeout(queue, tick)
                .expect("never poisoned")
                .0;
        }
    }

    /// The outcome; blocks until the thread has ended.
    pub fn join(&mut self) -> Outcome {
        let panicked = || Outcome {
            bytes: 0,
            result: Err(SaveError::Cancelled(
                "the persistence thread panicked".into(),
            )),
        };
        self.handle
            .take()
            .and_then(|h| h.join().ok())
            .unwrap_or_else(panicked)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.shared.lock()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().expect("no panic while the lock is held")
    }
}

impl Shared {
    /// The last moment at which the save may be given up.
    fn begin_commit(&self) -> Result<(), SaveError> {
        let mut queue = self.lock();
        queue.committing = !queue.abandoned;
        match queue.abandoned {
            true => Err(SaveError::cancelled()),
            false => Ok(()),
        }
    }
}

impl Drop for SaveThread {
    fn drop(&mut self) {
        if self.handle.is_some() {
            self.give_up();
        }
    }
}

fn run(shared: &Shared, progress: &Arc<Progress>, plan: Plan, open: OpenSinks) -> Outcome {
    let sinks = match open(&shared.fate) {
        Ok(sinks) => sinks,
        Err(error) => {
            return Outcome {
                bytes: 0,
                result: Err(error),
            };
        }
    };
    let mut encoder = Encoder::new(plan, sinks, progress.clone());
    let result = encode_all(shared, progress, &mut encoder).and_then(|()| encoder.end());
    let result = result.and_then(|()| shared.begin_commit());
    let bytes = encoder.bytes();
    Outcome {
        bytes,
        result: result.and_then(|()| encoder.commit(&shared.fate)),
    }
}

fn encode_all(
    shared: &Shared,
    progress: &Progress,
    encoder: &mut Encoder,
) -> Result<(), SaveError> {
    encoder.begin()?;
    loop {
        let message = {
            let mut queue = shared.lock();
            loop {
                if queue.abandoned {
                    return Err(SaveError::cancelled());
                }
                if let Some(message) = queue.messages.pop_front() {
                    break message;
                }
                queue = shared
                    .filled
                    .wait(queue)
                    .expect("no panic while the lock is held");
            }
        };
        match message {
            Message::Finish => return Ok(()),
            Message::Block(block, _lent) => {
                let size = block.weight();
                keep_slow(shared, progress, encoder, &block)?;
                encoder.block(block)?;
                progress.keys.store(encoder.keys(), Ordering::Relaxed);
                shared.lock().bytes -= size;
                shared.drained.notify_all();
                shared.news.notify_one();
            }
        }
    }
}

/// `rdb-key-save-delay`, for the keys of a block.
fn keep_slow(
    shared: &Shared,
    progress: &Progress,
    encoder: &Encoder,
    block: &Block,
) -> Result<(), SaveError> {
    let delay = encoder.key_delay();
    if delay == 0 {
        return Ok(());
    }
    let wanted = || !shared.lock().abandoned;
    progress.delayed.store(true, Ordering::Relaxed);
    for key in encoder.keys()..encoder.keys() + block.keys() as u64 {
        if !sleep_for_key(delay, key, wanted) {
            return Err(SaveError::cancelled());
        }
        progress.keys.store(key + 1, Ordering::Relaxed);
    }
    progress.delayed.store(false, Ordering::Relaxed);
    Ok(())
}
