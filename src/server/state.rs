//! What the tasks of the server share.
//!
//! Everything here lives on one thread. A task borrows the engine while it runs commands and gives it
//! back before it waits; what commands ask of other connections ([`Action`]) is done right after.

use super::clock;
use super::host::Shell;
use super::persist::Persistence;
use crate::commands::{Action, ClientId, Engine};
use crate::config::Config;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::task::Waker;

/// The server as its tasks see it.
pub struct Server {
    /// All state that commands work on.
    pub engine: RefCell<Engine>,
    /// Dumps; commands reach it through their host.
    pub persistence: Persistence,
    /// How to reach the task of each connection.
    links: RefCell<HashMap<ClientId, Rc<Link>>>,
    /// The drivers of replication.
    pub(super) repl: super::repl::Drivers,
    /// Socket bytes come here when a connection has nothing left over from before.
    pub(super) input: RefCell<Vec<u8>>,
    /// Replies are written here; it stays with a connection only if the socket does not take it.
    pub(super) output: RefCell<Vec<u8>>,
}

/// How other tasks reach the task of one connection.
#[derive(Default)]
pub struct Link {
    waker: RefCell<Option<Waker>>,
    /// Somebody wrote into its reply, unblocked or closed it.
    touched: Cell<bool>,
}

/// Bytes asked of a socket at once.
pub(super) const READ_SIZE: usize = 16 * 1024;

impl Link {
    /// Remembers how to wake the task; called at each poll.
    pub fn register(&self, waker: &Waker) {
        let mut slot = self.waker.borrow_mut();
        if !slot.as_ref().is_some_and(|w| w.will_wake(waker)) {
            *slot = Some(waker.clone());
        }
    }

    /// Wakes the task because of something that happened elsewhere.
    pub fn touch(&self) {
        self.touched.set(true);
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// True once after [`Link::touch`].
    pub fn take_touched(&self) -> bool {
        self.touched.replace(false)
    }
}

impl Server {
    /// A server without listeners; `seed` keys hashes and random numbers.
    pub fn new(config: Config, seed: u64) -> Rc<Server> {
        let persistence = Persistence::default();
        let mut engine = Engine::new(config, seed, Box::new(Shell::new(persistence.clone())));
        engine.timer = clock::monotonic_ns;
        engine.clock = clock::read();
        let server = Rc::new(Server {
            engine: RefCell::new(engine),
            persistence,
            links: RefCell::default(),
            repl: super::repl::Drivers::default(),
            input: RefCell::new(vec![0; READ_SIZE]),
            output: RefCell::new(Vec::with_capacity(READ_SIZE)),
        });
        server.persistence.attach(&server);
        server.repl.attach(&server);
        server
    }

    /// Registers a connection's task.
    pub fn link(&self, id: ClientId) -> Rc<Link> {
        let link = Rc::<Link>::default();
        self.links.borrow_mut().insert(id, link.clone());
        link
    }

    /// Runs `f` on the engine with fresh clock readings and does what it asks for. For work that no
    /// client's request causes: timers, signals, the drivers of replication.
    pub fn with_engine<R>(&self, f: impl FnOnce(&mut Engine) -> R) -> R {
        let mut engine = self.engine.borrow_mut();
        engine.clock = clock::read();
        engine.tick = clock::monotonic_ns();
        let result = f(&mut engine);
        self.act(&mut engine);
        result
    }

    /// Does what commands asked for.
    pub fn act(&self, engine: &mut Engine) {
        self.repl.act(engine);
        if engine.actions.is_empty() {
            return;
        }
        let links = self.links.borrow();
        for action in engine.actions.drain(..) {
            let (Action::Wake(id) | Action::Close(id) | Action::Resume(id)) = action;
            if let Some(link) = links.get(&id) {
                link.touch();
            }
        }
    }

    /// A connection is gone: its session and all that refers to it go too.
    pub fn disconnect(&self, id: ClientId) {
        self.links.borrow_mut().remove(&id);
        self.with_engine(|engine| engine.disconnect(id));
    }
}
