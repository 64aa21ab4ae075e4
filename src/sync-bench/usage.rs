//! The resources that a process and its forked children use, read from `/proc` while a sync runs.
//!
//!  * Memory is what is resident in the server, plus what only its children have: pages that both share count once, and pages
//!    that copy-on-write has duplicated count twice. That is what a fork costs.
//!  * Counting takes time, so the pages of children are only counted as often as a twentieth of the time allows.

use std::collections::HashMap;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two looks.
const EVERY: Duration = Duration::from_millis(10);
/// Between two searches for children.
const CHILDREN_EVERY: Duration = Duration::from_millis(40);
/// `USER_HZ`: what the kernel counts CPU time in, on all Linux systems.
const TICKS_PER_S: f64 = 100.0;

/// What one side used during a sync.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Resident when it began, in bytes.
    pub memory_before: u64,
    /// The most, in bytes.
    pub memory_peak: u64,
    /// Resident at the end.
    pub memory_after: u64,
    /// The most that children held alone, in bytes.
    pub children_peak: u64,
    /// Seconds of CPU time, children included.
    pub cpu_s: f64,
}

#[derive(Debug, Default)]
struct Seen {
    peak: u64,
    children_peak: u64,
    /// CPU ticks of children that were seen, by number.
    children_ticks: HashMap<u32, u64>,
}

/// A sampler of one process; stops when dropped.
#[derive(Debug)]
pub struct Sampler {
    pid: u32,
    before: u64,
    ticks_before: u64,
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Seen>>,
    thread: Option<JoinHandle<()>>,
}

impl Sampler {
    /// Begins; `forks` says whether children are to be looked for.
    pub fn start(pid: u32, forks: bool) -> Sampler {
        // Resets the kernel's own peak; if that is not allowed, only the samples count.
        let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
        let stop = Arc::<AtomicBool>::default();
        let seen = Arc::<Mutex<Seen>>::default();
        let (stopped, shared) = (stop.clone(), seen.clone());
        let watch = move || watch(pid, forks, &stopped, &shared);
        let thread = std::thread::Builder::new()
            .name("sync-bench-usage".into())
            .spawn(watch);
        Sampler {
            pid,
            before: status_kb(pid, "VmRSS:") << 10,
            ticks_before: stat(pid).map_or(0, |s| s.ticks),
            stop,
            seen,
            thread: thread.ok(),
        }
    }

    /// What was used until now.
    pub fn usage(&self) -> Usage {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let peak = (status_kb(self.pid, "VmHWM:") << 10).max(seen.peak);
        let own = stat(self.pid).map_or(0, |s| s.ticks);
        // Children that were waited for count in the parent's times; those that live are added.
        let living: u64 = seen
            .children_ticks
            .iter()
            .filter(|(pid, _)| stat(**pid).is_some_and(|s| s.parent == self.pid))
            .map(|(_, ticks)| ticks)
            .sum();
        let ticks = (own + living).saturating_sub(self.ticks_before);
        Usage {
            memory_before: self.before,
            memory_peak: peak.max(self.before),
            memory_after: status_kb(self.pid, "VmRSS:") << 10,
            children_peak: seen.children_peak,
            cpu_s: ticks as f64 / TICKS_PER_S,
        }
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn watch(pid: u32, forks: bool, stop: &AtomicBool, seen: &Mutex<Seen>) {
    let mut children: Vec<u32> = Vec::new();
    let (mut searched, mut counted): (Option<Instant>, Option<(Instant, Duration)>) = (None, None);
    let mut private = 0;
    while !stop.load(Ordering::Relaxed) {
        if forks && searched.is_none_or(|at| at.elapsed() >= CHILDREN_EVERY) {
            searched = Some(Instant::now());
            children = children_of(pid);
        }
        let due = counted.is_none_or(|(at, took)| at.elapsed() >= took * 20);
        if children.is_empty() {
            private = 0;
        } else if due {
            let began = Instant::now();
            private = children.iter().map(|c| private_bytes(*c)).sum();
            counted = Some((Instant::now(), began.elapsed()));
        }
        let own = status_kb(pid, "VmRSS:") << 10;
        {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.peak = seen.peak.max(own + private);
            seen.children_peak = seen.children_peak.max(private);
            for child in &children {
                if let Some(stat) = stat(*child) {
                    seen.children_ticks.insert(*child, stat.ticks);
                }
            }
        }
        std::thread::sleep(EVERY);
    }
}

/// Of `/proc/PID/stat`.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    /// User and system time, of children that were waited for too.
    ticks: u64,
}

fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse_stat(text: &str) -> Option<Stat> {
    // The name is in parentheses and may contain anything.
    let rest = &text[text.rfind(')')? + 1..];
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |i: usize| fields.get(i)?.parse::<u64>().ok();
    Some(Stat {
        parent: u32::try_from(number(1)?).ok()?,
        ticks: (11..15).filter_map(number).sum(),
    })
}

fn children_of(pid: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let numbers = entries
        .flatten()
        .filter_map(|e| e.file_name().to_str()?.parse().ok());
    numbers
        .filter(|&n: &u32| n > pid && stat(n).is_some_and(|s| s.parent == pid))
        .collect()
}

fn status_kb(pid: u32, name: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    kb(&text, name)
}

fn private_bytes(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    (kb(&text, "Private_Dirty:") + kb(&text, "Private_Clean:")) << 10
}

fn kb(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|l| l.strip_prefix(name));
    let number = line.and_then(|l| l.split_whitespace().next()?.parse().ok());
    number.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let text = "42 (a) b (c)) S 7 42 42 0 -1 4194304 1 2 3 4 10 20 30 40 20 0 1 0";
        assert_eq!(
            parse_stat(text),
            Some(Stat {
                parent: 7,
                ticks: 100
            })
        );
        assert_eq!(parse_stat("42 (x) S"), None);
    }

    #[test]
    fn our_own_memory_and_time_can_be_read() {
        let sampler = Sampler::start(std::process::id(), false);
        let block = std::hint::black_box(vec![1_u8; 32 << 20]);
        let usage = sampler.usage();
        assert!(usage.memory_before > 0 && usage.memory_peak >= usage.memory_before);
        assert!(usage.memory_after > 0);
        drop(block);
    }
}
