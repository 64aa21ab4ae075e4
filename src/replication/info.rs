//! `INFO replication`, in the order and spelling of Redis.

use super::role::Replication;
use std::fmt::Write;

/// A text as one line of INFO.
fn one_line(text: &str) -> String {
    text.replace(['\r', '\n'], " ")
}

impl Replication {
    /// The bytes of a full sync that have come, and those that will come in all (0 if the primary does not say), while
    /// this replica waits for one or receives it.
    pub fn incoming_sync(&self) -> Option<(u64, u64)> {
        let up = self.upstream.as_ref().filter(|up| up.link.is_syncing())?;
        Some((up.payload_read, up.payload_total))
    }

    /// The section's lines, without its header.
    pub fn info(&self, out: &mut String) {
        let mut line = |name: &str, value: &dyn std::fmt::Display| {
            write!(out, "{name}:{value}\r\n").expect("a String takes everything");
        };
        let s = &self.settings;
        line(
            "role",
            if self.is_replica() {
                &"slave"
            } else {
                &"master"
            },
        );
        if let Some(up) = &self.upstream {
            let (host, port) = up.link.primary();
            let seconds = |since_ms: u64| self.now_ms.saturating_sub(since_ms) / 1000;
            let is_up = up.link.is_up();
            line("master_host", &host);
            line("master_port", &port);
            line("master_link_status", if is_up { &"up" } else { &"down" });
            let io = if is_up {
                seconds(up.link.last_io_ms()) as i64
            } else {
                -1
            };
            line("master_last_io_seconds_ago", &io);
            line("master_sync_in_progress", &(up.link.is_syncing() as u8));
            let processed = match (&up.cached, is_up) {
                (_, true) => self.history.offset().get(),
                (Some((at, _)), _) => at.offset.get(),
                (None, _) => 1,
            };
            let read = processed + if is_up { up.unprocessed as i64 } else { 0 };
            line("slave_read_repl_offset", &read);
            line("slave_repl_offset", &processed);
            for (shown, whose) in [
                (s.rdb_channel, "replica_full_sync_buffer"),
                (s.dual_channel, "replicas_repl_buffer"),
            ] {
                if shown {
                    line(&format!("{whose}_size"), &up.collected);
                    line(&format!("{whose}_peak"), &up.collected_peak);
                }
            }
            if up.link.is_syncing() {
                let (total, read) = (up.payload_total as i64, up.payload_read as i64);
                let percent = match total {
                    0 => 0.0,
                    _ => read as f64 / total as f64 * 100.0,
                };
                line("master_sync_total_bytes", &total);
                line("master_sync_read_bytes", &read);
                line("master_sync_left_bytes", &(total - read));
                line("master_sync_perc", &format_args!("{percent:.2}"));
                let io = seconds(up.link.last_io_ms());
                line("master_sync_last_io_seconds_ago", &io);
            }
            if !is_up {
                let down = up.down_since_ms.map_or(-1, |since| seconds(since) as i64);
                line("master_link_down_since_seconds", &down);
            }
            let diverged = &self.divergence;
            if !diverged.reason.is_empty() {
                line("replica_unknown_commands", &diverged.unknown_commands);
                line("replica_diverged_resyncs", &diverged.resyncs);
                line("replica_diverged_reason", &one_line(&diverged.reason));
            }
            line("slave_priority", &s.priority);
            line("slave_read_only", &(s.read_only as u8));
            line("replica_announced", &(s.announced as u8));
        }
        line("connected_slaves", &self.primary.connected());
        if s.min_replicas > 0 && s.min_replicas_lag_ms > 0 {
            line("min_slaves_good_slaves", &self.primary.good());
        }
        let shown = self
            .primary
            .replicas()
            .filter_map(|(_, r)| Some((r, r.info()?)));
        for (i, (r, state)) in shown.enumerate() {
            let port = r.conf.listening_port;
            let lag = r.lag_s(self.now_ms);
            // What is online has one connection again.
            let kind = match r.channel.info() {
                Some(kind) if state != "online" => format!(",type={kind}"),
                _ => String::new(),
            };
            line(
                &format!("slave{i}"),
                &format_args!(
                    "ip={},port={port},state={state},offset={},lag={lag}{kind}",
                    r.ip(),
                    r.ack
                ),
            );
        }
        if s.dual_channel {
            line("replicas_waiting_psync", &self.primary.waiting_first());
        }
        line("master_failover_state", &self.failover_state());
        line("master_replid", &self.history.id());
        let second = self.history.second();
        match second {
            Some((id, _)) => line("master_replid2", &id),
            None => line("master_replid2", &"0".repeat(40)),
        }
        line("master_repl_offset", &self.history.offset());
        line(
            "second_repl_offset",
            &second.map_or(-1, |(_, up_to)| up_to.get()),
        );
        let log = self.history.backlog();
        line("repl_backlog_active", &(log.is_some() as u8));
        line("repl_backlog_size", &self.history.backlog_bytes_max());
        let first = log.map_or(0, |l| l.first().get());
        line("repl_backlog_first_byte_offset", &first);
        line("repl_backlog_histlen", &log.map_or(0, |l| l.len()));
        line("repl_backlog_disk_bytes", &log.map_or(0, |l| l.on_disk()));
        line("repl_backlog_disk_size", &s.backlog_disk_bytes);
        let archived = self.history.archived();
        let (first, held) = archived.map_or((0, 0), |(first, last)| {
            (first.get(), last.get() - first.get() + 1)
        });
        line("repl_backlog_disk_first_byte_offset", &first);
        line("repl_backlog_disk_histlen", &held);
        let holds = &self.primary.holds;
        if holds.failed > 0 {
            let doubts = &self.primary.doubts;
            let wait_ms = holds.longest_ms(self.now_ms);
            let wait_s = wait_ms
                .max(doubts.longest_wait_ms(self.now_ms))
                .div_ceil(1000);
            line("full_sync_payloads_failed", &holds.failed);
            line("full_sync_last_failure", &one_line(&holds.why));
            line("full_sync_next_in_seconds", &wait_s);
        }
        self.primary.syncs.info(out);
        self.received.info(out);
    }
}
