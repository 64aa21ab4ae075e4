//! The one place in which the server starts threads.
//!
//! The system may refuse to start a thread (`ulimit -u`, the limit of a container). Then the operation that needed the
//! thread fails, but never the server: the caller gets the error, and either fails with it or does the work itself.

#![expect(clippy::disallowed_methods, reason = "threads are started here")]

#[cfg(not(test))]
use base::reserve;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle, Scope, ScopedJoinHandle};

/// How many threads load or save a dataset, given `threads`: 0 means as many as there are processors, up to eight.
pub fn for_datasets(configured: usize) -> usize {
    match configured {
        0 => std::thread::available_parallelism().map_or(1, |n| n.get().min(8)),
        n => n,
    }
}

/// Starts a thread.
///
/// # Errors
/// The system's.
pub fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    refusal()?;
    let thread = name.to_owned();
    let work = move || {
        super::cpus::enter(&thread);
        work()
    };
    Builder::new().name(name.to_owned()).spawn(work)
}

/// As [`spawn`], of a thread that ends before `scope` does.
///
/// # Errors
/// The system's.
pub fn spawn_in<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    work: impl FnOnce() -> T + Send + 'scope,
) -> io::Result<ScopedJoinHandle<'scope, T>> {
    refusal()?;
    Builder::new()
        .name(name.to_owned())
        .spawn_scoped(scope, work)
}

/// Runs `work` on a new thread, or on the calling thread if the system refuses one.
pub fn spawn_or_run(name: &str, work: impl FnOnce() + Send + 'static) {
    let work = Arc::new(Mutex::new(Some(work)));
    let take = |work: &Mutex<Option<_>>| work.lock().unwrap_or_else(PoisonError::into_inner).take();
    let theirs = work.clone();
    let started = spawn(name, move || {
        if let Some(work) = take(&theirs) {
            work();
        }
    });
    if let Err(error) = started {
        tracing::warn!("Can't start the thread {name}: {error}. The main thread does its work");
        if let Some(work) = take(&work) {
            work();
        }
    }
}

/// Twice what a thread needs before its work begins.
#[cfg(not(test))]
const BEGINNING: usize = 6 << 20;

/// A thread that finds no memory for its signal stack ends the process, so there must be enough.
#[cfg(not(test))]
fn refusal() -> io::Result<()> {
    reserve::probe(BEGINNING)
}

#[cfg(test)]
use fault::refusal;
#[cfg(test)]
pub(crate) use fault::refuse;

#[cfg(test)]
mod fault {
    use std::cell::Cell;
    use std::io;

    thread_local!(static REFUSES: Cell<bool> = const { Cell::new(false) });

    /// The calling thread gets no other ones until the result is dropped.
    pub fn refuse() -> Refused {
        REFUSES.set(true);
        Refused
    }

    /// The system refuses threads while it is there.
    pub struct Refused;

    impl Drop for Refused {
        fn drop(&mut self) {
            REFUSES.set(false);
        }
    }

    pub(super) fn refusal() -> io::Result<()> {
        match REFUSES.get() {
            true => Err(io::Error::from_raw_os_error(libc::EAGAIN)),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn work_without_a_thread_is_done_by_who_asked() {
        let here = || std::thread::current().id();
        let (sender, receiver) = channel();
        for refused in [false, true] {
            let _guard = refused.then(refuse);
            let sender = sender.clone();
            spawn_or_run("test", move || sender.send(here()).expect("it listens"));
            let done_by = receiver.recv().expect("it was done");
            assert_eq!(done_by == here(), refused);
        }
    }
}
