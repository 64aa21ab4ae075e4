//! A bar on stderr while a large input is read: only on a terminal, only when it takes a while.

use super::text::bytes;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Nothing is shown before this time, nor more often.
const EVERY: Duration = Duration::from_millis(200);
/// Characters of the bar.
const WIDTH: u64 = 30;

/// How far a tool has come.
#[derive(Debug)]
pub struct Progress {
    what: String,
    total: Option<u64>,
    started: Instant,
    shown: Option<Instant>,
    enabled: bool,
}

impl Progress {
    /// Of reading `total` bytes, if that is known; silent unless stderr is a terminal and `wanted`.
    pub fn new(what: String, total: Option<u64>, wanted: bool) -> Progress {
        Progress {
            what,
            total,
            started: Instant::now(),
            shown: None,
            enabled: wanted && std::io::stderr().is_terminal(),
        }
    }

    /// Shows nothing.
    pub fn silent() -> Progress {
        Progress::new(String::new(), None, false)
    }

    /// What is read.
    pub fn name(&self) -> &str {
        &self.what
    }

    /// `done` bytes are read.
    pub fn tick(&mut self, done: u64) {
        if !self.enabled || self.shown.unwrap_or(self.started).elapsed() < EVERY {
            return;
        }
        self.shown = Some(Instant::now());
        let rate = done as f64 / self.started.elapsed().as_secs_f64();
        let line = line(&self.what, done, self.total, rate);
        let _ = write!(std::io::stderr(), "\r\x1b[K{line}");
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// One state of the bar.
fn line(what: &str, done: u64, total: Option<u64>, rate: f64) -> String {
    let rate = format!("{}/s", bytes(rate as u64));
    match total.filter(|&t| t > 0) {
        Some(total) => {
            let done = done.min(total);
            let full = (done * WIDTH / total) as usize;
            let bar = format!("{}{}", "#".repeat(full), "-".repeat(WIDTH as usize - full));
            format!("{what} [{bar}] {:3}% {rate}", done * 100 / total)
        }
        None => format!("{what} {} {rate}", bytes(done)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_full_at_the_end_and_a_pipe_has_none() {
        assert_eq!(
            line("f", 50, Some(100), 2e6),
            "f [###############---------------]  50% 2.0 MB/s"
        );
        assert!(line("f", 200, Some(100), 1.0).contains("100%"));
        assert_eq!(line("f", 5_000, None, 100.0), "f 5.0 kB 100 B/s");
    }
}
