//! What the tasks of the server share.
//!
//! Everything here lives on one thread. A task borrows the engine while it runs commands and gives it
//! back before it waits; what commands want done on other connections ([`Action`]) is done directly afterwards.

use super::append::{self, AppendOnly};
use super::io::IoThreads;
use super::limits::{READ_SIZE, SHARED_SIZE};
use super::persist::{Persistence, Threads};
use super::shell::Shell;
use super::{allocator, clock, log, usage};
use base::secret::Secrets;
use base::{large, reserve};
use config::Config;
use engine::{Action, ClientId, Engine, Executor};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;
use tokio::sync::Notify;

/// The server as its tasks see it.
pub struct Server {
    /// All state that commands work on.
    pub engine: RefCell<Executor>,
    /// Dumps; commands reach it through their host.
    pub persistence: Persistence,
    /// The host of the engine's commands.
    pub(super) shell: Rc<Shell>,
    /// The append-only file.
    pub append: AppendOnly,
    /// How to reach the task of each connection.
    links: RefCell<HashMap<ClientId, Rc<Link>>>,
    /// The threads that own the sockets of clients, if there are any.
    pub(super) io: IoThreads,
    /// The drivers of replication.
    pub(super) repl: super::repl::Drivers,
    /// The next deadline of a blocked client that the timer knows, Unix ms.
    deadline: Cell<Option<i64>>,
    /// The deadline is another one now.
    deadline_moved: Notify,
    /// A script takes long: [`Server::drive_scripts`] has work.
    script_parked: Notify,
    /// The buffer for the next batch of a connection that has nothing left over from before; see
    /// [`Server::take_input`].
    input: Cell<Vec<u8>>,
    /// Replies are written here; it stays with a connection only if the socket does not take it.
    pub(super) output: RefCell<Vec<u8>>,
}

/// How other tasks reach the task of one connection.
#[derive(Default)]
pub struct Link {
    waker: RefCell<Option<Waker>>,
    /// Somebody wrote into its reply, unblocked or closed it.
    touched: Cell<bool>,
}

/// Time that a script which takes long has between two looks at the sockets.
const SCRIPT_SLICE_NS: u64 = 2_000_000;

impl Link {
    /// Remembers how to wake the task; called at each poll.
    pub fn register(&self, waker: &Waker) {
        let mut slot = self.waker.borrow_mut();
        if !slot.as_ref().is_some_and(|w| w.will_wake(waker)) {
            *slot = Some(waker.clone());
        }
    }

    /// Wakes the task because of something that happened elsewhere.
    pub fn touch(&self) {
        self.touched.set(true);
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// True once after [`Link::touch`].
    pub fn take_touched(&self) -> bool {
        self.touched.replace(false)
    }
}

impl Server {
    /// A server without listeners; what must not be guessed comes from `secrets`.
    pub fn new(config: Config, secrets: Secrets) -> Rc<Server> {
        let persistence = Persistence::new(Threads::default());
        let append = AppendOnly::new(append::Threads::default(), persistence.clone());
        let server = Rc::new_cyclic(|server| {
            let shell = Rc::new(Shell::new(
                server.clone(),
                persistence.clone(),
                append.clone(),
            ));
            let mut engine = Engine::new(commands::FAMILIES, config, secrets, shell.clone());
            engine.timer = clock::monotonic_ns;
            engine.coarse_timer = clock::coarse_ns;
            engine.log = log::write;
            engine.total_memory = || usage::memory().total;
            (engine.clock, engine.tick) = clock::read();
            engine.started = engine.clock;
            allocator::recount();
            engine.used_memory = |engine| {
                let taken = allocator::used() + large::held_bytes() + engine.keyspace.used_bytes();
                taken.saturating_sub(reserve::counted_bytes())
            };
            engine.recount_memory = allocator::recount;
            engine.lent_memory = allocator::lent;
            engine.startup_memory = (engine.used_memory)(&engine);
            engine.watch_slow_commands();
            Server {
                engine: RefCell::new(Executor::from(engine)),
                persistence,
                append,
                shell,
                links: RefCell::default(),
                io: IoThreads::default(),
                repl: super::repl::Drivers::default(),
                deadline: Cell::new(None),
                deadline_moved: Notify::new(),
                script_parked: Notify::new(),
                input: Cell::new(vec![0; SHARED_SIZE]),
                output: RefCell::new(Vec::with_capacity(READ_SIZE)),
            }
        });
        server.persistence.writers().attach(&server);
        server.append.appenders().attach(&server);
        server.repl.attach(&server);
        server
    }

