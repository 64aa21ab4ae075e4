//! What the tests of both sides of the log share: one queue in turn, and a clock that stands still.

use super::queue::{Exchange, Queue};
use super::task::Timer;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A queue that both sides use in turn.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Mutex<Queue>>);

impl Exchange for Shared {
    fn with<T>(&self, f: impl FnOnce(&mut Queue) -> T) -> T {
        f(&mut self.0.lock().expect("nothing panics with this lock"))
    }
}

/// No time passes.
pub(super) struct Still;

impl Timer for Still {
    fn now(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn sleep(&self, _: Duration) {}
}
