//! The connection of one replica: reply lines, then the payload, then the stream; ACKs come back.

use super::pipe::{Pipe, PipeReader};
use super::spill;
use crate::Server;
use crate::stream::Stream;
use crate::threads;
use base::LogLevel;
use engine::client_list;
use engine::{ClientFlags, ClientId, Engine};
use replication::log::Chunk;
use resp::{Parser, RequestLimits};
use smallvec::SmallVec;
use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;

/// Bytes written before other tasks get their turn.
const BYTES_PER_POLL: usize = 1 << 20;
/// What a replica may have sent without a whole request in it.
const INPUT_MAX: usize = 1 << 20;
/// Bytes read from a dump file at once.
const FILE_CHUNK: usize = 256 << 10;

/// What waits for a replica's connection; filled by the state machine's actions.
#[derive(Default)]
pub struct Outbox {
    lines: RefCell<Vec<u8>>,
    payload: RefCell<Option<Payload>>,
    close: Cell<bool>,
    close_after_sent: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// A payload, its announcement included.
pub struct Payload {
    head: Vec<u8>,
    reader: PipeReader,
}

impl Payload {
    /// Bytes from a pipe, preceded by `head`.
    pub fn new(head: Vec<u8>, reader: PipeReader) -> Self {
        Payload { head, reader }
    }

    /// A finished dump: `$<length>` and the file, read by a thread of its own.
    ///
    /// # Errors
    /// The file's length cannot be read, or the system refuses a thread.
    pub fn file(file: Arc<File>) -> io::Result<Self> {
        let len = file.metadata()?.len();
        let (writer, reader) = Pipe::waiting();
        let copy = move || {
            let mut buf = vec![0; FILE_CHUNK];
            let mut at = 0;
            while at < len {
                let most = buf
                    .len()
                    .min(usize::try_from(len - at).unwrap_or(usize::MAX));
                // Others read the same file: each at its own offset.
                match file.read_at(&mut buf[..most], at) {
                    Ok(n) if n > 0 && writer.push(&buf[..n]).is_ok() => at += n as u64,
                    _ => return, // unfinished: the connection is closed
                }
            }
            writer.finish();
        };
        threads::spawn("forebay-send", copy)?;
        Ok(Payload {
            head: format!("${len}\r\n").into_bytes(),
            reader,
        })
    }
}

impl Outbox {
    /// Bytes before any payload.
    pub fn send(&self, bytes: &[u8]) {
        self.lines.borrow_mut().extend_from_slice(bytes);
        self.wake();
    }

    /// A payload follows the lines.
    pub fn give(&self, payload: Payload) {
        *self.payload.borrow_mut() = Some(payload);
        self.wake();
    }

    /// Close now.
    pub fn close(&self) {
        self.close.set(true);
        self.wake();
    }

    /// Close when everything is written.
    pub fn close_after_sent(&self) {
        self.close_after_sent.set(true);
        self.wake();
    }

