//! Stream blocks on disk: the part of the stream that slow replicas have not read yet and memory has no room for.
//!
//! ```text
//! log: oldest block --write--> thread --> unlinked files of FILE_BYTES --> on_spilled(place)
//! replica's task: place --read--> thread --> socket
//! ```
//!
//!  * The executor neither writes nor reads: a slow disk delays only slow replicas.
//!  * A file is closed, which gives its space back, when no block refers to it any longer. The writing thread does
//!    that, because it can take long.
//!  * The files have no name, so nothing of them is left, however the server ends.

use crate::threads;
use replication::ReplOffset;
use replication::log::{Place, Spill};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, mpsc};
use tokio::sync::{mpsc as async_mpsc, oneshot};

/// A file takes this many bytes before the next one is begun.
const FILE_BYTES: u64 = 64 << 20;

enum Job {
    Write(Spill),
    Close(#[expect(dead_code, reason = "it is closed by being dropped")] File),
}

/// The executor's end.
pub struct SpillFiles {
    jobs: mpsc::Sender<Job>,
}

/// One file, as blocks name it.
struct SpillFile {
    file: Option<File>,
    /// The thread that closes it.
    closer: mpsc::Sender<Job>,
}

impl Drop for SpillFile {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            // Without the thread the server is ending: the file is closed right here.
            let _ = self.closer.send(Job::Close(file));
        }
    }
}

type Done = (ReplOffset, Result<Place, String>);

impl SpillFiles {
    /// Starts the thread that writes, and the task that tells what was written for as long as `tell` says true.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(
        tell: impl Fn(ReplOffset, Result<Place, String>) -> bool + 'static,
    ) -> io::Result<SpillFiles> {
        let (jobs, inbox) = mpsc::channel();
        let (done, mut results) = async_mpsc::unbounded_channel::<Done>();
        let closer = jobs.clone();
        threads::spawn("forebay-spill", move || {
            crate::priority::background();
            write_all(&inbox, &closer, &done);
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
    closer: &mpsc::Sender<Job>,
    done: &async_mpsc::UnboundedSender<Done>,
) {
    let mut current: Option<(Arc<SpillFile>, u64)> = None;
    while let Ok(job) = inbox.recv() {
        let Job::Write(block) = job else {
            continue; // dropped, and so closed, here
        };
        let result = write(&block.bytes, &mut current, closer);
        if result.is_err() {
            // A half-written block is not named by anybody; the next one gets another file.
            current = None;
        }
        if done
            .send((block.start, result.map_err(|e| e.to_string())))
            .is_err()
        {
            return; // the server is gone
        }
    }
}

fn write(
    bytes: &[u8],
    current: &mut Option<(Arc<SpillFile>, u64)>,
    closer: &mpsc::Sender<Job>,
) -> io::Result<Place> {
    let full = |(_, written): &(Arc<SpillFile>, u64)| *written >= FILE_BYTES;
    if current.as_ref().is_none_or(full) {
        let file = SpillFile {
            file: Some(tempfile::tempfile_in(".")?),
            closer: closer.clone(),
        };
        *current = Some((Arc::new(file), 0));
    }
    let (file, written) = current.as_mut().expect("just made");
    let at = *written;
    file.open()?.write_all_at(bytes, at)?;
    *written += bytes.len() as u64;
    Ok(Place {
        file: file.clone(),
        at,
    })
}

impl SpillFile {
    fn open(&self) -> io::Result<&File> {
        self.file
            .as_ref()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// Reads `len` bytes back, on a thread that may wait for the disk.
pub fn read(place: Place, len: usize) -> oneshot::Receiver<io::Result<Vec<u8>>> {
    let (tell, told) = oneshot::channel();
    threads::spawn_or_run("forebay-spill-read", move || {
        let read = || {
            let file = place.file.downcast::<SpillFile>();
            let file = file.map_err(|_| io::Error::other("a place of another store"))?;
            let mut bytes = vec![0; len];
            file.open()?.read_exact_at(&mut bytes, place.at)?;
            Ok(bytes)
        };
        // The receiver is gone if the replica has disconnected meanwhile.
        let _ = tell.send(read());
    });
    told
}
