//! The driver of the link to the primary: connects, reads, hands events to the state machine, and performs its
//! actions.

use super::receive::{self, PlacedFile, Received, ReceivedFile, Receiving};
use crate::load::{CheckOptions, LoadProgress, Loaded};
use crate::persist;
use crate::{Server, clock, lookup, strerror};
use base::LogLevel;
use disk::Machine;
use engine::client_list;
use engine::inbox::Inbox;
use engine::{ClientFlags, ClientId, Engine, Loading};
use flow::Which;
use flow::load::announce;
use flow::payload::{Around, Mode, Modes, removes_sync_files};
use replication::replica::State;
use replication::report::Taken;
use replication::{LinkAction, LinkInput, Position, ReplMeta, StreamDb};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};

/// How often time passes for the link.
const TICK: Duration = Duration::from_millis(100);
/// Bytes asked of the socket at once.
const READ_SIZE: usize = 256 << 10;

/// Connects to the first address of a host that answers. A name is looked up by a thread that may wait for it.
async fn connect(host: String, port: u16) -> io::Result<TcpStream> {
    let (tell, told) = oneshot::channel();
    // The receiver is gone if the link was given up meanwhile.
    lookup::start(&host, port, move |found| _ = tell.send(found))?;
    let found = told.await.map_err(io::Error::other)??;
    TcpStream::connect(found.as_slice()).await
}

/// How others reach the link's task.
#[derive(Default)]
pub struct LinkHandle {
    stopped: Cell<bool>,
    out: RefCell<Vec<u8>>,
    news: Notify,
}

impl LinkHandle {
    /// Ends the task: nothing it receives matters any more.
    pub fn stop(&self) {
        self.stopped.set(true);
        self.news.notify_one();
    }

    /// Bytes for the primary.
    pub fn send(&self, bytes: &[u8]) {
        self.out.borrow_mut().extend_from_slice(bytes);
        self.news.notify_one();
    }
}

type Connecting = Pin<Box<dyn Future<Output = io::Result<TcpStream>>>>;

struct Link {
    server: Rc<Server>,
    handle: Rc<LinkHandle>,
    connecting: Option<Connecting>,
    stream: Option<TcpStream>,
    /// Bytes for the primary that the socket has not taken.
    out: Vec<u8>,
    receiving: Option<(Mode, Receiving)>,
    /// The dump that was received and is being loaded.
    placed: Option<PlacedFile>,
    /// The outcome of a payload that ended while a script was parked.
    held: Option<Result<Received, String>>,
    modes: Modes,
    inbox: Inbox,
    /// The link's session, while it is established.
    session: Option<ClientId>,
    buf: Vec<u8>,
}

/// What woke the task.
enum Event {
    Tick,
    News,
    Connected(io::Result<TcpStream>),
    Readable,
    Writable,
    Room,
    Received(Result<Received, String>),
}

/// Follows the primary until the handle says stop. The state machine has begun to connect.
pub async fn run(server: Rc<Server>, handle: Rc<LinkHandle>) {
    let mut link = Link {
        server,
        handle,
        connecting: None,
        stream: None,
        out: Vec::new(),
        receiving: None,
        placed: None,
        held: None,
        modes: Modes::default(),
        inbox: Inbox::default(),
        session: None,
        buf: vec![0; READ_SIZE],
    };
    link.connect();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let event = link.event(&mut ticks).await;
        if link.handle.stopped.get() {
            break;
        }
        link.on_event(event);
        if link.handle.stopped.get() {
            break;
        }
    }
    link.end_session();
    if link.receiving.take().is_some() {
        link.server
            .with_engine(|engine| stop_loading(&link.server, engine));
    }
}

impl Link {
    /// True while a script is parked: nothing may change the data that it works on.
    fn dataset_is_held(&self) -> bool {
        self.server.engine.borrow().script_is_parked()
    }

