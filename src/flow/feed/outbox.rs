//! What waits to be sent on a replica's connection.

use std::cell::{Cell, RefCell};

/// A payload, its announcement included.
pub struct Payload<S> {
    /// Before its bytes.
    pub head: Vec<u8>,
    /// The source of its bytes.
    pub source: S,
}

/// What waits for a replica's connection; filled by the actions of replication.
pub struct Outbox<S> {
    lines: RefCell<Vec<u8>>,
    payload: RefCell<Option<Payload<S>>>,
    close: Cell<bool>,
    close_after_sent: Cell<bool>,
}

impl<S> Default for Outbox<S> {
    fn default() -> Outbox<S> {
        Outbox {
            lines: RefCell::default(),
            payload: RefCell::new(None),
            close: Cell::new(false),
            close_after_sent: Cell::new(false),
        }
    }
}

impl<S> Outbox<S> {
    /// Bytes before any payload.
    pub fn send(&self, bytes: &[u8]) {
        self.lines.borrow_mut().extend_from_slice(bytes);
    }

    /// A payload follows the lines.
    pub fn give(&self, payload: Payload<S>) {
        *self.payload.borrow_mut() = Some(payload);
    }

    /// Close now.
    pub fn close(&self) {
        self.close.set(true);
    }

    /// Close when everything is written.
    pub fn close_after_sent(&self) {
        self.close_after_sent.set(true);
    }

    /// The connection must be closed now.
    pub fn must_close(&self) -> bool {
        self.close.get()
    }

    /// The connection must be closed when everything is written.
    pub fn closes_after_sent(&self) -> bool {
        self.close_after_sent.get()
    }

    /// Moves the lines, and the announcement of a payload, to the end of `out`; gives the source of its bytes.
    pub fn take_into(&self, out: &mut Vec<u8>) -> Option<S> {
        out.append(&mut self.lines.borrow_mut());
        let payload = self.payload.take()?;
        out.extend_from_slice(&payload.head);
        Some(payload.source)
    }
}
