//! Who is measured, and how each is started.

use std::path::PathBuf;
use std::time::Duration;

use crate::support::peers;
use crate::support::server::Builder;

/// Loading ten million keys takes the slowest peer half a minute on a quiet machine.
pub const START_LIMIT: Duration = Duration::from_secs(300);

/// One server binary.
#[derive(Clone)]
pub struct Contestant {
    /// `forebay`, or the name of the peer.
    pub name: String,
    /// Which program, and what it is given besides.
    pub builder: Builder,
    /// Libraries that are loaded before all others.
    preload: Vec<PathBuf>,
}

impl Contestant {
    /// By name, or by the path of an executable, such as an older build of Forebay; `None` where it is not on this
    /// machine.
    pub fn named(name: &str) -> Option<Contestant> {
        let builder = if name == "forebay" {
            Builder::forebay()
        } else if name.contains('/') {
            let path = PathBuf::from(name);
            Builder::of(name, path.exists().then_some(path)?)
        } else {
            Builder::of(name, peers::find(name)?)
        };
        // The Valkey wheels are built on the C library's malloc, distributions' Valkey on jemalloc:
        // without this the comparison would flatter us.
        let preload = match name.starts_with("valkey") {
            true => jemalloc().into_iter().collect(),
            false => Vec::new(),
        };
        Some(Contestant {
            name: name.to_owned(),
            builder,
            preload,
        })
    }

    /// The same server with one more library loaded before all others.
    pub fn preloading(mut self, library: PathBuf) -> Contestant {
        self.preload.push(library);
        self
    }

    /// The start of a configuration: everything as the server's own default, saving by command only.
    pub fn builder(&self) -> Builder {
        let builder = self.builder.clone().config("loglevel notice");
        if self.preload.is_empty() {
            return builder;
        }
        let names: Vec<_> = self
            .preload
            .iter()
            .map(|p| p.display().to_string())
            .collect();
        builder.env("LD_PRELOAD", &names.join(":"))
    }
}

fn jemalloc() -> Option<PathBuf> {
    let found = find_jemalloc();
    if found.is_none() {
        eprintln!("libjemalloc2 is not installed: Valkey runs on the C library's malloc");
    }
    found
}

fn find_jemalloc() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?;
    let here = PathBuf::from("/usr/lib/libjemalloc.so.2");
    folders
        .flatten()
        .map(|f| f.path().join("libjemalloc.so.2"))
        .chain([here])
        .find(|p| p.exists())
}
