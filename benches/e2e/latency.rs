//! An open-loop latency probe: requests are due at fixed times, whether or not the server keeps up,
//! and a reply's latency counts from when its request was due. And overwrites beside it.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::data::{Data, Kind};
use crate::pipe::{Pipe, Random};

/// Overwrites sent before their replies are awaited, where the server sets the pace.
const BATCH: usize = 256;

/// What is read and overwritten: the keys of d1, or the fields of the one hash.
#[derive(Clone, Copy)]
pub struct Target {
    port: u16,
    keys: usize,
    fields: bool,
}

impl Target {
    /// The data set in the server at `127.0.0.1:port`.
    pub fn new(port: u16, data: &Data) -> Target {
        assert!(
            matches!(data.kind, Kind::Small | Kind::OneHash),
            "{} is not read key by key",
            data.name
        );
        Target {
            port,
            keys: data.keys,
            fields: data.kind == Kind::OneHash,
        }
    }

    /// Strings as `DEBUG POPULATE` makes them.
    pub fn of_strings(port: u16, keys: usize) -> Target {
        Target {
            port,
            keys,
            fields: false,
        }
    }

    fn read(&self, n: usize, out: &mut Vec<u8>) {
        let name = self.name(n);
        let head = match self.fields {
            true => "*3\r\n$4\r\nHGET\r\n$4\r\nhash",
            false => "*2\r\n$3\r\nGET",
        };
        write!(out, "{head}\r\n${}\r\n{name}\r\n", name.len()).expect("a Vec takes everything");
    }

    fn overwrite(&self, n: usize, value: usize, pipe: &mut Pipe) {
        let (name, value) = (self.name(n), format!("value:{value}"));
        let (name, value) = (name.as_bytes(), value.as_bytes());
        match self.fields {
            true => pipe.push(&[b"HSET", b"hash", name, value]),
            false => pipe.push(&[b"SET", name, value]),
        }
    }

    fn name(&self, n: usize) -> String {
        match self.fields {
            true => format!("field:{n}"),
            false => format!("key:{n}"),
        }
    }
}

/// Latencies of one run, in microseconds.
#[derive(Default)]
pub struct Latencies {
    sorted_us: Vec<u32>,
    late_us: u32,
}

impl Latencies {
    /// Of so many microseconds each.
    pub fn of(mut micros: Vec<u32>) -> Latencies {
        micros.sort_unstable();
        Latencies {
            sorted_us: micros,
            late_us: 0,
        }
    }

    /// The latency that this share of requests stays below, in milliseconds.
    pub fn percentile_ms(&self, share: f64) -> f64 {
        let last = self.sorted_us.len().saturating_sub(1);
        let at = (share * last as f64).round() as usize;
        f64::from(self.sorted_us.get(at).copied().unwrap_or(0)) / 1_000.0
    }

    /// How long the most delayed request waited for the probe itself, which had no processor, in
    /// milliseconds: latencies up to this say nothing about the server.
    pub fn late_ms(&self) -> f64 {
        f64::from(self.late_us) / 1_000.0
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
    /// Starts reading at random, `per_second`.
    pub fn start(target: Target, per_second: u64) -> Probe {
        let ended = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&ended);
        let thread = std::thread::spawn(move || {
            come_first();
            probe(target, per_second, &until)
        });
        Probe { ended, thread }
    }

    /// Ends it and gives what it saw.
    pub fn finish(self) -> Latencies {
        self.ended.store(true, Ordering::SeqCst);
        self.thread.join().expect("the probe does not panic")
    }
}

/// Raises this thread's priority, where that is allowed: a probe that waits for a processor measures itself.
fn come_first() {
    // SAFETY: takes and gives integers only; 0 means the calling thread.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, -10);
    }
}

fn probe(target: Target, per_second: u64, ended: &AtomicBool) -> Latencies {
    let mut stream = TcpStream::connect(("127.0.0.1", target.port)).expect("the server listens");
    stream.set_nodelay(true).expect("a socket takes nodelay");
    stream
        .set_nonblocking(true)
        .expect("a socket can be non-blocking");
    let period = Duration::from_nanos(1_000_000_000 / per_second);
    let mut random = Random(per_second);
    let mut due_times: VecDeque<Instant> = VecDeque::new();
    let (mut seen, mut late) = (Vec::new(), Duration::ZERO);
    let mut out = Vec::new();
    let mut buffer = [0; 64 << 10];
    let mut lines = 0; // a reply to GET has two: $len, value
    let mut due = Instant::now();
    loop {
        let now = Instant::now();
        let running = !ended.load(Ordering::Relaxed);
        late = late.max(now.saturating_duration_since(due));
        while running && due <= now {
            target.read(random.below(target.keys), &mut out);
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
                        seen.push(micros(now - due));
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
        if !running {
            // Nothing more is due.
            due = Instant::now();
        }
    }
    seen.sort_unstable();
    Latencies {
        sorted_us: seen,
        late_us: micros(late),
    }
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

/// Random overwrites beside the probe.
pub struct Writer {
    ended: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Writer {
    /// Starts overwriting at random with `value:<random>`: `per_second` in batches each millisecond, or as many
    /// as the server takes.
    pub fn start(target: Target, per_second: Option<u64>) -> Writer {
        let ended = Arc::new(AtomicBool::new(false));
        let written = Arc::<AtomicU64>::default();
        let (until, count) = (Arc::clone(&ended), Arc::clone(&written));
        let thread = std::thread::spawn(move || {
            let mut pipe = Pipe::to(target.port);
            let mut random = Random(99);
            let (start, mut n) = (Instant::now(), 0);
            while !until.load(Ordering::Relaxed) {
                let due = match per_second {
                    Some(rate) => (start.elapsed().as_secs_f64() * rate as f64) as u64,
                    None => n + BATCH as u64,
                };
                while n < due {
                    let (key, value) = (random.below(target.keys), random.below(target.keys));
                    target.overwrite(key, value, &mut pipe);
                    n += 1;
                }
                pipe.flush();
                count.store(n, Ordering::Relaxed);
                if per_second.is_some() {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        });
        Writer {
            ended,
            written,
            thread,
        }
    }

    /// Overwrites so far.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Ends it.
    pub fn finish(self) {
        self.ended.store(true, Ordering::SeqCst);
        self.thread.join().expect("the writer does not panic");
    }
}
