//! What the rounds have met, counted.

use super::ledger::{Expected, Verdict};
use super::plan::{Blow, Life, Step};
use std::collections::BTreeMap;
use std::fmt;

/// What a server was in the midst of when the blow fell, by its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Midst {
    /// Loading its dump at start.
    Start,
    /// Writing a dump in the background.
    Save,
    /// Sending a payload without a file.
    Transfer,
    /// Receiving or loading a payload.
    Sync,
}

impl Midst {
    /// By a log from the start of the process to the blow.
    pub fn of(log: &str) -> Vec<Midst> {
        let told = [
            "Received SIG",
            "Received shutdown signal",
            "User requested shutdown",
        ];
        let end = told.iter().filter_map(|t| log.find(t)).min();
        let log = &log[..end.unwrap_or(log.len())];
        let open = |begins: &str, ends: &[&str]| {
            let begun = log.rfind(begins);
            begun.is_some_and(|at| !ends.iter().any(|end| log[at..].contains(end)))
        };
        let mut all = Vec::new();
        if open("Server initialized", &["Ready to accept"]) {
            all.push(Midst::Start);
        }
        let saved = [
            "Background saving terminated",
            "Background saving error",
            "DB saved on disk",
        ];
        if open("Background saving started", &saved) {
            all.push(Midst::Save);
        }
        let sent = [
            "Background RDB transfer terminated",
            "Background transfer error",
        ];
        if open("Background RDB transfer started", &sent) {
            all.push(Midst::Transfer);
        }
        let synced = ["Finished with success", "Failed trying to load"];
        if open("MASTER <-> REPLICA sync: receiving", &synced) {
            all.push(Midst::Sync);
        }
        all
    }
}

/// Counts of everything.
#[derive(Default)]
pub struct Tally {
    rounds: u32,
    blows: BTreeMap<(&'static str, String), u32>,
    midst: BTreeMap<(Midst, &'static str), u32>,
    verdicts: BTreeMap<(Expected, bool), u32>,
    writes: usize,
    skipped: u32,
}

impl Tally {
    /// A round has ended well.
    pub fn round(&mut self) {
        self.rounds += 1;
    }

    /// A round could not be judged: somebody else has taken the port meanwhile, or a real peer has crashed.
    pub fn skipped(&mut self) {
        self.skipped += 1;
    }

    /// A life has been judged.
    pub fn life(
        &mut self,
        life: &Life,
        midst: &[Midst],
        judged: (Expected, Verdict),
        writes: usize,
    ) {
        let during = match life.during {
            Step::Write(_) => "Write".to_owned(),
            step => format!("{step:?}"),
        };
        *self.blows.entry((life.blow.name(), during)).or_default() += 1;
        for midst in midst {
            *self.midst.entry((*midst, life.blow.name())).or_default() += 1;
        }
        let (expected, verdict) = judged;
        *self.verdicts.entry((expected, verdict.chosen)).or_default() += 1;
        self.writes += writes;
    }

    /// What the rounds have not met often enough to have shown anything of it.
    pub fn lacks(&self) -> Option<String> {
        let ends = [Blow::Term, Blow::Int, Blow::IntTwice, Blow::Kill].map(|b| b.name());
        let ends = ends.into_iter().chain([
            "SHUTDOWN",
            "SHUTDOWN SAVE",
            "SHUTDOWN NOSAVE",
            "SHUTDOWN ABORT",
        ]);
        for name in ends {
            if !self.blows.keys().any(|(blow, _)| *blow == name) {
                return Some(format!("no life was ended by {name}"));
            }
        }
        for midst in [Midst::Start, Midst::Save, Midst::Transfer, Midst::Sync] {
            let met = self.midst.iter().filter(|((m, _), _)| *m == midst);
            let blows = met.count();
            if blows < 2 {
                return Some(format!(
                    "{blows} kinds of blows fell in the midst of {midst:?}"
                ));
            }
        }
        for expected in [Expected::Everything, Expected::Image] {
            let told = self.verdicts.get(&(expected, true)).copied().unwrap_or(0);
            if told < 5 {
                return Some(format!(
                    "{told} dumps could have been wrong about {expected:?}"
                ));
            }
        }
        None
    }

    /// Too few of something means that the rounds have shown nothing of it.
    ///
    /// # Panics
    /// Naming what was not met.
    pub fn assert_wide(&self) {
        assert_eq!(self.lacks(), None);
        assert!(
            self.skipped * 20 <= self.rounds,
            "{} rounds were given up",
            self.skipped
        );
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} rounds, {} datasets, {} given up",
            self.rounds, self.writes, self.skipped
        )?;
        let mut rows: BTreeMap<&str, String> = BTreeMap::new();
        for ((blow, during), n) in &self.blows {
            *rows.entry(blow).or_default() += &format!(" {during} {n}");
        }
        for (blow, row) in rows {
            writeln!(f, "  {blow}:{row}")?;
        }
        for ((midst, blow), n) in &self.midst {
            writeln!(f, "  in the midst of {midst:?}: {blow} {n}")?;
        }
        for ((expected, chosen), n) in &self.verdicts {
            writeln!(
                f,
                "  judged by {expected:?}, other dumps possible {chosen}: {n}"
            )?;
        }
        Ok(())
    }
}
