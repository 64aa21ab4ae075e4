//! Going into the background, and the process's own limits.

use std::io;

/// Forks; the parent exits, and the child continues in a session of its own without a terminal.
///
/// Must be called while the process has one thread.
///
/// # Errors
/// If the system refuses another process.
pub fn daemonize() -> io::Result<()> {
    // SAFETY: the caller has one thread only, so that the child's memory is whole; nothing but
    // `_exit` runs in the parent.
    unsafe {
        match libc::fork() {
            -1 => return Err(io::Error::last_os_error()),
            0 => {}
            _ => libc::_exit(0),
        }
        libc::setsid();
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
        if null != -1 {
            for fd in 0..3 {
                libc::dup2(null, fd);
            }
            if null > 2 {
                libc::close(null);
            }
        }
    }
    Ok(())
}

/// Signals that would end the process without a save, and must not.
const IGNORED: [libc::c_int; 4] = [
    // Sent when a terminal is closed.
    libc::SIGHUP,
    // The reference server survives these two: it writes its stack to the log.
    libc::SIGALRM,
    libc::SIGUSR2,
    // Sent when a file may not grow further (`ulimit -f`). Ignored, so that the write fails as on a full disk.
    libc::SIGXFSZ,
];

/// Ignores what must not end the process.
pub fn ignore_signals() {
    for signal in IGNORED {
        // SAFETY: no handler of ours is installed, so nothing runs when the signal comes.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// Raises the limit of open files to `wanted`, or as far as the system allows; returns the limits before and after.
pub fn raise_open_files(wanted: u64) -> (u64, u64) {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is valid for both calls.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) != 0 {
            return (wanted, wanted);
        }
        let before = limit.rlim_cur;
        if before >= wanted {
            return (before, before);
        }
        for (soft, hard) in [
            (wanted, limit.rlim_max.max(wanted)),
            (limit.rlim_max.min(wanted), limit.rlim_max),
        ] {
            let new = libc::rlimit {
                rlim_cur: soft,
                rlim_max: hard,
            };
            if libc::setrlimit(libc::RLIMIT_NOFILE, &new) == 0 {
                return (before, soft);
            }
        }
        (before, before)
    }
}
