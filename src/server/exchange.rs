//! The exchange with another server for MIGRATE, during which everything else waits. Connections are kept for a while,
//! because keys are usually sent one by one to the same server. With `tls-replication`, they are encrypted.

use crate::dial::{Source, dial_and_wait};
use crate::lookup;
use engine::host::{Exchange, ExchangeError};
use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Write};
use std::time::{Duration, Instant};
use tools::connect::Wire;

/// A connection that was not used for this long is closed.
const KEPT: Duration = Duration::from_secs(10);
/// How many connections are kept; the least recently used one is closed first.
const KEPT_MAX: usize = 64;
/// A reply line may be this long, bytes.
const LINE_MAX: usize = 64 << 10;

/// Other servers, by host and port.
#[derive(Default)]
pub struct Others(HashMap<Name, (BufReader<Wire>, Instant)>);

/// Host, port, and whether the connection is encrypted.
type Name = (String, u16, bool);

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

    /// See [`Host::exchange`](engine::host::Host::exchange). A new connection comes from `source`. With `tls`, it is an
    /// encrypted one.
    pub fn talk(
        &mut self,
        exchange: &Exchange<'_>,
        source: Source,
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
        let stream = addresses
            .and_then(|found| dial_and_wait(&found, source, timeout))
            .and_then(|socket| Wire::over(socket, tls, timeout));
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

    fn keep(&mut self, name: Name, stream: BufReader<Wire>) {
        if self.0.len() >= KEPT_MAX {
            let oldest = self.0.iter().min_by_key(|(_, (_, used))| *used);
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                self.0.remove(&oldest);
            }
        }
        self.0.insert(name, (stream, Instant::now()));
    }
}

fn set_timeout(wire: &Wire, timeout: Duration) -> io::Result<()> {
    wire.socket().set_write_timeout(Some(timeout))?;
    wire.socket().set_read_timeout(Some(timeout))
}

fn run(stream: &mut BufReader<Wire>, exchange: &Exchange<'_>) -> Result<Vec<String>, Broken> {
    let timeout = Duration::from_millis(exchange.timeout_ms.max(1));
    let wire = stream.get_mut();
    let sent = set_timeout(wire, timeout)
        .and_then(|()| wire.write_all(exchange.request))
        .and_then(|()| wire.flush());
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

fn line(stream: &mut BufReader<Wire>) -> Option<String> {
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
