//! An encrypted connection whose reads and writes block, for callers that have a thread of their own.

use super::{Channel, Fault, Identity};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes asked of the socket at once: a record of the largest size and the head of the next.
const READ_SIZE: usize = 18 << 10;

/// An encrypted connection, both ways.
pub struct Blocking {
    input: Input,
    output: Output,
}

/// What comes from the peer.
pub struct Input {
    socket: TcpStream,
    shared: Arc<Mutex<Channel>>,
    buf: Vec<u8>,
}

/// What goes to the peer.
pub struct Output {
    socket: TcpStream,
    shared: Arc<Mutex<Channel>>,
    buf: Vec<u8>,
}

fn lock(shared: &Mutex<Channel>) -> MutexGuard<'_, Channel> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Blocking {
    /// Over a socket that waits; the handshake is over when this returns.
    ///
    /// # Errors
    /// The socket's, or why the handshake failed.
    pub(crate) fn new(channel: Channel, socket: TcpStream) -> io::Result<Blocking> {
        let shared = Arc::new(Mutex::new(channel));
        let mut connection = Blocking {
            input: Input {
                socket: socket.try_clone()?,
                shared: shared.clone(),
                buf: Vec::new(),
            },
            output: Output {
                socket,
                shared,
                buf: Vec::new(),
            },
        };
        connection.handshake()?;
        Ok(connection)
    }

    fn handshake(&mut self) -> io::Result<()> {
        loop {
            self.output.flush()?;
            if !lock(&self.input.shared).is_handshaking() {
                return Ok(());
            }
            match self.input.fill() {
                Ok(0) => {
                    let text = "the peer closed the connection during the handshake";
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
                }
                Ok(_) => {}
                Err(e) => {
                    // The alert that says why; a peer that is gone needs none.
                    let _ = self.output.flush();
                    return Err(e);
                }
            }
        }
    }

    /// The socket below, for its timeouts.
    pub fn socket(&self) -> &TcpStream {
        &self.output.socket
    }

    /// The certificate that the peer showed.
    pub fn peer(&self) -> Option<Identity> {
        lock(&self.input.shared).peer()
    }

    /// Two halves, for two threads.
    pub fn split(self) -> (Input, Output) {
        (self.input, self.output)
    }
}

impl Input {
    /// Reads once from the socket; 0 at its end. The lock is not held meanwhile, so that the other half goes on.
    fn fill(&mut self) -> io::Result<usize> {
        self.buf.resize(READ_SIZE, 0);
        let n = self.socket.read(&mut self.buf)?;
        lock(&self.shared).feed(&self.buf[..n])?;
        Ok(n)
    }
}

impl Read for Input {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(n) = lock(&self.shared).read(buf)? {
                return Ok(n);
            }
            self.fill()?;
        }
    }
}

impl Output {
    /// Gives the socket what was encrypted. The lock is not held meanwhile.
    fn send(&mut self) -> io::Result<()> {
        loop {
            {
                let mut channel = lock(&self.shared);
                while channel.has_output() {
                    channel.write_to(&mut self.buf)?;
                }
            }
            if self.buf.is_empty() {
                return Ok(());
            }
            let sent = self.socket.write_all(&self.buf);
            self.buf.clear();
            sent?;
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = lock(&self.shared).write(bytes);
        self.send()?;
        match taken {
            0 if !bytes.is_empty() => Err(Fault::other("nothing more can be sent").into()),
            taken => Ok(taken),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

impl Read for Blocking {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.input.read(buf)
    }
}

impl Write for Blocking {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}
