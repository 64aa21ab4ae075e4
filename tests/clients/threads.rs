//! Connections that I/O threads own (`io-threads`): order, ends, and limits are those of one thread.

use crate::support::client::Client;
use crate::support::resp::request;
use crate::support::server::{Builder, Server};
use crate::support::wait::wait_until;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

fn start() -> Server {
    threaded().start()
}

fn threaded() -> Builder {
    Builder::forebay().config("io-threads 3")
}

fn blocked(admin: &mut Client) -> String {
    admin.info_field("clients", "blocked_clients")
}

#[test]
fn requests_keep_their_order_however_they_are_cut() {
    let server = start();
    for piece in [1, 7, 100, 4096, 100_000] {
        let mut client = server.client();
        client.ok("DEL n");
        let count = if piece == 1 { 300 } else { 3000 };
        let requests = request(&["INCR", "n"]).repeat(count);
        for piece in requests.chunks(piece) {
            client.send_raw(piece).expect("sent");
        }
        for n in 1..=count as i64 {
            assert_eq!(client.read().expect("a reply").int(), Some(n));
        }
    }
}

#[test]
fn large_arguments_and_replies_come_whole_and_in_order() {
    let server = start();
    let mut client = server.client();
    let mut commands = Vec::new();
    let value = |i: usize| vec![b'a' + i as u8; [10, 70_000, 3 << 20][i % 3]];
    for i in 0..12 {
        commands.push(vec![b"SET".to_vec(), b"k".to_vec(), value(i)]);
        commands.push(vec![b"GET".to_vec(), b"k".to_vec()]);
    }
    let replies = client.pipeline(&commands);
    for i in 0..12 {
        assert_eq!(replies[2 * i].text(), Some("OK"));
        assert!(replies[2 * i + 1].bytes() == Some(&value(i)), "value {i}");
    }
}

#[test]
fn what_is_behind_a_blocked_request_runs_behind_it() {
    let server = start();
    let (mut client, mut other) = (server.client(), server.client());
    let mut requests = request(&["SET", "a", "1"]);
    requests.extend(request(&["BLPOP", "list", "0"]));
    requests.extend(request(&["INCR", "a"]).repeat(200));
    client.send_raw(&requests).expect("sent");
    assert_eq!(client.read().expect("a reply").text(), Some("OK"));
    wait_until("the client blocks", || blocked(&mut other) == "1");
    // More than is read ahead of requests that run.
    let more = request(&["ECHO", &"x".repeat(1000)]).repeat(300);
    client.send_raw(&more).expect("sent");
    assert_eq!(other.text("GET a"), "1");
    other.ok("RPUSH list v");
    let popped = client.read().expect("a reply");
    assert_eq!(popped.items().map(<[_]>::len), Some(2));
    for n in 2..=201 {
        assert_eq!(client.read().expect("a reply").int(), Some(n));
    }
    for _ in 0..300 {
        let echo = client.read().expect("a reply");
        assert_eq!(echo.bytes().map(<[u8]>::len), Some(1000));
    }
}

#[test]
fn who_sends_no_more_gets_all_replies() {
    let server = start();
    for count in [1, 5, 500] {
        let mut socket = TcpStream::connect(server.address()).expect("it listens");
        socket
            .write_all(&request(&["PING"]).repeat(count))
            .expect("sent");
        socket.shutdown(Shutdown::Write).expect("a socket");
        let mut all = String::new();
        socket
            .read_to_string(&mut all)
            .expect("replies, then the end");
        assert_eq!(all, "+PONG\r\n".repeat(count));
    }
}

#[test]
fn the_last_replies_of_a_client_that_is_closed_arrive() {
    let server = start();
    let mut socket = TcpStream::connect(server.address()).expect("it listens");
    let mut requests = request(&["PING"]).repeat(100);
    requests.extend(b"*1\r\n$x\r\n");
    requests.extend(request(&["PING"]));
    socket.write_all(&requests).expect("sent");
    let mut all = String::new();
    socket
        .read_to_string(&mut all)
        .expect("replies, then the end");
    let error = "-ERR Protocol error: invalid bulk length\r\n";
    assert_eq!(all, "+PONG\r\n".repeat(100) + error);
}

#[test]
fn a_blocked_client_that_disconnects_is_noticed() {
    let server = start();
    let mut admin = server.client();
    // Alone, and with requests behind it.
    for behind in [0, 1, 3000] {
        let mut client = server.client();
        let mut requests = request(&["BLPOP", "list", "0"]);
        requests.extend(request(&["ECHO", &"x".repeat(100)]).repeat(behind));
        client.send_raw(&requests).expect("sent");
        wait_until("the client blocks", || blocked(&mut admin) == "1");
        drop(client);
        wait_until("its end is seen", || blocked(&mut admin) == "0");
    }
    assert_eq!(admin.info_field("clients", "connected_clients"), "1");
}

