//! The log while the server runs: switched on and off, and when the dataset is replaced.

use crate::support::server::Builder;
use crate::support::wait::wait_until;
use crate::{copy_log, digest, forebay, loaded_by, write};
use base::testing::Rng;

#[test]
fn it_can_be_switched_on_and_off() {
    let server = Builder::forebay().start();
    let mut client = server.client();
    let mut rng = Rng::new(5);
    write(&mut client, &mut rng, 30);
    for _ in 0..2 {
        client.ok("CONFIG SET appendonly yes");
        write(&mut client, &mut rng, 30);
        wait_until("the log has its base", || {
            client.info_field("persistence", "aof_rewrite_in_progress") == "0"
                && client.info_field("persistence", "aof_rewrite_scheduled") == "0"
        });
        write(&mut client, &mut rng, 30);
        let expected = digest(&mut client);
        client.ok("CONFIG SET appendonly no");
        assert_eq!(client.info_field("persistence", "aof_enabled"), "0");
        client.ok("SET behind it");
        let copy = copy_log(&server);
        let Some(reader) = Builder::peer("redis-8.2") else {
            continue;
        };
        assert_eq!(loaded_by(reader, copy.path()), expected);
        assert_eq!(loaded_by(Builder::forebay(), copy.path()), expected);
    }
}

#[test]
fn a_dump_becomes_the_base_where_there_is_no_log() {
    let server = Builder::forebay().start();
    let mut client = server.client();
    write(&mut client, &mut Rng::new(6), 50);
    client.ok("SAVE");
    let expected = digest(&mut client);
    let mut server = server.restart_with(|builder| builder.config("appendonly yes"));
    assert_eq!(digest(&mut server.client()), expected);
    server.kill();
    std::fs::remove_file(server.dump_path()).expect("there is a dump");
    let server = server.restart();
    assert_eq!(digest(&mut server.client()), expected);
}

#[test]
fn a_full_sync_gives_the_log_another_base() {
    for load in ["disabled", "swapdb"] {
        let primary = Builder::forebay().start();
        write(&mut primary.client(), &mut Rng::new(8), 50);
        let replica = forebay("everysec")
            .config(format!("repl-diskless-load {load}"))
            .start();
        let mut client = replica.client();
        client.ok("SET old value");
        client.ok(&format!("REPLICAOF 127.0.0.1 {}", primary.port()));
        wait_until("the link is up", || {
            client.info_field("replication", "master_link_status") == "up"
        });
        write(&mut primary.client(), &mut Rng::new(9), 50);
        let expected = digest(&mut primary.client());
        wait_until("it has all", || digest(&mut client) == expected);
        wait_until("the log has its base", || {
            client.info_field("persistence", "aof_rewrite_in_progress") == "0"
                && client.info_field("persistence", "aof_rewrite_scheduled") == "0"
                && client.info_field("persistence", "aof_buffer_length") == "0"
        });
        let copy = copy_log(&replica);
        let Some(reader) = Builder::peer("redis-8.2") else {
            continue;
        };
        assert_eq!(loaded_by(reader, copy.path()), expected, "{load}");
    }
}

#[test]
fn debug_loadaof_gives_what_was_written_and_the_log_goes_on() {
    for fsync in ["always", "everysec", "no"] {
        let mut server = forebay(fsync).start();
        let mut client = server.client();
        let mut rng = Rng::new(11);
        for round in 0..4 {
            write(&mut client, &mut rng, 30);
            if round == 2 {
                client.ok("BGREWRITEAOF");
            }
            let before = digest(&mut client);
            client.ok("DEBUG LOADAOF");
            assert_eq!(digest(&mut client), before, "{fsync}, round {round}");
        }
        client.ok("SET last 1");
        let expected = digest(&mut client);
        server.signal(libc::SIGTERM);
        server.wait_exit();
        let copy = copy_log(&server);
        assert_eq!(loaded_by(Builder::forebay(), copy.path()), expected);
    }
}
