//! The threads that write blocks of the stream to disk and read them back ([`flow::spill`]). The executor does neither:
//! a slow disk delays only slow replicas.

use crate::threads;
use disk::Machine;
use flow::spill::{self, FILE_BYTES, SpillWriter, Spilled};
use replication::ReplOffset;
use replication::log::{Place, Spill};
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use tokio::sync::{mpsc as async_mpsc, oneshot};

enum Job {
    Write(Spill),
    /// Closing can take long, so the thread that writes does it.
    Close(#[expect(dead_code, reason = "it is closed by being dropped")] File),
}

/// The executor's end.
pub struct SpillFiles {
    jobs: mpsc::Sender<Job>,
}

impl SpillFiles {
    /// Starts the thread that writes, and the task that reports what was written for as long as `tell` returns true.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(
        tell: impl Fn(ReplOffset, Result<Place, String>) -> bool + 'static,
    ) -> io::Result<SpillFiles> {
        let (jobs, inbox) = mpsc::channel();
        let (done, mut results) = async_mpsc::unbounded_channel::<Spilled>();
        let closer = jobs.clone();
        // Without the thread the server is ending: the file is closed right here.
        let close = move |file| _ = closer.send(Job::Close(file));
        let writer = SpillWriter::new(Machine, PathBuf::from("."), FILE_BYTES, Arc::new(close));
        threads::spawn("forebay-spill", move || {
            crate::priority::background();
            write_all(&inbox, writer, &done);
        })?;
        tokio::task::spawn_local(async move {
            while let Some((start, place)) = results.recv().await {
                if !tell(start, place) {
                    return;
                }
            }
        });
        Ok(SpillFiles { jobs })
    }

    /// Writes a block; the log is informed of its place.
    pub fn write(&self, block: Spill) {
        let given = self.jobs.send(Job::Write(block));
        given.expect("the thread lives as long as jobs may come");
    }
}

fn write_all(
    inbox: &mpsc::Receiver<Job>,
    mut writer: SpillWriter<Machine>,
    done: &async_mpsc::UnboundedSender<Spilled>,
) {
    while let Ok(job) = inbox.recv() {
        let Job::Write(block) = job else {
            continue; // dropped, and so closed, here
        };
        if done.send(writer.write(&block)).is_err() {
            return; // the server is gone
        }
    }
}

/// Reads `len` bytes back, on a thread that may wait for the disk.
pub fn read(place: Place, len: usize) -> oneshot::Receiver<io::Result<Vec<u8>>> {
    let (tell, told) = oneshot::channel();
    threads::spawn_or_run("forebay-spill-read", move || {
        // The receiver has been dropped if the replica has disconnected in the meantime.
        let _ = tell.send(spill::read::<File>(&place, len));
    });
    told
}
