//! The persistence thread: takes the blocks of a snapshot walk, encodes them as RDB and writes them to the sinks. There
//! is one thread for each save, and the executor never waits for it. With more than two `threads`, others help it to
//! encode.
//!
//!  * If everybody waits for the end of a save anyway, and the system refuses a thread, the calling thread writes it.
//!  * The queue is bounded in bytes, and only the local disk limits the pace of the walk.
//!  * A sink that fails does not affect the others; when none is left, the save has failed.
//!  * A save is finished only if the number of keys emitted for each database equals the count taken at the cut.

use super::queue::{Next, Queue};
use crate::allocator::Lent;
use crate::delay;
use crate::threads;
use flow::Fate;
use flow::save::{
    Encoder, OpenSinks, Plan, Prepared, Progress, Records, SaveError, Writer as SnapshotWriter,
};
use keyspace::snapshot::Block;
use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use tokio::sync::Notify;

/// What became of a save.
type Outcome = flow::save::Outcome<File>;

struct Shared {
    /// The bound of its bytes.
    most: usize,
    queue: Mutex<Queue>,
    /// The thread waits for blocks, and so do its helpers.
    filled: Condvar,
    /// A blocking save waits for room.
    drained: Condvar,
    /// The walk's task waits for room, or for the end.
    news: Notify,
    fate: Arc<Fate>,
    ended: AtomicBool,
}

/// The executor's end of a running save.
pub struct SaveThread {
    shared: Arc<Shared>,
    /// Shared with the thread.
    progress: Arc<Progress>,
    writer: Writer,
}

/// The thread that writes.
enum Writer {
    Thread(std::thread::JoinHandle<Outcome>),
    /// The side that supplies the blocks.
    Caller(RefCell<Encoding>),
    Done,
}

/// How far the calling thread has got.
enum Encoding {
    On(Box<Encoder<File>>),
    Over(Outcome),
}

impl Encoding {
    /// All keys have been given, or that failed.
    fn end(&mut self, shared: &Shared, encoded: Result<(), SaveError>) {
        let now = std::mem::replace(
            self,
            Encoding::Over(Outcome::failed(SaveError::cancelled())),
        );
        *self = Encoding::Over(match now {
            Encoding::On(encoder) => end(shared, *encoder, encoded),
            Encoding::Over(outcome) => outcome,
        });
        shared.ended.store(true, Ordering::Release);
    }
}

impl SaveThread {
    /// Starts the thread, which so many others help; `most` is a bound for its queue, in bytes.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(
        plan: Plan,
        open: OpenSinks<File>,
        most: usize,
        helpers: usize,
    ) -> io::Result<SaveThread> {
        Self::begin(most, |shared, progress| {
            let (theirs, counted) = (shared.clone(), progress.clone());
            let handle = threads::spawn("forebay-save", move || {
                run_aside(&theirs, &counted, plan, open, helpers)
            })?;
            Ok(Writer::Thread(handle))
        })
    }

    /// As [`SaveThread::start`], for a caller that does nothing else until the end: without a thread to be had it
    /// writes by itself what it gives.
    pub fn start_awaited(
        plan: Plan,
        open: OpenSinks<File>,
        most: usize,
        helpers: usize,
    ) -> SaveThread {
        let begun = Self::begin(most, |shared, progress| {
            let work = Arc::new(Mutex::new(Some((plan, open))));
            let take = |work: &Mutex<Option<_>>| work.lock().ok().and_then(|mut w| w.take());
            let (theirs, counted, given) = (shared.clone(), progress.clone(), work.clone());
            let started = threads::spawn("forebay-save", move || {
                let (plan, open) = take(&given).expect("nobody else takes it once this runs");
                run_aside(&theirs, &counted, plan, open, helpers)
            });
            let error = match started {
                Ok(handle) => return Ok(Writer::Thread(handle)),
                Err(error) => error,
            };
            tracing::warn!("Can't start a thread for the save: {error}. The main thread saves");
            let (plan, open) = take(&work).expect("no thread has it");
            let begun = begin_encoding(shared, progress, plan, open);
            let mut begun = begun.unwrap_or_else(|error| Encoding::Over(Outcome::failed(error)));
            if let Encoding::Over(_) = begun {
                begun.end(shared, Ok(()));
            }
            Ok(Writer::Caller(RefCell::new(begun)))
        });
        begun.unwrap_or_else(|_: io::Error| unreachable!("the caller is there"))
    }

    fn begin(
        most: usize,
        writer: impl FnOnce(&Arc<Shared>, &Arc<Progress>) -> io::Result<Writer>,
    ) -> io::Result<SaveThread> {
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
        let writer = writer(&shared, &progress)?;
        Ok(SaveThread {
            shared,
            progress,
            writer,
        })
    }

    /// Waits until there is room in the queue or the thread has ended.
    pub fn news(&self) -> impl Future<Output = ()> + use<> {
        let shared = self.shared.clone();
        async move { shared.news.notified().await }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.shared.lock()
    }
}

