//! What the product's replication needs of the world, in virtual time.

use super::disk::{FULL, SimFile};
use super::saving::Hands;
use super::serving::{self, Source};
use forebay::base::LogLevel;
use forebay::engine::{ClientId, Engine};
use forebay::flow::feed::Payload;
use forebay::flow::peers::{Transport, Way};
use forebay::flow::save::Writers;
use forebay::replication::log::{Place, Spill};
use std::cell::{Cell, RefCell};
use std::io;
use std::sync::Arc;

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
    /// Blocks of the stream that go to disk, and when they stand.
    spilling: RefCell<Vec<(u64, Spill)>>,
    /// Stream blocks that went to disk.
    pub spilled: Cell<usize>,
}

impl SimTransport {
    pub fn new(hands: Hands) -> SimTransport {
        SimTransport {
            hands,
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

    /// Tells of the blocks that stand on disk by now.
    pub fn spill_on(&self, engine: &mut Engine) {
        let now_ms = self.hands.now_ms();
        let all = self.spilling.take().into_iter();
        let (due, later) = all.partition(|(at, _)| *at <= now_ms);
        *self.spilling.borrow_mut() = later;
        for (_, block) in due {
            let place = match self.hands.disk().is_full() {
                true => Err(FULL.to_owned()),
                false => Ok(Place {
                    file: block.bytes,
                    at: 0,
                }),
            };
            self.spilled
                .set(self.spilled.get() + usize::from(place.is_ok()));
            engine.repl.on_spilled(block.start, place);
        }
    }
}

impl Transport for SimTransport {
    type Writers = Hands;
    type Source = Source;

    fn connect(&self, mark: &[u8]) -> Way<Hands, Source> {
        serving::connect(mark)
    }

    fn file(&self, file: Arc<SimFile>) -> io::Result<Payload<Source>> {
        Ok(serving::file_payload(file))
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
