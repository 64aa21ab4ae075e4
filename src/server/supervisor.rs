//! Reporting the state of the server to systemd (`supervised systemd`).

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::atomic::{AtomicBool, Ordering};

/// The server is supervised by systemd.
static SUPERVISED: AtomicBool = AtomicBool::new(false);

/// Begins to notify the supervisor.
pub fn supervised() {
    SUPERVISED.store(true, Ordering::Relaxed);
}

/// Sends `state` (`READY=1`, `STATUS=...`, one a line) to the socket that systemd named, if it supervises
/// the server.
pub fn notify(state: &str) -> bool {
    if !SUPERVISED.load(Ordering::Relaxed) {
        return false;
    }
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else {
        return false;
    };
    let path = path.to_string_lossy();
    let address = match path.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(&*path),
    };
    let sent = address.and_then(|address| {
        let socket = UnixDatagram::unbound()?;
        socket.send_to_addr(state.as_bytes(), &address)
    });
    if let Err(error) = &sent {
        tracing::warn!("Can't notify the supervisor at {path}: {error}");
    }
    sent.is_ok()
}
