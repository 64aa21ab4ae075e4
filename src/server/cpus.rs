//! The processors on which threads run (`server-cpulist` and similar directives).

use super::priority;
use config::Config;
use std::sync::OnceLock;

/// The lists of the threads that are started from now on.
static LISTS: OnceLock<Lists> = OnceLock::new();

#[derive(Debug, Default)]
struct Lists {
    background: String,
    append: String,
    save: String,
}

/// Confines the calling thread, and with it those that it starts, to `server-cpulist`; keeps the lists of the others.
pub fn confine(config: &Config) {
    let lists = Lists {
        background: config.bio_cpulist.clone(),
        append: config.aof_rewrite_cpulist.clone(),
        save: config.bgsave_cpulist.clone(),
    };
    let given = [
        &config.server_cpulist,
        &lists.background,
        &lists.append,
        &lists.save,
    ];
    if given.iter().all(|list| list.is_empty()) {
        return;
    }
    if priority::calls_are_filtered() {
        return tracing::warn!(
            "System calls are filtered (seccomp): server-cpulist, bio-cpulist, aof-rewrite-cpulist and bgsave-cpulist have no effect. Set CPUAffinity in the service's unit."
        );
    }
    for list in given {
        if !list.is_empty() && parse(list).is_none() {
            tracing::warn!("'{list}' is not a list of processors, so it has no effect.");
        }
    }
    run_on(&config.server_cpulist);
    let _ = LISTS.set(lists);
}

/// Called by each thread at its start.
pub fn enter(thread: &str) {
    let Some(lists) = LISTS.get() else {
        return;
    };
    run_on(match thread {
        "forebay-save" | "forebay-send" | "forebay-spill" | "forebay-spill-read" => &lists.save,
        "forebay-aof" => &lists.append,
        "forebay-free" | "forebay-lookup" | "forebay-receive" => &lists.background,
        // It does work of the serving thread, so it keeps the processors of the thread that started it.
        _ => return,
    });
}

/// Runs the calling thread on the processors of `list`; a list without any changes nothing.
fn run_on(list: &str) {
    let Some(processors) = parse(list).filter(|list| !list.is_empty()) else {
        return;
    };
    // SAFETY: all-zero is an empty set; CPU_SET checks its bound and `parse` keeps it; the kernel reads the set.
    // 0 means the calling thread.
    let refused = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        processors.iter().for_each(|n| libc::CPU_SET(*n, &mut set));
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set) != 0
    };
    if refused {
        let why = std::io::Error::last_os_error();
        tracing::warn!("Threads cannot run on the processors '{list}': {why}");
    }
}

/// The processors that `0,2-4,8-14:2` names; `None` if it is not a list.
fn parse(list: &str) -> Option<Vec<usize>> {
    const MOST: usize = libc::CPU_SETSIZE as usize;
    let mut processors = Vec::new();
    for part in list.split(',').map(str::trim).filter(|p| !p.is_empty()) {
        let (range, step) = part.split_once(':').unwrap_or((part, "1"));
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        let step: usize = step.parse().ok().filter(|step| *step > 0)?;
        if last >= MOST || first > last {
            return None;
        }
        processors.extend((first..=last).step_by(step));
    }
    Some(processors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_ranges_and_steps() {
        for (list, processors) in [
            ("", Some(vec![])),
            ("3", Some(vec![3])),
            ("0-2, 8", Some(vec![0, 1, 2, 8])),
            ("1-7:3", Some(vec![1, 4, 7])),
            ("a", None),
            ("3-1", None),
            ("0-9999999999", None),
            ("0-1:0", None),
        ] {
            assert_eq!(parse(list), processors, "{list}");
        }
    }
}
