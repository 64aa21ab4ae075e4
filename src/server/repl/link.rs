//! The task of the link to the primary: connects, reads and writes, over one connection or two. [`flow::follow`]
//! decides what happens.

use super::link_handle::LinkHandle;
use super::receive::{self, Outcome, Receiving};
use super::spill::{self, SpillFiles};
use crate::dial::{self, dial};
use crate::load::{LoadOptions, LoadProgress};
use crate::persist::Threads;
use crate::stream::Stream;
use crate::{Server, handshake, lookup, strerror};
use flow::follow::collected::Source;
use flow::follow::{Ask, Follower, Input, IntoFile, Receivers};
use std::fs::File;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// How often time passes for the link.
const TICK: Duration = Duration::from_millis(100);
/// Bytes asked of the socket at once.
const READ_SIZE: usize = 256 << 10;

/// Connects to the first address of a host that answers. A name is looked up by a thread that may wait for it.
async fn connect_plain(host: String, port: u16, source: dial::Source) -> io::Result<TcpStream> {
    let (tell, told) = oneshot::channel();
    // The receiver is gone if the link was closed in the meantime.
    lookup::start(&host, port, move |found| _ = tell.send(found))?;
    let found = told.await.map_err(io::Error::other)??;
    dial(&found, source).await
}

/// As [`connect_plain`], and makes the connection an encrypted one if `tls-replication` says so.
async fn connect(server: Rc<Server>, host: String, port: u16) -> io::Result<Stream> {
    let stream = connect_plain(host, port, server.shell.source.get()).await?;
    // Without it small ACKs would wait for others.
    let _ = stream.set_nodelay(true);
    if !server.engine.borrow().config.tls_replication {
        return Ok(Stream::Tcp(stream));
    }
    let channel = server.shell.tls.connecting()?.channel()?;
    let done = handshake::start(&server.shell.handshakes, stream, channel)?;
    Ok(Stream::Tls(Box::new(handshake::finish(done).await?)))
}

impl Receivers for Threads {
    type Receiving = Receiving;

    fn take_to_file(&self, to: IntoFile) -> Result<Receiving, String> {
        receive::to_file(to)
    }

    fn take_to_memory(
        &self,
        options: LoadOptions,
        progress: Arc<LoadProgress>,
    ) -> Result<Receiving, String> {
        receive::to_memory(options, progress)
    }

    fn load_file(
        &self,
        file: &File,
        options: LoadOptions,
        progress: Arc<LoadProgress>,
    ) -> Receiving {
        receive::from_file(file, options, progress)
    }
}

type Connecting = Pin<Box<dyn Future<Output = io::Result<Stream>>>>;

type ReadingBack = oneshot::Receiver<io::Result<Vec<u8>>>;

/// A connection to the primary, or one that is being made.
#[derive(Default)]
struct Socket {
    connecting: Option<Connecting>,
    stream: Option<Stream>,
}

impl Socket {
    fn close(&mut self) {
        *self = Socket::default();
    }

    /// Waits until it is established, takes bytes, if there are some for it, or has some, if they are wanted.
    fn poll(&mut self, writes: bool, reads: bool, cx: &mut Context<'_>) -> Poll<Ready> {
        if let Some(connecting) = &mut self.connecting {
            let Poll::Ready(result) = connecting.as_mut().poll(cx) else {
                return Poll::Pending;
            };
            self.connecting = None;
            return Poll::Ready(Ready::Connected(result));
        }
        let Some(stream) = &mut self.stream else {
            return Poll::Pending;
        };
        if writes && stream.poll_writable(cx).is_ready() {
            return Poll::Ready(Ready::Write);
        }
        if reads && stream.poll_readable(cx).is_ready() {
            return Poll::Ready(Ready::Read);
        }
        Poll::Pending
    }
}

/// What a socket has to say.
enum Ready {
    Connected(io::Result<Stream>),
    Write,
    Read,
}

struct Link {
    server: Rc<Server>,
    handle: Rc<LinkHandle>,
    socket: Socket,
    /// For the payload of a full sync that has two connections.
    second: Socket,
    /// Files for the stream that is collected; created when they are needed.
    files: Option<SpillFiles>,
    /// The part that is being read from disk.
    reading: Option<ReadingBack>,
    follower: Follower<Threads>,
    buf: Vec<u8>,
}

/// What woke the task.
enum Event {
    Tick,
    News,
    Socket(Ready),
    Second(Ready),
    Room,
    Received(Outcome),
    Collected,
    ReadBack(io::Result<Vec<u8>>),
}