    async fn event(&mut self, ticks: &mut tokio::time::Interval) -> Event {
        // While a script is parked, the dataset belongs to it; the next tick looks again.
        let (wants_input, parked) = {
            let engine = self.server.engine.borrow();
            let upstream = engine.repl.upstream();
            let parked = engine.script_is_parked();
            let wants = upstream.is_some_and(|up| up.link.wants_input());
            (wants && !parked, parked)
        };
        let flow = self.receiving.as_ref().and_then(|(_, r)| r.inflow.as_ref());
        let full = flow.is_some_and(|f| !f.has_room());
        let stream = self.stream.as_ref();
        let handle = self.handle.clone();
        let connecting = &mut self.connecting;
        if !parked && let Some(result) = self.held.take() {
            return Event::Received(result);
        }
        let outcome = match &mut self.receiving {
            Some((_, Receiving { outcome, inflow })) => (Some(outcome), inflow.as_ref()),
            None => (None, None),
        };
        let (outcome, flow) = outcome;
        tokio::select! {
            biased;
            () = handle.news.notified() => Event::News,
            result = async { connecting.as_mut().expect("guarded").await }, if connecting.is_some() => {
                *connecting = None;
                Event::Connected(result)
            }
            result = async { outcome.expect("guarded").await }, if outcome.is_some() && self.held.is_none() => {
                let lost = |_| Err("the receiving thread is gone".to_owned());
                Event::Received(result.unwrap_or_else(lost))
            }
            _ = ticks.tick() => Event::Tick,
            () = async { flow.expect("guarded").room().await }, if full => Event::Room,
            _ = async { stream.expect("guarded").writable().await }, if stream.is_some() && !self.out.is_empty() => {
                Event::Writable
            }
            _ = async { stream.expect("guarded").readable().await }, if stream.is_some() && wants_input && !full => {
                Event::Readable
            }
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Tick => {
                if self.killed() {
                    self.step(LinkInput::Closed(""));
                }
                self.watch_memory();
                self.step(LinkInput::Tick);
            }
            Event::News => {
                let bytes = self.handle.out.take();
                self.out.extend_from_slice(&bytes);
            }
            Event::Connected(Ok(stream)) => {
                // Without it small ACKs would wait for others.
                let _ = stream.set_nodelay(true);
                self.stream = Some(stream);
                self.step(LinkInput::Connected);
            }
            Event::Connected(Err(error)) => self.step(LinkInput::Closed(&strerror(&error))),
            // It may have been parked while this event was waited for: the next look waits for its end.
            Event::Readable if self.dataset_is_held() => {}
            Event::Readable => self.read(),
            Event::Writable | Event::Room => {}
            Event::Received(result) if self.dataset_is_held() => self.held = Some(result),
            Event::Received(result) => self.on_received(result),
        }
        self.write();
    }

    fn connect(&mut self) {
        let (host, port) = {
            let engine = self.server.engine.borrow();
            let Some(up) = engine.repl.upstream() else {
                return;
            };
            let (host, port) = up.link.primary();
            (host.to_owned(), port)
        };
        self.connecting = Some(Box::pin(connect(host, port)));
    }

