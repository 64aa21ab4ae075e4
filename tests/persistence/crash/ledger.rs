//! What a server may hold and what its dump may hold: the judge of a round.
//!
//! The ledger lists every dataset that the server can have had, oldest first: each write adds one, and a server
//! that follows a primary adds the primary's. Every write is a transaction that also sets a stamp of its own, so a
//! dataset that is in the list was once whole, and one that is half loaded or half written is not in it.

use std::collections::BTreeMap;

/// Database and key.
pub type Key = (u32, String);

/// All keys of a server. Values are strings.
pub type Dataset = BTreeMap<Key, String>;

/// The key that each write sets to a value of its own.
pub const STAMP: &str = "stamp";

/// What the end of a process asks of its dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expected {
    /// The server saved before it exited: nothing that it acknowledged is missing.
    Everything,
    /// It did not: the dump is the image of a save.
    Image,
    /// It may have been able to save, or not.
    Either,
}

/// A save: the dump may hold the dataset of any moment from its beginning to its end.
#[derive(Debug)]
struct Image {
    from: usize,
    /// `None` while it may be running.
    to: Option<usize>,
    /// It was reported as done.
    done: bool,
    /// Other dumps of the same origin may follow it: a link that syncs, a save point that fires.
    lasting: bool,
}

/// A save that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageId(usize);

/// The history of one server since its start.
#[derive(Debug)]
pub struct Ledger {
    states: Vec<Dataset>,
    /// The server has got at least to here.
    held: usize,
    /// In the order in which they began.
    images: Vec<Image>,
}

impl Ledger {
    /// A server that is started on a dump with this content.
    pub fn starting_with(dump: Dataset) -> Ledger {
        Ledger {
            states: vec![dump],
            held: 0,
            images: vec![Image {
                from: 0,
                to: Some(0),
                done: true,
                lasting: false,
            }],
        }
    }

    /// The server may hold this from now on.
    pub fn may_become(&mut self, state: Dataset) {
        self.states.push(state);
    }

    /// The newest dataset was refused: the server never had it.
    pub fn refused(&mut self) {
        self.states.pop();
        assert!(self.held < self.states.len(), "a refused write was held");
    }

    /// The server has got to the newest dataset.
    pub fn acknowledged(&mut self) {
        self.held = self.states.len() - 1;
    }

    /// The server was seen with this stamp. False when no dataset from the last sure one on has it.
    pub fn seen(&mut self, stamp: &str) -> bool {
        let key = (0, STAMP.to_owned());
        let rest = &self.states[self.held..];
        let found = rest
            .iter()
            .position(|s| s.get(&key).is_some_and(|v| v == stamp));
        self.held += found.unwrap_or(0);
        found.is_some()
    }

    /// The server was seen with exactly this.
    ///
    /// # Errors
    /// Why it cannot have it.
    pub fn seen_whole(&mut self, dataset: &Dataset) -> Result<(), String> {
        let last = self.states.len() - 1;
        let found = self.find(dataset, &[(self.held, last)]);
        self.held = found.map_err(|e| format!("the server holds what it cannot hold: {e}"))?;
        Ok(())
    }

    /// The newest dataset that may be held.
    pub fn newest(&self) -> &Dataset {
        self.states.last().expect("it begins with one")
    }

    /// The dataset that is held at least.
    pub fn held(&self) -> &Dataset {
        &self.states[self.held]
    }

    /// How many datasets have been possible.
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// A save begins.
    pub fn begin_image(&mut self) -> ImageId {
        self.begin_image_at(self.held, false)
    }

    /// Something that may save at any moment from now on.
    pub fn begin_saving(&mut self) -> ImageId {
        self.begin_image_at(self.held, true)
    }

    /// Dumps of what another server holds may arrive: of nothing older than the newest dataset.
    pub fn begin_receiving(&mut self) -> ImageId {
        self.begin_image_at(self.states.len() - 1, true)
    }

    /// A save of the newest dataset and of nothing else.
    pub fn begin_image_of_newest(&mut self) -> ImageId {
        let newest = self.states.len() - 1;
        let id = self.begin_image_at(newest, false);
        self.images[id.0].to = Some(newest);
        id
    }

    fn begin_image_at(&mut self, from: usize, lasting: bool) -> ImageId {
        self.images.push(Image {
            from,
            to: None,
            done: false,
            lasting,
        });
        ImageId(self.images.len() - 1)
    }

    /// A save was reported as done.
    pub fn image_done(&mut self, id: ImageId) {
        let last = self.states.len() - 1;
        let image = &mut self.images[id.0];
        image.done = true;
        if !image.lasting {
            image.to = Some(last);
        }
    }

    /// A save was refused before it began.
    pub fn image_refused(&mut self, id: ImageId) {
        assert_eq!(id.0, self.images.len() - 1, "it was the last that began");
        self.images.pop();
    }

    /// Judges the dump of a server that has ended.
    ///
    /// # Errors
    /// Why this dump may not be there.
    pub fn judge(&self, dump: &Dataset, expected: Expected) -> Result<Verdict, String> {
        let allowed = self.allowed(expected);
        self.find(dump, &allowed)?;
        let different = allowed
            .iter()
            .flat_map(|(from, to)| &self.states[*from..=*to])
            .any(|state| state != dump);
        Ok(Verdict { chosen: different })
    }

