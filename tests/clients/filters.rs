//! The filters of CLIENT LIST and CLIENT KILL, beside Valkey 9.1, whose they are but for a few.

use crate::support::client::Client;
use crate::support::peers;
use crate::support::server::{Builder, Server};

/// Clients that can be told apart, and the one that asks last.
fn crowd(server: &Server) -> Vec<Client> {
    let lines: [&[&str]; 5] = [
        &["CLIENT SETNAME alpha", "CLIENT SETINFO LIB-NAME lib"],
        &[
            "CLIENT SETNAME beta",
            "SELECT 3",
            "CLIENT SETINFO LIB-VER 1.0",
        ],
        &["CLIENT SETNAME gamma", "CLIENT CAPA redirect", "MULTI"],
        &["CLIENT SETNAME delta", "SUBSCRIBE channel"],
        &["CLIENT SETNAME me"],
    ];
    let connect = |lines: &&[&str]| {
        let mut client = server.client();
        lines.iter().for_each(|line| drop(client.ok(line)));
        client
    };
    lines.iter().map(connect).collect()
}

/// The names in a reply of CLIENT LIST, or the reply.
fn names(client: &mut Client, line: &str) -> String {
    let reply = client.run(line);
    let text = reply.text().unwrap_or_default().to_owned();
    if reply.is_error() || text.is_empty() {
        return reply.to_string();
    }
    let name = |line: &str| {
        let mut fields = line.split(' ');
        let name = fields.find_map(|field| field.strip_prefix("name="));
        name.unwrap_or_default().to_owned()
    };
    let names: Vec<String> = text.lines().map(name).collect();
    names.join(" ")
}

#[test]
fn the_same_clients_are_meant_as_on_valkey() {
    let Some(valkey) = Builder::peer("valkey-9.1") else {
        return peers::skipped("there is no valkey-9.1 to compare with");
    };
    let servers = [Builder::forebay().start(), valkey.start()];
    let mut crowds: Vec<_> = servers.iter().map(crowd).collect();
    let ids: Vec<Vec<i64>> = crowds
        .iter_mut()
        .map(|crowd| {
            // The others cannot be asked: one is in a transaction, and one has subscribed.
            let me = crowd.last_mut().expect("it asks");
            let list = me.text("CLIENT LIST");
            let id = |line: &str| {
                let first = line.split(' ').next().and_then(|id| id.strip_prefix("id="));
                first.and_then(|id| id.parse().ok()).expect("a number")
            };
            list.lines().map(id).collect()
        })
        .collect();
    let lines = [
        "NAME alpha",
        "NAME alpha NAME beta",
        "NOT-NAME alpha",
        "NOT-NAME alpha NOT-NAME beta",
        "NAME nobody",
        "NAME",
        "FLAGS N",
        "FLAGS P",
        "FLAGS x",
        "FLAGS NP",
        "FLAGS Q",
        "NOT-FLAGS N",
        "NOT-FLAGS P",
        "NOT-FLAGS NP",
        "NOT-FLAGS Q",
        "IP 127.0.0.1",
        "IP 127.0.0.1 IP 1.1.1.1",
        "NOT-IP 127.0.0.1",
        "NOT-IP 1.1.1.1",
        "CAPA r",
        "CAPA x",
        "CAPA rx",
        "NOT-CAPA r",
        "NOT-CAPA x",
        "DB 0",
        "DB 3",
        "DB 16",
        "DB -1",
        "DB x",
        "NOT-DB 3",
        "NOT-DB 99",
        "NOT-DB x",
        "LIB-NAME lib",
        "LIB-NAME other",
        "NOT-LIB-NAME lib",
        "LIB-VER 1.0",
        "NOT-LIB-VER 1.0",
        "USER default",
        "USER nobody",
        "NOT-USER default",
        "NOT-USER nobody",
        "TYPE pubsub",
        "TYPE normal TYPE pubsub",
        "TYPE other",
        "NOT-TYPE pubsub",
        "NOT-TYPE other",
        "ADDR 1.1.1.1:1",
        "NOT-ADDR 1.1.1.1:1",
        "LADDR 1.1.1.1:1",
        "NOT-LADDR 1.1.1.1:1",
        "SKIPME yes",
        "SKIPME no",
        "SKIPME maybe",
        "IDLE 1000",
        "IDLE 0",
        "IDLE -1",
        "IDLE x",
        "MAXAGE 1000",
        "MAXAGE 0",
        "MAXAGE x",
        "NOT-IDLE 1",
        "NOT-MAXAGE 1",
        "NOT-SKIPME yes",
        "ID {0}",
        "ID {0} {1}",
        "ID {0} {1} ID {2}",
        "ID {0} {1} NAME beta",
        "ID {0} NOT-ID {0}",
        "NOT-ID {0} {1}",
        "NOT-ID",
        "ID",
        "DB 0 TYPE normal NOT-NAME alpha SKIPME yes",
        "OTHER x",
    ];
    let asked = |line: &str, ids: &[i64]| {
        let replaced = (0..3).fold(line.to_owned(), |line, n| {
            line.replace(&format!("{{{n}}}"), &ids[n].to_string())
        });
        format!("CLIENT LIST {replaced}")
    };
    for line in lines {
        let replies: Vec<String> = (0..2)
            .map(|n| {
                let me = crowds[n].last_mut().expect("it asks");
                names(me, &asked(line, &ids[n]))
            })
            .collect();
        assert_eq!(replies[0], replies[1], "{line}");
    }
    // What is meant by the filters of a list is killed by the same ones, except who asks.
    for line in [
        "NAME nobody",
        "NAME alpha FLAGS N",
        "ID {1} {2}",
        "NOT-TYPE normal NOT-DB 3",
        "LIB-NAME lib",
        "IP 127.0.0.1",
    ] {
        let replies: Vec<String> = (0..2)
            .map(|n| {
                let me = crowds[n].last_mut().expect("it asks");
                let line = asked(line, &ids[n]).replace("LIST", "KILL");
                format!("{} {}", me.run(&line), names(me, "CLIENT LIST"))
            })
            .collect();
        assert_eq!(replies[0], replies[1], "{line}");
    }
}

#[test]
fn a_client_that_has_sent_exec_is_shown_with_it() {
    let peer = Builder::peer("redis-8.10").or_else(|| Builder::peer("redis-7.0"));
    let servers = [Some(Builder::forebay()), peer].into_iter().flatten();
    for server in servers.map(Builder::start) {
        let (mut admin, mut client) = (server.client(), server.client());
        client.ok("CLIENT SETNAME other");
        for request in ["MULTI", "GET k", "EXEC"] {
            client.run(request);
        }
        let list = admin.text("CLIENT LIST");
        let line = list.lines().find(|line| line.contains(" name=other "));
        let line = line.expect("it is there");
        assert!(line.contains(" cmd=exec "), "{line}");
    }
}
