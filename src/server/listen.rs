//! Sockets that accept, and who is let in.

use super::connection;
use super::listeners::Listeners;
use super::state::Server;
use super::stream::Stream;
use super::strerror;
use config::Config;
use engine::{ClientFlags, Engine};
use socket2::{Domain, SockRef, Socket, TcpKeepalive, Type};
use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::os::unix::fs::PermissionsExt;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, UnixListener};

/// A server that is connected to by mistake, or as an attack, from outside.
const DENIED: &str = "-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default user. In this mode connections are only accepted from the loopback interface. If you want to connect from external computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the same host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected mode by editing the Redis configuration file, and setting the protected mode option to 'no', and then restarting the server. 3) If you started the server manually just for testing, restart it with the '--protected-mode no' option. 4) Set up an authentication password for the default user. NOTE: You only need to do one of the above things in order for the server to start accepting connections from the outside.\r\n";

/// Binds the TCP listeners that `config` asks for.
///
/// # Errors
/// The address that cannot be had, with the system's text. Addresses written with `-` before them, and
/// address families that the machine lacks, are passed over.
pub fn bind_tcp(config: &Config) -> Result<Vec<std::net::TcpListener>, String> {
    let mut listeners = Vec::new();
    if config.port == 0 {
        return Ok(listeners);
    }
    let port = config.port as u16;
    for address in &config.bind {
        let (name, optional) = match address.strip_prefix('-') {
            Some(name) => (name, true),
            None => (address.as_str(), false),
        };
        match bind_one(name, port, config.tcp_backlog as i32) {
            Ok(listener) => listeners.push(listener),
            Err(error) => {
                let text = format!(
                    "Warning: Could not create server TCP listening socket {name}:{port}: {}",
                    describe(&error)
                );
                let missing = matches!(
                    error.raw_os_error(),
                    Some(libc::EADDRNOTAVAIL | libc::EAFNOSUPPORT | libc::EPROTONOSUPPORT)
                );
                if optional && missing {
                    continue;
                }
                return Err(text);
            }
        }
    }
    if listeners.is_empty() && !config.bind.is_empty() {
        return Err(
            "Warning: Could not create server TCP listening socket: no address could be bound"
                .into(),
        );
    }
    Ok(listeners)
}

fn describe(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    match error.raw_os_error() {
        Some(libc::EADDRINUSE) => format!("bind: {text}"),
        _ => text.to_owned(),
    }
}

