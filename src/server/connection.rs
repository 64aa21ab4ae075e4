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

use super::incoming::{self, Incoming};
use super::outbox::Outbox;
use super::state::{Link, READ_SIZE, Server};
use super::stream::Stream;
use super::{clock, limits};
use base::large;
use engine::prefetch::{BATCH, Hashes};
use engine::{ClientFlags, ClientId, CommitPosition, Engine, Executor, Session};
use resp::{Parser, RequestLimits};
use smallvec::SmallVec;
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
/// Bytes of replies that are written before the next request of a batch runs: more would leave the cache
/// before the socket gets it.
const WRITE_FROM: usize = 256 * 1024;
/// The same where replies are values that were not copied: the system takes many at once for less.
const WRITE_SHARED_FROM: usize = 4 << 20;
/// Bytes that one client is sent before others have their turn.
const WRITE_MAX: usize = 8 << 20;
/// Bytes that may wait to be run before AUTH.
const UNAUTHENTICATED_INPUT_MAX: usize = 1 << 20;

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
    stream: Stream,
    /// Input after the last request that ran.
    input: Vec<u8>,
    parser: Parser,
    /// The large argument that is half there; `input` ends with its header.
    large: Option<Incoming>,
    /// Output that the socket did not take.
    outbox: Outbox,
    /// The commit that what is written to this client depends on.
    seal: CommitPosition,
    /// Requests wait until the client has read some of its output.
    stalled: bool,
}

