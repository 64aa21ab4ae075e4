//! A thread that owns sockets.
//!
//! Its runtime has one task for each connection, and one that does what the executor asks for. Messages to the executor are
//! collected while tasks run, and are then sent together: one message for many connections that became readable at the same
//! time.

use super::message::{At, Envelope, FromIo, ToIo};
use super::socket::Socket;
use crate::limits::READ_SIZE;
use crate::{priority, strerror, threads};
use keyspace::Hasher;
use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Poll, Waker};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Messages from which on they are sent before all tasks have had their turn.
const GATHERED_MAX: usize = 32;
/// Empty envelopes that are kept.
const SPARE_MAX: usize = 256;

/// What is counted of one thread.
#[derive(Debug, Default)]
pub struct Counters {
    /// Reads that gave something.
    pub reads: AtomicU64,
    /// Writes that took something.
    pub writes: AtomicU64,
}

impl Counters {
    /// Reads and writes.
    pub fn read(&self) -> (u64, u64) {
        let Counters { reads, writes } = self;
        (
            reads.load(Ordering::Relaxed),
            writes.load(Ordering::Relaxed),
        )
    }
}

/// Directives that threads follow.
#[derive(Debug, Default)]
pub struct Settings {
    /// `proto-max-bulk-len`
    pub bulk: AtomicU64,
}

/// What the connections of one thread share.
pub struct Shared {
    /// See there.
    pub counters: Arc<Counters>,
    /// See there.
    pub settings: Arc<Settings>,
    /// The hash function of keys.
    pub hasher: Hasher,
    /// Where dropped bytes are read into.
    pub scratch: RefCell<Vec<u8>>,
    gathered: RefCell<Vec<FromIo>>,
    /// Of the task that sends what is gathered.
    sender: RefCell<Option<Waker>>,
    to_executor: UnboundedSender<Vec<FromIo>>,
    #[expect(
        clippy::vec_box,
        reason = "an envelope goes from thread to thread and back in its box"
    )]
    spare: RefCell<Vec<Box<Envelope>>>,
}

impl Shared {
    /// Tells the executor something, soon.
    pub fn send(&self, message: FromIo) {
        let mut gathered = self.gathered.borrow_mut();
        gathered.push(message);
        match gathered.len() {
            1 => {
                if let Some(waker) = &*self.sender.borrow() {
                    waker.wake_by_ref();
                }
            }
            GATHERED_MAX.. => {
                drop(gathered);
                self.send_gathered();
            }
            _ => {}
        }
    }

    fn send_gathered(&self) {
        let gathered = std::mem::take(&mut *self.gathered.borrow_mut());
        if !gathered.is_empty() {
            // Without an executor the process ends.
            let _ = self.to_executor.send(gathered);
        }
    }

    /// An envelope with nothing in it.
    pub fn take_envelope(&self, at: At) -> Box<Envelope> {
        match self.spare.borrow_mut().pop() {
            Some(mut envelope) => {
                envelope.at = at;
                envelope
            }
            None => Box::new(Envelope::new(at)),
        }
    }

    /// Keeps an envelope with nothing in it for the next.
    pub fn keep_envelope(&self, envelope: Box<Envelope>) {
        let mut spare = self.spare.borrow_mut();
        if spare.len() < SPARE_MAX {
            spare.push(envelope);
        }
    }
}

/// Starts the thread number `n`; what to send to it.
///
/// # Errors
/// The system's.
pub fn start(
    n: usize,
    counters: Arc<Counters>,
    settings: Arc<Settings>,
    hasher: Hasher,
    to_executor: UnboundedSender<Vec<FromIo>>,
) -> io::Result<UnboundedSender<Vec<ToIo>>> {
    let (sender, receiver) = unbounded_channel();
    let name = format!("{}-{n}", super::NAME);
    threads::spawn(&name, move || {
        priority::serving();
        let shared = Shared {
            counters,
            settings,
            hasher,
            scratch: RefCell::new(vec![0; READ_SIZE]),
            gathered: RefCell::default(),
            sender: RefCell::default(),
            to_executor,
            spare: RefCell::default(),
        };
        let mut runtime = Builder::new_current_thread();
        let runtime = runtime.enable_all().build_local(LocalOptions::default());
        match runtime {
            Ok(runtime) => runtime.block_on(serve(Rc::new(shared), receiver)),
            // Its connections would be served by nobody.
            Err(e) => panic!("can't start the runtime of an I/O thread: {}", strerror(&e)),
        }
    })?;
    Ok(sender)
}

async fn serve(shared: Rc<Shared>, mut receiver: UnboundedReceiver<Vec<ToIo>>) {
    tokio::task::spawn_local({
        let shared = shared.clone();
        poll_fn(move |cx| {
            *shared.sender.borrow_mut() = Some(cx.waker().clone());
            shared.send_gathered();
            Poll::<()>::Pending
        })
    });
    let mut sockets = Sockets::default();
    while let Some(messages) = receiver.recv().await {
        for message in messages {
            sockets.perform(message, &shared);
        }
    }
}

/// The connections of one thread, by their place.
#[derive(Default)]
struct Sockets(Vec<Option<Rc<RefCell<Socket>>>>);

impl Sockets {
    fn perform(&mut self, message: ToIo, shared: &Rc<Shared>) {
        match message {
            ToIo::New(newcomer) => {
                let at = newcomer.at;
                match Socket::new(*newcomer, shared.clone()) {
                    Ok(socket) => self.begin(at, socket),
                    Err(error) => {
                        tracing::warn!("A connection was lost: {}", strerror(&error));
                        shared.send(FromIo::End(at));
                    }
                }
            }
            ToIo::Back(envelope) => {
                if let Some(socket) = self.find(envelope.at) {
                    socket.borrow_mut().back(envelope);
                }
            }
            ToIo::Send(at, pieces) => self.with(at, |socket| socket.send(pieces)),
            ToIo::Parked(at) => self.with(at, Socket::park),
            ToIo::Noted(at) => self.with(at, Socket::noted),
            ToIo::Tell(at, below) => self.with(at, |socket| socket.tell(below)),
            ToIo::CloseWhenSent(at) => self.with(at, Socket::close_when_sent),
            ToIo::Close(at) => {
                self.with(at, Socket::close);
                self.forget(at);
            }
            ToIo::Release(at) => {
                self.with(at, Socket::release);
                self.forget(at);
            }
            // The sockets were given what they take when it came.
            ToIo::Flush(done) => _ = done.try_send(()),
        }
    }

    fn begin(&mut self, at: At, socket: Socket) {
        let place = at.place as usize;
        if self.0.len() <= place {
            self.0.resize_with(place + 1, || None);
        }
        let socket = Rc::new(RefCell::new(socket));
        self.0[place] = Some(socket.clone());
        tokio::task::spawn_local(poll_fn(move |cx| socket.borrow_mut().poll(cx)));
    }

    fn find(&self, at: At) -> Option<&Rc<RefCell<Socket>>> {
        let socket = self.0.get(at.place as usize)?.as_ref()?;
        (socket.borrow().at() == at).then_some(socket)
    }

    fn with(&self, at: At, f: impl FnOnce(&mut Socket)) {
        if let Some(socket) = self.find(at) {
            f(&mut socket.borrow_mut());
        }
    }

    fn forget(&mut self, at: At) {
        if self.find(at).is_some() {
            self.0[at.place as usize] = None;
        }
    }
}
