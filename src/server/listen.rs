//! The sockets that accept connections, and which clients are let in.

use super::connection;
use super::handshake;
use super::listeners::{Listeners, Serving};
use super::secure::Secure;
use super::state::Server;
use super::stream::Stream;
use super::strerror;
use config::Config;
use config::choices::TlsUser;
use engine::{ClientFlags, ClientId, Engine};
use socket2::{Domain, SockRef, Socket, TcpKeepalive, Type};
use std::fs;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream, UnixListener};

/// A server that is connected to by mistake, or as an attack, from outside.
const DENIED: &str = "-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default user. In this mode connections are only accepted from the loopback interface. If you want to connect from external computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the same host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected mode by editing the Redis configuration file, and setting the protected mode option to 'no', and then restarting the server. 3) If you started the server manually just for testing, restart it with the '--protected-mode no' option. 4) Set up an authentication password for the default user. NOTE: You only need to do one of the above things in order for the server to start accepting connections from the outside.\r\n";

/// Binds the addresses that `config` asks for, to `port`; none if that is 0.
///
/// # Errors
/// The address that cannot be had, with the system's text. Addresses written with `-` before them, and
/// address families that the machine lacks, are passed over.
pub fn bind_tcp(config: &Config, port: i64) -> Result<Vec<std::net::TcpListener>, String> {
    let mut listeners = Vec::new();
    if port == 0 {
        return Ok(listeners);
    }
    let port = port as u16;
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
    if !config.unixsocketgroup.is_empty() {
        let group = &config.unixsocketgroup;
        let number = group_number(&fs::read_to_string("/etc/group")?, group);
        let no_group = || io::Error::other(format!("there is no group '{group}'"));
        let number = number.ok_or_else(no_group)?;
        std::os::unix::fs::chown(&config.unixsocket, None, Some(number))?;
    }
    Ok(Some(listener))
}

/// The number of a group, from the text of `/etc/group`.
fn group_number(groups: &str, name: &str) -> Option<u32> {
    let mut lines = groups.lines().map(|line| line.split(':'));
    let mut fields = lines.find(|fields| fields.clone().next() == Some(name))?;
    fields.nth(2)?.parse().ok()
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
        serve(&mut self.tcp, server, listeners, accept_tcp)
    }

    /// Replaces the listeners for TLS.
    ///
    /// # Errors
    /// If the runtime cannot take them.
    pub fn serve_tls(
        &mut self,
        server: &Rc<Server>,
        listeners: Vec<std::net::TcpListener>,
    ) -> io::Result<()> {
        serve(&mut self.tls, server, listeners, accept_tls)
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

/// Replaces listeners by others, which begin when the runtime has taken all of them.
fn serve<F: Future<Output = ()> + 'static>(
    serving: &mut Vec<Serving>,
    server: &Rc<Server>,
    listeners: Vec<std::net::TcpListener>,
    accept: impl Fn(Rc<Server>, TcpListener) -> F,
) -> io::Result<()> {
    let both = |listener: std::net::TcpListener| -> io::Result<_> {
        Ok((listener.try_clone()?, TcpListener::from_std(listener)?))
    };
    let new: Vec<_> = listeners.into_iter().map(both).collect::<Result<_, _>>()?;
    serving.clear();
    for (socket, listener) in new {
        let accepting = accept(server.clone(), listener);
        serving.push(Serving::new(socket, tokio::task::spawn_local(accepting)));
    }
    Ok(())
}

/// Connections that were accepted in one go. A storm of them leaves others their turn.
#[derive(Default)]
struct Burst(i64);

impl Burst {
    /// Another was accepted; after `max` of them, whatever else is ready runs first.
    async fn pause_after(&mut self, max: impl FnOnce(&Config) -> i64, server: &Server) {
        self.0 += 1;
        let max = max(&server.engine.borrow().config);
        if self.0 >= max {
            self.0 = 0;
            tokio::task::yield_now().await;
        }
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
    let (mut refused, mut burst) = (Refused::default(), Burst::default());
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
                let max = |config: &Config| config.max_new_connections_per_cycle;
                burst.pause_after(max, &server).await;
            }
            Err(error) => {
                refused.wait(&error).await;
            }
        }
    }
}

async fn accept_unix(server: Rc<Server>, listener: UnixListener) {
    let (mut refused, mut burst) = (Refused::default(), Burst::default());
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
                let max = |config: &Config| config.max_new_connections_per_cycle;
                burst.pause_after(max, &server).await;
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
fn admit(
    server: &Rc<Server>,
    mut stream: Stream,
    addr: String,
    laddr: String,
    peer: Option<IpAddr>,
) {
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
        begin(server, id, stream);
    }
}

/// Begins to serve a client that has been let in: on this thread, or on one of those that own sockets.
fn begin(server: &Rc<Server>, id: ClientId, stream: Stream) {
    server.unlink(id);
    let adopted = server.io.adopt(&mut server.engine.borrow_mut(), id, stream);
    match adopted {
        Ok(None) => {}
        Ok(Some(stream)) => {
            tokio::task::spawn_local(connection::serve(server.clone(), id, stream));
        }
        Err(error) => {
            tracing::warn!("A connection was lost: {}", strerror(&error));
            server.disconnect(id);
        }
    }
}

fn refusal(engine: &Engine, peer: Option<IpAddr>) -> Option<&'static str> {
    if is_full(engine) {
        return Some("-ERR max number of clients reached\r\n");
    }
    stranger(engine, peer)
}

/// There are as many clients as there may be.
fn is_full(engine: &Engine) -> bool {
    engine.clients.len() as i64 >= engine.config.maxclients
}

