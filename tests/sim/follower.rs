//! The replica's side of a server: its link, the payload that arrives, the stream's session.

use super::disk::{DUMP, FULL};
use super::dumps::content_of;
use super::node::{Node, Wish};
use forebay::disk::Aside;
use forebay::engine::ClientId;
use forebay::engine::inbox::Inbox;
use forebay::flow::Which;
use forebay::flow::load::options;
use forebay::flow::payload::{Around, Mode, Modes};
use forebay::replication::replica::State;
use forebay::replication::{LinkAction, LinkInput, ReplMeta, StreamDb};
use forebay::server::load::{self, LoadProgress, Loaded};
use std::io::Write;
use std::path::Path;

/// A payload's way.
enum Stage {
    /// It arrives; `Err` when the disk took no more of it.
    Arriving(Vec<u8>, Result<(), String>),
    /// It is complete and is being written, checked or loaded until this time.
    Complete(Vec<u8>, u64),
    /// The checked file took the dump's place and is loaded until this time.
    Loading(Vec<u8>, u64),
}

/// See the module.
#[derive(Default)]
pub struct Follower {
    /// Bytes for the primary.
    pub out: Vec<u8>,
    payload: Option<(Mode, Stage)>,
    modes: Modes,
    session: Option<ClientId>,
    inbox: Inbox,
    /// A byte of a payload was changed on its way: it must be refused.
    pub damaged: bool,
    /// Payloads loaded, and refused.
    pub loaded: u64,
    pub refused: u64,
    /// Digest of the dataset before a payload that must not touch it before it is whole.
    kept: Option<[u8; 20]>,
    last_connect_ms: Option<u64>,
    /// What went wrong that never may.
    pub broken: Option<String>,
}

impl Follower {
    /// True while a payload is checked or loaded.
    pub fn is_busy(&self) -> bool {
        match &self.payload {
            Some((_, Stage::Arriving(_, written))) => written.is_err(),
            Some(_) => true,
            None => false,
        }
    }
}

impl Node {
    pub fn wants_input(&self) -> bool {
        let up = self.engine.repl.upstream();
        up.is_some_and(|up| up.link.wants_input())
    }

    /// How many of the bytes that come next are a payload's; its end mark counts.
    pub fn payload_to_come(&self) -> Option<u64> {
        match self.engine.repl.upstream()?.link.state() {
            State::Receive { framing, .. } => Some(framing.length().unwrap_or(u64::MAX)),
            _ => None,
        }
    }

    /// One event of the link to the primary.
    pub fn link(&mut self, input: LinkInput<'_>) {
        let actions = self.engine.repl.on_link(input);
        for action in actions {
            match action {
                LinkAction::Connect => {
                    self.note_connect();
                    self.wishes.push(Wish::Connect);
                }
                LinkAction::Disconnect => {
                    self.follower.out.clear();
                    self.wishes.push(Wish::Disconnect);
                }
                LinkAction::Send(bytes) => self.follower.out.extend_from_slice(&bytes),
                LinkAction::Continue(_) | LinkAction::Established(_) => self.begin_session(),
                LinkAction::FullResync(_) | LinkAction::Lost(_) => self.end_session(),
                LinkAction::PayloadBegins(length) => self.begin_payload(length),
                LinkAction::Payload(bytes) => {
                    if let Some((mode, Stage::Arriving(all, written))) = &mut self.follower.payload
                    {
                        match mode {
                            Mode::File if self.disk.is_full() => *written = Err(FULL.to_owned()),
                            _ => all.extend_from_slice(&bytes),
                        }
                    }
                }
                LinkAction::PayloadEnds => {
                    if let Some((_, stage @ Stage::Arriving(..))) = &mut self.follower.payload
                        && let Stage::Arriving(bytes, Ok(())) = stage
                    {
                        let takes = self.engine.rng.below(300) + self.disk.delay_ms();
                        *stage = Stage::Complete(std::mem::take(bytes), self.now_ms + takes);
                    }
                }
                LinkAction::PayloadAborted => {
                    self.check_kept();
                    self.follower.payload = None;
                    self.load_failed();
                }
                LinkAction::Stream(bytes) => {
                    let id = self.follower.session.expect("a stream needs a session");
                    let inbox = &mut self.follower.inbox;
                    let applied = self.engine.with_client(id, |engine, session| {
                        let result = inbox.apply(&bytes, engine, session);
                        result.expect("primaries speak the protocol");
                        engine.repl.set_stream_db(session.stream_db());
                    });
                    applied.expect("connected");
                    if self.engine.stats.unexpected_errors > 0 {
                        self.fail("a command of the primary failed here".to_owned());
                    }
                }
                LinkAction::Log(_, text) => self.log.push(text),
                LinkAction::PromotionRefused => {}
            }
        }
        self.act();
    }

    fn fail(&mut self, what: String) {
        self.follower.broken.get_or_insert(what);
    }

    /// A primary must not be asked more than once a second; only a new REPLICAOF may be faster.
    fn note_connect(&mut self) {
        let last = self.follower.last_connect_ms.replace(self.now_ms);
        if let Some(last) = last.filter(|last| self.now_ms - last < 1000) {
            let ms = self.now_ms - last;
            self.fail(format!("connected again after {ms} ms"));
        }
    }

