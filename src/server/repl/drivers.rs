//! The handle through which the server holds the drivers of replication.

use super::link_handle::LinkHandle;
use super::pipe::PipeReader;
use super::spill;
use crate::Server;
use engine::{ClientId, Engine};
use flow::feed::Outbox;
use flow::peers::Peers;
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::task::Waker;

/// The drivers of one server.
#[derive(Default)]
pub struct Drivers(OnceCell<Peers<Sockets>>);

/// The tasks of connections and links, and the threads, that replication works with.
pub struct Sockets {
    pub(super) server: Weak<Server>,
    /// How the tasks of replicas' connections are woken.
    pub(super) wakers: RefCell<HashMap<ClientId, Waker>>,
    /// The link to our primary.
    pub(super) link: RefCell<Option<Rc<LinkHandle>>>,
    /// The files for the part of the stream that does not fit into memory; made when they are needed.
    pub(super) spill: OnceCell<spill::SpillFiles>,
}

impl Drivers {
    /// Gives tasks access to the server. Called once, at the start.
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

    pub(super) fn peers(&self) -> &Peers<Sockets> {
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
        self.peers().look_at_link();
    }

    pub(super) fn outbox(&self, id: ClientId) -> Rc<Outbox<PipeReader>> {
        self.peers().outbox(id)
    }

    /// The task of a replica's connection is woken like this.
    pub(super) fn register(&self, id: ClientId, waker: &Waker) {
        let mut wakers = self.peers().transport().wakers.borrow_mut();
        match wakers.get_mut(&id) {
            Some(known) => known.clone_from(waker),
            None => _ = wakers.insert(id, waker.clone()),
        }
    }

    pub(super) fn forget(&self, id: ClientId) {
        self.peers().forget(id);
        self.peers().transport().wakers.borrow_mut().remove(&id);
    }
}