#[test]
fn a_flood_from_a_blocked_client_meets_the_query_buffer_limit() {
    let server = threaded().config("client-query-buffer-limit 1mb").start();
    let mut admin = server.client();
    let mut client = server.client();
    client.send(&["BLPOP", "list", "0"]).expect("sent");
    wait_until("the client blocks", || blocked(&mut admin) == "1");
    let flood = request(&["ECHO", &"x".repeat(1000)]).repeat(4000);
    let _ = client.send_raw(&flood);
    wait_until("the client is closed", || blocked(&mut admin) == "0");
    server.wait_log("Closing client that reached max query buffer length");
}

#[test]
fn a_client_that_does_not_read_meets_the_output_limit() {
    let server = threaded()
        .config("client-output-buffer-limit normal 3mb 0 0")
        .start();
    let mut admin = server.client();
    admin.cmd(&["SET", "k", &"x".repeat(60_000)]);
    let mut client = server.client();
    let _ = client.send_raw(&request(&["GET", "k"]).repeat(1000));
    let field = "client_output_buffer_limit_disconnections";
    wait_until("the client is closed", || {
        admin.info_field("stats", field) == "1"
    });
    assert_eq!(admin.info_field("clients", "connected_clients"), "1");
}

#[test]
fn messages_of_others_come_in_order_between_replies() {
    let server = start();
    let mut publisher = server.client();
    let mut subscribers: Vec<Client> = (0..5).map(|_| server.client()).collect();
    for subscriber in &mut subscribers {
        subscriber.ok("HELLO 3");
        subscriber.ok("SUBSCRIBE c");
    }
    for n in 0..500 {
        assert_eq!(publisher.int(&format!("PUBLISH c {n}")), 5);
    }
    for subscriber in &mut subscribers {
        for n in 0..500 {
            let message = subscriber.read().expect("a message");
            let text = message.items().and_then(|items| items[2].text());
            assert_eq!(text, Some(n.to_string().as_str()));
        }
        assert_eq!(subscriber.text("PING"), "PONG");
    }
}

#[test]
fn replies_wait_for_the_disk_and_keep_their_order() {
    let server = threaded()
        .config("appendonly yes")
        .config("appendfsync always")
        .start();
    let mut client = server.client();
    let commands: Vec<Vec<String>> = (0..500)
        .map(|i| match i % 2 {
            0 => vec!["SET".into(), "k".into(), i.to_string()],
            _ => vec!["GET".into(), "k".into()],
        })
        .collect();
    let replies = client.pipeline(&commands);
    for (i, reply) in replies.iter().enumerate() {
        let expected = match i % 2 {
            0 => "OK".to_owned(),
            _ => (i - 1).to_string(),
        };
        assert_eq!(reply.text(), Some(expected.as_str()));
    }
}

#[test]
fn a_replica_is_served_over_a_connection_that_a_thread_owned() {
    let primary = start();
    let mut client = primary.client();
    client.ok("SET before 1");
    let replica = threaded().replica_of(&primary).start();
    let mut reader = replica.client();
    wait_until("the replica is in step", || {
        client.run("SET after 2");
        reader.run("GET after").text() == Some("2")
    });
    assert_eq!(reader.text("GET before"), "1");
    assert_eq!(client.int("WAIT 1 0"), 1);
    assert_eq!(client.int("CLIENT KILL TYPE replica"), 1);
    wait_until("it connects again", || {
        client.info_field("replication", "connected_slaves") == "1"
    });
}

#[test]
fn threads_share_the_clients_and_are_counted() {
    let server = start();
    let mut clients: Vec<Client> = (0..6).map(|_| server.client()).collect();
    for client in &mut clients {
        client.ok("PING");
    }
    let admin = &mut clients[0];
    wait_until("the client of the start is gone", || {
        admin.info_field("clients", "connected_clients") == "6"
    });
    let threads = admin.info("threads");
    assert_eq!(threads["io_thread_0"], "clients=0,reads=0,writes=0");
    let counts = ["io_thread_1", "io_thread_2"].map(|name| {
        let line = threads[name].strip_prefix("clients=");
        let count = line.and_then(|line| line.split(',').next());
        count.and_then(|n| n.parse::<usize>().ok())
    });
    // That client may have been there when the others came.
    assert!([2, 3, 4].map(Some).contains(&counts[0]), "{counts:?}");
    assert_eq!(counts[0].zip(counts[1]).map(|(a, b)| a + b), Some(6));
    assert_eq!(clients[0].info_field("server", "io_threads_active"), "1");
    let reads = clients[0].info_field("stats", "io_threaded_reads_processed");
    assert_ne!(reads, "0");
    let stats = clients[0].info("stats");
    let count = |field: &str| stats[field].parse::<u64>().expect("a number");
    let groups = count("io_threaded_total_prefetch_batches");
    // Few keys are not prefetched.
    assert_eq!(count("io_threaded_total_prefetch_entries"), 0, "{groups}");
    assert_eq!(clients[0].config("io-threads").as_deref(), Some("3"));
    let refused = clients[0].error("CONFIG SET io-threads 2");
    assert!(refused.contains("can't set immutable config"), "{refused}");
}
