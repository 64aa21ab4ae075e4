//! Who writes the append-only file: what decides about it asks for it here, and the server and the simulator have
//! their own.

use super::queue::Exchange;
use super::task::Task;
use crate::save::{FileOf, Writers};
use engine::Engine;
use std::io;

/// What is done beside the executor. Gives the files that were removed.
pub type Work = Box<dyn FnOnce() -> Result<Vec<String>, String> + Send>;

/// What the executor does with the outcome.
pub type Then = Box<dyn FnOnce(&mut Engine, Result<Vec<String>, String>)>;

/// What the append-only file needs of the world. Clones are the same.
pub trait Appenders: Clone + 'static {
    /// Those who write its bases, and the disk.
    type Writers: Writers;
    /// Where executor and writer meet.
    type Exchange: Exchange;
    /// One who works beside the executor.
    type Handle;

    /// Where executor and writer meet.
    fn exchange(&self) -> &Self::Exchange;

    /// Somebody writes the log from now on: takes orders, and does the turns of `task` until that is told to stop.
    ///
    /// # Errors
    /// There is nobody.
    fn begin(&self, task: Task<DiskOf<Self>>) -> io::Result<Self::Handle>;

    /// Somebody does some work, and the executor learns of its outcome.
    ///
    /// # Errors
    /// There is nobody.
    fn work(&self, work: Work, then: Then) -> io::Result<Self::Handle>;

    /// Waits until somebody has ended, doing nothing else. False if that was not as it should be.
    fn join(&self, handle: Self::Handle) -> bool;

    /// Writers may go on: a stream that was not read meanwhile is read.
    fn look_at_link(&self);
}

/// The disk of the log.
pub type DiskOf<A> = <<A as Appenders>::Writers as Writers>::Disk;

/// The open files of that disk.
pub type LogFileOf<A> = FileOf<<A as Appenders>::Writers>;
