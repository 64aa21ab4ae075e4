//! I/O threads (`io-threads`) read, frame and write connections, so that the executor makes no system calls for them.
//!
//! ```text
//! thread of sockets                                 executor
//! Socket --Requests(envelope)--> one queue --> group of envelopes: prefetch all, run one by one, act once
//!        <---Back(envelope)----- a queue for each thread <--'
//! ```
//!
//!  * [`message`] defines what passes between the threads. [`thread`] and [`socket`] are the side of the sockets. [`remote`]
//!    is the side of the executor, where a connection is a [`Remote`]. This file defines how the executor reaches the threads.
//!  * A connection has at most one envelope under way. Therefore its requests run in order, a queue has at most one
//!    envelope for each connection, and a client that sends a lot delays others by at most one batch.
//!  * The queues are tokio channels, which wake the other side only if it sleeps.
//!  * With `io-threads 1`, none of this exists: the executor's thread serves all connections itself
//!    ([`connection`](super::connection)).

pub mod connection;
pub mod message;
pub mod remote;
pub mod socket;
pub mod thread;

use self::connection::{Course, Remote, RemoteReplies};
use self::message::{At, FromIo, Newcomer, ToIo};
use self::thread::{Counters, Settings};
use super::stream::Stream;
use engine::host::IoFacts;
use engine::unsent::{Taken, Unsent};
use engine::{ClientId, Engine};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::sync_channel;
use std::task::Waker;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What the names of the threads begin with.
pub const NAME: &str = "forebay-io";

/// The longest time that the end of the process waits for the last replies to be given to their sockets.
const FLUSH_MAX: Duration = Duration::from_millis(500);

/// The threads, if there are any.
#[derive(Default)]
pub struct IoThreads(OnceCell<Pool>);

/// Threads that own sockets, as the executor sees them.
pub struct Pool {
    threads: Vec<Thread>,
    settings: Arc<Settings>,
    from_threads: RefCell<UnboundedReceiver<Vec<FromIo>>>,
    /// What came and has not had its turn.
    inbox: RefCell<VecDeque<FromIo>>,
    remotes: RefCell<Remotes>,
    /// Clients that others have written to, unblocked or closed.
    touched: RefCell<Vec<ClientId>>,
    /// Of the task that serves all of them.
    waker: RefCell<Option<Waker>>,
    /// Groups whose keys were prefetched, and their requests.
    prefetched: Cell<(u64, u64)>,
}

/// One thread.
struct Thread {
    sender: UnboundedSender<Vec<ToIo>>,
    /// What is sent when the group has run.
    gathered: Rc<RefCell<Vec<ToIo>>>,
    counters: Arc<Counters>,
    /// Connections that it was given.
    clients: Cell<usize>,
}

/// The connections that threads own, by place and by client.
#[derive(Default)]
struct Remotes {
    places: Vec<Option<Box<Remote>>>,
    free: Vec<u32>,
    by_id: HashMap<ClientId, u32>,
}

impl Remotes {
    fn take(&mut self, at: At) -> Option<Box<Remote>> {
        let place = self.places.get_mut(at.place as usize)?;
        match place.as_ref().is_some_and(|remote| remote.at.id == at.id) {
            true => place.take(),
            false => None,
        }
    }

    fn put_back(&mut self, remote: Box<Remote>) {
        let place = remote.at.place as usize;
        self.places[place] = Some(remote);
    }

    fn forget(&mut self, at: At) {
        self.by_id.remove(&at.id);
        self.places[at.place as usize] = None;
        self.free.push(at.place);
    }

    fn is_open(&self, at: At) -> bool {
        let remote = self.places.get(at.place as usize);
        let remote = remote.and_then(|remote| remote.as_ref());
        remote.is_some_and(|r| r.at.id == at.id && matches!(r.course, Course::Open))
    }
}

impl IoThreads {
    /// Starts the threads that the configuration asks for; the executor's own thread counts. True if there are any: then
    /// [`remote::serve`] has to run.
    ///
    /// # Errors
    /// The system's.
    pub fn start(&self, engine: &Engine) -> io::Result<bool> {
        let wanted = usize::try_from(engine.config.io_threads - 1).unwrap_or(0);
        if wanted == 0 {
            return Ok(false);
        }
        let settings = Arc::<Settings>::default();
        settings.follow(engine);
        let (sender, receiver) = unbounded_channel();
        let mut threads = Vec::new();
        for n in 1..=wanted {
            let counters = Arc::<Counters>::default();
            let hasher = engine.keyspace.hasher();
            threads.push(Thread {
                sender: thread::start(
                    n,
                    counters.clone(),
                    settings.clone(),
                    hasher,
                    sender.clone(),
                )?,
                gathered: Rc::default(),
                counters,
                clients: Cell::new(0),
            });
        }
        let pool = Pool {
            threads,
            settings,
            from_threads: RefCell::new(receiver),
            inbox: RefCell::default(),
            remotes: RefCell::default(),
            touched: RefCell::default(),
            waker: RefCell::default(),
            prefetched: Cell::default(),
        };
        Ok(self.0.set(pool).is_ok())
    }

    fn pool(&self) -> Option<&Pool> {
        self.0.get()
    }

