//! A link that is cut, stalled, slow or corrupt: a proxy on loopback between two servers.
//!
//! Faults are given per direction and count the bytes of each connection from its start. They can
//! be changed while connections are open; [`FaultProxy::heal`] takes them all away.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// What happens to the bytes of one direction. Positions count from the start of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// Closes both sides once this many bytes have passed.
    pub cut_at: Option<u64>,
    /// Lets this many bytes pass, then holds the rest back.
    pub stall_at: Option<u64>,
    /// Inverts the byte at this position.
    pub corrupt_at: Option<u64>,
    /// At most this many bytes a second.
    pub bytes_per_second: Option<u64>,
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From who connected to the proxy to the target.
    ToTarget,
    /// From the target to who connected.
    FromTarget,
}

/// A running proxy; dropped, it closes every connection.
pub struct FaultProxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    target: Mutex<SocketAddr>,
    faults: Mutex<[Faults; 2]>,
    /// The only connection that has faults, counted from 1; 0 = all have.
    only: AtomicU64,
    changed: Condvar,
    refusing: AtomicBool,
    ended: AtomicBool,
    passed: [AtomicU64; 2],
    accepted: AtomicU64,
    open: Mutex<Vec<TcpStream>>,
}

impl FaultProxy {
    /// A proxy without faults to `target` ("127.0.0.1:port").
    pub fn to(target: &str) -> FaultProxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = listener
            .local_addr()
            .expect("a bound socket has an address")
            .port();
        let shared = Arc::new(Shared {
            target: Mutex::new(target.parse().expect("an address and a port")),
            faults: Mutex::default(),
            only: AtomicU64::new(0),
            changed: Condvar::new(),
            refusing: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            passed: Default::default(),
            accepted: AtomicU64::new(0),
            open: Mutex::default(),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || accept(&listener, &accepting));
        FaultProxy { port, shared }
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sets the faults of one direction, for open connections too.
    pub fn set(&self, direction: Direction, faults: Faults) {
        self.shared.faults.lock().expect("no holder panics")[direction as usize] = faults;
        self.shared.changed.notify_all();
    }

    /// Faults are those of the nth connection alone, counted from 1, until [`FaultProxy::heal`].
    pub fn only(&self, nth: u64) {
        self.shared.only.store(nth, Ordering::SeqCst);
    }

    /// Takes all faults away; what was stalled goes on.
    pub fn heal(&self) {
        *self.shared.faults.lock().expect("no holder panics") = Default::default();
        self.shared.only.store(0, Ordering::SeqCst);
        self.shared.refusing.store(false, Ordering::SeqCst);
        self.shared.changed.notify_all();
    }

    /// Closes every open connection; new ones are taken.
    pub fn cut(&self) {
        for stream in self.shared.open.lock().expect("no holder panics").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Closes new connections at once, until [`FaultProxy::heal`].
    pub fn refuse(&self) {
        self.shared.refusing.store(true, Ordering::SeqCst);
    }

    /// Sends new connections elsewhere.
    pub fn retarget(&self, target: &str) {
        *self.shared.target.lock().expect("no holder panics") =
            target.parse().expect("an address and a port");
    }

    /// Bytes that have passed in one direction, over all connections.
    pub fn passed(&self, direction: Direction) -> u64 {
        self.shared.passed[direction as usize].load(Ordering::SeqCst)
    }

    /// Connections taken so far.
    pub fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        self.shared.changed.notify_all();
        self.cut();
        let _ = TcpStream::connect(("127.0.0.1", self.port)); // wakes the acceptor
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for incoming in listener.incoming() {
        if shared.ended.load(Ordering::SeqCst) {
            return;
        }
        let Ok(near) = incoming else { continue };
        let nth = shared.accepted.fetch_add(1, Ordering::SeqCst) + 1;
        if shared.refusing.load(Ordering::SeqCst) {
            continue;
        }
        let target = *shared.target.lock().expect("no holder panics");
        let Ok(far) = TcpStream::connect(target) else {
            continue;
        };
        let _ = near.set_nodelay(true);
        let _ = far.set_nodelay(true);
        for (from, to, direction) in [
            (&near, &far, Direction::ToTarget),
            (&far, &near, Direction::FromTarget),
        ] {
            let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else {
                continue;
            };
            let shared = Arc::clone(shared);
            std::thread::spawn(move || {
                carry(&from, &to, direction, nth, &shared);
                let _ = from.shutdown(Shutdown::Both);
                let _ = to.shutdown(Shutdown::Both);
            });
        }
        shared
            .open
            .lock()
            .expect("no holder panics")
            .extend([near, far]);
    }
}

/// Carries one direction of one connection until it ends or its fault ends it.
fn carry(
    mut from: &TcpStream,
    mut to: &TcpStream,
    direction: Direction,
    nth: u64,
    shared: &Shared,
) {
    let mut buffer = [0; 16 << 10];
    let mut position = 0u64;
    let start = Instant::now();
    loop {
        let n = match from.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(n) => n,
        };
        let mut sent = 0;
        while sent < n {
            let Some(faults) = wait_for_room(direction, position, nth, shared) else {
                return;
            };
            let mut end = n;
            for limit in [faults.cut_at, faults.stall_at].into_iter().flatten() {
                let room = usize::try_from(limit.saturating_sub(position)).unwrap_or(usize::MAX);
                end = end.min(sent.saturating_add(room));
            }
            if faults.bytes_per_second.is_some() {
                end = end.min(sent + 1024);
            }
            if let Some(at) = faults.corrupt_at.and_then(|at| at.checked_sub(position))
                && (at as usize) < end - sent
            {
                buffer[sent + at as usize] ^= 0xff;
            }
            // Counted first: who has received a byte finds it counted.
            let moved = (end - sent) as u64;
            shared.passed[direction as usize].fetch_add(moved, Ordering::SeqCst);
            if to.write_all(&buffer[sent..end]).is_err() {
                return;
            }
            position += moved;
            sent = end;
            if let Some(rate) = faults.bytes_per_second {
                let due = Duration::from_secs_f64(position as f64 / rate as f64);
                std::thread::sleep(due.saturating_sub(start.elapsed()));
            }
        }
    }
}

/// Waits while this direction is stalled; `None` when the connection is to be closed.
fn wait_for_room(direction: Direction, position: u64, nth: u64, shared: &Shared) -> Option<Faults> {
    let mut all = shared.faults.lock().expect("no holder panics");
    loop {
        let only = shared.only.load(Ordering::SeqCst);
        let faults = match only == 0 || only == nth {
            true => all[direction as usize],
            false => Faults::default(),
        };
        if shared.ended.load(Ordering::SeqCst) || faults.cut_at.is_some_and(|at| position >= at) {
            return None;
        }
        if faults.stall_at.is_none_or(|at| position < at) {
            return Some(faults);
        }
        all = shared
            .changed
            .wait_timeout(all, Duration::from_millis(50))
            .expect("no holder panics")
            .0;
    }
}
