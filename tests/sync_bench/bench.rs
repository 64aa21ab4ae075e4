//! Runs the command in a directory of its own, and looks for what it left.

use crate::support::peers;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tempfile::TempDir;

/// Two measurements of the same are compared only while no other test works.
static MACHINE: RwLock<()> = RwLock::new(());

/// For tests that do not mind others.
pub fn shared() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().unwrap_or_else(PoisonError::into_inner)
}

/// For tests that compare times.
pub fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().unwrap_or_else(PoisonError::into_inner)
}

/// The command in the making.
pub struct Bench {
    dir: TempDir,
    command: Command,
}

/// What a run left.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
    pub json: Option<serde_json::Value>,
}

impl Ran {
    /// The JSON report.
    pub fn report(&self) -> &serde_json::Value {
        self.json.as_ref().unwrap_or_else(|| panic!("{self:?}"))
    }

    /// Asserts that it said why it gave up.
    pub fn assert_trouble(&self, why: &str) {
        assert_eq!(self.code, Some(2), "{self:?}");
        assert!(self.err.contains(why), "'{why}' is not in: {self:?}");
    }
}

impl Bench {
    /// With these words behind `sync-bench`.
    pub fn new(words: &[&str]) -> Bench {
        let dir = tempfile::Builder::new().prefix("forebay-test-").tempdir();
        let dir = dir.expect("a temporary directory can be made");
        fs::create_dir(dir.path().join("servers")).expect("a directory can be made");
        let mut command = Command::new(env!("CARGO_BIN_EXE_forebay"));
        command
            .arg("sync-bench")
            .args(words)
            .arg("--dir")
            .arg(dir.path().join("servers"))
            .arg("--json")
            .arg(dir.path().join("report.json"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Bench { dir, command }
    }

    /// A file for the run.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// One more word.
    pub fn arg(mut self, word: impl AsRef<std::ffi::OsStr>) -> Bench {
        self.command.arg(word);
        self
    }

    /// Starts it.
    pub fn start(mut self) -> (TempDir, Child) {
        let child = self.command.spawn().expect("the command starts");
        (self.dir, child)
    }

    /// Runs it to its end; nothing may be left then.
    pub fn run(self) -> Ran {
        let (dir, child) = self.start();
        finish(&dir, child)
    }
}

/// Waits for the end of a run; nothing may be left then.
pub fn finish(dir: &TempDir, child: Child) -> Ran {
    let output = child.wait_with_output().expect("the command ends");
    let ran = Ran {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
        json: fs::read(dir.path().join("report.json"))
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok()),
    };
    assert_nothing_left(dir.path(), &format!("{ran:?}"));
    ran
}

/// No file of the servers, and no process that runs there.
pub fn assert_nothing_left(dir: &Path, what: &str) {
    let left: Vec<PathBuf> = fs::read_dir(dir.join("servers"))
        .expect("the directory itself stays")
        .map(|e| e.expect("an entry").path())
        .collect();
    assert!(left.is_empty(), "{left:?} is left after {what}");
    let processes = processes_in(dir);
    assert!(
        processes.is_empty(),
        "processes {processes:?} are left after {what}"
    );
}

/// Processes that work below a directory.
pub fn processes_in(dir: &Path) -> Vec<u32> {
    let numbers = fs::read_dir("/proc").expect("/proc").flatten();
    let numbers = numbers.filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok());
    let there = |pid: &u32| {
        let cwd = fs::read_link(format!("/proc/{pid}/cwd"));
        cwd.is_ok_and(|cwd| cwd.starts_with(dir))
    };
    numbers.filter(there).collect()
}

/// A real server's program; skips (see `peers::require`) where there is none.
pub fn peer(name: &str) -> Option<String> {
    Some(peers::require(name)?.display().to_string())
}
