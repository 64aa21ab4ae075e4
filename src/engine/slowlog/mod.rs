//! The logs of slow and large commands, and other code that watches for slow commands.

mod logs;

pub use logs::{CommandLogs, Log, LogEntry, LogKind};

use crate::redact;
use crate::spec::Flags;
use crate::table::Entry;
use crate::{Args, ClientFlags, Engine, Session};

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
        let bytes = |directive: i64| usize::try_from(directive).unwrap_or(usize::MAX);
        self.watch_request = bytes(self.config.commandlog_request_larger_than);
        self.watch_reply = bytes(self.config.commandlog_reply_larger_than);
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
        if slow >= 0 && micros >= slow {
            self.keep(LogKind::Slow, micros, client, command, args);
        }
    }

    /// A request, or its reply, has at least [`Engine::watch_request`] or [`Engine::watch_reply`] bytes.
    #[cold]
    pub fn note_large(
        &mut self,
        client: &Session,
        command: &Entry,
        args: Args<'_>,
        (request, reply): (usize, usize),
    ) {
        for (kind, bytes, least) in [
            (LogKind::LargeRequest, request, self.watch_request),
            (LogKind::LargeReply, reply, self.watch_reply),
        ] {
            if bytes >= least {
                self.keep(kind, bytes as i64, client, command, args);
            }
        }
    }

    fn keep(
        &mut self,
        kind: LogKind,
        value: i64,
        client: &Session,
        command: &Entry,
        args: Args<'_>,
    ) {
        if command.flags.contains(Flags::SKIP_SLOWLOG) {
            return;
        }
        let config = &self.config;
        let max = match kind {
            LogKind::Slow => config.slowlog_max_len,
            LogKind::LargeRequest => config.commandlog_large_request_max_len,
            LogKind::LargeReply => config.commandlog_large_reply_max_len,
        };
        if max == 0 {
            // Entries that nobody can see have no numbers.
            return;
        }
        let kept = Kept {
            args: config.slowlog_entry_max_argc as usize,
            bytes: config.slowlog_entry_max_string_len as usize,
        };
        let log = self.command_logs.of_mut(kind);
        let entry = LogEntry {
            id: log.next_id,
            unix_s: self.clock.unix_ms / 1000,
            value,
            args: shorten(Args(&redact::shown(command, args)), kept),
            addr: client.addr.clone(),
            name: client.name.clone(),
        };
        log.next_id += 1;
        log.entries.push_front(entry);
        log.entries.truncate(max as usize);
    }
}

/// How much of a request an entry keeps: of more arguments or bytes, the end says how many.
#[derive(Clone, Copy)]
struct Kept {
    args: usize,
    bytes: usize,
}

fn shorten(args: Args<'_>, most: Kept) -> Vec<Vec<u8>> {
    let kept = match args.len() {
        n if n > most.args => most.args - 1,
        n => n,
    };
    let mut out: Vec<Vec<u8>> = args.0[..kept]
        .iter()
        .map(|arg| match arg.len() {
            n if n > most.bytes => {
                let more = format!("... ({} more bytes)", n - most.bytes);
                [&arg[..most.bytes], more.as_bytes()].concat()
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
        let most = Kept {
            args: 32,
            bytes: 128,
        };
        let shown = shorten(Args(&many), most);
        assert_eq!(shown.len(), 32);
        assert!(shown[0].ends_with(b"xxx... (72 more bytes)"));
        assert_eq!(shown[31], b"... (9 more arguments)");
    }
}
