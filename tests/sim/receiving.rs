//! Who takes the payloads of one server: the product's own code, in virtual time.

use super::disk::{SimDisk, SimFile};
use super::saving::Hands;
use forebay::disk::DiskFile;
use forebay::flow::follow::{Incoming, IntoFile, Outcome, Received, Receivers, Receiving};
use forebay::flow::load::{CheckOptions, LoadOptions, LoadProgress, Loaded};
use forebay::flow::save::Writers;
use forebay::server::repl::receive::{check_file, take_dataset};
use std::cell::RefCell;
use std::sync::Arc;

/// What becomes of a payload.
enum Work {
    ToFile(Incoming<SimDisk>, CheckOptions),
    ToMemory(Vec<u8>, LoadOptions, Arc<LoadProgress>),
    FromFile(SimFile, LoadOptions, Arc<LoadProgress>),
    /// The disk took no more of it.
    Failed(String),
}

/// One who takes a payload.
pub struct Taker {
    hands: Hands,
    work: RefCell<Option<Work>>,
    /// It is complete, and is checked or loaded until this time.
    due_ms: Option<u64>,
}

impl Taker {
    fn new(hands: &Hands, work: Work) -> Taker {
        Taker {
            hands: hands.clone(),
            work: RefCell::new(Some(work)),
            due_ms: None,
        }
    }

    /// The disk is why its payload is refused.
    pub fn has_failed(&self) -> bool {
        matches!(*self.work.borrow(), Some(Work::Failed(_)))
    }

    /// Only time is needed for its outcome.
    pub fn is_busy(&self) -> bool {
        self.due_ms.is_some() || self.has_failed()
    }

    /// Its outcome, when it is there: once.
    pub fn outcome(&mut self) -> Option<Outcome<Hands>> {
        let due = self.due_ms.is_some_and(|at| at <= self.hands.now_ms());
        if !due && !self.has_failed() {
            return None;
        }
        let outcome = match self.work.take()? {
            Work::ToFile(incoming, check) => check_file(incoming, check).map(Received::File),
            Work::ToMemory(bytes, options, progress) => {
                take_dataset(bytes.as_slice(), &options, &progress).map(loaded)
            }
            Work::FromFile(file, options, progress) => {
                take_dataset(file, &options, &progress).map(loaded)
            }
            Work::Failed(why) => Err(why),
        };
        Some(outcome)
    }
}

fn loaded(dataset: Loaded) -> Received<SimDisk> {
    Received::Loaded(Box::new(dataset))
}

impl Receiving for Taker {
    fn give(&self, bytes: Vec<u8>) {
        let mut work = self.work.borrow_mut();
        let failed = match &mut *work {
            Some(Work::ToFile(incoming, _)) => incoming.write(&bytes).err(),
            Some(Work::ToMemory(all, ..)) => {
                all.extend(bytes);
                None
            }
            _ => None,
        };
        if let Some(why) = failed {
            *work = Some(Work::Failed(why));
        }
    }

    fn finish(&mut self) {
        let hands = &self.hands;
        self.due_ms = Some(hands.now_ms() + hands.below(300) + hands.disk().delay_ms());
    }
}

impl Hands {
    /// Where one thing is short, another may be: there is nobody to take a payload.
    fn refuse(&self) -> Result<(), String> {
        match self.disk().is_full() && self.below(3) == 0 {
            true => {
                self.note_refusal();
                Err("Can't start the thread that receives".to_owned())
            }
            false => Ok(()),
        }
    }
}

impl Receivers for Hands {
    type Receiving = Taker;

    fn take_to_file(&self, to: IntoFile) -> Result<Taker, String> {
        self.refuse()?;
        let IntoFile { place, temp, check } = to;
        let work = match Incoming::create(self.disk(), temp, place) {
            Ok(incoming) => Work::ToFile(incoming, check),
            Err(why) => Work::Failed(why),
        };
        Ok(Taker::new(self, work))
    }

    fn take_to_memory(
        &self,
        options: LoadOptions,
        progress: Arc<LoadProgress>,
    ) -> Result<Taker, String> {
        self.refuse()?;
        let work = Work::ToMemory(Vec::new(), options, progress);
        Ok(Taker::new(self, work))
    }

    fn load_file(
        &self,
        file: &SimFile,
        options: LoadOptions,
        progress: Arc<LoadProgress>,
    ) -> Taker {
        let file = file.again().expect("it is open");
        let taker = Taker::new(self, Work::FromFile(file, options, progress));
        Taker {
            due_ms: Some(self.now_ms() + self.below(200)),
            ..taker
        }
    }
}
