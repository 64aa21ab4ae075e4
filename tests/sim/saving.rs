//! Who writes the snapshots of one server: the product's encoder and sinks, in virtual time.
//!
//! Everything else about saves is the product's: whether one may begin, the walk, whether it is given up, and whether
//! its file may still take the place of the dump. As on a slow disk, the file of a save that was given up may be
//! complete only later, and asks only then.

use super::appending::SimLog;
use super::disk::{SimDisk, SimFile};
use super::dumps::content_of;
use super::node::clock_at;
use super::promises::Print;
use forebay::base::Rng;
use forebay::engine::clock::Clock;
use forebay::engine::{CommitPosition, Engine};
use forebay::flow::Fate;
use forebay::flow::save::{
    Awaited, Encoder, OpenSinks, Outcome, Pace, Plan, Progress, SaveError, Saves, Writer, Writers,
};
use forebay::keyspace::snapshot::Block;
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;

/// Those who write; clones are the same.
#[derive(Clone)]
pub struct Hands(Rc<Shared>);

struct Shared {
    disk: SimDisk,
    now_ms: Cell<u64>,
    /// Bytes of a snapshot made in one turn.
    burst: usize,
    late: RefCell<Vec<Late>>,
    refused: Cell<u64>,
    /// How long things take.
    rng: RefCell<Rng>,
    /// Payloads that nobody took.
    untaken: Cell<u64>,
    /// The log of the server, while the process lives.
    log: RefCell<Option<SimLog>>,
    /// Datasets that replaced others, after which commits.
    replaced: RefCell<Vec<(CommitPosition, Print)>>,
}

/// The file of a save that was given up, and when it is complete.
struct Late {
    encoder: Encoder<SimFile>,
    fate: Arc<Fate>,
    at_ms: u64,
}

impl Hands {
    /// They write to `disk`.
    pub fn new(disk: SimDisk, burst: usize, seed: u64, now_ms: u64) -> Hands {
        Hands(Rc::new(Shared {
            disk,
            now_ms: Cell::new(now_ms),
            burst,
            late: RefCell::default(),
            refused: Cell::new(0),
            rng: RefCell::new(Rng::new(seed)),
            untaken: Cell::new(0),
            log: RefCell::default(),
            replaced: RefCell::default(),
        }))
    }

    /// Lets them reach the log; `None`: the process has ended.
    pub fn attach(&self, log: Option<SimLog>) {
        *self.0.log.borrow_mut() = log;
    }

    fn log(&self) -> Option<SimLog> {
        self.0.log.borrow().clone()
    }

    /// Which datasets have replaced others since this was asked for.
    pub fn take_replaced(&self) -> Vec<(CommitPosition, Print)> {
        self.0.replaced.take()
    }

    /// The present time.
    pub fn now_ms(&self) -> u64 {
        self.0.now_ms.get()
    }

    /// A number below this one.
    pub fn below(&self, n: u64) -> u64 {
        self.0.rng.borrow_mut().below(n)
    }

    /// Nobody takes a payload.
    pub fn note_refusal(&self) {
        self.0.untaken.set(self.0.untaken.get() + 1);
    }

    /// Payloads that nobody took.
    pub fn untaken(&self) -> u64 {
        self.0.untaken.get()
    }

    /// Time passes.
    pub fn set_now(&self, now_ms: u64) {
        self.0.now_ms.set(now_ms);
    }

    /// Files of saves that were given up are complete: they must not take the place of the dump. `all`: even those
    /// that are not due yet.
    pub fn place_late(&self, all: bool) {
        let now_ms = self.0.now_ms.get();
        let (due, later) = self
            .0
            .late
            .take()
            .into_iter()
            .partition(|late: &Late| all || late.at_ms <= now_ms);
        *self.0.late.borrow_mut() = later;
        for late in due {
            let placed = late.encoder.commit(&late.fate);
            let refused = self.0.refused.get() + placed.is_err() as u64;
            self.0.refused.set(refused);
        }
    }

    /// How many of them came too late to take the place of the dump.
    pub fn refused_places(&self) -> u64 {
        self.0.refused.get()
    }
}

impl Writers for Hands {
    type Disk = SimDisk;
    type Writer = Hand;

    fn disk(&self) -> &SimDisk {
        &self.0.disk
    }

    fn clock(&self) -> Clock {
        clock_at(self.0.now_ms.get())
    }

    fn pace(&self) -> Pace {
        Pace {
            burst: self.0.burst,
            slice_ns: 0,
        }
    }

