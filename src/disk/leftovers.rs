//! Temporary files left behind by processes that were killed, or whose machine lost power.
//!
//! Two servers may use the same directory, even from different containers, where process numbers mean nothing to each
//! other. Therefore the number in a file's name does not say who owns it: the process that writes a file holds a lock
//! on it ([`Disk::create`]), which ends with the process. A file that has one of our names and is not locked has no
//! owner.

use super::Disk;
use std::io;
use std::path::Path;

/// Removes the temporary files in `directory` with names like those that [`Aside::create_in`](super::Aside::create_in)
/// makes of this prefix and suffix, unless a living process writes them. Gives their number.
///
/// # Errors
/// The directory cannot be read. A file that cannot be removed stays.
pub fn remove_leftovers<D: Disk>(
    disk: &D,
    directory: &Path,
    (prefix, suffix): (&str, &str),
) -> io::Result<usize> {
    let names = disk.list(directory)?;
    let ours = names
        .iter()
        .filter(|name| name.to_str().is_some_and(|n| is_ours(n, prefix, suffix)));
    let removed =
        ours.filter(|name| matches!(disk.remove_unlocked(&directory.join(name)), Ok(true)));
    Ok(removed.count())
}

/// True for `<prefix><number>-<number><suffix>`.
fn is_ours(name: &str, prefix: &str, suffix: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let inner = name
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_suffix(suffix));
    inner
        .and_then(|inner| inner.split_once('-'))
        .is_some_and(|(owner, n)| number(owner) && number(n))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Aside, Machine};
    use std::fs;
    use std::io::Write;

    #[test]
    fn only_what_is_named_as_ours_and_written_by_nobody_is_removed() {
        let dir = tempfile::tempdir().expect("a directory");
        let kinds = ("temp-", ".rdb");
        let mut living = Aside::create_in(&Machine, dir.path(), kinds, 0o644).expect("created");
        living.write_all(b"half").expect("written");
        let others = [
            "temp-12.rdb",
            "temp-1700000000.12.rdb",
            "temp-x-1.rdb",
            "temp-1-1.rdb.bak",
        ];
        for name in others.iter().chain(&["temp-12-0.rdb", "temp-12-77.rdb"]) {
            fs::write(dir.path().join(name), b"some").expect("written");
        }
        fs::create_dir(dir.path().join("temp-13-0.rdb")).expect("created");
        let removed = remove_leftovers(&Machine, dir.path(), kinds).expect("listed");
        assert_eq!(removed, 2);
        assert!(others.iter().all(|name| dir.path().join(name).exists()));
        assert!(living.path().exists());
        let place = dir.path().join("dump.rdb");
        let synced = living.sync().expect("synced");
        let placed = synced.place(&place).expect("renamed");
        drop(placed.sync_directory().expect("synced"));
        assert_eq!(fs::read(place).expect("it is there"), b"half");
    }

    #[test]
    fn a_file_whose_writer_is_gone_is_nobodys() {
        let dir = tempfile::tempdir().expect("a directory");
        let name = dir.path().join("temp-12-0.rdb");
        let file = Machine.create(&name, 0o644).expect("created");
        assert!(!Machine.remove_unlocked(&name).expect("looked at"));
        drop(file);
        assert!(Machine.remove_unlocked(&name).expect("removed"));
        assert!(!name.exists());
    }
}