    /// There is something to do.
    pub fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

/// The connection is over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// The other end closed it, or it broke.
    Broken,
    /// We close it.
    Closed,
}

struct Connection {
    server: Rc<Server>,
    id: ClientId,
    stream: Stream,
    outbox: Rc<Outbox>,
    /// Lines and payload bytes on their way to the socket.
    out: Vec<u8>,
    sent: usize,
    payload: Option<PipeReader>,
    /// Stream bytes that are being read back from disk.
    read_back: Option<oneshot::Receiver<io::Result<Vec<u8>>>>,
    input: Vec<u8>,
    parser: Parser,
}

/// Serves a connection that became a replica, until it ends. `unread` are bytes that came after the SYNC or PSYNC
/// request, `unsent` replies to requests before it.
pub async fn serve_replica(
    server: &Rc<Server>,
    id: ClientId,
    stream: Stream,
    unread: Vec<u8>,
    unsent: Vec<u8>,
) {
    let slow = server.engine.borrow().config.repl_disable_tcp_nodelay;
    // A connection without it is slower or faster, no more.
    let _ = stream.set_nodelay(!slow);
    let mut connection = Connection {
        server: server.clone(),
        id,
        stream,
        outbox: server.repl.outbox(id),
        out: unsent,
        sent: 0,
        payload: None,
        read_back: None,
        input: unread,
        parser: Parser::default(),
    };
    let end = std::future::poll_fn(|cx| match connection.step(cx) {
        Ok(()) => Poll::Pending,
        Err(end) => Poll::Ready(end),
    })
    .await;
    drop(connection);
    server.repl.forget(id);
    server.with_engine(|engine| {
        engine.sync_repl_clock();
        match end {
            End::Broken => engine.repl.on_peer_closed(id),
            End::Closed => engine.repl.on_disconnect(id),
        }
    });
}

impl Connection {
    /// Goes as far as it gets without waiting.
    fn step(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        *self.outbox.waker.borrow_mut() = Some(cx.waker().clone());
        if self.outbox.close.get() {
            return Err(End::Closed);
        }
        self.read(cx)?;
        self.write(cx)
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        let mut budget = BYTES_PER_POLL;
        loop {
            if budget == 0 {
                cx.waker().wake_by_ref();
                return Ok(());
            }
            if self.sent < self.out.len() {
                let Some(n) = self.put(cx)? else {
                    return Ok(());
                };
                budget = budget.saturating_sub(n);
                continue;
            }
            self.out.clear();
            self.sent = 0;
            self.out.append(&mut self.outbox.lines.borrow_mut());
            if let Some(payload) = self.outbox.payload.take() {
                self.out.extend_from_slice(&payload.head);
                self.payload = Some(payload.reader);
            }
            if !self.out.is_empty() {
                continue;
            }
            if let Some(reader) = &self.payload {
                match reader.poll_chunk(cx) {
                    Poll::Pending => return Ok(()),
                    Poll::Ready(Some(Ok(chunk))) => self.out = chunk,
                    Poll::Ready(Some(Err(_))) => {
                        // What decides about the replica closes the connection when the reason is known.
                        self.payload = None;
                        self.note(|engine, id| {
                            let repl = &mut engine.repl;
                            repl.with_primary(|primary, env| primary.on_payload_failed(id, env));
                        });
                        return Ok(());
                    }
                    Poll::Ready(None) => {
                        self.payload = None;
                        self.note(|engine, id| {
                            let repl = &mut engine.repl;
                            repl.with_primary(|primary, env| primary.on_payload_sent(id, env));
                        });
                    }
                }
                continue;
            }
            if let Some(reading) = &mut self.read_back {
                let Poll::Ready(read) = Pin::new(reading).poll(cx) else {
                    return Ok(());
                };
                self.read_back = None;
                self.out = self.take_back(read)?;
                continue;
            }
            if self.outbox.close_after_sent.get() {
                return Err(End::Closed);
            }
            match self.put_stream(cx)? {
                Some(n) if n > 0 => budget = budget.saturating_sub(n),
                _ => return Ok(()),
            }
        }
    }

    /// Writes lines and payload; `None` when the socket takes nothing now.
    fn put(&mut self, cx: &mut Context<'_>) -> Result<Option<usize>, End> {
        let bytes = &self.out[self.sent..];
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        let Poll::Ready(written) = written else {
            return Ok(None);
        };
        let n = written.ok().filter(|n| *n > 0).ok_or(End::Broken)?;
        self.sent += n;
        let syncing = self.payload.is_some();
        let mut engine = self.server.engine.borrow_mut();
        engine.stats.wrote_to_replica(n);
        if syncing {
            let (id, now_ms) = (self.id, crate::clock::monotonic_ns() / 1_000_000);
            engine.repl.with_primary(|primary, _| {
                primary.on_progress(id, now_ms);
                primary.on_payload_bytes(id, n as u64, crate::clock::unix_us());
            });
        }
        Ok(Some(n))
    }

    /// Writes stream bytes straight from the log; `None` if the socket takes nothing now, 0 if there is nothing to
    /// write. Blocks on disk are read by a thread and sent with the lines.
    fn put_stream(&mut self, cx: &mut Context<'_>) -> Result<Option<usize>, End> {
        let mut engine = self.server.engine.borrow_mut();
        let chunk = match engine.repl.stream_for(self.id) {
            Chunk::Memory([]) => return Ok(Some(0)),
            Chunk::Memory(bytes) => bytes,
            Chunk::Disk(place, len) => {
                self.read_back = Some(spill::read(place, len));
                return Ok(Some(1));
            }
        };
        let written = Pin::new(&mut self.stream).poll_write(cx, chunk);
        let Poll::Ready(written) = written else {
            return Ok(None);
        };
        let n = written.ok().filter(|n| *n > 0).ok_or(End::Broken)?;
        engine.repl.on_stream_sent(self.id, n);
        engine.stats.wrote_to_replica(n);
        Ok(Some(n))
    }

