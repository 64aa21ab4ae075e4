//! The drivers of replication: sockets, files and timers around the state machines of
//! [`replication`].
//!
//! * [`primary`]: the connection of one replica: payload, stream, ACKs.
//! * [`pipe`]: a payload on its way from the persistence thread to a replica; spills to a file.
//! * [`spill`]: the part of the stream for slow replicas that does not fit into memory.
//! * [`link`]: the link to our primary. [`receive`]: a payload on its way to disk or into memory.
//! * [`snapshot`]: payloads on their way to connections; [`flow::serve`] decides about them.
//!
//! [`Drivers::act`] runs after every batch of commands and performs what the state machines ask for, in order. What is
//! to be sent on a connection is put into its [`Outbox`](flow::feed::Outbox), and its task is woken.

mod drivers;
pub mod link;
mod link_handle;
pub mod pipe;
pub mod primary;
pub mod receive;
pub mod snapshot;
pub mod spill;

pub use drivers::{Drivers, Sockets};
pub use primary::serve_replica;

use super::persist::Threads;
use super::{Server, log};
use engine::ClientId;
use flow::feed::Payload;
use flow::peers::{Transport, Way};
use link_handle::LinkHandle;
use pipe::PipeReader;
use replication::log::Spill;
use std::fs::File;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// How often time passes for the state machines.
const TICK: Duration = Duration::from_millis(100);

/// Runs the periodic work of replication, for ever.
pub async fn run(server: Rc<Server>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        server.with_engine(|engine| server.repl.peers().tick(engine));
    }
}

impl Transport for Sockets {
    type Writers = Threads;
    type Source = PipeReader;

    fn connect(&self, mark: &[u8]) -> Way<Threads, PipeReader> {
        snapshot::connect(mark)
    }

    fn file(&self, file: Arc<File>) -> io::Result<Payload<PipeReader>> {
        snapshot::file(file)
    }

    fn wake(&self, id: ClientId) {
        if let Some(waker) = self.wakers.borrow().get(&id) {
            waker.wake_by_ref();
        }
    }

    fn start_link(&self) {
        self.stop_link();
        let Some(server) = self.server.upgrade() else {
            return;
        };
        let handle = Rc::<LinkHandle>::default();
        *self.link.borrow_mut() = Some(handle.clone());
        tokio::task::spawn_local(link::run(server, handle));
    }

    fn stop_link(&self) {
        if let Some(link) = self.link.take() {
            link.stop();
        }
    }

    fn tell_primary(&self, bytes: &[u8]) {
        if let Some(link) = &*self.link.borrow() {
            link.send(bytes);
        }
    }

    fn spill(&self, block: Spill) -> io::Result<()> {
        let files = match self.spill.get() {
            Some(files) => files,
            None => {
                let server = self.server.clone();
                let files = spill::SpillFiles::start(move |start, place| {
                    let server = server.upgrade();
                    let told = server
                        .map(|s| s.with_engine(|engine| engine.repl.on_spilled(start, place)));
                    told.is_some()
                })?;
                self.spill.get_or_init(|| files)
            }
        };
        files.write(block);
        Ok(())
    }

    fn has_role(&self, replica: bool) {
        log::set_replica(replica);
    }
}