impl SnapshotWriter for SaveThread {
    type File = File;

    fn has_room(&self) -> bool {
        self.lock().bytes < self.shared.most || self.ended()
    }

    fn give(&self, block: Block) {
        if let Writer::Caller(encoding) = &self.writer {
            let mut encoding = encoding.borrow_mut();
            if let Encoding::On(encoder) = &mut *encoding
                && let Err(error) = take_block(&self.shared, &self.progress, encoder, block)
            {
                encoding.end(&self.shared, Err(error));
            }
            return;
        }
        let lent = Lent::new(block.allocated());
        self.lock().push((block, lent));
        self.shared.filled.notify_all();
    }

    fn finish(&self) {
        if let Writer::Caller(encoding) = &self.writer {
            return encoding.borrow_mut().end(&self.shared, Ok(()));
        }
        self.lock().finish();
        self.shared.filled.notify_all();
    }

    fn give_up(&self) -> bool {
        let given_up = self.shared.fate.give_up();
        self.lock().abandoned |= given_up;
        self.shared.filled.notify_all();
        given_up
    }

    fn fate(&self) -> Arc<Fate> {
        self.shared.fate.clone()
    }

    fn abandon_writing(&self) -> bool {
        let mut queue = self.lock();
        queue.abandoned |= !queue.committing && self.shared.fate.give_up();
        self.shared.filled.notify_all();
        queue.abandoned
    }

    fn progress(&self) -> &Progress {
        &self.progress
    }

    fn ended(&self) -> bool {
        self.shared.ended.load(Ordering::Acquire)
    }

    fn wait_for_room(&self) {
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

    fn wait_end(&self) {
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

    fn join(&mut self) -> Outcome {
        let outcome = match std::mem::replace(&mut self.writer, Writer::Done) {
            Writer::Thread(handle) => handle.join().ok(),
            Writer::Caller(encoding) => Some(match encoding.into_inner() {
                Encoding::Over(outcome) => outcome,
                // No more blocks will be passed to it.
                Encoding::On(_) => Outcome::failed(SaveError::cancelled()),
            }),
            Writer::Done => None,
        };
        outcome.unwrap_or_else(|| {
            Outcome::failed(SaveError::Cancelled(
                "the persistence thread panicked".into(),
            ))
        })
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().expect("no panic while the lock is held")
    }

    /// The last moment at which the save may be cancelled.
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
        if !matches!(self.writer, Writer::Done) {
            self.give_up();
        }
    }
}

/// A save on its thread.
fn run_aside(
    shared: &Shared,
    progress: &Arc<Progress>,
    plan: Plan,
    open: OpenSinks<File>,
    helpers: usize,
) -> Outcome {
    crate::priority::background();
    let outcome = match begin_encoding(shared, progress, plan, open) {
        Ok(Encoding::On(mut encoder)) => {
            let encoded = encode_all(shared, progress, &mut encoder, helpers);
            end(shared, *encoder, encoded)
        }
        Ok(Encoding::Over(outcome)) => outcome,
        Err(error) => Outcome::failed(error),
    };
    shared.ended.store(true, Ordering::Release);
    shared.drained.notify_all();
    shared.news.notify_one();
    outcome
}

/// Opens the sinks and writes what comes before the keys.
fn begin_encoding(
    shared: &Shared,
    progress: &Arc<Progress>,
    plan: Plan,
    open: OpenSinks<File>,
) -> Result<Encoding, SaveError> {
    let sinks = open(&shared.fate)?;
    let mut encoder = Box::new(Encoder::new(plan, sinks, progress.clone()));
    Ok(match encoder.begin() {
        Ok(()) => Encoding::On(encoder),
        Err(error) => Encoding::Over(end(shared, *encoder, Err(error))),
    })
}

/// All keys have been encoded, or encoding failed: makes the dump final, or discards it.
fn end(shared: &Shared, mut encoder: Encoder<File>, encoded: Result<(), SaveError>) -> Outcome {
    let result = encoded.and_then(|()| encoder.end());
    let result = result.and_then(|()| shared.begin_commit());
    let bytes = encoder.bytes();
    Outcome {
        bytes,
        result: result.and_then(|()| encoder.commit(&shared.fate)),
    }
}

/// Encodes all blocks, with the help of other threads.
fn encode_all(
    shared: &Shared,
    progress: &Progress,
    encoder: &mut Encoder<File>,
    helpers: usize,
) -> Result<(), SaveError> {
    let helps = helpers > 0 && encoder.key_delay() == 0;
    let Some(records) = helps.then(|| encoder.helper()).flatten() else {
        return write_all(shared, progress, encoder);
    };
    std::thread::scope(|scope| {
        // The helpers end when this does, even by a panic.
        let _over = Over(shared);
        for n in 0..helpers {
            let records = records.another();
            let name = format!("forebay-save-{n}");
            // Without helpers, the save takes longer.
            if threads::spawn_in(scope, &name, move || help(shared, records)).is_err() {
                break;
            }
        }
        write_all(shared, progress, encoder)
    })
}

/// Ends the helpers when it is dropped.
struct Over<'a>(&'a Shared);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.lock().over = true;
        self.0.filled.notify_all();
    }
}

