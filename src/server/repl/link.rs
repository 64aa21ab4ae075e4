//! The task of the link to the primary: connects, reads and writes. [`flow::follow`] decides what happens.

use super::link_handle::LinkHandle;
use super::receive::{self, Outcome, Receiving};
use crate::load::{LoadOptions, LoadProgress, by_processors};
use crate::persist::Threads;
use crate::stream::Stream;
use crate::{Server, handshake, lookup, strerror};
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
async fn connect_plain(host: String, port: u16) -> io::Result<TcpStream> {
    let (tell, told) = oneshot::channel();
    // The receiver is gone if the link was closed in the meantime.
    lookup::start(&host, port, move |found| _ = tell.send(found))?;
    let found = told.await.map_err(io::Error::other)??;
    TcpStream::connect(found.as_slice()).await
}

/// As [`connect_plain`], and makes the connection an encrypted one if `tls-replication` says so.
async fn connect(server: Rc<Server>, host: String, port: u16) -> io::Result<Stream> {
    let stream = connect_plain(host, port).await?;
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
        receive::to_memory(by_processors(options), progress)
    }

    fn load_file(
        &self,
        file: &File,
        options: LoadOptions,
        progress: Arc<LoadProgress>,
    ) -> Receiving {
        receive::from_file(file, by_processors(options), progress)
    }
}

type Connecting = Pin<Box<dyn Future<Output = io::Result<Stream>>>>;

struct Link {
    server: Rc<Server>,
    handle: Rc<LinkHandle>,
    connecting: Option<Connecting>,
    stream: Option<Stream>,
    follower: Follower<Threads>,
    buf: Vec<u8>,
}

/// What woke the task.
enum Event {
    Tick,
    News,
    Connected(io::Result<Stream>),
    Readable,
    Writable,
    Room,
    Received(Outcome),
}

/// Waits until the socket takes bytes, if there are some for it, or has some, if they are wanted.
fn poll_socket(
    stream: Option<&mut Stream>,
    writes: bool,
    reads: bool,
    cx: &mut Context<'_>,
) -> Poll<Event> {
    let Some(stream) = stream else {
        return Poll::Pending;
    };
    if writes && stream.poll_writable(cx).is_ready() {
        return Poll::Ready(Event::Writable);
    }
    if reads && stream.poll_readable(cx).is_ready() {
        return Poll::Ready(Event::Readable);
    }
    Poll::Pending
}

/// Follows the primary until the handle says stop. The state machine has begun to connect.
pub async fn run(server: Rc<Server>, handle: Rc<LinkHandle>) {
    let mut link = Link {
        follower: Follower::new(server.persistence.clone()),
        server,
        handle,
        connecting: None,
        stream: None,
        buf: vec![0; READ_SIZE],
    };
    link.connect();
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

impl Link {
    fn wants_input(&self) -> bool {
        let engine = self.server.engine.borrow();
        self.follower.wants_input(&engine)
    }

    async fn event(&mut self, ticks: &mut tokio::time::Interval) -> Event {
        // While a script is parked, the dataset belongs to it; the next tick looks again.
        let wants_input = self.wants_input();
        let mut stream = self.stream.as_mut();
        let handle = self.handle.clone();
        let connecting = &mut self.connecting;
        let writes = !self.follower.out().is_empty();
        let (outcome, inflow) = match self.follower.receiving() {
            Some(Receiving { outcome, inflow }) => (Some(outcome), inflow.as_ref()),
            None => (None, None),
        };
        let full = inflow.is_some_and(|inflow| !inflow.has_room());
        tokio::select! {
            biased;
            () = handle.news.notified() => Event::News,
            result = async { connecting.as_mut().expect("guarded").await }, if connecting.is_some() => {
                *connecting = None;
                Event::Connected(result)
            }
            result = async { outcome.expect("guarded").await }, if outcome.is_some() => {
                let lost = |_| Err("the receiving thread is gone".to_owned());
                Event::Received(result.unwrap_or_else(lost))
            }
            _ = ticks.tick() => Event::Tick,
            () = async { inflow.expect("guarded").room().await }, if full => Event::Room,
            event = poll_fn(|cx| poll_socket(stream.as_deref_mut(), writes, wants_input && !full, cx)) => event,
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Tick => self.step(Input::Tick),
            Event::News => {
                let bytes = self.handle.out.take();
                self.follower.send(&bytes);
            }
            Event::Connected(Ok(stream)) => {
                let name = |a: io::Result<std::net::SocketAddr>| {
                    a.map_or(String::new(), |a| a.to_string())
                };
                let (peer, local) = match stream.tcp() {
                    Some(tcp) => (name(tcp.peer_addr()), name(tcp.local_addr())),
                    None => Default::default(),
                };
                self.stream = Some(stream);
                self.step(Input::Connected { peer, local });
            }
            Event::Connected(Err(error)) => self.step(Input::Closed(&strerror(&error))),
            // A script may have been parked while this event was waited for: the next look waits for its end.
            Event::Readable if !self.wants_input() => {}
            Event::Readable => self.read(),
            Event::Writable | Event::Room => {}
            Event::Received(outcome) => self.step(Input::Received(outcome)),
        }
        self.write();
    }

    fn connect(&mut self) {
        let (host, port) = {
            let engine = self.server.engine.borrow();
            let Some(up) = engine.repl.upstream() else {
                return;
            };
            let (host, port) = up.link.primary();
            (host.to_owned(), port)
        };
        self.connecting = Some(Box::pin(connect(self.server.clone(), host, port)));
    }

    fn read(&mut self) {
        let Some(stream) = &mut self.stream else {
            return;
        };
        let mut buf = std::mem::take(&mut self.buf);
        match stream.try_read(&mut buf) {
            Ok(0) => self.step(Input::Closed("")),
            Ok(n) => self.step(Input::Bytes(&buf[..n])),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => self.step(Input::Closed(&strerror(&e))),
        }
        self.buf = buf;
    }

    fn write(&mut self) {
        while let Some(stream) = &mut self.stream
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
                Some(Ask::Connect) => self.connect(),
                Some(Ask::Disconnect) => (self.stream, self.connecting) = (None, None),
                None => {}
            }
        }
    }
}
