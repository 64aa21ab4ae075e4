//! Passes frames from a source to the threads that process them.
//!
//! ```text
//! source -> windows -> find where frames end, checksum -> batches -> workers (other threads, and this one)
//!           (4 MB)     (the calling thread)                          -> results, in the order of the file -> sink
//! ```
//!
//!  * A batch is a window up to the end of its last whole frame, with the state of the scanner at its start: the
//!    worker scans it again. That costs less than a list of all frames.
//!  * A fixed number of windows is in use, and a result keeps its window until the sink has taken it, so memory is
//!    bounded whichever thread is faster.
//!  * What ends the reading (the EOF opcode, a defect of the frames, an error of the source) is found by the calling
//!    thread; workers find defects inside values.

use super::progress::Progress;
use pipes::queue::WorkQueue;
use pipes::window::{Window, Windows};
use rdb::crc64::Crc64;
use rdb::{Context, Frame, RdbError, RdbVersion, Scanner, Step};
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// Some whole frames of a dump, in a row.
pub struct Batch {
    window: Window,
    scanner: Scanner,
    db: u32,
    number: u64,
}

/// The place of a frame.
pub struct Place<'a> {
    /// What values mean here.
    pub context: &'a Context,
    /// The database selected.
    pub db: u32,
    /// Offset of the frame's first byte.
    pub offset: u64,
    /// Its bytes, as they are in the file.
    pub bytes: &'a [u8],
}

impl Batch {
    /// Shows every frame. A [`Frame::SelectDb`] counts for itself already.
    ///
    /// # Errors
    /// Those of `each`.
    pub fn frames<E>(
        &self,
        mut each: impl FnMut(&Place<'_>, Frame<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut scanner = self.scanner.clone();
        let (mut at, mut db) = (0, self.db);
        let bytes = self.window.bytes();
        while at < bytes.len() {
            let offset = scanner.offset();
            // The calling thread has found whole frames here, by the same code.
            let Ok(Step::Frame { frame, consumed }) = scanner.next(&bytes[at..]) else {
                break;
            };
            if let Frame::SelectDb(n) = frame {
                db = n;
            }
            let place = Place {
                context: scanner.context(),
                db,
                offset,
                bytes: &bytes[at..at + consumed],
            };
            each(&place, frame)?;
            at += consumed;
        }
        Ok(())
    }
}

/// What one thread does with batches.
pub trait Worker: Send {
    /// The result of a batch, which the sink takes.
    type Out: Send;

    /// Looks at a batch.
    fn batch(&mut self, batch: &Batch) -> Self::Out;
}

/// How the reading ended.
#[derive(Debug)]
pub enum End {
    /// At the EOF opcode.
    Eof {
        /// The stored checksum; `None` in versions without one.
        stored: Option<u64>,
        /// That of the bytes.
        computed: u64,
        /// The offset of the checksum.
        covered: u64,
        /// Bytes after the end, as far as they were read.
        trailing: u64,
    },
    /// The frames are not sound.
    Defect(RdbError),
    /// The source failed.
    Io(io::Error),
    /// The sink takes no more.
    Stopped,
}

/// What the calling thread saw.
#[derive(Debug)]
pub struct Scan {
    /// Version in the header, if that was sound.
    pub version: Option<RdbVersion>,
    /// Bytes up to the end, or up to the frame that was not sound.
    pub bytes: u64,
    /// What values meant at the end: with all templates of the file.
    pub context: Context,
    /// How it ended.
    pub end: End,
}

/// `true` from the sink ends the reading early.
pub type Stop = bool;

/// Reads a dump to its end. Each worker gets a thread, the last one is the calling thread's.
pub fn run<R: Read, W: Worker>(
    source: R,
    mut workers: Vec<W>,
    progress: &mut Progress,
    sink: impl FnMut(W::Out) -> Stop + Send,
) -> (Scan, Vec<W>) {
    let own = workers.pop().expect("there is at least one worker");
    let threads = workers.len();
    let shared = Shared::new(sink);
    std::thread::scope(|scope| {
        let others: Vec<_> = workers
            .into_iter()
            .map(|mut worker| {
                let shared = &shared;
                scope.spawn(move || {
                    while let Some(batch) = shared.queue.next() {
                        shared.finish(worker.batch(&batch), batch);
                    }
                    worker
                })
            })
            .collect();
        let mut reader = Reader::new(source, own, threads, &shared);
        let end = reader.run(progress);
        reader.help_until(0);
        shared.queue.close();
        let scan = Scan {
            version: reader.version,
            bytes: reader.done,
            context: reader.scanner.context().clone(),
            end,
        };
        let mut workers = vec![reader.worker];
        for thread in others {
            workers.push(thread.join().expect("workers do not panic"));
        }
        (scan, workers)
    })
}

struct Shared<S, O> {
    queue: WorkQueue<Batch>,
    order: Mutex<InOrder<S, O>>,
    stopped: AtomicBool,
}

/// Results that wait for those before them.
struct InOrder<S, O> {
    next: u64,
    waiting: BTreeMap<u64, (O, Batch)>,
    sink: S,
}

impl<O, S: FnMut(O) -> Stop> Shared<S, O> {
    fn new(sink: S) -> Self {
        Shared {
            queue: WorkQueue::default(),
            order: Mutex::new(InOrder {
                next: 0,
                waiting: BTreeMap::new(),
                sink,
            }),
            stopped: AtomicBool::new(false),
        }
    }

