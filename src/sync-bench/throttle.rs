//! A link with a given rate: a proxy on loopback that does not pass bytes on faster than that.
//!
//!  * The rate applies to all connections from the master to the replica together; the other direction is not limited.
//!  * Buffers are small, so that the link affects the master as a slow network would: its socket accepts no more.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Bytes that a socket on the throttled side holds.
const SOCKET_BUFFER: usize = 128 << 10;
/// Bytes passed on at once at most: a twentieth of a second's worth, within this.
const PIECE_MAX: usize = 64 << 10;
/// How often a stopped proxy is noticed.
const LOOK: Duration = Duration::from_millis(50);

/// Pays out time for bytes: pure, so that it can be tested without waiting.
#[derive(Debug)]
pub struct Meter {
    bytes_per_s: u64,
    /// When what was sent so far is paid for, in ns since the start.
    due_ns: u64,
}

impl Meter {
    /// Of a link with this rate.
    pub fn new(bytes_per_s: u64) -> Meter {
        Meter {
            bytes_per_s: bytes_per_s.max(1),
            due_ns: 0,
        }
    }

    /// `bytes` are sent at `now_ns`: how long to wait before they may go. Time without traffic is not saved up.
    pub fn pay(&mut self, now_ns: u64, bytes: u64) -> u64 {
        self.due_ns = self.due_ns.max(now_ns);
        let wait = self.due_ns - now_ns;
        let cost = u128::from(bytes) * 1_000_000_000 / u128::from(self.bytes_per_s);
        self.due_ns += cost as u64;
        wait
    }
}

#[derive(Debug)]
struct Shared {
    stop: AtomicBool,
    meter: Mutex<Meter>,
    started: Instant,
    bytes: AtomicU64,
    streams: Mutex<Vec<TcpStream>>,
}

/// A running proxy; ends when dropped.
#[derive(Debug)]
pub struct Throttle {
    shared: Arc<Shared>,
    port: u16,
    acceptor: Option<JoinHandle<()>>,
}

impl Throttle {
    /// Listens on a free loopback port and passes on to `master`.
    ///
    /// # Errors
    /// Those of the system.
    pub fn start(master: SocketAddr, bytes_per_s: u64) -> io::Result<Throttle> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        listener.set_nonblocking(true)?;
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            meter: Mutex::new(Meter::new(bytes_per_s)),
            started: Instant::now(),
            bytes: AtomicU64::new(0),
            streams: Mutex::new(Vec::new()),
        });
        let piece = (bytes_per_s / 20).clamp(512, PIECE_MAX as u64) as usize;
        let (theirs, name) = (shared.clone(), "sync-bench-link".to_owned());
        let accept = move || accept(&listener, master, piece, &theirs);
        let acceptor = std::thread::Builder::new().name(name).spawn(accept)?;
        Ok(Throttle {
            shared,
            port,
            acceptor: Some(acceptor),
        })
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Bytes passed on to the replica.
    pub fn bytes(&self) -> u64 {
        self.shared.bytes.load(Ordering::Relaxed)
    }
}

impl Drop for Throttle {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Ok(streams) = self.shared.streams.lock() {
            for stream in streams.iter() {
                // Those that are closed already are fine.
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        if let Some(thread) = self.acceptor.take() {
            let _ = thread.join();
        }
    }
}

fn accept(listener: &TcpListener, master: SocketAddr, piece: usize, shared: &Arc<Shared>) {
    let mut workers = Vec::new();
    while !shared.stop.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok((replica, _)) => {
                // A master that is gone closes the connection, as it would without us.
                if let Ok(pair) = join(replica, master, shared) {
                    workers.extend(serve(pair, piece, shared));
                }
            }
            Err(_) => std::thread::sleep(LOOK.min(Duration::from_millis(1))),
        }
    }
    for worker in workers {
        let _ = worker.join();
    }
}

