//! Properties of the process: its working directory, its limits, its pid file.

use super::daemon;
use config::Config;

/// Changes the working directory to `dir`. Returns its absolute path.
///
/// # Errors
/// The system's text.
pub fn enter(dir: &str) -> Result<String, String> {
    let entered = std::env::set_current_dir(dir).and_then(|()| std::env::current_dir());
    match entered {
        Ok(path) => Ok(path.to_string_lossy().into_owned()),
        Err(e) => Err(super::strerror(&e)),
    }
}

/// Descriptors in addition to those of clients: files, listeners, links.
const SPARE_FILES: u64 = 32;

/// Raises the limit of open files so that `maxclients` fit. At start `maxclients` shrinks to what there
/// is.
///
/// # Errors
/// How many clients there can be, if that is none or (at run time) fewer than wanted.
pub fn raise_limits(config: &mut Config, at_start: bool) -> Result<(), i64> {
    let wanted = config.maxclients as u64 + SPARE_FILES;
    let (before, now) = daemon::raise_open_files(wanted);
    if now >= wanted {
        if at_start && now > before {
            tracing::info!(
                "Increased maximum number of open files to {now} (it was originally set to {before})."
            );
        }
        return Ok(());
    }
    let possible = now.saturating_sub(SPARE_FILES) as i64;
    if possible == 0 || !at_start {
        return Err(possible);
    }
    tracing::warn!(
        "You requested maxclients of {} requiring at least {wanted} max file descriptors.",
        config.maxclients
    );
    config.maxclients = possible;
    tracing::warn!(
        "Current maximum open files is {now}. maxclients has been reduced to {possible} to compensate for low ulimit. If you need higher maxclients increase 'ulimit -n'."
    );
    Ok(())
}

/// The file to which the process id is written.
pub fn pid_file(config: &Config) -> &str {
    match config.pidfile.as_str() {
        "" => "/var/run/redis.pid",
        path => path,
    }
}
