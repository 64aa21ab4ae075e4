//! The witness that the dataset in memory is complete.
//!
//! A dump replaces the only other copy of the data. If it is written while a load has only read half of the keys, or
//! while a full sync has emptied the databases, it destroys the data that it should preserve. Therefore everything that
//! replaces, truncates or deletes a dump, or sends a snapshot to a replica, needs a [`Whole`], of which at most one
//! exists:
//!
//! ```text
//! NotYet --start without a dump, finished load--> Whole <--use--> InUse
//!                                                   |  ^
//!                         a load gives the data up  |  |  finished load; FLUSHALL; failure, if nothing was lost
//!                                                   v  |
//!                                                Loading --failure--> Lost --finished load; FLUSHALL; promotion--> Whole
//! ```
//!
//! A script that is parked in the middle of its writes does not change this state, but the witness is not lent in the
//! meantime: the caller must show that all scripts are [`AtRest`]. Only FLUSHALL gets a witness without that, for an
//! empty dataset, which is complete whatever a script will still write.

use engine::AtRest;
use std::cell::Cell;
use std::ops::Deref;

/// Why nothing is saved.
pub const NOT_WHOLE: &str = "the dataset in memory is not complete: the dump is left as it is";

/// A complete dataset is in memory.
#[derive(Debug)]
pub struct Whole {
    /// Code outside of this module cannot make one.
    _private: (),
}

const WHOLE: Whole = Whole { _private: () };

#[derive(Default)]
enum State {
    /// The server has not looked for its dump yet, or is loading it.
    #[default]
    NotYet,
    Whole(Whole),
    /// [`WholeInUse`] has the witness.
    InUse,
    /// The databases were emptied for a dataset that is being loaded; with the witness if they had been empty
    /// and complete before.
    Loading(Option<Whole>),
    /// The load has failed.
    Lost,
}

/// Whether the dataset in memory is complete.
#[derive(Default)]
pub struct Dataset {
    state: Cell<State>,
    /// The databases were emptied for the load that runs.
    emptied_for_load: Cell<bool>,
}

/// The witness, on loan.
pub struct WholeInUse<'a> {
    dataset: &'a Dataset,
    whole: Whole,
}

impl Deref for WholeInUse<'_> {
    type Target = Whole;

    fn deref(&self) -> &Whole {
        &self.whole
    }
}

impl Drop for WholeInUse<'_> {
    fn drop(&mut self) {
        // If a load has begun in the meantime, the witness is not returned.
        match self.dataset.state.take() {
            State::InUse => self.dataset.state.set(State::Whole(WHOLE)),
            other => self.dataset.state.set(other),
        }
    }
}

impl Dataset {
    /// The witness, if the dataset is complete and the witness is not in use.
    pub fn whole(&self, _: AtRest) -> Option<WholeInUse<'_>> {
        self.lend()
    }

    /// A client has emptied the dataset, so it is complete, even in the middle of a script.
    pub fn emptied(&self) -> WholeInUse<'_> {
        self.completed();
        self.lend().expect("it was just completed")
    }

    fn lend(&self) -> Option<WholeInUse<'_>> {
        match self.state.take() {
            State::Whole(whole) => {
                self.state.set(State::InUse);
                Some(WholeInUse {
                    dataset: self,
                    whole,
                })
            }
            other => {
                self.state.set(other);
                None
            }
        }
    }

    /// A complete dataset is in memory now: a load has finished, or there was nothing to load.
    pub fn completed(&self) {
        self.state.set(State::Whole(WHOLE));
    }

    /// The databases are emptied for a dataset that is about to be loaded. `nothing_lost`: they were empty.
    pub fn given_up(&self, nothing_lost: bool) {
        let before = match self.state.take() {
            State::Whole(whole) => Some(whole),
            State::InUse => Some(WHOLE),
            State::Loading(before) => before,
            State::NotYet | State::Lost => None,
        };
        self.state
            .set(State::Loading(before.filter(|_| nothing_lost)));
    }

    /// Whether the databases were emptied for the load that runs.
    pub fn set_emptied_for_load(&self, emptied: bool) {
        self.emptied_for_load.set(emptied);
    }

    /// True if the databases were emptied for the load that runs.
    pub fn is_emptied_for_load(&self) -> bool {
        self.emptied_for_load.get()
    }

    /// The load has ended; unless [`Dataset::completed`] follows, it has failed.
    pub fn load_ended(&self) {
        let state = match self.state.take() {
            State::Loading(Some(whole)) => State::Whole(whole),
            State::Loading(None) => State::Lost,
            other => other,
        };
        self.state.set(state);
    }

    /// The server became a primary: it serves and keeps the data that a failed sync has left.
    pub fn promoted(&self) {
        match self.state.take() {
            State::Lost => self.completed(),
            other => self.state.set(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_whole(dataset: &Dataset) -> bool {
        dataset.whole(AtRest::without_scripts()).is_some()
    }

    #[test]
    fn nothing_is_whole_before_the_start_has_looked_for_a_dump() {
        let dataset = Dataset::default();
        assert!(!is_whole(&dataset));
        dataset.load_ended();
        dataset.promoted();
        assert!(!is_whole(&dataset));
        dataset.completed();
        assert!(is_whole(&dataset));
        assert!(is_whole(&dataset), "it is given back after use");
    }

    #[test]
    fn a_failed_load_loses_the_dataset_until_there_is_another() {
        let dataset = Dataset::default();
        for mend in [Dataset::completed, Dataset::promoted] {
            dataset.completed();
            dataset.given_up(false);
            assert!(!is_whole(&dataset));
            dataset.load_ended();
            assert!(!is_whole(&dataset));
            // The next try fails too.
            dataset.given_up(true);
            dataset.load_ended();
            assert!(!is_whole(&dataset));
            mend(&dataset);
            assert!(is_whole(&dataset));
        }
    }

    #[test]
    fn a_failed_load_into_a_complete_and_empty_dataset_loses_nothing() {
        let dataset = Dataset::default();
        dataset.completed();
        dataset.given_up(true);
        assert!(!is_whole(&dataset));
        dataset.load_ended();
        assert!(is_whole(&dataset));
    }

    #[test]
    fn a_witness_in_use_is_the_only_one_and_does_not_outlive_its_dataset() {
        let dataset = Dataset::default();
        dataset.completed();
        let used = dataset
            .whole(AtRest::without_scripts())
            .expect("it is whole");
        assert!(!is_whole(&dataset));
        dataset.given_up(false);
        drop(used);
        assert!(!is_whole(&dataset));
    }
}
