//! The drivers of replication: sockets, files and timers around the state machines of
//! [`replication`].
//!
//! * [`primary`]: the connection of one replica: payload, stream, ACKs.
//! * [`pipe`]: a payload on its way from the persistence thread to a replica; spills to a file.
//! * [`spill`]: the part of the stream for slow replicas that does not fit into memory.
//! * [`link`]: the link to our primary. [`receive`]: a payload on its way to disk or into memory.
//! * [`snapshot`]: the bytes of a snapshot on their way to connections; [`flow::serve`] decides about it.
//!
//! [`Drivers::act`] runs after every batch of commands and does what the state machines ask for, in
//! their order. What needs a connection is left in its [`primary::Outbox`]; its task is woken.

pub mod link;
pub mod pipe;
pub mod primary;
pub mod receive;
pub mod snapshot;
pub mod spill;

use base::LogLevel;
pub use primary::serve_replica;

use super::persist::{Restored, Threads};
use super::{Server, log};
use engine::client_list;
use engine::pause::{Held, Reason};
use engine::{ClientId, Engine};
use flow::Which;
use flow::serve::Payloads;
use link::LinkHandle;
use primary::{Outbox, file_payload};
use replication::position::ReplOffset;
use replication::{Action, SnapshotOrder};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::time::Duration;

/// How often time passes for the state machines.
const TICK: Duration = Duration::from_millis(100);

/// The drivers of one server.
#[derive(Default)]
pub struct Drivers {
    server: OnceCell<Weak<Server>>,
    /// What waits for the tasks of replicas' connections.
    outboxes: RefCell<HashMap<ClientId, Rc<Outbox>>>,
    /// The link to our primary.
    link: RefCell<Option<Rc<LinkHandle>>>,
    /// What is sent to replicas that sync.
    payloads: OnceCell<Payloads<Threads>>,
    /// The files for the part of the stream that does not fit into memory; made when they are needed.
    spill: OnceCell<spill::SpillFiles>,
    /// End of what may be sent of the stream when its readers were last woken.
    woken_at: Cell<ReplOffset>,
}

/// Lets time pass for replication, for ever.
pub async fn run(server: Rc<Server>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        server.with_engine(|engine| {
            engine.sync_repl_clock();
            server.repl.payloads().tick(engine);
        });
    }
}

/// Takes the part that configuration and dump or log say. If these say at which place of which history they end, the
/// server continues from there: as a replica it asks for what is missing, as a primary it serves replicas that were
/// there.
pub fn boot(server: &Server) {
    let restored = server.persistence.writers().take_restored();
    server.with_engine(|engine| {
        engine.sync_repl_clock();
        let past = match (engine.config.replicaof.clone(), restored) {
            (Some(primary), restored) => {
                let cached = restored.as_ref().map(|r| (r.meta.at, r.meta.stream_db));
                engine
                    .repl
                    .start_as_replica(&primary.host, primary.port, cached);
                restored.and_then(|r| r.past)
            }
            (
                None,
                Some(Restored {
                    meta,
                    expired,
                    past,
                }),
            ) => {
                let lazy = engine.config.lazyfree_lazy_expire;
                engine
                    .repl
                    .restore_as_primary(meta, expired.as_deref(), lazy);
                past
            }
            (None, None) => None,
        };
        if let Some(past) = past {
            engine.repl.recall(&past);
        }
    });
}

impl Drivers {
    /// Lets tasks reach the server; once, at start.
    pub fn attach(&self, server: &Rc<Server>) {
        let again = self.server.set(Rc::downgrade(server));
        let payloads = Payloads::new(server.persistence.clone());
        let again = again.is_err() || self.payloads.set(payloads).is_err();
        assert!(!again, "attached once");
    }

    fn payloads(&self) -> &Payloads<Threads> {
        self.payloads.get().expect("attached at start")
    }

    fn server(&self) -> Option<Rc<Server>> {
        self.server.get().and_then(Weak::upgrade)
    }

