//! Turns the primary's stream into commands.
//!
//!  * The processed offset advances at the end of a whole command, or at EXEC for a transaction. Exactly the processed
//!    bytes are appended to this server's log, and so reach its own replicas, unchanged but for [`settled`](crate::settled).
//!  * A command that is incomplete when the link breaks is discarded, because the primary sends it again.
//!  * A large argument is received separately and forwarded from where it is: it never passes through the buffer.
//!  * Commands get no reply. A write that fails is a sign of diverged data: nothing after it is run, unless
//!    `propagation-error-behavior ignore` says so.

use crate::settled::Settled;
use crate::{Args, ClientFlags, Engine, Executor, Session, links, table};
use base::large::{self, Growing, Large};
use config::choices::PropagationError;
use replication::Reads;
use resp::{Parser, RequestLimits};
use smallvec::SmallVec;

/// A stream has no limit but the protocol's: what a primary executed must be taken.
const LIMITS: RequestLimits = RequestLimits {
    bulk: i64::MAX as u64,
    unauthenticated: false,
};
/// Buffers above this are given back when they become empty.
const KEPT_BUFFER: usize = 1 << 20;

/// Bytes of the stream that are not processed.
#[derive(Default)]
pub struct Inbox {
    /// From the first byte not processed on.
    bytes: Vec<u8>,
    /// Large arguments, with their line ends: where in `bytes` each belongs.
    larges: Vec<(usize, Large)>,
    /// The large argument that is half there; `bytes` ends with its header.
    growing: Option<Growing>,
    /// Bytes of it that have been parsed: an open transaction.
    parsed: usize,
    parser: Parser,
    /// What these ask of our own replicas.
    needs: Reads,
    /// A command of these has failed.
    failed: bool,
    /// What they have changed, if not all of our replicas understand them.
    settled: Option<Settled>,
}

/// The stream cannot be followed any further.
#[derive(Debug, PartialEq, Eq)]
pub enum BrokenStream {
    /// It is no sequence of requests, or there is no memory for what it says.
    Unreadable(String),
    /// A request could not be run: the command, and why.
    Diverged(String),
}

impl Inbox {
    /// Bytes read and not processed.
    pub fn unprocessed(&self) -> usize {
        let larges = self.larges.iter().map(|(_, large)| large.len());
        self.bytes.len() + larges.sum::<usize>() + self.growing.as_ref().map_or(0, Growing::len)
    }

    /// Takes stream bytes and runs the whole commands among them as `session`, the link's.
    ///
    /// # Errors
    /// The stream is no sequence of arrays of bulk strings, or there is no memory for what it says, or a write of it
    /// could not be run.
    pub fn apply(
        &mut self,
        mut bytes: &[u8],
        engine: &mut Executor,
        session: &mut Session,
    ) -> Result<(), BrokenStream> {
        while let Some(growing) = &mut self.growing {
            let n = growing.extend(bytes).map_err(|e| no_memory(&e))?;
            bytes = &bytes[n..];
            if growing.missing() > 0 {
                return Ok(());
            }
            let large = self.growing.take().map(Growing::finish);
            self.larges
                .extend(large.clone().map(|l| (self.bytes.len(), l)));
            self.parser.end_large(large);
            // The bytes after it may be the end of the request, or all that has arrived so far.
            self.take(&[], engine, session)?;
        }
        self.take(bytes, engine, session)
    }

    fn take(
        &mut self,
        bytes: &[u8],
        engine: &mut Executor,
        session: &mut Session,
    ) -> Result<(), BrokenStream> {
        self.bytes.extend_from_slice(bytes);
        let mut buf = std::mem::take(&mut self.bytes);
        let mut processed = 0;
        let result = self.run(&buf, &mut processed, engine, session);
        if processed == buf.len() && buf.capacity() > KEPT_BUFFER {
            buf = Vec::new();
        } else {
            buf.drain(..processed);
        }
        self.parsed -= processed;
        self.larges.iter_mut().for_each(|(at, _)| *at -= processed);
        self.bytes = buf;
        result?;
        if let Some((start, len)) = self.parser.large() {
            let start = self.parsed + start;
            self.parser.begin_large();
            let mut growing = Growing::new(len).map_err(|e| no_memory(&e))?;
            let taken = growing.extend(&self.bytes[start..]);
            taken.map_err(|e| no_memory(&e))?;
            self.bytes.truncate(start);
            self.growing = Some(growing);
        }
        Ok(())
    }

