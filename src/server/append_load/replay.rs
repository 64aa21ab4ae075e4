//! Runs the requests of one file, in slices.

use super::ahead::{self, Mode, Seen};
use super::batch::{Batch, Request};
use crate::delay;
use disk::Disk;
use engine::Engine;
use engine::prefetch::{self, BATCH};
use engine::replay::{NotHere, Replay};
use flow::append::Reading;
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::ops::Range;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tools::aof::Failed;

/// How long a script of the log runs before clients are served, in ns.
const SCRIPT_SLICE_NS: u64 = 1_000_000;
/// Shorter waits are put together.
const WAIT_MIN: Duration = Duration::from_millis(1);

/// One file that is being run.
pub struct Run {
    path: PathBuf,
    name: String,
    replay: Replay,
    /// Requests that have not run, all of one batch or of several.
    waiting: VecDeque<Batch>,
    /// The number of requests of the first of them that have run.
    ran: usize,
    /// Requests may run that end at this byte or before.
    released: u64,
    /// Requests from here on have not been read, or are not in memory any more.
    left_from: Option<u64>,
    /// Requests that have run of this file.
    done: u64,
    /// `key-load-delay` of requests that have run, as far as nobody has waited for it.
    owed: Duration,
}

impl Run {
    /// A file is about to be run.
    pub fn new(engine: &Engine, path: PathBuf, name: String) -> Run {
        Run {
            path,
            name,
            replay: Replay::new(engine),
            waiting: VecDeque::new(),
            ran: 0,
            released: 0,
            left_from: None,
            done: 0,
            owed: Duration::ZERO,
        }
    }

    /// Runs what will be kept whatever follows in the file, and returns what was seen of the file. Nothing on disk is
    /// changed.
    ///
    /// # Errors
    /// The text for the log of the server.
    pub fn judge_now(
        &mut self,
        disk: &impl Disk,
        engine: &mut Engine,
        start: u64,
        reading: Option<Box<Reading>>,
    ) -> Result<Seen, String> {
        let seen = self.read_now(disk, engine, start..u64::MAX, Mode::Judge(reading))?;
        self.left_from = seen.left_from;
        Ok(seen)
    }

    /// Runs the rest up to where the file ends, as is known now.
    ///
    /// # Errors
    /// The text for the log of the server.
    pub fn finish_now(
        mut self,
        disk: &impl Disk,
        engine: &mut Engine,
        end: u64,
    ) -> Result<(), String> {
        if let Some(from) = self.forget() {
            let seen = self.read_now(disk, engine, from..end, Mode::Known)?;
            self.is_as_before(&seen)?;
        }
        self.release(end);
        self.step(engine, None)?;
        self.tell_failures();
        Ok(())
    }

    /// Discards waiting requests if later ones have not been read, and returns from where on all of them have to be
    /// read again.
    pub fn forget(&mut self) -> Option<u64> {
        let from = self.left_from.take()?;
        (self.waiting, self.ran) = (VecDeque::new(), 0);
        Some(from)
    }

    /// Compares a file with what it was when it was judged.
    ///
    /// # Errors
    /// It is not what it was.
    pub fn is_as_before(&self, again: &Seen) -> Result<(), String> {
        let walked = &again.walked;
        match walked.defect.is_some() && walked.judge.transaction().is_none() {
            true => Err(format!(
                "The append only file {} was changed while it was read",
                self.name
            )),
            false => Ok(()),
        }
    }

    /// Tells the log of the server what failed.
    pub fn tell_failures(&self) {
        if let (failed @ 1.., Some(first)) = self.replay.failures() {
            let name = &self.name;
            tracing::warn!(
                "{failed} requests of {name} failed when they ran again; the first: {first}"
            );
        }
    }

