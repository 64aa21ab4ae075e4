//! CONFIG REWRITE's file: written beside the old one, synced, renamed.

use config::{Config, rewrite};
use disk::{Aside, Disk, DiskFile, Machine, directory_of};
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// How the names of temporary files begin and end.
pub const TEMPORARY: (&str, &str) = (".forebay-", ".conf");

/// The mode of a file that was not there: it may hold passwords.
const MODE: u32 = 0o600;

/// Rewrites `path` with the running values. The old file stays in place until the new one is complete. If `path` is a
/// symbolic link, the file that it names is replaced and the link stays. Anything but a regular file is left alone.
///
/// # Errors
/// The system's, from whichever step failed.
pub fn rewrite(path: &Path, config: &Config) -> io::Result<()> {
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return Err(io::Error::other("not a regular file"));
    }
    rewrite_on(&Machine, path, config)
}

/// As [`rewrite()`], on any disk, and for a path that is not a link.
pub(crate) fn rewrite_on<D: Disk>(disk: &D, path: &Path, config: &Config) -> io::Result<()> {
    let (old, mode) = match disk.open(path) {
        Ok(mut file) => (io::read_to_string(&mut file)?, file.mode()?),
        Err(e) if e.kind() == io::ErrorKind::NotFound => (String::new(), MODE),
        Err(e) => return Err(e),
    };
    let text = rewrite::rewrite(&old, config);
    let mut aside = Aside::create_in(disk, directory_of(path), TEMPORARY, MODE)?;
    aside.write_all(text.as_bytes())?;
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
        rewrite(&path, &config).expect("rewritten");
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
        rewrite(&link, &config).expect("rewritten");
        assert_eq!(fs::read_to_string(&path).expect("read"), "hz 20\n");
        assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
        assert!(rewrite(dir.path(), &config).is_err());
    }
}