    fn read(&mut self) {
        let Some(stream) = &self.stream else { return };
        let mut buf = std::mem::take(&mut self.buf);
        match stream.try_read(&mut buf) {
            Ok(0) => self.step(LinkInput::Closed("")),
            Ok(n) => {
                self.server.engine.borrow_mut().stats.read_from_primary(n);
                self.step(LinkInput::Bytes(&buf[..n]));
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => self.step(LinkInput::Closed(&strerror(&e))),
        }
        self.buf = buf;
    }

    fn write(&mut self) {
        while let Some(stream) = self.stream.as_ref().filter(|_| !self.out.is_empty()) {
            match stream.try_write(&self.out) {
                Ok(n) => {
                    self.server.engine.borrow_mut().stats.net_output += n as u64;
                    self.out.drain(..n);
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(e) => self.step(LinkInput::Closed(&strerror(&e))),
            }
        }
    }

    /// Hands one event to the state machine and performs the actions that it returns.
    fn step(&mut self, input: LinkInput<'_>) {
        let server = self.server.clone();
        let actions = server.with_engine(|engine| {
            engine.sync_repl_clock();
            engine.repl.on_link(input)
        });
        for action in actions {
            match action {
                LinkAction::Connect => self.connect(),
                LinkAction::Send(bytes) => self.out.extend_from_slice(&bytes),
                LinkAction::Disconnect => {
                    self.stream = None;
                    self.connecting = None;
                    self.out.clear();
                }
                LinkAction::Continue(_) | LinkAction::Established(_) => self.begin_session(),
                LinkAction::FullResync(at) => self.resyncing(at),
                LinkAction::PayloadBegins(length) => self.begin_payload(length),
                LinkAction::Payload(bytes) => {
                    let flow = self.receiving.as_ref().and_then(|(_, r)| r.inflow.as_ref());
                    if let Some(flow) = flow {
                        flow.give(bytes.into_owned());
                    }
                }
                LinkAction::PayloadEnds => {
                    if let Some(flow) = self.receiving.as_mut().and_then(|(_, r)| r.inflow.take()) {
                        flow.finish();
                    }
                }
                LinkAction::PayloadAborted => {
                    if let Some((mode, _)) = self.receiving.take() {
                        self.failed(mode, "the link to the primary was lost");
                    }
                }
                LinkAction::Stream(bytes) => self.apply(&bytes),
                LinkAction::Lost(_) => self.end_session(),
                LinkAction::Log(level, text) => self.log(level, &text),
                LinkAction::PromotionRefused => {} // was done where the role is kept
            }
        }
    }

    fn apply(&mut self, bytes: &[u8]) {
        let Some(id) = self.session else { return };
        let server = self.server.clone();
        let broken = server.with_executor(|engine| {
            engine.sync_repl_clock();
            let (error, who) = engine.with_client(id, |engine, session| {
                let result = self.inbox.apply(bytes, engine, session);
                engine.repl.set_stream_db(session.stream_db());
                let who = client_list::line(session, engine.clock.steady_ms);
                Some((result.err()?, who))
            })??;
            let text = format!("Protocol error ({}) from client: {who}", error.0);
            engine.repl.log(LogLevel::Warning, text);
            Some(())
        });
        if broken.is_some() {
            self.step(LinkInput::ProtocolError);
        }
    }

    /// The stream's commands run as this session.
    fn begin_session(&mut self) {
        self.inbox = Inbox::default();
        let name = |a: io::Result<std::net::SocketAddr>| a.map_or(String::new(), |a| a.to_string());
        let (peer, local) = match &self.stream {
            Some(s) => (name(s.peer_addr()), name(s.local_addr())),
            None => (String::new(), String::new()),
        };
        let id = self.server.with_engine(|engine| {
            let id = engine.connect(peer, local);
            let db = engine.repl.upstream().map_or(StreamDb::default(), |up| up.db);
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
            id
        });
        self.session = Some(id);
    }

    fn end_session(&mut self) {
        if let Some(id) = self.session.take() {
            self.inbox = Inbox::default();
            self.server.disconnect(id);
        }
    }

    /// CLIENT KILL closed the link's session.
    fn killed(&self) -> bool {
        let Some(id) = self.session else { return false };
        let engine = self.server.engine.borrow();
        let session = engine.clients.get(&id);
        session.is_none_or(|s| s.flags.contains(ClientFlags::CLOSE_ASAP))
    }

    fn log(&self, level: LogLevel, text: &str) {
        self.server.with_engine(|engine| (engine.log)(level, text));
    }

    /// A full sync was announced. Replicas of ours have nothing to wait for in the modes that empty
    /// the dataset; that is done when the payload is safe.
    fn resyncing(&mut self, _at: Option<Position>) {
        self.end_session();
    }

    fn begin_payload(&mut self, length: Option<u64>) {
        let server = self.server.clone();
        let receiving = server.with_engine(|engine| {
            engine.sync_repl_clock();
            let settings = engine.repl.settings();
            let around = Around {
                wanted: settings.diskless_load,
                empty: engine.keyspace.is_empty(),
                used: (engine.used_memory)(engine),
                limit: settings.swapdb_memory,
                length,
            };
            let (mode, why) = self.modes.choose(around);
            if let Some(why) = why {
                engine.repl.log(LogLevel::Warning, why);
            }
            let to = if mode == Mode::File { "disk" } else { "parser" };
            let text = match length {
                Some(n) => format!("receiving {n} bytes from master to {to}"),
                None => format!("receiving streamed RDB from master with EOF to {to}"),
            };
            engine
                .repl
                .log(LogLevel::Notice, format!("MASTER <-> REPLICA sync: {text}"));
            engine.repl.received().taken(match mode {
                Mode::File | Mode::LoadingFile => Taken::Disk,
                Mode::Memory => Taken::Memory,
                Mode::Swap => Taken::Swap,
            });
            (mode, start_receiving(&server, engine, mode, length))
        });
        self.receiving = Some(receiving);
    }

    /// `repl-swapdb-memory-limit` while old and new data are both there.
    fn watch_memory(&mut self) {
        let Some((mode @ Mode::Swap, _)) = self.receiving else {
            return;
        };
        let (used, limit) = {
            let engine = self.server.engine.borrow();
            let used = (engine.used_memory)(&engine);
            (used, engine.repl.settings().swapdb_memory)
        };
        if let Err(error) = self.modes.watch_memory(mode, used, limit) {
            self.receiving = None;
            self.failed(mode, &error);
            self.step(LinkInput::Loaded(Err(error)));
        }
    }

    fn on_received(&mut self, result: Result<Received, String>) {
        let Some((mode, _)) = self.receiving.take() else {
            return;
        };
        let server = self.server.clone();
        match result {
            Err(error) => {
                self.failed(mode, &error);
                self.step(LinkInput::Loaded(Err(error)));
            }
            Ok(Received::File(file)) => self.put_in_place(file),
            Ok(Received::Loaded(loaded)) => {
                let placed = self.placed.take();
                let installed: Result<(), String> = server.with_engine(|engine| {
                    engine.sync_repl_clock();
                    engine.repl.received().load_ends(loaded.keys_loaded);
                    install(&server, engine, mode, *loaded)?;
                    if let Some(placed) = placed {
                        remove_sync_file(&server, engine, &placed);
                    }
                    engine.repl.received().swapped(clock::unix_us());
                    Ok(())
                });
                if let Err(error) = &installed {
                    self.failed(mode, error);
                }
                self.modes.loaded();
                self.step(LinkInput::Loaded(installed));
            }
        }
    }

    /// A whole dump has been received and checked: it becomes the dump file, and then the dataset. A save that
    /// runs would put its older data over it.
    fn put_in_place(&mut self, received: ReceivedFile) {
        let server = self.server.clone();
        server.with_engine(|engine| {
            engine.sync_repl_clock();
            if server.persistence.bgsave_running() {
                tell_pending_save(engine);
            }
            server.persistence.give_up(engine, Which::Disk);
        });
        let path = received.place().path().to_owned();
        let placed = match received.put_in_place() {
            Ok(placed) => placed,
            Err(e) => {
                let error = format!(
                    "Failed trying to rename the temp DB into {} in MASTER <-> REPLICA \
                     synchronization: {e}",
                    path.file_name().unwrap_or(path.as_os_str()).display()
                );
                self.failed(Mode::File, &error);
                return self.step(LinkInput::Loaded(Err(error)));
            }
        };
        let receiving = server.with_engine(|engine| {
            engine.sync_repl_clock();
            empty_dataset(&server, engine);
            load_file(&server, engine, &placed)
        });
        self.receiving = Some((Mode::LoadingFile, receiving));
        self.placed = Some(placed);
    }

    /// Cleans up after a payload that was given up.
    fn failed(&mut self, mode: Mode, error: &str) {
        let server = self.server.clone();
        server.with_engine(|engine| {
            engine.sync_repl_clock();
            engine.repl.received().refused(error);
            engine.repl.log(LogLevel::Warning, error.to_owned());
            let from = match mode {
                Mode::File | Mode::LoadingFile => "disk",
                Mode::Memory | Mode::Swap => "socket",
            };
            let text = format!(
                "Failed trying to load the MASTER synchronization DB from {from}, check server logs."
            );
            engine.repl.log(LogLevel::Warning, text);
            if mode == Mode::Swap {
                let text = "MASTER <-> REPLICA sync: Discarding temporary DB in background";
                engine.repl.log(LogLevel::Notice, text);
            }
            stop_loading(&server, engine);
        });
    }
}

fn start_receiving(
    server: &Server,
    engine: &mut Engine,
    mode: Mode,
    length: Option<u64>,
) -> Receiving {
    let options = persist::load_options(engine);
    let progress = Arc::<LoadProgress>::default();
    match mode {
        Mode::File | Mode::LoadingFile => {
            let check = CheckOptions {
                databases: options.databases,
                verify_checksum: options.verify_checksum,
                skip_unknown: options.skip_unknown,
                key: engine.secrets.hash_key(),
            };
            let place = server.persistence.place(engine);
            let temp = place.temporary();
            server.persistence.receives(temp.clone());
            return receive::to_file(place, temp, check).unwrap_or_else(Receiving::refused);
        }
        Mode::Memory | Mode::Swap => {}
    }
    // Before anything old is given up.
    let receiving = match receive::to_memory(options, progress.clone()) {
        Ok(receiving) => receiving,
        Err(error) => return Receiving::refused(error),
    };
    match mode {
        Mode::File | Mode::LoadingFile => {}
        Mode::Memory => {
            empty_dataset(server, engine);
            start_loading(server, engine, Loading::Blocking, length, &progress);
        }
        Mode::Swap => {
            let ours = engine.repl.history().id();
            let same = match engine.repl.upstream().map(|up| up.link.state()) {
                Some(State::Receive { resume_at, .. } | State::Loading { resume_at, .. }) => {
                    resume_at.is_some_and(|at| at.id == ours)
                }
                _ => false,
            };
            let kind = if same {
                Loading::Async
            } else {
                Loading::Blocking
            };
            start_loading(server, engine, kind, length, &progress);
        }
    }
    engine.repl.log(
        LogLevel::Notice,
        "MASTER <-> REPLICA sync: Loading DB in memory",
    );
    receiving
}

fn start_loading(
    server: &Server,
    engine: &mut Engine,
    kind: Loading,
    total: Option<u64>,
    progress: &Arc<LoadProgress>,
) {
    engine.repl.received().load_begins();
    let total = total.unwrap_or(0);
    server
        .persistence
        .begin_loading(engine, kind, total, progress.clone());
}

fn stop_loading(server: &Server, engine: &mut Engine) {
    server.persistence.end_loading(engine);
}

/// Empties the dataset: its replacement is safe, or there is no data to lose.
fn empty_dataset(server: &Server, engine: &mut Engine) {
    engine.repl.before_flush();
    engine.repl.log(
        LogLevel::Notice,
        "MASTER <-> REPLICA sync: Flushing old data",
    );
    server.persistence.empty_for_load(engine);
}

fn load_file(server: &Server, engine: &mut Engine, placed: &PlacedFile) -> Receiving {
    engine.repl.log(
        LogLevel::Notice,
        "MASTER <-> REPLICA sync: Loading DB in memory",
    );
    let progress = Arc::<LoadProgress>::default();
    let total = placed.file.metadata().ok().map(|m| m.len());
    start_loading(server, engine, Loading::Blocking, total, &progress);
    let mut options = persist::load_options(engine);
    options.total_bytes = total;
    receive::from_file(&placed.file, options, progress)
}

/// A save would put its older data in the place of what was just received.
fn tell_pending_save(engine: &mut Engine) {
    let text = format!(
        "Replica is about to load the RDB file received from the master, but there is a pending RDB child running. \
         Killing process {} and removing its temp file to avoid any race",
        std::process::id()
    );
    engine.repl.log(LogLevel::Notice, text);
}

/// Installs the loaded dataset, unless it has a function library that does not load.
fn install(server: &Server, engine: &mut Engine, mode: Mode, loaded: Loaded) -> Result<(), String> {
    stop_loading(server, engine);
    // What was logged before comes before what the dump says of itself.
    server.repl.act(engine);
    announce(engine, &loaded);
    let meta = ReplMeta::from_aux(|name| loaded.aux(name));
    let installed = server.persistence.install(engine, loaded);
    installed.map_err(|e| e.to_string())?;
    if mode == Mode::Swap {
        engine.repl.log(
            LogLevel::Notice,
            "Discarding previously cached master state.",
        );
        let text = "MASTER <-> REPLICA sync: Swapping active DB with loaded DB";
        engine.repl.log(LogLevel::Notice, text);
        let text = "MASTER <-> REPLICA sync: Discarding old DB in background";
        engine.repl.log(LogLevel::Notice, text);
    }
    engine
        .repl
        .set_stream_db(meta.map_or(StreamDb::default(), |m| m.stream_db));
    engine.own_keys.clear();
    Ok(())
}

/// `rdb-del-sync-files`: the dump has only served the sync, and the dataset that it held is in memory.
fn remove_sync_file(server: &Server, engine: &mut Engine, placed: &PlacedFile) {
    if !removes_sync_files(&engine.config) || !placed.place.is(&Machine, &placed.file) {
        return;
    }
    let Some(whole) = server.persistence.whole(engine) else {
        return;
    };
    let text = "Removing the RDB file obtained from the master. This replica has persistence \
                disabled";
    engine.repl.log(LogLevel::Notice, text);
    if let Err(e) = placed.place.remove(&Machine, &whole) {
        engine
            .repl
            .log(LogLevel::Warning, format!("Removing the RDB file: {e}"));
    }
}
