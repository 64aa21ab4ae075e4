//! Memory for input and output of clients: limits hold while a reply grows, and nobody takes more than they may.

use std::io;
use std::time::Duration;

use crate::support::wait::{LONG, wait_for, wait_until};
use crate::support::{Builder, Client, Server, Value};

const MB: usize = 1 << 20;

/// Most memory that the process has held so far, MB.
fn peak(server: &Server) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid()));
    let status = status.expect("the process runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    let kb = line.and_then(|line| line.split_whitespace().nth(1));
    kb.and_then(|kb| kb.parse::<usize>().ok())
        .expect("a number")
        / 1024
}

fn closed_for_output(client: &mut Client) -> u64 {
    let field = client.info_field("stats", "client_output_buffer_limit_disconnections");
    field.parse().expect("a count")
}

/// Reads replies until the connection ends; how many there were.
fn replies_until_the_end(client: &mut Client) -> usize {
    let mut n = 0;
    loop {
        match client.read() {
            Ok(_) => n += 1,
            Err(e) if e.kind() == io::ErrorKind::TimedOut => panic!("it was not closed"),
            Err(_) => return n,
        }
    }
}

/// Collections of 400 elements of 50,000 bytes: 20 MB each.
fn fill(client: &mut Client) {
    let long = "x".repeat(50_000);
    client.cmd(&["SET", "long", &long]);
    for i in 0..400 {
        let element = format!("{i}:{long}");
        let commands = [
            vec!["RPUSH", "list", &element],
            vec!["SADD", "set", &element],
            vec!["HSET", "hash", &element, "v"],
            vec!["ZADD", "zset", "1", &element],
            vec!["XADD", "stream", "*", "f", &element],
            vec!["SET", &element, "v"],
        ];
        client.pipeline(&commands);
    }
}

#[test]
fn no_reply_grows_beyond_the_hard_limit() {
    let server = Builder::forebay()
        .config("proto-max-bulk-len 512mb")
        .start();
    let mut admin = server.client();
    fill(&mut admin);
    admin.ok("CONFIG SET client-output-buffer-limit \"normal 2mb 0 0\"");
    let same = "local t = {} for i=1,400 do t[i] = redis.call('GET','long') end return t";
    let same_in_words =
        "local t = {} for i=1,400 do t[i] = {ok=redis.call('GET','long')} end return t";
    let many: Vec<&str> = std::iter::once("MGET").chain(["long"; 400]).collect();
    let asks: [Vec<&str>; 14] = [
        vec!["LRANGE", "list", "0", "-1"],
        vec!["SMEMBERS", "set"],
        vec!["SUNION", "set"],
        vec!["SRANDMEMBER", "set", "-9223372036854775807"],
        vec!["HGETALL", "hash"],
        vec!["HRANDFIELD", "hash", "-4000000000000000000"],
        vec!["HSCAN", "hash", "0", "COUNT", "100000"],
        vec!["ZRANGE", "zset", "0", "-1"],
        vec!["ZRANDMEMBER", "zset", "-9223372036854775807"],
        vec!["XRANGE", "stream", "-", "+"],
        vec!["KEYS", "*"],
        vec!["SORT", "list", "BY", "nosort"],
        vec!["EVAL", same, "0"],
        vec!["EVAL", same_in_words, "0"],
    ];
    let before = peak(&server);
    for (i, ask) in asks.iter().chain([&many]).enumerate() {
        let mut client = server.client();
        client.set_reply_limit(Some(LONG));
        client.send(ask).expect("it is sent");
        assert_eq!(replies_until_the_end(&mut client), 0, "{}", ask[0]);
        wait_until("it counts as closed for its output", || {
            closed_for_output(&mut admin) == i as u64 + 1
        });
    }
    server.wait_log("scheduled to be closed ASAP for overcoming of output buffer limits");
    // Scripts hold what they return, and SORT and the unions what they go through.
    assert!(
        peak(&server) < before + 150,
        "{} -> {}",
        before,
        peak(&server)
    );
    assert_eq!(admin.int("LLEN list"), 400);
}

