//! The temporary files that this process is writing.
//!
//! A process that ends without waiting for its threads removes them, and no thread may make another one meanwhile: a
//! file is made and noted under the lock that [`remove_all_and`] keeps to the end.

use super::{Disk, Machine};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn all() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a file, which is noted.
pub(super) fn make<F, E>(path: &Path, make: impl FnOnce() -> Result<F, E>) -> Result<F, E> {
    let mut all = all();
    let file = make()?;
    all.insert(path.to_owned());
    Ok(file)
}

/// The file is finished, or is not there any more.
pub(super) fn forget(path: &Path) {
    all().remove(path);
}

/// Removes all of them and ends the process by `end`. What cannot be removed stays for the next start, which clears up.
pub fn remove_all_and(end: impl FnOnce()) {
    let all = all();
    for path in all.iter() {
        let _ = Machine.remove(path);
    }
    end();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Aside;

    #[test]
    fn a_file_is_noted_until_it_is_finished_or_dropped() {
        let dir = tempfile::tempdir().expect("a directory");
        let aside = || {
            let made = Aside::create_in(&Machine, dir.path(), ("temp-", ".rdb"), 0o644);
            made.expect("created")
        };
        let noted = |path: &Path| all().contains(path);
        let (dropped, placed, left) = (aside(), aside(), aside());
        let paths = [&dropped, &placed, &left].map(|file| file.path().to_owned());
        assert!(paths.iter().all(|path| noted(path)));
        drop(dropped);
        let to = dir.path().join("dump.rdb");
        let placed = placed.sync().and_then(|file| file.place(&to));
        drop(placed.expect("placed"));
        assert_eq!(
            [&paths[0], &paths[1], &paths[2]].map(|p| noted(p)),
            [false, false, true]
        );
        drop(left);
        assert!(!noted(&paths[2]));
    }
}
