//! Cuts the end off a file and sets it aside under a name of its own, so that nothing is lost.

use super::{Disk, DiskFile, directory_of};
use std::fmt;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Bytes copied at once.
const PIECE: usize = 256 << 10;

/// Why a file was not cut off.
#[derive(Debug)]
pub struct CutError {
    /// What failed, as a verb.
    pub what: &'static str,
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

impl fmt::Display for CutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, path) = (self.what, self.path.display());
        write!(f, "cannot {what} {path}: {}", super::strerror(&self.source))
    }
}

impl std::error::Error for CutError {}

/// Keeps the first `keep` bytes of a file that has `size` bytes. Returns the file with the rest, which is durable before
/// the cut is made.
///
/// # Errors
/// The disk's, or the file has another size. It may have been cut off only if the disk refused to make that durable.
pub fn cut_off(disk: &impl Disk, path: &Path, size: u64, keep: u64) -> Result<PathBuf, CutError> {
    let failed = |what, path: &Path| {
        let path = path.to_owned();
        move |source| CutError { what, path, source }
    };
    let mut file = disk.open_to_write(path).map_err(failed("open", path))?;
    let found = file.size().map_err(failed("cut", path))?;
    if found != size {
        let why = "it was written to meanwhile: is its server running?";
        return Err(failed("cut", path)(io::Error::other(why)));
    }
    let (aside, mut rest) = create_aside(disk, path, keep)?;
    let mut copy = || {
        file.seek(SeekFrom::Start(keep))
            .map_err(failed("cut", path))?;
        let mut piece = vec![0; PIECE];
        loop {
            let n = file.read(&mut piece).map_err(failed("read", path))?;
            if n == 0 {
                break;
            }
            let wrote = rest.write_all(&piece[..n]);
            wrote.map_err(failed("write", &aside))?;
        }
        let durable = rest.sync();
        let durable = durable.and_then(|()| disk.sync_directory(directory_of(path)));
        durable.map_err(failed("write", &aside))
    };
    if let Err(error) = copy() {
        // A part of a copy is of no use, and each further attempt would leave another one.
        let _ = disk.remove(&aside);
        return Err(error);
    }
    let cut = file.truncate(keep).and_then(|()| file.sync());
    cut.map_err(failed("cut", path))?;
    Ok(aside)
}

/// Keeps the first `keep` bytes of a file, and nothing else. For a torn end that is worth nothing, on a disk that is
/// full.
///
/// # Errors
/// The disk's.
pub fn drop_end(disk: &impl Disk, path: &Path, keep: u64) -> Result<(), CutError> {
    let cut = || {
        let file = disk.open_to_write(path)?;
        file.truncate(keep)?;
        file.sync()
    };
    cut().map_err(|source| CutError {
        what: "cut",
        path: path.to_owned(),
        source,
    })
}

impl CutError {
    /// The disk has no room for what was to be set aside.
    pub fn is_full(&self) -> bool {
        matches!(
            self.source.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        )
    }
}

fn create_aside<D: Disk>(disk: &D, path: &Path, keep: u64) -> Result<(PathBuf, D::File), CutError> {
    let mut number = 0;
    loop {
        let mut name = path.to_owned().into_os_string();
        name.push(format!(".cut-at-{keep}"));
        if number > 0 {
            name.push(format!("-{number}"));
        }
        let path = PathBuf::from(name);
        match disk.create(&path, 0o644) {
            Ok(file) => return Ok((path, file)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(source) => {
                return Err(CutError {
                    what: "create",
                    path,
                    source,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{After, FakeDisk};

    #[test]
    fn at_every_moment_of_a_cut_all_bytes_are_there() {
        let (path, aside) = (Path::new("/log/a"), Path::new("/log/a.cut-at-2"));
        let disk = FakeDisk::with([("/log/a", b"abcde".as_slice())]);
        let made = cut_off(&disk, path, 5, 2).expect("nothing fails");
        assert_eq!(made, aside);
        let count = disk.operations();
        for k in 0..=count {
            for After(files) in disk.crashes_after(k) {
                let kept = files.get(path).expect("it is not removed");
                let whole = kept == b"abcde";
                let rest = files.get(aside).is_some_and(|rest| rest == b"cde");
                assert!(whole || (kept == b"ab" && rest), "{k}: {files:?}");
                assert!(k < count || !whole, "it was said to be durable");
            }
        }
    }

    #[test]
    fn whatever_fails_the_bytes_are_there_and_a_second_cut_has_a_name_of_its_own() {
        let path = Path::new("/log/a");
        let whole = FakeDisk::with([("/log/a", b"abcde".as_slice())]);
        cut_off(&whole, path, 5, 2).expect("nothing fails");
        for k in 0..whole.operations() {
            let disk = FakeDisk::with([("/log/a", b"abcde".as_slice())]);
            disk.fail_at(k);
            cut_off(&disk, path, 5, 2).expect_err("one operation fails");
            let kept = disk.read(path).expect("it is there");
            let rest = disk.read(Path::new("/log/a.cut-at-2"));
            let all = kept == b"abcde" || rest.as_deref() == Some(b"cde");
            assert!(all, "{k}");
            if kept == b"abcde" {
                let again = cut_off(&disk, path, 5, 2).expect("nothing fails");
                let second = rest.is_some();
                let name = if second {
                    "/log/a.cut-at-2-1"
                } else {
                    "/log/a.cut-at-2"
                };
                assert_eq!(again, Path::new(name));
                assert!(
                    !second || rest.as_deref() == Some(b"cde"),
                    "a part of a copy stays"
                );
            }
        }
        let disk = FakeDisk::with([("/log/a", b"abcde".as_slice()), ("/log/a.cut-at-2", b"x")]);
        let again = cut_off(&disk, path, 5, 2).expect("nothing fails");
        assert_eq!(again, Path::new("/log/a.cut-at-2-1"));
        let disk = FakeDisk::with([("/log/a", b"abcde".as_slice())]);
        let error = cut_off(&disk, path, 6, 2).expect_err("another size");
        assert!(error.to_string().contains("is its server running"));
    }
}
