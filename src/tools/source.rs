//! The input of a tool: a regular file, a pipe, or `-` for standard input.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Why a tool could not do its work; exit code 2.
#[derive(Debug)]
pub struct Trouble(pub String);

impl Trouble {
    /// "cannot `what` `path`: why".
    pub fn io(what: &str, path: &Path, error: &io::Error) -> Trouble {
        Trouble(format!(
            "cannot {what} {}: {}",
            path.display(),
            plain(error)
        ))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Trouble {}

/// The system's words without the error number.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

/// An open input.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    input: Input,
    /// What the file was when it was opened; `None` for pipes and stdin.
    opened: Option<Metadata>,
}

#[derive(Debug)]
enum Input {
    File(File),
    Stdin,
}

impl Source {
    /// Opens `path`; `-` is stdin.
    ///
    /// # Errors
    /// A file that is not there or may not be read, a directory.
    pub fn open(path: &Path) -> Result<Source, Trouble> {
        if path.as_os_str() == "-" {
            return Ok(Source {
                path: path.to_owned(),
                input: Input::Stdin,
                opened: None,
            });
        }
        let fail = |e: io::Error| Trouble::io("read", path, &e);
        let file = File::open(path).map_err(fail)?;
        let metadata = file.metadata().map_err(fail)?;
        if metadata.is_dir() {
            return Err(Trouble(format!(
                "cannot read {}: it is a directory",
                path.display()
            )));
        }
        Ok(Source {
            path: path.to_owned(),
            input: Input::File(file),
            opened: metadata.is_file().then_some(metadata),
        })
    }

    /// As the user named it.
    pub fn name(&self) -> String {
        match self.input {
            Input::File(_) => self.path.display().to_string(),
            Input::Stdin => "stdin".into(),
        }
    }

    /// Bytes at the time of opening, of a regular file.
    pub fn size(&self) -> Option<u64> {
        self.opened.as_ref().map(Metadata::len)
    }

    /// The file, for those who read it a second time: only a regular one.
    pub fn file(&self) -> Option<&File> {
        match &self.input {
            Input::File(file) if self.opened.is_some() => Some(file),
            _ => None,
        }
    }

    /// The file, for tools that read their input more than once.
    ///
    /// # Errors
    /// For pipes and stdin.
    pub fn require_file(&self, tool: &str) -> Result<&File, Trouble> {
        self.file().ok_or_else(|| {
            Trouble(format!(
                "{tool} reads its input more than once: give it a file, not {}",
                self.name()
            ))
        })
    }

    /// Back to the first byte.
    ///
    /// # Errors
    /// Those of the system.
    pub fn rewind(&self) -> Result<(), Trouble> {
        let fail = |e: io::Error| Trouble::io("read", &self.path, &e);
        (&mut self.require_file("this tool")?)
            .rewind()
            .map_err(fail)
    }

    /// What happened to the file while it was read, if anything did: its size or its time of change is another.
    pub fn change(&self) -> Option<String> {
        let (before, now) = (self.opened.as_ref()?, self.file()?.metadata().ok()?);
        let time = |m: &Metadata| (m.mtime(), m.mtime_nsec());
        match (now.len(), before.len()) {
            (a, b) if a > b => Some(format!("the file grew from {b} to {a} bytes meanwhile")),
            (a, b) if a < b => Some(format!("the file shrank from {b} to {a} bytes meanwhile")),
            _ if time(before) != time(&now) => Some("the file was written to meanwhile".into()),
            _ => None,
        }
    }
}

impl Read for &Source {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match &self.input {
            Input::File(file) => (&mut &*file).read(buf),
            Input::Stdin => io::stdin().lock().read(buf),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_file_that_grows_or_shrinks_while_it_is_read_is_told() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"REDIS0009").unwrap();
        let source = Source::open(file.path()).unwrap();
        assert_eq!((source.size(), source.change()), (Some(9), None));
        file.write_all(b"\xff").unwrap();
        let wanted = "the file grew from 9 to 10 bytes meanwhile";
        assert_eq!(source.change().as_deref(), Some(wanted));
        file.as_file().set_len(3).unwrap();
        let wanted = "the file shrank from 9 to 3 bytes meanwhile";
        assert_eq!(source.change().as_deref(), Some(wanted));
    }

    #[test]
    fn directories_and_missing_files_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let error = |path: &Path| Source::open(path).unwrap_err().to_string();
        assert!(error(dir.path()).ends_with("it is a directory"));
        assert!(error(&dir.path().join("x")).ends_with("No such file or directory"));
    }
}