    fn run(
        &mut self,
        buf: &[u8],
        processed: &mut usize,
        engine: &mut Executor,
        session: &mut Session,
    ) -> Result<(), BrokenStream> {
        loop {
            let rest = &buf[self.parsed..];
            if self.is_inline(rest) {
                let text = "Master using the inline protocol. Desync?";
                return Err(BrokenStream::Unreadable(text.to_owned()));
            }
            let parsed = self.parser.parse(rest, LIMITS, 1);
            if self.parser.is_empty() {
                return parsed.map_err(|e| BrokenStream::Unreadable(e.to_string()));
            }
            let argv: SmallVec<[&[u8]; 16]> = self.parser.request(0, rest).collect();
            if let Some(why) = engine.cannot_obey(session, &argv) {
                return Err(BrokenStream::Unreadable(why));
            }
            engine.begin_of_primary(session);
            self.needs |= Reads::of_primary(&argv);
            if self.settled.is_none() {
                self.settled = Settled::wanted(self.needs, &engine.repl, session.stream_db());
            }
            engine.commits.settled = self.settled.take();
            large::offer(self.parser.larges(), || engine.run(session, &argv));
            engine.end_of_primary();
            self.settled = engine.commits.settled.take();
            engine.after_command();
            self.failed |= note_error(&argv, engine, session);
            if let Some(why) = engine.diverged.take()
                && engine.config.propagation_error_behavior != PropagationError::Ignore
            {
                return Err(BrokenStream::Diverged(why));
            }
            drop(argv);
            self.parsed += self.parser.consume(1);
            if !session.flags.contains(ClientFlags::MULTI) {
                self.tell_processed(buf, *processed, engine, session);
                *processed = self.parsed;
            }
        }
    }

    /// Reports that everything up to `parsed` is processed; the part before `from` has been reported already.
    fn tell_processed(
        &mut self,
        buf: &[u8],
        mut from: usize,
        engine: &mut Engine,
        session: &Session,
    ) {
        let failed = std::mem::take(&mut self.failed);
        let settled = self.settled.take();
        let settled = settled.filter(|_| !failed && self.larges.is_empty());
        if let Some((bytes, needs)) = settled.and_then(|settled| {
            settled.in_place_of(self.parsed - from, &engine.repl, session.stream_db())
        }) {
            self.needs = Reads::empty();
            if engine.commits.has_log() {
                engine.tell_logs_of_primary(&[&bytes], true);
                engine.repl.set_stream_db(session.stream_db());
            }
            return engine.repl.on_processed(&bytes, needs);
        }
        if engine.commits.has_log() {
            self.tell_logs(buf, from, engine, failed);
            engine.repl.set_stream_db(session.stream_db());
        }
        // Each part requires it: a replica that cannot understand this gets no byte of it up to its end.
        let needs = std::mem::take(&mut self.needs);
        let whole = self.larges.iter().take_while(|(at, _)| *at <= self.parsed);
        let whole = whole.count();
        for (at, large) in self.larges.drain(..whole) {
            engine.repl.on_processed(&buf[from..at], needs);
            engine.repl.on_processed(&large, needs);
            from = at;
        }
        engine.repl.on_processed(&buf[from..self.parsed], needs);
    }

    fn tell_logs(&self, buf: &[u8], mut from: usize, engine: &mut Engine, failed: bool) {
        let mut parts: SmallVec<[&[u8]; 4]> = SmallVec::new();
        let whole = self.larges.iter().take_while(|(at, _)| *at <= self.parsed);
        for (at, large) in whole {
            parts.extend([&buf[from..*at], &large[..]]);
            from = *at;
        }
        parts.push(&buf[from..self.parsed]);
        engine.tell_logs_of_primary(&parts, !failed);
    }

    /// A request starts here, and not with `*`. Line ends before it are not part of a request: they are counted
    /// with the next one.
    fn is_inline(&self, rest: &[u8]) -> bool {
        let first = rest.iter().find(|b| !matches!(b, b'\r' | b'\n'));
        !self.parser.in_request() && first.is_some_and(|b| *b != b'*')
    }
}

fn no_memory(error: &std::io::Error) -> BrokenStream {
    BrokenStream::Unreadable(format!("no memory for a large argument: {error}"))
}

/// Replies are not sent; errors are kept for the log. True if it was one.
fn note_error(argv: &[&[u8]], engine: &mut Engine, session: &mut Session) -> bool {
    let failed = session.reply.bytes().starts_with(b"-");
    if let Some(error) = session.reply.bytes().strip_prefix(b"-") {
        let error = String::from_utf8_lossy(error);
        let command = String::from_utf8_lossy(argv[0]);
        let entry = table::find(Args(argv)).ok();
        links::tell_error(engine, session, (&command, entry), &error);
    }
    session.reply.clear();
    failed
}
