//! Dumps: performs what [`flow::save`] decides, with threads and the real disk.
//!
//! ```text
//! executor:  cut -> walk in slices -> blocks --bounded queue--> persistence thread: encode -> sinks
//!                        ^ waits only while the queue is full                           file | replicas
//! ```
//!
//! * [`thread`]: the thread that encodes and writes; [`queue`]: the blocks on their way to it. [`walk`]: the task that drives the walk.
//! * [`boot`]: loading at startup and for DEBUG RELOAD.

mod boot;
mod queue;
mod thread;
mod threads;
mod walk;

#[cfg(test)]
mod tests;

pub use boot::{in_background, load_at_start, load_options, reload};
pub use threads::{Persistence, Threads};

use super::slices::{Begun, Slice, micros};
use super::{allocator, clock, supervisor};
use disk::Machine;
use engine::Engine;
use engine::clock::Clock;
use flow::save::{Awaited, OpenSinks, Plan, Writers};
use std::fmt::Write;
use std::fs::File;
use std::io;
use thread::SaveThread;

impl Writers for Threads {
    type Disk = Machine;
    type Writer = SaveThread;

    fn disk(&self) -> &Machine {
        &Machine
    }

    fn clock(&self) -> Clock {
        clock::read().0
    }

    fn begin(
        &self,
        at_cut: &Engine,
        plan: Plan,
        open: OpenSinks<File>,
        most: usize,
        awaited: Awaited,
    ) -> io::Result<SaveThread> {
        // One walks, and one writes.
        let helpers =
            crate::threads::for_datasets(at_cut.config.threads as usize).saturating_sub(2);
        match awaited {
            Awaited::No => SaveThread::start(plan, open, most, helpers),
            Awaited::ByExecutor => Ok(SaveThread::start_awaited(plan, open, most, helpers)),
        }
    }

    fn cut<E>(&self, cut: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        let begun = Begun::now();
        cut()?;
        self.0.slices.watch();
        self.0.slices.note(Slice::Cut, &begun);
        Ok(())
    }

    fn walk(&self, saves: &Persistence, number: u64) {
        let server = self.0.server.borrow().clone();
        tokio::task::spawn_local(walk::run(server, saves.clone(), number));
    }

    fn memory_freed(&self, engine: &mut Engine) {
        engine.drop_later(Box::new(allocator::PurgeWhenDropped));
    }

    fn status(&self, text: &str) {
        supervisor::notify(text);
    }

    fn dataset_is_in(&self, engine: &mut Engine, file: &File) {
        let server = self.0.server.borrow().upgrade();
        if let Some(server) = server {
            server.append.take_base(engine, file);
        }
    }

    fn another_dataset(&self, engine: &mut Engine) {
        let server = self.0.server.borrow().upgrade();
        if let Some(server) = server {
            server.append.dataset_replaced(engine);
        }
    }
}

/// INFO persistence, without its header.
pub fn info(persistence: &Persistence, engine: &Engine, out: &mut String) {
    let slices = persistence.writers().slices();
    let worst = slices.worst();
    let mut text = format!(
        "snapshot_worst_slice_usec:{}\r\nsnapshot_worst_slice_cpu_usec:{}\r\nsnapshot_worst_write_usec:{}\r\n",
        micros(worst.wall),
        micros(worst.cpu),
        engine.longest_write_ns.div_ceil(1000)
    );
    for (kind, worst) in slices.by_kind() {
        let (wall, cpu, count) = (micros(worst.wall), micros(worst.cpu), worst.count);
        let _ = write!(
            text,
            "snapshot_slices_{kind}:count={count},worst_usec={wall},worst_cpu_usec={cpu}\r\n"
        );
    }
    persistence.info(engine, &text, out);
}
