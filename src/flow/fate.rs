//! Decides the outcome of a save that runs on another thread: either its dump is in its place, or the save has been
//! cancelled.
//!
//! Both are decided under one lock, which is held during the rename. Therefore a save that has been cancelled, perhaps
//! while the disk was still syncing its file, can never replace a later one. Cancelling waits at most for the creation
//! or renaming of a file.

use disk::Disk;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The save was cancelled before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GivenUp;

/// Shared by a save's thread and those who may give the save up.
#[derive(Debug, Default)]
pub struct Fate(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    given_up: bool,
    placed: bool,
    /// The file that is being written.
    temp: Option<PathBuf>,
}

impl Fate {
    /// Creates the file that the save writes, unless the save has been cancelled: no file can appear after
    /// [`Fate::clear_away`].
    ///
    /// # Errors
    /// Those of `create`, and [`GivenUp`].
    pub fn open<T: AsRef<Path>, E: From<GivenUp>>(
        &self,
        create: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let mut state = self.lock();
        if state.given_up {
            return Err(GivenUp.into());
        }
        let temp = create()?;
        state.temp = Some(temp.as_ref().to_owned());
        Ok(temp)
    }

    /// Cancels the save, so that the previous dump stays in its place. Returns false if it is too late for that.
    pub fn give_up(&self) -> bool {
        let mut state = self.lock();
        state.given_up |= !state.placed;
        state.given_up
    }

    /// Runs `rename`, which puts the dump in its place, unless the save has been cancelled.
    ///
    /// # Errors
    /// Those of `rename`, and [`GivenUp`].
    pub fn place<T, E: From<GivenUp>>(
        &self,
        rename: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let mut state = self.lock();
        if state.given_up {
            return Err(GivenUp.into());
        }
        let renamed = rename()?;
        state.placed = true;
        state.temp = None;
        Ok(renamed)
    }

    /// Removes the file of a cancelled save, because the process ends before its thread does so.
    pub fn clear_away(&self, disk: &impl Disk) {
        let state = self.lock();
        if let Some(temp) = state.temp.as_ref().filter(|_| state.given_up) {
            // The file may have been removed already.
            let _ = disk.remove(temp);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use disk::fake::FakeDisk;

    #[test]
    fn a_save_that_was_given_up_is_never_placed() {
        let fate = Fate::default();
        assert!(fate.give_up());
        let placed = fate.place(|| -> Result<(), GivenUp> { panic!("it is not renamed") });
        assert_eq!(placed, Err(GivenUp));
        let opened = fate.open(|| -> Result<PathBuf, GivenUp> { panic!("nor is it made") });
        assert_eq!(opened, Err(GivenUp));
    }

    #[test]
    fn a_save_that_is_in_its_place_cannot_be_given_up_but_one_that_failed_can() {
        let fate = Fate::default();
        fate.place(|| Err::<(), _>(GivenUp))
            .expect_err("the rename failed");
        assert!(fate.give_up());
        let fate = Fate::default();
        fate.place(|| Ok::<_, GivenUp>(())).expect("it is renamed");
        assert!(!fate.give_up());
    }

    #[test]
    fn only_the_file_of_a_save_that_was_given_up_is_cleared_away() {
        let path = Path::new("/data/temp");
        let disk = FakeDisk::with([("/data/temp", b"half".as_slice())]);
        let fate = Fate::default();
        fate.open(|| Ok::<_, GivenUp>(path)).expect("it is made");
        fate.clear_away(&disk);
        assert!(disk.read(path).is_some());
        fate.give_up();
        fate.clear_away(&disk);
        assert!(disk.read(path).is_none());
    }
}
