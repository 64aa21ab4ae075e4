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
    builder: Builder,
}

impl Contestant {
    /// By name; `None` where it is not on this machine.
    pub fn named(name: &str) -> Option<Contestant> {
        let builder = if name == "forebay" {
            Builder::forebay()
        } else {
            let builder = Builder::of(name, peers::find(name)?);
            if name.starts_with("valkey") {
                with_jemalloc(builder)
            } else {
                builder
            }
        };
        Some(Contestant {
            name: name.to_owned(),
            builder,
        })
    }

    /// The start of a configuration: everything as the server's own default, saving by command only.
    pub fn builder(&self) -> Builder {
        self.builder.clone().config("loglevel notice")
    }
}

/// The Valkey wheels are built on the C library's malloc, distributions' Valkey on jemalloc: without
/// this the comparison would flatter us.
fn with_jemalloc(builder: Builder) -> Builder {
    match jemalloc() {
        Some(library) => builder.env("LD_PRELOAD", &library.display().to_string()),
        None => {
            eprintln!("libjemalloc2 is not installed: Valkey runs on the C library's malloc");
            builder
        }
    }
}

fn jemalloc() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?;
    let here = PathBuf::from("/usr/lib/libjemalloc.so.2");
    folders
        .flatten()
        .map(|f| f.path().join("libjemalloc.so.2"))
        .chain([here])
        .find(|p| p.exists())
}
