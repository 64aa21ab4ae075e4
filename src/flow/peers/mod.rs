//! Performs what replication asks for ([`replication::Action`]), in order, after every batch of commands, and holds
//! what waits for the connections of replicas.
//!
//!  * This includes handing over the role: replication decides, and this module holds back writes and begins or ends
//!    the link.
//!  * What is to be sent on a connection is put into its [`Outbox`], and the task that serves the connection is woken.

#[cfg(test)]
mod tests;

use crate::Which;
use crate::feed::{Outbox, Payload};
use crate::save::{FileOf, Saves, Sink, Writers};
use crate::serve::Payloads;
use base::LogLevel;
use engine::client_list;
use engine::pause::{Held, Reason};
use engine::{ClientId, Engine};
use replication::log::Spill;
use replication::position::ReplOffset;
use replication::{Action, SnapshotOrder};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

/// What replication needs of the world: ways for payloads, the task of the link, those who serve connections.
pub trait Transport {
    /// What writes snapshots.
    type Writers: Writers;
    /// The source of the bytes of a payload.
    type Source;

    /// The two ends of the way of a snapshot to a connection. The dump is followed by `mark`.
    fn connect(&self, mark: &[u8]) -> Way<Self::Writers, Self::Source>;

    /// A finished dump: its length, and the file.
    ///
    /// # Errors
    /// It cannot be read.
    fn file(&self, file: Arc<FileOf<Self::Writers>>) -> io::Result<Payload<Self::Source>>;

    /// There is something to send in the outbox of this connection, or in the stream.
    fn wake(&self, id: ClientId);

    /// We follow a primary from now on: a link begins, and one that was there ends.
    fn start_link(&self);

    /// The link ends.
    fn stop_link(&self);

    /// Bytes for our primary.
    fn tell_primary(&self, bytes: &[u8]);

    /// Writes a block of the stream to disk; the answer is [`replication::Replication::on_spilled`].
    ///
    /// # Errors
    /// No thread could be started for it.
    fn spill(&self, block: Spill) -> io::Result<()>;

    /// A line for the log.
    fn log(&self, engine: &Engine, level: LogLevel, text: &str) {
        (engine.log)(level, text);
    }

    /// Lines are written by a replica from now on, or by a primary.
    fn has_role(&self, _replica: bool) {}
}

/// The end of a payload's way that is written to, and the other.
pub type Way<W, S> = (Box<dyn Sink<FileOf<W>>>, Payload<S>);

/// Both sides of replication in one server.
pub struct Peers<T: Transport> {
    saves: Saves<T::Writers>,
    /// The payloads for replicas that need a full sync.
    payloads: Payloads<T::Writers>,
    /// What waits for the connections of replicas.
    outboxes: RefCell<BTreeMap<ClientId, Rc<Outbox<T::Source>>>>,
    /// End of what may be sent of the stream when its readers were last woken.
    woken_at: Cell<ReplOffset>,
    transport: T,
}

impl<T: Transport> Peers<T> {
    /// The peers of a server whose snapshots are `saves`.
    pub fn new(saves: Saves<T::Writers>, transport: T) -> Peers<T> {
        Peers {
            payloads: Payloads::new(saves.clone()),
            saves,
            outboxes: RefCell::default(),
            woken_at: Cell::default(),
            transport,
        }
    }

    /// The part of the server that was passed to `new`.
    pub fn transport(&self) -> &T {
        &self.transport
    }

    /// Time has passed; ten times a second.
    pub fn tick(&self, engine: &mut Engine) {
        engine.sync_repl_clock();
        self.payloads.tick(engine);
    }

    /// Carries out the actions of replication. Cheap while replication is not used.
    pub fn act(&self, engine: &mut Engine) {
        if !engine.repl.needs_attention() {
            return;
        }
        // Lines about a change of part are written by the new one, as the reference writes them.
        self.transport.has_role(engine.repl.is_replica());
        engine.sync_repl_clock();
        let paused = engine.is_paused_by(Reason::Client);
        engine.repl.set_paused(paused);
        engine.repl.before_idle();
        loop {
            let actions = engine.repl.take_actions();
            if actions.is_empty() {
                break;
            }
            for action in actions {
                self.perform(action, engine);
            }
        }
        let end = engine.repl.sendable();
        if self.woken_at.replace(end) != end {
            for id in self.outboxes.borrow().keys() {
                if engine.repl.primary().streams_to(*id) {
                    self.transport.wake(*id);
                }
            }
        }
    }

