//! A connection that sends many requests and skips their replies.

use std::io::{Read, Write};
use std::net::TcpStream;

/// One connection.
pub struct Link {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Bytes of `buffer` that are skipped already.
    at: usize,
    /// Bytes of replies skipped so far.
    pub received: usize,
    /// The first error among the replies.
    pub error: Option<String>,
}

/// Bytes that are read at once.
const READ: usize = 256 << 10;

impl Link {
    /// To a port of this machine.
    pub fn to(port: u16) -> Link {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
        stream.set_nodelay(true).expect("a socket takes nodelay");
        Link {
            stream,
            buffer: Vec::new(),
            at: 0,
            received: 0,
            error: None,
        }
    }

    /// Sends requests.
    pub fn send(&mut self, requests: &[u8]) {
        let sent = self.stream.write_all(requests);
        sent.expect("the server reads");
    }

    /// Skips so many replies.
    pub fn skip(&mut self, replies: usize) {
        let mut values = replies;
        while values > 0 {
            let line = self.line();
            let (kind, rest) = line.split_at(1);
            let number = || rest.parse::<i64>().unwrap_or(0);
            values -= 1;
            match kind {
                "*" | "~" | ">" => values += number().max(0) as usize,
                "%" => values += 2 * number().max(0) as usize,
                "|" => values += 2 * number().max(0) as usize + 1,
                "$" | "=" if number() >= 0 => self.skip_bytes(number() as usize + 2),
                "-" if self.error.is_none() => self.error = Some(rest.to_owned()),
                _ => {}
            }
        }
    }

    fn line(&mut self) -> String {
        let mut looked = self.at;
        loop {
            if let Some(end) = self.buffer[looked..].iter().position(|&b| b == b'\n') {
                let end = looked + end;
                let line = String::from_utf8_lossy(&self.buffer[self.at..end - 1]).into_owned();
                self.received += end + 1 - self.at;
                self.at = end + 1;
                return line;
            }
            looked = self.buffer.len() - self.at;
            self.read();
        }
    }

    fn skip_bytes(&mut self, bytes: usize) {
        self.received += bytes;
        let mut left = bytes;
        loop {
            let here = left.min(self.buffer.len() - self.at);
            self.at += here;
            left -= here;
            if left == 0 {
                return;
            }
            self.read();
        }
    }

    /// Reads more behind what is not skipped yet.
    fn read(&mut self) {
        self.buffer.drain(..self.at);
        self.at = 0;
        let old = self.buffer.len();
        self.buffer.resize(old + READ, 0);
        let read = self.stream.read(&mut self.buffer[old..]);
        let read = read.expect("the server replies");
        assert!(read > 0, "the server has closed the connection");
        self.buffer.truncate(old + read);
    }
}
