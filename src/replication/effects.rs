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

    /// The same without the messages of PUBLISH and SPUBLISH, which change nothing; `None` if there are none.
    pub fn without_messages(&self) -> Option<Effects> {
        let starts = || std::iter::once(0).chain(self.ends.iter().map(|e| e.1));
        let is_message = |start: usize| is_message(&self.bytes[start..]);
        if !starts().take(self.ends.len()).any(is_message) {
            return None;
        }
        let mut changes = Effects {
            needs: self.needs,
            ..Effects::default()
        };
        let mut larges = &self.larges[..];
        for (&(db, end), start) in self.ends.iter().zip(starts()) {
            let here = larges.partition_point(|(at, _)| *at < end);
            let (these, others) = larges.split_at(here);
            larges = others;
            if is_message(start) {
                continue;
            }
            let moved = changes.bytes.len();
            let these = these
                .iter()
                .map(|(at, slice)| (at - start + moved, slice.clone()));
            changes.larges.extend(these);
            changes.bytes.extend_from_slice(&self.bytes[start..end]);
            changes.ends.push((db, changes.bytes.len()));
        }
        Some(changes)
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

/// True if these bytes begin with the request of a message.
fn is_message(bytes: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 2] = [b"*3\r\n$7\r\nPUBLISH\r\n", b"*3\r\n$8\r\nSPUBLISH\r\n"];
    let begins = |with: &[u8]| {
        bytes
            .get(..with.len())
            .is_some_and(|b| b.eq_ignore_ascii_case(with))
    };
    BEGINNINGS.into_iter().any(begins)
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

    #[test]
    fn messages_can_be_left_out_and_large_arguments_stay_with_their_requests() {
        let large = Large::copy_of(&vec![b'x'; LARGE_FROM]).expect("memory");
        let all: [&[&[u8]]; 6] = [
            &[b"SET", b"a", &large],
            &[b"publish", b"c", &large],
            &[b"MSET", b"a", &large, b"b", &large],
            &[b"SPublish", b"c", b"m"],
            &[b"PUBLISH2", b"c", b"m"],
            &[b"SET", b"c", &large],
        ];
        let effects = |requests: &[&[&[u8]]]| {
            let mut effects = Effects::default();
            large::offer([&large], || {
                requests.iter().for_each(|request| effects.push(3, request));
            });
            effects
        };
        let bytes = |effects: &Effects| -> Vec<_> {
            let concat = |(db, parts)| (db, Iterator::collect::<Vec<_>>(parts).concat());
            effects.iter().map(concat).collect()
        };
        let changes = [all[0], all[2], all[4], all[5]];
        let left = effects(&all).without_messages().expect("there are two");
        assert_eq!(left.larges.len(), 4);
        assert!(bytes(&left) == bytes(&effects(&changes)));
        assert!(left.without_messages().is_none());
        let message = effects(&[all[1]]).without_messages();
        assert!(message.is_some_and(|left| left.is_empty()));
    }
}
