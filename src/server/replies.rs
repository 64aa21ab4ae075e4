//! Writing to a client: its socket, and what the socket has not accepted.

use super::outbox::Outbox;
use super::stream::Stream;
use engine::{ClientFlags, ClientId, CommitPosition, Engine, Session};
use flow::client::Attendant;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;

/// Bytes of replies that are written before the next request of a batch runs, where they are values that were not
/// copied: the system takes many at once for less.
const WRITE_SHARED_FROM: usize = 4 << 20;
/// Bytes that one client is sent before others have their turn.
const WRITE_MAX: usize = 8 << 20;

/// The client has disconnected.
pub struct Closed;

/// See the module.
pub struct Replies {
    id: ClientId,
    /// The connection.
    pub stream: Stream,
    /// Output that the socket did not take.
    pub outbox: Outbox,
    /// The commit that what is written to this client depends on.
    seal: CommitPosition,
    /// Requests wait until the client has read some of its output.
    pub stalled: bool,
}

/// The way of what is written to a client.
pub trait Way {
    /// What is written from now on depends on this commit.
    fn sealed(&mut self, seal: CommitPosition);

    /// Requests wait until the client has read some of its output.
    fn is_stalled(&self) -> bool;

    /// Says whether they do.
    fn set_stalled(&mut self, stalled: bool);

    /// Lets go what may. A client that is being closed gets nothing more.
    ///
    /// # Errors
    /// The client has disconnected.
    fn write(
        &mut self,
        cx: &mut Context<'_>,
        engine: &mut Engine,
        session: &mut Session,
    ) -> Result<(), Closed>;
}

/// That of a connection while its task is polled.
pub struct Attending<'a, 'cx, 'w, R> {
    /// That of the connection.
    pub replies: &'a mut R,
    /// The poll.
    pub cx: &'cx mut Context<'w>,
}

impl Replies {
    /// Those of the client `id`.
    pub fn new(id: ClientId, stream: Stream) -> Replies {
        Replies {
            id,
            stream,
            outbox: Outbox::default(),
            seal: CommitPosition::default(),
            stalled: false,
        }
    }

    /// The connection, and what it was not sent yet.
    pub fn into_rest(self) -> (Stream, Vec<u8>) {
        (self.stream, self.outbox.into_bytes())
    }
}

impl Way for Replies {
    fn sealed(&mut self, seal: CommitPosition) {
        self.seal = seal;
    }

    fn is_stalled(&self) -> bool {
        self.stalled
    }

    fn set_stalled(&mut self, stalled: bool) {
        self.stalled = stalled;
    }

    /// Writes pending output until the socket takes no more.
    fn write(
        &mut self,
        cx: &mut Context<'_>,
        engine: &mut Engine,
        session: &mut Session,
    ) -> Result<(), Closed> {
        if session.flags.contains(ClientFlags::CLOSE_ASAP) {
            session.reply.clear();
            return Ok(());
        }
        let commits = &mut engine.commits;
        let (seal, durable) = (self.seal, commits.durable());
        let output = session.reply.output_mut();
        let mut sent = 0;
        if self.outbox.is_empty()
            && seal <= durable
            && let Some(bytes) = output.single()
        {
            while sent < bytes.len() {
                match write_some(&mut self.stream, cx, &bytes[sent..])? {
                    Some(n) => sent += n,
                    None => break,
                }
            }
            if sent == bytes.len() {
                output.clear();
            } else {
                self.outbox.take(output, seal);
                self.outbox.release(durable);
                self.outbox.advance(sent);
            }
        } else {
            self.outbox.take(output, seal);
            self.outbox.release(durable);
            if let Some(next) = self.outbox.seal() {
                commits.wake_when_durable(self.id, next);
            }
            let most = self.stream.turn(WRITE_MAX);
            while self.outbox.open() > 0 {
                if sent >= most {
                    // Others have their turn.
                    cx.waker().wake_by_ref();
                    break;
                }
                let slices = self.outbox.slices();
                match Pin::new(&mut self.stream).poll_write_vectored(cx, &slices) {
                    Poll::Ready(Ok(n)) if n > 0 => {
                        drop(slices);
                        self.outbox.advance(n);
                        sent += n;
                    }
                    Poll::Ready(_) => return Err(Closed),
                    Poll::Pending => break,
                }
            }
        }
        session.bytes_out += sent as u64;
        engine.stats.net_output += sent as u64;
        engine.stats.writes += u64::from(sent > 0);
        session.unsent.set_here(self.outbox.len());
        Ok(())
    }
}

impl<R: Way> Attendant for Attending<'_, '_, '_, R> {
    fn attend_from(&mut self, engine: &Engine, session: &mut Session) -> usize {
        let max = engine.output_max(session);
        let unsent = session.unsent.bytes();
        let left = max.saturating_sub(unsent);
        session.reply.output_mut().set_limit(left);
        let stalled = unsent > 0 && unsent >= engine.requests_wait_from(session);
        self.replies.set_stalled(stalled);
        left.min(WRITE_SHARED_FROM)
    }

    /// The client is closed, or gets what is pending, or waits.
    #[cold]
    fn attend(&mut self, engine: &mut Engine, session: &mut Session) -> usize {
        engine.check_hard_limit(session);
        if self.replies.write(self.cx, engine, session).is_err() {
            session.flags.insert(ClientFlags::CLOSE_ASAP);
        }
        self.attend_from(engine, session)
    }

    fn is_stalled(&self) -> bool {
        self.replies.is_stalled()
    }

    fn sealed(&mut self, seal: CommitPosition) {
        self.replies.sealed(seal);
    }
}

/// Bytes that the socket took, `None` if it takes none now.
fn write_some(
    stream: &mut Stream,
    cx: &mut Context<'_>,
    bytes: &[u8],
) -> Result<Option<usize>, Closed> {
    match Pin::new(stream).poll_write(cx, bytes) {
        Poll::Ready(Ok(n)) if n > 0 => Ok(Some(n)),
        Poll::Ready(_) => Err(Closed),
        Poll::Pending => Ok(None),
    }
}