#[test]
fn large_replies_arrive_whole() {
    let server = Builder::forebay().start();
    let mut client = server.client();
    fill(&mut client);
    // Elements are counted at the end of this path through nested arrays.
    let asks: [(&[&str], &[usize], usize); 9] = [
        (&["LRANGE", "list", "0", "-1"], &[], 400),
        (&["SMEMBERS", "set"], &[], 400),
        (&["SUNION", "set"], &[], 400),
        (&["HGETALL", "hash"], &[], 800),
        (&["HSCAN", "hash", "0", "COUNT", "100000"], &[1], 800),
        (&["ZRANGE", "zset", "0", "-1", "WITHSCORES"], &[], 800),
        (&["XRANGE", "stream", "-", "+"], &[], 400),
        (&["XREAD", "STREAMS", "stream", "0"], &[0, 1], 400),
        (&["KEYS", "*:x*"], &[], 400),
    ];
    for (ask, path, n) in asks {
        let reply = client.cmd(ask);
        let mut elements = reply.items().expect("an array");
        for &step in path {
            elements = elements[step].items().expect("an array");
        }
        assert_eq!(elements.len(), n, "{}", ask[0]);
        let all: usize = elements.iter().map(size).sum();
        assert!((20_000_000..20_100_000).contains(&all), "{}: {all}", ask[0]);
    }
    client.ok("MULTI");
    client.ok("KEYS *:x*");
    client.ok("LRANGE list 0 -1");
    let replies = client.ok("EXEC");
    assert_eq!(size(&replies) / 1_000_000, 40);
    assert_eq!(client.ok("PING").text(), Some("PONG"));
}

/// Bytes of all strings within.
fn size(value: &Value) -> usize {
    match value.items() {
        Some(items) => items.iter().map(size).sum(),
        None => value.bytes().map_or(0, <[u8]>::len),
    }
}

#[test]
fn a_replica_with_expired_fields_survives_any_count_of_random_ones() {
    let server = Builder::forebay().start();
    let mut admin = server.client();
    admin.ok("HSET h a 1 b 2");
    admin.ok("HPEXPIRE h 1500 FIELDS 1 a");
    // Nobody is there: from here on fields that expire are hidden, not deleted.
    admin.ok("REPLICAOF 127.0.0.1 1");
    wait_until("a field has expired", || admin.run("HGET h a").is_null());
    admin.ok("CONFIG SET client-output-buffer-limit \"normal 2mb 0 0\"");
    let mut client = server.client();
    client
        .send(&["HRANDFIELD", "h", "-9223372036854775807"])
        .expect("it is sent");
    assert_eq!(replies_until_the_end(&mut client), 0);
    assert_eq!(
        admin.run("HRANDFIELD h -2").items().map(<[Value]>::len),
        Some(2)
    );
}

#[test]
fn a_transaction_runs_to_its_end_though_its_reply_is_too_large() {
    let server = Builder::forebay().start();
    let mut admin = server.client();
    admin.cmd(&["SET", "long", &"x".repeat(MB)]);
    admin.ok("CONFIG SET client-output-buffer-limit \"normal 3mb 0 0\"");
    let mut client = server.client();
    client.ok("MULTI");
    client.ok("SET first 1");
    for _ in 0..300 {
        client.ok("GET long");
    }
    client.ok("SET last 1");
    let before = peak(&server);
    client.send(&["EXEC"]).expect("it is sent");
    assert_eq!(replies_until_the_end(&mut client), 0);
    assert_eq!(admin.int("EXISTS first last"), 2);
    assert_eq!(closed_for_output(&mut admin), 1);
    assert!(
        peak(&server) < before + 50,
        "{} -> {}",
        before,
        peak(&server)
    );
}

#[test]
fn a_pipeline_beyond_a_small_limit_gets_no_reply_and_changes_what_it_says() {
    let server = Builder::forebay().start();
    let mut admin = server.client();
    admin.cmd(&["SET", "big", &"x".repeat(10_000)]);
    admin.ok("CONFIG SET client-output-buffer-limit \"normal 100000 0 0\"");
    let mut client = server.client();
    client.ok("CLIENT SETNAME pipeline");
    let batch = "SET k 1\r\nGET big\r\n".repeat(15);
    client.send_raw(batch.as_bytes()).expect("it is sent");
    assert_eq!(replies_until_the_end(&mut client), 0);
    wait_until("the client is gone", || {
        !admin.text("CLIENT LIST").contains("name=pipeline")
    });
    assert_eq!(admin.int("EXISTS k"), 1);
}

#[test]
fn requests_wait_while_their_client_reads_nothing() {
    let server = Builder::forebay().start();
    let mut admin = server.client();
    let long = "y".repeat(MB);
    admin.cmd(&["SET", "long", &long]);
    let mut client = server.client();
    let mut batch = "GET long\r\nINCR n\r\n".repeat(400);
    batch.push_str("ECHO end\r\n");
    client.send_raw(batch.as_bytes()).expect("it is sent");
    wait_until("replies pile up", || {
        admin.text("CLIENT LIST").contains("qbuf=6")
    });
    assert!(admin.int("INCRBY n 0") < 100, "the rest waits");
    assert!(peak(&server) < 200, "{} MB", peak(&server));
    for i in 1..=400 {
        let reply = client.read().expect("a reply");
        assert!(reply.bytes() == Some(long.as_bytes()), "reply {i}");
        assert_eq!(client.read().expect("a reply").int(), Some(i));
    }
    assert_eq!(client.read().expect("a reply").text(), Some("end"));
    assert!(peak(&server) < 200, "{} MB", peak(&server));
}

