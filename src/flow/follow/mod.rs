//! The replica's side of its link: handling the events of a connection, an arriving payload, and the stream after it.
//! [`replication::replica`] decides what is sent to the primary; this module decides what happens to the dataset, to
//! the dump file, and to the session in which the stream's commands run.
//!
//! ```text
//! event -> Turns: a step of the link -> its actions, one by one -> what they lead to
//!                    (after each turn the caller does what replication asks for)
//!
//! payload begins -> to a file -> checked -> a save is given up -> in the dump's place -> dataset emptied -> loaded
//!              \--> to memory (emptied first, or beside the old data) ---------------------------------------> installed
//! ```
//!
//! A full sync may have a second connection, for its payload. What comes over the first one meanwhile is collected
//! ([`collected`]) and applied when the payload is loaded, before anything more is read of it.
//!
//!  * A full sync drops no data before [`crate::payload`] says so, and before there is a receiver for the payload.
//!  * While a script is parked, it has the dataset for itself: nothing is read, and the outcome of a payload is held
//!    back.
//!  * While the append-only file holds back writers, the stream is not read either, and the resulting silence is not
//!    taken for a broken link.
//!  * The caller supplies connections, threads and time: the server has real ones, and the simulator simulates them.

pub mod collected;
mod install;
mod receive;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod two_connections_tests;

pub use receive::{Incoming, IntoFile, PlacedFile, Received, ReceivedFile, Receivers, Receiving};

use crate::load::Loaded;
use crate::payload::{Mode, Modes};
use crate::save::{Saves, Writers};
use base::LogLevel;
use collected::{Collected, Source};
use config::choices::PropagationError;
use engine::client_list;
use engine::inbox::{BrokenStream, Inbox};
use engine::pause::Reason;
use engine::{ClientFlags, ClientId, Engine, Executor};
use replication::log::Spill;
use replication::{LinkAction, LinkInput, StreamDb};
use std::collections::VecDeque;

