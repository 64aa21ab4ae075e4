//! Support for unit tests of the state machines: callers that write nothing and accept everything, and a disk in
//! memory.

use crate::Fate;
use crate::follow::{IntoFile, Receivers, Receiving};
use crate::load::{LoadOptions, LoadProgress, Loaded};
use crate::save::{
    Awaited, OpenSinks, Outcome, Outputs, Plan, Progress, SaveError, Saves, Sink, Writer, Writers,
};
use disk::fake::{FakeDisk, FakeFile};
use engine::clock::Clock;
use engine::{Engine, Executor};
use keyspace::snapshot::Block;
use keyspace::{Db, Hasher};
use rdb::RdbVersion;
use std::cell::{Cell, RefCell};
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

/// The path of the dump in a test.
pub const DUMP: &str = "/data/dump.rdb";

/// The fake writers and receivers of one server. A clone refers to the same state.
#[derive(Clone)]
pub struct Hands(Rc<Shared>);

struct Shared {
    disk: FakeDisk,
    /// No thread can be started.
    idle: Cell<bool>,
    takes: RefCell<Vec<Takes>>,
    saves: RefCell<Vec<Rc<Save>>>,
    other_datasets: Cell<usize>,
}

/// A request to receive a payload, or to load its file.
pub enum Takes {
    File(IntoFile, Rc<Taken>),
    Memory(LoadOptions, Rc<Taken>),
    Load(FakeFile, LoadOptions),
}

/// What was received of a payload.
#[derive(Default)]
pub struct Taken {
    pub bytes: RefCell<Vec<u8>>,
    pub complete: Cell<bool>,
}

/// What receives a payload.
#[derive(Default)]
pub struct Taker(Rc<Taken>);

/// A save that does not end on its own.
#[derive(Default)]
pub struct Save {
    pub fate: Arc<Fate>,
    pub given_up: Cell<bool>,
    progress: Progress,
    sinks: RefCell<Vec<Box<dyn Sink<FakeFile>>>>,
}

impl Hands {
    pub fn new(disk: FakeDisk) -> Hands {
        Hands(Rc::new(Shared {
            disk,
            idle: Cell::new(false),
            takes: RefCell::default(),
            saves: RefCell::default(),
            other_datasets: Cell::new(0),
        }))
    }

    /// Sets whether receivers and writers can be started.
    pub fn refuse(&self, refuse: bool) {
        self.0.idle.set(refuse);
    }

    /// The last request since the previous call.
    pub fn taken(&self) -> Option<Takes> {
        self.0.takes.borrow_mut().pop()
    }

    /// The save that was begun last.
    pub fn save(&self) -> Rc<Save> {
        let saves = self.0.saves.borrow();
        saves.last().expect("one was begun").clone()
    }

    /// How many saves were begun.
    pub fn saves(&self) -> usize {
        self.0.saves.borrow().len()
    }

    /// How often the dataset was replaced.
    pub fn other_datasets(&self) -> usize {
        self.0.other_datasets.get()
    }

    fn take(&self, takes: impl FnOnce(Rc<Taken>) -> Takes) -> Result<Taker, String> {
        if self.0.idle.get() {
            return Err("nobody takes it".to_owned());
        }
        let taken = Rc::<Taken>::default();
        self.0.takes.borrow_mut().push(takes(taken.clone()));
        Ok(Taker(taken))
    }
}

impl Save {
    /// Passes the bytes that a snapshot would make to all of its sinks. Returns false if one of them accepts no more.
    pub fn write(&self, bytes: &[u8]) -> bool {
        let mut sinks = self.sinks.borrow_mut();
        sinks.iter_mut().all(|sink| sink.write(bytes).is_ok())
    }
}

impl Receiving for Taker {
    fn give(&self, bytes: Vec<u8>) {
        assert!(!self.0.complete.get(), "bytes behind the end");
        self.0.bytes.borrow_mut().extend(bytes);
    }

