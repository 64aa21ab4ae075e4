//! The connection of one replica, from the request that made it one to its end. Reply lines, the payload and then the
//! stream are sent; acknowledgements are received.
//!
//! ```text
//! [`Outbox`]: lines -> payload --\
//!                                 >-- Feed::next --> the socket takes a part: Feed::wrote, Feed::streamed
//! the log: memory, or disk ------/
//! the socket gives bytes --> Feed::take --> requests: ACK, PING; one that is answered ends the connection
//! ```
//!
//!  * [`replication::primary`] decides what a replica receives and when it is disconnected. This module decides the
//!    order of the bytes, and what is reported about them.
//!  * Bytes of the stream are written directly from the log, so that slow replicas share what they have not read.
//!  * The size of an incomplete request from a replica is bounded.

mod outbox;
mod requests;
#[cfg(test)]
mod tests;

pub use outbox::{Outbox, Payload};

use base::LogLevel;
use engine::{ClientId, Engine};
use replication::ReplOffset;
use replication::log::{Chunk, Place};
use resp::Parser;
use std::rc::Rc;

/// The connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The other end closed it, or it broke.
    Broken,
    /// We close it.
    Closed,
}

/// What a connection needs to continue.
pub enum Next<'a> {
    /// These bytes can be written; answer with [`Feed::wrote`].
    Bytes(&'a [u8]),
    /// These bytes of the stream can be written; answer with [`Feed::streamed`].
    Stream(&'a [u8]),
    /// More of the payload: ask [`Feed::payload`], and answer with [`Feed::chunk`] or [`Feed::payload_ends`].
    Payload,
    /// This many bytes of the stream are on disk: read them, and answer with [`Feed::read_back`].
    ReadBack(Place, usize),
    /// Bytes of the stream from this offset on are in the append-only file; at most so many are wanted. Read some, and
    /// answer with [`Feed::read_back`].
    ReadArchive(ReplOffset, usize),
    /// Those bytes have not been read yet.
    Reading,
    /// There is nothing to write until something happens.
    Nothing,
    /// Everything was sent, and nothing more will be: it ends as [`End::Closed`].
    Close,
}

/// One connection. `S` is the source of the bytes of a payload.
pub struct Feed<S> {
    id: ClientId,
    outbox: Rc<Outbox<S>>,
    /// Bytes to be written to the socket, and how many of them it has taken. Bytes of the stream are among them only if
    /// they were read back from disk.
    out: Vec<u8>,
    sent: usize,
    payload: Option<S>,
    /// Bytes of the stream are being read back from disk.
    reading: bool,
    input: Vec<u8>,
    parser: Parser,
}

impl<S> Feed<S> {
    /// The connection `id` has become the link of a replica. `unread` are bytes that came after the request, `unsent`
    /// replies to requests before it.
    pub fn new(id: ClientId, outbox: Rc<Outbox<S>>, unread: Vec<u8>, unsent: Vec<u8>) -> Feed<S> {
        Feed {
            id,
            outbox,
            out: unsent,
            sent: 0,
            payload: None,
            reading: false,
            input: unread,
            parser: Parser::default(),
        }
    }

    /// True if the connection must be closed now, even if something is unsent.
    pub fn must_close(&self) -> bool {
        self.outbox.must_close()
    }

    /// What can be written now.
    pub fn next<'a>(&'a mut self, engine: &'a Engine) -> Next<'a> {
        if self.sent == self.out.len() {
            self.out.clear();
            self.sent = 0;
            if let Some(source) = self.outbox.take_into(&mut self.out) {
                self.payload = Some(source);
            }
        }
        if self.sent < self.out.len() {
            return Next::Bytes(&self.out[self.sent..]);
        }
        if self.payload.is_some() {
            return Next::Payload;
        }
        if self.reading {
            return Next::Reading;
        }
        if self.outbox.closes_after_sent() {
            return Next::Close;
        }
        match engine.repl.stream_for(self.id) {
            Chunk::Memory([]) => Next::Nothing,
            Chunk::Memory(bytes) => Next::Stream(bytes),
            Chunk::Disk(place, len) => {
                self.reading = true;
                Next::ReadBack(place, len)
            }
            Chunk::Archive(from, most) => {
                self.reading = true;
                Next::ReadArchive(from, most)
            }
            Chunk::Gone => {
                (engine.log)(
                    LogLevel::Warning,
                    "What a replica lacks of the stream is not in the append-only file any more: closing its link",
                );
                Next::Close
            }
        }
    }

    /// The socket has taken the first `n` of [`Next::Bytes`]. The time (ms of the monotonic clock, and Unix µs) is read
    /// only if it is needed.
    pub fn wrote(&mut self, n: usize, engine: &mut Engine, now: impl FnOnce() -> (u64, i64)) {
        self.sent += n;
        engine.stats.wrote_to_replica(n);
        if self.payload.is_some() {
            let (id, (now_ms, now_us)) = (self.id, now());
            engine.repl.with_primary(|primary, _| {
                primary.on_progress(id, now_ms);
                primary.on_payload_bytes(id, n as u64, now_us);
            });
        }
    }

    /// The socket has taken the first `n` of [`Next::Stream`].
    pub fn streamed(&self, n: usize, engine: &mut Engine) {
        engine.repl.on_stream_sent(self.id, n);
        engine.stats.wrote_to_replica(n);
    }

    /// The source of the bytes of the payload.
    pub fn payload(&mut self) -> Option<&mut S> {
        self.payload.as_mut()
    }

    /// The next bytes of the payload.
    pub fn chunk(&mut self, bytes: Vec<u8>) {
        self.out = bytes;
        self.sent = 0;
    }

    /// The bytes of the payload have ended: it is `whole`, or the snapshot has failed.
    pub fn payload_ends(&mut self, whole: bool, engine: &mut Engine) {
        let id = self.id;
        self.payload = None;
        engine.sync_repl_clock();
        engine.repl.with_primary(|primary, env| match whole {
            true => primary.on_payload_sent(id, env),
            // What decides about the replica closes the connection when the reason is known.
            false => primary.on_payload_failed(id, env),
        });
    }

    /// Stream bytes that were on disk: the log may forget them.
    ///
    /// # Errors
    /// The disk does not give them, so the connection is closed.
    pub fn read_back(
        &mut self,
        read: Result<Vec<u8>, String>,
        engine: &mut Engine,
    ) -> Result<(), End> {
        self.reading = false;
        match read {
            Ok(bytes) => {
                engine.repl.on_stream_sent(self.id, bytes.len());
                self.out = bytes;
                self.sent = 0;
                Ok(())
            }
            Err(e) => {
                let text = format!("The stream for a replica cannot be read back from disk: {e}");
                (engine.log)(LogLevel::Warning, &text);
                Err(End::Closed)
            }
        }
    }

    /// The connection has ended.
    pub fn end(self, end: End, engine: &mut Engine) {
        engine.sync_repl_clock();
        match end {
            End::Broken => engine.repl.on_peer_closed(self.id),
            End::Closed => engine.repl.on_disconnect(self.id),
        }
    }
}
