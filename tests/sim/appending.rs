//! Who writes the append-only file of one server: the product's own task, in virtual time.

use super::disk::SimDisk;
use super::saving::Hands;
use forebay::engine::Engine;
use forebay::flow::append::AppendOnly;
use forebay::flow::append::appenders::{Appenders, Then, Work};
use forebay::flow::append::queue::{Exchange, Queue, Report};
use forebay::flow::append::task::{Task, Timer};
use forebay::flow::save::Writers;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The log of one server.
pub type SimLog = AppendOnly<SimAppenders>;

/// Where executor and writer meet.
#[derive(Clone, Default)]
pub struct SimExchange(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    queue: Queue,
    /// The writer was woken.
    woken: bool,
    /// There is news for the executor.
    news: bool,
}

impl Exchange for SimExchange {
    fn with<T>(&self, f: impl FnOnce(&mut Queue) -> T) -> T {
        let inner = &mut *self.0.lock().expect("nothing panics with this lock");
        let result = f(&mut inner.queue);
        let calls = inner.queue.take_calls();
        inner.woken |= calls.writer;
        inner.news |= calls.executor;
        result
    }
}

impl SimExchange {
    fn take(&self, what: impl FnOnce(&mut Inner) -> &mut bool) -> bool {
        let mut inner = self.0.lock().expect("nothing panics with this lock");
        std::mem::take(what(&mut inner))
    }
}

/// What the log needs of the world; clones are the same.
#[derive(Clone)]
pub struct SimAppenders(Rc<Shared>);

struct Shared {
    hands: Hands,
    exchange: SimExchange,
    running: RefCell<Option<Running>>,
    jobs: RefCell<VecDeque<Job>>,
    begun: Cell<u64>,
}

/// The task of the log.
struct Running {
    task: Task<SimDisk>,
    /// When its next turn is; `None`: when there are orders.
    due_ms: Option<u64>,
}

/// Something that is done beside the executor.
struct Job {
    number: u64,
    due_ms: u64,
    work: Option<Work>,
    result: Option<Result<Vec<String>, String>>,
    then: Then,
}

/// One who works beside the executor.
pub enum Somebody {
    Task,
    Job(u64),
}

struct Now(u64);

impl Timer for Now {
    fn now(&self) -> Duration {
        Duration::from_millis(self.0)
    }

    fn sleep(&self, _: Duration) {}
}

impl SimAppenders {
    pub fn new(hands: Hands) -> SimAppenders {
        SimAppenders(Rc::new(Shared {
            hands,
            exchange: SimExchange::default(),
            running: RefCell::default(),
            jobs: RefCell::default(),
            begun: Cell::new(0),
        }))
    }

    /// The process has ended: nobody works any more.
    pub fn end(&self) {
        drop(self.0.running.take());
        drop(self.0.jobs.take());
    }

    /// What the writer has come to.
    pub fn report(&self) -> Report {
        self.0.exchange.with(|queue| queue.read())
    }

    /// How long somebody takes to begin, and the disk.
    fn latency_ms(&self) -> u64 {
        self.0.hands.below(4) + self.0.hands.disk().delay_ms()
    }

    /// When there is something to do next.
    pub fn due_ms(&self) -> Option<u64> {
        let mut due = None;
        if let Some(running) = &mut *self.0.running.borrow_mut() {
            if self.0.exchange.take(|inner| &mut inner.woken) {
                let at = self.0.hands.now_ms() + self.latency_ms();
                running.due_ms = Some(running.due_ms.map_or(at, |due| due.min(at)));
            }
            due = running.due_ms;
        }
        let jobs = self.0.jobs.borrow();
        let jobs = jobs.iter().map(|job| job.due_ms);
        jobs.chain(due).min()
    }

