//! Settled writes on their way to replicas and backlog.
//!
//!  * A command's effect is its own request, unless the handler replaced it ([`Cx::propagate_as`]),
//!    added to it ([`Cx::also_propagate`]) or dropped it ([`Cx::no_propagate`]).
//!  * The effects of one top-level command (a whole EXEC or script) go out together; more than one is
//!    wrapped in MULTI/EXEC.
//!  * Nothing is encoded while nobody listens (no backlog, no replica).
//!
//! [`Cx::propagate_as`]: super::Cx::propagate_as
//! [`Cx::also_propagate`]: super::Cx::also_propagate
//! [`Cx::no_propagate`]: super::Cx::no_propagate

use crate::replication::Reads;

/// Effects of the running top-level command, encoded as requests.
#[derive(Default)]
pub struct Effects {
    bytes: Vec<u8>,
    /// (database, end in `bytes`) of each.
    ends: Vec<(usize, usize)>,
    needs: Reads,
}

impl Effects {
    /// Adds one effect.
    pub fn push<T: AsRef<[u8]>>(&mut self, db: usize, argv: &[T]) {
        encode_request(&mut self.bytes, argv);
        self.needs |= Reads::needed_by(argv);
        self.ends.push((db, self.bytes.len()));
    }

    /// What a reader of these must be able to read, beside what all can.
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

    /// Each effect: database, encoded request.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|e| e.1));
        self.ends
            .iter()
            .zip(starts)
            .map(|(&(db, end), start)| (db, &self.bytes[start..end]))
    }

    /// Forgets all; keeps the memory unless it grew large.
    pub fn clear(&mut self) {
        self.ends.clear();
        self.needs = Reads::empty();
        self.bytes.clear();
        if self.bytes.capacity() > 1 << 20 {
            self.bytes = Vec::new();
        }
    }
}

/// Appends a request as an array of bulk strings.
pub fn encode_request<T: AsRef<[u8]>>(out: &mut Vec<u8>, argv: &[T]) {
    let mut digits = itoa::Buffer::new();
    // Growing step by step would copy a large argument again, and leave room for twice as much.
    let large: usize = argv.iter().map(|arg| arg.as_ref().len() + 24).sum();
    if large > 1 << 16 {
        out.reserve_exact(large + 24);
    }
    out.push(b'*');
    out.extend_from_slice(digits.format(argv.len()).as_bytes());
    out.extend_from_slice(b"\r\n");
    for arg in argv {
        let arg = arg.as_ref();
        out.push(b'$');
        out.extend_from_slice(digits.format(arg.len()).as_bytes());
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
}