    fn read_now(
        &mut self,
        disk: &impl Disk,
        engine: &mut Engine,
        range: Range<u64>,
        mode: Mode,
    ) -> Result<Seen, String> {
        self.released = range.start;
        let mut ran = Ok(false);
        let path = self.path.clone();
        let hasher = engine.keyspace.hasher();
        let seen = ahead::read(disk, &path, range, mode, hasher, |batch| {
            self.take(batch);
            ran = self.step(engine, None);
            ran.is_ok()
        });
        ran?;
        seen.map_err(|failed| unreadable(&failed))
    }

    /// The file continues after this byte, and everything up to there may run.
    pub fn release(&mut self, up_to: u64) {
        self.released = up_to;
    }

    /// Up to which byte requests may run.
    pub fn released(&self) -> u64 {
        self.released
    }

    /// The rest is to be read again, from this byte on if from anywhere.
    pub fn leave(&mut self, from: Option<u64>) {
        self.left_from = from;
    }

    /// Takes requests; those that are released run in the next step.
    pub fn take(&mut self, batch: Batch) {
        self.released = batch.released;
        self.waiting.push_back(batch);
    }

    /// For how long the caller of [`Run::step`] waits before the next one.
    pub fn take_owed(&mut self) -> Duration {
        std::mem::take(&mut self.owed)
    }

    /// Runs what is released, for so long at most; true if something is left. A step without a limit waits by itself.
    ///
    /// # Errors
    /// The text for the log of the server.
    pub fn step(&mut self, engine: &mut Engine, slice: Option<Duration>) -> Result<bool, String> {
        let begun = Instant::now();
        loop {
            if engine.script_is_parked() {
                engine.continue_parked_script(SCRIPT_SLICE_NS);
                match slice {
                    Some(_) => return Ok(true),
                    None => continue,
                }
            }
            if !self.is_due() {
                return Ok(false);
            }
            if slice.is_some_and(|slice| begun.elapsed() >= slice) {
                return Ok(true);
            }
            let ran = self.stride(engine);
            ran.map_err(|e| format!("{e} reading the append only file {}", self.name))?;
            match slice {
                _ if self.owed < WAIT_MIN => {}
                Some(_) => return Ok(true),
                None => std::thread::sleep(self.take_owed()),
            }
        }
    }

    /// A request may run.
    fn is_due(&mut self) -> bool {
        while let Some(batch) = self.waiting.front() {
            if self.ran < batch.len() {
                return batch.at(self.ran).end() <= self.released;
            }
            self.waiting.pop_front();
            self.ran = 0;
        }
        false
    }

    /// Runs some requests of the first batch, of which one may run.
    fn stride(&mut self, engine: &mut Engine) -> Result<(), NotHere> {
        let Some(batch) = self.waiting.front() else {
            return Ok(());
        };
        let first = self.ran;
        // Between two requests with a delay, clients are served.
        let delay = delay::while_running(self.done + 1);
        let most = if delay.is_some() { 1 } else { BATCH };
        let places = first..batch.len().min(first + most);
        let due = places.map(|place| batch.at(place));
        let due: SmallVec<[Request<'_>; BATCH]> =
            due.take_while(|r| r.end() <= self.released).collect();
        // Another processor has written the bytes of the requests after these.
        let next = first + due.len()..batch.len().min(first + due.len() + BATCH);
        next.for_each(|place| keyspace::prefetch_bytes(batch.at(place).bytes()));
        let requests = due.iter().map(|r| (r.known(), r.args()));
        prefetch::known(engine, self.replay.db(), requests);
        let mut ran = 0;
        for request in &due {
            let argv: SmallVec<[&[u8]; 16]> = request.args().collect();
            self.replay.run(engine, &argv, request.known())?;
            ran += 1;
            if engine.script_is_parked() {
                break;
            }
        }
        self.ran += ran;
        self.done += ran as u64;
        self.owed += delay.unwrap_or_default();
        Ok(())
    }
}

/// The text for the log of the server.
pub fn unreadable(failed: &Failed) -> String {
    format!("Unrecoverable error reading the append only file: {failed}")
}
