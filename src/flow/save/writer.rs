//! The trait for writing a snapshot, which the code that decides about saves uses. The server and the simulator have
//! their own implementations.

use super::error::SaveError;
use super::plan::Plan;
use super::sink::Outputs;
use super::{Fate, Saves};
use disk::Disk;
use engine::Engine;
use engine::clock::Clock;
use keyspace::snapshot::Block;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

/// What INFO and the stall timer read while a save runs.
#[derive(Debug, Default)]
pub struct Progress {
    /// Keys encoded so far.
    pub keys: AtomicU64,
    /// RDB bytes handed to the sinks so far.
    pub bytes: AtomicU64,
    /// Bytes of large values that only the snapshot still held when they were written.
    pub freed: AtomicU64,
    /// `rdb-key-save-delay` holds the thread up.
    pub delayed: AtomicBool,
}

/// How a save ended, from the point of view of the writer.
#[derive(Debug)]
pub struct Outcome<F> {
    /// RDB bytes written.
    pub bytes: u64,
    /// The file, if it went to disk; or why it failed.
    pub result: Result<Option<F>, SaveError>,
}

impl<F> Outcome<F> {
    /// It has failed, and nothing was written.
    pub fn failed(error: SaveError) -> Outcome<F> {
        Outcome {
            bytes: 0,
            result: Err(error),
        }
    }
}

/// Opens the sinks of a save. Creating a file takes the disk's time, which is not the clients': who writes calls it.
pub type OpenSinks<F> = Box<dyn FnOnce(&Fate) -> Result<Outputs<F>, SaveError> + Send>;

/// The end of a slice of the walk, unless a block is full earlier.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Bytes of records between two readings of the clock: one segment or two, about 10 µs if each record has to be
    /// examined.
    pub burst: usize,
    /// How long a slice lasts.
    pub slice_ns: u64,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace {
            burst: 4 << 10,
            slice_ns: 50_000,
        }
    }
}

/// Whether anything waits for the end of a save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// Nothing waits; clients are served in the meantime.
    No,
    /// The executor does nothing else, so it may write the snapshot itself.
    ByExecutor,
}

/// The executor's end of a running save.
pub trait Writer {
    /// The open file of a dump.
    type File;

    /// True if a block may be given without growing the queue past its bound.
    fn has_room(&self) -> bool;

    /// Passes a block to the writer. Check [`Writer::has_room`] first.
    fn give(&self, block: Block);

    /// All blocks were given.
    fn finish(&self);

    /// Cancels the save: the sinks are dropped, and the old dump stays. Returns false if it is too late, because the
    /// new dump has replaced the old one.
    fn give_up(&self) -> bool;

    /// As [`Writer::give_up`], unless everything has been written. Then it returns false: a sync to disk shows no
    /// progress, and the dump replaces the old one after it.
    fn abandon_writing(&self) -> bool;

    /// Its outcome.
    fn fate(&self) -> Arc<Fate>;

    /// How far it has come.
    fn progress(&self) -> &Progress;

    /// True once the save has ended, whether or not it succeeded.
    fn ended(&self) -> bool;

    /// Waits until there is room in the queue, or the save has ended.
    fn wait_for_room(&self);

    /// Waits until it has ended.
    fn wait_end(&self);

    /// The outcome; waits until it has ended.
    fn join(&mut self) -> Outcome<Self::File>;
}

/// What saves need from outside: writers, the disk, the time.
pub trait Writers: Clone + Sized + 'static {
    /// The type of the disk.
    type Disk: Disk;
    /// The writer of one save.
    type Writer: Writer<File = <Self::Disk as Disk>::File>;

    /// The disk of dumps.
    fn disk(&self) -> &Self::Disk;

    /// The current time. The clock of the engine has the time of the last batch, and a save may take minutes.
    fn clock(&self) -> Clock;

    /// The end of a slice of the walk.
    fn pace(&self) -> Pace {
        Pace::default()
    }

    /// Starts writing the dataset `at_cut` according to `plan`; `most` bounds the bytes of waiting blocks.
    ///
    /// # Errors
    /// No thread could be started, and nothing waits for the save.
    fn begin(
        &self,
        at_cut: &Engine,
        plan: Plan,
        open: OpenSinks<FileOf<Self>>,
        most: usize,
        awaited: Awaited,
    ) -> io::Result<Self::Writer>;

    /// Takes the cut of a snapshot that runs while clients are served. The server measures how long that takes.
    ///
    /// # Errors
    /// Those of `cut`.
    fn cut<E>(&self, cut: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        cut()
    }

    /// A snapshot has begun that runs while clients are served. [`Saves::step`] must be called until it has ended.
    fn walk(&self, saves: &Saves<Self>, number: u64);

    /// Much memory was freed by another thread than that which had it.
    fn memory_freed(&self, _: &mut Engine) {}

    /// Tells the supervisor the state of the server.
    fn status(&self, _: &str) {}

    /// The dataset in memory is another one: what follows its changes has to begin again.
    fn another_dataset(&self, _: &mut Engine) {}

    /// The dataset in memory is what this file holds, which any reader of our dumps reads.
    fn dataset_is_in(&self, _: &mut Engine, _: &FileOf<Self>)
    where
        Self: Sized,
    {
    }
}

/// The open files of the disk on which dumps are.
pub type FileOf<W> = <<W as Writers>::Disk as Disk>::File;
