//! The status line on a terminal: which sync is running, how far it has got, and how long all of them will take.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};
use tools::text::bytes;

/// No more often than this.
const EVERY: Duration = Duration::from_millis(100);

/// How far a bench has come.
#[derive(Debug)]
pub struct Status {
    enabled: bool,
    began: Instant,
    /// The sync that runs did.
    this_began: Instant,
    done: usize,
    total: usize,
    what: String,
    /// Bytes that a payload is expected to have if no length is known.
    expected: u64,
    shown: Option<Instant>,
    dirty: bool,
}

impl Status {
    /// Of `total` syncs; silent unless stderr is a terminal and it is `wanted`.
    pub fn new(total: usize, expected: u64, wanted: bool) -> Status {
        Status {
            enabled: wanted && std::io::stderr().is_terminal(),
            began: Instant::now(),
            this_began: Instant::now(),
            done: 0,
            total,
            what: String::new(),
            expected,
            shown: None,
            dirty: false,
        }
    }

    /// A sync begins.
    pub fn begin(&mut self, what: String) {
        self.what = what;
        self.this_began = Instant::now();
        self.shown = None;
        self.phase("starting servers", None);
    }

    /// It is measured.
    pub fn end(&mut self) {
        self.done += 1;
    }

    /// What it does now, and which part of it is done.
    pub fn phase(&mut self, phase: &str, part: Option<f64>) {
        if !self.enabled || self.shown.is_some_and(|at| at.elapsed() < EVERY) {
            return;
        }
        self.shown = Some(Instant::now());
        self.dirty = true;
        let before = self.this_began - self.began;
        let left = eta(before, self.this_began.elapsed(), self.done, self.total);
        let text = line((self.done, self.total), &self.what, phase, part, left);
        let _ = write!(std::io::stderr(), "\r\x1b[K{text}");
    }

    /// Bytes of the payload are there.
    pub fn transfer(&mut self, read: u64, total: u64, rate: f64) {
        let total = if total > 0 { total } else { self.expected };
        let part = (total > 0).then(|| (read as f64 / total as f64).min(1.0));
        let phase = match read {
            0 => "waiting for the payload".to_owned(),
            _ => format!("{} at {}/s", bytes(read), bytes(rate as u64)),
        };
        self.phase(&phase, part);
    }
}

impl Drop for Status {
    fn drop(&mut self) {
        if self.dirty {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// How long the rest takes: as long as those that are done took `before`, without what this one has had.
fn eta(before: Duration, this: Duration, done: usize, total: usize) -> Option<Duration> {
    let left = u32::try_from(total - done.min(total)).ok()?;
    (done > 0).then(|| (before / u32::try_from(done).unwrap_or(1) * left).saturating_sub(this))
}

fn line(
    (done, total): (usize, usize),
    what: &str,
    phase: &str,
    part: Option<f64>,
    left: Option<Duration>,
) -> String {
    const WIDTH: usize = 20;
    let bar = part.map_or(String::new(), |part| {
        let full = (part * WIDTH as f64) as usize;
        format!(
            " [{}{}] {:3.0}%",
            "#".repeat(full),
            "-".repeat(WIDTH - full),
            part * 100.0
        )
    });
    let left = left.map_or(String::new(), |d| format!(", {} s left", d.as_secs() + 1));
    format!("[{}/{total}] {what}: {phase}{bar}{left}", done + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_sync_phase_part_and_time_left() {
        let seconds = Duration::from_secs;
        let left = eta(seconds(10), Duration::ZERO, 2, 6);
        assert_eq!(left, Some(seconds(20)));
        assert_eq!(eta(seconds(10), seconds(3), 2, 6), Some(seconds(17)));
        assert_eq!(eta(seconds(10), seconds(30), 1, 2), Some(Duration::ZERO));
        assert_eq!(
            line(
                (2, 6),
                "redis disk-disk",
                "45 MB at 90 MB/s",
                Some(0.5),
                left
            ),
            "[3/6] redis disk-disk: 45 MB at 90 MB/s [##########----------]  50%, 21 s left"
        );
        assert_eq!(eta(Duration::ZERO, seconds(1), 0, 6), None);
    }
}
