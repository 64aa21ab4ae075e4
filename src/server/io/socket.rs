//! One connection on the thread that owns its socket, which reads, frames, hands over and writes.
//!
//! ```text
//! socket --read--> envelope.input --frame--> [ requests under way ] --back, with replies--> socket
//!            '---> ahead, while requests are under way
//! ```
//!
//!  * Input that is read while requests are under way waits beside them. Beyond [`AHEAD_MAX`], the socket is not read, so
//!    that TCP slows down the client. If the requests are waiting for something, however, all input is read, because the
//!    end of the connection must be noticed.
//!  * The end of a connection is reported after its last request.

use super::message::{At, Envelope, FromIo, Newcomer, Note, Read, Released};
use super::thread::Shared;
use crate::incoming::Incoming;
use crate::limits::READ_SIZE;
use crate::outbox::Outbox;
use crate::stream::Stream;
use engine::unsent::Taken;
use resp::{Piece, RequestLimits};
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// Reads before other connections get their turn.
const READS_PER_POLL: usize = 4;
/// Bytes that one client is sent before others have their turn.
const WRITE_MAX: usize = 8 << 20;
/// Bytes that are read while requests are under way.
const AHEAD_MAX: usize = 64 << 10;
/// Buffers above this are given back when they become empty.
const KEPT_BUFFER: usize = 64 << 10;
/// Bytes of input that the log shows of a client that has sent too much.
const SHOWN: usize = 64;

/// The connection is over.
struct Over;

/// What is to become of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    /// It is served.
    Open,
    /// What it still sends is dropped; when all output is sent, it is closed.
    Closing,
    /// It is closed, or another thread has it: its task ends.
    Gone,
}

/// See the module.
pub struct Socket {
    at: At,
    shared: Rc<Shared>,
    /// `None` when it is gone.
    stream: Option<Stream>,
    course: Course,
    /// Input that is no whole request yet.
    envelope: Option<Box<Envelope>>,
    /// Requests are under way.
    under_way: bool,
    /// They wait for something.
    parked: bool,
    /// What came behind them.
    ahead: Vec<u8>,
    /// The large argument that is half there.
    large: Option<Incoming>,
    /// A note is under way.
    noting: bool,
    /// What was read and not told of yet.
    read: Read,
    /// Nothing more will come.
    ended: bool,
    must_log_in: bool,
    out: Outbox,
    taken: Taken,
    /// The executor wants to know when less than so many bytes are unsent.
    tell: Option<usize>,
    waker: Option<Waker>,
}

impl Socket {
    /// A connection that begins.
    ///
    /// # Errors
    /// The runtime does not take the socket.
    pub fn new(newcomer: Newcomer, shared: Rc<Shared>) -> io::Result<Socket> {
        let Newcomer {
            at,
            parts,
            taken,
            must_log_in,
        } = newcomer;
        Ok(Socket {
            at,
            shared,
            stream: Some(parts.into_stream()?),
            course: Course::Open,
            envelope: None,
            under_way: false,
            parked: false,
            ahead: Vec::new(),
            large: None,
            noting: false,
            read: Read::default(),
            ended: false,
            must_log_in,
            out: Outbox::default(),
            taken,
            tell: None,
            waker: None,
        })
    }

    /// Whose it is.
    pub fn at(&self) -> At {
        self.at
    }

