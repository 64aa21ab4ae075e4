//! A disk that may be full, slow, or lose what it said it had.
//!
//! One file matters after a crash: the dump. Whatever is being written has another name until it is complete and
//! synced, and goes with the process. Whether it may be renamed then is for the product's `Fate` to say; how that is
//! done with real files, `server/persist` has to show.

use super::dumps::Content;
use forebay::base::Rng;
use std::rc::Rc;

/// What a write to a full disk says.
pub const FULL: &str = "No space left on device";

/// One server's disk; outlives its process.
#[derive(Default)]
pub struct Disk {
    dump: Option<Rc<Vec<u8>>>,
    /// What the dump held at its cut.
    content: Option<Content>,
    /// The number of that cut, and of the last one there was.
    cut: u64,
    cuts: u64,
    /// A dump was replaced by one of an earlier cut.
    went_back: bool,
    /// The dump ends too early: the disk lost power and had lied.
    pub torn: bool,
    /// Nothing more fits.
    pub full: bool,
    /// Virtual ms that every file, or block of the stream, takes until it stands.
    pub delay_ms: u64,
}

impl Disk {
    /// The dump, as `open` finds it.
    pub fn dump(&self) -> Option<Rc<Vec<u8>>> {
        self.dump.clone()
    }

    /// Appends to a file that is being written.
    pub fn append(&self, file: &mut Vec<u8>, bytes: &[u8]) -> Result<(), String> {
        if self.full {
            return Err(FULL.to_owned());
        }
        file.extend_from_slice(bytes);
        Ok(())
    }

    /// What the dump held at its cut; `None` where there is none.
    pub fn content(&self) -> Option<&Content> {
        self.content.as_ref()
    }

    /// The number of a cut that is taken now.
    pub fn next_cut(&mut self) -> u64 {
        self.cuts += 1;
        self.cuts
    }

    /// Whether a dump was ever replaced by one of an earlier cut.
    pub fn went_back(&self) -> bool {
        self.went_back
    }

    /// Puts a complete file in the place of the dump; who reads the old one goes on reading it.
    pub fn rename(&mut self, file: Vec<u8>, content: Content, cut: u64) {
        self.went_back |= cut < self.cut;
        self.cut = cut;
        self.dump = Some(Rc::new(file));
        self.content = Some(content);
        self.torn = false;
    }

    /// The operator removes the dump.
    pub fn remove(&mut self) {
        self.dump = None;
        self.content = None;
        self.torn = false;
    }

    /// The machine loses power, and its disk had not written what it said: any part is missing.
    pub fn tear(&mut self, rng: &mut Rng) {
        if let Some(dump) = &self.dump {
            let left = rng.below(dump.len() as u64) as usize;
            self.dump = Some(Rc::new(dump[..left].to_vec()));
            self.torn = true;
        }
    }
}
