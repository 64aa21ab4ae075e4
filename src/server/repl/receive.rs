//! Passes a payload from the link's task to a thread that writes it to disk or loads it.
//!
//! ```text
//! task: give --> [ chunks, at most MEMORY ] --> thread: file -> fsync -> check
//!                                          \--> thread: load into new databases
//! ```
//!
//!  * While there are many chunks, the task does not read the socket, so that TCP slows down the primary.
//!  * Nothing here touches the data that is being served. A file is checked to its end before it is handed over.
//!  * If the task's end is dropped before [`Inflow::finish`], the thread stops and cleans up.

use crate::load::{self, CheckOptions, LoadOptions, LoadProgress, Loaded};
use crate::{priority, strerror, threads};
use disk::{Disk, DiskFile, Machine};
use flow::follow::{Incoming, IntoFile, Received, ReceivedFile};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use tokio::sync::{Notify, oneshot};

/// Bytes between task and thread, at most (it may be exceeded by one chunk).
const MEMORY: usize = 16 << 20;

#[derive(Default)]
struct Queue {
    chunks: VecDeque<Vec<u8>>,
    bytes: usize,
    finished: bool,
    aborted: bool,
    reader_gone: bool,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    filled: Condvar,
    room: Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().expect("nothing panics with this lock")
    }
}

/// The task's end.
pub struct Inflow(Arc<Shared>);

/// The thread's end.
struct Outflow {
    shared: Arc<Shared>,
    chunk: Vec<u8>,
    at: usize,
}

fn flow() -> (Inflow, Outflow) {
    let shared = Arc::<Shared>::default();
    let outflow = Outflow {
        shared: shared.clone(),
        chunk: Vec::new(),
        at: 0,
    };
    (Inflow(shared), outflow)
}

impl Inflow {
    /// Gives bytes. Check [`Inflow::has_room`] before reading more.
    pub fn give(&self, bytes: Vec<u8>) {
        let mut queue = self.0.lock();
        if !queue.reader_gone {
            queue.bytes += bytes.len();
            queue.chunks.push_back(bytes);
            self.0.filled.notify_one();
        }
    }

    /// True while more bytes may be read from the socket.
    pub fn has_room(&self) -> bool {
        self.0.lock().bytes < MEMORY
    }

    /// Waits until there is room again.
    pub async fn room(&self) {
        while !self.has_room() {
            self.0.room.notified().await;
        }
    }

    /// The payload is complete.
    pub fn finish(self) {
        self.0.lock().finished = true;
        self.0.filled.notify_one();
    }
}

impl Drop for Inflow {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.aborted = !queue.finished;
        self.0.filled.notify_one();
    }
}

