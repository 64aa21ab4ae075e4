//! A SIGINT that comes while the final save keeps the executor from seeing it.
//!
//! The first signal starts a thread that waits for the next ones. While the executor is free, it answers them itself
//! ([`super::shutdown`]). During the final save, the thread ends the process: the operator insists.

use super::threads;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use tokio::signal::unix::{SignalKind, signal};

/// A shutdown that a signal began may be saving.
static ENDING: AtomicBool = AtomicBool::new(false);

/// Runs what may be the end of the process, because of a signal.
pub fn while_ending<R>(end: impl FnOnce() -> R) -> R {
    ENDING.store(true, Ordering::Relaxed);
    let result = end();
    // The process goes on.
    ENDING.store(false, Ordering::Relaxed);
    result
}

/// Starts the thread, and returns when it waits. If the system refuses the thread, a final save cannot be interrupted.
pub fn start() {
    let (tell, waits) = mpsc::channel();
    if threads::spawn("forebay-signals", move || wait(&tell)).is_ok() {
        // It fails if the thread could not do its work.
        let _ = waits.recv();
    }
}

fn wait(tell: &mpsc::Sender<()>) {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let Ok(runtime) = builder.enable_io().build() else {
        return;
    };
    runtime.block_on(async {
        let Ok(mut interrupts) = signal(SignalKind::interrupt()) else {
            return;
        };
        let _ = tell.send(());
        while interrupts.recv().await.is_some() {
            if ENDING.load(Ordering::Relaxed) {
                tracing::warn!("You insist... exiting now.");
                disk::unfinished::remove_all_and(|| std::process::exit(1));
            }
        }
    });
}