    fn finish(&self, out: O, batch: Batch) {
        let mut order = self.order.lock().expect("no panic while the lock is held");
        let InOrder {
            next,
            waiting,
            sink,
        } = &mut *order;
        waiting.insert(batch.number, (out, batch));
        while let Some((out, _)) = waiting.remove(next) {
            *next += 1;
            if !self.stopped.load(Ordering::Relaxed) && sink(out) {
                self.stopped.store(true, Ordering::Relaxed);
            }
        }
    }
}

/// Size of a window, bytes.
const WINDOW: usize = 4 << 20;

struct Reader<'s, R, W: Worker, S> {
    windows: Windows<R>,
    scanner: Scanner,
    worker: W,
    shared: &'s Shared<S, W::Out>,
    /// Batches that may wait while this thread reads on.
    ahead: usize,
    crc: Crc64,
    db: u32,
    number: u64,
    version: Option<RdbVersion>,
    done: u64,
}

/// What the end of a window asks for.
enum Next {
    More(u64),
    End(End),
}

impl<'s, R: Read, W: Worker, S: FnMut(W::Out) -> Stop> Reader<'s, R, W, S> {
    fn new(source: R, worker: W, threads: usize, shared: &'s Shared<S, W::Out>) -> Self {
        Reader {
            // One being filled, one to follow, one a thread, and those that wait.
            windows: Windows::with_buffers(source, WINDOW, 2 * threads + 3),
            scanner: Scanner::new(),
            worker,
            shared,
            ahead: threads,
            crc: Crc64::new(),
            db: 0,
            number: 0,
            version: None,
            done: 0,
        }
    }

    fn run(&mut self, progress: &mut Progress) -> End {
        let mut at_least = 0;
        loop {
            if self.shared.stopped.load(Ordering::Relaxed) {
                return End::Stopped;
            }
            match self.windows.fill(at_least) {
                Err(e) => return End::Io(e),
                Ok(0) => return End::Defect(self.scanner.truncated()),
                Ok(_) => {}
            }
            match self.scan_window() {
                Next::More(more) => at_least = usize::try_from(more).unwrap_or(usize::MAX),
                Next::End(end) => return end,
            }
            progress.tick(self.done);
        }
    }

    fn scan_window(&mut self) -> Next {
        let (scanner, db) = (self.scanner.clone(), self.db);
        let mut at = 0;
        let next = loop {
            match self.scanner.next(&self.windows.bytes()[at..]) {
                Err(e) => break Next::End(End::Defect(e)),
                Ok(Step::NeedMore { at_least }) => break Next::More(at_least),
                Ok(Step::Frame { frame, consumed }) => {
                    at += consumed;
                    match frame {
                        Frame::Header(version) => self.version = Some(version),
                        Frame::SelectDb(n) => self.db = n,
                        Frame::Eof { checksum, covered } => {
                            break self.end(checksum, covered, at);
                        }
                        _ => {}
                    }
                }
            }
        };
        if at > 0 {
            if !matches!(next, Next::End(End::Eof { .. })) {
                self.crc.update(&self.windows.bytes()[..at]);
            }
            if let Err(e) = self.hand_out(at, scanner, db) {
                return Next::End(End::Io(e));
            }
        }
        next
    }

