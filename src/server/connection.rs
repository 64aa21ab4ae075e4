//! One client: read, parse, run, write.
//!
//! A poll reads what the socket has into a buffer, runs every whole request in it as one batch, and writes the replies
//! with one call. The batch owns the buffer until its requests have run; then the next connection gets it. Only what is
//! left over (half a request, a reply that the socket did not take) stays with the connection, so an idle one costs its
//! session alone.
//!
//! A large argument is received by itself ([`Incoming`]): it never passes through the buffer.
//!
//! While a command blocks, or CLIENT PAUSE holds it, input is still read (the end of the connection must
//! be seen) but not parsed. Output that other clients cause ([`Action::Wake`](engine::Action)) is
//! picked up when the task is woken.

use super::incoming::Incoming;
use super::limits::{READ_SIZE, SHARED_SIZE};
use super::replies::{Attending, Closed, Replies, Way};
use super::state::{Link, Server};
use super::stream::Stream;
use super::{clock, limits};
use engine::{ClientFlags, ClientId, Executor, Session};
use flow::client::run_requests;
use resp::Parser;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// Reads before other tasks get their turn.
const READS_PER_POLL: usize = 4;
/// Left-over buffers above this are given back when they become empty.
const KEPT_BUFFER: usize = 64 * 1024;
/// The shared reply buffer is not kept larger than this.
const KEPT_OUTPUT: usize = 1 << 20;

/// Why a connection's task stops serving requests.
enum End {
    /// The client has disconnected, or the server closes it.
    Closed,
    /// The client became a replica: its socket is handed to the replication driver.
    Replica,
}

/// A client's connection; as a future it serves the client until the end.
struct Connection {
    server: Rc<Server>,
    link: Rc<Link>,
    id: ClientId,
    /// Input after the last request that ran.
    input: Vec<u8>,
    parser: Parser,
    /// The large argument that is half there; `input` ends with its header.
    large: Option<Incoming>,
    /// The socket, and what it did not take.
    replies: Replies,
}

/// Serves a client that has been registered as `id` until its connection ends.
pub async fn serve(server: Rc<Server>, id: ClientId, stream: Stream) {
    let mut connection = Connection {
        link: server.link(id),
        server: server.clone(),
        id,
        input: Vec::new(),
        parser: Parser::default(),
        large: None,
        replies: Replies::new(id, stream),
    };
    if let Some(session) = server.engine.borrow_mut().clients.get_mut(&id) {
        session.reply.output_mut().divide();
    }
    let end = std::future::poll_fn(|cx| connection.poll(cx)).await;
    if let End::Replica = end {
        let (stream, unsent) = connection.replies.into_rest();
        super::repl::serve_replica(&server, id, stream, connection.input, unsent).await;
    } else {
        connection.replies.stream.farewell();
    }
    server.disconnect(id);
}

