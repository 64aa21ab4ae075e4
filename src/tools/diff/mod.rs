//! `forebay rdb diff`: which keys two datasets do not share, and where the values of those they share differ.
//!
//! ```text
//! A, B (a dump; a live server becomes one, see `live`) -> per key: name, expiry, fingerprint of the value, place
//!      -> partitions by hash, in memory or a temporary file -> compared one after another
//!      -> values of keys that differ are read again, and their parts are compared
//! ```
//!
//! Values are compared by their contents, not by their encoding. Memory is one partition (a few MB for each GB of
//! input), and the two values whose parts are compared.

mod entry;
mod live;
mod parts;
mod show;

pub use live::Address;
pub use show::Form;

use super::connect::TlsArgs;
use super::progress::Progress;
use super::source::{Source, Trouble};
use super::verdict::{Verdict, verdict};
use super::{pipeline, text};
use entry::{Entry, Lister, Listing, Partitions};
use rdb::Context;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// How to compare.
#[derive(Debug, Clone)]
pub struct Options {
    /// How servers are reached whose addresses ask for TLS.
    pub tls: TlsArgs,
    /// Do not compare expiries of keys.
    pub ignore_expiry: bool,
    /// Take a live server's data by a full synchronization instead of SCAN and DUMP.
    pub sync: bool,
    /// How to tell.
    pub form: Form,
    /// How many parts of a value are listed.
    pub parts_max: usize,
    /// Only count.
    pub summary: bool,
    /// Threads, at least one.
    pub threads: usize,
    /// Whether a bar may be shown.
    pub progress: bool,
}

/// One of the two datasets.
#[derive(Debug, Clone)]
pub enum Side {
    /// A dump.
    Dump(PathBuf),
    /// A server.
    Live(Address),
}

impl Side {
    /// `redis://...`, `rediss://...` for TLS, or else a path.
    ///
    /// # Errors
    /// The reason why it is not an address.
    pub fn parse(text: &str) -> Result<Side, String> {
        match text.split_once("://") {
            Some(("redis" | "valkey", rest)) => Address::parse(rest, false).map(Side::Live),
            Some(("rediss" | "valkeys", rest)) => Address::parse(rest, true).map(Side::Live),
            Some((scheme, _)) if !Path::new(text).exists() => Err(format!(
                "{scheme}:// is not supported, only redis:// and rediss://"
            )),
            _ => Ok(Side::Dump(text.into())),
        }
    }
}

/// Keys of one side, other side, and both with other values.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Keys of A.
    pub a: u64,
    /// Keys of B.
    pub b: u64,
    /// Only in A.
    pub removed: u64,
    /// Only in B.
    pub added: u64,
    /// In both, not equal.
    pub changed: u64,
}

impl Counts {
    /// Whether there is no difference.
    pub fn is_equal(&self) -> bool {
        self.removed + self.added + self.changed == 0
    }
}

/// Why there is no result.
#[derive(Debug)]
pub enum Failed {
    /// An input has defects.
    Defect(String),
    /// Something could not be read or written.
    Trouble(Trouble),
    /// The output failed.
    Output(std::io::Error),
}

impl From<Trouble> for Failed {
    fn from(trouble: Trouble) -> Self {
        Failed::Trouble(trouble)
    }
}

/// A side as it is compared.
struct Listed {
    file: File,
    name: String,
    context: Context,
    partitions: Partitions,
    functions: BTreeMap<Vec<u8>, Vec<u8>>,
    keys: u64,
    /// Whether expiries are only known to about a second.
    vague_expiries: bool,
    /// Whether function libraries are not known.
    scanned: bool,
}

/// Compares two datasets; differences go to `out` as they are found.
///
/// # Errors
/// See [`Failed`].
pub fn diff(a: &Side, b: &Side, options: &Options, out: &mut dyn Write) -> Result<Counts, Failed> {
    if let (Some(option), false) = (options.tls.needless(), any_tls([a, b], options)) {
        return Err(Trouble(format!(
            "{option} is given, but neither side is reached by TLS"
        ))
        .into());
    }
    let sides = [fetch(a, options)?, fetch(b, options)?];
    let size: u64 = sides.iter().filter_map(|s| s.source.size()).sum();
    let partitions = entry::partitions_for(size);
    // What a server has dropped by now is not a difference.
    let live = matches!(a, Side::Live(_)) || matches!(b, Side::Live(_));
    let drop_before = live.then(text::now_ms);
    let [a, b] = &sides;
    let a = list(a, partitions, drop_before, options)?;
    let b = list(b, partitions, drop_before, options)?;
    let mut counts = Counts {
        a: a.keys,
        b: b.keys,
        ..Counts::default()
    };
    let tolerance = match (options.ignore_expiry, a.vague_expiries || b.vague_expiries) {
        (true, _) => None,
        (false, true) => Some(1500),
        (false, false) => Some(0),
    };
    let mut printer = show::Printer::new(options, [&a, &b], out);
    for partition in 0..partitions {
        let failed = |e| Trouble(format!("a temporary file failed: {e}"));
        let old = a.partitions.read(partition).map_err(failed)?;
        let new = b.partitions.read(partition).map_err(failed)?;
        let differences = compare(&old, &new, tolerance);
        for difference in differences {
            match difference {
                (Some(_), None) => counts.removed += 1,
                (None, _) => counts.added += 1,
                (Some(_), Some(_)) => counts.changed += 1,
            }
            if !options.summary {
                printer
                    .key(difference.0, difference.1)
                    .map_err(Failed::Output)?;
            }
        }
    }
    printer.functions().map_err(Failed::Output)?;
    counts.changed += printer.functions_differ;
    printer.summary(&counts).map_err(Failed::Output)?;
    Ok(counts)
}

