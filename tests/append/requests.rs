//! Bases made of requests: `aof-use-rdb-preamble no`.

use crate::readers::{assert_valid, rewrite};
use crate::support::Client;
use crate::support::server::{Builder, Server};
use crate::support::wait::wait_until;
use crate::{copy_log, digest, forebay, loaded_by, log_directory, write};
use base::testing::Rng;

/// Streams with everything that requests can say of them, expiries, rows longer than one request, and functions.
fn write_more(client: &mut Client) {
    for line in [
        "XADD xs 1-1 a b",
        "XADD xs 2-1 a c d e",
        "XADD xs 3-1 x y",
        "XGROUP CREATE xs g 0 ENTRIESREAD 0",
        "XGROUP CREATE xs idle $",
        "XGROUP CREATECONSUMER xs g nobody",
        "XREADGROUP GROUP g one COUNT 1 STREAMS xs >",
        "XREADGROUP GROUP g two COUNT 1 STREAMS xs >",
        "XDEL xs 3-1",
        "XADD emptied 5-5 a b",
        "XDEL emptied 5-5",
        "XGROUP CREATE never g $ MKSTREAM",
        "ZADD scores -inf a inf b 0.5 c 3 d 1e17 e",
        "SET gone v PX 50000000",
        "PEXPIRE scores 70000000",
        "SET spaces \"a b\\r\\n\\x00\"",
    ] {
        client.ok(line);
    }
    for i in 0..500 {
        client.ok(&format!("SADD long m{i}"));
        client.ok(&format!("HSET longer f{i} {i}"));
        client.ok(&format!("RPUSH longest {i}"));
        client.ok(&format!("SADD numbers {i}"));
    }
    client.ok(
        "FUNCTION LOAD \"#!lua name=lib\\nredis.register_function('f', function() return 7 end)\"",
    );
}

/// What DEBUG DIGEST does not tell.
fn beside(client: &mut Client) -> Vec<String> {
    let lines = [
        "XINFO STREAM xs",
        "XINFO GROUPS xs",
        "XPENDING xs g - + 10 one",
        "XINFO STREAM emptied",
        "XINFO GROUPS never",
        "FUNCTION LIST",
    ];
    let pending = |line: &str, reply: String| match line.starts_with("XPENDING") {
        // How long ago it was.
        true => reply.split_whitespace().take(2).collect(),
        false => reply,
    };
    let told = lines.map(|line| pending(line, client.ok(line).to_string()));
    // How the entries are packed.
    let of = told.iter().map(|reply| {
        let mut words: Vec<&str> = reply.split_whitespace().collect();
        if let Some(at) = words
            .iter()
            .position(|word| word.contains("radix-tree-nodes"))
        {
            words.remove(at + 1);
        }
        words.join(" ")
    });
    of.collect()
}

fn base_name(server: &Server) -> String {
    let manifest = log_directory(server).join("appendonly.aof.manifest");
    let text = std::fs::read_to_string(manifest).expect("there is a manifest");
    let name = text.split_whitespace().nth(1);
    name.expect("it names a file").to_owned()
}

#[test]
fn real_servers_and_we_load_a_base_of_requests_to_the_same_data() {
    let mut server = forebay("everysec")
        .config("aof-use-rdb-preamble no")
        .config("aof-timestamp-enabled yes")
        .start();
    assert_eq!(base_name(&server), "appendonly.aof.1.base.aof");
    let mut client = server.client();
    client.ok("SELECT 5");
    write_more(&mut client);
    write(&mut client, &mut Rng::new(21), 100);
    rewrite(&server, &mut client);
    assert_eq!(base_name(&server), "appendonly.aof.2.base.aof");
    client.ok("SELECT 5");
    client.ok("SET after it");
    let (expected, more) = (digest(&mut client), beside(&mut client));
    server.signal(libc::SIGTERM);
    server.wait_exit();
    let copy = copy_log(&server);
    assert_valid(copy.path());
    let base = copy.path().join("appendonlydir/appendonly.aof.2.base.aof");
    let bytes = std::fs::read(base).expect("there is a base");
    assert!(bytes.starts_with(b"#TS:"), "the time comes first");
    for name in [
        "redis-7.0",
        "redis-7.2",
        "redis-8.2",
        "redis-8.10",
        "valkey-8.1",
        "valkey-9.1",
    ] {
        let Some(reader) = Builder::peer(name) else {
            continue;
        };
        let copy = copy_log(&server);
        assert_eq!(loaded_by(reader, copy.path()), expected, "{name}");
    }
    let server = server.restart();
    let mut client = server.client();
    assert_eq!(digest(&mut client), expected);
    client.ok("SELECT 5");
    assert_eq!(beside(&mut client), more);
}

