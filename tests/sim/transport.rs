//! What the product's replication needs of the world, in virtual time.

use super::disk::{SimDisk, SimFile};
use super::saving::Hands;
use super::scratch::Source;
use forebay::base::LogLevel;
use forebay::engine::{ClientId, Engine};
use forebay::flow::feed::Payload;
use forebay::flow::peers::{Transport, Way};
use forebay::flow::pipe::{FileCopy, of_file, of_snapshot};
use forebay::flow::save::Writers;
use forebay::flow::spill::SpillWriter;
use forebay::replication::log::Spill;
use std::cell::{Cell, RefCell};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Bytes of a file of stream blocks: few, so that there are several.
const SPILL_FILE_BYTES: u64 = 20_000;

/// What happens to the link to the primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkChange {
    Start,
    Stop,
}

/// See the module.
pub struct SimTransport {
    hands: Hands,
    /// What happened to the link and was not done yet.
    pub links: RefCell<Vec<LinkChange>>,
    /// Bytes for the primary.
    pub upstream: RefCell<Vec<u8>>,
    pub log: RefCell<Vec<String>>,
    spill_writer: RefCell<SpillWriter<SimDisk>>,
    /// Blocks of the stream that go to disk, and when they are there.
    spilling: RefCell<Vec<(u64, Spill)>>,
    /// Stream blocks that went to disk.
    pub spilled: Cell<usize>,
}

impl SimTransport {
    pub fn new(hands: Hands) -> SimTransport {
        let (disk, directory) = (hands.disk().clone(), PathBuf::from("/stream"));
        let spill_writer = SpillWriter::new(disk, directory, SPILL_FILE_BYTES, Arc::new(drop));
        SimTransport {
            hands,
            spill_writer: RefCell::new(spill_writer),
            links: RefCell::default(),
            upstream: RefCell::default(),
            log: RefCell::default(),
            spilling: RefCell::default(),
            spilled: Cell::new(0),
        }
    }

    /// Blocks of the stream are on their way to disk.
    pub fn spills(&self) -> bool {
        !self.spilling.borrow().is_empty()
    }

    /// Writes the blocks that are due, and tells of them.
    pub fn spill_on(&self, engine: &mut Engine) {
        let now_ms = self.hands.now_ms();
        let all = self.spilling.take().into_iter();
        let (due, later) = all.partition(|(at, _)| *at <= now_ms);
        *self.spilling.borrow_mut() = later;
        for (_, block) in due {
            let (start, place) = self.spill_writer.borrow_mut().write(&block);
            self.spilled
                .set(self.spilled.get() + usize::from(place.is_ok()));
            engine.repl.on_spilled(start, place);
        }
    }
}

impl Transport for SimTransport {
    type Writers = Hands;
    type Source = Source;

    fn connect(&self, mark: &[u8]) -> Way<Hands, Source> {
        of_snapshot(mark, Source::of_snapshot(self.hands.disk()))
    }

    fn file(&self, file: Arc<SimFile>) -> io::Result<Payload<Source>> {
        let copy = FileCopy::new(file)?;
        Ok(of_file(
            copy.total(),
            Source::of_file(copy, self.hands.disk()),
        ))
    }

    /// Every connection is looked at after anything has happened.
    fn wake(&self, _: ClientId) {}

    fn start_link(&self) {
        self.links.borrow_mut().push(LinkChange::Start);
    }

    fn stop_link(&self) {
        self.links.borrow_mut().push(LinkChange::Stop);
    }

    fn tell_primary(&self, bytes: &[u8]) {
        self.upstream.borrow_mut().extend_from_slice(bytes);
    }

    fn spill(&self, block: Spill) -> io::Result<()> {
        let at = self.hands.now_ms() + self.hands.disk().delay_ms();
        self.spilling.borrow_mut().push((at, block));
        Ok(())
    }

    fn log(&self, _: &Engine, _: LogLevel, text: &str) {
        self.log.borrow_mut().push(text.to_owned());
    }
}
