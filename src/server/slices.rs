//! How long the serving thread keeps its clients waiting while a snapshot runs. Each piece of work between batches of
//! commands is measured in elapsed time and in the thread's own processor time.
//!
//! Elapsed time includes periods in which the kernel ran something else, so it shows what clients experienced;
//! processor time shows what the server did.

use std::cell::Cell;
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

/// The work that the serving thread does between batches of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slice {
    /// Begins the snapshot: the cut, and the thread that writes. Happens within BGSAVE.
    Cut,
    /// Walks on and hands blocks to the thread that writes.
    Walk,
    /// Ends the snapshot and notifies those who wait for it.
    End,
    /// A turn of the periodic work: counters, time-outs, save points.
    Turn,
    /// Deletes expired keys and fields.
    Expire,
    /// Returns memory of segments to the system.
    Tidy,
    /// Moves values out of pages that are nearly empty.
    Repack,
}

const KINDS: [(Slice, &str); 7] = [
    (Slice::Cut, "cut"),
    (Slice::Walk, "walk"),
    (Slice::End, "end"),
    (Slice::Turn, "turn"),
    (Slice::Expire, "expire"),
    (Slice::Tidy, "tidy"),
    (Slice::Repack, "repack"),
];

/// The slices of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Worst {
    /// How many there were.
    pub count: u64,
    /// The longest by the clock.
    pub wall: Duration,
    /// The most processor time that one took.
    pub cpu: Duration,
}

impl Worst {
    fn add(self, other: Worst) -> Worst {
        Worst {
            count: self.count + other.count,
            wall: self.wall.max(other.wall),
            cpu: self.cpu.max(other.cpu),
        }
    }
}

/// The slices of the running snapshot, or of the last one.
#[derive(Default)]
pub struct Slices {
    watching: Cell<bool>,
    kinds: [Cell<Worst>; KINDS.len()],
}

/// The start of a slice.
pub struct Begun {
    wall: Instant,
    cpu: Duration,
}

impl Begun {
    /// A slice begins now.
    pub fn now() -> Begun {
        Begun {
            wall: Instant::now(),
            cpu: thread_time(),
        }
    }
}

impl Slices {
    /// A snapshot has begun, so the figures of the previous one are dropped.
    pub fn watch(&self) {
        self.watching.set(true);
        self.kinds
            .iter()
            .for_each(|kind| kind.set(Worst::default()));
    }

    /// The snapshot is over.
    pub fn rest(&self) {
        self.watching.set(false);
    }

    /// A slice ends now.
    pub fn note(&self, slice: Slice, begun: &Begun) {
        if !self.watching.get() {
            return;
        }
        let one = Worst {
            count: 1,
            wall: begun.wall.elapsed(),
            cpu: thread_time().saturating_sub(begun.cpu),
        };
        let kind = &self.kinds[slice as usize];
        kind.set(kind.get().add(one));
    }

    /// Does a slice's work, measured while a snapshot runs.
    pub fn measure<R>(&self, slice: Slice, work: impl FnOnce() -> R) -> R {
        if !self.watching.get() {
            return work();
        }
        let begun = Begun::now();
        let result = work();
        self.note(slice, &begun);
        result
    }

    /// All kinds together.
    pub fn worst(&self) -> Worst {
        let kinds = self.kinds.iter().map(Cell::get);
        kinds.fold(Worst::default(), Worst::add)
    }

    /// The kinds of slices that have occurred, by name.
    pub fn by_kind(&self) -> impl Iterator<Item = (&'static str, Worst)> {
        let kinds = KINDS.iter().zip(&self.kinds);
        kinds
            .map(|((_, name), worst)| (*name, worst.get()))
            .filter(|(_, worst)| worst.count > 0)
    }
}

/// Microseconds, rounded up: a figure to be held against a limit.
pub fn micros(time: Duration) -> u64 {
    time.as_nanos().div_ceil(1000) as u64
}

/// Processor time of this thread.
fn thread_time() -> Duration {
    let mut time = MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: `time` is valid for the call; all-zero is a valid `timespec`, should it fail.
    let time = unsafe {
        libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, time.as_mut_ptr());
        time.assume_init()
    };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_stand_where_their_number_says() {
        for (i, (slice, _)) in KINDS.iter().enumerate() {
            assert_eq!(*slice as usize, i);
        }
    }

    #[test]
    fn nothing_is_measured_without_a_snapshot_and_each_begins_anew() {
        let slices = Slices::default();
        slices.measure(Slice::Tidy, || ());
        assert_eq!(slices.worst(), Worst::default());
        slices.watch();
        slices.measure(Slice::Tidy, || ());
        slices.measure(Slice::Walk, || ());
        slices.measure(Slice::Walk, || ());
        assert_eq!(slices.worst().count, 3);
        let counts: Vec<_> = slices
            .by_kind()
            .map(|(n, worst)| (n, worst.count))
            .collect();
        assert_eq!(counts, [("walk", 2), ("tidy", 1)]);
        slices.rest();
        slices.measure(Slice::Walk, || ());
        assert_eq!(slices.worst().count, 3);
        slices.watch();
        assert_eq!(slices.worst().count, 0);
    }

    #[test]
    fn waiting_takes_time_but_no_processor() {
        let slices = Slices::default();
        slices.watch();
        let nap = Duration::from_millis(20);
        slices.measure(Slice::End, || std::thread::sleep(nap));
        let worst = slices.worst();
        assert!(worst.wall >= nap);
        assert!(
            worst.cpu < nap,
            "asleep for {nap:?}, busy for {:?}",
            worst.cpu
        );
    }

    #[test]
    fn working_takes_processor_time() {
        let slices = Slices::default();
        slices.watch();
        let until = thread_time() + Duration::from_millis(5);
        slices.measure(Slice::Turn, || while thread_time() < until {});
        assert!(slices.worst().cpu >= Duration::from_millis(4));
    }
}