/// What someone is told who is not let in because of where he comes from (`protected-mode`).
fn stranger(engine: &Engine, peer: Option<IpAddr>) -> Option<&'static str> {
    let outside = peer.is_some_and(|ip| !ip.to_canonical().is_loopback());
    if outside && engine.config.protected_mode && engine.users.default_user().nopass {
        return Some(DENIED);
    }
    None
}

fn keep_alive(stream: &TcpStream, seconds: i64) {
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

/// Accepts clients that connect with TLS. A client has its place from this moment on: it counts among `maxclients`, CLIENT
/// LIST shows it, `timeout` and CLIENT KILL end it. Its requests are read when the handshake is over.
async fn accept_tls(server: Rc<Server>, listener: TcpListener) {
    let (mut refused, mut burst) = (Refused::default(), Burst::default());
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let _ = stream.set_nodelay(true);
                let local = stream.local_addr().map_or_else(|_| String::new(), show);
                admit_secure(&server, stream, show(peer), local, peer.ip());
                let max = |config: &Config| config.max_new_tls_connections_per_cycle;
                burst.pause_after(max, &server).await;
            }
            Err(error) => refused.wait(&error).await,
        }
    }
}

/// Gives a client its place, and begins the handshake.
fn admit_secure(server: &Rc<Server>, stream: TcpStream, addr: String, laddr: String, peer: IpAddr) {
    let names = (addr.clone(), laddr.clone());
    let id = server.with_engine(|engine| {
        if is_full(engine) {
            // Nothing that it could read can be said before the handshake.
            engine.stats.rejected += 1;
            return None;
        }
        keep_alive(&stream, engine.config.tcp_keepalive);
        let id = engine.connect(addr, laddr);
        if let Some(session) = engine.clients.get_mut(&id) {
            session.fd = stream.as_raw_fd();
        }
        Some(id)
    });
    if let Some(id) = id {
        tokio::task::spawn_local(serve_secure(server.clone(), id, stream, names, peer));
    }
}

async fn serve_secure(
    server: Rc<Server>,
    id: ClientId,
    stream: TcpStream,
    (addr, laddr): (String, String),
    peer: IpAddr,
) {
    let outcome = tokio::select! {
        biased;
        // Its socket goes with the handshake.
        () = closed(&server, id) => return server.disconnect(id),
        outcome = shake_hands(&server, stream) => outcome,
    };
    let mut secure = match outcome {
        Ok(secure) => secure,
        Err(error) => {
            server.with_engine(|engine| engine.stats.handshakes_failed += 1);
            if server.shell.handshake_errors.may_tell() {
                tracing::warn!(
                    "Error accepting a client connection: {} (addr={addr} laddr={laddr})",
                    strerror(&error)
                );
            }
            return server.disconnect(id);
        }
    };
    let names = names(&server.engine.borrow(), &secure);
    let refusal = server.with_executor(|engine| {
        engine.stats.handshakes += 1;
        engine.stats.handshakes_resumed += u64::from(secure.channel().is_resumed());
        let refusal = stranger(engine, Some(peer));
        engine.stats.rejected += u64::from(refusal.is_some());
        let mut session = engine.lend(id)?;
        session.fd = secure.tcp().as_raw_fd();
        session.last_interaction_ms = engine.clock.steady_ms;
        if !names.is_empty()
            && refusal.is_none()
            && engine.log_in_by_certificate(&mut session, &names)
        {
            let user = session.user.as_ref().map(|user| user.name.clone());
            let user = user.unwrap_or_default();
            tracing::debug!(
                "TLS: Auto-authenticated client as {}",
                String::from_utf8_lossy(&user)
            );
        }
        engine.give_back(session);
        refusal
    });
    if let Some(text) = refusal {
        let _ = secure.try_write(text.as_bytes());
        secure.farewell();
        return server.disconnect(id);
    }
    begin(&server, id, Stream::Tls(Box::new(secure)));
}

async fn shake_hands(server: &Server, stream: TcpStream) -> io::Result<Secure> {
    let accepting = server.shell.tls.accepting();
    let accepting = accepting.ok_or_else(|| io::Error::other("TLS is not configured"))?;
    let done = handshake::start(&server.shell.handshakes, stream, accepting.channel()?)?;
    handshake::finish(done).await
}

/// Waits until the client is to be closed.
async fn closed(server: &Server, id: ClientId) {
    let link = server.link(id);
    poll_fn(|cx| {
        link.register(cx.waker());
        let engine = server.engine.borrow();
        let closes = |flags: ClientFlags| flags.contains(ClientFlags::CLOSE_ASAP);
        match engine.clients.get(&id) {
            Some(session) if !closes(session.flags) => Poll::Pending,
            _ => Poll::Ready(()),
        }
    })
    .await;
}

/// The users that the certificate may mean.
fn names(engine: &Engine, secure: &Secure) -> Vec<String> {
    let peer = match engine.config.tls_auth_clients_user {
        TlsUser::Off => None,
        TlsUser::Cn | TlsUser::Uri => secure.channel().peer(),
    };
    match (peer, engine.config.tls_auth_clients_user) {
        (Some(peer), TlsUser::Uri) => peer.uris,
        (Some(peer), _) => peer.common_name.into_iter().collect(),
        (None, _) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_found_by_its_whole_name() {
        let groups = "root:x:0:\nwheels:x:8:\nwheel:x:10:a,b\nodd\nnone:x::\n";
        assert_eq!(group_number(groups, "wheel"), Some(10));
        assert_eq!(group_number(groups, "root"), Some(0));
        for name in ["whee", "x", "", "odd", "none", "a"] {
            assert_eq!(group_number(groups, name), None, "{name}");
        }
    }
}