    /// Stream bytes that were on disk: the log may forget them.
    fn take_back(
        &self,
        read: Result<io::Result<Vec<u8>>, oneshot::error::RecvError>,
    ) -> Result<Vec<u8>, End> {
        let bytes = match read.map_err(io::Error::other).flatten() {
            Ok(bytes) => bytes,
            Err(e) => {
                tracing::warn!("The stream for a replica cannot be read back from disk: {e}");
                return Err(End::Closed);
            }
        };
        let mut engine = self.server.engine.borrow_mut();
        engine.repl.on_stream_sent(self.id, bytes.len());
        Ok(bytes)
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        loop {
            self.run_requests()?;
            let mut bytes = [0; 4096];
            let mut buf = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buf) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => {
                    self.input.extend_from_slice(buf.filled());
                    let n = buf.filled().len() as u64;
                    self.server.engine.borrow_mut().stats.net_input += n;
                    if self.input.len() > INPUT_MAX {
                        return Err(End::Closed);
                    }
                }
                Poll::Ready(_) => return Err(End::Broken),
            }
        }
    }

    /// Runs what the replica sent: ACKs mostly. An answer would become part of the stream, so a replica that causes
    /// one is closed.
    fn run_requests(&mut self) -> Result<(), End> {
        if self.input.is_empty() || self.outbox.close_after_sent.get() {
            return Ok(());
        }
        let server = self.server.clone();
        server.with_executor(|engine| {
            engine.sync_repl_clock();
            let alone = self.input.iter().all(|b| matches!(b, b'\n' | b'\r'));
            if alone {
                let (id, now_ms) = (self.id, engine.repl.now_ms());
                engine
                    .repl
                    .with_primary(|primary, _| primary.on_newline(id, now_ms));
            }
            let limits = RequestLimits {
                bulk: INPUT_MAX as u64,
                unauthenticated: false,
            };
            let parsed = self.parser.parse(&self.input, limits, usize::MAX);
            let requests = self.parser.len();
            let mut result = Ok(());
            for i in 0..requests {
                let argv: SmallVec<[&[u8]; 8]> = self.parser.request(i, &self.input).collect();
                engine.execute(self.id, &argv);
                if let Some(why) = must_close(engine, self.id, &argv) {
                    (engine.log)(LogLevel::Warning, &why);
                    if !self.tells_refusal(engine, &argv) {
                        result = Err(End::Closed);
                    }
                    break;
                }
            }
            let done = self.parser.consume(requests);
            self.input.drain(..done);
            result.and(parsed.map_err(|_| End::Closed))
        })
    }

    /// A peer that sends RESET on a replica's connection is not a replica: it gets the refusal before the connection
    /// is closed, after the end of a command in the stream.
    fn tells_refusal(&self, engine: &mut Engine, argv: &[&[u8]]) -> bool {
        let Some(session) = engine.clients.get(&self.id) else {
            return false;
        };
        let log = engine.repl.history().backlog();
        let between = self.sent == self.out.len()
            && self.payload.is_none()
            && engine.repl.primary().streams_to(self.id)
            && log.is_some_and(|log| log.pending(self.id.0) == 0);
        let told = between && argv[0].eq_ignore_ascii_case(b"reset");
        if told {
            self.outbox.send(session.reply.bytes());
            self.outbox.close_after_sent();
        }
        told
    }

    fn note(&self, f: impl FnOnce(&mut Engine, ClientId)) {
        self.server.with_engine(|engine| {
            engine.sync_repl_clock();
            f(engine, self.id);
        });
    }
}

fn must_close(engine: &mut Engine, id: ClientId, argv: &[&[u8]]) -> Option<String> {
    let Some(session) = engine.clients.get(&id) else {
        return Some(String::new());
    };
    if !session.reply.is_empty() {
        return Some(format!(
            "Replica generated a reply to command '{}', disconnecting it: {}",
            String::from_utf8_lossy(argv[0])
                .to_lowercase()
                .escape_debug(),
            client_list::line(session, engine.clock.steady_ms)
        ));
    }
    let closed = session.flags.contains(ClientFlags::CLOSE_ASAP);
    closed.then(|| {
        format!(
            "Client closed: {}",
            client_list::line(session, engine.clock.steady_ms)
        )
    })
}
