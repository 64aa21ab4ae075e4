//! What a loaded log says about the replication stream: the position that it has reached, and the last bytes.
//!
//! ```text
//! items of all files, in order --> Reading --seal--> proven so far
//!                                     '--end--> Told: place, database, former ids, bytes
//! ```
//!
//!  * A position is known from the first annotation that records one, and is no longer known when a seal records a
//!    different one than was reached. In that case the log is loaded nevertheless, and a full sync follows.
//!  * A transaction counts when its EXEC has been read.
//!  * Only the last bytes are kept, up to a limit.

use super::archive::Archive;
use super::encode::READERS_MAX;
use aof::history::{At, Knows, Word};
use aof::judge::Event;
use aof::{Item, Reader, Seal, Step};
use replication::{Demands, Past, Position, Reads, ReplId, ReplMeta, ReplOffset, Shown, StreamDb};
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

/// Bytes of the stream in one piece.
const PIECE: usize = 64 << 10;

/// A place that was reached.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Here {
    at: At,
    /// Bytes of the stream that were passed since the first place of this series.
    passed: u64,
    /// Which series of places that follow one another.
    series: u64,
}

/// What was read so far.
#[derive(Debug, Default)]
pub struct Reading {
    here: Option<Here>,
    /// At the last seal.
    sealed: Option<Here>,
    /// Why the place is not known, if it was known before.
    lost: Option<String>,
    pieces: VecDeque<Vec<u8>>,
    /// Bytes in the pieces.
    kept: u64,
    limit: usize,
    /// How often what was known was forgotten.
    series: u64,
    /// What the stream demands of its readers.
    needs: Demands<u64>,
    /// What replicas have shown, and what they had at the last seal.
    readers: Arc<Vec<Knows>>,
    sealed_readers: Arc<Vec<Knows>>,
    archive: Archive,
    /// The series of the end of the last batch.
    noted: u64,
    /// The next request or transaction is not part of the stream.
    own: bool,
    /// The beginning of a request that the stream has and that is not run.
    untold: Vec<u8>,
    /// The transaction that is open.
    open: Option<Unit>,
}

/// A transaction as part of the stream.
#[derive(Debug, Default)]
struct Unit {
    bytes: Vec<u8>,
    /// The database that it selects.
    db: Option<i64>,
    /// What its readers must understand.
    needs: Reads,
}

/// What a log says about the stream at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The place.
    pub meta: ReplMeta,
    /// Former ids and the last bytes.
    pub past: Past,
}

impl Reading {
    /// Keeps at least this many of the last bytes, if there are that many, and notes where `archived` of them are.
    pub fn new(limit: usize, archived: u64) -> Reading {
        Reading {
            limit,
            archive: Archive::new(archived),
            ..Reading::default()
        }
    }

    /// A file of this name begins.
    pub fn begin_file(&mut self, name: &str) {
        let name = Path::new(name);
        match &self.here {
            Some(here) => self.archive.begin(name, here.at.offset, here.at.id),
            None => self.archive.begin_untold(name),
        }
        self.noted = self.series;
    }

    /// Which bytes of the stream are where in the files.
    pub fn take_archive(&mut self) -> Archive {
        std::mem::take(&mut self.archive)
    }

