//! Settled writes on their way to replicas and the backlog.
//!
//!  * A command's effect is its own request, unless the handler replaced it (`Cx::propagate_as`),
//!    added to it (`Cx::also_propagate`) or dropped it (`Cx::no_propagate`).
//!  * The effects of one top-level command (a whole EXEC or script) are sent together; if there are several, they are
//!    wrapped in MULTI/EXEC.
//!  * Nothing is encoded while there is neither a backlog nor a replica.

use super::reads::Reads;
use base::large::{self, Slice};
use base::request::encode;

/// Effects of the running top-level command, encoded as requests.
#[derive(Default)]
pub struct Effects {
    bytes: Vec<u8>,
    /// Large arguments, which are not copied, each with its place in `bytes`.
    larges: Vec<(usize, Slice)>,
    /// (database, end in `bytes`) of each.
    ends: Vec<(usize, usize)>,
    needs: Reads,
}

impl Effects {
    /// Adds one effect.
    pub fn push<T: AsRef<[u8]>>(&mut self, db: usize, argv: &[T]) {
        encode(&mut self.bytes, argv, |bytes, arg| {
            let Some(slice) = large::find(arg) else {
                return false;
            };
            self.larges.push((bytes.len(), slice));
            true
        });
        self.needs |= Reads::needed_by(argv);
        self.ends.push((db, self.bytes.len()));
    }

    /// Adds one effect, whose encoded request is known.
    pub fn push_framed(&mut self, db: usize, argv: &[&[u8]], frame: &[u8]) {
        #[cfg(debug_assertions)]
        {
            let mut encoded = Vec::new();
            base::request::encode_request(&mut encoded, argv);
            debug_assert_eq!(frame, encoded, "what the request's encoding is taken for");
        }
        self.bytes.extend_from_slice(frame);
        self.needs |= Reads::needed_by(argv);
        self.ends.push((db, self.bytes.len()));
    }

    /// What a reader of these effects must understand, in addition to what all readers do.
    pub fn needs(&self) -> Reads {
        self.needs
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True when nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The effects, each with its database and the parts of its encoded request.
    pub fn iter(&self) -> impl Iterator<Item = (usize, impl Iterator<Item = &[u8]>)> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|e| e.1));
        self.ends
            .iter()
            .zip(starts)
            .map(|(&(db, end), start)| (db, self.parts(start, end)))
    }

    /// The database and the encoded request, if there is one effect, which is in one piece.
    #[inline]
    pub fn single(&self) -> Option<(usize, &[u8])> {
        match self.ends[..] {
            [(db, _)] if self.larges.is_empty() => Some((db, &self.bytes)),
            _ => None,
        }
    }

    /// The encoded parts between two ends.
    fn parts(&self, start: usize, end: usize) -> impl Iterator<Item = &[u8]> {
        // An argument is followed by its line end, so each lies before the end of its request.
        let first = self.larges.partition_point(|(at, _)| *at < start);
        let mut larges = self.larges[first..].iter().take_while(move |l| l.0 < end);
        let (mut at, mut next) = (start, None::<&Slice>);
        std::iter::from_fn(move || {
            if let Some(slice) = next.take() {
                return Some(&slice[..]);
            }
            let from = at;
            match larges.next() {
                Some((to, slice)) => (at, next) = (*to, Some(slice)),
                None if at == end => return None,
                None => at = end,
            }
            Some(&self.bytes[from..at])
        })
    }

    /// Forgets all; keeps the memory unless it grew large.
    pub fn clear(&mut self) {
        self.ends.clear();
        self.larges.clear();
        self.needs = Reads::empty();
        self.bytes.clear();
        if self.bytes.capacity() > 1 << 20 {
            self.bytes = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::large::{LARGE_FROM, Large};
    use base::request::encode_request;

    #[test]
    fn a_large_argument_is_kept_where_it_is_and_stands_in_its_place() {
        let large = Large::copy_of(&vec![b'x'; LARGE_FROM]).expect("memory");
        let copied = vec![b'y'; LARGE_FROM];
        let mut effects = Effects::default();
        let requests: [&[&[u8]]; 4] = [
            &[b"SET", b"a", &large],
            &[b"DEL", b"b"],
            &[b"MSET", b"a", &large, b"b", &large],
            &[b"SET", b"c", &copied],
        ];
        large::offer([&large], || {
            for (db, request) in requests.iter().enumerate() {
                effects.push(db, request);
            }
        });
        assert_eq!(effects.larges.len(), 3);
        for ((db, parts), expected) in effects.iter().zip(&requests) {
            let mut bytes = Vec::new();
            encode_request(&mut bytes, expected);
            assert!(parts.collect::<Vec<_>>().concat() == bytes, "request {db}");
        }
        assert_eq!(effects.iter().count(), 4);
    }
}
