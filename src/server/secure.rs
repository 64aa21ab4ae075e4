//! An encrypted socket: a [`Channel`] over TCP.
//!
//! Output may be waiting here in encrypted form. Whenever the stream is polled for reading, which happens for every
//! connection that is being served, sending continues; [`Secure::holds_output`] says whether there is such output.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use tls::Channel;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Bytes asked of the socket at once: a record of the largest size and the head of the next.
const READ_SIZE: usize = 18 << 10;
/// Records that are encrypted before they are given to the socket.
const WRITE_SIZE: usize = 16 << 10;

thread_local! {
    /// What was read, until it is decrypted: an idle connection has no buffer.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// An encrypted TCP connection.
pub struct Secure {
    tcp: TcpStream,
    channel: Channel,
    /// The last attempt to write left something.
    held: bool,
}

/// A socket that is written to in the task of `cx`.
struct Writer<'a, 'c>(&'a mut TcpStream, &'a mut Context<'c>);

impl io::Write for Writer<'_, '_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        would_block(Pin::new(&mut *self.0).poll_write(self.1, buf))
    }

    fn write_vectored(&mut self, bufs: &[io::IoSlice<'_>]) -> io::Result<usize> {
        // Most replies are one record, for which the system has a shorter way.
        if let [one] = bufs {
            return self.write(one);
        }
        would_block(Pin::new(&mut *self.0).poll_write_vectored(self.1, bufs))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn would_block(written: Poll<io::Result<usize>>) -> io::Result<usize> {
    match written {
        Poll::Ready(written) => written,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl Secure {
    /// A connection over `tcp`, whose handshake may be over.
    pub fn new(tcp: TcpStream, channel: Channel) -> Self {
        let mut secure = Secure {
            tcp,
            channel,
            held: false,
        };
        secure.held = secure.channel.has_output();
        secure
    }

    /// The socket below.
    pub fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// What is known of the connection and of its other end.
    pub fn channel(&self) -> &Channel {
        &self.channel
    }

    /// The parts, for another thread.
    ///
    /// # Errors
    /// The runtime does not let the socket go.
    pub fn into_parts(self) -> io::Result<(std::net::TcpStream, Channel)> {
        let Secure { tcp, channel, .. } = self;
        Ok((tcp.into_std()?, channel))
    }

    /// Tells the peer that nothing more will come, if its socket takes that at once.
    pub fn farewell(&mut self) {
        self.channel.close();
        let _ = self.poll_send(&mut Context::from_waker(Waker::noop()));
    }

    /// True if there is something for the peer that the socket has not taken.
    pub fn holds_output(&self) -> bool {
        self.held
    }

    /// Gives the socket what there is for the peer.
    ///
    /// # Errors
    /// The socket's.
    pub fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.channel.has_output() {
            match self.channel.write_to(&mut Writer(&mut self.tcp, cx)) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    self.held = true;
                    return Poll::Pending;
                }
                Err(e) => return Poll::Ready(Err(e)),
            }
        }
        self.held = false;
        Poll::Ready(Ok(()))
    }

    /// Reads once from the socket; what came is decrypted.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        SCRATCH.with_borrow_mut(|scratch| {
            scratch.resize(READ_SIZE, 0);
            let mut buf = ReadBuf::new(scratch);
            ready!(Pin::new(&mut self.tcp).poll_read(cx, &mut buf))?;
            Poll::Ready(self.channel.feed(buf.filled()).map_err(io::Error::from))
        })
    }

    /// Goes on with the handshake; ready when it is over.
    ///
    /// # Errors
    /// Why there will be no connection. The peer was told as far as its socket takes it at once.
    pub fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_send(cx))?;
            if !self.channel.is_handshaking() {
                return Poll::Ready(Ok(()));
            }
            if let Err(e) = ready!(self.poll_fill(cx)) {
                // The alert that says why.
                let _ = self.poll_send(cx);
                return Poll::Ready(Err(e));
            }
            if self.channel.is_readable() && self.channel.is_handshaking() {
                return Poll::Ready(Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "unexpected eof while reading",
                )));
            }
        }
    }

    fn poll_read_some(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.held {
            // If the socket takes nothing, that is no reason not to read.
            if let Poll::Ready(Err(e)) = self.poll_send(cx) {
                return Poll::Ready(Err(e));
            }
        }
        let mut read = 0;
        loop {
            if let Some(n) = self.channel.read(&mut buf[read..])? {
                read += n;
                // Who offers much room wants more than a record.
                if n == 0 || buf.len() - read < READ_SIZE {
                    return Poll::Ready(Ok(read));
                }
                continue;
            }
            let filled = match self.poll_fill(cx) {
                Poll::Ready(filled) => filled,
                Poll::Pending if read > 0 => return Poll::Ready(Ok(read)),
                Poll::Pending => return Poll::Pending,
            };
            if self.channel.has_output() {
                // An answer of the protocol: an alert, or new keys.
                let _ = self.poll_send(cx)?;
            }
            match filled {
                // What came before it counts; the next read says what is wrong, or ends.
                Err(_) if read > 0 => return Poll::Ready(Ok(read)),
                other => other?,
            }
        }
    }

    /// Reads what is there at once.
    ///
    /// # Errors
    /// `WouldBlock` if that is nothing, else why there will be nothing more.
    pub fn try_read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut cx = Context::from_waker(Waker::noop());
        would_block(self.poll_read_some(&mut cx, buf))
    }

    /// Writes what the socket takes at once.
    ///
    /// # Errors
    /// `WouldBlock` if that is nothing, else the socket's.
    pub fn try_write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let mut cx = Context::from_waker(Waker::noop());
        would_block(Pin::new(self).poll_write(&mut cx, buf))
    }

    /// Ready when [`Secure::try_read`] has something to say.
    pub fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.held
            && let Poll::Ready(Err(e)) = self.poll_send(cx)
        {
            return Poll::Ready(Err(e));
        }
        match self.channel.is_readable() {
            true => Poll::Ready(Ok(())),
            false => self.tcp.poll_read_ready(cx),
        }
    }
}

impl AsyncRead for Secure {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let n = ready!(self.get_mut().poll_read_some(cx, buf.initialize_unfilled()))?;
        buf.advance(n);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Secure {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.held {
            ready!(this.poll_send(cx))?;
        }
        let n = this.channel.write(&buf[..buf.len().min(WRITE_SIZE)]);
        if let Poll::Ready(Err(e)) = this.poll_send(cx) {
            return Poll::Ready(Err(e));
        }
        Poll::Ready(Ok(n))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.held {
            ready!(this.poll_send(cx))?;
        }
        // One record for all of it, up to its size.
        let mut n = 0;
        let mut gathered = Vec::new();
        for buf in bufs {
            let room = WRITE_SIZE - n;
            if room == 0 {
                break;
            }
            let part = &buf[..buf.len().min(room)];
            n += part.len();
            gathered.extend_from_slice(part);
        }
        let n = this.channel.write(&gathered);
        if let Poll::Ready(Err(e)) = this.poll_send(cx) {
            return Poll::Ready(Err(e));
        }
        Poll::Ready(Ok(n))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_send(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.channel.close();
        ready!(this.poll_send(cx))?;
        Pin::new(&mut this.tcp).poll_shutdown(cx)
    }
}
