//! Clients of the master during a sync: one sends reads at fixed times and measures how long the replies take, and one writes.
//!
//! Both are *open loop*: each request is sent at its scheduled time, whether or not the previous one has been answered, and
//! its latency counts from that time. If a server stalls for 50 ms, all requests of those 50 ms show it.

use super::client::{Client, Place, request};
use std::io::{self, ErrorKind};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tools::connect::Input;

/// Requests that a sample keeps: hours at the usual rate.
const SAMPLES_MAX: usize = 4_000_000;

/// One request: when it was due, and how long its answer took from then, in µs since the load began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Due.
    pub at_us: u64,
    /// Until its answer.
    pub latency_us: u64,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    sent: AtomicU64,
    answered: AtomicU64,
    errors: AtomicU64,
    samples: Mutex<Vec<Sample>>,
}

/// A client at work; ends when dropped.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    stream: TcpStream,
    began: Instant,
    threads: Vec<JoinHandle<()>>,
}

/// What a load did so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Requests that were answered.
    pub answered: u64,
    /// With an error.
    pub errors: u64,
}

impl Load {
    /// Sends `rate` requests a second, made by `make` from their number, each of which has a one-line answer or a bulk
    /// string. `keep`: note every latency.
    ///
    /// # Errors
    /// The server takes no connection.
    pub fn start(
        place: &Place,
        rate: u32,
        keep: bool,
        make: impl Fn(u64) -> Vec<String> + Send + 'static,
    ) -> io::Result<Load> {
        let wire = Client::connect(place)?.into_wire();
        wire.socket().set_read_timeout(None)?;
        wire.socket().set_write_timeout(None)?;
        let stream = wire.socket().try_clone()?;
        let (input, mut out) = wire.split()?;
        let shared = Arc::<Shared>::default();
        let began = Instant::now();
        let step_ns = 1_000_000_000 / u64::from(rate.max(1));
        let theirs = shared.clone();
        let send = move || {
            let mut n = 0;
            while !theirs.stop.load(Ordering::Relaxed) {
                let due = Duration::from_nanos(n * step_ns);
                let now = began.elapsed();
                if due > now {
                    std::thread::sleep(due - now);
                }
                // All that are due go out together.
                let now_ns = began.elapsed().as_nanos() as u64;
                let mut bytes = Vec::new();
                while n * step_ns <= now_ns && bytes.len() < 64 << 10 {
                    let words = make(n);
                    let words: Vec<&str> = words.iter().map(String::as_str).collect();
                    bytes.extend_from_slice(&request(&words));
                    n += 1;
                }
                if out.write_all(&bytes).is_err() {
                    break;
                }
                theirs.sent.store(n, Ordering::Relaxed);
            }
        };
        let theirs = shared.clone();
        let receive = move || receive(input, began, step_ns, keep, &theirs);
        let spawn = |f: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new()
                .name("sync-bench-load".into())
                .spawn(f)
        };
        let threads = vec![spawn(Box::new(send))?, spawn(Box::new(receive))?];
        Ok(Load {
            shared,
            stream,
            began,
            threads,
        })
    }

    /// So far.
    pub fn counts(&self) -> Counts {
        Counts {
            answered: self.shared.answered.load(Ordering::Relaxed),
            errors: self.shared.errors.load(Ordering::Relaxed),
        }
    }

    /// µs since it began, for a place among its samples.
    pub fn now_us(&self) -> u64 {
        self.began.elapsed().as_micros() as u64
    }

    /// Waits until everything that was due by now is answered, at most `patience`.
    pub fn settle(&self, patience: Duration) {
        let goal = self.shared.sent.load(Ordering::Relaxed);
        let began = Instant::now();
        while self.shared.answered.load(Ordering::Relaxed) < goal && began.elapsed() < patience {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Samples that were due in a time.
    pub fn samples(&self, from_us: u64, to_us: u64) -> Vec<Sample> {
        let samples = self
            .shared
            .samples
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let inside = |s: &&Sample| (from_us..=to_us).contains(&s.at_us);
        samples.iter().filter(inside).copied().collect()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // Ends the threads that wait for the socket.
        let _ = self.stream.shutdown(Shutdown::Both);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn receive(mut input: Input, began: Instant, step_ns: u64, keep: bool, shared: &Shared) {
    let (mut buf, mut answers, mut n) = (vec![0; 64 << 10], Answers::default(), 0_u64);
    loop {
        let got = match input.read(&mut buf) {
            Ok(0) => break,
            Ok(got) => got,
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        let now_us = began.elapsed().as_micros() as u64;
        let (done, errors) = answers.take(&buf[..got]);
        if keep && done > 0 {
            let mut samples = shared
                .samples
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            for i in n..n + done {
                let at_us = i * step_ns / 1000;
                if samples.len() < SAMPLES_MAX {
                    samples.push(Sample {
                        at_us,
                        latency_us: now_us.saturating_sub(at_us),
                    });
                }
            }
        }
        n += done;
        shared.answered.store(n, Ordering::Relaxed);
        shared.errors.fetch_add(errors, Ordering::Relaxed);
    }
}

/// Counts answers in bytes as they come.
#[derive(Debug, Default)]
struct Answers {
    line: Vec<u8>,
    /// Bytes of a bulk string that are still to come, its end included.
    bulk: u64,
}

impl Answers {
    /// How many answers end in these bytes, and how many of them are errors.
    fn take(&mut self, mut bytes: &[u8]) -> (u64, u64) {
        let (mut done, mut errors) = (0, 0);
        while !bytes.is_empty() {
            if self.bulk > 0 {
                let n = bytes.len().min(self.bulk.min(1 << 30) as usize);
                self.bulk -= n as u64;
                bytes = &bytes[n..];
                done += u64::from(self.bulk == 0);
                continue;
            }
            let Some(end) = memchr::memchr(b'\n', bytes) else {
                self.line.extend_from_slice(bytes);
                break;
            };
            self.line.extend_from_slice(&bytes[..end]);
            bytes = &bytes[end + 1..];
            let line = std::mem::take(&mut self.line);
            let text = String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
            match text.strip_prefix('$').map(str::parse::<i64>) {
                Some(Ok(len @ 0..)) => self.bulk = len as u64 + 2,
                _ => {
                    done += 1;
                    errors += u64::from(text.starts_with('-'));
                }
            }
        }
        (done, errors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn answers_are_counted_however_they_are_cut() {
        let wire = b"+OK\r\n$5\r\nhello\r\n$-1\r\n-ERR no\r\n:7\r\n$0\r\n\r\n";
        for piece in 1..wire.len() {
            let mut answers = Answers::default();
            let counts = wire.chunks(piece).map(|c| answers.take(c));
            let total = counts.fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
            assert_eq!(total, (6, 1), "{piece}");
        }
    }

    /// A server that answers every request with OK, but for a while with nothing.
    fn stumbling(pause_at: u64, pause: Duration) -> Place {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut buf, mut seen) = ([0; 4096], 0);
            while let Ok(n @ 1..) = stream.read(&mut buf) {
                let asked = buf[..n].iter().filter(|b| **b == b'*').count() as u64;
                if (seen..seen + asked).contains(&pause_at) {
                    std::thread::sleep(pause);
                }
                seen += asked;
                if stream
                    .write_all(&b"+OK\r\n".repeat(asked as usize))
                    .is_err()
                {
                    break;
                }
            }
        });
        Place { address, tls: None }
    }

    #[test]
    fn a_server_that_stands_still_shows_it_in_every_request_of_that_time() {
        let pause = Duration::from_millis(150);
        let place = stumbling(50, pause);
        let load = Load::start(&place, 500, true, |_| vec!["PING".to_owned()]).unwrap();
        while load.counts().answered < 200 {
            std::thread::yield_now();
        }
        let all = load.samples(0, u64::MAX);
        let slow = all.iter().filter(|s| s.latency_us > 50_000).count();
        // 500 a second for the 100 ms in which more than 50 ms of the pause are left.
        assert!(slow >= 40, "{slow} of {}", all.len());
        let worst = all.iter().map(|s| s.latency_us).max();
        assert!(worst >= Some(140_000), "{worst:?}");
    }
}
