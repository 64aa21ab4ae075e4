//! A report in the log when a fatal signal ends the process (`crash-log-enabled`).
//!
//! Whatever the process was doing when the signal arrived, the handler may only do what needs no lock and no memory: it
//! formats into an array on its stack, opens the log and writes. Everything else that it needs is stored in advance.

use super::log;
use base::VERSION;
use engine::table;
use std::ffi::{c_int, c_void};
use std::fmt::{self, Write};
use std::mem::MaybeUninit;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// The signals that the kernel sends to a process after a fatal error.
const FATAL: [c_int; 5] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGABRT,
];

static ENABLED: AtomicBool = AtomicBool::new(true);
/// True once a report has been begun.
static REPORTED: AtomicBool = AtomicBool::new(false);
static BEFORE: OnceLock<Before> = OnceLock::new();

/// What is prepared before any error.
struct Before {
    /// Where the program was loaded. Subtracting this from an address gives the address in its file.
    base: usize,
    /// The previous action of each signal in [`FATAL`]: the runtime reports a stack overflow.
    actions: [libc::sigaction; FATAL.len()],
}

/// `crash-log-enabled`
pub fn set_enabled(enabled: bool) {
    ENABLED.store(enabled, Ordering::Relaxed);
}

/// Installs the report of fatal signals.
pub fn install() {
    // SAFETY: all-zero is a valid action, which the kernel fills in.
    let mut actions: [libc::sigaction; FATAL.len()] = unsafe { std::mem::zeroed() };
    for (signal, before) in FATAL.iter().zip(&mut actions) {
        // SAFETY: the pointer is valid for the call, which only reads what is in force.
        unsafe { libc::sigaction(*signal, std::ptr::null(), before) };
    }
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let base = maps.split('-').next();
    let base = base.and_then(|base| usize::from_str_radix(base, 16).ok());
    let first = BEFORE.set(Before {
        base: base.unwrap_or(0),
        actions,
    });
    if first.is_err() {
        return;
    }
    let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) = report;
    for signal in FATAL {
        // SAFETY: the action is valid; `report` does only what a handler may, on the signal stack that the runtime
        // gives to each thread. While it runs, another fatal signal of its own ends the process.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handler as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigaction(signal, &action, std::ptr::null_mut());
        }
    }
}

/// Writes the report and lets the signal do what it does without one.
extern "C" fn report(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel gives a handler with SA_SIGINFO both structures.
    let (code, address, sender) = unsafe { ((*info).si_code, (*info).si_addr(), (*info).si_pid()) };
    let sent = code <= 0;
    if ENABLED.load(Ordering::Relaxed) && !REPORTED.swap(true, Ordering::Relaxed) {
        let mut out = Report::open();
        out.raw(b"\n\n=== REDIS BUG REPORT START: Cut & paste starting from here ===\n");
        out.line(format_args!(
            "Forebay {VERSION} crashed by signal: {signal}, si_code: {code}"
        ));
        if sent {
            out.line(format_args!("Killed by PID: {sender}"));
        } else {
            out.line(format_args!("Accessing address: {address:p}"));
        }
        let base = BEFORE.get().map_or(0, |before| before.base);
        // SAFETY: the kernel gave this context to the handler, which still runs.
        if let Some(at) = unsafe { instruction(context) } {
            out.line(format_args!(
                "Crashed running the instruction at: {at:#x}, in the program's file at: {:#x}",
                at.wrapping_sub(base)
            ));
        }
        out.line(format_args!("Thread: {}", Name::of_this_thread()));
        match engine::running::last().map(|(command, client)| (name_of(command), client)) {
            Some((command, client)) => out.line(format_args!(
                "The command that began last: {command}, of client id={client}"
            )),
            None => out.line(format_args!("No command has begun")),
        }
        out.raw(b"\n=== REDIS BUG REPORT END. ===\n\n");
    }
    // SAFETY: the actions are valid. These calls may be made in a handler.
    unsafe {
        let runtimes = BEFORE.get().map(|before| &before.actions);
        let nth = FATAL.iter().position(|fatal| *fatal == signal);
        match (runtimes, nth) {
            // The error occurs again when this returns, and the previous action handles it.
            (Some(actions), Some(nth)) if !sent && signal != libc::SIGABRT => {
                libc::sigaction(signal, &actions[nth], std::ptr::null_mut());
            }
            _ => {
                libc::signal(signal, libc::SIG_DFL);
                libc::raise(signal);
            }
        }
    }
}

