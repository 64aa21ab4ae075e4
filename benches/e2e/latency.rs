//! An open-loop latency probe: requests are due at fixed times, whether or not the server keeps up,
//! and a reply's latency counts from when its request was due.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::pipe::Random;

/// Latencies of one run, in microseconds.
#[derive(Default)]
pub struct Latencies {
    sorted_us: Vec<u32>,
}

impl Latencies {
    /// The latency that this share of requests stays below, in milliseconds.
    pub fn percentile_ms(&self, share: f64) -> f64 {
        let last = self.sorted_us.len().saturating_sub(1);
        let at = (share * last as f64).round() as usize;
        f64::from(self.sorted_us.get(at).copied().unwrap_or(0)) / 1_000.0
    }

    /// How many requests.
    pub fn count(&self) -> usize {
        self.sorted_us.len()
    }
}

/// A running probe.
pub struct Probe {
    ended: Arc<AtomicBool>,
    thread: JoinHandle<Latencies>,
}

impl Probe {
    /// Starts `GET key:<random>` at `per_second`.
    pub fn start(port: u16, keys: usize, per_second: u64) -> Probe {
        let ended = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&ended);
        let thread = std::thread::spawn(move || probe(port, keys, per_second, &until));
        Probe { ended, thread }
    }

    /// Ends it and gives what it saw.
    pub fn finish(self) -> Latencies {
        self.ended.store(true, Ordering::SeqCst);
        self.thread.join().expect("the probe does not panic")
    }
}

fn probe(port: u16, keys: usize, per_second: u64, ended: &AtomicBool) -> Latencies {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
    stream.set_nodelay(true).expect("a socket takes nodelay");
    stream
        .set_nonblocking(true)
        .expect("a socket can be non-blocking");
    let period = Duration::from_nanos(1_000_000_000 / per_second);
    let mut random = Random(per_second);
    let mut due_times: VecDeque<Instant> = VecDeque::new();
    let mut seen = Vec::new();
    let mut out = Vec::new();
    let mut buffer = [0; 64 << 10];
    let mut lines = 0; // a reply to GET has two: $len, value
    let mut due = Instant::now();
    loop {
        let now = Instant::now();
        let running = !ended.load(Ordering::Relaxed);
        while running && due <= now {
            let key = format!("key:{}", random.below(keys));
            write!(out, "*2\r\n$3\r\nGET\r\n${}\r\n{key}\r\n", key.len())
                .expect("a Vec takes everything");
            due_times.push_back(due);
            due += period;
        }
        if !out.is_empty()
            && let Ok(n) = stream.write(&out)
        {
            out.drain(..n);
        }
        match stream.read(&mut buffer) {
            Ok(0) => panic!("the server closed the probe's connection"),
            Ok(n) => {
                let now = Instant::now();
                for _ in buffer[..n].iter().filter(|&&b| b == b'\n') {
                    lines += 1;
                    if lines % 2 == 0
                        && let Some(due) = due_times.pop_front()
                    {
                        seen.push(u32::try_from((now - due).as_micros()).unwrap_or(u32::MAX));
                    }
                }
            }
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {
                if !running && due_times.is_empty() {
                    break;
                }
                // Two cores: a spinning probe would take the one that the snapshot needs.
                std::thread::sleep(Duration::from_micros(30));
            }
            Err(e) => panic!("the probe's connection: {e}"),
        }
    }
    seen.sort_unstable();
    Latencies { sorted_us: seen }
}

/// Random overwrites at a fixed rate, beside the probe.
pub struct Writer {
    ended: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Writer {
    /// Starts `SET key:<random> value:<random>` at `per_second`, in batches each millisecond.
    pub fn start(port: u16, keys: usize, per_second: u64) -> Writer {
        let ended = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&ended);
        let thread = std::thread::spawn(move || {
            let mut pipe = crate::pipe::Pipe::to(port);
            let mut random = Random(99);
            let (start, mut written) = (Instant::now(), 0);
            while !until.load(Ordering::Relaxed) {
                let due = (start.elapsed().as_secs_f64() * per_second as f64) as u64;
                while written < due {
                    let (key, value) = (random.below(keys), random.below(keys));
                    pipe.push(&[
                        b"SET",
                        format!("key:{key}").as_bytes(),
                        format!("value:{value}").as_bytes(),
                    ]);
                    written += 1;
                }
                pipe.flush();
                std::thread::sleep(Duration::from_millis(1));
            }
            written
        });
        Writer { ended, thread }
    }

    /// Ends it; how many writes there were.
    pub fn finish(self) -> u64 {
        self.ended.store(true, Ordering::SeqCst);
        self.thread.join().expect("the writer does not panic")
    }
}
