//! Looks up the addresses of other servers by name.
//!
//! The system's resolver can take half a minute or longer if a name server does not answer. Therefore each look-up has
//! a thread of its own, and the caller waits for as long as it wants to, or does something else in the meantime. A
//! look-up that has begun cannot be cancelled. Their number is bounded, because a caller that keeps asking would leave
//! one more each time.

use super::threads;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// Look-ups that may be under way at once.
const MOST: usize = 16;

static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);

/// The addresses of a name.
pub type Found = io::Result<Vec<SocketAddr>>;

/// Looks up a name and calls `tell` with the result on another thread. For an address, `tell` is called at once on
/// this thread.
///
/// # Errors
/// There is no thread, or too many look-ups are under way.
pub fn start(host: &str, port: u16, tell: impl FnOnce(Found) + Send + 'static) -> io::Result<()> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        tell(Ok(vec![(ip, port).into()]));
        return Ok(());
    }
    let host = host.to_owned();
    start_with(
        &UNDER_WAY,
        move || (host.as_str(), port).to_socket_addrs(),
        tell,
    )
}

/// Looks a name up and waits for it, `limit` at most.
///
/// # Errors
/// Those of [`start`] and of the resolver; `TimedOut`.
pub fn wait(host: &str, port: u16, limit: Duration) -> Found {
    let (tell, told) = mpsc::channel();
    // The receiver is dropped once its time is up.
    start(host, port, move |found| _ = tell.send(found))?;
    told.recv_timeout(limit)
        .map_err(|_| io::ErrorKind::TimedOut)?
}

fn start_with<A: Iterator<Item = SocketAddr>>(
    under_way: &'static AtomicUsize,
    resolve: impl FnOnce() -> io::Result<A> + Send + 'static,
    tell: impl FnOnce(Found) + Send + 'static,
) -> io::Result<()> {
    let place = Place::take(under_way)?;
    threads::spawn("forebay-lookup", move || {
        let found = resolve().map(Vec::from_iter);
        drop(place);
        tell(found);
    })?;
    Ok(())
}

/// One of the look-ups that may be under way.
struct Place(&'static AtomicUsize);

impl Place {
    fn take(under_way: &'static AtomicUsize) -> io::Result<Place> {
        let before = under_way.fetch_add(1, Ordering::Relaxed);
        let place = Place(under_way);
        match before < MOST {
            true => Ok(place),
            false => Err(io::Error::other("too many names are being looked up")),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_no_look_up() {
        let found = wait("127.0.0.1", 7, Duration::ZERO).expect("it is told at once");
        assert_eq!(found, [([127, 0, 0, 1], 7).into()]);
        let found = wait("::1", 7, Duration::ZERO).expect("it is told at once");
        assert!(found[0].is_ipv6());
    }

    #[test]
    fn look_ups_that_hang_are_bounded_and_nobody_waits_for_them() {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let (tell, told) = mpsc::channel();
        let mut hung = Vec::new();
        for n in 0..MOST + 1 {
            let (go_on, hangs) = mpsc::channel::<()>();
            hung.push(go_on);
            let tell = tell.clone();
            let resolve = move || {
                let _ = hangs.recv();
                Ok(std::iter::empty())
            };
            let started = start_with(&COUNT, resolve, move |found| {
                _ = tell.send(found.is_ok());
            });
            assert_eq!(started.is_ok(), n < MOST, "{n}");
        }
        assert!(told.try_recv().is_err(), "nothing is found yet");
        drop(hung);
        for _ in 0..MOST {
            assert_eq!(told.recv(), Ok(true));
        }
        assert_eq!(COUNT.load(Ordering::Relaxed), 0);
    }
}