/// A helper: encodes the records of blocks before their turn.
fn help(shared: &Shared, mut records: Records) {
    crate::priority::background();
    let mut queue = shared.lock();
    while !queue.over && !queue.abandoned {
        let Some((number, (block, lent))) = queue.take_raw() else {
            queue = shared
                .filled
                .wait(queue)
                .expect("no panic while the lock is held");
            continue;
        };
        drop(queue);
        let mut place = Place {
            shared,
            number,
            prepared: None,
        };
        place.prepared = Some(records.prepare(block));
        drop(lent);
        drop(place);
        queue = shared.lock();
    }
}

/// The place of a block that a helper has taken. The thread that writes waits for it, so it is filled even if the
/// helper panics.
struct Place<'a> {
    shared: &'a Shared,
    number: u64,
    prepared: Option<Result<Prepared, SaveError>>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let lost = || {
            Err(SaveError::Cancelled(
                "a thread that encodes panicked".into(),
            ))
        };
        let prepared = self.prepared.take().unwrap_or_else(lost);
        self.shared.lock().put(self.number, prepared);
        self.shared.filled.notify_all();
    }
}

/// Writes all blocks, and encodes those that no helper has taken.
fn write_all(
    shared: &Shared,
    progress: &Progress,
    encoder: &mut Encoder<File>,
) -> Result<(), SaveError> {
    loop {
        let (weight, next) = {
            let mut queue = shared.lock();
            loop {
                if queue.abandoned {
                    return Err(SaveError::cancelled());
                }
                match queue.next() {
                    (_, Next::Wait) => {}
                    next => break next,
                }
                queue = shared
                    .filled
                    .wait(queue)
                    .expect("no panic while the lock is held");
            }
        };
        match next {
            Next::Finish => return Ok(()),
            Next::Wait => unreachable!("it was waited for"),
            Next::Raw((block, _lent)) => take_block(shared, progress, encoder, block)?,
            Next::Prepared(block) => {
                encoder.prepared(block?)?;
                progress.keys.store(encoder.keys(), Ordering::Relaxed);
            }
        }
        shared.lock().bytes -= weight;
        shared.drained.notify_all();
        shared.news.notify_one();
    }
}

fn take_block(
    shared: &Shared,
    progress: &Progress,
    encoder: &mut Encoder<File>,
    block: Block,
) -> Result<(), SaveError> {
    keep_slow(shared, progress, encoder, &block)?;
    encoder.block(block)?;
    progress.keys.store(encoder.keys(), Ordering::Relaxed);
    Ok(())
}

/// `rdb-key-save-delay`, for the keys of a block.
fn keep_slow(
    shared: &Shared,
    progress: &Progress,
    encoder: &Encoder<File>,
    block: &Block,
) -> Result<(), SaveError> {
    let delay = encoder.key_delay();
    if delay == 0 {
        return Ok(());
    }
    let wanted = || !shared.lock().abandoned;
    progress.delayed.store(true, Ordering::Relaxed);
    for key in encoder.keys()..encoder.keys() + block.keys() as u64 {
        if !delay::while_saving(delay, key, wanted) {
            return Err(SaveError::cancelled());
        }
        progress.keys.store(key + 1, Ordering::Relaxed);
    }
    progress.delayed.store(false, Ordering::Relaxed);
    Ok(())
}
