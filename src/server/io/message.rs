//! What passes between the executor and the threads that own sockets.

use crate::stream::Parts;
use engine::ClientId;
use engine::unsent::Taken;
use flow::client::Framed;
use resp::{Parser, Piece};
use std::sync::mpsc::SyncSender;

/// A connection, as both sides name it: its place, and who has that place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// Places are used again.
    pub place: u32,
    /// Numbers of clients are not.
    pub id: ClientId,
}

/// Requests of one connection on their way to the executor, and back with the replies. A connection has at most one
/// under way, so that requests and replies keep their order and all queues are bounded. Its buffers go with it and are
/// used again.
pub struct Envelope {
    /// Whose it is.
    pub at: At,
    /// The whole requests at the front of `input`.
    pub framed: Framed,
    /// Its state is that of `input`.
    pub parser: Parser,
    /// What was read, from the first byte on that has not run.
    pub input: Vec<u8>,
    /// Bytes that came since the executor was told of any.
    pub read: Read,
    /// Bytes that came behind `input`.
    pub ahead: usize,
    /// Back: bytes of `input` that are done with.
    pub done: usize,
    /// Back: replies, behind all that was sent before.
    pub output: Vec<u8>,
    /// Back: the client has to log in before it may do anything else.
    pub must_log_in: bool,
    /// Back: nothing that the client sends from now on will run.
    pub last: bool,
}

impl Envelope {
    /// An empty one.
    pub fn new(at: At) -> Envelope {
        Envelope {
            at,
            framed: Framed::default(),
            parser: Parser::default(),
            input: Vec::new(),
            read: Read::default(),
            ahead: 0,
            done: 0,
            output: Vec::new(),
            must_log_in: false,
            last: false,
        }
    }
}

/// What was read from a socket.
#[derive(Clone, Copy, Debug, Default)]
pub struct Read {
    /// How often.
    pub times: u32,
    /// How many bytes.
    pub bytes: usize,
}

/// Bytes have come that are no whole request, or that may not run yet. A connection has at most one under way, and
/// reads nothing meanwhile.
pub struct Note {
    /// Whose it is.
    pub at: At,
    /// Bytes that came since the executor was told of any.
    pub read: Read,
    /// Bytes that wait beside those of an [`Envelope`] under way.
    pub waiting: usize,
    /// Bytes of a large argument that have not come yet.
    pub due: usize,
    /// Bytes of buffers beside them.
    pub free: usize,
    /// The first of those that wait, for the log.
    pub head: Vec<u8>,
}

/// A new connection.
pub struct Newcomer {
    /// Its name.
    pub at: At,
    /// Its socket.
    pub parts: Parts,
    /// Where to count what the socket has taken.
    pub taken: Taken,
    /// The client has to log in before it may do anything else.
    pub must_log_in: bool,
}

/// A connection that the executor's thread takes back.
pub struct Released {
    /// Whose it was.
    pub at: At,
    /// Its socket.
    pub parts: Parts,
    /// Bytes that were read and are in no [`Envelope`].
    pub ahead: Vec<u8>,
    /// Replies that the socket has not taken.
    pub unsent: Vec<u8>,
}

/// From the executor to the thread that owns a socket.
pub enum ToIo {
    /// A connection begins.
    New(Box<Newcomer>),
    /// Requests have run.
    Back(Box<Envelope>),
    /// More output.
    Send(At, Vec<Piece>),
    /// The requests under way wait for something: it may take long, and what comes meanwhile is to be read.
    Parked(At),
    /// A [`Note`] has been taken note of.
    Noted(At),
    /// Say so when less than so many bytes are unsent.
    Tell(At, usize),
    /// Close when all output is sent.
    CloseWhenSent(At),
    /// Close now.
    Close(At),
    /// Give the socket back.
    Release(At),
    /// Everything before this has been given to the sockets.
    Flush(SyncSender<()>),
}

/// From a thread that owns sockets to the executor.
pub enum FromIo {
    /// Requests to run.
    Requests(Box<Envelope>),
    /// See [`Note`].
    Note(Box<Note>),
    /// As was asked for by [`ToIo::Tell`].
    Sent(At),
    /// The connection has ended.
    End(At),
    /// As was asked for by [`ToIo::Release`].
    Released(Box<Released>),
}
