//! The append-only file: what real servers make of ours, what a crash leaves, what happens when the disk fails.
//!
//! * [`readers`]: real servers load what was written.
//! * [`remembered`]: what replicas have shown to understand is known after a restart.
//! * [`requests`]: bases made of requests.
//! * [`scripts`]: logs with scripts that take long.
//! * [`starts`]: logs that a start finds, whole and wrong, beside a real server.
//! * [`durability`]: what is left after kill -9, and what waits for the disk.
//! * [`archive`]: replicas are served from the increments what memory does not have any more.
//! * [`copies`]: copies of the directory of a running server.
//! * [`crashes`]: rounds of SIGKILL and restart in replication.
//! * [`disk`]: files that cannot grow.
//! * [`history`]: replication goes on from the log after a restart.
//! * [`plain`]: logs without lines of our own.
//! * [`power`]: what is left when the power is cut.
//! * [`switching`]: CONFIG SET, full syncs, DEBUG RELOAD.

#[path = "../support/mod.rs"]
mod support;

mod archive;
mod copies;
mod crashes;
mod disk;
mod durability;
mod history;
mod plain;
mod power;
mod readers;
mod remembered;
mod requests;
mod scripts;
mod starts;
mod switching;

use base::testing::Rng;
use std::path::{Path, PathBuf};
use support::Client;
use support::server::{Builder, Server};
use support::wait::wait_until;
use tempfile::TempDir;

/// Forebay with a log.
fn forebay(fsync: &str) -> Builder {
    Builder::forebay()
        .config("appendonly yes")
        .config(format!("appendfsync {fsync}"))
}

/// Random writes of all types in three databases, transactions and scripts among them.
fn write(client: &mut Client, rng: &mut Rng, count: usize) {
    for i in 0..count {
        let mut n = |most: usize| rng.below(most);
        let lines = [
            format!("SELECT {}", n(3)),
            format!("SET k{} {}", n(300), n(1_000_000)),
            format!("LPUSH l{} {i} {i}", n(30)),
            format!("LPOP l{}", n(30)),
            format!("HSET h{} f{} {i}", n(30), n(50)),
            format!("ZADD z{} {i} m{}", n(30), n(50)),
            format!("XADD x{} * a {i}", n(10)),
            format!("SET e{} v PX {}", n(100), 1_000_000 + n(9)),
            format!("SADD s{} {i} {}", n(7), i + 1),
            format!("SPOP s{}", n(7)),
            format!("INCRBYFLOAT float 0.{i}"),
        ];
        for line in lines {
            client.ok(&line);
        }
        match n(20) {
            0 => {
                for line in ["MULTI", "SET in 1", "SELECT 1", "INCR out", "EXEC"] {
                    client.ok(line);
                }
            }
            1 => drop(client.ok("EVAL \"redis.call('set', KEYS[1], 1) return redis.call('incr', KEYS[1])\" 1 script")),
            2 => drop(client.ok("FLUSHDB")),
            3 => drop(client.ok("COPY k1 k2 REPLACE")),
            _ => {}
        }
    }
}

fn digest(client: &mut Client) -> String {
    client.text("DEBUG DIGEST")
}

/// Waits until the log is a base and what was written since.
fn wait_written(server: &Server) {
    let mut client = server.client();
    wait_until("it is written", || {
        let info = client.info("persistence");
        let is = |field: &str, value: &str| info.get(field).is_some_and(|v| v == value);
        is("aof_buffer_length", "0")
            && is("aof_rewrite_in_progress", "0")
            && is("aof_rewrite_scheduled", "0")
    });
}

/// A copy of a server's log, as a crash would leave it.
fn copy_log(server: &Server) -> TempDir {
    let copy = tempfile::tempdir().expect("a directory");
    let to = copy.path().join("appendonlydir");
    std::fs::create_dir(&to).expect("a directory");
    for entry in std::fs::read_dir(log_directory(server)).expect("there is a log") {
        let entry = entry.expect("it can be read");
        std::fs::copy(entry.path(), to.join(entry.file_name())).expect("it can be copied");
    }
    copy
}

fn log_directory(server: &Server) -> PathBuf {
    server.dir().join("appendonlydir")
}

/// What a server reads from a log.
fn loaded_by(builder: Builder, directory: &Path) -> String {
    let reader = builder
        .config("appendonly yes")
        .config(format!("dir {}", directory.display()))
        .start();
    digest(&mut reader.client())
}