    /// Takes in the next item of a file, which ends at byte `end` of it: its bytes, and what the judge said of it.
    pub fn item(&mut self, bytes: &[u8], end: u64, item: &Item<'_>, event: &Event) {
        match (item, event) {
            (_, Event::Sealed(seal)) => {
                self.seal(seal);
                self.note(end);
            }
            (Item::Annotation(line), _) => match Word::parse(line) {
                Some(Word::At(at)) => self.arrive(at),
                Some(Word::Own) => self.own = true,
                // If they select a database, a place follows that says which.
                Some(Word::Bytes(bytes)) => self.told_bytes(&bytes),
                Some(Word::Readers) => self.readers = Arc::default(),
                // Whatever a file says, this takes no more than what is written.
                Some(Word::Reader(knows)) if self.readers.len() < READERS_MAX => {
                    Arc::make_mut(&mut self.readers).push(knows);
                }
                Some(Word::Reader(_)) => {}
                None => {}
            },
            (Item::Request(request), _) => {
                let db = request.selects().map(i64::from);
                if request.is("multi") {
                    self.open = Some(Unit::default());
                }
                match &mut self.open {
                    // Where no place is known, nobody asks what the stream demands.
                    None if self.here.is_none() => self.end_unit(bytes, db, Reads::default()),
                    None => self.end_unit(bytes, db, needs(request)),
                    Some(unit) => {
                        unit.bytes.extend_from_slice(bytes);
                        unit.db = db.or(unit.db);
                        unit.needs |= needs(request);
                        if request.is("exec")
                            && let Some(unit) = self.open.take()
                        {
                            self.end_unit(&unit.bytes, unit.db, unit.needs);
                        }
                    }
                }
            }
        }
    }

    /// A sealed batch ends at this byte of the file.
    fn note(&mut self, end: u64) {
        let joins = self.noted == self.series;
        self.noted = self.series;
        match &self.here {
            Some(here) => self.archive.wrote(end, here.at.offset, here.at.id, joins),
            None => self.archive.clear(),
        }
    }

    /// Bytes of the stream that are not run. A request of a primary may be in several lines.
    fn told_bytes(&mut self, bytes: &[u8]) {
        self.pass(bytes, None);
        let Some(here) = &self.here else { return };
        self.untold.extend_from_slice(bytes);
        let mut asked = Reads::default();
        let mut done = 0;
        loop {
            let rest = &self.untold[done..];
            let blank = rest.iter().take_while(|b| matches!(b, b'\r' | b'\n'));
            done += blank.count();
            match Reader::at(0).next(&self.untold[done..]) {
                Ok(Step::Item { item, consumed }) => {
                    if let Item::Request(request) = &item {
                        asked |= needs(request);
                    }
                    done += consumed;
                }
                Ok(_) => break,
                Err(_) => {
                    // Nobody knows what they ask for.
                    asked = Reads::all();
                    done = self.untold.len();
                    break;
                }
            }
        }
        self.untold.drain(..done);
        self.needs.note(asked, here.at.offset);
    }

    fn end_unit(&mut self, bytes: &[u8], db: Option<i64>, needs: Reads) {
        if std::mem::take(&mut self.own) {
            return;
        }
        self.untold.clear();
        self.pass(bytes, db);
        let Some(here) = &self.here else { return };
        self.needs.note(needs, here.at.offset);
    }

    /// Bytes of the stream.
    fn pass(&mut self, bytes: &[u8], db: Option<i64>) {
        let Some(here) = &mut self.here else { return };
        here.at.offset += bytes.len() as u64;
        here.at.db = db.unwrap_or(here.at.db);
        here.passed += bytes.len() as u64;
        let bytes = match bytes.len().checked_sub(self.limit) {
            Some(more) => {
                self.pieces.clear();
                self.kept = 0;
                &bytes[more..]
            }
            None => bytes,
        };
        self.kept += bytes.len() as u64;
        match self.pieces.back_mut() {
            Some(last) if last.len() < PIECE => last.extend_from_slice(bytes),
            _ => self.pieces.push_back(bytes.to_vec()),
        }
        while let Some(first) = self.pieces.front()
            && self.kept - first.len() as u64 >= self.limit as u64
        {
            self.kept -= first.len() as u64;
            self.pieces.pop_front();
        }
    }

    /// The log records a position: the one that was reached, perhaps under another id, or a different one.
    fn arrive(&mut self, at: At) {
        let same = self.here.as_ref().filter(|here| {
            let was = &here.at;
            let renamed = |(id, up_to): &(_, u64)| *id == was.id && was.offset < *up_to;
            was.offset == at.offset && (was.id == at.id || at.former.iter().any(renamed))
        });
        let passed = same.map(|here| here.passed);
        if passed.is_none() {
            self.forget();
        }
        self.here = Some(Here {
            at,
            passed: passed.unwrap_or(0),
            series: self.series,
        });
        self.lost = None;
    }