    fn perform(&self, action: Action, engine: &mut Engine) {
        match action {
            Action::Log(level, text) => self.transport.log(engine, level, &text),
            Action::Send(id, bytes) => self.with_outbox(id, |outbox| outbox.send(&bytes)),
            Action::StartSnapshot(order) => self.start_snapshot(&order, engine),
            // One for connections would also end by itself, but only with the next bytes that it has for them.
            Action::CancelSnapshot { sockets: true } => {
                self.saves.give_up(engine, Which::Sockets);
            }
            Action::CancelSnapshot { sockets: false } => {
                self.saves.give_up(engine, Which::Disk);
            }
            Action::SendFile(id) => self.send_file(id, engine),
            Action::Close(id) => self.with_outbox(id, Outbox::close),
            Action::CloseAfterSent(id) => self.with_outbox(id, Outbox::close_after_sent),
            Action::CloseOverLimit(id) => {
                let now_ms = engine.clock.steady_ms;
                let who = engine
                    .clients
                    .get(&id)
                    .map(|s| client_list::for_log(s, now_ms));
                let text = format!(
                    "Client {} scheduled to be closed ASAP for overcoming of output buffer limits.",
                    who.unwrap_or_default()
                );
                self.transport.log(engine, LogLevel::Warning, &text);
                self.with_outbox(id, Outbox::close);
            }
            Action::SendUpstream(bytes) => self.transport.tell_primary(&bytes),
            Action::StartLink => self.transport.start_link(),
            Action::Spill(block) => {
                let start = block.start;
                if let Err(e) = self.transport.spill(block) {
                    engine.repl.on_spilled(start, Err(e.to_string()));
                }
            }
            Action::StopLink => {
                self.transport.stop_link();
                if !engine.repl.is_replica() {
                    self.saves.promoted();
                }
            }
            // Without an end: the failover's own deadline decides.
            Action::HoldWrites(true) => engine.pause(Reason::Failover, Held::Writes, i64::MAX),
            Action::HoldWrites(false) => engine.unpause(Reason::Failover),
            Action::RoleChanged => engine.unblock_for_role_change(),
        }
    }

    /// The outbox of a connection; made when it is first needed, which may be before anybody serves the connection.
    pub fn outbox(&self, id: ClientId) -> Rc<Outbox<T::Source>> {
        self.outboxes.borrow_mut().entry(id).or_default().clone()
    }

    fn with_outbox(&self, id: ClientId, f: impl FnOnce(&Outbox<T::Source>)) {
        f(&self.outbox(id));
        self.transport.wake(id);
    }

    /// A client was closed (CLIENT KILL). The connection of a replica is closed, whether or not the replica still says
    /// anything, and the link to our primary finds out whether the client was its session.
    pub fn close(&self, id: ClientId) {
        let outbox = self.outboxes.borrow().get(&id).cloned();
        match outbox {
            Some(outbox) => {
                outbox.close();
                self.transport.wake(id);
            }
            None => self.look_at_link(),
        }
    }

    /// The link to our primary looks again whether it may read, and whether it is to end.
    pub fn look_at_link(&self) {
        self.transport.tell_primary(&[]);
    }

    /// The connection is over.
    pub fn forget(&self, id: ClientId) {
        self.outboxes.borrow_mut().remove(&id);
    }

    fn start_snapshot(&self, order: &SnapshotOrder, engine: &mut Engine) {
        let mut payloads = Vec::new();
        let begun = self.payloads.start(order, engine, |id, mark| {
            let (sink, payload) = self.transport.connect(mark);
            payloads.push((id, payload));
            sink
        });
        for (id, payload) in payloads.into_iter().filter(|_| begun) {
            self.with_outbox(id, |outbox| outbox.give(payload));
        }
    }

    fn send_file(&self, id: ClientId, engine: &Engine) {
        let file = self.payloads.file();
        let gone = || io::Error::from(io::ErrorKind::NotFound);
        let payload = file
            .ok_or_else(gone)
            .and_then(|file| self.transport.file(file));
        match payload {
            Ok(payload) => self.with_outbox(id, |outbox| outbox.give(payload)),
            Err(error) => {
                let text = format!("SYNC failed. Can't open/stat DB after BGSAVE: {error}");
                self.transport.log(engine, LogLevel::Warning, &text);
                self.with_outbox(id, Outbox::close);
            }
        }
    }
}
