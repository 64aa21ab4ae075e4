//! INFO persistence.

use super::{Saves, Writer, Writers};
use engine::{Engine, Loading};
use std::fmt::Write;
use std::sync::atomic::Ordering;

impl<W: Writers> Saves<W> {
    /// How much of the dataset that is being loaded is there, in percent; `None` if none is.
    pub fn loaded_percent(&self) -> Option<u64> {
        let state = self.state.borrow();
        let loading = state.loading.as_ref()?;
        let bytes = loading.progress.bytes.load(Ordering::Relaxed);
        Some(
            (bytes * 100)
                .checked_div(loading.total)
                .unwrap_or(0)
                .min(99),
        )
    }

    /// INFO persistence, without its header. `slices` are the lines about the time that clients waited.
    pub fn info(&self, engine: &Engine, slices: &str, out: &mut String) {
        let now_ms = self.writers.clock().steady_ms;
        let state = self.state.borrow();
        let running = state.running.as_ref();
        let disk = running.filter(|r| r.disk);
        let preserved = running.map_or(0, |r| r.held(engine));
        let done = running.map_or(0, |r| r.writer.progress().keys.load(Ordering::Relaxed));
        let total = running.map_or(0, |r| r.cut.dbs.iter().map(|d| d.keys).sum());
        let percent = if total > 0 {
            done as f64 * 100.0 / total as f64
        } else {
            0.0
        };
        let mut line = |name: &str, value: &dyn std::fmt::Display| {
            let _ = write!(out, "{name}:{value}\r\n");
        };
        line("loading", &u8::from(engine.loading == Loading::Blocking));
        line("async_loading", &u8::from(engine.loading == Loading::Async));
        line("current_cow_peak", &running.map_or(0, |r| r.preserved_peak));
        line("current_cow_size", &running.map_or(0, |_| preserved));
        line("current_cow_size_age", &0);
        line("current_fork_perc", &format_args!("{percent:.2}"));
        line("current_save_keys_processed", &done);
        line("current_save_keys_total", &total);
        line("rdb_changes_since_last_save", &engine.dirty);
        let saves = running.is_some_and(|r| !r.base);
        line("rdb_bgsave_in_progress", &u8::from(saves));
        line("rdb_last_save_time", &state.last_save);
        line(
            "rdb_last_bgsave_status",
            &if state.last_failed.is_some() {
                "err"
            } else {
                "ok"
            },
        );
        line(
            "rdb_last_bgsave_time_sec",
            &state.last_seconds.unwrap_or(-1),
        );
        let current = disk.map_or(-1, |r| (now_ms - r.started_ms) / 1000);
        line("rdb_current_bgsave_time_sec", &current);
        line("rdb_saves", &state.saves);
        line("rdb_last_save_bytes", &state.last_bytes);
        line("rdb_last_cow_size", &state.last_preserved_peak);
        line("rdb_last_load_keys_expired", &state.last_load.1);
        line("rdb_last_load_keys_loaded", &state.last_load.0);
        for (name, value) in [
            ("module_fork_in_progress", "0"),
            ("module_fork_last_cow_size", "0"),
        ] {
            line(name, &value);
        }
        out.push_str(slices);
        let mut line = |name: &str, value: &dyn std::fmt::Display| {
            let _ = write!(out, "{name}:{value}\r\n");
        };
        line("snapshot_preserved_bytes", &preserved);
        if let Some(running) = running {
            let bytes = running.writer.progress().bytes.load(Ordering::Relaxed);
            let seconds = (now_ms - running.started_ms) as f64 / 1000.0;
            let left = total.saturating_sub(done) as f64 * seconds / done.max(1) as f64;
            let phase = if running.walking {
                "walking"
            } else {
                "writing"
            };
            line("snapshot_phase", &phase);
            line(
                "snapshot_target",
                &match (running.disk, running.base) {
                    (true, _) => "disk",
                    (_, true) => "append-only file",
                    _ => "replicas sockets",
                },
            );
            line("snapshot_bytes_written", &bytes);
            line("snapshot_eta_seconds", &format_args!("{left:.1}"));
        }
        if let Some(reason) = &state.last_failed {
            line("rdb_last_bgsave_error", &reason.replace(['\r', '\n'], " "));
        }
        if let Some(loading) = &state.loading {
            let bytes = loading.progress.bytes.load(Ordering::Relaxed);
            let seconds = (now_ms - loading.started_ms) as f64 / 1000.0;
            let percent = if loading.total > 0 {
                bytes as f64 * 100.0 / loading.total as f64
            } else {
                0.0
            };
            let left = loading.total.saturating_sub(bytes) as f64 * seconds / bytes.max(1) as f64;
            line("loading_start_time", &loading.started_unix);
            line("loading_total_bytes", &loading.total);
            let used = loading.progress.used_memory.load(Ordering::Relaxed);
            line("loading_rdb_used_mem", &used);
            line("loading_loaded_bytes", &bytes);
            line(
                "loading_loaded_perc",
                &format_args!("{:.2}", percent.min(99.99)),
            );
            line("loading_eta_seconds", &(left as u64));
            line(
                "loading_loaded_keys",
                &loading.progress.keys.load(Ordering::Relaxed),
            );
        }
    }
}
