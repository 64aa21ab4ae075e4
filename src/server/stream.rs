//! A client's socket: TCP, Unix, or encrypted TCP.

use super::secure::Secure;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll};
use tls::Channel;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// Encrypting this many bytes of replies takes about half a millisecond.
const ENCRYPTED_PER_TURN: usize = 1 << 20;

/// A connected socket.
pub enum Stream {
    /// TCP
    Tcp(TcpStream),
    /// Unix domain
    Unix(UnixStream),
    /// TLS over TCP
    Tls(Box<Secure>),
}

/// A socket on its way from the runtime of one thread to that of another.
pub enum Parts {
    /// TCP
    Tcp(std::net::TcpStream),
    /// Unix domain
    Unix(std::os::unix::net::UnixStream),
    /// TLS over TCP
    Tls(std::net::TcpStream, Box<Channel>),
}

impl Parts {
    /// The socket, for the runtime of the calling thread.
    ///
    /// # Errors
    /// The runtime's.
    pub fn into_stream(self) -> io::Result<Stream> {
        Ok(match self {
            Parts::Tcp(s) => Stream::Tcp(TcpStream::from_std(s)?),
            Parts::Unix(s) => Stream::Unix(UnixStream::from_std(s)?),
            Parts::Tls(s, channel) => {
                let secure = Secure::new(TcpStream::from_std(s)?, *channel);
                Stream::Tls(Box::new(secure))
            }
        })
    }
}

impl Stream {
    /// Takes the socket from the runtime of the calling thread.
    ///
    /// # Errors
    /// The runtime's.
    pub fn into_parts(self) -> io::Result<Parts> {
        Ok(match self {
            Stream::Tcp(s) => Parts::Tcp(s.into_std()?),
            Stream::Unix(s) => Parts::Unix(s.into_std()?),
            Stream::Tls(s) => {
                let (tcp, channel) = s.into_parts()?;
                Parts::Tls(tcp, Box::new(channel))
            }
        })
    }

    /// The descriptor's number, as CLIENT LIST shows it.
    pub fn fd(&self) -> RawFd {
        match self {
            Stream::Tcp(s) => s.as_raw_fd(),
            Stream::Unix(s) => s.as_raw_fd(),
            Stream::Tls(s) => s.tcp().as_raw_fd(),
        }
    }
}

impl Stream {
    /// The TCP socket, if it is one.
    pub fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Stream::Tcp(s) => Some(s),
            Stream::Unix(_) => None,
            Stream::Tls(s) => Some(s.tcp()),
        }
    }

    /// `false`: small packets may wait for others (TCP only).
    ///
    /// # Errors
    /// The system's.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        match self {
            Stream::Tcp(s) => s.set_nodelay(on),
            Stream::Unix(_) => Ok(()),
            Stream::Tls(s) => s.tcp().set_nodelay(on),
        }
    }

    /// True if bytes that were written have not reached the system: they are encrypted, and go on when the stream is
    /// polled for reading.
    pub fn holds_output(&self) -> bool {
        match self {
            Stream::Tcp(_) | Stream::Unix(_) => false,
            Stream::Tls(s) => s.holds_output(),
        }
    }

    /// The last word to the peer, if the protocol has one.
    pub fn farewell(&mut self) {
        if let Stream::Tls(s) = self {
            s.farewell();
        }
    }

    /// Bytes of replies that are written before others have their turn, at most `most`: to encrypt them takes time.
    pub fn turn(&self, most: usize) -> usize {
        match self {
            Stream::Tcp(_) | Stream::Unix(_) => most,
            Stream::Tls(_) => most.min(ENCRYPTED_PER_TURN),
        }
    }

    /// Ready when [`Stream::try_read`] has something to say.
    pub fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Tcp(s) => s.poll_read_ready(cx),
            Stream::Unix(s) => s.poll_read_ready(cx),
            Stream::Tls(s) => s.poll_readable(cx),
        }
    }

    /// Ready when [`Stream::try_write`] may have room.
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Tcp(s) => s.poll_write_ready(cx),
            Stream::Unix(s) => s.poll_write_ready(cx),
            Stream::Tls(s) => s.tcp().poll_write_ready(cx),
        }
    }

    /// Reads what is there at once.
    ///
    /// # Errors
    /// `WouldBlock` if that is nothing, else the system's, or what is wrong with the encryption.
    pub fn try_read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(s) => s.try_read(buf),
            Stream::Unix(s) => s.try_read(buf),
            Stream::Tls(s) => s.try_read(buf),
        }
    }

    /// Writes what the socket takes at once.
    ///
    /// # Errors
    /// `WouldBlock` if that is nothing, else the system's.
    pub fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(s) => s.try_write(bytes),
            Stream::Unix(s) => s.try_write(bytes),
            Stream::Tls(s) => s.try_write(bytes),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(s) => Pin::new(s).poll_read(cx, buf),
            Stream::Unix(s) => Pin::new(s).poll_read(cx, buf),
            Stream::Tls(s) => Pin::new(s.as_mut()).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Tcp(s) => Pin::new(s).poll_write(cx, buf),
            Stream::Unix(s) => Pin::new(s).poll_write(cx, buf),
            Stream::Tls(s) => Pin::new(s.as_mut()).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Tcp(s) => Pin::new(s).poll_write_vectored(cx, bufs),
            Stream::Unix(s) => Pin::new(s).poll_write_vectored(cx, bufs),
            Stream::Tls(s) => Pin::new(s.as_mut()).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(_) | Stream::Unix(_) => Poll::Ready(Ok(())),
            Stream::Tls(s) => s.poll_send(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(s) => Pin::new(s).poll_shutdown(cx),
            Stream::Unix(s) => Pin::new(s).poll_shutdown(cx),
            Stream::Tls(s) => Pin::new(s.as_mut()).poll_shutdown(cx),
        }
    }
}
