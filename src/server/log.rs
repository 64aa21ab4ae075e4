//! Log lines in the form of Redis, from `tracing` events.
//!
//! `<pid>:<role> <day> <month> <year> <time>.<ms> <sign> <text>`; the sign is `.` debug, `-` verbose,
//! `*` notice, `#` warning, which are tracing's trace, debug, info and warn. With
//! `log-timestamp-format iso8601` the time is ISO 8601 with microseconds and the zone's offset.
//!
//! As in Redis, the file is opened for each line, so it may be moved away at any time.

use super::clock;
use super::local_time::local_time;
use super::syslog::Syslog;
use base::LogLevel;
use config::choices::{LogThreshold, LogTimestamp};
use std::ffi::{CStr, CString};
use std::fmt::{self, Write as _};
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Which process writes: the letter after the process number in a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Starting up, or a background job.
    Child,
    /// A primary.
    Primary,
    /// A replica.
    Replica,
}

/// What lines look like and where they go.
#[derive(Debug)]
struct Settings {
    path: String,
    timestamp: LogTimestamp,
    syslog: Option<Syslog>,
}

static SETTINGS: Mutex<Settings> = Mutex::new(Settings {
    path: String::new(),
    timestamp: LogTimestamp::Legacy,
    syslog: None,
});
/// Above every level.
const NO_LEVEL: u8 = u8::MAX;

/// The least important level that is written.
static LEVEL: AtomicU8 = AtomicU8::new(LogLevel::Notice as u8);
static ROLE: AtomicU8 = AtomicU8::new(b'C');
static INSTALLED: OnceLock<()> = OnceLock::new();
/// The path for who may not take the lock of the settings: a signal handler.
static PATH: OnceLock<CString> = OnceLock::new();

/// Starts logging; later calls change the settings only.
pub fn install() {
    INSTALLED.get_or_init(|| {
        // A subscriber of the process's own (in tests) stays.
        let _ = tracing::subscriber::set_global_default(Logger);
    });
}

/// Sets the destination: a path, or empty for standard output.
///
/// # Errors
/// If the file cannot be opened for appending.
pub fn set_file(path: &str) -> io::Result<()> {
    if !path.is_empty() {
        OpenOptions::new().append(true).create(true).open(path)?;
    }
    settings().path = path.to_owned();
    // A path with a zero in it could not have been opened.
    if let (false, Ok(path)) = (path.is_empty(), CString::new(path)) {
        let _ = PATH.set(path);
    }
    Ok(())
}

/// The file of the log, readable without a lock; `None` for standard output. It is set with the first file.
pub fn path_for_reports() -> Option<&'static CStr> {
    PATH.get().map(CString::as_c_str)
}

/// The letter of who writes.
pub fn role() -> char {
    char::from(ROLE.load(Ordering::Relaxed))
}

/// Sends all lines to the system's log too.
pub fn set_syslog(syslog: Syslog) {
    settings().syslog = Some(syslog);
}

/// Sets the least important level that is written.
pub fn set_level(threshold: LogThreshold) {
    let least = threshold.least().map_or(NO_LEVEL, |level| level as u8);
    LEVEL.store(least, Ordering::Relaxed);
    tracing::callsite::rebuild_interest_cache();
}

/// Sets the form of the time.
pub fn set_timestamp(format: LogTimestamp) {
    settings().timestamp = format;
}

/// Sets who writes.
pub fn set_role(role: Role) {
    let letter = match role {
        Role::Child => b'C',
        Role::Primary => b'M',
        Role::Replica => b'S',
    };
    ROLE.store(letter, Ordering::Relaxed);
}

/// Sets who writes once the server serves: a replica or a primary.
pub fn set_replica(is_replica: bool) {
    set_role(match is_replica {
        true => Role::Replica,
        false => Role::Primary,
    });
}

/// A line of this importance.
pub fn write(level: LogLevel, text: &str) {
    match level {
        LogLevel::Debug => tracing::trace!("{text}"),
        LogLevel::Verbose => tracing::debug!("{text}"),
        LogLevel::Notice => tracing::info!("{text}"),
        LogLevel::Warning => tracing::warn!("{text}"),
    }
}