    /// The ranges of datasets that may be in the dump.
    fn allowed(&self, expected: Expected) -> Vec<(usize, usize)> {
        let last = self.states.len() - 1;
        let mut ranges = Vec::new();
        if expected != Expected::Image {
            ranges.push((self.held, last));
        }
        if expected != Expected::Everything {
            let newest = self.images.iter().rposition(|image| image.done);
            let newest = newest.expect("the start was from one");
            let images = self.images.iter().enumerate();
            let images = images.filter(|(i, image)| *i >= newest || image.lasting);
            ranges.extend(images.map(|(_, image)| (image.from, image.to.unwrap_or(last))));
        }
        ranges
    }

    fn find(&self, dataset: &Dataset, allowed: &[(usize, usize)]) -> Result<usize, String> {
        let found = self.states.iter().enumerate().rev();
        let matching: Vec<usize> = found
            .filter(|(_, s)| *s == dataset)
            .map(|(i, _)| i)
            .collect();
        let inside = |i: &&usize| allowed.iter().any(|(from, to)| (from..=to).contains(i));
        if let Some(index) = matching.iter().find(inside) {
            return Ok(*index);
        }
        let what = match matching.first() {
            Some(index) => format!("dataset {index}"),
            None => "no dataset that there ever was".to_owned(),
        };
        let stamp = dataset.get(&(0, STAMP.to_owned()));
        Err(format!(
            "{what}: {} keys, stamp {stamp:?}; allowed of {} datasets are {allowed:?}, {} is certain; {}",
            dataset.len(),
            self.states.len(),
            self.held,
            self.nearest(dataset, allowed)
        ))
    }

    /// How the dataset differs from the allowed one that is most like it.
    fn nearest(&self, dataset: &Dataset, allowed: &[(usize, usize)]) -> String {
        let all = allowed.iter().flat_map(|(from, to)| *from..=*to);
        let nearest = all.min_by_key(|i| differing(&self.states[*i], dataset).len());
        let Some(index) = nearest else {
            return "nothing is allowed".to_owned();
        };
        let keys = differing(&self.states[index], dataset);
        let first = keys.first().map(|key| {
            let short = |d: &Dataset| d.get(key).map(|v| v.chars().take(12).collect::<String>());
            (key, short(&self.states[index]), short(dataset))
        });
        format!(
            "{index} is nearest, with {} keys, of which {} differ, such as {first:?}",
            self.states[index].len(),
            keys.len(),
        )
    }
}

fn differing(one: &Dataset, other: &Dataset) -> Vec<Key> {
    let keys = one.keys().chain(other.keys());
    let mut keys: Vec<Key> = keys
        .filter(|k| one.get(*k) != other.get(*k))
        .cloned()
        .collect();
    keys.sort();
    keys.dedup();
    keys
}

/// What was found in a dump that may be there.
#[derive(Clone, Copy, Debug)]
pub struct Verdict {
    /// Another dataset would have been allowed too.
    pub chosen: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(stamp: u32, keys: u32) -> Dataset {
        let mut state: Dataset = (0..keys)
            .map(|k| ((1, format!("k{k}")), "v".to_owned()))
            .collect();
        if stamp > 0 {
            state.insert((0, STAMP.to_owned()), stamp.to_string());
        }
        state
    }

    /// Acknowledged up to 3 of 4 writes; the last save that was reported was of 1.
    fn ledger() -> Ledger {
        let mut ledger = Ledger::starting_with(state(0, 0));
        ledger.may_become(state(1, 5));
        ledger.acknowledged();
        let save = ledger.begin_image();
        ledger.image_done(save);
        for n in 2..=3 {
            ledger.may_become(state(n, 5));
            ledger.acknowledged();
        }
        ledger.may_become(state(4, 6));
        ledger
    }

    #[test]
    fn after_a_final_save_no_acknowledged_write_may_be_missing() {
        let ledger = ledger();
        let judge = |s: &Dataset| ledger.judge(s, Expected::Everything).is_ok();
        assert!(judge(&state(3, 5)) && judge(&state(4, 6)));
        assert!(!judge(&state(2, 5)) && !judge(&state(1, 5)) && !judge(&state(0, 0)));
    }

    #[test]
    fn without_one_the_dump_is_the_last_image_that_was_reported_or_a_later_one() {
        let mut ledger = ledger();
        let judge = |l: &Ledger, s: &Dataset| l.judge(s, Expected::Image).is_ok();
        assert!(judge(&ledger, &state(1, 5)));
        assert!(!judge(&ledger, &state(0, 0)), "the dump before it");
        assert!(!judge(&ledger, &state(3, 5)), "nobody saved that");
        ledger.begin_image();
        assert!(judge(&ledger, &state(1, 5)) && judge(&ledger, &state(3, 5)));
        assert!(
            !judge(&ledger, &state(2, 5)),
            "older than the save that runs"
        );
    }

    #[test]
    fn a_part_of_a_dataset_is_none_that_there_was() {
        let ledger = ledger();
        for part in [state(3, 4), state(0, 5), state(3, 6), state(3, 0)] {
            for expected in [Expected::Everything, Expected::Image, Expected::Either] {
                let error = ledger.judge(&part, expected).unwrap_err();
                assert!(error.contains("no dataset that there ever was"), "{error}");
            }
        }
    }

    #[test]
    fn what_was_seen_is_certain() {
        let mut ledger = ledger();
        assert!(ledger.seen("4") && !ledger.seen("3") && !ledger.seen("5"));
        assert!(ledger.judge(&state(3, 5), Expected::Everything).is_err());
        assert!(ledger.seen_whole(&state(4, 6)).is_ok());
        assert!(ledger.seen_whole(&state(4, 5)).is_err());
    }
}
