//! The executor's view of a connection whose socket another thread owns, and how its output gets to that thread.

use super::message::{At, Envelope, ToIo};
use crate::outbox::Outbox;
use crate::replies::{Closed, Way};
use engine::{ClientFlags, CommitPosition, Engine, Session};
use std::cell::RefCell;
use std::rc::Rc;
use std::task::Context;

/// A connection, on the executor's side.
pub struct Remote {
    /// Its name.
    pub at: At,
    /// Which thread owns its socket.
    pub thread: usize,
    /// The way of its output.
    pub replies: RemoteReplies,
    /// Requests that may not run yet.
    pub held: Option<Box<Envelope>>,
    /// The thread was told of that.
    pub parked: bool,
    /// What becomes of it.
    pub course: Course,
    /// Bytes that wait with the thread, as far as it has told.
    pub waiting: usize,
}

/// What becomes of a connection.
#[derive(Debug)]
pub enum Course {
    /// It is served.
    Open,
    /// The thread closes it when its replies are sent.
    Closing,
    /// It became a replica: its socket is on the way to this thread. These bytes came behind its request.
    Releasing(Vec<u8>),
}

/// The way of a client's output to the thread that owns its socket.
pub struct RemoteReplies {
    at: At,
    gathered: Rc<RefCell<Vec<ToIo>>>,
    /// What may not leave yet.
    pub outbox: Outbox,
    seal: CommitPosition,
    /// Requests wait until the client has read some of it.
    pub stalled: bool,
    /// What can go with the envelope stays where it is.
    pub with_envelope: bool,
}

impl RemoteReplies {
    /// Those of a connection whose thread reads `gathered`.
    pub fn new(at: At, gathered: Rc<RefCell<Vec<ToIo>>>) -> RemoteReplies {
        RemoteReplies {
            at,
            gathered,
            outbox: Outbox::default(),
            seal: CommitPosition::default(),
            stalled: false,
            with_envelope: false,
        }
    }
}

impl Way for RemoteReplies {
    fn sealed(&mut self, seal: CommitPosition) {
        self.seal = seal;
    }

    fn is_stalled(&self) -> bool {
        self.stalled
    }

    fn set_stalled(&mut self, stalled: bool) {
        self.stalled = stalled;
    }

    fn write(
        &mut self,
        _: &mut Context<'_>,
        engine: &mut Engine,
        session: &mut Session,
    ) -> Result<(), Closed> {
        if session.flags.contains(ClientFlags::CLOSE_ASAP) {
            session.reply.clear();
            return Ok(());
        }
        let durable = engine.commits.durable();
        let output = session.reply.output_mut();
        let leaves = self.outbox.is_empty() && self.seal <= durable && output.single().is_some();
        if output.is_empty() && self.outbox.is_empty() || leaves && self.with_envelope {
            return Ok(());
        }
        self.outbox.take(output, self.seal);
        self.outbox.release(durable);
        if let Some(next) = self.outbox.seal() {
            engine.commits.wake_when_durable(self.at.id, next);
        }
        let given = self.outbox.open();
        if given > 0 {
            let pieces = self.outbox.take_open();
            gave(engine, session, given);
            self.gathered.borrow_mut().push(ToIo::Send(self.at, pieces));
        }
        session.unsent.set_here(self.outbox.len());
        Ok(())
    }
}

/// The thread that owns the socket was given so many bytes of output.
#[inline]
pub fn gave(engine: &mut Engine, session: &mut Session, bytes: usize) {
    session.unsent.give(bytes);
    session.bytes_out += bytes as u64;
    engine.stats.net_output += bytes as u64;
    engine.stats.writes += 1;
}