#[test]
fn a_soft_limit_closes_after_its_time_a_client_that_waits() {
    let server = Builder::forebay().start();
    let mut admin = server.client();
    admin.cmd(&["SET", "long", &"y".repeat(MB)]);
    admin.ok("CONFIG SET client-output-buffer-limit \"normal 0 40mb 1\"");
    let mut client = server.client();
    let batch = "GET long\r\n".repeat(400);
    client.send_raw(batch.as_bytes()).expect("it is sent");
    wait_until("it is closed", || closed_for_output(&mut admin) == 1);
    assert!(peak(&server) < 200, "{} MB", peak(&server));
}

#[test]
fn a_reply_is_the_value_as_it_was_when_the_command_ran() {
    let server = Builder::forebay().start();
    let mut admin = server.client();
    let value: Vec<u8> = (0..20 * MB).map(|i| (i / 999) as u8).collect();
    // Loaded from a dump, it is held compressed.
    admin.cmd(&[b"SET".as_slice(), b"packed", &value]);
    admin.ok("DEBUG RELOAD");
    assert!(admin.run("GET packed").bytes() == Some(&value));
    assert!(
        admin.run("GETRANGE packed 70000 -70001").bytes()
            == Some(&value[70_000..value.len() - 70_000])
    );
    for change in [
        "DEL k",
        "SETRANGE k 5000000 changed",
        "APPEND k more",
        "SET k new",
        "FLUSHALL",
    ] {
        admin.cmd(&[b"SET".as_slice(), b"k", &value]);
        let mut clients = [(); 3].map(|()| server.client());
        let asks: [&[&str]; 3] = [
            &["GET", "k"],
            &["GETRANGE", "k", "70000", "-70001"],
            &["MGET", "k", "k"],
        ];
        for (client, ask) in clients.iter_mut().zip(asks) {
            client.send(ask).expect("it is sent");
        }
        wait_until("all of them wait for their reply to be read", || {
            let list = admin.text("CLIENT LIST");
            list.lines()
                .filter(|line| line.contains("events=rw"))
                .count()
                == 3
        });
        admin.ok(change);
        let [get, range, many] = clients.each_mut().map(|c| c.read().expect("a reply"));
        assert!(get.bytes() == Some(&value), "{change}");
        assert!(
            range.bytes() == Some(&value[70_000..value.len() - 70_000]),
            "{change}"
        );
        let many = many.items().expect("an array");
        assert!(many.iter().all(|v| v.bytes() == Some(&value)), "{change}");
    }
}

#[test]
fn what_is_sent_to_a_silent_reader_is_bounded_while_a_script_runs() {
    let server = Builder::forebay().start();
    let mut admin = server.client();
    admin.ok("CONFIG SET client-output-buffer-limit \"pubsub 8mb 0 0 normal 8mb 0 0\"");
    let mut readers = [(); 4].map(|()| server.client());
    readers[0].ok("SUBSCRIBE c");
    readers[1].ok("PSUBSCRIBE *");
    readers[2].ok("MONITOR");
    readers[3].ok("HELLO 3");
    readers[3].ok("CLIENT TRACKING on BCAST");
    let before = peak(&server);
    let script = "local x = string.rep('x', 20000)
        for i = 1, 10000 do
          redis.call('PUBLISH', 'c', x)
          redis.call('SET', string.rep('k', 20000) .. i % 2, 1)
        end
        return 1";
    assert_eq!(admin.cmd(&["EVAL", script, "0"]).int(), Some(1));
    wait_until("they are closed", || closed_for_output(&mut admin) >= 3);
    assert!(
        peak(&server) < before + 150,
        "{} -> {}",
        before,
        peak(&server)
    );
    for reader in &mut readers[..3] {
        replies_until_the_end(reader);
    }
}

#[test]
fn who_has_not_authenticated_holds_little() {
    let server = Builder::forebay()
        .config("requirepass secret")
        // With I/O threads, requests are read no faster than their replies are taken, so that nothing piles up.
        .config("io-threads 1")
        .password("secret")
        .start();
    let mut admin = server.client();
    let before = peak(&server);
    for _ in 0..20 {
        let mut client = Client::connect(server.address()).expect("it listens");
        client.set_reply_limit(Some(LONG));
        let flood = "PING\r\n".repeat(100_000);
        // The server may end the connection while this is sent.
        let _ = client.send_raw(flood.as_bytes());
        replies_until_the_end(&mut client);
    }
    assert_eq!(closed_for_output(&mut admin), 20);
    // One by one, each reply read, nothing is too much.
    let mut patient = Client::connect(server.address()).expect("it listens");
    for _ in 0..2000 {
        assert!(patient.run("PING").is_error());
    }
    assert_eq!(patient.run("AUTH secret"), Value::Simple("OK".into()));
    assert!(
        peak(&server) < before + 20,
        "{} -> {}",
        before,
        peak(&server)
    );
}

