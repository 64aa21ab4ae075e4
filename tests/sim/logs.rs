//! How the append-only files of the simulation are configured, and what operators do to them.

use super::disk::{LOG, Operation};
use forebay::base::Rng;
use forebay::config::Config;
use forebay::config::choices::AppendFsync;

/// What fails on a disk that has faults; `None`: everything.
pub const FAULTS: [Option<Operation>; 6] = [
    None,
    Some(Operation::Write),
    Some(Operation::Sync),
    Some(Operation::Name),
    Some(Operation::SyncDirectory),
    Some(Operation::Open),
];

/// The configuration of a server that may have a log.
pub fn configure(rng: &mut Rng, config: Config) -> Config {
    let fsyncs = [
        AppendFsync::Always,
        AppendFsync::Always,
        AppendFsync::Everysec,
        AppendFsync::Everysec,
        AppendFsync::No,
    ];
    Config {
        dir: "/data".to_owned(),
        appenddirname: LOG.to_owned(),
        appendonly: rng.below(5) > 0,
        appendfsync: fsyncs[rng.below(5) as usize],
        no_appendfsync_on_rewrite: rng.below(6) == 0,
        auto_aof_rewrite_percentage: [0, 50, 100][rng.below(3) as usize],
        auto_aof_rewrite_min_size: 1 << (10 + rng.below(6)),
        aof_use_rdb_preamble: rng.below(4) > 0,
        aof_timestamp_enabled: rng.below(4) == 0,
        aof_disable_auto_gc: rng.below(4) == 0,
        aof_buffer_limit: [64 << 20, 1 << 14][rng.below(2) as usize],
        ..config
    }
}

/// What fails on the disk of this server. Where bytes count as written that no sync has covered, no sync fails: what the
/// system then drops is nowhere else, and may be in the midst of the log.
pub fn fault(kind: Option<Operation>, config: &Config) -> Option<Operation> {
    let unsynced = config.appendfsync == AppendFsync::No || config.no_appendfsync_on_rewrite;
    match kind {
        None | Some(Operation::Sync) if unsynced => Some(Operation::Write),
        kind => kind,
    }
}

/// An operator's command.
pub fn setting(rng: &mut Rng) -> [&'static str; 4] {
    let (name, value) = match rng.below(8) {
        0..=1 => ("appendonly", "no"),
        2..=4 => ("appendonly", "yes"),
        5 => ("appendfsync", "always"),
        6 => ("appendfsync", "everysec"),
        _ => ("appendfsync", "no"),
    };
    ["CONFIG", "SET", name, value]
}