    fn end(&mut self, stored: Option<u64>, covered: u64, at: usize) -> Next {
        let window = self.windows.bytes();
        self.crc
            .update(&window[..(covered - self.windows.offset()) as usize]);
        Next::End(End::Eof {
            stored,
            computed: self.crc.value(),
            covered,
            trailing: (window.len() - at) as u64,
        })
    }

    fn hand_out(&mut self, used: usize, scanner: Scanner, db: u32) -> io::Result<()> {
        self.help_until(self.ahead);
        let window = self.windows.hand_out(used)?;
        self.done = self.windows.offset();
        self.shared.queue.push(Batch {
            window,
            scanner,
            db,
            number: self.number,
        });
        self.number += 1;
        Ok(())
    }

    /// Works until at most `waiting` batches are left.
    fn help_until(&mut self, waiting: usize) {
        while let Some(batch) = self.shared.queue.next_above(waiting) {
            self.shared.finish(self.worker.batch(&batch), batch);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdb::writer::{Attributes, Checksum, Writer};

    struct Keys;

    impl Worker for Keys {
        type Out = Vec<(u32, Vec<u8>)>;

        fn batch(&mut self, batch: &Batch) -> Self::Out {
            let mut keys = Vec::new();
            let all = batch.frames(|place, frame| {
                if let Frame::Key(record) = frame {
                    keys.push((place.db, record.key.into_owned()));
                }
                Ok::<(), ()>(())
            });
            assert_eq!(all, Ok(()));
            keys
        }
    }

    /// Keys of all sizes in two databases, over several windows.
    fn dump() -> (Vec<u8>, Vec<(u32, Vec<u8>)>) {
        let mut w = Writer::new(Vec::new(), RdbVersion::REDIS_10, Checksum::Computed).unwrap();
        let mut keys = Vec::new();
        for i in 0..200_000u32 {
            if i % 100_000 == 0 {
                w.select_db(i / 100_000 * 3).unwrap();
            }
            let key = format!("key:{i}").into_bytes();
            let mut value = Vec::new();
            let len = if i % 50_000 == 7 {
                9 << 20
            } else {
                i as usize % 90
            };
            rdb::string::encode_raw(&vec![b'v'; len], &mut value);
            w.key(&Attributes::default(), rdb::RdbType::String, &key, &value)
                .unwrap();
            keys.push((i / 100_000 * 3, key));
        }
        (w.finish().unwrap().0, keys)
    }

    fn keys_of(bytes: &[u8], threads: usize) -> (Scan, Vec<(u32, Vec<u8>)>) {
        let mut seen = Vec::new();
        let workers = (0..threads).map(|_| Keys).collect();
        let (scan, _) = run(bytes, workers, &mut Progress::silent(), |mut keys| {
            seen.append(&mut keys);
            false
        });
        (scan, seen)
    }

    #[test]
    fn results_come_in_the_order_of_the_file_whatever_the_number_of_threads() {
        let (bytes, keys) = dump();
        for threads in [1, 2, 5] {
            let (scan, seen) = keys_of(&bytes, threads);
            assert!(seen == keys, "{threads} threads");
            assert_eq!(scan.bytes, bytes.len() as u64);
            let End::Eof {
                stored, computed, ..
            } = scan.end
            else {
                panic!("{:?}", scan.end)
            };
            assert_eq!(stored, Some(computed));
        }
    }

    #[test]
    fn what_stands_before_a_defect_is_seen() {
        let (bytes, keys) = dump();
        let (scan, seen) = keys_of(&bytes[..bytes.len() / 2], 2);
        assert!(matches!(scan.end, End::Defect(_)));
        assert!(seen.len() > 1000 && seen == keys[..seen.len()]);
    }

    #[test]
    fn a_sink_that_stops_ends_the_reading() {
        let (bytes, _) = dump();
        let mut calls = 0;
        let (scan, _) = run(
            &bytes[..],
            vec![Keys, Keys],
            &mut Progress::silent(),
            |_| {
                calls += 1;
                true
            },
        );
        assert!(matches!(scan.end, End::Stopped) || scan.bytes == bytes.len() as u64);
        assert_eq!(calls, 1);
    }
}
