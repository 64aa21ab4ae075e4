//! The drivers of replication: sockets, files and timers around the state machines of
//! [`replication`].
//!
//! * [`primary`]: the connection of one replica: payload, stream, ACKs.
//! * [`pipe`]: a payload on its way from the persistence thread to a replica; spills to a file.
//! * [`spill`]: the part of the stream for slow replicas that does not fit into memory.
//! * [`link`]: the link to our primary. [`receive`]: a payload on its way to disk or into memory.
//! * [`snapshot`]: payloads on their way to connections; [`flow::serve`] decides about them.
//!
//! [`Drivers::act`] runs after every batch of commands and does what the state machines ask for, in
//! their order. What needs a connection is left in its [`Outbox`]; its task is woken.

pub mod link;
pub mod pipe;
pub mod primary;
pub mod receive;
pub mod snapshot;
pub mod spill;

pub use primary::serve_replica;

use super::persist::Threads;
use super::{Server, log};
use engine::{ClientId, Engine};
use flow::feed::{Outbox, Payload};
use flow::peers::{Peers, Transport, Way};
use link::LinkHandle;
use pipe::PipeReader;
use replication::log::Spill;
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

/// How often time passes for the state machines.
const TICK: Duration = Duration::from_millis(100);

/// The drivers of one server.
#[derive(Default)]
pub struct Drivers(OnceCell<Peers<Sockets>>);

/// The tasks of connections and links, and the threads, that replication works with.
pub struct Sockets {
    server: Weak<Server>,
    /// How the tasks of replicas' connections are woken.
    wakers: RefCell<HashMap<ClientId, Waker>>,
    /// The link to our primary.
    link: RefCell<Option<Rc<LinkHandle>>>,
    /// The files for the part of the stream that does not fit into memory; made when they are needed.
    spill: OnceCell<spill::SpillFiles>,
}

/// Lets time pass for replication, for ever.
pub async fn run(server: Rc<Server>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        server.with_engine(|engine| server.repl.peers().tick(engine));
    }
}

impl Drivers {
    /// Lets tasks reach the server; once, at start.
    pub fn attach(&self, server: &Rc<Server>) {
        let sockets = Sockets {
            server: Rc::downgrade(server),
            wakers: RefCell::default(),
            link: RefCell::default(),
            spill: OnceCell::new(),
        };
        let peers = Peers::new(server.persistence.clone(), sockets);
        assert!(self.0.set(peers).is_ok(), "attached once");
    }

    fn peers(&self) -> &Peers<Sockets> {
        self.0.get().expect("attached at start")
    }

    /// Does what the state machines ask for. Cheap when replication is not used.
    pub fn act(&self, engine: &mut Engine) {
        self.peers().act(engine);
    }

    /// Closes a replica's connection, whether or not the replica still says anything (CLIENT KILL).
    pub fn close(&self, id: ClientId) {
        self.peers().close(id);
    }

    /// The link to our primary looks again whether it may read.
    pub fn look_at_link(&self) {
        self.peers().transport().tell_primary(&[]);
    }

    fn outbox(&self, id: ClientId) -> Rc<Outbox<PipeReader>> {
        self.peers().outbox(id)
    }

    /// The task of a replica's connection is woken like this.
    fn register(&self, id: ClientId, waker: &Waker) {
        let mut wakers = self.peers().transport().wakers.borrow_mut();
        match wakers.get_mut(&id) {
            Some(known) => known.clone_from(waker),
            None => _ = wakers.insert(id, waker.clone()),
        }
    }

    fn forget(&self, id: ClientId) {
        self.peers().forget(id);
        self.peers().transport().wakers.borrow_mut().remove(&id);
    }
}

impl Transport for Sockets {
    type Writers = Threads;
    type Source = PipeReader;

    fn connect(&self, mark: &[u8]) -> Way<Threads, PipeReader> {
        snapshot::connect(mark)
    }

    fn file(&self, file: Arc<File>) -> io::Result<Payload<PipeReader>> {
        snapshot::file(file)
    }

    fn wake(&self, id: ClientId) {
        if let Some(waker) = self.wakers.borrow().get(&id) {
            waker.wake_by_ref();
        }
    }

    fn start_link(&self) {
        self.stop_link();
        let Some(server) = self.server.upgrade() else {
            return;
        };
        let handle = Rc::<LinkHandle>::default();
        *self.link.borrow_mut() = Some(handle.clone());
        tokio::task::spawn_local(link::run(server, handle));
    }

    fn stop_link(&self) {
        if let Some(link) = self.link.take() {
            link.stop();
        }
    }

    fn tell_primary(&self, bytes: &[u8]) {
        if let Some(link) = &*self.link.borrow() {
            link.send(bytes);
        }
    }

    fn spill(&self, block: Spill) -> io::Result<()> {
        let files = match self.spill.get() {
            Some(files) => files,
            None => {
                let server = self.server.clone();
                let files = spill::SpillFiles::start(move |start, place| {
                    let server = server.upgrade();
                    let told = server
                        .map(|s| s.with_engine(|engine| engine.repl.on_spilled(start, place)));
                    told.is_some()
                })?;
                self.spill.get_or_init(|| files)
            }
        };
        files.write(block);
        Ok(())
    }

    fn has_role(&self, replica: bool) {
        log::set_replica(replica);
    }
}
