//! What the simulator sees of a server's link, whatever the product says of it.

use super::disk::SimDisk;
use super::dumps::content_of;
use super::node::{Node, Wish};
use super::receiving::Taker;
use super::saving::Hands;
use forebay::disk::DiskFile;
use forebay::flow::Saves;
use forebay::flow::follow::collected::Source;
use forebay::flow::follow::{Ask, Follower, Input, Received, ReceivedFile};
use forebay::flow::load::options;
use forebay::flow::payload::Mode;
use forebay::server::load::{self, LoadProgress};

/// See the module.
#[derive(Default)]
pub struct Watch {
    /// A byte of a payload was changed on its way: it must be refused.
    pub damaged: bool,
    /// Payloads refused.
    pub refused: u64,
    /// Digest of the dataset before a payload that must not touch it before it is whole.
    kept: Option<[u8; 20]>,
    last_connect_ms: Option<u64>,
    /// What went wrong that never may.
    pub broken: Option<String>,
}

/// Bytes of the stream that are collected in memory: few, so that some go to disk.
const COLLECT_ABOVE: usize = 20_000;

/// The link of a server, not connected yet.
pub fn new_follower(saves: &Saves<Hands>) -> Follower<Hands> {
    let mut follower = Follower::new(saves.clone());
    follower.collect_above(COLLECT_ABOVE);
    follower
}

/// The old data is given up while a payload is taken like this.
fn gives_up(mode: Option<Mode>) -> bool {
    matches!(mode, Some(Mode::Memory | Mode::LoadingFile))
}

impl Node {
    pub fn wants_input(&self) -> bool {
        self.follower.wants_input(&self.engine)
    }

    /// How many of the bytes that come next are a payload's; its end mark counts.
    pub fn payload_to_come(&self) -> Option<u64> {
        let framing = self.engine.repl.upstream()?.link.payload()?;
        Some(framing.length().unwrap_or(u64::MAX))
    }

    /// The payload comes over a second connection.
    pub fn has_two(&self) -> bool {
        let upstream = self.engine.repl.upstream();
        upstream.is_some_and(|up| up.link.channels().is_some())
    }

    /// True while the second connection is read.
    pub fn wants_payload(&self) -> bool {
        self.follower.wants_payload(&self.engine)
    }

    /// What the second connection has to say to the primary.
    pub fn take_second_upstream(&mut self) -> Vec<u8> {
        let bytes = self.follower.second_out().to_vec();
        self.follower.second_wrote(bytes.len(), &mut self.engine);
        bytes
    }

    /// Something that was collected can be applied.
    pub(super) fn has_collected(&self) -> bool {
        self.collected.is_busy() || self.follower.next_collected(&self.engine).is_some()
    }

    /// Writes what is collected to disk, reads it back and applies it, as far as it is time.
    pub(super) fn collect_on(&mut self) {
        while let Some(block) = self.follower.spill() {
            self.collected.write(block);
        }
        while let Some(spilled) = self.collected.written() {
            self.follower.spilled(spilled, &mut self.engine);
        }
        if let Some(read) = self.collected.read() {
            return self.link(Input::ReadBack(read));
        }
        match self.follower.next_collected(&self.engine) {
            Some(Source::Memory) => self.link(Input::Collected),
            Some(Source::Disk(place, len)) => {
                self.follower.reads_back();
                self.collected.read_back(&place, len);
            }
            None => {}
        }
    }

    /// What the link has to say to the primary.
    pub fn take_upstream(&mut self) -> Vec<u8> {
        let bytes = self.follower.out().to_vec();
        self.follower.wrote(bytes.len(), &mut self.engine);
        bytes
    }

