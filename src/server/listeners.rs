//! The sockets that accept connections, as the server holds them.
//!
//! A task accepts connections on a socket. The server holds the same socket, so that it can stop listening at once. An
//! address that is requested again (CONFIG SET `bind` with more addresses, or `port` changed to another kind of port) is then
//! free.

use socket2::SockRef;
use std::net::{Shutdown, TcpListener};
use tokio::task::JoinHandle;

/// A socket that accepts TCP connections, and the task that serves it.
pub(super) struct Serving {
    socket: TcpListener,
    task: JoinHandle<()>,
}

/// The listeners of a server. Dropping them closes the sockets.
#[derive(Default)]
pub struct Listeners {
    pub(super) tcp: Vec<Serving>,
    pub(super) tls: Vec<Serving>,
    pub(super) unix: Vec<JoinHandle<()>>,
}

impl Serving {
    pub(super) fn new(socket: TcpListener, task: JoinHandle<()>) -> Self {
        Serving { socket, task }
    }

    /// Ends listening: the address can be bound again, by others and by ourselves.
    fn pause(&self) {
        // One that does not listen is what is wanted.
        let _ = SockRef::from(&self.socket).shutdown(Shutdown::Both);
    }

    /// Listens again, at the same address.
    fn resume(&self, backlog: i32) -> std::io::Result<()> {
        SockRef::from(&self.socket).listen(backlog)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.pause();
        self.task.abort();
    }
}

/// Binds by `bind`, where sockets that serve now may have some of the addresses; they are to be replaced if it succeeds,
/// and go on if it does not.
///
/// # Errors
/// The text of `bind`.
pub(super) fn rebind<T>(
    now: &[Serving],
    backlog: i32,
    bind: impl Fn() -> Result<T, String>,
) -> Result<T, String> {
    if let Ok(bound) = bind() {
        return Ok(bound);
    }
    now.iter().for_each(Serving::pause);
    bind().inspect_err(|_| go_on(now, backlog))
}

/// Lets all of them listen again.
pub(super) fn go_on(now: &[Serving], backlog: i32) {
    for serving in now {
        if let Err(error) = serving.resume(backlog) {
            let why = super::strerror(&error);
            tracing::warn!("A socket that listened cannot be made to listen again: {why}");
        }
    }
}

impl Listeners {
    /// Ends listening for TCP connections. The process is about to end, and the system closes its sockets in an order of
    /// its own: whoever connects again as soon as a connection ends is to be refused, not accepted and cut off.
    pub(super) fn stop(&self) {
        self.tcp.iter().chain(&self.tls).for_each(Serving::pause);
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        self.unix.drain(..).for_each(|t| t.abort());
    }
}