/// The name of the command of this number.
fn name_of(number: usize) -> &'static str {
    let all = table::all().flat_map(|command| std::iter::once(command).chain(&command.subcommands));
    let mut all = all.filter(|command| command.index == number);
    all.next().map_or("?", |command| command.name)
}

/// The address of the instruction that was interrupted.
///
/// # Safety
/// `context` is what the kernel gave to a handler.
unsafe fn instruction(context: *mut c_void) -> Option<usize> {
    let context = context.cast::<libc::ucontext_t>();
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the caller promises a context of the kernel's, which holds the registers of this processor.
    return unsafe { Some((*context).uc_mcontext.gregs[libc::REG_RIP as usize] as usize) };
    #[cfg(target_arch = "aarch64")]
    // SAFETY: the caller promises a context of the kernel's, which holds the registers of this processor.
    return unsafe { Some((*context).uc_mcontext.pc as usize) };
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        let _ = context;
        None
    }
}

/// The name of a thread as the kernel knows it: up to 15 bytes.
struct Name([u8; 16]);

impl Name {
    fn of_this_thread() -> Name {
        let mut name = [0; 16];
        // SAFETY: the kernel writes at most 16 bytes.
        unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
        Name(name)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.split(|byte| *byte == 0).next().unwrap_or_default();
        f.write_str(std::str::from_utf8(name).unwrap_or("?"))
    }
}

/// The log, open for the report.
struct Report {
    file: c_int,
    role: char,
}

impl Report {
    fn open() -> Report {
        let path = log::path_for_reports();
        let flags = libc::O_APPEND | libc::O_CREAT | libc::O_WRONLY | libc::O_CLOEXEC;
        // SAFETY: the path ends with a zero; the mode is that of the log.
        let file = path.map_or(-1, |path| unsafe {
            libc::open(path.as_ptr(), flags, 0o644)
        });
        Report {
            file: if file < 0 { libc::STDOUT_FILENO } else { file },
            role: log::role(),
        }
    }

    /// A line of the log. It says the Unix time in milliseconds: the local time needs locks.
    fn line(&mut self, text: fmt::Arguments<'_>) {
        let mut now = MaybeUninit::<libc::timespec>::zeroed();
        // SAFETY: the clock is there, and all-zero is a valid time.
        let now = unsafe {
            libc::clock_gettime(libc::CLOCK_REALTIME, now.as_mut_ptr());
            now.assume_init()
        };
        let (ms, pid) = (
            now.tv_sec * 1000 + now.tv_nsec / 1_000_000,
            std::process::id(),
        );
        let mut line = Line::default();
        // What does not fit is left out.
        let _ = writeln!(line, "{pid}:{} {ms} # {text}", self.role);
        self.raw(&line.bytes[..line.len]);
    }

    fn raw(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            // SAFETY: the bytes are there.
            let n = unsafe { libc::write(self.file, bytes.as_ptr().cast(), bytes.len()) };
            match usize::try_from(n) {
                Ok(n) if n > 0 => bytes = &bytes[n..],
                // A handler that crashes does not try again.
                _ => return,
            }
        }
    }
}

/// A line that needs no memory from the allocator.
struct Line {
    bytes: [u8; 400],
    len: usize,
}

impl Default for Line {
    fn default() -> Self {
        Line {
            bytes: [0; 400],
            len: 0,
        }
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = &mut self.bytes[self.len..];
        let n = text.len().min(room.len());
        room[..n].copy_from_slice(&text.as_bytes()[..n]);
        self.len += n;
        Ok(())
    }
}

/// DEBUG SEGFAULT: writes to memory that may only be read.
pub fn fault() {
    // SAFETY: the page is new and belongs to nobody. The write is not allowed and ends the process, as is wanted; the
    // test is for a system without a page.
    unsafe {
        let (none, read) = (std::ptr::null_mut(), libc::PROT_READ);
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let page = libc::mmap(none, 4096, read, flags, -1, 0);
        if page != libc::MAP_FAILED {
            page.cast::<u8>().write_volatile(b'x');
        }
    }
}