    /// One event of the link to the primary.
    pub fn link(&mut self, input: Input<'_, Hands>) {
        let link = self.links;
        let mut turns = self.follower.begin(input, &self.engine);
        while !turns.is_empty() {
            let (before, had_keys) = (self.follower.mode(), !self.engine.keyspace.is_empty());
            let ask = self.follower.turn(&mut turns, &mut self.engine);
            self.see(before, had_keys);
            self.act();
            if self.links != link {
                return; // it was given up
            }
            match ask {
                Some(Ask::Connect) => {
                    self.note_connect();
                    self.wishes.push(Wish::Connect);
                }
                Some(Ask::Disconnect) => {
                    self.collected.forget();
                    self.wishes.push(Wish::Disconnect);
                }
                Some(Ask::DisconnectFirst) => self.wishes.push(Wish::DisconnectFirst),
                Some(Ask::ConnectSecond) => self.wishes.push(Wish::ConnectSecond),
                Some(Ask::DisconnectSecond) => self.wishes.push(Wish::DisconnectSecond),
                None => {}
            }
        }
        if self.engine.stats.unexpected_errors > 0 {
            self.fail("a command of the primary failed here".to_owned());
        }
    }

    pub(super) fn fail(&mut self, what: String) {
        self.watch.broken.get_or_insert(what);
    }

    /// A primary must not be asked more than once a second; only a new REPLICAOF may be faster.
    fn note_connect(&mut self) {
        let last = self.watch.last_connect_ms.replace(self.now_ms);
        if let Some(last) = last.filter(|last| self.now_ms - last < 1000) {
            let ms = self.now_ms - last;
            self.fail(format!("connected again after {ms} ms"));
        }
    }

    /// A turn may have begun or ended a payload.
    fn see(&mut self, before: Option<Mode>, had_keys: bool) {
        let mode = self.follower.mode();
        if mode == before {
            return;
        }
        match mode {
            None => self.check_kept(),
            Some(mode) if before.is_none() => {
                // A sample: digests take time.
                let looks = !gives_up(Some(mode)) && self.engine.rng.below(16) == 0;
                self.watch.kept = looks.then(|| self.digest());
                self.watch.damaged = false;
            }
            Some(_) => {}
        }
        // Without anybody who takes the new data nothing is given up.
        self.loading = gives_up(mode) && self.follower.receives(|_| true);
        self.lost |= self.loading && had_keys;
    }

    /// Until the payload is whole and good, the old data stands.
    fn check_kept(&mut self) {
        if let Some(kept) = self.watch.kept.take()
            && kept != self.digest()
        {
            self.fail("the old data changed before the new was whole".to_owned());
        }
    }

    /// Drives a payload on.
    pub(super) fn load_on(&mut self) {
        let failed = self.follower.receives(Taker::has_failed);
        let Some(outcome) = self.follower.receiving().and_then(Taker::outcome) else {
            return;
        };
        self.check_kept();
        match &outcome {
            Ok(_) if self.watch.damaged => {
                self.fail("a damaged payload was taken for a good one".to_owned());
            }
            Ok(Received::File(file)) => self.note_received(file),
            Ok(Received::Loaded(_)) => {}
            Err(why) => {
                self.watch.refused += 1;
                // A disk that has faults may refuse any payload.
                if !self.watch.damaged && !failed && self.disk.faults() == 0 {
                    self.fail(format!("a payload that nobody damaged was refused: {why}"));
                }
            }
        }
        let loads = matches!(outcome, Ok(Received::Loaded(_)));
        self.link(Input::Received(outcome));
        self.lost &= !loads;
    }

    /// What the received dump holds.
    fn note_received(&mut self, received: &ReceivedFile<SimDisk>) {
        let options = options(&mut self.engine);
        let file = received.file().again().expect("it is open");
        let loaded = load::load(file, &options, &LoadProgress::default());
        let (loaded, ..) = loaded.expect("it was checked");
        let content = content_of(loaded.dbs.iter().map(|(n, db)| (*n as usize, db)));
        self.disk.note_received(received.file(), content);
    }

    /// The link is given up.
    pub(super) fn drop_link(&mut self) {
        self.check_kept();
        self.watch.last_connect_ms = None;
        self.links += 1;
        let new = new_follower(&self.saves);
        self.collected.forget();
        std::mem::replace(&mut self.follower, new).end(&mut self.engine);
        self.loading = false;
    }
}