    /// Goes as far as it gets without waiting; ready when the connection is over.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.course != Course::Gone {
            if !self.waker.as_ref().is_some_and(|w| w.will_wake(cx.waker())) {
                self.waker = Some(cx.waker().clone());
            }
            if let Err(Over) = self.step(cx) {
                self.end();
            }
        }
        match self.course {
            Course::Gone => Poll::Ready(()),
            Course::Open | Course::Closing => Poll::Pending,
        }
    }

    fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    /// The connection has ended by itself: the executor is told.
    fn end(&mut self) {
        if self.course != Course::Gone {
            self.close();
            self.shared.send(FromIo::End(self.at));
        }
    }

    /// Closes the socket.
    pub fn close(&mut self) {
        self.course = Course::Gone;
        if let Some(mut stream) = self.stream.take() {
            stream.farewell();
        }
        self.wake();
    }

    fn step(&mut self, cx: &mut Context<'_>) -> Result<(), Over> {
        self.write(cx)?;
        self.may_go_on()?;
        if self.ended {
            return Ok(());
        }
        for _ in 0..READS_PER_POLL {
            let Poll::Ready(()) = self.read(cx)? else {
                return Ok(());
            };
        }
        cx.waker().wake_by_ref();
        Ok(())
    }

    /// There is something left to do for this client.
    fn may_go_on(&self) -> Result<(), Over> {
        let held = self.stream.as_ref().is_some_and(Stream::holds_output);
        let sent = self.out.is_empty() && !held;
        match self.course {
            Course::Closing if sent => Err(Over),
            // Requests that came before the end run.
            Course::Open if self.ended && (!self.under_way || self.parked) => Err(Over),
            _ => Ok(()),
        }
    }

    /// Gives the socket what it takes.
    fn write(&mut self, cx: &mut Context<'_>) -> Result<(), Over> {
        let Some(stream) = &mut self.stream else {
            return Ok(());
        };
        if stream.holds_output()
            && let Poll::Ready(Err(_)) = Pin::new(&mut *stream).poll_flush(cx)
        {
            return Err(Over);
        }
        let (mut sent, most) = (0, stream.turn(WRITE_MAX));
        while !self.out.is_empty() {
            if sent >= most {
                // Others have their turn.
                cx.waker().wake_by_ref();
                break;
            }
            let slices = self.out.slices();
            match Pin::new(&mut *stream).poll_write_vectored(cx, &slices) {
                Poll::Ready(Ok(n)) if n > 0 => {
                    drop(slices);
                    self.out.advance(n);
                    sent += n;
                }
                Poll::Ready(_) => return Err(Over),
                Poll::Pending => break,
            }
        }
        self.took(sent);
        Ok(())
    }

    /// The socket has taken so many bytes.
    fn took(&mut self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        self.taken.fetch_add(bytes as u64, Ordering::Release);
        self.shared.counters.writes.fetch_add(1, Ordering::Relaxed);
        if self.tell.is_some_and(|below| self.out.len() < below) {
            self.tell = None;
            self.shared.send(FromIo::Sent(self.at));
        }
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, Over> {
        if self.noting || self.course == Course::Gone || self.ended {
            return Ok(Poll::Pending);
        }
        if self.course == Course::Closing {
            return self.read_and_drop(cx);
        }
        if self.under_way {
            return self.read_ahead(cx);
        }
        if self.large.is_some() {
            return self.read_large(cx);
        }
        let mut envelope = match self.envelope.take() {
            Some(envelope) => envelope,
            None => self.shared.take_envelope(self.at),
        };
        // The rest of a long argument in one piece, but never memory for what may not come.
        let wanted = match envelope.input.len() {
            0 => READ_SIZE,
            len => envelope.parser.wanted(len).clamp(READ_SIZE, 1 << 20),
        };
        match self.read_into(cx, &mut envelope.input, wanted)? {
            Poll::Ready(0) | Poll::Pending => {
                self.keep(envelope);
                self.may_go_on()?;
                Ok(Poll::Pending)
            }
            Poll::Ready(_) => {
                self.hand_over(envelope);
                Ok(Poll::Ready(()))
            }
        }
    }

    /// Reads what is there; 0 bytes mean that nothing more will come, which has been noted.
    fn read_into(
        &mut self,
        cx: &mut Context<'_>,
        to: &mut Vec<u8>,
        wanted: usize,
    ) -> Result<Poll<usize>, Over> {
        let stream = self.stream.as_mut().ok_or(Over)?;
        to.reserve(wanted);
        let Poll::Ready(read) = pin!(stream.read_buf(to)).poll(cx) else {
            return Ok(Poll::Pending);
        };
        let n = read.unwrap_or(0);
        self.came(n);
        Ok(Poll::Ready(n))
    }

    fn came(&mut self, bytes: usize) {
        self.ended = bytes == 0;
        if bytes > 0 {
            self.read.times += 1;
            self.read.bytes += bytes;
            self.shared.counters.reads.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn read_and_drop(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, Over> {
        let mut dropped = Vec::new();
        match self.read_into(cx, &mut dropped, READ_SIZE)? {
            Poll::Ready(0) => Err(Over),
            Poll::Ready(_) => Ok(Poll::Ready(())),
            Poll::Pending => Ok(Poll::Pending),
        }
    }

    fn read_ahead(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, Over> {
        if !self.parked && self.ahead.len() >= AHEAD_MAX {
            return Ok(Poll::Pending);
        }
        let mut ahead = std::mem::take(&mut self.ahead);
        let read = self.read_into(cx, &mut ahead, READ_SIZE);
        if ahead.is_empty() {
            // An idle connection has no buffer.
            ahead = Vec::new();
        }
        self.ahead = ahead;
        match read? {
            Poll::Pending => Ok(Poll::Pending),
            Poll::Ready(0) => {
                self.may_go_on()?;
                Ok(Poll::Pending)
            }
            Poll::Ready(_) => {
                if self.parked {
                    self.note(None);
                }
                Ok(Poll::Ready(()))
            }
        }
    }

    /// Reads more of a large argument.
    fn read_large(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, Over> {
        let (Some(large), Some(stream)) = (&mut self.large, &mut self.stream) else {
            return Ok(Poll::Pending);
        };
        let shared = self.shared.clone();
        let mut scratch = shared.scratch.borrow_mut();
        let mut buf = ReadBuf::new(large.room(&mut scratch));
        let read = Pin::new(stream).poll_read(cx, &mut buf);
        let n = buf.filled().len();
        let whole = n > 0 && large.advance(n);
        if read.is_pending() {
            return Ok(Poll::Pending);
        }
        self.came(n);
        if n == 0 {
            return Err(Over);
        }
        let mut envelope = match self.envelope.take() {
            Some(envelope) => envelope,
            None => self.shared.take_envelope(self.at),
        };
        if whole && let Some(large) = self.large.take() {
            envelope.parser.end_large(large.finish());
            self.hand_over(envelope);
        } else {
            self.note(Some(&envelope));
            self.envelope = Some(envelope);
        }
        Ok(Poll::Ready(()))
    }

    /// Hands whole requests over, if there are any. A large argument that has begun to arrive is received by itself
    /// from here on.
    fn hand_over(&mut self, mut envelope: Box<Envelope>) {
        let limits = RequestLimits {
            bulk: self.shared.settings.bulk.load(Ordering::Relaxed),
            unauthenticated: self.must_log_in,
        };
        let Envelope {
            framed,
            parser,
            input,
            ..
        } = &mut *envelope;
        if framed.frame(parser, input, limits, &self.shared.hasher) {
            envelope.read = std::mem::take(&mut self.read);
            envelope.ahead = self.ahead.len();
            self.under_way = true;
            return self.shared.send(FromIo::Requests(envelope));
        }
        if let Some((start, len)) = parser.large() {
            parser.begin_large();
            self.large = Some(Incoming::new(len, &input[start..]));
            input.truncate(start);
            input.shrink_to(READ_SIZE);
        }
        if self.read.bytes > 0 {
            self.note(Some(&envelope));
        }
        self.keep(envelope);
    }

    /// Keeps what is half there; an envelope with nothing in it is the next one's.
    fn keep(&mut self, envelope: Box<Envelope>) {
        if envelope.input.is_empty() && envelope.parser.is_idle() && self.large.is_none() {
            self.shared.keep_envelope(envelope);
        } else {
            self.envelope = Some(envelope);
        }
    }

    /// Tells the executor what waits here.
    fn note(&mut self, envelope: Option<&Envelope>) {
        if self.noting {
            return;
        }
        let input = envelope.map_or(&self.ahead, |envelope| &envelope.input);
        let framing = envelope.map_or(0, |envelope| envelope.parser.memory());
        let note = Note {
            at: self.at,
            read: std::mem::take(&mut self.read),
            waiting: Incoming::waiting(self.large.as_ref(), input),
            due: Incoming::due(self.large.as_ref()),
            free: input.capacity() - input.len() + framing,
            head: input[..input.len().min(SHOWN)].to_vec(),
        };
        self.noting = true;
        self.shared.send(FromIo::Note(Box::new(note)));
    }

    /// The executor has taken note.
    pub fn noted(&mut self) {
        self.noting = false;
        if self.parked && self.read.bytes > 0 {
            self.note(None);
        }
        self.wake();
    }

    /// The requests under way wait for something.
    pub fn park(&mut self) {
        if !self.under_way {
            return;
        }
        self.parked = true;
        if self.read.bytes > 0 {
            self.note(None);
        }
        self.wake();
    }

    /// Requests have run.
    pub fn back(&mut self, mut envelope: Box<Envelope>) {
        (self.under_way, self.parked) = (false, false);
        self.must_log_in = envelope.must_log_in;
        self.send_buffer(&mut envelope.output);
        if self.course != Course::Open || envelope.last {
            return;
        }
        let Envelope { input, done, .. } = &mut *envelope;
        input.drain(..std::mem::take(done));
        if input.is_empty() && input.capacity() > KEPT_BUFFER {
            *input = Vec::new();
        }
        let suspended = self.ahead.len() >= AHEAD_MAX;
        if input.is_empty() && !self.ahead.is_empty() {
            std::mem::swap(input, &mut self.ahead);
        } else {
            input.append(&mut self.ahead);
        }
        if self.ahead.is_empty() && self.ahead.capacity() > 0 {
            self.ahead = Vec::new();
        }
        if input.is_empty() {
            self.keep(envelope);
        } else {
            self.hand_over(envelope);
        }
        if suspended || self.ended || self.large.is_some() {
            self.wake();
        }
    }

    /// Sends what is in a buffer, which stays if the socket takes all of it.
    fn send_buffer(&mut self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() || self.course == Course::Gone {
            return bytes.clear();
        }
        let mut sent = 0;
        if self.out.is_empty()
            && let Some(stream) = &mut self.stream
        {
            while sent < bytes.len()
                && let Ok(n @ 1..) = stream.try_write(&bytes[sent..])
            {
                sent += n;
            }
        }
        let left = sent < bytes.len() || self.stream.as_ref().is_some_and(Stream::holds_output);
        if sent < bytes.len() {
            self.out.push_open(Piece::Own(std::mem::take(bytes)));
            self.out.advance(sent);
        }
        bytes.clear();
        if bytes.capacity() > KEPT_BUFFER {
            *bytes = Vec::new();
        }
        self.took(sent);
        if left {
            // The task waits for the socket, or learns what is wrong with it.
            self.wake();
        }
    }

    /// Sends pieces.
    pub fn send(&mut self, pieces: Vec<Piece>) {
        for piece in pieces {
            match piece {
                Piece::Own(mut bytes) if self.out.is_empty() => self.send_buffer(&mut bytes),
                piece => self.out.push_open(piece),
            }
        }
        if !self.out.is_empty() {
            self.wake();
        }
    }

    /// The executor wants to know when less than so many bytes are unsent.
    pub fn tell(&mut self, below: usize) {
        match self.out.len() < below {
            true => self.shared.send(FromIo::Sent(self.at)),
            false => self.tell = Some(below),
        }
    }

    /// Closes the connection when all output is sent.
    pub fn close_when_sent(&mut self) {
        if self.course == Course::Open {
            self.course = Course::Closing;
            self.under_way = false;
            self.noting = false;
            (self.envelope, self.large, self.ahead) = (None, None, Vec::new());
            self.wake();
        }
    }

    /// Gives the socket to the executor's thread.
    pub fn release(&mut self) {
        if self.course == Course::Gone {
            return;
        }
        let stream = self.stream.take();
        self.course = Course::Gone;
        self.wake();
        let message = match stream.map(Stream::into_parts) {
            Some(Ok(parts)) => FromIo::Released(Box::new(Released {
                at: self.at,
                parts,
                ahead: std::mem::take(&mut self.ahead),
                unsent: std::mem::take(&mut self.out).into_bytes(),
            })),
            _ => FromIo::End(self.at),
        };
        self.shared.send(message);
    }
}
