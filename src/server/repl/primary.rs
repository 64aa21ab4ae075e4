//! The connection of one replica: reply lines, the payload and then the stream are sent, and ACKs are received.

use super::pipe::PipeReader;
use super::spill;
use crate::stream::Stream;
use crate::{Server, clock, threads};
use disk::Machine;
use engine::ClientId;
use flow::append::ArchiveReader;
use flow::feed::{End, Feed, Next};
use replication::ReplOffset;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;

/// The number of bytes written before other tasks run.
const BYTES_PER_POLL: usize = 1 << 20;
struct Connection {
    server: Rc<Server>,
    id: ClientId,
    stream: Stream,
    feed: Feed<PipeReader>,
    /// Stream bytes that are being read back from disk.
    reading: Option<oneshot::Receiver<io::Result<Vec<u8>>>>,
    /// Who reads them from the append-only file, if this replica has needed any.
    archive: Option<Arc<Mutex<ArchiveReader<Machine>>>>,
}

/// Serves a connection that has become the link of a replica, until it ends. `unread` are bytes that came after the
/// SYNC or PSYNC request, `unsent` replies to requests before it.
pub async fn serve_replica(
    server: &Rc<Server>,
    id: ClientId,
    stream: Stream,
    unread: Vec<u8>,
    unsent: Vec<u8>,
) {
    let slow = server.engine.borrow().config.repl_disable_tcp_nodelay;
    // If this fails, only the speed of the connection differs.
    let _ = stream.set_nodelay(!slow);
    let mut connection = Connection {
        server: server.clone(),
        id,
        stream,
        feed: Feed::new(id, server.repl.outbox(id), unread, unsent),
        reading: None,
        archive: None,
    };
    let end = std::future::poll_fn(|cx| match connection.step(cx) {
        Ok(()) => Poll::Pending,
        Err(end) => Poll::Ready(end),
    })
    .await;
    let Connection {
        feed, mut stream, ..
    } = connection;
    stream.farewell();
    server.repl.forget(id);
    server.with_engine(|engine| feed.end(end, engine));
}

impl Connection {
    /// Does what is possible without waiting.
    fn step(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        self.server.repl.register(self.id, cx.waker());
        if self.feed.must_close() {
            return Err(End::Closed);
        }
        self.read(cx)?;
        self.write(cx)
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        let server = self.server.clone();
        let mut budget = self.stream.turn(BYTES_PER_POLL);
        while budget > 0 {
            let mut engine = server.engine.borrow_mut();
            match self.feed.next(&engine) {
                Next::Nothing => return Ok(()),
                Next::Close => return Err(End::Closed),
                Next::Bytes(bytes) => {
                    let Some(n) = put(&mut self.stream, bytes, cx)? else {
                        return Ok(());
                    };
                    let now = || (clock::monotonic_ns() / 1_000_000, clock::unix_us());
                    self.feed.wrote(n, &mut engine, now);
                    budget = budget.saturating_sub(n);
                }
                Next::Stream(bytes) => {
                    let Some(n) = put(&mut self.stream, bytes, cx)? else {
                        return Ok(());
                    };
                    self.feed.streamed(n, &mut engine);
                    budget = budget.saturating_sub(n);
                }
                Next::Payload => {
                    drop(engine);
                    let source = self.feed.payload().expect("it was asked for");
                    let Poll::Ready(chunk) = source.poll_chunk(cx) else {
                        return Ok(());
                    };
                    match chunk {
                        Some(Ok(bytes)) => self.feed.chunk(bytes),
                        end => server.with_engine(|engine| {
                            self.feed.payload_ends(end.is_none(), engine);
                        }),
                    }
                }
                Next::ReadBack(place, len) => self.reading = Some(spill::read(place, len)),
                Next::ReadArchive(from, most) => {
                    let reader = self.archive.get_or_insert_with(|| {
                        Arc::new(Mutex::new(server.append.archive_reader()))
                    });
                    self.reading = Some(read_archive(reader.clone(), from, most));
                }
                Next::Reading => {
                    let reading = self.reading.as_mut().expect("it was asked for");
                    let Poll::Ready(read) = Pin::new(reading).poll(cx) else {
                        return Ok(());
                    };
                    self.reading = None;
                    let read = read.map_err(io::Error::other).flatten();
                    let read = read.map_err(|e| e.to_string());
                    self.feed.read_back(read, &mut engine)?;
                }
            }
        }
        cx.waker().wake_by_ref();
        Ok(())
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        let server = self.server.clone();
        loop {
            if self.feed.has_input() {
                server.with_executor(|engine| self.feed.run_requests(engine))?;
            }
            let mut bytes = [0; 4096];
            let mut buf = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buf) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => {
                    let mut engine = server.engine.borrow_mut();
                    self.feed.take(buf.filled(), &mut engine)?;
                }
                Poll::Ready(_) => return Err(End::Broken),
            }
        }
    }
}

/// Reads bytes of the stream from the append-only file, on a thread that may wait for the disk.
fn read_archive(
    reader: Arc<Mutex<ArchiveReader<Machine>>>,
    from: ReplOffset,
    most: usize,
) -> oneshot::Receiver<io::Result<Vec<u8>>> {
    let (tell, told) = oneshot::channel();
    threads::spawn_or_run("forebay-aof-read", move || {
        let from = from.get().max(0) as u64;
        let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
        // The receiver has been dropped if the replica has disconnected in the meantime.
        let _ = tell.send(reader.read(from, most).map_err(io::Error::other));
    });
    told
}

/// Writes; `None` when the socket takes nothing now.
fn put(stream: &mut Stream, bytes: &[u8], cx: &mut Context<'_>) -> Result<Option<usize>, End> {
    let Poll::Ready(written) = Pin::new(stream).poll_write(cx, bytes) else {
        return Ok(None);
    };
    let n = written.ok().filter(|n| *n > 0).ok_or(End::Broken)?;
    Ok(Some(n))
}