    fn begin_payload(&mut self, length: Option<u64>) {
        let settings = self.engine.repl.settings();
        let around = Around {
            wanted: settings.diskless_load,
            empty: self.engine.keyspace.is_empty(),
            used: (self.engine.used_memory)(&self.engine),
            limit: settings.swapdb_memory,
            length,
        };
        let (mode, _) = self.follower.modes.choose(around);
        if mode == Mode::Memory {
            self.empty();
        }
        // A sample: digests take time.
        let looks = mode != Mode::Memory && self.engine.rng.below(16) == 0;
        self.follower.kept = looks.then(|| self.digest());
        self.follower.damaged = false;
        self.follower.payload = Some((mode, Stage::Arriving(Vec::new(), Ok(()))));
    }

    /// Until the payload is whole and good, the old data stands.
    fn check_kept(&mut self) {
        let loading = matches!(self.follower.payload, Some((_, Stage::Loading(..))));
        if let Some(kept) = self.follower.kept.take().filter(|_| !loading)
            && kept != self.digest()
        {
            self.fail("the old data changed before the new was whole".to_owned());
        }
    }

    /// Drives a payload on.
    pub(super) fn load_on(&mut self) {
        let (mode, stage) = match self.follower.payload.take() {
            Some((mode, stage)) => (mode, stage),
            None => return,
        };
        match stage {
            Stage::Arriving(_, Err(why)) => {
                self.check_kept();
                self.follower.refused += 1;
                self.link(LinkInput::Loaded(Err(why)));
            }
            Stage::Complete(bytes, at) if at <= self.now_ms => self.whole(mode, bytes),
            Stage::Loading(bytes, at) if at <= self.now_ms => {
                let loaded = self.parse(&bytes);
                self.loaded(loaded);
            }
            stage => self.follower.payload = Some((mode, stage)),
        }
    }

    fn whole(&mut self, mode: Mode, bytes: Vec<u8>) {
        let loaded = self.parse(&bytes);
        if loaded.is_ok() && self.follower.damaged {
            self.fail("a damaged payload was taken for a good one".to_owned());
        }
        self.check_kept();
        let content = match &loaded {
            Ok(loaded) if mode == Mode::File => {
                content_of(loaded.dbs.iter().map(|(n, db)| (*n as usize, db)))
            }
            _ => return self.loaded(loaded),
        };
        self.saves.give_up(&mut self.engine, Which::Disk);
        let directory = Path::new("/data");
        let aside = Aside::create_in(&self.disk, directory, ("temp-", ".rdb"), 0o644);
        let mut aside = aside.expect("the name is free");
        if let Err(e) = aside.write_all(&bytes) {
            self.follower.refused += 1;
            return self.link(LinkInput::Loaded(Err(e.to_string())));
        }
        self.disk.note_received(aside.file(), content);
        let placed = aside
            .sync()
            .and_then(|synced| synced.place(Path::new(DUMP)));
        placed
            .and_then(|placed| placed.sync_directory())
            .expect("this disk renames always");
        self.empty();
        let at = self.now_ms + self.engine.rng.below(200);
        self.follower.payload = Some((Mode::LoadingFile, Stage::Loading(bytes, at)));
    }

    fn parse(&mut self, bytes: &[u8]) -> Result<Loaded, String> {
        let options = options(&mut self.engine);
        let loaded = load::load(bytes, &options, &LoadProgress::default());
        match loaded {
            Ok((_, rest, source)) if !rest.is_empty() || !source.is_empty() => {
                Err("bytes behind the payload".to_owned())
            }
            Ok((loaded, ..)) => Ok(loaded),
            Err(e) => Err(e.to_string()),
        }
    }

    fn loaded(&mut self, result: Result<Loaded, String>) {
        if let (Err(why), false) = (&result, self.follower.damaged) {
            self.fail(format!("a payload that nobody damaged was refused: {why}"));
        }
        match &result {
            Ok(_) => self.follower.loaded += 1,
            Err(_) => self.follower.refused += 1,
        }
        let result = result.map(|loaded| {
            let meta = ReplMeta::from_aux(|name| loaded.aux(name));
            let db = meta.map_or(StreamDb::default(), |m| m.stream_db);
            self.engine.repl.set_stream_db(db);
            let installed = self.saves.install(&mut self.engine, loaded);
            installed.expect("the simulator's dumps have no libraries");
            (self.loading, self.lost) = (false, false);
            self.follower.modes.loaded();
        });
        if result.is_err() {
            self.load_failed();
        }
        self.link(LinkInput::Loaded(result));
    }

    fn empty(&mut self) {
        self.engine.repl.before_flush();
        self.loading = true;
        self.lost |= !self.engine.keyspace.is_empty();
        self.saves.empty_for_load(&mut self.engine);
    }

    fn load_failed(&mut self) {
        self.loading = false;
        self.saves.end_loading(&mut self.engine);
    }

    /// The link is given up by REPLICAOF.
    pub(super) fn drop_link(&mut self) {
        self.check_kept();
        if self.follower.payload.take().is_some() {
            self.load_failed();
        }
        self.follower.last_connect_ms = None;
        self.follower.out.clear();
        self.end_session();
    }

    fn end_session(&mut self) {
        self.follower.inbox = Inbox::default();
        if let Some(id) = self.follower.session.take() {
            self.engine.disconnect(id);
        }
    }

    fn begin_session(&mut self) {
        self.follower.inbox = Inbox::default();
        let id = self
            .engine
            .connect("10.0.0.2:2".into(), "10.0.0.9:9".into());
        let upstream = self.engine.repl.upstream();
        let db = upstream.map_or(StreamDb::default(), |up| up.db);
        let databases = self.engine.keyspace.count();
        let session = self.engine.clients.get_mut(&id).expect("just connected");
        session.follow(db, databases);
        self.follower.session = Some(id);
    }
}
