//! Three real Sentinels watch a primary and two replicas of ours: the primary is killed under writes, a
//! replica takes over, and the old primary comes back as a replica.

use crate::pair::{assert_in_step, builder, number, wait_link};
use crate::support::client::Client;
use crate::support::peers;
use crate::support::server::{Server, free_port};
use crate::support::wait::{LONG, wait_for, wait_until};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tempfile::TempDir;

const SENTINELS: usize = 3;

/// One Sentinel process, killed on drop.
struct Sentinel {
    child: Child,
    port: u16,
    dir: TempDir,
}

impl Sentinel {
    /// Watches `primary` as `mymaster`; two of three must agree.
    fn start(primary: &Server) -> Option<Sentinel> {
        let Some(binary) = peers::tool("redis-sentinel") else {
            peers::skipped("there is no redis-sentinel on this machine");
            return None;
        };
        let port = free_port();
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let config = dir.path().join("sentinel.conf");
        let text = format!(
            "port {port}\nbind 127.0.0.1\nlogfile {}\n\
             sentinel monitor mymaster 127.0.0.1 {} 2\n\
             sentinel down-after-milliseconds mymaster 1000\n\
             sentinel failover-timeout mymaster 10000\n",
            dir.path().join("sentinel.log").display(),
            primary.port()
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
    fn field(&self, name: &str) -> String {
        let mut client = self.connect().expect("it answered before");
        let reply = client.run("SENTINEL MASTER mymaster");
        let items = reply.items().expect("an array of names and values");
        let text = |i: usize| items[i].text().unwrap_or_default().to_owned();
        let at = (0..items.len()).step_by(2).find(|i| text(*i) == name);
        at.map(|i| text(i + 1)).unwrap_or_default()
    }

    /// The port of the primary that it would send clients to.
    fn primary(&self) -> u16 {
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

/// A client that counts up on whichever server Sentinel names.
struct Counter {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Counter {
    fn start(sentinel: u16) -> Counter {
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

    fn wait_more(&self, more: u64) {
        let goal = self.answered.load(Ordering::Relaxed) + more;
        wait_until("the clients write", || {
            self.answered.load(Ordering::Relaxed) >= goal
        });
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

/// True for a replica, of the server on that port, whose link is up. Sentinels close all connections of a
/// server that they turn into a replica, so this one may end at any moment.
fn follows(replica: &Server, primary: Option<u16>) -> bool {
    let client = Client::connect(("127.0.0.1", replica.port()));
    let Ok(info) = client.and_then(|mut client| client.try_info("replication")) else {
        return false;
    };
    let is = |name: &str, value: &str| info.get(name).is_some_and(|v| v == value);
    let of_that = primary.is_none_or(|port| is("master_port", &port.to_string()));
    is("role", "slave") && is("master_link_status", "up") && of_that
}

#[test]
fn sentinels_fail_over_under_writes_and_the_old_primary_comes_back_as_replica() {
    let ours = || builder("forebay").expect("it is built");
    let mut primary = ours().config("repl-timeout 5").start();
    let replicas = [(); 2].map(|()| ours().replica_of(&primary).start());
    for replica in &replicas {
        wait_link(replica);
    }
    let mut sentinels = Vec::new();
    for _ in 0..SENTINELS {
        let Some(sentinel) = Sentinel::start(&primary) else {
            return;
        };
        sentinels.push(sentinel);
    }
    wait_until("the Sentinels know each other and both replicas", || {
        let complete =
            |s: &Sentinel| s.field("num-other-sentinels") == "2" && s.field("num-slaves") == "2";
        sentinels.iter().all(complete)
    });
    let counter = Counter::start(sentinels[0].port);
    counter.wait_more(500);
    let old = primary.port();
    primary.kill();
    let new = wait_for("another server is the primary for all", LONG, || {
        let named: Vec<u16> = sentinels.iter().map(Sentinel::primary).collect();
        (named[0] != old && named.iter().all(|p| *p == named[0])).then_some(named[0])
    });
    counter.wait_more(500);
    let (winner, other) = match replicas[0].port() == new {
        true => (&replicas[0], &replicas[1]),
        false => (&replicas[1], &replicas[0]),
    };
    assert_eq!(winner.port(), new);
    wait_until("the other replica follows the new primary", || {
        follows(other, Some(new))
    });
    // Both were fed by the same stream: it goes on without a full sync.
    assert_eq!(number(winner, "stats", "sync_full"), 0, "{}", winner.log());
    let primary = primary.restart();
    wait_until("the old primary follows the new one", || {
        follows(&primary, None)
    });
    counter.wait_more(100);
    drop(counter);
    for replica in [&primary, other] {
        assert_in_step(winner, replica);
    }
}