    fn begin(
        &self,
        at_cut: &Engine,
        plan: Plan,
        open: OpenSinks<SimFile>,
        _: usize,
        awaited: Awaited,
    ) -> io::Result<Hand> {
        let (fate, progress) = (Arc::<Fate>::default(), Arc::<Progress>::default());
        let all = 0..at_cut.keyspace.count();
        let content = content_of(all.map(|n| (n, at_cut.keyspace.db(n))));
        self.0.disk.forget_newest();
        let state = match open(&fate) {
            Ok(sinks) => {
                self.0.disk.note_cut(content);
                let mut encoder = Encoder::new(plan, sinks, progress.clone());
                match encoder.begin() {
                    Ok(()) => Encoding::On(encoder),
                    Err(error) => Encoding::Failed(error),
                }
            }
            Err(error) => Encoding::Failed(error),
        };
        Ok(Hand {
            hands: self.clone(),
            awaited,
            fate,
            progress,
            state: RefCell::new(state),
        })
    }

    fn walk(&self, _: &Saves<Hands>, _: u64) {}

    fn another_dataset(&self, engine: &mut Engine) {
        if let Some(log) = self.log() {
            if log.is_on() {
                let now = (engine.commits.position(), Print::of(engine));
                self.0.replaced.borrow_mut().push(now);
            }
            log.dataset_replaced(engine);
        }
    }

    fn dataset_is_in(&self, engine: &mut Engine, file: &SimFile) {
        if let Some(log) = self.log() {
            log.take_base(engine, file);
        }
    }
}

enum Encoding {
    On(Encoder<SimFile>),
    /// It has everything, and is durable at this time.
    Written(Encoder<SimFile>, u64),
    Failed(SaveError),
    Over,
}

/// One who writes a snapshot.
pub struct Hand {
    hands: Hands,
    awaited: Awaited,
    fate: Arc<Fate>,
    progress: Arc<Progress>,
    state: RefCell<Encoding>,
}

impl Hand {
    fn on(&self, f: impl FnOnce(Encoder<SimFile>) -> Encoding) {
        let state = self.state.replace(Encoding::Over);
        *self.state.borrow_mut() = match state {
            Encoding::On(encoder) => f(encoder),
            other => other,
        };
    }
}

impl Writer for Hand {
    type File = SimFile;

    fn has_room(&self) -> bool {
        true
    }

    fn give(&self, block: Block) {
        self.on(|mut encoder| match encoder.block(block) {
            Ok(()) => Encoding::On(encoder),
            Err(error) => Encoding::Failed(error),
        });
    }

    fn finish(&self) {
        let shared = &self.hands.0;
        let at_ms = shared.now_ms.get() + shared.disk.delay_ms();
        self.on(|mut encoder| match encoder.end() {
            Ok(()) => Encoding::Written(encoder, at_ms),
            Err(error) => Encoding::Failed(error),
        });
    }

    fn give_up(&self) -> bool {
        let given_up = self.fate.give_up();
        assert!(given_up, "it would have ended with its rename");
        let state = self.state.replace(Encoding::Failed(SaveError::cancelled()));
        if let Encoding::Written(encoder, at_ms) = state {
            let fate = self.fate.clone();
            let late = Late {
                encoder,
                fate,
                at_ms,
            };
            self.hands.0.late.borrow_mut().push(late);
        }
        given_up
    }

    fn abandon_writing(&self) -> bool {
        let written = matches!(*self.state.borrow(), Encoding::Written(..));
        !written && self.give_up()
    }

    fn fate(&self) -> Arc<Fate> {
        self.fate.clone()
    }

    fn progress(&self) -> &Progress {
        &self.progress
    }

    fn ended(&self) -> bool {
        match &*self.state.borrow() {
            Encoding::On(_) => false,
            Encoding::Written(_, at_ms) => {
                self.awaited == Awaited::ByExecutor || *at_ms <= self.hands.0.now_ms.get()
            }
            Encoding::Failed(_) | Encoding::Over => true,
        }
    }

    fn wait_for_room(&self) {}

    fn wait_end(&self) {}

    fn join(&mut self) -> Outcome<SimFile> {
        match self.state.replace(Encoding::Over) {
            Encoding::Written(encoder, _) => Outcome {
                bytes: encoder.bytes(),
                result: encoder.commit(&self.fate),
            },
            Encoding::Failed(error) => Outcome::failed(error),
            Encoding::On(_) | Encoding::Over => Outcome::failed(SaveError::cancelled()),
        }
    }
}
