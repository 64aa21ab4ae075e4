//! The writer on a disk that fails and crashes.

use super::batch::select;
use super::{Batch, Mark, Writer};
use aof::names::{self, BaseForm};
use aof::{Item, Manifest, judge};
use base::request::encode_request;
use base::testing::Rng;
use disk::fake::{After, FakeDisk};
use disk::{Aside, Disk};
use engine::CommitPosition;
use std::io::Write;
use std::path::Path;

const DIRECTORY: &str = "/data/log";
const NAME: &str = "a.aof";

fn mark(n: u64) -> Mark {
    Mark {
        at: CommitPosition::nth(n),
        id: [b'a'; 40],
        offset: n * 10,
        ms: n,
        holds: None,
    }
}

/// The commits after the `from`th up to the `to`th, each a request with its number and its database.
fn batch(selected: &mut Option<usize>, from: u64, to: u64) -> Batch {
    let mut bytes = Vec::new();
    let db = *selected;
    for n in from + 1..=to {
        let wanted = (n / 3 % 2) as usize;
        if *selected != Some(wanted) {
            bytes.extend(select(wanted));
            *selected = Some(wanted);
        }
        encode_request(&mut bytes, &["SET", &n.to_string(), "x"]);
    }
    let end = mark(to);
    Batch {
        bytes,
        db,
        end,
        joins: true,
    }
}

/// The commits that a server would load, in order, or what is wrong.
fn loaded(After(files): &After) -> Result<Vec<u64>, String> {
    let path = |name: &str| Path::new(DIRECTORY).join(name);
    let Some(manifest) = files.get(&path(&names::manifest(NAME))) else {
        return Ok(Vec::new());
    };
    let manifest = Manifest::parse(manifest).map_err(|e| e.to_string())?;
    let mut found = Vec::new();
    let last = manifest.files().count() - 1;
    for (i, file) in manifest.files().enumerate() {
        let name = String::from_utf8_lossy(&file.name).into_owned();
        let bytes = files
            .get(&path(&name))
            .ok_or(format!("{name} is missing"))?;
        let mut db = None;
        let mut items = Vec::new();
        let verdict = judge::judge(bytes, 0, |at, item| {
            let Item::Request(request) = item else { return };
            match request.selects() {
                Some(selected) => db = Some(selected),
                None => {
                    let n = request.args().nth(1).expect("a key");
                    let n: u64 = String::from_utf8_lossy(n).parse().expect("a number");
                    assert_eq!(db, Some((n / 3 % 2) as u32), "the database of {n}");
                    items.push((at, n));
                }
            }
        });
        let end = match &verdict.defect {
            None => u64::MAX,
            // Nothing proves it to be a torn end: the start is refused.
            Some(defect)
                if i == last && !defect.is_cut_off() && verdict.judge.last_seal().is_none() =>
            {
                return Err(format!("{name}: {defect:?}, and no seal before it"));
            }
            Some(defect) if i == last => verdict.judge.keep(defect),
            Some(defect) => return Err(format!("{name} of {last}: {defect:?}")),
        };
        found.extend(
            items
                .into_iter()
                .filter(|(at, _)| *at < end)
                .map(|(_, n)| n),
        );
    }
    Ok(found)
}

#[test]
fn what_a_rewrite_left_behind_is_removed_and_nothing_else() {
    let mut play = Play::new();
    let seq = play.writer.next_base();
    play.base(0, seq).expect("nothing fails");
    play.writer.begin_increment(false).expect("nothing fails");
    let done = play.writer.install_base(seq, BaseForm::Requests);
    done.expect("nothing fails");
    play.writer.push(batch(&mut None, 0, 3));
    play.writer.write().expect("nothing fails");
    // A base that was written and not installed, an increment that no manifest names, and files of others.
    let seq = play.writer.next_base();
    play.base(3, seq).expect("nothing fails");
    play.writer.begin_increment(false).expect("nothing fails");
    for name in [
        "temp-a.aof.manifest-1-2",
        "a.aof.1.incr.aof.cut-at-5",
        "other",
    ] {
        let path = Path::new(DIRECTORY).join(name);
        play.disk.create(&path, 0o644).expect("nothing fails");
    }
    let moved = play.writer.clear_away(false).expect("nothing fails");
    let base = "a.aof.2.base.aof".to_owned();
    assert_eq!(moved, [(base.clone(), format!("{base}.no-manifest-1"))]);
    let mut names = play.disk.list(Path::new(DIRECTORY)).expect("a list");
    names.sort();
    let expected = [
        "a.aof.1.base.aof",
        "a.aof.1.incr.aof",
        "a.aof.1.incr.aof.cut-at-5",
        "a.aof.2.base.aof.no-manifest-1",
        "a.aof.manifest",
        "other",
    ];
    assert_eq!(names, expected);
    let all = play.disk.operations();
    for after in play.disk.crashes_after(all) {
        assert_eq!(loaded(&after), Ok(vec![1, 2, 3]));
    }
}

