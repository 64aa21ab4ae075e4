//! What a replica says to its primary, and any answer to it: the primary's end of a link, played
//! by the test step by step.

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::fake_replica::arguments;
use super::resp::{Reader, request};
use super::wait::LONG;

/// The mark of the diskless payloads sent here.
pub const EOF_MARK: &str = "f0e1d2c3b4a5968778695a4b3c2d1e0ff0e1d2c3";

/// A listening primary.
pub struct FakeMaster {
    listener: TcpListener,
}

/// One replica's connection.
pub struct Link {
    reader: Reader<TcpStream>,
    writer: TcpStream,
}

/// What the replica said before and with PSYNC.
#[derive(Debug, Default, Clone)]
pub struct Handshake {
    /// Every command, in order.
    pub commands: Vec<Vec<String>>,
    /// The replication id it asks for; `?` is none.
    pub replid: String,
    /// The offset it asks for.
    pub offset: i64,
}

impl Default for FakeMaster {
    fn default() -> Self {
        FakeMaster::new()
    }
}

impl FakeMaster {
    /// Listens on a free loopback port.
    pub fn new() -> FakeMaster {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        listener
            .set_nonblocking(true)
            .expect("a listener can be made non-blocking");
        FakeMaster { listener }
    }

    /// The port for `REPLICAOF 127.0.0.1 <port>`.
    pub fn port(&self) -> u16 {
        self.listener
            .local_addr()
            .expect("a bound socket has an address")
            .port()
    }

    /// Waits for the replica's next connection.
    pub fn accept(&self) -> Link {
        self.accept_within(LONG)
            .expect("the replica connects in time")
    }

    /// Waits at most `limit` for a connection.
    pub fn accept_within(&self, limit: Duration) -> Option<Link> {
        let start = Instant::now();
        loop {
            match self.listener.accept() {
                Ok((socket, _)) => {
                    socket
                        .set_nonblocking(false)
                        .expect("a socket can be made blocking");
                    socket.set_nodelay(true).expect("a socket takes nodelay");
                    socket
                        .set_read_timeout(Some(LONG))
                        .expect("a socket takes a timeout");
                    let writer = socket.try_clone().expect("a socket can be cloned");
                    return Some(Link {
                        reader: Reader::new(socket),
                        writer,
                    });
                }
                Err(_) if start.elapsed() < limit => std::thread::sleep(Duration::from_millis(3)),
                Err(_) => return None,
            }
        }
    }
}

impl Link {
    /// The next command of the replica.
    ///
    /// # Errors
    /// What reading gives, `UnexpectedEof` when the replica closed.
    pub fn command(&mut self) -> io::Result<Vec<String>> {
        let value = self.reader.value()?;
        let words = arguments(&value).unwrap_or_default();
        Ok(words
            .iter()
            .map(|w| String::from_utf8_lossy(w).into_owned())
            .collect())
    }

    /// Answers PING and REPLCONF as a primary does, up to and without the answer to PSYNC.
    ///
    /// # Errors
    /// As [`Link::command`].
    pub fn handshake(&mut self) -> io::Result<Handshake> {
        let mut seen = Handshake::default();
        loop {
            let command = self.command()?;
            seen.commands.push(command.clone());
            match command[0].to_ascii_uppercase().as_str() {
                "PING" => self.send(b"+PONG\r\n")?,
                "PSYNC" => {
                    seen.replid = command[1].clone();
                    seen.offset = command[2].parse().unwrap_or(i64::MIN);
                    return Ok(seen);
                }
                _ => self.send(b"+OK\r\n")?,
            }
        }
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// What writing gives.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all(bytes)
    }

    /// `+FULLRESYNC`, then the payload as a file of known length.
    ///
    /// # Errors
    /// What writing gives.
    pub fn full_resync(&mut self, replid: &str, offset: i64, payload: &[u8]) -> io::Result<()> {
        self.send(format!("+FULLRESYNC {replid} {offset}\r\n").as_bytes())?;
        self.send(format!("${}\r\n", payload.len()).as_bytes())?;
        self.send(payload)
    }

    /// `+FULLRESYNC`, then the payload between `$EOF:` and its mark. Real replicas look for the mark
    /// at the end of what they have read: wait for an ACK before you send more.
    ///
    /// # Errors
    /// What writing gives.
    pub fn full_resync_diskless(
        &mut self,
        replid: &str,
        offset: i64,
        payload: &[u8],
    ) -> io::Result<()> {
        self.send(format!("+FULLRESYNC {replid} {offset}\r\n$EOF:{EOF_MARK}\r\n").as_bytes())?;
        self.send(payload)?;
        self.send(EOF_MARK.as_bytes())
    }

    /// Sends a command of the stream; gives its length in bytes.
    ///
    /// # Errors
    /// What writing gives.
    pub fn propagate<A: AsRef<[u8]>>(&mut self, args: &[A]) -> io::Result<u64> {
        let bytes = request(args);
        self.send(&bytes)?;
        Ok(bytes.len() as u64)
    }

    /// Reads on until the replica acknowledges at least `offset`; gives what it acknowledged.
    ///
    /// # Errors
    /// As [`Link::command`].
    pub fn wait_ack(&mut self, offset: u64) -> io::Result<u64> {
        loop {
            let command = self.command()?;
            if command.len() >= 3 && command[1].eq_ignore_ascii_case("ACK") {
                let at: u64 = command[2].parse().unwrap_or(0);
                if at >= offset {
                    return Ok(at);
                }
            }
        }
    }
}
