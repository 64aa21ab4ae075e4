//! `rdb-load-salvage yes`: a damaged dump is loaded without its unsound parts.
//!
//! The dump is read twice: first to find what has to be left out, as by `forebay rdb salvage`, and then to load the
//! rest like any dump. The file is left as it is.

use super::{LoadError, LoadOptions, LoadProgress, Loaded, load};
use flow::load::Unknown;
use std::io::{self, Read};
use std::path::Path;
use tools::salvage::{self, Cut, Hopeless, Kept};
use tools::source::{Source, Trouble};

/// A value that claims more bytes is taken for damaged.
const FRAME_MAX: u64 = 1 << 30;

/// What was loaded and what was lost.
pub struct Salvaged {
    /// The dataset.
    pub loaded: Loaded,
    /// Left out.
    pub cuts: Vec<Cut>,
    /// Further remarks for the log.
    pub notes: Vec<String>,
}

/// Loads the sound parts of the dump at `path`. Module values are left out; a wrong checksum is ignored.
///
/// # Errors
/// The dump cannot be read at all, or reading the file failed.
pub fn load_sound(
    path: &Path,
    options: &LoadOptions,
    progress: &LoadProgress,
) -> Result<Salvaged, LoadError> {
    let trouble = |t: Trouble| LoadError::Io {
        offset: 0,
        source: io::Error::other(t.to_string()),
    };
    let source = Source::open(path).map_err(trouble)?;
    let search = salvage::Options {
        frame_max: FRAME_MAX,
        progress: false,
    };
    let plan = salvage::plan(&source, &search).map_err(|e| match e {
        Hopeless::Header(e) => LoadError::Rdb(e),
        Hopeless::Trouble(t) => trouble(t),
    })?;
    let file = source.require_file("rdb-load-salvage").map_err(trouble)?;
    let file = file
        .try_clone()
        .map_err(|source| LoadError::Io { offset: 0, source })?;
    let options = LoadOptions {
        verify_checksum: false,
        unknown: Unknown {
            skips: true,
            ..options.unknown
        },
        ..options.clone()
    };
    // A checksum of 0 is none; versions without one do not read so far.
    let dump = Kept::new(file, &plan).chain(&[0u8; 8][..]);
    let (loaded, ..) = load(dump, &options, progress)?;
    Ok(Salvaged {
        loaded,
        cuts: plan.cuts,
        notes: plan.notes,
    })
}
