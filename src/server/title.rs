//! The title that `ps` shows (`set-proc-title`, `proc-title-template`).
//!
//! Linux shows the memory in which the process received its arguments and its environment. The environment is moved
//! elsewhere, so that a title can use the space of both.

use config::Config;
use config::kind::fill_title;
use std::ffi::{CStr, c_char};
use std::sync::OnceLock;

unsafe extern "C" {
    static mut environ: *mut *mut c_char;
}

/// The memory that the system shows, and what it showed first.
struct Place {
    start: usize,
    len: usize,
    program: String,
}

static PLACE: OnceLock<Place> = OnceLock::new();

/// Takes over the memory of the arguments, which must not be read afterwards. Without /proc there are no titles.
///
/// # Safety
/// The process has one thread, and reads neither its arguments nor holds a reference into its environment any more.
pub unsafe fn take_over(program: String) {
    let Some([arguments, arguments_end, environment, environment_end]) = bounds() else {
        return;
    };
    let mut end = arguments_end;
    if environment == arguments_end {
        // SAFETY: the caller promises that this thread is the only one. Each entry up to the null is a string with a
        // zero at its end, and its copy lives as long as the process.
        unsafe {
            let mut entry = environ;
            while !entry.is_null() && !(*entry).is_null() {
                if (environment..environment_end).contains(&(*entry as usize)) {
                    *entry = CStr::from_ptr(*entry).to_owned().into_raw();
                }
                entry = entry.add(1);
            }
        }
        end = environment_end;
    }
    let _ = PLACE.set(Place {
        start: arguments,
        len: end - arguments,
        program,
    });
}

/// Where the kernel has put arguments and environment: first byte and end of each.
fn bounds() -> Option<[usize; 4]> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name in parentheses may hold anything; the field after it is the third.
    let after = stat.rsplit_once(')')?.1;
    let mut fields = after.split_whitespace().skip(48 - 3);
    let mut next = || fields.next()?.parse().ok().filter(|n| *n > 0);
    let bounds = [next()?, next()?, next()?, next()?];
    (bounds.is_sorted() && bounds[0] < bounds[1]).then_some(bounds)
}

/// Shows the title that `config` describes.
pub fn show(config: &Config, config_file: &str) {
    let (true, Some(place)) = (config.set_proc_title, PLACE.get()) else {
        return;
    };
    // A template that says nothing known was refused when it was set.
    let title = fill_title(&config.proc_title_template, |variable| {
        Some(match variable {
            "title" => place.program.clone(),
            "listen-addr" => listen_address(config),
            // Standalone servers have no mode.
            "server-mode" => String::new(),
            "port" => config.port.to_string(),
            "tls-port" => config.tls_port.to_string(),
            "unixsocket" => config.unixsocket.clone(),
            "config-file" => config_file.to_owned(),
            _ => return None,
        })
    });
    let Some(title) = title else {
        return;
    };
    let title = title.trim_end().as_bytes();
    // The last byte stays a zero, which ends the title for the kernel.
    let shown = title.len().min(place.len - 1);
    // SAFETY: `place` is memory of this process that is there as long as it runs, may be written to, and that nobody
    // else reads or writes (see `take_over`); the copy ends before its end.
    unsafe {
        let start = place.start as *mut u8;
        start.write_bytes(0, place.len);
        std::ptr::copy_nonoverlapping(title.as_ptr(), start, shown);
    }
}

/// The first address that clients connect to.
fn listen_address(config: &Config) -> String {
    if config.port == 0 && config.tls_port == 0 {
        return config.unixsocket.clone();
    }
    let port = if config.port != 0 {
        config.port
    } else {
        config.tls_port
    };
    let address = config.bind.first().map_or("*", String::as_str);
    format!("{address}:{port}")
}
