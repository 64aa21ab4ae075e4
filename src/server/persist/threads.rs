//! The handle through which the server holds the threads that write dumps.

use crate::Server;
use crate::slices::Slices;
use flow::save::Saves;
use std::cell::RefCell;
use std::rc::{Rc, Weak};

/// The persistence of one server; a handle that can be cloned.
pub type Persistence = Saves<Threads>;

/// The threads that write snapshots, and the tasks that drive them; a handle that can be cloned.
#[derive(Clone, Default)]
pub struct Threads(pub(super) Rc<Shared>);

#[derive(Default)]
pub(super) struct Shared {
    pub(super) server: RefCell<Weak<Server>>,
    pub(super) slices: Slices,
}

impl Threads {
    /// Gives the task of the snapshot access to the server. Called once, at the start.
    pub fn attach(&self, server: &Rc<Server>) {
        *self.0.server.borrow_mut() = Rc::downgrade(server);
    }

    /// How long the running snapshot, or the last one, kept clients waiting.
    pub fn slices(&self) -> &Slices {
        &self.0.slices
    }
}