    /// Does what is due. Gives what the executor does about the outcomes.
    pub fn work_on(&self) -> Vec<impl FnOnce(&mut Engine) + use<>> {
        let now_ms = self.0.hands.now_ms();
        self.due_ms();
        let running = self.0.running.take();
        if let Some(mut running) = running {
            let due = running.due_ms.is_some_and(|at| at <= now_ms);
            let ends = due && !self.turn(&mut running);
            match ends {
                true => running.task.end(&Now(now_ms), &self.0.exchange),
                false => *self.0.running.borrow_mut() = Some(running),
            }
        }
        let jobs = self.0.jobs.take().into_iter();
        let (due, later): (VecDeque<Job>, _) = jobs.partition(|job| job.due_ms <= now_ms);
        *self.0.jobs.borrow_mut() = later;
        let outcomes = due.into_iter().map(|mut job| {
            job.run();
            let result = job.result.expect("it has run");
            move |engine: &mut Engine| (job.then)(engine, result)
        });
        outcomes.collect()
    }

    /// True if there is news for the executor.
    pub fn take_news(&self) -> bool {
        self.0.exchange.take(|inner| &mut inner.news)
    }

    /// A turn of the task; false if it has been told to end.
    fn turn(&self, running: &mut Running) -> bool {
        let (now_ms, exchange) = (self.0.hands.now_ms(), &self.0.exchange);
        let task = &mut running.task;
        if let Some((wanted, _)) = task.gathers() {
            let durable = task.durable();
            let there = exchange.with(|queue| {
                queue.gathers(durable, wanted);
                queue.gathered(durable)
            });
            let now = Now(now_ms);
            task.gathered(now.now(), there, &now);
        }
        let orders = exchange.with(Queue::take);
        let collects = task.turn(orders, &Now(now_ms), exchange);
        if task.stops() {
            return false;
        }
        let wait = task.wait(&Now(now_ms));
        let wait = wait.map(|wait| now_ms + 1 + wait.as_millis() as u64);
        running.due_ms = match exchange.with(Queue::waits) {
            _ if collects => Some(now_ms + 1),
            true => wait,
            false => Some(now_ms + self.latency_ms()),
        };
        true
    }
}

impl Job {
    fn run(&mut self) {
        if let Some(work) = self.work.take() {
            self.result = Some(work());
        }
    }
}

impl Appenders for SimAppenders {
    type Writers = Hands;
    type Exchange = SimExchange;
    type Handle = Somebody;

    fn exchange(&self) -> &SimExchange {
        &self.0.exchange
    }

    fn begin(&self, task: Task<SimDisk>) -> io::Result<Somebody> {
        // There was nobody to wake, and its first look is at what was ordered before.
        let due_ms = Some(self.0.hands.now_ms() + self.latency_ms());
        let running = Running { task, due_ms };
        let before = self.0.running.borrow_mut().replace(running);
        assert!(before.is_none(), "two write one log");
        Ok(Somebody::Task)
    }

    fn work(&self, work: Work, then: Then) -> io::Result<Somebody> {
        let number = self.0.begun.get() + 1;
        self.0.begun.set(number);
        self.0.jobs.borrow_mut().push_back(Job {
            number,
            due_ms: self.0.hands.now_ms() + self.0.hands.below(100) + self.latency_ms(),
            work: Some(work),
            result: None,
            then,
        });
        Ok(Somebody::Job(number))
    }

    fn join(&self, somebody: Somebody) -> bool {
        match somebody {
            Somebody::Task => {
                let running = self.0.running.take();
                let mut running = running.expect("it runs until it is told to end");
                while self.turn(&mut running) {}
                let now = Now(self.0.hands.now_ms());
                running.task.end(&now, &self.0.exchange);
            }
            Somebody::Job(number) => {
                let mut jobs = self.0.jobs.borrow_mut();
                jobs.iter_mut()
                    .filter(|job| job.number == number)
                    .for_each(Job::run);
            }
        }
        true
    }

    /// A link is looked at whenever time passes.
    fn look_at_link(&self) {}
}