fn bind_one(name: &str, port: u16, backlog: i32) -> io::Result<std::net::TcpListener> {
    let address = match name {
        "*" => SocketAddr::from(([0, 0, 0, 0], port)),
        "::*" => SocketAddr::from(([0u16; 8], port)),
        name => (name, port)
            .to_socket_addrs()?
            .next()
            .ok_or(io::ErrorKind::AddrNotAvailable)?,
    };
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Binds the Unix socket that `config` asks for; a stale file in its place is removed.
///
/// # Errors
/// The system's text.
pub fn bind_unix(config: &Config) -> io::Result<Option<std::os::unix::net::UnixListener>> {
    if config.unixsocket.is_empty() {
        return Ok(None);
    }
    let _ = fs::remove_file(&config.unixsocket);
    let listener = std::os::unix::net::UnixListener::bind(&config.unixsocket)?;
    listener.set_nonblocking(true)?;
    if config.unixsocketperm != 0 {
        let mode = fs::Permissions::from_mode(config.unixsocketperm as u32);
        fs::set_permissions(&config.unixsocket, mode)?;
    }
    Ok(Some(listener))
}

impl Listeners {
    /// Replaces the TCP listeners.
    ///
    /// # Errors
    /// If the runtime cannot take them.
    pub fn serve_tcp(
        &mut self,
        server: &Rc<Server>,
        listeners: Vec<std::net::TcpListener>,
    ) -> io::Result<()> {
        let new: Vec<TcpListener> = listeners
            .into_iter()
            .map(TcpListener::from_std)
            .collect::<Result<_, _>>()?;
        self.tcp.drain(..).for_each(|t| t.abort());
        for listener in new {
            self.tcp.push(tokio::task::spawn_local(accept_tcp(
                server.clone(),
                listener,
            )));
        }
        Ok(())
    }

    /// Adds the Unix listener.
    ///
    /// # Errors
    /// If the runtime cannot take it.
    pub fn serve_unix(
        &mut self,
        server: &Rc<Server>,
        listener: std::os::unix::net::UnixListener,
    ) -> io::Result<()> {
        let listener = UnixListener::from_std(listener)?;
        self.unix.push(tokio::task::spawn_local(accept_unix(
            server.clone(),
            listener,
        )));
        Ok(())
    }
}

/// Connections that could not be accepted, because no descriptor was left or the peer had disconnected already.
#[derive(Default)]
struct Refused {
    told: Option<Instant>,
}

impl Refused {
    /// Waits until it is worth another try; the log hears of it once a second.
    async fn wait(&mut self, error: &io::Error) {
        const RETRY: Duration = Duration::from_millis(20);
        const SILENCE: Duration = Duration::from_secs(1);
        if self.told.is_none_or(|at| at.elapsed() >= SILENCE) {
            self.told = Some(Instant::now());
            tracing::warn!("Accepting client connection: accept: {}", strerror(error));
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn accept_tcp(server: Rc<Server>, listener: TcpListener) {
    let mut refused = Refused::default();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let _ = stream.set_nodelay(true);
                let local = stream.local_addr().map_or_else(|_| String::new(), show);
                admit(
                    &server,
                    Stream::Tcp(stream),
                    show(peer),
                    local,
                    Some(peer.ip()),
                );
            }
            Err(error) => {
                refused.wait(&error).await;
            }
        }
    }
}

async fn accept_unix(server: Rc<Server>, listener: UnixListener) {
    let mut refused = Refused::default();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let path = server.engine.borrow().config.unixsocket.clone();
                let address = format!("{path}:0");
                admit(
                    &server,
                    Stream::Unix(stream),
                    address.clone(),
                    address,
                    None,
                );
            }
            Err(error) => {
                refused.wait(&error).await;
            }
        }
    }
}

/// `ip:port`, IPv4 in IPv6 as IPv4, IPv6 in brackets.
fn show(address: SocketAddr) -> String {
    SocketAddr::new(address.ip().to_canonical(), address.port()).to_string()
}

/// Lets a client in, or tells it why not.
fn admit(server: &Rc<Server>, stream: Stream, addr: String, laddr: String, peer: Option<IpAddr>) {
    let id = server.with_engine(|engine| {
        if let Some(text) = refusal(engine, peer) {
            engine.stats.rejected += 1;
            // If the socket's buffer does not take even this line, the peer goes without it.
            let _ = stream.try_write(text.as_bytes());
            return None;
        }
        if let Stream::Tcp(tcp) = &stream {
            keep_alive(tcp, engine.config.tcp_keepalive);
        }
        let id = engine.connect(addr, laddr);
        if let Some(session) = engine.clients.get_mut(&id) {
            session.fd = stream.fd();
            session.flags.set(ClientFlags::UNIX_SOCKET, peer.is_none());
        }
        Some(id)
    });
    if let Some(id) = id {
        tokio::task::spawn_local(connection::serve(server.clone(), id, stream));
    }
}

fn refusal(engine: &Engine, peer: Option<IpAddr>) -> Option<&'static str> {
    if engine.clients.len() as i64 >= engine.config.maxclients {
        return Some("-ERR max number of clients reached\r\n");
    }
    let outside = peer.is_some_and(|ip| !ip.to_canonical().is_loopback());
    if outside && engine.config.protected_mode && engine.users.default_user().nopass {
        return Some(DENIED);
    }
    None
}

fn keep_alive(stream: &tokio::net::TcpStream, seconds: i64) {
    if seconds > 0 {
        let seconds = seconds as u64;
        let probes = TcpKeepalive::new()
            .with_time(Duration::from_secs(seconds))
            .with_interval(Duration::from_secs((seconds / 3).max(1)))
            .with_retries(3);
        // Without it a dead peer is found later.
        let _ = SockRef::from(stream).set_tcp_keepalive(&probes);
    }
}
