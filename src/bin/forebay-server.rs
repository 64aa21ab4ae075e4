//! The server: `forebay-server [CONF] [--directive value...]`.

use forebay::config::Config;
use forebay::server::{Server, listen};
use tokio::runtime::{Builder, LocalOptions};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::io::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let port = args.windows(2).find(|w| w[0] == "--port");
    let port: u16 = port.map_or(6379, |w| w[1].parse().expect("a port"));
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let server = Server::new(Config::default(), 1);
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
        if let Err(why) = server.persistence.load_at_start(&server).await {
            return Err(std::io::Error::other(why));
        }
        tokio::task::spawn_local(forebay::server::repl::run(server.clone()));
        listen::accept_tcp(server, listener).await
    })
}
