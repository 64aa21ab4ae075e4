//! What a process has used: processor time and memory, from /proc.

use std::fs;

/// Ticks of /proc/PID/stat in a second: USER_HZ, which is 100 on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// Seconds of processor time, user and kernel, of all threads so far.
pub fn cpu_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name, in parentheses, may hold blanks: count from behind it.
    let behind = stat.rsplit(')').next().unwrap_or_default();
    (figure(behind, 11) + figure(behind, 12)) / TICKS_PER_SECOND
}

/// Seconds for which a processor had work and its host gave the time to somebody else, so far: of all
/// processors, in steps of a tick.
pub fn stolen_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    // cpu user nice system idle iowait irq softirq steal
    figure(stat.lines().next().unwrap_or_default(), 8) / TICKS_PER_SECOND
}

/// The word at `i`, from 0, as a number; 0 if there is none.
fn figure(line: &str, i: usize) -> f64 {
    let word = line.split_whitespace().nth(i);
    word.and_then(|n| n.parse().ok()).unwrap_or(0.0)
}

/// Resident bytes.
pub fn rss_bytes(pid: u32) -> u64 {
    status_bytes(pid, "VmRSS:")
}

/// The most bytes that were resident since [`forget_peak`].
pub fn peak_rss_bytes(pid: u32) -> u64 {
    status_bytes(pid, "VmHWM:")
}

/// Lets the kernel count the peak anew.
pub fn forget_peak(pid: u32) {
    fs::write(format!("/proc/{pid}/clear_refs"), "5")
        .expect("one's own processes may be asked that");
}

fn status_bytes(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status
        .lines()
        .find_map(|l| l.strip_prefix(name))
        .unwrap_or_default();
    line.split_whitespace()
        .next()
        .and_then(|n| n.parse::<u64>().ok())
        .unwrap_or(0)
        * 1024
}