    /// A buffer of [`SHARED_SIZE`] bytes. Whoever takes it owns it, and nothing else refers to it; it should be
    /// [kept](Server::keep_input) for the next.
    #[inline]
    pub(super) fn take_input(&self) -> Vec<u8> {
        let mut buffer = self.input.take();
        if buffer.is_empty() {
            buffer = vec![0; SHARED_SIZE];
        }
        buffer
    }

    /// Keeps a buffer for the next who needs one.
    #[inline]
    pub(super) fn keep_input(&self, buffer: Vec<u8>) {
        self.input.set(buffer);
    }

    /// Registers a connection's task.
    pub fn link(&self, id: ClientId) -> Rc<Link> {
        let link = Rc::<Link>::default();
        self.links.borrow_mut().insert(id, link.clone());
        link
    }

    /// A connection is reached in another way from now on.
    pub fn unlink(&self, id: ClientId) {
        self.links.borrow_mut().remove(&id);
    }

    /// Runs `f` on the engine with fresh clock readings and does what it asks for. For work that no
    /// client's request causes: timers, signals, the drivers of replication.
    pub fn with_engine<R>(&self, f: impl FnOnce(&mut Engine) -> R) -> R {
        self.with_executor(|executor| f(executor))
    }

    /// As [`Server::with_engine`], for those who run requests.
    pub fn with_executor<R>(&self, f: impl FnOnce(&mut Executor) -> R) -> R {
        let mut executor = self.engine.borrow_mut();
        (executor.clock, executor.tick) = clock::read();
        let result = f(&mut executor);
        self.act(&mut executor);
        result
    }

    /// Does what commands and drivers asked for, until that leads to nothing new.
    pub fn act(&self, engine: &mut Executor) {
        loop {
            if engine.is_unsettled() {
                engine.settle();
            }
            engine::tracking::at_the_end_of_a_batch(engine);
            self.repl.act(engine);
            if !engine.is_unsettled() {
                break;
            }
        }
        self.append.hand_over(engine);
        let deadline = engine.blocking.next_deadline();
        if self.deadline.replace(deadline) != deadline {
            self.deadline_moved.notify_one();
        }
        if engine.script_is_parked() {
            self.script_parked.notify_one();
        }
        if engine.actions.is_empty() {
            return;
        }
        let links = self.links.borrow();
        for action in engine.actions.drain(..) {
            let (Action::Wake(id) | Action::Close(id) | Action::Resume(id)) = action;
            if matches!(action, Action::Close(_)) {
                self.repl.close(id);
            }
            match links.get(&id) {
                Some(link) => link.touch(),
                None => self.io.touch(id),
            }
        }
    }

    /// Ends the waits of blocked clients when their time is up, for as long as the server lives.
    pub async fn watch_deadlines(self: Rc<Self>) {
        loop {
            let moved = self.deadline_moved.notified();
            let Some(at) = self.deadline.get() else {
                moved.await;
                continue;
            };
            let left = at - clock::read().0.steady_ms;
            if left <= 0 {
                self.with_executor(|engine| {
                    let now = engine.clock.steady_ms;
                    engine.expire_blocked(now);
                    engine.settle();
                });
                continue;
            }
            let sleep = tokio::time::sleep(Duration::from_millis(left as u64));
            tokio::select! {
                () = sleep => {}
                () = moved => {}
            }
        }
    }

    /// Runs scripts that take long, in slices between which everything else has its turn, for as long as the
    /// server lives.
    pub async fn drive_scripts(self: Rc<Self>) {
        loop {
            self.script_parked.notified().await;
            while self.with_executor(|engine| engine.continue_script(SCRIPT_SLICE_NS)) {
                tokio::task::yield_now().await;
            }
        }
    }

    /// A connection has ended: removes its session and everything that refers to it.
    pub fn disconnect(&self, id: ClientId) {
        self.links.borrow_mut().remove(&id);
        self.with_engine(|engine| engine.disconnect(id));
    }
}
