//! From the start of the process until the data is there and read right; SAVE with fsync; memory a key.

use std::time::Instant;

use crate::board::{Better, Board};
use crate::contest::START_LIMIT;
use crate::data::{Data, Kind};
use crate::options::Options;
use crate::pipe::{Pipe, Random};
use crate::support::client::Client;
use crate::usage::rss_bytes;

/// Runs the job on every data set asked for.
pub fn run(options: &Options) {
    for name in &options.data {
        run_on(&Data::named(name, options), options);
    }
}

fn run_on(data: &Data, options: &Options) {
    let title = |what: &str| format!("{what}: {} ({} keys)", data.name, data.keys);
    let mut load = Board::new(
        title("load until DBSIZE and 1,000 random reads are right"),
        "s",
        Better::Lower,
    );
    let mut save = Board::new(title("SAVE with fsync"), "s", Better::Lower);
    let mut again = Board::new(
        title("SAVE after every key was overwritten"),
        "s",
        Better::Lower,
    );
    let mut lru = Board::new(
        title("SAVE with fsync under allkeys-lru"),
        "s",
        Better::Lower,
    );
    let mut size = Board::new(title("size of the dump"), "MB", Better::Lower);
    let mut memory = Board::new(title("resident memory a key, loaded"), "B", Better::Lower);
    let mut read = Board::new(
        title("resident memory a key, every key read once"),
        "B",
        Better::Lower,
    );
    for round in 0..options.rounds {
        for server in &options.servers {
            let start = Instant::now();
            let running = options
                .builder(server)
                .link_dump(&data.dump)
                .start_within(START_LIMIT);
            let mut client = running.client();
            client.set_reply_limit(None);
            data.check(&mut client, round as u64);
            load.add(&server.name, start.elapsed().as_secs_f64());
            let per_key = || rss_bytes(running.pid()) as f64 / data.keys as f64;
            memory.add(&server.name, per_key());

            save.add(&server.name, timed_save(&mut client));
            let written = std::fs::metadata(running.dump_path()).map_or(0, |m| m.len());
            size.add(&server.name, written as f64 / 1e6);
            // Each key's idle time is written with it then.
            client.ok("CONFIG SET maxmemory-policy allkeys-lru");
            lru.add(&server.name, timed_save(&mut client));
            client.ok("CONFIG SET maxmemory-policy noeviction");

            if data.kind == Kind::Small {
                read_every_key(&mut Pipe::to(running.port()), data.keys);
                read.add(&server.name, per_key());
                overwrite_every_key(&mut Pipe::to(running.port()), data.keys, round as u64);
                again.add(&server.name, timed_save(&mut client));
            }
        }
    }
    for board in [load, save, lru, again, size, memory, read] {
        board.print();
    }
}

/// Seconds until the file is written, synced and renamed.
fn timed_save(client: &mut Client) -> f64 {
    let start = Instant::now();
    client.ok("SAVE");
    start.elapsed().as_secs_f64()
}

fn read_every_key(pipe: &mut Pipe, keys: usize) {
    for i in 0..keys {
        pipe.push(&[b"STRLEN", format!("key:{i}").as_bytes()]); // a reply of one line
    }
}

fn overwrite_every_key(pipe: &mut Pipe, keys: usize, seed: u64) {
    let mut random = Random(seed);
    for i in 0..keys {
        let value = format!("value:{}", random.below(keys));
        pipe.push(&[b"SET", format!("key:{i}").as_bytes(), value.as_bytes()]);
    }
}