/// Follows the primary until the handle says stop. The state machine has begun to connect.
pub async fn run(server: Rc<Server>, handle: Rc<LinkHandle>) {
    let mut link = Link {
        follower: Follower::new(server.persistence.clone()),
        server,
        handle,
        socket: Socket::default(),
        second: Socket::default(),
        files: None,
        reading: None,
        buf: vec![0; READ_SIZE],
    };
    link.socket.connecting = link.connecting();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !link.handle.stopped.get() {
        let event = link.event(&mut ticks).await;
        if !link.handle.stopped.get() {
            link.on_event(event);
        }
    }
    let Link {
        server, follower, ..
    } = link;
    server.with_engine(|engine| follower.end(engine));
}

/// The bytes that a socket has; `None` while there are none.
fn try_read(socket: &mut Socket, buf: &mut [u8]) -> Option<io::Result<usize>> {
    match socket.stream.as_mut()?.try_read(buf) {
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => None,
        read => Some(read),
    }
}

impl Link {
    fn wants_input(&self) -> bool {
        let engine = self.server.engine.borrow();
        self.follower.wants_input(&engine)
    }

    fn wants_payload(&self) -> bool {
        let engine = self.server.engine.borrow();
        self.follower.wants_payload(&engine)
    }

    /// Something that was collected can be applied, or read back so that it can be.
    fn next_collected(&self) -> Option<Source> {
        let engine = self.server.engine.borrow();
        let next = self.follower.next_collected(&engine);
        next.filter(|_| self.reading.is_none())
    }

    async fn event(&mut self, ticks: &mut tokio::time::Interval) -> Event {
        // While a script is parked, the dataset belongs to it; the next tick looks again.
        let wants_input = self.wants_input();
        let wants_payload = self.wants_payload();
        let collected = self.next_collected().is_some();
        let handle = self.handle.clone();
        let (socket, second) = (&mut self.socket, &mut self.second);
        let reading = &mut self.reading;
        let writes = !self.follower.out().is_empty();
        let writes_second = !self.follower.second_out().is_empty();
        let (outcome, inflow) = match self.follower.receiving() {
            Some(Receiving { outcome, inflow }) => (Some(outcome), inflow.as_ref()),
            None => (None, None),
        };
        let full = inflow.is_some_and(|inflow| !inflow.has_room());
        // Only the connection over which the payload comes waits for room.
        let reads = wants_input && (!full || second.stream.is_some());
        tokio::select! {
            biased;
            () = handle.news.notified() => Event::News,
            result = async { outcome.expect("guarded").await }, if outcome.is_some() => {
                let lost = |_| Err("the receiving thread is gone".to_owned());
                Event::Received(result.unwrap_or_else(lost))
            }
            _ = ticks.tick() => Event::Tick,
            () = async { inflow.expect("guarded").room().await }, if full => Event::Room,
            read = async { reading.as_mut().expect("guarded").await }, if reading.is_some() => {
                *reading = None;
                Event::ReadBack(read.map_err(io::Error::other).flatten())
            }
            ready = poll_fn(|cx| second.poll(writes_second, wants_payload && !full, cx)) => Event::Second(ready),
            ready = poll_fn(|cx| socket.poll(writes, reads, cx)) => Event::Socket(ready),
            // As much at once as is read of a socket, so that clients get their turn.
            () = tokio::task::yield_now(), if collected => Event::Collected,
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Tick => self.step(Input::Tick),
            Event::News => {
                let bytes = self.handle.out.take();
                self.follower.send(&bytes);
                for spilled in self.handle.spilled.take() {
                    self.follower
                        .spilled(spilled, &mut self.server.engine.borrow_mut());
                }
            }
            Event::Socket(Ready::Connected(Ok(stream))) => {
                let name = |a: io::Result<std::net::SocketAddr>| {
                    a.map_or(String::new(), |a| a.to_string())
                };
                let (peer, local) = match stream.tcp() {
                    Some(tcp) => (name(tcp.peer_addr()), name(tcp.local_addr())),
                    None => Default::default(),
                };
                self.socket.stream = Some(stream);
                self.step(Input::Connected { peer, local });
            }
            Event::Socket(Ready::Connected(Err(e))) => self.step(Input::Closed(&strerror(&e))),
            Event::Second(Ready::Connected(Ok(stream))) => {
                self.second.stream = Some(stream);
                self.step(Input::SecondConnected);
            }
            Event::Second(Ready::Connected(Err(e))) => {
                self.step(Input::SecondClosed(&strerror(&e)));
            }
            // A script may have been parked while this event was waited for: the next look waits for its end.
            Event::Socket(Ready::Read) if !self.wants_input() => {}
            Event::Second(Ready::Read) if !self.wants_payload() => {}
            Event::Socket(Ready::Read) => self.read(),
            Event::Second(Ready::Read) => self.read_second(),
            Event::Socket(Ready::Write) | Event::Second(Ready::Write) | Event::Room => {}
            Event::Received(outcome) => self.step(Input::Received(outcome)),
            Event::Collected => match self.next_collected() {
                Some(Source::Memory) => self.step(Input::Collected),
                Some(Source::Disk(place, len)) => {
                    self.follower.reads_back();
                    self.reading = Some(spill::read(place, len));
                }
                None => {}
            },
            Event::ReadBack(read) => {
                self.step(Input::ReadBack(read.map_err(|e| strerror(&e))));
            }
        }
        self.write();
        self.write_second();
        self.spill();
    }