#[test]
fn without_seals_the_log_is_its_requests_and_a_later_seal_covers_them() {
    let mut play = Play::new();
    play.writer.set_seals(false);
    let seq = play.writer.next_base();
    play.base(0, seq).expect("nothing fails");
    play.writer.begin_increment(false).expect("nothing fails");
    let done = play.writer.install_base(seq, BaseForm::Requests);
    done.expect("nothing fails");
    let path = Path::new(DIRECTORY).join("a.aof.1.incr.aof");
    let increment = |play: &Play| play.disk.read(&path).expect("it is there");
    let (mut selected, mut plain) = (None, Vec::new());
    for n in 0..3 {
        let batch = batch(&mut selected, n, n + 1);
        plain.extend_from_slice(&batch.bytes);
        play.writer.push(batch);
        play.writer.write().expect("nothing fails");
        if n == 1 {
            play.writer.settle_written();
        }
    }
    assert_eq!(increment(&play), plain);
    // What is settled stays when the rest is written again, and the next seal covers it.
    play.disk.fail_at(play.disk.operations());
    play.writer.push(batch(&mut selected, 3, 4));
    play.writer.write().expect_err("the disk refuses it");
    play.writer.set_seals(true);
    play.writer.write().expect("it is written again");
    let bytes = increment(&play);
    let verdict = judge::judge(&bytes, 0, |_, _| {});
    assert_eq!(verdict.defect, None);
    assert_eq!(verdict.judge.proven(), bytes.len() as u64);
    let all = play.disk.operations();
    let whole = play.disk.crashes_after(all);
    let whole = whole.iter().map(loaded);
    assert!(whole.into_iter().any(|found| found == Ok(vec![1, 2, 3, 4])));
}

struct Play {
    disk: FakeDisk,
    writer: Writer<FakeDisk>,
    selected: Option<usize>,
    pushed: u64,
    /// How many operations there were when this many commits were known to be durable.
    durable: Vec<(usize, u64)>,
    /// The commits before the current increment, if it began well.
    cut: Option<u64>,
}

impl Play {
    fn new() -> Play {
        let disk = FakeDisk::default();
        let (directory, manifest) = (Path::new(DIRECTORY).to_owned(), Manifest::default());
        let writer = Writer::new(disk.clone(), directory, NAME.into(), manifest, mark(0));
        Play {
            disk,
            writer,
            selected: None,
            pushed: 0,
            durable: Vec::new(),
            cut: None,
        }
    }

    fn base(&self, commits: u64, seq: i64) -> std::io::Result<()> {
        let mut selected = None;
        let bytes = batch(&mut selected, 0, commits).bytes;
        let directory = Path::new(DIRECTORY);
        let mut aside = Aside::create_in(&self.disk, directory, ("temp-base-", ""), 0o644)?;
        aside.write_all(&bytes)?;
        let name = names::base(NAME, seq, BaseForm::Requests);
        aside
            .sync()?
            .place(&directory.join(name))?
            .sync_directory()?;
        Ok(())
    }

    /// One random step, which may fail.
    fn step(&mut self, rng: &mut Rng) {
        match rng.below(12) {
            0..=3 => {
                let to = self.pushed + 1 + rng.below(4) as u64;
                self.writer.push(batch(&mut self.selected, self.pushed, to));
                self.pushed = to;
            }
            4..=6 => drop(self.writer.write()),
            7..=8 => drop(self.writer.sync()),
            9 => drop(self.writer.mend()),
            10 => {
                if self.writer.begin_increment(true).is_ok() {
                    self.cut = Some(self.pushed);
                }
            }
            _ => {
                let seq = self.writer.next_base();
                if let Some(cut) = self.cut.take()
                    && self.base(cut, seq).is_ok()
                {
                    let _ = self.writer.install_base(seq, BaseForm::Requests);
                }
            }
        }
        let durable = (0..=self.pushed).rfind(|n| CommitPosition::nth(*n) <= self.writer.durable());
        let operations = self.disk.operations();
        self.durable.push((operations, durable.unwrap_or(0)));
    }
}

#[test]
fn whatever_fails_and_wherever_it_crashes_what_was_durable_is_loaded_once_and_in_order() {
    let (mut images, mut lost, mut failures) = (0, 0, 0);
    for seed in 0..400 {
        let mut rng = Rng::new(seed);
        let mut play = Play::new();
        assert_eq!(play.writer.next_base(), 1);
        play.base(0, 1).expect("nothing fails yet");
        play.writer
            .begin_increment(false)
            .expect("nothing fails yet");
        play.writer
            .install_base(1, BaseForm::Requests)
            .expect("nothing fails yet");
        for _ in 0..40 {
            if rng.below(10) == 0 {
                play.disk.fail_at(play.disk.operations() + rng.below(4));
                failures += 1;
            }
            play.step(&mut rng);
        }
        let all = play.disk.operations();
        for _ in 0..12 {
            let count = rng.below(all + 1);
            let known = play.durable.iter().filter(|(at, _)| *at <= count);
            let durable = known.map(|(_, n)| *n).max().unwrap_or(0);
            for after in play.disk.crashes_after(count) {
                let found = loaded(&after).unwrap_or_else(|e| panic!("seed {seed}, {count}: {e}"));
                let expected: Vec<u64> = (1..=found.len() as u64).collect();
                assert_eq!(found, expected, "seed {seed}, after {count} operations");
                assert!(
                    found.len() as u64 >= durable,
                    "seed {seed}, after {count} operations: {} of {durable}",
                    found.len()
                );
                images += 1;
                lost += usize::from((found.len() as u64) < play.pushed);
            }
        }
    }
    assert!(
        images > 5000 && lost > 500 && failures > 500,
        "{images} {lost} {failures}"
    );
}
