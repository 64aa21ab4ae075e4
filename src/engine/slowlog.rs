//! The slow log, and what else looks at commands that take long.

use crate::redact;
use crate::spec::Flags;
use crate::table::Entry;
use crate::{Args, ClientFlags, Engine, Session};
use std::collections::VecDeque;

/// Arguments of an entry; of more, the last says how many.
const ARGS_MAX: usize = 32;

/// Bytes of an argument of an entry.
const BYTES_MAX: usize = 128;

/// The log, newest first.
#[derive(Default)]
pub struct SlowLog {
    /// The requests, newest first.
    pub entries: VecDeque<SlowEntry>,
    next_id: i64,
}

/// A request that took long.
pub struct SlowEntry {
    /// The number of the entry, counted from the start of the server.
    pub id: i64,
    /// When the request ran, in Unix seconds.
    pub unix_s: i64,
    /// How long it took, in microseconds.
    pub micros: i64,
    /// Its arguments, shortened.
    pub args: Vec<Vec<u8>>,
    /// The address of the client.
    pub addr: String,
    /// The name of the client.
    pub name: Vec<u8>,
}

impl Engine {
    /// Keeps [`Engine::watch_from_ns`] equal to the directives, and to what a snapshot wants to know.
    pub fn watch_slow_commands(&mut self) {
        let slow = self.config.slowlog_log_slower_than;
        let slow = u64::try_from(slow).map_or(u64::MAX, |us| us.saturating_mul(1000));
        let spike = match self.config.latency_monitor_threshold {
            0 => u64::MAX,
            ms => (ms as u64).saturating_mul(1_000_000),
        };
        let longer = match self.watches_writes {
            true => self.longest_write_ns + 1,
            false => u64::MAX,
        };
        self.watch_from_ns = slow.min(spike).min(longer);
    }

    /// From now on, or no longer, [`Engine::longest_write_ns`] is that of the write commands that run.
    pub fn watch_writes(&mut self, watch: bool) {
        if watch {
            self.longest_write_ns = 0;
        }
        self.watches_writes = watch;
        self.watch_slow_commands();
    }

    /// A command took at least [`Engine::watch_from_ns`].
    #[cold]
    pub fn note_slow(&mut self, client: &Session, command: &Entry, args: Args<'_>, nanos: u64) {
        if client.flags.contains(ClientFlags::BLOCKED) {
            // It has only begun to wait: it counts when it is served.
            return;
        }
        if self.watches_writes && command.flags.contains(Flags::WRITE) {
            self.longest_write_ns = self.longest_write_ns.max(nanos);
            self.watch_slow_commands();
        }
        let event = match command.flags.contains(Flags::FAST) {
            true => "fast-command",
            false => "command",
        };
        let now_s = self.clock.unix_ms / 1000;
        let threshold = self.config.latency_monitor_threshold;
        self.latency
            .note(event, (nanos / 1_000_000) as i64, threshold, now_s);
        let micros = (nanos / 1000) as i64;
        let slow = self.config.slowlog_log_slower_than;
        if slow < 0 || micros < slow || command.flags.contains(Flags::SKIP_SLOWLOG) {
            return;
        }
        let entry = SlowEntry {
            id: self.slowlog.next_id,
            unix_s: now_s,
            micros,
            args: shorten(Args(&redact::shown(command, args))),
            addr: client.addr.clone(),
            name: client.name.clone(),
        };
        self.slowlog.next_id += 1;
        self.slowlog.entries.push_front(entry);
        let max = self.config.slowlog_max_len as usize;
        self.slowlog.entries.truncate(max);
    }
}

fn shorten(args: Args<'_>) -> Vec<Vec<u8>> {
    let kept = match args.len() {
        n if n > ARGS_MAX => ARGS_MAX - 1,
        n => n,
    };
    let mut out: Vec<Vec<u8>> = args.0[..kept]
        .iter()
        .map(|arg| match arg.len() {
            n if n > BYTES_MAX => {
                let more = format!("... ({} more bytes)", n - BYTES_MAX);
                [&arg[..BYTES_MAX], more.as_bytes()].concat()
            }
            _ => arg.to_vec(),
        })
        .collect();
    if args.len() > kept {
        out.push(format!("... ({} more arguments)", args.len() - kept).into_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_requests_are_shortened() {
        let long = vec![b'x'; 200];
        let many: Vec<&[u8]> = std::iter::once(long.as_slice())
            .chain(std::iter::repeat_n(b"a".as_slice(), 39))
            .collect();
        let shown = shorten(Args(&many));
        assert_eq!(shown.len(), ARGS_MAX);
        assert!(shown[0].ends_with(b"xxx... (72 more bytes)"));
        assert_eq!(shown[31], b"... (9 more arguments)");
    }
}
