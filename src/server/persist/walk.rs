//! The task that drives the walk while clients are served.

use super::Persistence;
use crate::Server;
use crate::slices::{Begun, Slice};
use flow::save::Advance;
use std::rc::Weak;
use std::time::Duration;

/// How often a waiting snapshot looks at the memory that it holds, because writers may be waiting for that to become
/// less.
const LOOK: Duration = Duration::from_millis(2);

/// Walks until the snapshot of this number has ended.
pub async fn run(server: Weak<Server>, persistence: Persistence, number: u64) {
    let slices = persistence.writers().slices();
    loop {
        let Some(server) = server.upgrade() else {
            return;
        };
        if persistence.began_after(number) {
            return; // it was cancelled, and another snapshot has its own walk
        }
        let begun = Begun::now();
        let advance = server.with_engine(|engine| persistence.go_on(engine));
        let ended = matches!(advance, Advance::Ended(_));
        slices.note(if ended { Slice::End } else { Slice::Walk }, &begun);
        if ended {
            slices.rest();
        }
        drop(server);
        match advance {
            Advance::Again => tokio::task::yield_now().await,
            // What the snapshot holds grows while it waits for the disk.
            Advance::Wait => {
                if let Some(news) = persistence.with_writer(|thread| thread.news()) {
                    // Whether there were news or not, it looks.
                    let _ = tokio::time::timeout(LOOK, news).await;
                }
            }
            Advance::Ended(_) => return,
        }
    }
}