/// What happens to the link.
pub enum Input<'a, R: Receivers> {
    /// Time passed; ten times a second.
    Tick,
    /// The connection is established, between these addresses.
    Connected {
        /// The primary's.
        peer: String,
        /// Ours.
        local: String,
    },
    /// It failed or ended; the text is the error, empty for a plain end.
    Closed(&'a str),
    /// Bytes arrived. Check [`Follower::wants_input`] before reading more.
    Bytes(&'a [u8]),
    /// What became of the payload that was received, or of the file that was loaded.
    Received(Outcome<R>),
    /// The second connection is established.
    SecondConnected,
    /// It failed or ended; the text is the error, empty for a plain end.
    SecondClosed(&'a str),
    /// Bytes arrived over it. Check [`Follower::wants_payload`] before reading more.
    SecondBytes(&'a [u8]),
    /// Something that was collected can be applied: [`Follower::next_collected`] says so.
    Collected,
    /// What was collected and lay on disk.
    ReadBack(Result<Vec<u8>, String>),
}

/// What became of a payload, or why nothing.
pub type Outcome<R> = Result<Received<<R as Writers>::Disk>, String>;

/// What the caller must do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Connect to the primary; answer with `Connected` or `Closed`.
    Connect,
    /// Close the connection, or stop connecting; and the second one.
    Disconnect,
    /// Close the first connection alone.
    DisconnectFirst,
    /// Connect to the primary a second time; answer with `SecondConnected` or `SecondClosed`.
    ConnectSecond,
    /// Close the second connection, or stop connecting.
    DisconnectSecond,
}

/// What an event leads to, in order.
pub struct Turns<'a, R: Receivers>(VecDeque<Turn<'a, R>>);

enum Turn<'a, R: Receivers> {
    Step(LinkInput<'a>),
    Act(LinkAction<'a>),
    /// CLIENT KILL may have closed the session, and memory may be short.
    Look,
    Bytes(&'a [u8]),
    SecondBytes(&'a [u8]),
    Collected,
    ReadBack(Result<Vec<u8>, String>),
    Received(Outcome<R>),
    /// A save that would replace the file by older data has been cancelled.
    Place(ReceivedFile<R::Disk>),
    /// The file is in its place.
    LoadFile(PlacedFile<R::Disk>),
    Install(Mode, Box<Loaded>),
    Failed(Mode, String),
}

impl<R: Receivers> Turns<'_, R> {
    /// Nothing is left to do.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The link of one server. See the module.
pub struct Follower<R: Receivers> {
    saves: Saves<R>,
    /// Bytes for the primary that the connection has not taken.
    out: Vec<u8>,
    /// Bytes for it that the second connection has not taken.
    second_out: Vec<u8>,
    /// The stream that came before its payload was loaded.
    collected: Collected,
    /// The connection has ended, and is not missed before what was collected is applied.
    has_ended: bool,
    /// The addresses of the connection: the primary's and ours.
    ends: (String, String),
    /// The payload that is received or loaded, and its receiver, if one could be started.
    payload: Option<(Mode, Option<R::Receiving>)>,
    /// The dump that was received and is being loaded.
    placed: Option<PlacedFile<R::Disk>>,
    /// The outcome of a payload that ended while a script was parked.
    held: Option<Outcome<R>>,
    modes: Modes,
    inbox: Inbox,
    /// The link's session, while it is established.
    session: Option<ClientId>,
}

/// The stream waits as clients that write do: the append-only file has as much in memory as it may, or CLIENT PAUSE
/// holds writes back. The rest of it stays with the connection, and with the primary.
fn waits(engine: &Engine) -> bool {
    let upstream = engine.repl.upstream();
    let held = engine.holds_writes_for_log() || engine.is_paused_by(Reason::Client);
    held && upstream.is_some_and(|up| up.link.is_up())
}

impl<R: Receivers> Follower<R> {
    /// A link without a connection; what it receives is installed by `saves`.
    pub fn new(saves: Saves<R>) -> Follower<R> {
        Follower {
            saves,
            out: Vec::new(),
            second_out: Vec::new(),
            collected: Collected::default(),
            has_ended: false,
            ends: Default::default(),
            payload: None,
            placed: None,
            held: None,
            modes: Modes::default(),
            inbox: Inbox::default(),
            session: None,
        }
    }

    /// True while the connection should be read.
    pub fn wants_input(&self, engine: &Engine) -> bool {
        let upstream = engine.repl.upstream();
        let limit = engine.repl.settings().collected_max;
        let up = upstream.filter(|up| up.link.wants_input() && up.collected < limit);
        up.is_some_and(|up| !up.link.is_up() || self.collected.is_empty())
            && self.collected.has_room()
            && !self.has_ended
            && !engine.script_is_parked()
            && !waits(engine)
    }

    /// True while the second connection should be read.
    pub fn wants_payload(&self, engine: &Engine) -> bool {
        let channels = engine.repl.upstream().and_then(|up| up.link.channels());
        channels.is_some_and(|channels| channels.wants_payload()) && !engine.script_is_parked()
    }

    /// Sets how many bytes of the collected stream are kept in memory before any are moved to disk.
    pub fn collect_above(&mut self, memory: usize) {
        self.collected = Collected::spilling_above(memory);
    }

    /// A block of what is collected has to go to disk; answer with [`Follower::spilled`].
    pub fn spill(&mut self) -> Option<Spill> {
        self.collected.spill()
    }

    /// What became of it.
    pub fn spilled(&mut self, (start, place): crate::spill::Spilled, engine: &mut Engine) {
        if let Err(why) = &place {
            let text = format!(
                "Can't write the stream that waits for its payload to disk, it stays in memory: {why}"
            );
            (engine.log)(LogLevel::Warning, &text);
        }
        self.collected.spilled(start, place.ok());
        self.tell_collected(engine);
    }

    /// INFO shows how much memory the collected stream takes.
    fn tell_collected(&self, engine: &mut Engine) {
        engine.repl.set_collected_memory(self.collected.in_memory());
    }

    /// Where the next bytes are that were collected, if they can be applied: [`Input::Collected`] does so, and
    /// [`Input::ReadBack`] once [`Follower::reads_back`] was said and they were read.
    pub fn next_collected(&self, engine: &Engine) -> Option<Source> {
        let upstream = engine.repl.upstream();
        let may = upstream.is_some_and(|up| up.link.is_up())
            && !engine.script_is_parked()
            && !waits(engine);
        self.collected.next().filter(|_| may)
    }

    /// The bytes on disk that [`Follower::next_collected`] names are being read.
    pub fn reads_back(&mut self) {
        self.collected.reads();
    }

    /// How the payload that arrives or is loaded is taken.
    pub fn mode(&self) -> Option<Mode> {
        self.payload.as_ref().map(|(mode, _)| *mode)
    }

    /// Who takes the payload, until its outcome is known.
    pub fn receiving(&mut self) -> Option<&mut R::Receiving> {
        match &self.held {
            Some(_) => None,
            None => self.payload.as_mut()?.1.as_mut(),
        }
    }

    /// True if something takes a payload of which this is so.
    pub fn receives(&self, is_so: impl FnOnce(&R::Receiving) -> bool) -> bool {
        let receiving = self.payload.as_ref().and_then(|(_, who)| who.as_ref());
        receiving.is_some_and(is_so)
    }

    /// Bytes for the primary.
    pub fn out(&self) -> &[u8] {
        &self.out
    }

    /// Bytes for the primary over the second connection.
    pub fn second_out(&self) -> &[u8] {
        &self.second_out
    }

    /// The second connection has taken the first `n` of them.
    pub fn second_wrote(&mut self, n: usize, engine: &mut Engine) {
        engine.stats.net_output += n as u64;
        self.second_out.drain(..n);
    }

    /// More of them, which the link does not know of.
    pub fn send(&mut self, bytes: &[u8]) {
        if !self.has_ended {
            self.out.extend_from_slice(bytes);
        }
    }

    /// The connection has taken the first `n` of them.
    pub fn wrote(&mut self, n: usize, engine: &mut Engine) {
        engine.stats.net_output += n as u64;
        self.out.drain(..n);
    }

    /// Takes an event; [`Follower::turn`] does what it leads to.
    pub fn begin<'a>(&mut self, input: Input<'a, R>, engine: &Engine) -> Turns<'a, R> {
        let mut turns = VecDeque::new();
        if !engine.script_is_parked() {
            turns.extend(self.held.take().map(Turn::Received));
        }
        match input {
            Input::Tick => turns.extend([Turn::Look, Turn::Step(LinkInput::Tick)]),
            Input::Connected { peer, local } => {
                self.ends = (peer, local);
                turns.push_back(Turn::Step(LinkInput::Connected));
            }
            Input::Closed(_) if self.waits_for_collected(engine) => {
                self.has_ended = true;
                self.out.clear();
            }
            Input::Closed(error) => turns.push_back(Turn::Step(LinkInput::Closed(error))),
            Input::SecondConnected => turns.push_back(Turn::Step(LinkInput::SecondConnected)),
            Input::SecondClosed(error) => {
                turns.push_back(Turn::Step(LinkInput::SecondClosed(error)));
            }
            Input::SecondBytes(bytes) => turns.push_back(Turn::SecondBytes(bytes)),
            Input::Collected => turns.push_back(Turn::Collected),
            Input::ReadBack(read) => turns.push_back(Turn::ReadBack(read)),
            Input::Bytes(bytes) => turns.push_back(Turn::Bytes(bytes)),
            Input::Received(outcome) => turns.push_back(Turn::Received(outcome)),
        }
        if self.has_ended {
            turns.push_back(Turn::Look);
        }
        Turns(turns)
    }

    /// The payload is here, or even loaded: what was collected is applied before the end of the connection counts.
    fn waits_for_collected(&self, engine: &Engine) -> bool {
        let Some(up) = engine.repl.upstream() else {
            return false;
        };
        let loading = up.link.channels().is_some_and(|c| c.is_loading());
        loading || (up.link.is_up() && !self.collected.is_empty())
    }

    /// The next turn of an event, if one is left. After it the caller does what replication asks for
    /// ([`replication::Action`]), and what the answer says.
    pub fn turn(&mut self, turns: &mut Turns<'_, R>, engine: &mut Executor) -> Option<Ask> {
        let turn = turns.0.pop_front()?;
        engine.sync_repl_clock();
        match turn {
            Turn::Step(input) => {
                if waits(engine) {
                    engine.repl.link_is_held();
                }
                for action in engine.repl.on_link(input).into_iter().rev() {
                    turns.0.push_front(Turn::Act(action));
                }
            }
            Turn::Act(action) => return self.act(action, engine, turns),
            Turn::Look => self.look(engine, turns),
            Turn::Bytes(bytes) => {
                engine.stats.read_from_primary(bytes.len());
                turns.0.push_front(Turn::Step(LinkInput::Bytes(bytes)));
            }
            Turn::SecondBytes(bytes) => {
                engine.stats.read_from_primary(bytes.len());
                turns
                    .0
                    .push_front(Turn::Step(LinkInput::SecondBytes(bytes)));
            }
            Turn::Collected => {
                let bytes = self.collected.give();
                self.apply_collected(&bytes, engine, turns);
            }
            Turn::ReadBack(Ok(bytes)) => {
                self.collected.was_read(bytes.len());
                self.apply_collected(&bytes, engine, turns);
            }
            Turn::ReadBack(Err(why)) => {
                self.collected.clear();
                self.tell_collected(engine);
                let text =
                    format!("The stream that was collected cannot be read back from disk: {why}");
                (engine.log)(LogLevel::Warning, &text);
                turns.0.push_front(Turn::Step(LinkInput::Closed("")));
            }
            Turn::Received(outcome) if engine.script_is_parked() => self.held = Some(outcome),
            Turn::Received(outcome) => self.received(outcome, engine, turns),
            Turn::Place(file) => self.place(file, turns),
            Turn::LoadFile(placed) => self.load_file(placed, engine),
            Turn::Install(mode, loaded) => self.install(mode, *loaded, engine, turns),
            Turn::Failed(mode, error) => {
                self.failed(mode, &error, engine);
                turns
                    .0
                    .push_front(Turn::Step(LinkInput::Loaded(Err(error))));
            }
        }
        None
    }

    /// Nothing that the link receives matters any more.
    pub fn end(mut self, engine: &mut Engine) {
        self.end_session(engine);
        if self.payload.take().is_some() {
            self.saves.end_loading(engine);
        }
        if !engine.repl.is_replica() {
            // What is here is what there is, even if the payload would have replaced it.
            self.saves.promoted();
        }
    }

    fn act<'a>(
        &mut self,
        action: LinkAction<'a>,
        engine: &mut Executor,
        turns: &mut Turns<'a, R>,
    ) -> Option<Ask> {
        match action {
            LinkAction::Connect => return Some(Ask::Connect),
            LinkAction::Disconnect => {
                self.out.clear();
                self.second_out.clear();
                self.collected.clear();
                self.tell_collected(engine);
                self.has_ended = false;
                return Some(Ask::Disconnect);
            }
            LinkAction::DisconnectFirst => {
                self.out.clear();
                return Some(Ask::DisconnectFirst);
            }
            LinkAction::ConnectSecond => return Some(Ask::ConnectSecond),
            LinkAction::DisconnectSecond => {
                self.second_out.clear();
                return Some(Ask::DisconnectSecond);
            }
            LinkAction::SendSecond(bytes) => self.second_out.extend_from_slice(&bytes),
            LinkAction::Collect(bytes) => {
                self.collected.take(&bytes);
                self.tell_collected(engine);
            }
            LinkAction::Send(bytes) => self.send(&bytes),
            LinkAction::Continue(_) | LinkAction::Established(_) => self.begin_session(engine),
            // A full sync was announced. Replicas of ours have nothing to wait for in the modes that empty the
            // dataset; that is done when the payload is safe.
            LinkAction::FullResync(_) | LinkAction::Lost(_) => self.end_session(engine),
            LinkAction::PayloadBegins(length) => self.begin_payload(length, engine, turns),
            LinkAction::Payload(bytes) => {
                if let Some((_, Some(receiving))) = &self.payload {
                    receiving.give(bytes.into_owned());
                }
            }
            LinkAction::PayloadEnds => {
                if let Some((_, Some(receiving))) = &mut self.payload {
                    receiving.finish();
                }
            }
            LinkAction::PayloadAborted => {
                if let Some((mode, _)) = self.payload.take() {
                    self.failed(mode, "the link to the primary was lost", engine);
                }
            }
            LinkAction::Stream(bytes) => self.apply(&bytes, engine, turns),
            LinkAction::Log(level, text) => (engine.log)(level, &text),
            LinkAction::PromotionRefused => {} // was done where the role is kept
        }
        None
    }

    fn apply_collected(&mut self, bytes: &[u8], engine: &mut Executor, turns: &mut Turns<'_, R>) {
        engine.repl.on_collected(bytes.len());
        self.tell_collected(engine);
        self.apply(bytes, engine, turns);
    }

    fn apply(&mut self, bytes: &[u8], engine: &mut Executor, turns: &mut Turns<'_, R>) {
        let Some(id) = self.session else { return };
        let inbox = &mut self.inbox;
        let broken = engine.with_client(id, |engine, session| {
            let result = inbox.apply(bytes, engine, session);
            engine.repl.set_stream_db(session.stream_db());
            let broken = result.err()?;
            Some((
                broken,
                client_list::for_log(session, engine.clock.steady_ms),
            ))
        });
        let Some(Some((broken, who))) = broken else {
            return;
        };
        let (text, input) = match broken {
            BrokenStream::Unreadable(error) => {
                let text = format!("Protocol error ({error}) from client: {who}");
                (text, LinkInput::ProtocolError)
            }
            BrokenStream::Diverged(why) => {
                let behaviour = engine.config.propagation_error_behavior;
                let stop = behaviour != PropagationError::Resync;
                engine.repl.divergence.resyncs += u64::from(!stop);
                let text = format!("This server cannot run what its primary has run ({why}).");
                (text, LinkInput::Diverged(stop))
            }
        };
        engine.repl.log(LogLevel::Warning, text);
        turns.0.push_front(Turn::Step(input));
    }

    /// The stream's commands run as this session.
    fn begin_session(&mut self, engine: &mut Engine) {
        self.inbox = Inbox::default();
        let (peer, local) = self.ends.clone();
        let id = engine.connect(peer, local);
        let db = engine
            .repl
            .upstream()
            .map_or(StreamDb::default(), |up| up.db);
        let databases = engine.keyspace.count();
        if let Some(session) = engine.clients.get_mut(&id) {
            session.follow(db, databases);
        }
        if db.within(databases).is_none() {
            let text = format!(
                "The primary's stream has selected database {db}, and there are only {databases} here: what \
                 it writes there is refused. Set 'databases' as the primary has it"
            );
            engine.repl.log(LogLevel::Warning, text);
        }
        self.session = Some(id);
    }

    fn end_session(&mut self, engine: &mut Engine) {
        if let Some(id) = self.session.take() {
            self.inbox = Inbox::default();
            engine.disconnect(id);
        }
    }

    fn look(&mut self, engine: &Engine, turns: &mut Turns<'_, R>) {
        if let Some(Err(error)) = self.watch_memory(engine) {
            turns.0.push_front(Turn::Failed(Mode::Swap, error));
        }
        if self.has_ended && !self.waits_for_collected(engine) {
            self.has_ended = false;
            turns.0.push_front(Turn::Step(LinkInput::Closed("")));
        }
        if self.killed(engine) {
            turns.0.push_front(Turn::Step(LinkInput::Closed("")));
        }
    }

    /// CLIENT KILL closed the link's session.
    fn killed(&self, engine: &Engine) -> bool {
        let Some(id) = self.session else { return false };
        let session = engine.clients.get(&id);
        session.is_none_or(|s| s.flags.contains(ClientFlags::CLOSE_ASAP))
    }

    /// `repl-swapdb-memory-limit` while old and new data are both there.
    fn watch_memory(&mut self, engine: &Engine) -> Option<Result<(), String>> {
        let mode = self.mode().filter(|mode| *mode == Mode::Swap)?;
        let used = (engine.used_memory)(engine);
        let limit = engine.repl.settings().swapdb_memory;
        let watched = self.modes.watch_memory(mode, used, limit);
        if watched.is_err() {
            self.payload = None;
        }
        Some(watched)
    }
}
