//! When bytes leave a connection: replies that depend on commits which are not durable yet, and messages of others.

use super::connection::serve;
use super::state::Server;
use super::stream::Stream;
use base::secret::Secrets;
use config::Config;
use engine::CommitPosition;
use engine::commit::{Commit, EffectLog, Replies};
use std::io::ErrorKind;
use std::rc::Rc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::task::{LocalSet, yield_now};

/// A log that takes its time.
struct SlowLog;

impl EffectLog for SlowLog {
    fn append(&mut self, _: Commit<'_>) -> Replies {
        Replies::WhenDurable
    }
}

/// A client of a server in this process.
struct Client {
    server: Rc<Server>,
    socket: UnixStream,
}

impl Client {
    fn connect(server: &Rc<Server>) -> Client {
        let (socket, theirs) = UnixStream::pair().expect("a pair of sockets");
        let name = || String::from("/socket:0");
        let id = server.with_engine(|engine| engine.connect(name(), name()));
        tokio::task::spawn_local(serve(server.clone(), id, Stream::Unix(theirs)));
        Client {
            server: server.clone(),
            socket,
        }
    }

    /// Sends requests and waits until they have run; the position of the last commit.
    async fn run(&self, requests: &str) -> CommitPosition {
        let commands = || self.server.engine.borrow().stats.commands;
        let after = commands() + requests.lines().count() as u64;
        let sent = self.socket.try_write(requests.as_bytes());
        assert_eq!(sent.expect("there is room"), requests.len());
        while commands() < after {
            yield_now().await;
        }
        self.server.engine.borrow().commits.position()
    }

    async fn reads(&mut self, expected: &str) {
        let mut bytes = vec![0; expected.len()];
        self.socket.read_exact(&mut bytes).await.expect("a reply");
        assert_eq!(String::from_utf8_lossy(&bytes), expected);
        self.has_nothing();
    }

    /// Reads what has come and forgets it.
    fn skip(&self) {
        let read = self.socket.try_read(&mut [0; 4096]);
        assert!(read.expect("there is something") > 0);
    }

    fn has_nothing(&self) {
        let read = self.socket.try_read(&mut [0; 64]);
        assert_eq!(read.map_err(|e| e.kind()), Err(ErrorKind::WouldBlock));
    }
}

/// Runs a test with a server whose log is slow.
fn with_slow_log<F: Future<Output = ()>>(test: impl FnOnce(Rc<Server>) -> F) {
    with_server(Config::default(), |server| {
        server.with_engine(|engine| engine.commits.add_log(Box::new(SlowLog)));
        test(server)
    });
}

fn with_server<F: Future<Output = ()>>(config: Config, test: impl FnOnce(Rc<Server>) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let server = Server::new(config, Secrets::predictable(7));
    server.persistence.start_empty();
    LocalSet::new().block_on(&runtime, test(server));
}

fn durable(server: &Server, at: CommitPosition) {
    server.with_engine(|engine| engine.on_durable(at));
}

#[test]
fn the_reply_to_a_write_leaves_when_that_is_durable_and_readers_do_not_wait() {
    with_slow_log(|server| async move {
        let (mut writer, mut reader) = (Client::connect(&server), Client::connect(&server));
        reader.run("get key\r\n").await;
        reader.reads("$-1\r\n").await;
        let first = writer.run("set key a\r\n").await;
        reader.run("get key\r\n").await;
        reader.reads("$1\r\na\r\n").await;
        writer.run("get key\r\n").await;
        writer.has_nothing();
        durable(&server, first);
        writer.reads("+OK\r\n$1\r\na\r\n").await;
        reader.run("get key\r\n").await;
        reader.reads("$1\r\na\r\n").await;
    });
}

#[test]
fn replies_to_later_requests_wait_for_their_own_commits() {
    with_slow_log(|server| async move {
        let mut client = Client::connect(&server);
        let first = client.run("incr n\r\n").await;
        let second = client.run("incr n\r\nget n\r\n").await;
        let third = client.run("incr n\r\n").await;
        assert!(first < second && second < third);
        durable(&server, first);
        client.reads(":1\r\n").await;
        durable(&server, third);
        client.reads(":2\r\n$1\r\n2\r\n:3\r\n").await;
    });
}

#[test]
fn a_client_hears_at_once_what_another_did_that_its_own_request_had_woken() {
    let config = Config {
        notify_keyspace_events: "KEA".into(),
        ..Config::default()
    };
    with_server(config, |server| async move {
        let (mut waiter, mut client) = (Client::connect(&server), Client::connect(&server));
        client.run("hello 3\r\n").await;
        client.run("subscribe __keyevent@0__:lpop\r\n").await;
        let sent = waiter.socket.try_write(b"blpop list 0\r\n");
        assert_eq!(sent.expect("there is room"), 14);
        while server.engine.borrow().blocking.clients() == 0 {
            yield_now().await;
        }
        client.skip();
        client.run("rpush list x\r\n").await;
        client
            .reads(":1\r\n>3\r\n$7\r\nmessage\r\n$19\r\n__keyevent@0__:lpop\r\n$4\r\nlist\r\n")
            .await;
        waiter.reads("*2\r\n$4\r\nlist\r\n$1\r\nx\r\n").await;
    });
}

#[test]
fn a_connection_that_is_to_be_closed_is_closed_behind_its_last_reply() {
    with_slow_log(|server| async move {
        let mut client = Client::connect(&server);
        let at = client.run("set key a\r\nquit\r\n").await;
        client.has_nothing();
        durable(&server, at);
        let mut bytes = Vec::new();
        client.socket.read_to_end(&mut bytes).await.expect("an end");
        assert_eq!(bytes, b"+OK\r\n+OK\r\n");
    });
}

#[test]
fn values_of_any_length_arrive_whole_however_they_are_cut() {
    with_server(Config::default(), |server| async move {
        let lengths = [
            1, 900, 16_000, 16_384, 20_000, 48_000, 65_536, 70_000, 200_000,
        ];
        for seed in 0..lengths.len() {
            let client = Client::connect(&server);
            let (mut requests, mut expected) = (Vec::new(), Vec::new());
            for n in 0..40 {
                let len = lengths[(n * n + seed) % lengths.len()];
                let value: Vec<u8> = (0..len).map(|i| (i * 31 + n) as u8).collect();
                let bulk = [format!("${len}\r\n").as_bytes(), &value, b"\r\n"].concat();
                requests.extend([b"*2\r\n$4\r\nECHO\r\n".as_slice(), &bulk].concat());
                expected.extend(bulk);
            }
            let (mut from, mut to) = client.socket.into_split();
            // Parts of all sizes, which end anywhere.
            let sender = tokio::task::spawn_local(async move {
                let (mut rest, mut step) = (&requests[..], 1 + seed);
                while !rest.is_empty() {
                    let (part, after) = rest.split_at(step.min(rest.len()));
                    to.write_all(part).await.expect("the server reads");
                    (rest, step) = (after, step * 7 % 60_013);
                }
                to
            });
            let mut replies = vec![0; expected.len()];
            from.read_exact(&mut replies).await.expect("replies");
            assert!(replies == expected);
            drop(sender.await.expect("all was sent"));
        }
    });
}