fn join(
    replica: TcpStream,
    master: SocketAddr,
    shared: &Shared,
) -> io::Result<(TcpStream, TcpStream)> {
    replica.set_nonblocking(false)?;
    let upstream = TcpStream::connect(master)?;
    let small = |s: &TcpStream| {
        let socket = socket2::SockRef::from(s);
        socket.set_send_buffer_size(SOCKET_BUFFER)?;
        socket.set_recv_buffer_size(SOCKET_BUFFER)
    };
    small(&replica)?;
    small(&upstream)?;
    for stream in [&replica, &upstream] {
        stream.set_nodelay(true)?;
        if let Ok(mut all) = shared.streams.lock() {
            all.push(stream.try_clone()?);
        }
    }
    Ok((replica, upstream))
}

fn serve(
    (replica, master): (TcpStream, TcpStream),
    piece: usize,
    shared: &Arc<Shared>,
) -> Vec<JoinHandle<()>> {
    let (Ok(replica_in), Ok(master_in)) = (replica.try_clone(), master.try_clone()) else {
        return Vec::new();
    };
    let paid = shared.clone();
    let down = move || copy(master_in, replica, piece, Some(&paid));
    let up = move || copy(replica_in, master, PIECE_MAX, None);
    let spawn = |f: Box<dyn FnOnce() + Send>| std::thread::Builder::new().spawn(f);
    let threads = [spawn(Box::new(down)), spawn(Box::new(up))];
    threads.into_iter().flatten().collect()
}

fn copy(mut from: TcpStream, mut to: TcpStream, piece: usize, paid: Option<&Shared>) {
    let mut buf = vec![0; piece];
    while let Ok(n @ 1..) = from.read(&mut buf) {
        if let Some(shared) = paid {
            let now_ns = shared.started.elapsed().as_nanos() as u64;
            let wait = shared
                .meter
                .lock()
                .map_or(0, |mut m| m.pay(now_ns, n as u64));
            let mut left = Duration::from_nanos(wait);
            while !left.is_zero() && !shared.stop.load(Ordering::Relaxed) {
                let step = left.min(LOOK);
                std::thread::sleep(step);
                left -= step;
            }
            shared.bytes.fetch_add(n as u64, Ordering::Relaxed);
        }
        if to.write_all(&buf[..n]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_lets_the_rate_through_and_no_more() {
        let mut meter = Meter::new(1000);
        assert_eq!(meter.pay(0, 500), 0, "the first goes at once");
        assert_eq!(meter.pay(0, 500), 500_000_000);
        assert_eq!(meter.pay(1_000_000_000, 1), 0);
        // An hour of silence is no credit.
        let later = 3_600_000_000_000;
        assert_eq!(meter.pay(later, 2000), 0);
        assert_eq!(meter.pay(later, 1), 2_000_000_000);
    }

    #[test]
    fn a_link_passes_bytes_both_ways_and_ends_when_dropped() {
        let master = TcpListener::bind("127.0.0.1:0").unwrap();
        let link = Throttle::start(master.local_addr().unwrap(), 1_000_000).unwrap();
        let mut replica = TcpStream::connect(("127.0.0.1", link.port())).unwrap();
        let (mut upstream, _) = master.accept().unwrap();
        replica.write_all(b"ask").unwrap();
        let mut asked = [0; 3];
        upstream.read_exact(&mut asked).unwrap();
        let began = Instant::now();
        let sender = std::thread::spawn(move || upstream.write_all(&[7; 200_000]));
        let mut got = vec![0; 200_000];
        replica.read_exact(&mut got).unwrap();
        sender.join().unwrap().unwrap();
        assert!(
            began.elapsed() >= Duration::from_millis(100),
            "{:?}",
            began.elapsed()
        );
        assert_eq!(link.bytes(), 200_000);
        drop(link);
        assert!(matches!(replica.read(&mut asked), Ok(0) | Err(_)));
    }
}