    /// A connection to the primary, if there is one to follow.
    fn connecting(&self) -> Option<Connecting> {
        let (host, port) = {
            let engine = self.server.engine.borrow();
            let (host, port) = engine.repl.upstream()?.link.primary();
            (host.to_owned(), port)
        };
        Some(Box::pin(connect(self.server.clone(), host, port)))
    }

    /// Writes what is collected to disk, as far as it has to go there.
    fn spill(&mut self) {
        while let Some(block) = self.follower.spill() {
            let start = block.start;
            if self.files.is_none() {
                let handle = self.handle.clone();
                let tell = move |start, place| {
                    handle.spilled((start, place));
                    !handle.stopped.get()
                };
                match SpillFiles::start(tell) {
                    Ok(files) => self.files = Some(files),
                    Err(e) => {
                        let failed = (start, Err(strerror(&e)));
                        self.follower
                            .spilled(failed, &mut self.server.engine.borrow_mut());
                        return;
                    }
                }
            }
            if let Some(files) = &self.files {
                files.write(block);
            }
        }
    }

    fn read(&mut self) {
        let mut buf = std::mem::take(&mut self.buf);
        match try_read(&mut self.socket, &mut buf) {
            Some(Ok(0)) => self.step(Input::Closed("")),
            Some(Ok(n)) => self.step(Input::Bytes(&buf[..n])),
            None => {}
            Some(Err(e)) => self.step(Input::Closed(&strerror(&e))),
        }
        self.buf = buf;
    }

    fn read_second(&mut self) {
        let mut buf = std::mem::take(&mut self.buf);
        match try_read(&mut self.second, &mut buf) {
            Some(Ok(0)) => self.step(Input::SecondClosed("")),
            Some(Ok(n)) => self.step(Input::SecondBytes(&buf[..n])),
            None => {}
            Some(Err(e)) => self.step(Input::SecondClosed(&strerror(&e))),
        }
        self.buf = buf;
    }

    fn write_second(&mut self) {
        while let Some(stream) = &mut self.second.stream
            && !self.follower.second_out().is_empty()
        {
            match stream.try_write(self.follower.second_out()) {
                Ok(n) => {
                    let mut engine = self.server.engine.borrow_mut();
                    self.follower.second_wrote(n, &mut engine);
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(e) => self.step(Input::SecondClosed(&strerror(&e))),
            }
        }
    }

    fn write(&mut self) {
        while let Some(stream) = &mut self.socket.stream
            && !self.follower.out().is_empty()
        {
            match stream.try_write(self.follower.out()) {
                Ok(n) => self.follower.wrote(n, &mut self.server.engine.borrow_mut()),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(e) => self.step(Input::Closed(&strerror(&e))),
            }
        }
    }

    /// Hands one event over and does what it leads to.
    fn step(&mut self, input: Input<'_, Threads>) {
        let server = self.server.clone();
        let mut turns = self.follower.begin(input, &server.engine.borrow());
        while !turns.is_empty() && !self.handle.stopped.get() {
            let ask = server.with_executor(|engine| self.follower.turn(&mut turns, engine));
            match ask {
                Some(Ask::Connect) => self.socket.connecting = self.connecting(),
                Some(Ask::Disconnect) => {
                    self.socket.close();
                    self.second.close();
                    self.reading = None;
                }
                Some(Ask::DisconnectFirst) => self.socket.close(),
                Some(Ask::ConnectSecond) => self.second.connecting = self.connecting(),
                Some(Ask::DisconnectSecond) => self.second.close(),
                None => {}
            }
        }
    }
}
