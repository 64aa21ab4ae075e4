//! `forebay aof` on directories that real servers wrote, beside their own `redis-check-aof`, and on sealed logs that
//! real servers read.

mod differential;
mod moments;
mod sealed;
mod servers;

use crate::run::{Ran, forebay};
use crate::support::peers;
use std::ffi::OsStr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// `forebay aof ARGS...`
fn aof<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Ran {
    let words = args.into_iter().map(|arg| arg.as_ref().to_owned());
    forebay(std::iter::once("aof".into()).chain(words))
}

/// A real `redis-check-aof`: servers are one, if they are called so.
struct Checker {
    program: PathBuf,
    _dir: tempfile::TempDir,
}

/// What it said.
#[derive(Debug)]
struct Said {
    valid: bool,
    text: String,
}

impl Checker {
    /// That of a peer; skips where there is none.
    fn of(peer: &str) -> Option<Checker> {
        let binary = peers::require(peer)?;
        let dir = tempfile::tempdir().expect("a directory");
        let program = dir.path().join("redis-check-aof");
        symlink(binary, &program).expect("a link");
        Some(Checker { program, _dir: dir })
    }

    fn run(&self, args: &[&OsStr]) -> Said {
        let mut child = Command::new(&self.program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the checker starts");
        let mut answers = child.stdin.take().expect("a pipe");
        // A checker that asks nothing reads nothing.
        let _ = std::io::Write::write_all(&mut answers, b"y\n");
        drop(answers);
        let output = child.wait_with_output().expect("the checker ends");
        let text = [output.stdout, output.stderr].concat();
        Said {
            valid: output.status.success(),
            text: String::from_utf8_lossy(&text).into_owned(),
        }
    }

    fn check(&self, path: &Path) -> Said {
        self.run(&[path.as_os_str()])
    }
}

impl Said {
    /// Up to which byte the last file is whole.
    fn whole(&self) -> u64 {
        let number = self.text.rsplit("ok_up_to=").next();
        let digits = number.and_then(|text| text.split(',').next());
        digits
            .and_then(|digits| digits.parse().ok())
            .unwrap_or_else(|| panic!("{self:?}"))
    }
}

/// The only file of a directory whose name ends so.
fn file_in(dir: &Path, ending: &str) -> PathBuf {
    let entries = std::fs::read_dir(dir).expect("a directory");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut found: Vec<PathBuf> = paths
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    assert_eq!(found.len(), 1, "{ending}: {found:?}");
    found.remove(0)
}

/// A copy of the files of a directory.
fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        std::fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
    }
}