/// Serves a client that has been registered as `id` until its connection ends.
pub async fn serve(server: Rc<Server>, id: ClientId, stream: Stream) {
    let mut connection = Connection {
        link: server.link(id),
        server: server.clone(),
        id,
        stream,
        input: Vec::new(),
        parser: Parser::default(),
        large: None,
        outbox: Outbox::default(),
        seal: CommitPosition::default(),
        stalled: false,
    };
    if let Some(session) = server.engine.borrow_mut().clients.get_mut(&id) {
        session.reply.output_mut().divide();
    }
    let end = std::future::poll_fn(|cx| connection.poll(cx)).await;
    if let End::Replica = end {
        let unsent = connection.outbox.into_bytes();
        super::repl::serve_replica(&server, id, connection.stream, connection.input, unsent).await;
    } else {
        connection.stream.farewell();
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
        let held = self.stream.holds_output();
        if held && let Poll::Ready(Err(_)) = Pin::new(&mut self.stream).poll_flush(cx) {
            return Err(End::Closed);
        }
        if self.link.take_touched() || !self.outbox.is_empty() || self.stalled || held {
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
        if !self.input.is_empty() {
            // The rest of a large argument in one piece, but never memory for what may not come.
            let wanted = self.parser.wanted(self.input.len());
            self.input.reserve(wanted.clamp(READ_SIZE, 1 << 20));
            let read = pin!(self.stream.read_buf(&mut self.input)).poll(cx);
            return match read {
                Poll::Pending => Ok(Poll::Pending),
                Poll::Ready(Ok(n)) if n > 0 => self.run(cx, &[], n).map(Poll::Ready),
                Poll::Ready(_) => Err(End::Closed),
            };
        }
        // What is read is the batch's own until its requests have run.
        let mut batch = self.server.take_input();
        let mut buf = ReadBuf::new(&mut batch);
        let read = Pin::new(&mut self.stream).poll_read(cx, &mut buf);
        let n = buf.filled().len();
        let done = match read {
            Poll::Pending => Ok(Poll::Pending),
            Poll::Ready(Ok(())) if n > 0 => self.run(cx, &batch[..n], n).map(Poll::Ready),
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
        let read = Pin::new(&mut self.stream).poll_read(cx, &mut buf);
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
        self.input.len() + self.large.as_ref().map_or(0, Incoming::held)
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
            self.seal = engine.commits.seal();
        }
        if !self.outbox.is_empty() {
            written = self.write(cx, engine, &mut session);
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
            session.query_free = READ_SIZE - fresh.len();
            let done = self.run_requests(cx, engine, &mut session, fresh);
            self.input.extend_from_slice(&fresh[done..]);
        }
        if let Some((start, len)) = self.parser.large() {
            self.begin_large(start, len);
        }
        let ran = engine.tick;
        session.query_buffer = self.waiting();
        session.query_free = self.input.capacity() - self.input.len();
        engine.deliver_mail(&mut session);
        engine.check_hard_limit(&mut session);
        if written.is_ok() {
            written = self.write(cx, engine, &mut session);
        }
        if self.stalled && self.outbox.len() < engine.requests_wait_from(&session) {
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
        if session.unsent > 0 || session.over_soft_since_s.is_some() {
            engine.check_output(&mut session);
        }
        if self.is_too_much(engine, &session) {
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

    /// True for a client that has sent too much that has not run: requests of a transaction count, and before
    /// AUTH the bound is small.
    fn is_too_much(&self, engine: &Engine, session: &Session) -> bool {
        let waiting = self.waiting() + session.queued_bytes;
        waiting as i64 > engine.config.client_query_buffer_limit
            || (session.must_log_in() && waiting > UNAUTHENTICATED_INPUT_MAX)
    }

    /// Bytes of replies at which a batch stops to look after them.
    fn attend_from(&mut self, engine: &Engine, session: &mut Session) -> usize {
        let max = engine.output_max(session);
        let left = max.saturating_sub(self.outbox.len());
        session.reply.output_mut().set_limit(left);
        self.stalled =
            !self.outbox.is_empty() && self.outbox.len() >= engine.requests_wait_from(session);
        left.min(WRITE_SHARED_FROM)
    }

    /// Much is pending between two requests of a batch: the client is closed, or gets it, or waits.
    #[cold]
    fn attend(
        &mut self,
        cx: &mut Context<'_>,
        engine: &mut Engine,
        session: &mut Session,
    ) -> usize {
        engine.check_hard_limit(session);
        if self.write(cx, engine, session).is_err() {
            session.flags.insert(ClientFlags::CLOSE_ASAP);
        }
        self.attend_from(engine, session)
    }

    /// Runs whole requests from the front of `buf`; returns how many bytes are done with.
    fn run_requests(
        &mut self,
        cx: &mut Context<'_>,
        engine: &mut Executor,
        session: &mut Session,
        buf: &[u8],
    ) -> usize {
        let mut done = 0;
        let mut attend_from = self.attend_from(engine, session);
        session.query_buffer = buf.len();
        while may_run(session) && !self.stalled {
            let limits = RequestLimits {
                bulk: engine.config.proto_max_bulk_len as u64,
                unauthenticated: session.must_log_in(),
            };
            // AUTH changes what may follow it.
            let max = if limits.unauthenticated { 1 } else { BATCH };
            let rest = &buf[done..];
            let parsed = self.parser.parse(rest, limits, max);
            let args = |i| self.parser.request(i, rest);
            let mut hashes = Hashes::default();
            hashes.prefetch(engine, session.db, self.parser.len(), args);
            let mut ran = 0;
            while ran < self.parser.len() && may_run(session) && !self.stalled {
                let mut argv = SmallVec::<[&[u8]; 16]>::new();
                self.parser
                    .request(ran, rest)
                    .for_each(|arg| argv.push(arg));
                let hint = hashes.hint(ran, &argv);
                let seal = engine.commits.seal();
                if ran == 0 && self.parser.is_refused() {
                    engine.reject(session, &incoming::REFUSED);
                } else {
                    let run = || engine.run_hinted(session, &argv, hint);
                    large::offer(self.parser.larges(), run);
                }
                drop(argv);
                engine.after_command();
                if engine.commits.seal() != seal {
                    // The request has written. Those who only read do not wait for the disk.
                    self.seal = engine.commits.seal();
                }
                ran += 1;
                let reply = &session.reply;
                if reply.len() >= attend_from || reply.own_len() >= WRITE_FROM || reply.is_overrun()
                {
                    attend_from = self.attend(cx, engine, session);
                }
            }
            let all = ran == self.parser.len();
            done += self.parser.consume(ran);
            if !all {
                break;
            }
            if let Err(error) = parsed {
                session.reply.error(error.to_string());
                session.flags.insert(ClientFlags::CLOSE_AFTER_REPLY);
                return buf.len();
            }
            if ran < max {
                break;
            }
            if limits.unauthenticated {
                attend_from = self.attend_from(engine, session);
            }
        }
        done
    }

    fn verdict(&self, session: &mut Session, written: Result<(), End>) -> Result<(), End> {
        written?;
        let idle = self.outbox.is_empty() && !self.stream.holds_output();
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

    /// Writes pending output until the socket takes no more. A client that is being closed gets nothing more.
    fn write(
        &mut self,
        cx: &mut Context<'_>,
        engine: &mut Engine,
        session: &mut Session,
    ) -> Result<(), End> {
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
                    Poll::Ready(_) => return Err(End::Closed),
                    Poll::Pending => break,
                }
            }
        }
        session.bytes_out += sent as u64;
        engine.stats.net_output += sent as u64;
        engine.stats.writes += u64::from(sent > 0);
        session.unsent = self.outbox.len();
        Ok(())
    }
}

/// A client whose next request may run now.
fn may_run(session: &Session) -> bool {
    session.blocked.is_none()
        && !session.flags.intersects(
            ClientFlags::CLOSE_ASAP | ClientFlags::CLOSE_AFTER_REPLY | ClientFlags::REPLICA,
        )
}

/// Bytes that the socket took, `None` if it takes none now.
fn write_some(
    stream: &mut Stream,
    cx: &mut Context<'_>,
    bytes: &[u8],
) -> Result<Option<usize>, End> {
    match Pin::new(stream).poll_write(cx, bytes) {
        Poll::Ready(Ok(n)) if n > 0 => Ok(Some(n)),
        Poll::Ready(_) => Err(End::Closed),
        Poll::Pending => Ok(None),
    }
}