/// Whether one of them is a server that is reached by TLS.
fn any_tls(sides: [&Side; 2], options: &Options) -> bool {
    let is_tls = |side: &&Side| match side {
        Side::Live(address) => options.tls.tls || address.is_tls(),
        Side::Dump(_) => false,
    };
    sides.iter().any(is_tls)
}

/// A side as a file.
struct Fetched {
    source: Source,
    name: String,
    vague_expiries: bool,
    scanned: bool,
    /// Keeps the dump of a live server until it is read.
    _spool: Option<tempfile::NamedTempFile>,
}

/// An address without its scheme was taken for the name of a file.
fn with_hint(Trouble(text): Trouble, path: &Path) -> Trouble {
    let name = path.to_string_lossy();
    let port = name.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
    let is_address = matches!(port, Some(Ok(_))) && !name.contains('/') && !path.exists();
    match is_address {
        true => Trouble(format!("{text}. If this is a server: redis://{name}")),
        false => Trouble(text),
    }
}

fn fetch(side: &Side, options: &Options) -> Result<Fetched, Failed> {
    match side {
        Side::Dump(path) => {
            let source = Source::open(path).map_err(|error| with_hint(error, path))?;
            source.require_file("diff")?;
            Ok(Fetched {
                name: source.name(),
                source,
                vague_expiries: false,
                scanned: false,
                _spool: None,
            })
        }
        Side::Live(address) => {
            let spool = tempfile::NamedTempFile::new()
                .map_err(|e| Trouble(format!("a temporary file failed: {e}")))?;
            let address = address.clone().by_tls(options.tls.tls);
            let fetched = live::fetch(&address, options, spool.as_file());
            let exact = fetched.map_err(|why| Trouble(format!("{}: {why}", address.name())))?;
            Ok(Fetched {
                source: Source::open(spool.path())?,
                name: address.name(),
                vague_expiries: !exact,
                scanned: !options.sync,
                _spool: Some(spool),
            })
        }
    }
}

fn list(
    fetched: &Fetched,
    partitions: usize,
    drop_before: Option<i64>,
    options: &Options,
) -> Result<Listed, Failed> {
    let source = &fetched.source;
    let workers = (0..options.threads)
        .map(|_| Lister::new(partitions, drop_before))
        .collect();
    let mut bar = Progress::new(fetched.name.clone(), source.size(), options.progress);
    let (mut kept, mut failed) = (Partitions::new(partitions), None);
    let (mut functions, mut keys, mut defect) = (BTreeMap::new(), 0, None);
    let (scan, _) = pipeline::run(source, workers, &mut bar, |listing: Listing| {
        keys += listing.keys;
        functions.extend(listing.functions);
        defect = defect.take().or(listing.defect);
        failed = kept.add(listing.entries).err();
        failed.is_some() || defect.is_some()
    });
    drop(bar);
    if let Some(e) = failed {
        return Err(Trouble(format!("a temporary file failed: {e}")).into());
    }
    let why = defect.map(|e| e.to_string());
    let why = match why {
        Some(why) => Some(why),
        None => match verdict(&scan, source)? {
            Verdict::Whole => source.change(),
            Verdict::Defect(why) => Some(why),
        },
    };
    if let Some(why) = why {
        return Err(Failed::Defect(format!("{}: {why}", fetched.name)));
    }
    let file = source.require_file("diff")?;
    let file = file
        .try_clone()
        .map_err(|e| Trouble(format!("cannot read {}: {e}", fetched.name)))?;
    Ok(Listed {
        file,
        name: fetched.name.clone(),
        context: scan.context,
        partitions: kept,
        functions,
        keys,
        vague_expiries: fetched.vague_expiries,
        scanned: fetched.scanned,
    })
}

/// A key of A, of B, or of both.
type Difference<'a> = (Option<Entry<'a>>, Option<Entry<'a>>);

/// The keys that differ, by database and name.
fn compare<'e>(old: &'e [u8], new: &'e [u8], tolerance: Option<i64>) -> Vec<Difference<'e>> {
    let mut known: HashMap<(u32, &[u8]), (Entry<'_>, bool)> = HashMap::new();
    for entry in Entry::all(old) {
        known.insert((entry.db, entry.key), (entry, false));
    }
    let mut differences = Vec::new();
    let mut added: HashMap<(u32, &[u8]), Entry<'_>> = HashMap::new();
    for entry in Entry::all(new) {
        match known.get_mut(&(entry.db, entry.key)) {
            // A scan may show a key twice: the second time counts nothing.
            Some((_, true)) => {}
            Some((before, seen)) => {
                *seen = true;
                if !before.equals(&entry, tolerance) {
                    differences.push((Some(*before), Some(entry)));
                }
            }
            None => {
                added.insert((entry.db, entry.key), entry);
            }
        }
    }
    differences.extend(added.into_values().map(|e| (None, Some(e))));
    let gone = known.into_values().filter(|(_, seen)| !seen);
    differences.extend(gone.map(|(e, _)| (Some(e), None)));
    differences.sort_by_key(|(a, b)| {
        let entry = a.or(*b).expect("one of the two is there");
        (entry.db, entry.key)
    });
    differences
}
