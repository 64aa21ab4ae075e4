//! Where a snapshot's bytes go.

use super::error::SaveError;
use crate::Fate;

/// A destination of RDB bytes, which may be a file of the type `F`. It runs where the snapshot is encoded; it may wait
/// for its disk, but never for a peer. Dropping an unfinished sink abandons it: a temp file is removed, a replica's
/// transfer cut.
pub trait Sink<F>: Send {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// The sink accepts no more.
    fn write(&mut self, bytes: &[u8]) -> Result<(), SaveError>;

    /// All bytes were given: makes them final (fsync and rename; end mark), unless `fate` says that the save was
    /// given up. A sink that wrote a file returns the open file, because others may need these very bytes after
    /// another file has taken the name.
    ///
    /// # Errors
    /// They are not final.
    fn finish(self: Box<Self>, fate: &Fate) -> Result<Option<F>, SaveError>;
}

/// The sinks of one dump.
pub enum Outputs<F> {
    /// One sink, whose outcome is that of the save.
    One(Box<dyn Sink<F>>),
    /// Several sinks. Each may fail without failing the save, and its owner notices that itself. The save continues as
    /// long as one is left.
    Several(Vec<Box<dyn Sink<F>>>),
}

impl<F> Outputs<F> {
    /// Passes the next bytes to each sink.
    ///
    /// # Errors
    /// The only sink accepts no more, or none of several does.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), SaveError> {
        let sinks = match self {
            Outputs::One(sink) => return sink.write(bytes),
            Outputs::Several(sinks) => sinks,
        };
        let mut last = Ok(());
        sinks.retain_mut(|sink| {
            let taken = sink.write(bytes);
            let goes_on = taken.is_ok();
            if !goes_on {
                last = taken;
            }
            goes_on
        });
        if sinks.is_empty() { last } else { Ok(()) }
    }

    /// Makes the bytes final, and returns the file that was written.
    ///
    /// # Errors
    /// The bytes could not be made final in the only sink, or in any of several.
    pub fn finish(self, fate: &Fate) -> Result<Option<F>, SaveError> {
        let sinks = match self {
            Outputs::One(sink) => return sink.finish(fate),
            Outputs::Several(sinks) => sinks,
        };
        let mut last = Ok(None);
        let mut finished = 0;
        for sink in sinks {
            match sink.finish(fate) {
                Ok(_) => finished += 1,
                Err(error) => last = Err(error),
            }
        }
        if finished > 0 { Ok(None) } else { last }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::{Arc, Mutex};

    type Taken = Arc<Mutex<Vec<u8>>>;

    /// Accepts `room` writes, and can be made final if `ends`.
    struct Narrow {
        room: usize,
        ends: bool,
        taken: Taken,
    }

    fn narrow(room: usize, ends: bool) -> (Box<dyn Sink<u8>>, Taken) {
        let taken = Taken::default();
        let sink = Narrow {
            room,
            ends,
            taken: Arc::clone(&taken),
        };
        (Box::new(sink), taken)
    }

    fn full() -> SaveError {
        SaveError::Thread(io::Error::other("full"))
    }

    impl Sink<u8> for Narrow {
        fn write(&mut self, bytes: &[u8]) -> Result<(), SaveError> {
            self.room = self.room.checked_sub(1).ok_or_else(full)?;
            self.taken.lock().unwrap().extend_from_slice(bytes);
            Ok(())
        }

        fn finish(self: Box<Self>, _: &Fate) -> Result<Option<u8>, SaveError> {
            self.ends.then_some(Some(7)).ok_or_else(full)
        }
    }

    #[test]
    fn the_failure_of_the_one_place_is_that_of_the_save() {
        let (sink, taken) = narrow(1, true);
        let mut one = Outputs::One(sink);
        one.write(b"a").unwrap();
        assert!(one.write(b"b").is_err());
        assert_eq!(*taken.lock().unwrap(), b"a");
        assert!(
            Outputs::One(narrow(1, false).0)
                .finish(&Fate::default())
                .is_err()
        );
        let file = Outputs::One(narrow(1, true).0).finish(&Fate::default());
        assert_eq!(file.unwrap(), Some(7));
    }

    #[test]
    fn of_several_each_fails_alone_until_none_is_left() {
        let ((short, first), (long, second)) = (narrow(1, true), narrow(2, true));
        let mut several = Outputs::Several(vec![short, long]);
        several.write(b"a").unwrap();
        several.write(b"b").unwrap();
        assert_eq!(*first.lock().unwrap(), b"a");
        assert_eq!(*second.lock().unwrap(), b"ab");
        assert!(several.write(b"c").is_err());
        let ends = |all: &[bool]| {
            let sinks = all.iter().map(|ends| narrow(0, *ends).0).collect();
            Outputs::Several(sinks).finish(&Fate::default())
        };
        assert!(ends(&[false, true]).is_ok_and(|file| file.is_none()));
        assert!(ends(&[false, false]).is_err());
    }
}
