//! Many commands to one server, pipelined.

use std::io::{Read, Write};
use std::net::TcpStream;

/// Commands sent before their replies are awaited.
const DEPTH: usize = 512;

/// A connection for writes whose replies are one line each (`+OK`, `:1`).
pub struct Pipe {
    stream: TcpStream,
    pending: Vec<u8>,
    waiting: usize,
}

impl Pipe {
    /// Connects to `127.0.0.1:port`.
    pub fn to(port: u16) -> Pipe {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
        stream.set_nodelay(true).expect("a socket takes nodelay");
        Pipe {
            stream,
            pending: Vec::with_capacity(1 << 20),
            waiting: 0,
        }
    }

    /// Queues a command; sends and waits when enough are queued.
    pub fn push(&mut self, args: &[&[u8]]) {
        write!(self.pending, "*{}\r\n", args.len()).expect("a Vec takes everything");
        for arg in args {
            write!(self.pending, "${}\r\n", arg.len()).expect("a Vec takes everything");
            self.pending.extend_from_slice(arg);
            self.pending.extend_from_slice(b"\r\n");
        }
        self.waiting += 1;
        if self.waiting == DEPTH {
            self.flush();
        }
    }

    /// Sends what is queued and reads all replies.
    ///
    /// # Panics
    /// When a reply is an error: a benchmark of errors is none.
    pub fn flush(&mut self) {
        self.stream
            .write_all(&self.pending)
            .expect("the server reads");
        self.pending.clear();
        let mut buffer = [0; 64 << 10];
        let mut at_line_start = true;
        while self.waiting > 0 {
            let n = self.stream.read(&mut buffer).expect("the server replies");
            assert!(n > 0, "the server closed the connection");
            for &b in &buffer[..n] {
                assert!(
                    !(at_line_start && b == b'-'),
                    "the server refused a command: {}",
                    String::from_utf8_lossy(&buffer[..n.min(200)])
                );
                at_line_start = b == b'\n';
                self.waiting -= usize::from(at_line_start);
            }
        }
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.flush();
        }
    }
}

/// SplitMix64: the same data from the same seed everywhere.
#[derive(Clone)]
pub struct Random(pub u64);

impl Random {
    /// 64 random bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}