#[test]
fn fields_with_an_expiry_and_values_that_are_kept_as_bytes_are_in_a_base_of_requests() {
    let readers = ["redis-8.2", "redis-8.10", "valkey-9.1"];
    for name in readers {
        let Some(reader) = Builder::peer(name) else {
            continue;
        };
        let mut server = forebay("everysec")
            .config("aof-use-rdb-preamble no")
            .start();
        let mut client = server.client();
        client.ok("HSET h a 1 b 2 c 3");
        client.ok("HPEXPIRE h 50000000 FIELDS 2 a b");
        client.ok("HSET all x y");
        client.ok("HPEXPIRE all 60000000 FIELDS 1 x");
        for i in 0..200 {
            client.ok(&format!("HSET large f{i} {i}"));
            client.ok(&format!("HPEXPIRE large {} FIELDS 1 f{i}", 70_000_000 + i));
        }
        if let Some(writer) = Builder::peer(name).filter(|_| name == "redis-8.2") {
            let writer = writer.start();
            let mut other = writer.client();
            other.ok("VADD vectors VALUES 3 1 2 3 one");
            let dump = other.ok("DUMP vectors");
            let payload = dump.bytes().expect("a payload").to_vec();
            let reply = client.cmd(&[b"RESTORE", &b"vectors"[..], b"0", &payload]);
            assert_eq!(reply.to_string(), "+OK");
        }
        rewrite(&server, &mut client);
        let expected = digest(&mut client);
        let times = client.ok("HPEXPIRETIME h FIELDS 3 a b c").to_string();
        server.signal(libc::SIGTERM);
        server.wait_exit();
        let copy = copy_log(&server);
        let reader = reader
            .config("appendonly yes")
            .config(format!("dir {}", copy.path().display()))
            .start();
        let mut other = reader.client();
        assert_eq!(other.ok("HPEXPIRETIME h FIELDS 3 a b c").to_string(), times);
        match name {
            "redis-8.2" => assert_eq!(other.int("VCARD vectors"), 1),
            "redis-8.10" => assert_eq!(digest(&mut other), expected),
            // Its digest says nothing of the expiry of fields.
            _ => assert_eq!(other.int("HLEN large"), 200),
        }
        let server = server.restart();
        let mut client = server.client();
        assert_eq!(digest(&mut client), expected);
        assert_eq!(
            client.ok("HPEXPIRETIME h FIELDS 3 a b c").to_string(),
            times
        );
    }
}

#[test]
fn bases_of_requests_that_real_servers_have_written_are_loaded() {
    for name in ["redis-7.0", "redis-8.2", "redis-8.10", "valkey-9.1"] {
        let Some(writer) = Builder::peer(name) else {
            continue;
        };
        let mut writer = writer
            .config("appendonly yes")
            .config("aof-use-rdb-preamble no")
            .start();
        let mut client = writer.client();
        write(&mut client, &mut Rng::new(22), 50);
        client.ok("SELECT 5");
        write_more(&mut client);
        client.ok("BGREWRITEAOF");
        wait_until("the log is rewritten", || {
            client.info_field("persistence", "aof_rewrite_in_progress") == "0"
                && base_name(&writer) == "appendonly.aof.2.base.aof"
        });
        client.ok("SET after it");
        let (expected, more) = (digest(&mut client), beside(&mut client));
        writer.signal(libc::SIGTERM);
        writer.wait_exit();
        let copy = copy_log(&writer);
        let reader = forebay("everysec")
            .config(format!("dir {}", copy.path().display()))
            .start();
        let mut client = reader.client();
        assert_eq!(digest(&mut client), expected, "{name}");
        client.ok("SELECT 5");
        if name != "redis-7.0" && name != "redis-8.10" {
            assert_eq!(beside(&mut client), more, "{name}");
        }
    }
}

#[test]
fn the_form_of_the_base_can_be_set_while_the_server_runs() {
    let server = forebay("everysec").start();
    let mut client = server.client();
    assert_eq!(base_name(&server), "appendonly.aof.1.base.rdb");
    write(&mut client, &mut Rng::new(23), 20);
    for (seq, preamble, ending) in [(2, "no", "aof"), (3, "yes", "rdb"), (4, "no", "aof")] {
        client.ok(&format!("CONFIG SET aof-use-rdb-preamble {preamble}"));
        rewrite(&server, &mut client);
        let name = format!("appendonly.aof.{seq}.base.{ending}");
        assert_eq!(base_name(&server), name);
        let files = std::fs::read_dir(log_directory(&server)).expect("there is a log");
        assert_eq!(files.count(), 3, "base, increment and manifest");
        let expected = digest(&mut client);
        crate::wait_written(&server);
        let copy = copy_log(&server);
        assert_eq!(loaded_by(Builder::forebay(), copy.path()), expected);
    }
}
