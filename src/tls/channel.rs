//! One end of an encrypted connection, without its socket.
//!
//! ```text
//! socket --> feed --> [ rustls ] --> read  --> requests
//! socket <-- write_to <-- [ rustls ] <-- write <-- replies
//! ```
//!
//! Memory is bounded: for input, the records of one read of the socket are kept; for output, [`OUT_MAX`] bytes and the
//! overhead of their records.

use super::Identity;
use rustls::{AlertDescription, Connection, Error};
use std::io::{self, Read, Write};

/// Bytes that are encrypted ahead of the socket.
const OUT_MAX: usize = 64 << 10;
/// Bytes that are decrypted ahead of who reads them, about; then what came stays as it is.
const IN_MAX: usize = 16 << 10;

/// Why a connection cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault(String);

impl Fault {
    pub(crate) fn new(error: Error) -> Self {
        Fault(match error {
            Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType) => {
                "wrong version number".into()
            }
            Error::NoCertificatesPresented => "peer did not return a certificate".into(),
            Error::InvalidCertificate(why) => format!("certificate verify failed: {why}"),
            Error::AlertReceived(alert) => format!("alert {}", of_alert(alert)),
            Error::PeerIncompatible(why) => format!("no shared protocol or cipher: {why:?}"),
            other => other.to_string(),
        })
    }

    /// A fault that is not the protocol's.
    pub fn other(text: impl Into<String>) -> Self {
        Fault(text.into())
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, fault.0)
    }
}

/// The first byte of what came begins no record.
fn is_no_tls(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType)
    )
}

/// `UnknownCA` as `unknown ca`.
fn of_alert(alert: AlertDescription) -> String {
    let mut text = String::new();
    let name = format!("{alert:?}");
    let mut small = false;
    for letter in name.chars() {
        if letter.is_uppercase() && small {
            text.push(' ');
        }
        small = letter.is_lowercase();
        text.extend(letter.to_lowercase());
    }
    text
}

/// One end.
pub struct Channel {
    connection: Connection,
    /// What came and waits until more of what was decrypted is read.
    ahead: Vec<u8>,
    /// The peer has said that it is at its end, or its socket was.
    ended: bool,
    /// What came is no TLS at all: the peer would not understand an answer, either.
    silent: bool,
}

impl Channel {
    pub(crate) fn new(mut connection: Connection) -> Self {
        connection.set_buffer_limit(Some(OUT_MAX));
        Channel {
            connection,
            ahead: Vec::new(),
            ended: false,
            silent: false,
        }
    }

    /// True until both ends know who the other is, and how to talk.
    pub fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// The peer's certificate, if it showed one: it was checked.
    pub fn peer(&self) -> Option<Identity> {
        Identity::of(self.connection.peer_certificates()?.first()?)
    }

    /// True if the handshake was short, since both ends knew each other.
    pub fn is_resumed(&self) -> bool {
        self.connection.handshake_kind() == Some(rustls::HandshakeKind::Resumed)
    }

    /// `TLSv1.3`
    pub fn version(&self) -> &'static str {
        match self.connection.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2",
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3",
            _ => "",
        }
    }

    /// Takes bytes that came from the peer; none of them means that its socket has ended.
    ///
    /// # Errors
    /// They are not what they should be. [`Channel::write_to`] has a word for the peer about it, unless it speaks no TLS.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        if bytes.is_empty() {
            self.ended = true;
            return Ok(());
        }
        if !self.ahead.is_empty() {
            self.ahead.extend_from_slice(bytes);
            return Ok(());
        }
        self.take(&mut bytes)?;
        self.ahead.extend_from_slice(bytes);
        Ok(())
    }

    /// Decrypts from the front of `bytes` until enough waits to be read.
    fn take(&mut self, bytes: &mut &[u8]) -> Result<(), Fault> {
        while !bytes.is_empty() {
            let read = self.connection.read_tls(bytes);
            // Its reader is a slice, which never fails.
            read.map_err(|e| Fault::other(e.to_string()))?;
            let state = self.connection.process_new_packets().map_err(|error| {
                self.silent |= is_no_tls(&error);
                Fault::new(error)
            })?;
            if state.peer_has_closed() {
                self.ended = true;
                *bytes = &[];
            }
            if state.plaintext_bytes_to_read() >= IN_MAX {
                break;
            }
        }
        Ok(())
    }

    /// Decrypted bytes; `None` if more must come first. 0 is the end.
    ///
    /// # Errors
    /// As [`Channel::feed`].
    pub fn read(&mut self, buf: &mut [u8]) -> Result<Option<usize>, Fault> {
        loop {
            match self.connection.reader().read(buf) {
                Ok(n) if n > 0 => return Ok(Some(n)),
                Err(e) if e.kind() != io::ErrorKind::WouldBlock => {
                    return Err(Fault::other(e.to_string()));
                }
                _ if !self.ahead.is_empty() => {
                    let ahead = std::mem::take(&mut self.ahead);
                    let mut rest = ahead.as_slice();
                    self.take(&mut rest)?;
                    self.ahead = rest.to_vec();
                }
                _ if self.ended => return Ok(Some(0)),
                _ => return Ok(None),
            }
        }
    }

    /// True if [`Channel::read`] has something to say without more bytes.
    pub fn is_readable(&mut self) -> bool {
        self.ended || !self.ahead.is_empty() || {
            let state = self.connection.process_new_packets();
            state.is_ok_and(|state| state.plaintext_bytes_to_read() > 0)
        }
    }

    /// Encrypts as much of `bytes` as there is room for; returns how many that were.
    pub fn write(&mut self, bytes: &[u8]) -> usize {
        // It only gathers, so it never fails.
        self.connection.writer().write(bytes).unwrap_or(0)
    }

    /// True if there is something for the peer.
    pub fn has_output(&self) -> bool {
        !self.silent && self.connection.wants_write()
    }

    /// Gives `to` what there is for the peer, in one call.
    ///
    /// # Errors
    /// Those of `to`.
    pub fn write_to(&mut self, to: &mut dyn Write) -> io::Result<usize> {
        self.connection.write_tls(to)
    }

    /// Tells the peer that nothing more will come.
    pub fn close(&mut self) {
        self.connection.send_close_notify();
    }
}
