//! Ctrl-C and SIGTERM set a flag that all waits check, and child processes do not outlive their parent.
//!
//! The two places that need `unsafe` are here, behind functions that cannot be misused.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicI32, Ordering};

static SIGNAL: AtomicI32 = AtomicI32::new(0);

extern "C" fn note(signal: libc::c_int) {
    // The second one of a user who has no patience ends the process; PR_SET_PDEATHSIG ends its servers.
    if SIGNAL.swap(signal, Ordering::Relaxed) != 0 {
        // SAFETY: `_exit` may be called in a signal handler.
        unsafe { libc::_exit(128 + signal) }
    }
}

/// From now on SIGINT, SIGTERM and SIGHUP only set the flag.
pub fn catch_signals() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        let handler: extern "C" fn(libc::c_int) = note;
        // SAFETY: 1. the handler has the signature that `signal` wants; 2. it only touches an atomic and calls `_exit`,
        // which are both allowed there.
        unsafe { libc::signal(signal, handler as libc::sighandler_t) };
    }
}

/// The signal that came, if one did.
pub fn signal() -> Option<i32> {
    match SIGNAL.load(Ordering::Relaxed) {
        0 => None,
        signal => Some(signal),
    }
}

/// The child gets a process group of its own (a Ctrl-C reaches us alone) and dies with the thread that starts it,
/// whatever ends that. Start it from a thread that lives as long as it shall.
pub fn die_with_parent(command: &mut Command) {
    let parent = std::process::id();
    let setup = move || {
        // SAFETY: `prctl` and `getppid` are system calls that touch no memory of ours.
        let parent_now = unsafe {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 {
                return Err(io::Error::last_os_error());
            }
            libc::getppid()
        };
        // It may have died in between.
        match parent_now as u32 == parent {
            true => Ok(()),
            false => Err(io::Error::other("the parent is gone")),
        }
    };
    command.process_group(0);
    // SAFETY: what runs between fork and exec makes two system calls and allocates nothing on its way to `Ok`; the
    // errors allocate, but only when the process is going to end anyway.
    unsafe { command.pre_exec(setup) };
}

/// True while a process of the group lives, or waits for its parent to take note of its end.
pub fn group_exists(pid: u32) -> bool {
    let Ok(pid) = libc::pid_t::try_from(pid) else {
        return false;
    };
    // SAFETY: `kill` touches no memory of ours, and signal 0 does nothing to anybody.
    pid > 1 && unsafe { libc::kill(-pid, 0) } == 0
}

/// SIGKILL for a process group that [`die_with_parent`] made: the child and what it forked.
pub fn kill_group(pid: u32) {
    let Ok(pid) = libc::pid_t::try_from(pid) else {
        return;
    };
    if pid > 1 {
        // SAFETY: `kill` touches no memory of ours. The group's leader is a child that has not been waited for, so the
        // number cannot be another group's.
        unsafe { libc::kill(-pid, libc::SIGKILL) };
    }
}
