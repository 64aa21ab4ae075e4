//! Connections to other servers: the link to a primary, and MIGRATE. They come from the local address that
//! `bind-source-addr` names. If the machine does not have that address, or it is of another family than the server's, the
//! system chooses one, as Redis lets it.

use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;
use tokio::net::TcpSocket;

/// The local address of outgoing connections; `None` leaves it to the system.
pub type Source = Option<IpAddr>;

/// The address that the directive names.
pub fn source(directive: &str) -> Source {
    if directive.is_empty() {
        return None;
    }
    let parsed = directive.parse();
    parsed
        .inspect_err(|_| tracing::warn!("bind-source-addr '{directive}' is not an IP address"))
        .ok()
}

/// Where a connection to `to` is to come from.
fn local(source: Source, to: SocketAddr) -> Option<SocketAddr> {
    let same_family = |ip: &IpAddr| ip.is_ipv4() == to.is_ipv4();
    source.filter(same_family).map(|ip| SocketAddr::new(ip, 0))
}

fn log(error: &io::Error, from: SocketAddr) {
    let ip = from.ip();
    tracing::warn!("Could not bind to the bind-source-addr {ip}: {error}");
}

/// Connects to the first of `addresses` that answers.
///
/// # Errors
/// That of the last address.
pub async fn dial(addresses: &[SocketAddr], source: Source) -> io::Result<tokio::net::TcpStream> {
    let mut last = Err(io::Error::new(io::ErrorKind::NotFound, "no such host"));
    for to in addresses {
        let socket = match to {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        }?;
        if let Some(from) = local(source, *to)
            && let Err(error) = socket.bind(from)
        {
            log(&error, from);
        }
        last = socket.connect(*to).await;
        if last.is_ok() {
            break;
        }
    }
    last
}

/// As [`dial`], and waits at most `timeout` for each address.
///
/// # Errors
/// That of the last address.
pub fn dial_and_wait(
    addresses: &[SocketAddr],
    source: Source,
    timeout: Duration,
) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "no such host");
    for to in addresses {
        let socket = Socket::new(Domain::for_address(*to), Type::STREAM, Some(Protocol::TCP))?;
        if let Some(from) = local(source, *to)
            && let Err(error) = socket.bind(&from.into())
        {
            log(&error, from);
        }
        match socket.connect_timeout(&(*to).into(), timeout) {
            Ok(()) => {
                // Small packets do not wait for others.
                socket.set_tcp_nodelay(true)?;
                return Ok(socket.into());
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}