impl Read for Outflow {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.at == self.chunk.len() {
            let mut queue = self.shared.lock();
            loop {
                if let Some(chunk) = queue.chunks.pop_front() {
                    queue.bytes -= chunk.len();
                    self.shared.room.notify_one();
                    (self.chunk, self.at) = (chunk, 0);
                    break;
                }
                if queue.aborted {
                    let text = "the link to the primary was lost";
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
                }
                if queue.finished {
                    return Ok(0);
                }
                let woken = self.shared.filled.wait(queue);
                queue = woken.expect("nothing panics with this lock");
            }
        }
        let n = buf.len().min(self.chunk.len() - self.at);
        buf[..n].copy_from_slice(&self.chunk[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

impl Drop for Outflow {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.reader_gone = true;
        queue.chunks.clear();
        queue.bytes = 0;
        self.shared.room.notify_one();
    }
}

/// What became of a payload, or why nothing.
pub type Outcome = Result<Received<Machine>, String>;

/// A payload that arrives.
pub struct Receiving {
    /// Where its bytes go; `None` once it is complete.
    pub inflow: Option<Inflow>,
    /// The result, or why there is none.
    pub outcome: oneshot::Receiver<Outcome>,
}

impl flow::follow::Receiving for Receiving {
    fn give(&self, bytes: Vec<u8>) {
        if let Some(inflow) = &self.inflow {
            inflow.give(bytes);
        }
    }

    fn finish(&mut self) {
        if let Some(inflow) = self.inflow.take() {
            inflow.finish();
        }
    }
}

/// Receives into a file, and checks it to its end.
///
/// # Errors
/// No thread can be started.
pub fn to_file(to: IntoFile) -> Result<Receiving, String> {
    start(move |flow| take_file(&Machine, to, flow).map(Received::File))
}

/// Receives into new databases beside those that are served.
///
/// # Errors
/// No thread can be started.
pub fn to_memory(options: LoadOptions, progress: Arc<LoadProgress>) -> Result<Receiving, String> {
    start(move |flow| {
        let loaded = take_dataset(flow, &options, &progress)?;
        Ok(Received::Loaded(Box::new(loaded)))
    })
}

/// Loads the file that was received, even if another file has its name by now.
pub fn from_file(file: &File, options: LoadOptions, progress: Arc<LoadProgress>) -> Receiving {
    let (tell, outcome) = oneshot::channel();
    let file = file.again();
    let work = move || {
        let file = file.map_err(|e| e.to_string())?;
        let loaded = load::load(file, &options, &progress).map_err(|e| e.to_string())?;
        Ok(Received::Loaded(Box::new(loaded.0)))
    };
    // The old data is gone, so without a thread the executor itself loads the file.
    let executor = std::thread::current().id();
    threads::spawn_or_run("forebay-receive", move || {
        if std::thread::current().id() != executor {
            priority::background();
        }
        let _ = tell.send(work());
    });
    Receiving {
        inflow: None,
        outcome,
    }
}

fn start(work: impl FnOnce(Outflow) -> Outcome + Send + 'static) -> Result<Receiving, String> {
    let (inflow, outflow) = flow();
    let (tell, outcome) = oneshot::channel();
    let run = move || {
        // Clients are served meanwhile, of this server and of its primary, which may be on the same machine. The threads
        // that this one starts inherit that.
        priority::background();
        // If the link was closed in the meantime, the receiver is gone, and what was received is dropped.
        let _ = tell.send(work(outflow));
    };
    threads::spawn("forebay-receive", run)
        .map_err(|e| format!("Can't start the thread that receives: {}", strerror(&e)))?;
    Ok(Receiving {
        inflow: Some(inflow),
        outcome,
    })
}

/// Writes what `flow` gives to a temporary file, and checks it to its end.
///
/// # Errors
/// Why the payload cannot be used; nothing of it is kept.
pub fn take_file<D: Disk>(
    disk: &D,
    to: IntoFile,
    mut flow: impl Read,
) -> Result<ReceivedFile<D>, String> {
    let IntoFile { place, temp, check } = to;
    let mut incoming = Incoming::create(disk, temp, place)?;
    let mut buf = vec![0; 256 << 10];
    loop {
        let n = flow.read(&mut buf).map_err(|e| e.to_string())?;
        if n == 0 {
            break;
        }
        incoming.write(&buf[..n])?;
    }
    check_file(incoming, check)
}

/// The payload is complete: makes its file durable, and checks it to its end.
///
/// # Errors
/// Why the payload cannot be used; nothing of it is kept.
pub fn check_file<D: Disk>(
    incoming: Incoming<D>,
    check: CheckOptions,
) -> Result<ReceivedFile<D>, String> {
    incoming.finish(|file| match load::check(file, check) {
        Ok(_) => Ok(()),
        Err(e) => Err(e.to_string()),
    })
}

/// Loads what `flow` gives into new databases. The payload must end where the dump ends, and must have been announced
/// as complete.
///
/// # Errors
/// Why the payload cannot be used; nothing of it is kept.
pub fn take_dataset(
    flow: impl Read,
    options: &LoadOptions,
    progress: &LoadProgress,
) -> Result<Loaded, String> {
    let (loaded, rest, mut flow) =
        load::load(flow, options, progress).map_err(|e| e.to_string())?;
    let mut more = [0; 1];
    let behind = flow.read(&mut more).map_err(|e| e.to_string())?;
    if !rest.is_empty() || behind > 0 {
        return Err("Replication stream EOF marker is broken".into());
    }
    Ok(loaded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow::DumpFile;
    use std::path::PathBuf;

    const CHECK: CheckOptions = CheckOptions {
        databases: 16,
        verify_checksum: true,
        unknown: flow::load::Unknown {
            keeps: true,
            skips: false,
            reads_later: false,
        },
        key: base::secret::HashKey::fixed([1, 0]),
    };

    fn place(dir: &std::path::Path) -> DumpFile {
        let config = config::Config {
            dbfilename: dir.join("dump.rdb").to_str().expect("text").to_owned(),
            ..config::Config::default()
        };
        DumpFile::configured(&Machine, &config)
    }

    fn to_file(directory: &std::path::Path, temp: PathBuf) -> Result<Receiving, String> {
        super::to_file(IntoFile {
            place: place(directory),
            temp,
            check: CHECK,
        })
    }

    fn wait(receiving: Receiving) -> Outcome {
        receiving.outcome.blocking_recv().expect("the thread tells")
    }

    #[test]
    fn a_payload_that_is_no_dump_leaves_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let temp = dir.path().join("temp-1.2.rdb");
        let mut receiving = to_file(dir.path(), temp.clone()).expect("a thread");
        let inflow = receiving.inflow.take().unwrap();
        inflow.give(b"REDIS0011 nonsense".to_vec());
        inflow.finish();
        assert!(wait(receiving).is_err());
        assert!(!temp.exists());
    }

    #[test]
    fn a_payload_that_no_thread_takes_is_refused() {
        let _guard = threads::refuse();
        let refused = to_file(std::path::Path::new("."), "temp-1.2.rdb".into()).err();
        let error = refused.expect("there is no thread");
        assert!(
            error.contains("Resource temporarily unavailable"),
            "{error}"
        );
    }

    #[test]
    fn a_lost_link_leaves_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let temp = dir.path().join("temp-1.2.rdb");
        let mut receiving = to_file(dir.path(), temp.clone()).expect("a thread");
        let inflow = receiving.inflow.take().unwrap();
        inflow.give(b"REDIS0011".to_vec());
        drop(inflow);
        let error = wait(receiving).err().expect("it cannot be complete");
        assert!(error.contains("link to the primary was lost"), "{error}");
        assert!(!temp.exists());
    }
}