    /// Somebody wrote to a client, unblocked or closed it.
    pub fn touch(&self, id: ClientId) {
        if let Some(pool) = self.pool() {
            pool.touched.borrow_mut().push(id);
            pool.wake();
        }
    }

    /// Gives a registered client's connection to a thread; gives the stream back if there is none.
    ///
    /// # Errors
    /// The runtime does not let the socket go.
    pub fn adopt(
        &self,
        engine: &mut Engine,
        id: ClientId,
        stream: Stream,
    ) -> io::Result<Option<Stream>> {
        let Some(pool) = self.pool() else {
            return Ok(Some(stream));
        };
        let parts = stream.into_parts()?;
        pool.begin(engine, id, parts);
        Ok(None)
    }

    /// Waits until what was sent so far has been given to the sockets, as far as they take it: the process ends.
    pub fn flush(&self) {
        let Some(pool) = self.pool() else { return };
        let (done, waits) = sync_channel(pool.threads.len());
        for thread in &pool.threads {
            thread.gathered.borrow_mut().push(ToIo::Flush(done.clone()));
        }
        pool.send_gathered();
        for _ in &pool.threads {
            if waits.recv_timeout(FLUSH_MAX).is_err() {
                return;
            }
        }
    }

    /// The lines of INFO about the threads; the first is the executor's own.
    pub fn info(&self, engine: &Engine, out: &mut String) {
        let threads = self.threads();
        let theirs: usize = threads.iter().map(|t| t.clients.get()).sum();
        let (reads, writes) = match threads {
            [] => (engine.stats.reads, engine.stats.writes),
            // It reads and writes for replicas only, which are counted elsewhere.
            _ => (0, 0),
        };
        let mut line = |n: usize, clients: usize, reads: u64, writes: u64| {
            let text = format!("io_thread_{n}:clients={clients},reads={reads},writes={writes}\r\n");
            out.push_str(&text);
        };
        line(
            0,
            engine.clients.len().saturating_sub(theirs),
            reads,
            writes,
        );
        for (n, thread) in threads.iter().enumerate() {
            let (reads, writes) = thread.counters.read();
            line(n + 1, thread.clients.get(), reads, writes);
        }
    }

    /// What is counted of all threads.
    pub fn facts(&self) -> IoFacts {
        let threads = self.threads();
        let counted = threads.iter().map(|thread| thread.counters.read());
        let sum = |(r, w): (u64, u64), (reads, writes)| (r + reads, w + writes);
        let (reads, writes) = counted.fold((0, 0), sum);
        let (prefetches, prefetched) = self.pool().map_or((0, 0), |pool| pool.prefetched.get());
        IoFacts {
            active: !threads.is_empty(),
            reads,
            writes,
            prefetches,
            prefetched,
        }
    }

    fn threads(&self) -> &[Thread] {
        self.pool().map_or(&[], |pool| &pool.threads)
    }
}

impl Settings {
    fn follow(&self, engine: &Engine) {
        let bulk = engine.config.proto_max_bulk_len as u64;
        self.bulk.store(bulk, Ordering::Relaxed);
    }
}

impl Pool {
    fn wake(&self) {
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// Sends what was gathered for each thread.
    fn send_gathered(&self) {
        for thread in &self.threads {
            let mut gathered = thread.gathered.borrow_mut();
            if !gathered.is_empty() {
                let room = Vec::with_capacity(gathered.len());
                // A thread that is gone has ended the process.
                let _ = thread.sender.send(std::mem::replace(&mut *gathered, room));
            }
        }
    }

    fn begin(&self, engine: &mut Engine, id: ClientId, parts: super::stream::Parts) {
        let fewest = self.threads.iter().enumerate();
        let fewest = fewest.min_by_key(|(_, thread)| thread.clients.get());
        let Some((number, thread)) = fewest else {
            return;
        };
        let Some(session) = engine.clients.get_mut(&id) else {
            return;
        };
        let taken = Taken::default();
        session.reply.output_mut().divide();
        session.unsent = Unsent::of_other_thread(taken.clone());
        session.io_thread = number + 1;
        let must_log_in = session.must_log_in();
        let mut remotes = self.remotes.borrow_mut();
        let place = remotes.free.pop().unwrap_or(remotes.places.len() as u32);
        let at = At { place, id };
        if remotes.places.len() <= place as usize {
            remotes.places.push(None);
        }
        remotes.by_id.insert(id, place);
        remotes.put_back(Box::new(Remote {
            at,
            thread: number,
            replies: RemoteReplies::new(at, thread.gathered.clone()),
            held: None,
            parked: false,
            course: Course::Open,
            waiting: 0,
        }));
        thread.clients.set(thread.clients.get() + 1);
        thread
            .gathered
            .borrow_mut()
            .push(ToIo::New(Box::new(Newcomer {
                at,
                parts,
                taken,
                must_log_in,
            })));
        drop(remotes);
        self.send_gathered();
    }

    /// A connection is no longer one of theirs.
    fn forget(&self, remote: &Remote) {
        self.remotes.borrow_mut().forget(remote.at);
        let thread = &self.threads[remote.thread];
        thread.clients.set(thread.clients.get() - 1);
    }

    fn tell(&self, remote: &Remote, message: ToIo) {
        self.threads[remote.thread]
            .gathered
            .borrow_mut()
            .push(message);
    }
}