    fn finish(&mut self) {
        self.0.complete.set(true);
    }
}

impl Receivers for Hands {
    type Receiving = Taker;

    fn take_to_file(&self, to: IntoFile) -> Result<Taker, String> {
        self.take(|taken| Takes::File(to, taken))
    }

    fn take_to_memory(&self, options: LoadOptions, _: Arc<LoadProgress>) -> Result<Taker, String> {
        self.take(|taken| Takes::Memory(options, taken))
    }

    fn load_file(&self, file: &FakeFile, options: LoadOptions, _: Arc<LoadProgress>) -> Taker {
        let file = disk::DiskFile::again(file).expect("it is open");
        let load = Takes::Load(file, options);
        self.0.takes.borrow_mut().push(load);
        Taker::default()
    }
}

impl Writers for Hands {
    type Disk = FakeDisk;
    type Writer = Rc<Save>;

    fn disk(&self) -> &FakeDisk {
        &self.0.disk
    }

    fn clock(&self) -> Clock {
        Clock::default()
    }

    fn begin(
        &self,
        _: &Engine,
        _: Plan,
        open: OpenSinks<FakeFile>,
        _: usize,
        _: Awaited,
    ) -> io::Result<Rc<Save>> {
        if self.0.idle.get() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let save = Save::default();
        let outputs = open(&save.fate).map_err(io::Error::other)?;
        save.sinks.replace(match outputs {
            Outputs::One(sink) => vec![sink],
            Outputs::Several(sinks) => sinks,
        });
        let save = Rc::new(save);
        self.0.saves.borrow_mut().push(save.clone());
        Ok(save)
    }

    fn walk(&self, _: &Saves<Hands>, _: u64) {}

    fn another_dataset(&self, _: &mut Engine) {
        self.0.other_datasets.set(self.0.other_datasets.get() + 1);
    }
}

impl Writer for Rc<Save> {
    type File = FakeFile;

    fn has_room(&self) -> bool {
        true
    }

    fn give(&self, _: Block) {}

    fn finish(&self) {}

    fn give_up(&self) -> bool {
        self.given_up.set(true);
        self.sinks.take();
        self.fate.give_up()
    }

    fn abandon_writing(&self) -> bool {
        self.give_up()
    }

    fn fate(&self) -> Arc<Fate> {
        self.fate.clone()
    }

    fn progress(&self) -> &Progress {
        &self.progress
    }

    fn ended(&self) -> bool {
        self.given_up.get()
    }

    fn wait_for_room(&self) {}

    fn wait_end(&self) {}

    fn join(&mut self) -> Outcome<FakeFile> {
        Outcome::failed(SaveError::cancelled())
    }
}

/// A dataset of one key, as a loader gives it.
pub fn loaded(hasher: Hasher, key: &str, value: &str) -> Loaded {
    let mut db = Db::new(hasher);
    db.insert_str(key.as_bytes(), value.as_bytes(), None);
    Loaded {
        dbs: vec![(0, db)],
        functions: Vec::new(),
        aux: Vec::new(),
        version: RdbVersion::REDIS_11,
        keys_loaded: 1,
        keys_expired: 0,
        expired: Some(Vec::new()),
        empty_skipped: 0,
        module_aux: Vec::new(),
        unserved: 0,
        unknown_skipped: 0,
        libraries_skipped: 0,
        bytes: 10,
    }
}

/// A configuration with the dump at [`DUMP`].
pub fn config() -> config::Config {
    config::Config {
        dbfilename: PathBuf::from(DUMP).display().to_string(),
        ..config::Config::default()
    }
}

/// What replication has to say.
pub fn lines(engine: &mut Executor) -> Vec<String> {
    let actions = engine.repl.take_actions().into_iter();
    actions
        .filter_map(|action| match action {
            replication::Action::Log(_, text) => Some(text),
            _ => None,
        })
        .collect()
}
