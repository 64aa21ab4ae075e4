//! Runs the command and says what came out.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// What a run left.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: Vec<u8>,
    pub err: String,
}

impl Ran {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }

    fn of(output: Output) -> Ran {
        Ran {
            code: output
                .status
                .code()
                .unwrap_or_else(|| panic!("killed: {output:?}")),
            out: output.stdout,
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    pub fn lines(&self) -> Vec<serde_json::Value> {
        let lines = self.out.split(|&b| b == b'\n').filter(|l| !l.is_empty());
        let parse = |line: &[u8]| {
            serde_json::from_slice(line)
                .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(line)))
        };
        lines.map(parse).collect()
    }
}

/// `forebay rdb ARGS...`
pub fn rdb<A: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = A>) -> Ran {
    rdb_with(args, &[])
}

/// The same with bytes on stdin.
pub fn rdb_with<A: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = A>, stdin: &[u8]) -> Ran {
    let mut child = command(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    let output = std::thread::scope(|scope| {
        scope.spawn(move || {
            // A tool that ends early does not read everything.
            let _ = pipe.write_all(stdin);
        });
        child.wait_with_output().expect("the command ends")
    });
    Ran::of(output)
}

/// The command, to be started.
pub fn command<A: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forebay"));
    command.arg("rdb").args(args);
    command
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn sample(name: &str) -> PathBuf {
    root().join("rdb-samples").join(name)
}

/// The `.rdb` files of a folder of testdata/rdb, or of the corpus that `FOREBAY_RDB_CORPUS` names.
pub fn corpus(folder: &str) -> Vec<PathBuf> {
    let dir = match std::env::var_os("FOREBAY_RDB_CORPUS") {
        Some(dir) => PathBuf::from(dir).join(folder),
        None => root().join("testdata/rdb").join(folder),
    };
    let mut found: Vec<PathBuf> = std::fs::read_dir(&dir)
        .unwrap_or_else(|e| panic!("{}: {e}", dir.display()))
        .map(|e| e.expect("an entry").path())
        .filter(|p| p.extension().is_some_and(|e| e == "rdb"))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "{} holds no files", dir.display());
    found
}

pub fn name(path: &Path) -> String {
    path.file_name()
        .expect("a file")
        .to_string_lossy()
        .into_owned()
}

/// `forebay ARGS...`, not below `rdb`.
pub fn forebay<A: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = A>) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_forebay"))
        .args(args)
        .env_remove("COLUMNS")
        .stdin(Stdio::null())
        .output()
        .expect("the command runs");
    Ran::of(output)
}
