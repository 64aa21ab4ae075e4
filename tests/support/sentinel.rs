//! Real Sentinels, and a client that asks them where to write.

use super::client::Client;
use super::peers;
use super::server::{Server, free_port};
use super::wait::wait_until;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tempfile::TempDir;

/// Sentinels that [`watch`] starts.
const SENTINELS: usize = 3;

/// One Sentinel process, killed on drop.
pub struct Sentinel {
    child: Child,
    port: u16,
    dir: TempDir,
}

impl Sentinel {
    /// Watches `primary` as `mymaster`; two of three must agree. `None`, told loudly, where there is none.
    pub fn start(primary: &Server) -> Option<Sentinel> {
        Sentinel::start_with(primary.port(), 2, &[])
    }

    /// Watches the server on a port, by more lines of configuration; `quorum` Sentinels must agree.
    pub fn start_with(primary: u16, quorum: usize, lines: &[String]) -> Option<Sentinel> {
        let Some(binary) = peers::tool("redis-sentinel") else {
            peers::skipped("there is no redis-sentinel on this machine");
            return None;
        };
        let port = free_port();
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let config = dir.path().join("sentinel.conf");
        let text = format!(
            "port {port}\nbind 127.0.0.1\nlogfile {}\n\
             sentinel monitor mymaster 127.0.0.1 {primary} {quorum}\n\
             sentinel down-after-milliseconds mymaster 1000\n\
             sentinel failover-timeout mymaster 10000\n{}\n",
            dir.path().join("sentinel.log").display(),
            lines.join("\n")
        );
        std::fs::write(&config, text).expect("the configuration can be written");
        let child = Command::new(binary)
            .arg(&config)
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-sentinel starts");
        let sentinel = Sentinel { child, port, dir };
        wait_until("the Sentinel answers", || sentinel.connect().is_some());
        Some(sentinel)
    }

    fn connect(&self) -> Option<Client> {
        Client::connect(("127.0.0.1", self.port)).ok()
    }

    /// What it knows of `mymaster`.
    pub fn field(&self, name: &str) -> String {
        let mut client = self.connect().expect("it answered before");
        let reply = client.run("SENTINEL MASTER mymaster");
        let items = reply.items().expect("an array of names and values");
        let text = |i: usize| items[i].text().unwrap_or_default().to_owned();
        let at = (0..items.len()).step_by(2).find(|i| text(*i) == name);
        at.map(|i| text(i + 1)).unwrap_or_default()
    }

    /// The port of the primary that it would send clients to.
    pub fn primary(&self) -> u16 {
        let mut client = self.connect().expect("it answered before");
        let reply = client.run("SENTINEL GET-MASTER-ADDR-BY-NAME mymaster");
        let items = reply.items().expect("an address and a port");
        let port = items[1].text().and_then(|p| p.parse().ok());
        port.expect("a port is a number")
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.dir.path().join("sentinel.log"));
            eprintln!("--- log of a Sentinel ---\n{}", log.unwrap_or_default());
        }
    }
}

/// Three Sentinels that watch `primary` and know each other and all `replicas` of its replicas.
pub fn watch(primary: &Server, replicas: usize) -> Option<Vec<Sentinel>> {
    let sentinels: Option<Vec<_>> = (0..SENTINELS).map(|_| Sentinel::start(primary)).collect();
    let sentinels = sentinels?;
    let (others, replicas) = ((SENTINELS - 1).to_string(), replicas.to_string());
    wait_until("the Sentinels know each other and the replicas", || {
        let complete = |s: &Sentinel| {
            s.field("num-other-sentinels") == others && s.field("num-slaves") == replicas
        };
        sentinels.iter().all(complete)
    });
    Some(sentinels)
}

/// A client that counts up on whichever server Sentinel names.
pub struct Counter {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Counter {
    /// Starts to write.
    pub fn start(sentinel: &Sentinel) -> Counter {
        let sentinel = sentinel.port;
        let (stop, answered) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let (ends, counts) = (stop.clone(), answered.clone());
        let thread = std::thread::spawn(move || {
            let mut primary = None;
            while !ends.load(Ordering::Relaxed) {
                let client = match &mut primary {
                    Some(client) => client,
                    None => match ask(sentinel) {
                        Some(client) => primary.insert(client),
                        None => continue,
                    },
                };
                match client.try_cmd(&["INCR", "counter"]) {
                    Ok(reply) if !reply.is_error() => _ = counts.fetch_add(1, Ordering::Relaxed),
                    _ => primary = None,
                }
            }
        });
        Counter {
            stop,
            answered,
            thread: Some(thread),
        }
    }

    /// Writes that were answered.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Waits until so many more writes have been answered.
    pub fn wait_more(&self, more: u64) {
        let goal = self.answered() + more;
        wait_until("the clients write", || self.answered() >= goal);
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // Its panic is shown where it happened.
            let _ = thread.join();
        }
    }
}

fn ask(sentinel: u16) -> Option<Client> {
    let mut client = Client::connect(("127.0.0.1", sentinel)).ok()?;
    let reply = client
        .try_cmd(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster"])
        .ok()?;
    let port = reply.items()?.get(1)?.text()?.parse::<u16>().ok()?;
    Client::connect(("127.0.0.1", port)).ok()
}