impl Connection {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        self.link.register(cx.waker());
        match self.step(cx) {
            Ok(()) => Poll::Pending,
            Err(end) => Poll::Ready(end),
        }
    }

    /// Does as much as possible without waiting. Afterwards the task is registered for what it waits for.
    fn step(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        let held = self.replies.stream.holds_output();
        if held && let Poll::Ready(Err(_)) = Pin::new(&mut self.replies.stream).poll_flush(cx) {
            return Err(End::Closed);
        }
        if self.link.take_touched()
            || !self.replies.outbox.is_empty()
            || self.replies.stalled
            || held
        {
            // Somebody wrote, unblocked or closed; or the socket takes bytes again.
            self.run(cx, &[], 0)?;
        }
        for _ in 0..READS_PER_POLL {
            let Poll::Ready(()) = self.read_and_run(cx)? else {
                return Ok(());
            };
        }
        cx.waker().wake_by_ref();
        Ok(())
    }

    fn read_and_run(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, End> {
        if self.large.is_some() {
            return self.read_large(cx);
        }
        let left = self.input.len();
        if left > SHARED_SIZE / 2 || self.parser.wanted(left) > SHARED_SIZE - left {
            // The rest of a large argument in one piece, but never memory for what may not come.
            let wanted = self.parser.wanted(left);
            self.input.reserve(wanted.clamp(READ_SIZE, 1 << 20));
            let read = pin!(self.replies.stream.read_buf(&mut self.input)).poll(cx);
            return match read {
                Poll::Pending => Ok(Poll::Pending),
                Poll::Ready(Ok(n)) if n > 0 => self.run(cx, &[], n).map(Poll::Ready),
                Poll::Ready(_) => Err(End::Closed),
            };
        }
        // What is read is the batch's own until its requests have run. What was left over of a request comes before it.
        let mut batch = self.server.take_input();
        let most = match left {
            // A long value is read where it is kept, but for its beginning.
            0 => READ_SIZE,
            _ => SHARED_SIZE,
        };
        let mut buf = ReadBuf::new(&mut batch[left..most]);
        let read = Pin::new(&mut self.replies.stream).poll_read(cx, &mut buf);
        let n = buf.filled().len();
        let done = match read {
            Poll::Pending => Ok(Poll::Pending),
            Poll::Ready(Ok(())) if n > 0 => {
                batch[..left].copy_from_slice(&self.input);
                self.input.clear();
                self.run(cx, &batch[..left + n], n).map(Poll::Ready)
            }
            Poll::Ready(_) => Err(End::Closed),
        };
        self.server.keep_input(batch);
        done
    }

    /// Reads more of a large argument.
    fn read_large(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, End> {
        let Some(mut large) = self.large.take() else {
            return Ok(Poll::Pending);
        };
        let mut scratch = self.server.take_input();
        let mut buf = ReadBuf::new(large.room(&mut scratch));
        let read = Pin::new(&mut self.replies.stream).poll_read(cx, &mut buf);
        let n = buf.filled().len();
        self.server.keep_input(scratch);
        match read {
            Poll::Ready(Ok(())) if n > 0 => {
                match large.advance(n) {
                    true => self.parser.end_large(large.finish()),
                    false => self.large = Some(large),
                }
                self.run(cx, &[], n).map(Poll::Ready)
            }
            Poll::Pending => {
                self.large = Some(large);
                Ok(Poll::Pending)
            }
            Poll::Ready(_) => Err(End::Closed),
        }
    }

    /// A large argument that has begun to arrive is received by itself from here on.
    #[cold]
    fn begin_large(&mut self, start: usize, len: usize) {
        self.parser.begin_large();
        self.large = Some(Incoming::new(len, &self.input[start..]));
        self.input.truncate(start);
        self.input.shrink_to(READ_SIZE);
    }

    /// Bytes of input that have not run.
    fn waiting(&self) -> usize {
        Incoming::waiting(self.large.as_ref(), &self.input)
    }

    /// Runs the requests in `fresh`, or those in the connection's own buffer if `fresh` is empty, then writes all
    /// output. `read` bytes are new.
    fn run(&mut self, cx: &mut Context<'_>, fresh: &[u8], read: usize) -> Result<(), End> {
        let server = self.server.clone();
        let mut guard = server.engine.borrow_mut();
        let engine = &mut *guard;
        let Some(mut session) = engine.lend(self.id) else {
            return Err(End::Closed);
        };
        (engine.clock, engine.tick) = clock::read();
        let began = engine.tick;
        if read > 0 {
            session.bytes_in += read as u64;
            engine.stats.net_input += read as u64;
            engine.stats.reads += 1;
            session.last_interaction_ms = engine.clock.steady_ms;
        }
        let mut written = Ok(());
        if !session.reply.is_empty() {
            // It was written by others: its request ran when it was its turn, which may have been behind any commit.
            self.replies.sealed(engine.commits.seal());
        }
        if !self.replies.outbox.is_empty() {
            written = self.replies.write(cx, engine, &mut session);
        }
        let lent = session.reply.is_empty();
        if lent {
            let mut output = server.output.borrow_mut();
            session.reply.output_mut().swap_buffer(&mut output);
        }
        if fresh.is_empty() {
            let mut input = std::mem::take(&mut self.input);
            session.query_free = input.capacity() - input.len();
            let done = self.run_requests(cx, engine, &mut session, &input);
            input.drain(..done);
            if !input.is_empty() || input.capacity() <= KEPT_BUFFER {
                self.input = input;
            }
        } else {
            session.query_free = READ_SIZE.saturating_sub(fresh.len());
            let done = self.run_requests(cx, engine, &mut session, fresh);
            self.input.extend_from_slice(&fresh[done..]);
            if self.input.is_empty() && self.input.capacity() > KEPT_BUFFER {
                self.input = Vec::new();
            }
        }
        if let Some((start, len)) = self.parser.large() {
            self.begin_large(start, len);
        }
        let ran = engine.tick;
        session.query_buffer = self.waiting();
        session.query_due = Incoming::due(self.large.as_ref());
        session.query_free = self.input.capacity() - self.input.len() + self.parser.memory();
        engine.deliver_mail(&mut session);
        engine.check_hard_limit(&mut session);
        if written.is_ok() {
            written = self.replies.write(cx, engine, &mut session);
        }
        if self.replies.stalled && self.replies.outbox.len() < engine.requests_wait_from(&session) {
            // The socket took enough of it for the next requests, and will not wake this task by itself.
            cx.waker().wake_by_ref();
        }
        session.reply.output_mut().set_limit(usize::MAX);
        if written.is_err() {
            // No client will read it, and the next client uses the same buffer.
            session.reply.clear();
        }
        if lent {
            let mut output = server.output.borrow_mut();
            session.reply.output_mut().swap_buffer(&mut output);
            if output.capacity() < READ_SIZE || output.capacity() > KEPT_OUTPUT {
                *output = Vec::with_capacity(READ_SIZE);
            }
        }
        if session.unsent.bytes() > 0 || session.over_soft_since_s.is_some() {
            engine.check_output(&mut session);
        }
        if limits::is_too_much(engine, &session) {
            limits::close_for_input(engine, &mut session, &self.input);
        }
        let end = self.verdict(&mut session, written);
        engine.count_client(&mut session);
        engine.give_back(session);
        engine.evict_clients();
        server.act(engine);
        engine.count_turn(began, ran);
        end
    }

    /// Runs whole requests from the front of `buf`; returns how many bytes are done with.
    fn run_requests(
        &mut self,
        cx: &mut Context<'_>,
        engine: &mut Executor,
        session: &mut Session,
        buf: &[u8],
    ) -> usize {
        let replies = &mut self.replies;
        let mut attending = Attending { replies, cx };
        run_requests(&mut self.parser, engine, session, buf, &mut attending)
    }

    fn verdict(&self, session: &mut Session, written: Result<(), Closed>) -> Result<(), End> {
        written.map_err(|Closed| End::Closed)?;
        let idle = self.replies.outbox.is_empty() && !self.replies.stream.holds_output();
        if session.flags.contains(ClientFlags::CLOSE_ASAP)
            || (idle && session.flags.contains(ClientFlags::CLOSE_AFTER_REPLY))
        {
            return Err(End::Closed);
        }
        if session.flags.contains(ClientFlags::REPLICA) {
            // From here on its driver takes what is written.
            session.reply.output_mut().unite();
            return Err(End::Replica);
        }
        Ok(())
    }
}