    fn forget(&mut self) {
        self.here = None;
        self.untold.clear();
        self.series += 1;
        self.pieces.clear();
        self.kept = 0;
        self.needs.clear();
    }

    fn seal(&mut self, seal: &Seal) {
        // At the start of a file it seals nothing, and the place follows it.
        if seal.bytes == 0 {
            return;
        }
        if let Some(here) = &self.here
            && (here.at.id != seal.id || here.at.offset != seal.offset)
        {
            let (here, there) = (here.at.offset, seal.offset);
            self.lost = Some(match seal.id == [b'0'; 40] {
                true => format!("nothing was counted after offset {here}"),
                false => format!("a batch ends at offset {there}, where {here} was reached"),
            });
            self.forget();
        }
        self.sealed.clone_from(&self.here);
        self.sealed_readers.clone_from(&self.readers);
    }

    /// A file ends. If it was `cut` at its last seal, what came after that does not count.
    pub fn end_file(&mut self, cut: bool) {
        self.own = false;
        self.open = None;
        if !cut {
            // All of it has run, even what no seal covers: a power cut may have taken the last one.
            self.sealed.clone_from(&self.here);
            return;
        }
        self.readers.clone_from(&self.sealed_readers);
        let surplus = match (&self.here, &self.sealed) {
            (Some(here), Some(sealed)) if here.series == sealed.series => {
                here.passed - sealed.passed
            }
            _ => self.kept,
        };
        let mut surplus = surplus.min(self.kept) as usize;
        self.kept -= surplus as u64;
        while let Some(last) = self.pieces.back_mut().filter(|_| surplus > 0) {
            let n = surplus.min(last.len());
            last.truncate(last.len() - n);
            surplus -= n;
            if last.is_empty() {
                self.pieces.pop_back();
            }
        }
        self.here.clone_from(&self.sealed);
    }

    /// What the log says at its end, or why it says nothing; `Ok(None)` if it never did.
    ///
    /// # Errors
    /// Why the place is not known any more.
    pub fn told(self) -> Result<Option<Told>, String> {
        if let Some(why) = self.lost {
            return Err(why);
        }
        let Some(Here { at, .. }) = self.here else {
            return Ok(None);
        };
        let place = |id: &[u8; 40], offset| {
            let offset = i64::try_from(offset).ok().and_then(ReplOffset::told)?;
            Some((ReplId::parse(id)?, offset))
        };
        let (id, offset) = place(&at.id, at.offset).ok_or("its offset is none that can be")?;
        let former = at.former.iter();
        // What comes behind the end was cut off with the end of a file.
        let last = |at: u64| i64::try_from(at).ok().and_then(ReplOffset::told);
        let needs = self.needs.with_offsets(|at| Some(last(at)?.min(offset)));
        let shown = self.readers.iter().map(|knows| Shown {
            label: knows.label.clone(),
            // What a later version may have added says nothing here.
            reads: Reads::from_bits_truncate(knows.reads as u16),
            is_redis_8: knows.is_redis_8,
        });
        Ok(Some(Told {
            meta: ReplMeta {
                stream_db: StreamDb::said(at.db),
                at: Position { id, offset },
            },
            past: Past {
                former: former
                    .filter_map(|(id, offset)| place(id, *offset))
                    .collect(),
                bytes: self.pieces,
                needs,
                shown: shown.collect(),
            },
        }))
    }
}

/// What a reader of the stream must understand to run a request.
fn needs(request: &aof::Request<'_>) -> Reads {
    // A replica's file has the stream of its primary. Options stand before the values.
    const LOOKED_AT: usize = 24;
    let first: SmallVec<[&[u8]; LOOKED_AT]> = request.args().take(LOOKED_AT).collect();
    Reads::of_primary(&first)
}