#[test]
fn requests_of_a_transaction_count_as_input() {
    let server = Builder::forebay()
        .config("client-query-buffer-limit 4mb")
        .start();
    let mut client = server.client();
    client.ok("MULTI");
    let value = "v".repeat(100_000);
    let sent = (0..200).take_while(|_| client.try_cmd(&["SET", "k", &value]).is_ok());
    assert!((30..60).contains(&sent.count()));
    let mut admin = server.client();
    let closed = admin.info_field("stats", "client_query_buffer_limit_disconnections");
    assert_eq!(closed, "1");
}

/// A value that arrived in one piece was never seen as waiting, however large it was.
#[test]
fn an_argument_beyond_the_limit_of_input_is_refused_however_it_arrives() {
    let limit = 2 << 20;
    for threads in [1, 2] {
        let server = Builder::forebay()
            .config(format!("client-query-buffer-limit {limit}"))
            .config(format!("io-threads {threads}"))
            .start();
        let mut admin = server.client();
        let mut closed = 0;
        for (len, fits) in [(limit - 2, true), (limit - 1, false), (3 * limit, false)] {
            let value = "v".repeat(len);
            let reply = server.client().try_cmd(&["SET", "k", &value]);
            assert_eq!(reply.is_ok(), fits, "{len} bytes, {threads} threads");
            closed += usize::from(!fits);
            let field = "client_query_buffer_limit_disconnections";
            wait_until("it is counted", || {
                admin.info_field("stats", field) == closed.to_string()
            });
        }
    }
}

#[test]
fn client_list_says_what_is_held() {
    let server = Builder::forebay().start();
    let mut client = server.client();
    let own = client.text("CLIENT INFO");
    assert!(own.contains(" qbuf=26 "), "{own}");
    assert!(own.contains(" argv-mem=10 multi-mem=0 "), "{own}");
    let mut reader = server.client();
    reader.ok("SUBSCRIBE c");
    let message = "m".repeat(MB);
    let figure = |client: &mut Client, name: &str| -> usize {
        let list = client.text("CLIENT LIST TYPE pubsub");
        let words = list.split_whitespace();
        let mut words = words.filter_map(|w| w.strip_prefix(name)?.strip_prefix('='));
        let word = words.next().expect("a subscriber has that figure");
        word.parse().expect("a number")
    };
    // The socket takes the first ones.
    let mut published = 0;
    let held = wait_for("output is held", LONG, || {
        client.cmd(&["PUBLISH", "c", &message]);
        published += 1;
        Some(figure(&mut client, "omem")).filter(|held| *held > 5 * MB)
    });
    assert!(held < published * (MB + 100));
    assert!(figure(&mut client, "tot-mem") > held);
    let clients = client.info_field("memory", "mem_clients_normal");
    assert!(
        clients.parse::<usize>().expect("a number") > held,
        "{clients}"
    );
    client.ok("CONFIG SET maxmemory-clients 1mb");
    assert_eq!(client.info_field("stats", "evicted_clients"), "1");
    reader.set_reply_limit(Some(Duration::from_secs(60)));
    replies_until_the_end(&mut reader);
}

/// A request counts before it runs, and what it took is not kept.
#[test]
fn a_request_beyond_maxmemory_clients_does_not_run() {
    let server = Builder::forebay().config("maxmemory-clients 4mb").start();
    let mut client = server.client();
    let mut large = server.client();
    large.ok("SET k v");
    let held = |client: &mut Client| -> usize {
        let held = client.info_field("memory", "mem_clients_normal");
        held.parse().expect("a number")
    };
    let before = held(&mut client);
    assert!(before > 0, "who asks counts, too");
    let many: Vec<String> = (0..100_000).map(|i| i.to_string()).collect();
    let sadd = ["SADD".to_owned(), "s".to_owned()];
    let sadd: Vec<&str> = sadd.iter().chain(&many).map(String::as_str).collect();
    assert_eq!(large.cmd(&sadd), Value::Int(100_000));
    wait_until("its memory is given back", || {
        held(&mut client) < before + (256 << 10)
    });
    // The connection may end while the value is still being sent.
    let value = "v".repeat(4 * MB);
    assert!(large.try_cmd(&["SET", "k", &value]).is_err());
    assert_eq!(client.text("GET k"), "v");
    assert_eq!(client.info_field("stats", "evicted_clients"), "1");
}