fn settings() -> std::sync::MutexGuard<'static, Settings> {
    SETTINGS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The level of an event: [`write()`] in reverse. Tracing's errors are warnings too.
fn level_of(level: &Level) -> LogLevel {
    match *level {
        Level::TRACE => LogLevel::Debug,
        Level::DEBUG => LogLevel::Verbose,
        Level::INFO => LogLevel::Notice,
        Level::WARN | Level::ERROR => LogLevel::Warning,
    }
}

struct Logger;

impl Subscriber for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        level_of(metadata.level()) as u8 >= LEVEL.load(Ordering::Relaxed)
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        let mut settings = settings();
        let now = clock::unix_us();
        let line = line(settings.timestamp, now, event.metadata().level(), &text.0);
        // A log that cannot be written is no reason to stop serving.
        let _ = if settings.path.is_empty() {
            io::stdout().lock().write_all(line.as_bytes())
        } else {
            OpenOptions::new()
                .append(true)
                .create(true)
                .open(&settings.path)
                .and_then(|mut file| file.write_all(line.as_bytes()))
        };
        if let Some(syslog) = &mut settings.syslog {
            let level = level_of(event.metadata().level());
            let _ = syslog.send(level, &short_time(now), &text.0);
        }
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

fn line(timestamp: LogTimestamp, unix_us: i64, level: &Level, text: &str) -> String {
    let mut line = format!(
        "{}:{} ",
        std::process::id(),
        char::from(ROLE.load(Ordering::Relaxed))
    );
    // Writing into a String cannot fail.
    let _ = write_time(&mut line, timestamp, unix_us);
    let sign = level_of(level).sign();
    let _ = writeln!(line, " {sign} {text}");
    line
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// The time as the system's log has it.
fn short_time(unix_us: i64) -> String {
    let t = local_time(unix_us.div_euclid(1_000_000));
    let month = MONTHS[(t.month as usize - 1) % 12];
    let (day, hour, minute, second) = (t.day, t.hour, t.minute, t.second);
    format!("{month} {day:2} {hour:02}:{minute:02}:{second:02}")
}

fn write_time(out: &mut String, timestamp: LogTimestamp, unix_us: i64) -> fmt::Result {
    if timestamp == LogTimestamp::Milliseconds {
        return write!(out, "{}", unix_us / 1000);
    }
    let t = local_time(unix_us.div_euclid(1_000_000));
    let micros = unix_us.rem_euclid(1_000_000);
    if timestamp == LogTimestamp::Iso8601 {
        let minutes = t.offset.abs() / 60;
        let sign = if t.offset < 0 { '-' } else { '+' };
        return write!(
            out,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{micros:06}{sign}{:02}:{:02}",
            t.year,
            t.month,
            t.day,
            t.hour,
            t.minute,
            t.second,
            minutes / 60,
            minutes % 60
        );
    }
    let month = MONTHS[(t.month as usize - 1) % 12];
    write!(
        out,
        "{:02} {month} {} {:02}:{:02}:{:02}.{:03}",
        t.day,
        t.year,
        t.hour,
        t.minute,
        t.second,
        micros / 1000
    )
}

/// The text of an event.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends_with(timestamp: LogTimestamp, level: &Level) -> String {
        let line = line(timestamp, 1_700_000_000_123_456, level, "text");
        line.split_once(' ').expect("a prefix").1.to_owned()
    }

    #[test]
    fn lines_have_the_reference_servers_form() {
        let t = local_time(1_700_000_000);
        assert_eq!(
            ends_with(LogTimestamp::Legacy, &Level::INFO),
            format!(
                "{:02} Nov 2023 {:02}:{:02}:20.123 * text\n",
                t.day, t.hour, t.minute
            )
        );
        assert_eq!(
            ends_with(LogTimestamp::Milliseconds, &Level::WARN),
            "1700000000123 # text\n"
        );
        let iso = ends_with(LogTimestamp::Iso8601, &Level::DEBUG);
        assert!(
            iso.starts_with("2023-11-1") && iso.contains(":20.123456"),
            "{iso}"
        );
        assert!(iso.ends_with(" - text\n"), "{iso}");
    }
}
