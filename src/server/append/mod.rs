//! The append-only file: what [`flow::append`] decides is performed here, by a thread on the machine's disk.
//!
//! The executor never writes and never syncs; the thread never sees the keyspace.

mod queue;
mod thread;

use crate::persist::Threads as SaveThreads;
use crate::{Server, threads};
use disk::Machine;
use engine::Engine;
use flow::append::appenders::{Appenders, Then, Work};
use flow::append::{Task, log};
use queue::Shared;
use std::cell::RefCell;
use std::io;
use std::path::PathBuf;
use std::rc::{Rc, Weak};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// The log of the server.
pub type AppendOnly = flow::append::AppendOnly<Threads>;

/// What the log needs of the server; a handle that can be cloned.
#[derive(Clone, Default)]
pub struct Threads(Rc<State>);

#[derive(Default)]
struct State {
    server: RefCell<Weak<Server>>,
    shared: Shared,
}

impl Threads {
    /// Lets it reach the server. Once, at start.
    pub fn attach(&self, server: &Rc<Server>) {
        *self.0.server.borrow_mut() = Rc::downgrade(server);
    }

    fn server(&self) -> Option<Rc<Server>> {
        self.0.server.borrow().upgrade()
    }
}

impl Appenders for Threads {
    type Writers = SaveThreads;
    type Exchange = Shared;
    type Handle = JoinHandle<()>;

    fn exchange(&self) -> &Shared {
        &self.0.shared
    }

    fn begin(&self, task: Task<Machine>) -> io::Result<JoinHandle<()>> {
        let shared = self.0.shared.clone();
        threads::spawn("forebay-aof", move || thread::run(task, &shared))
    }

    fn work(&self, work: Work, then: Then) -> io::Result<JoinHandle<()>> {
        let (tell, told) = oneshot::channel();
        let thread = threads::spawn("forebay-aof-base", move || _ = tell.send(work()))?;
        let this = self.clone();
        tokio::task::spawn_local(async move {
            let result = told.await.map_err(|e| e.to_string()).flatten();
            if let Some(server) = this.server() {
                server.with_engine(|engine| then(engine, result));
            }
        });
        Ok(thread)
    }

    fn join(&self, thread: JoinHandle<()>) -> bool {
        thread.join().is_ok()
    }

    fn look_at_link(&self) {
        if let Some(server) = self.server() {
            server.repl.look_at_link();
        }
    }
}

/// Follows the thread's reports for as long as the server lives.
pub async fn follow(server: Rc<Server>) {
    let shared = server.append.appenders().0.shared.clone();
    loop {
        shared.news().await;
        server.with_engine(|engine| server.append.take_news(engine));
    }
}

/// The directory of the log. The working directory is `dir`.
pub fn directory(engine: &Engine) -> PathBuf {
    log::directory(&Machine, engine)
}
