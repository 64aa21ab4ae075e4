//! The thread that writes the log.

use super::queue::Shared;
use disk::Machine;
use flow::append::queue::{Exchange, Queue};
use flow::append::task::{Task, Timer};
use std::time::{Duration, Instant};

/// How long batches are collected where no reply waits for them.
const COLLECT: Duration = Duration::from_millis(1);

/// Works until it is told to stop.
pub fn run(mut task: Task<Machine>, shared: &Shared) {
    let timer = SinceStart(Instant::now());
    let _tells = TellsOfPanic(shared);
    while !task.stops() {
        // Those who are gathered have the time from the first of them on: until then nobody waits for the disk.
        if shared.wait(task.wait(&timer))
            && let Some((wanted, within)) = task.gathers()
        {
            let begun = timer.now();
            let there = shared.gather(task.durable(), wanted, within);
            task.gathered(begun, there, &timer);
        }
        let orders = shared.with(Queue::take);
        if task.turn(orders, &timer, shared) {
            // What comes meanwhile is written at once.
            std::thread::sleep(COLLECT);
        }
    }
    task.end(&timer, shared);
}

/// The time since the thread was started.
struct SinceStart(Instant);

impl Timer for SinceStart {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

/// The executor learns of it when the thread panics: nothing is written any more.
struct TellsOfPanic<'a>(&'a Shared);

impl Drop for TellsOfPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let failure = "the thread that writes it has ended; restart the server".to_owned();
            self.0
                .with(|queue| queue.report(|report| report.failure = Some(failure)));
        }
    }
}
