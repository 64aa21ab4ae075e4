//! The exchange with another server for MIGRATE, during which everything else waits. Connections are kept for a while,
//! because keys are usually sent one by one to the same server. With `tls-replication`, they are encrypted.

use crate::lookup;
use engine::host::{Exchange, ExchangeError};
use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use tools::connect::connect;

/// A connection that was not used for this long is closed.
const KEPT: Duration = Duration::from_secs(10);
/// How many connections are kept; the least recently used one is closed first.
const KEPT_MAX: usize = 64;
/// A reply line may be this long, bytes.
const LINE_MAX: usize = 64 << 10;

/// Other servers, by host and port.
#[derive(Default)]
pub struct Others(HashMap<Name, (BufReader<Stream>, Instant)>);

/// Host, port, and whether the connection is encrypted.
type Name = (String, u16, bool);

/// A connection whose reads and writes wait.
enum Stream {
    Plain(TcpStream),
    Tls(Box<tls::Blocking>),
}

impl Stream {
    fn set_timeout(&self, timeout: Duration) -> io::Result<()> {
        let socket = match self {
            Stream::Plain(socket) => socket,
            Stream::Tls(stream) => &stream.sock,
        };
        socket.set_write_timeout(Some(timeout))?;
        socket.set_read_timeout(Some(timeout))
    }
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(socket) => socket.read(buf),
            Stream::Tls(stream) => stream.read(buf),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(socket) => socket.write(buf),
            Stream::Tls(stream) => stream.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Plain(socket) => socket.flush(),
            Stream::Tls(stream) => stream.flush(),
        }
    }
}

type Broken = (Vec<String>, ExchangeError);

impl Others {
    /// Connections that are kept.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True without any.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Closes what was not used lately.
    pub fn close_idle(&mut self) {
        self.0.retain(|_, (_, used)| used.elapsed() < KEPT);
    }

    /// See [`Host::exchange`](engine::host::Host::exchange). With `tls`, the connection is an encrypted one.
    pub fn talk(
        &mut self,
        exchange: &Exchange<'_>,
        tls: Option<&tls::Connecting>,
    ) -> Result<Vec<String>, Broken> {
        let name = (exchange.host.to_owned(), exchange.port, tls.is_some());
        if let Some((mut stream, _)) = self.0.remove(&name) {
            match run(&mut stream, exchange) {
                Ok(replies) => {
                    self.keep(name, stream);
                    return Ok(replies);
                }
                // The other side may have closed the connection long ago. A command that it has answered was
                // executed.
                Err((replies, _)) if replies.is_empty() => {}
                Err(broken) => return Err(broken),
            }
        }
        let timeout = Duration::from_millis(exchange.timeout_ms.max(1));
        let addresses = lookup::wait(exchange.host, exchange.port, timeout);
        let stream = addresses.and_then(|found| {
            let socket = Stream::Plain(connect(found.as_slice(), timeout)?);
            socket.set_timeout(timeout)?;
            match (tls, socket) {
                (Some(tls), Stream::Plain(socket)) => {
                    Ok(Stream::Tls(Box::new(tls.blocking(socket)?)))
                }
                (_, socket) => Ok(socket),
            }
        });
        let stream = stream.map_err(|e| {
            // As the reference words it, which connects without waiting and learns it when it writes.
            let at = match e.kind() {
                io::ErrorKind::ConnectionRefused => ExchangeError::Write,
                _ => ExchangeError::Connect,
            };
            (Vec::new(), at)
        })?;
        let mut stream = BufReader::new(stream);
        let replies = run(&mut stream, exchange)?;
        self.keep(name, stream);
        Ok(replies)
    }

    fn keep(&mut self, name: Name, stream: BufReader<Stream>) {
        if self.0.len() >= KEPT_MAX {
            let oldest = self.0.iter().min_by_key(|(_, (_, used))| *used);
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                self.0.remove(&oldest);
            }
        }
        self.0.insert(name, (stream, Instant::now()));
    }
}

fn run(stream: &mut BufReader<Stream>, exchange: &Exchange<'_>) -> Result<Vec<String>, Broken> {
    let timeout = Duration::from_millis(exchange.timeout_ms.max(1));
    let socket = stream.get_mut();
    let sent = socket
        .set_timeout(timeout)
        .and_then(|()| socket.write_all(exchange.request))
        .and_then(|()| socket.flush());
    sent.map_err(|_| (Vec::new(), ExchangeError::Write))?;
    let mut replies = Vec::new();
    while replies.len() < exchange.replies {
        match line(stream) {
            Some(reply) => replies.push(reply),
            None => return Err((replies, ExchangeError::Read)),
        }
    }
    Ok(replies)
}

fn line(stream: &mut BufReader<Stream>) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let buffer = stream.fill_buf().ok()?;
        let end = buffer.iter().position(|b| *b == b'\n');
        let taken = end.map_or(buffer.len(), |end| end + 1);
        if taken == 0 || bytes.len() + taken > LINE_MAX {
            return None;
        }
        bytes.extend_from_slice(&buffer[..taken]);
        stream.consume(taken);
        if end.is_some() {
            let text = String::from_utf8_lossy(&bytes);
            return Some(text.trim_end_matches(['\r', '\n']).to_owned());
        }
    }
}
