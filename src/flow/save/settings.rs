//! The directives that persistence reads.

use super::plan::HeatAs;
use config::Config;
use config::choices::SaveLoss;
use engine::heat::lru_clock;
use rdb::target::{OnLoss, Target};

/// The part of the configuration that a save needs, as it was when the save began.
pub struct Settings {
    /// `rdbcompression`
    pub compress: bool,
    /// `rdbchecksum`
    pub checksum: bool,
    /// `rdb-save-incremental-fsync`
    pub incremental_fsync: bool,
    /// `save`: pairs of seconds and changes.
    pub save_points: Vec<(i64, i64)>,
    /// `rdb-save-target`
    pub target: Target,
    /// `rdb-save-loss`
    pub on_loss: OnLoss,
    /// Heat is written under policies that evict by use.
    pub heat: HeatAs,
}

impl Settings {
    /// Reads them.
    pub fn read(config: &Config, steady_ms: i64) -> Settings {
        use config::choices::MaxmemoryPolicy as Policy;
        Settings {
            compress: config.rdbcompression,
            checksum: config.rdbchecksum,
            incremental_fsync: config.rdb_save_incremental_fsync,
            save_points: config.save.iter().map(|p| (p.seconds, p.changes)).collect(),
            target: Target::from_name(config.rdb_save_target.name()).unwrap_or_default(),
            on_loss: match config.rdb_save_loss {
                SaveLoss::Refuse => OnLoss::Refuse,
                SaveLoss::Report => OnLoss::Report,
            },
            heat: match config.maxmemory_policy {
                Policy::AllkeysLru | Policy::VolatileLru => HeatAs::Idle(lru_clock(steady_ms)),
                Policy::AllkeysLfu | Policy::VolatileLfu => HeatAs::Freq,
                _ => HeatAs::Nothing,
            },
        }
    }
}
