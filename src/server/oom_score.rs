//! How soon the kernel kills this process when memory is short (`oom-score-adj`).

use config::Config;
use config::choices::OomScoreAdj;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::sync::Mutex;

const FILE: &str = "/proc/self/oom_score_adj";

/// What the file held before this process changed it; `None` if it has not.
static BEFORE: Mutex<Option<i64>> = Mutex::new(None);

/// Lets `config` take effect. A background save is not a separate process here, so the third of the values has no use.
///
/// # Errors
/// The error for the client: the system does not let the process lower its score below the one it was started with.
pub fn apply(config: &Config, is_replica: bool) -> Result<(), String> {
    let mut before = BEFORE.lock().unwrap_or_else(|poison| poison.into_inner());
    let set = adjust(config, is_replica, &mut before);
    set.map_err(|why| {
        tracing::warn!("Unable to write oom_score_adj: {why}");
        "Failed to set current oom_score_adj. Check server logs.".to_owned()
    })
}

fn adjust(config: &Config, is_replica: bool, before: &mut Option<i64>) -> Result<(), String> {
    let mode = config.oom_score_adj;
    if mode == OomScoreAdj::No && before.is_none() {
        return Ok(());
    }
    let base = match *before {
        Some(base) => base,
        None => {
            let text = fs::read_to_string(FILE).map_err(|e| super::strerror(&e))?;
            text.trim()
                .parse()
                .map_err(|_| format!("{FILE} says {text:?}"))?
        }
    };
    let [primary, replica, _] = config.oom_score_adj_values;
    let score = score(mode, base, if is_replica { replica } else { primary });
    let file = OpenOptions::new().write(true).open(FILE);
    let written = file.and_then(|mut file| file.write_all(score.to_string().as_bytes()));
    written.map_err(|e| super::strerror(&e))?;
    *before = (mode != OomScoreAdj::No).then_some(base);
    Ok(())
}

/// The score that `value` means for a process that had `base`.
fn score(mode: OomScoreAdj, base: i64, value: i64) -> i64 {
    let score = match mode {
        OomScoreAdj::No => base,
        OomScoreAdj::Absolute => value,
        OomScoreAdj::Yes | OomScoreAdj::Relative => base + value,
    };
    score.clamp(-1000, 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_is_relative_unless_it_is_absolute_and_has_bounds() {
        use OomScoreAdj::*;
        for (mode, base, value, expected) in [
            (No, 7, 100, 7),
            (Relative, 7, 100, 107),
            (Yes, 7, -100, -93),
            (Absolute, 7, 100, 100),
            (Relative, 500, 2000, 1000),
            (Absolute, 0, -2000, -1000),
        ] {
            assert_eq!(score(mode, base, value), expected);
        }
    }
}