    /// Does what the state machines ask for. Cheap when replication is not used.
    pub fn act(&self, engine: &mut Engine) {
        if !engine.repl.needs_attention() {
            return;
        }
        // Lines about a change of part are written by the new one, as the reference writes them.
        log::set_replica(engine.repl.is_replica());
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
            for (id, outbox) in &*self.outboxes.borrow() {
                if engine.repl.primary().streams_to(*id) {
                    outbox.wake();
                }
            }
        }
    }

    fn perform(&self, action: Action, engine: &mut Engine) {
        match action {
            Action::Log(level, text) => (engine.log)(level, &text),
            Action::Send(id, bytes) => self.outbox(id).send(&bytes),
            Action::StartSnapshot(order) => self.start_snapshot(&order, engine),
            // A snapshot for connections ends by itself when all of them are gone.
            Action::CancelSnapshot => {
                if let Some(server) = self.server() {
                    server.persistence.give_up(engine, Which::Disk);
                }
            }
            Action::SendFile(id) => self.send_file(id, engine),
            Action::Close(id) => self.outbox(id).close(),
            Action::CloseAfterSent(id) => self.outbox(id).close_after_sent(),
            Action::CloseOverLimit(id) => {
                let now_ms = engine.clock.steady_ms;
                let who = engine
                    .clients
                    .get(&id)
                    .map(|s| client_list::line(s, now_ms));
                let text = format!(
                    "Client {} scheduled to be closed ASAP for overcoming of output buffer limits.",
                    who.unwrap_or_default()
                );
                (engine.log)(LogLevel::Warning, &text);
                self.outbox(id).close();
            }
            Action::SendUpstream(bytes) => {
                if let Some(link) = &*self.link.borrow() {
                    link.send(&bytes);
                }
            }
            Action::StartLink => {
                self.stop_link();
                let Some(server) = self.server() else { return };
                let handle = Rc::<LinkHandle>::default();
                *self.link.borrow_mut() = Some(handle.clone());
                tokio::task::spawn_local(link::run(server, handle));
            }
            Action::Spill(block) => {
                let Some(server) = self.server() else { return };
                if self.spill.get().is_none() {
                    match spill::SpillFiles::start(&server) {
                        Ok(files) => _ = self.spill.set(files),
                        Err(e) => {
                            let why = e.to_string();
                            return engine.repl.on_spilled(block.start, Err(why));
                        }
                    }
                }
                self.spill.get().expect("just made").write(block);
            }
            Action::StopLink => {
                self.stop_link();
                if let Some(server) = self.server().filter(|_| !engine.repl.is_replica()) {
                    server.persistence.promoted();
                }
            }
            // Without an end: the failover's own deadline decides.
            Action::HoldWrites(true) => engine.pause(Reason::Failover, Held::Writes, i64::MAX),
            Action::HoldWrites(false) => engine.unpause(Reason::Failover),
            Action::RoleChanged => engine.unblock_for_role_change(),
        }
    }

    /// The outbox of a connection; made when it is first needed, which may be before the driver serves the
    /// connection.
    fn outbox(&self, id: ClientId) -> Rc<Outbox> {
        self.outboxes.borrow_mut().entry(id).or_default().clone()
    }

    /// Closes a replica's connection, whether or not the replica still says anything (CLIENT KILL).
    pub fn close(&self, id: ClientId) {
        if let Some(outbox) = self.outboxes.borrow().get(&id) {
            outbox.close();
        }
    }

    fn stop_link(&self) {
        if let Some(link) = self.link.take() {
            link.stop();
        }
    }

    fn forget(&self, id: ClientId) {
        self.outboxes.borrow_mut().remove(&id);
    }

    fn start_snapshot(&self, order: &SnapshotOrder, engine: &mut Engine) {
        let mut payloads = Vec::new();
        let begun = self.payloads().start(order, engine, |id, mark| {
            let (sink, payload) = snapshot::connect(mark);
            payloads.push((id, payload));
            sink
        });
        for (id, payload) in payloads.into_iter().filter(|_| begun) {
            self.outbox(id).give(payload);
        }
    }

    fn send_file(&self, id: ClientId, engine: &mut Engine) {
        let file = self.payloads().file();
        let gone = || std::io::Error::from(std::io::ErrorKind::NotFound);
        match file.ok_or_else(gone).and_then(file_payload) {
            Ok(payload) => self.outbox(id).give(payload),
            Err(error) => {
                let text = format!("SYNC failed. Can't open/stat DB after BGSAVE: {error}");
                (engine.log)(LogLevel::Warning, &text);
                self.outbox(id).close();
            }
        }
    }
}
