//! A description of the machine: what its figures depend on, without its name.

use tools::text::{bytes, plural};

/// Processors, memory and kernel.
pub fn words() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo
        .lines()
        .find_map(|l| l.strip_prefix("model name")?.split_once(':'))
        .map_or_else(
            || std::env::consts::ARCH.to_owned(),
            |(_, m)| m.trim().to_owned(),
        );
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let meminfo = read("/proc/meminfo");
    let kb: u64 = meminfo
        .lines()
        .find_map(|l| {
            l.strip_prefix("MemTotal:")?
                .split_whitespace()
                .next()?
                .parse()
                .ok()
        })
        .unwrap_or(0);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!(
        "{} of {model}, {} of memory, Linux {}",
        plural(processors as u64, "processor"),
        bytes(kb << 10),
        kernel.trim()
    )
}
