//! Connecting to a server that has a name.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// Tries each address of the name, each for at most `timeout`; small packets do not wait for others.
///
/// # Errors
/// That of the last address.
pub fn connect(name: impl ToSocketAddrs, timeout: Duration) -> io::Result<TcpStream> {
    let mut last = Err(io::Error::new(io::ErrorKind::NotFound, "no such host"));
    for address in name.to_socket_addrs()? {
        last = TcpStream::connect_timeout(&address, timeout);
        if last.is_ok() {
            break;
        }
    }
    let stream = last?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
