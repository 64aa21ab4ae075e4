//! Sockets that accept.

use super::connection;
use super::state::Server;
use super::stream::Stream;
use std::io;
use std::rc::Rc;
use tokio::net::TcpListener;

/// Accepts until the listener fails; each client gets a task of its own.
pub async fn accept_tcp(server: Rc<Server>, listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, peer) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let local = stream.local_addr()?;
        let stream = Stream::Tcp(stream);
        let id = server.with_engine(|engine| {
            let id = engine.connect(peer.to_string(), local.to_string());
            if let Some(session) = engine.clients.get_mut(&id) {
                session.fd = stream.fd();
            }
            id
        });
        tokio::task::spawn_local(connection::serve(server.clone(), id, stream));
    }
}
