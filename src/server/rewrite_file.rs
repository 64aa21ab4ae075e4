//! Writing the files of CONFIG REWRITE and ACL SAVE: to a temporary file, which is synced and renamed.

use config::{Config, rewrite};
use disk::{Aside, Disk, DiskFile, Machine, directory_of};
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// How the names of temporary files begin and end.
pub const TEMPORARY: (&str, &str) = (".forebay-", ".conf");

/// The mode of a file that was not there: it may hold passwords.
const MODE: u32 = 0o600;

/// Rewrites `path` with the running values, and lines for these users. The old file stays in place until the new one is
/// complete. If `path` is a symbolic link, the file that it names is replaced and the link stays. Anything but a
/// regular file is left alone.
///
/// # Errors
/// The system's, from whichever step failed.
pub fn rewrite(path: &Path, config: &Config, users: &[Vec<Vec<u8>>]) -> io::Result<()> {
    replace_on(&Machine, &regular(path)?, |old| {
        let old = String::from_utf8(old).map_err(io::Error::other)?;
        Ok(rewrite::rewrite(&old, config, users).into_bytes())
    })
}

/// As [`rewrite()`], with every directive, also those at their defaults.
///
/// # Errors
/// The system's, from whichever step failed.
pub fn rewrite_all(path: &Path, config: &Config, users: &[Vec<Vec<u8>>]) -> io::Result<()> {
    replace_on(&Machine, &regular(path)?, |old| {
        let old = String::from_utf8(old).map_err(io::Error::other)?;
        Ok(rewrite::rewrite_all(&old, config, users).into_bytes())
    })
}

/// Puts `text` in the place of a file, as [`rewrite()`] does it.
///
/// # Errors
/// The system's, from whichever step failed.
pub fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    replace_on(&Machine, &regular(path)?, |_| Ok(text.to_vec()))
}

/// The file that a path leads to, unless that is not a regular file.
fn regular(path: &Path) -> io::Result<PathBuf> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    match fs::metadata(&path).is_ok_and(|there| !there.is_file()) {
        true => Err(io::Error::other("not a regular file")),
        false => Ok(path),
    }
}

/// On any disk, and for a path that is not a link: puts what `new` makes of a file in its place.
pub(crate) fn replace_on<D: Disk>(
    disk: &D,
    path: &Path,
    new: impl FnOnce(Vec<u8>) -> io::Result<Vec<u8>>,
) -> io::Result<()> {
    let (old, mode) = match disk.open(path) {
        Ok(mut file) => {
            let mut old = Vec::new();
            file.read_to_end(&mut old)?;
            (old, file.mode()?)
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => (Vec::new(), MODE),
        Err(e) => return Err(e),
    };
    let text = new(old)?;
    let mut aside = Aside::create_in(disk, directory_of(path), TEMPORARY, MODE)?;
    aside.write_all(&text)?;
    aside.file().set_mode(mode)?;
    aside.sync()?.place(path)?.sync_directory()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_replaced_in_whole_and_keeps_its_mode() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a.conf");
        fs::write(&path, "# mine\nhz 10\n").expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("set");
        let config = Config {
            hz: 20,
            ..Config::default()
        };
        rewrite(&path, &config, &[]).expect("rewritten");
        assert_eq!(fs::read_to_string(&path).expect("read"), "# mine\nhz 20\n");
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        assert_eq!(fs::read_dir(dir.path()).expect("read").count(), 1);
    }

    #[test]
    fn a_link_to_the_file_stays_one_and_what_is_no_file_is_left_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let (path, link) = (dir.path().join("a.conf"), dir.path().join("link.conf"));
        fs::write(&path, "hz 10\n").expect("written");
        std::os::unix::fs::symlink("a.conf", &link).expect("linked");
        let config = Config {
            hz: 20,
            ..Config::default()
        };
        rewrite(&link, &config, &[]).expect("rewritten");
        assert_eq!(fs::read_to_string(&path).expect("read"), "hz 20\n");
        assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
        assert!(rewrite(dir.path(), &config, &[]).is_err());
    }
}
