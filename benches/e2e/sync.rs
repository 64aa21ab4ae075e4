//! Full sync: from REPLICAOF until the link is up and the replica has every key; then what a slow replica
//! does to others.

use std::time::{Duration, Instant};

use crate::board::{Better, Board};
use crate::contest::{Contestant, START_LIMIT};
use crate::data::Data;
use crate::options::Options;
use crate::slow_reader;
use crate::support::wait::wait_for;

/// How both sides handle the payload.
const MODES: [(&str, [&str; 2]); 3] = [
    (
        "disk to disk",
        ["repl-diskless-sync no", "repl-diskless-load disabled"],
    ),
    (
        "diskless to disk",
        ["repl-diskless-sync yes", "repl-diskless-load disabled"],
    ),
    (
        "diskless to swapdb",
        ["repl-diskless-sync yes", "repl-diskless-load swapdb"],
    ),
];

/// Runs the job on the first data set asked for.
pub fn run(options: &Options) {
    let data = Data::named(&options.data[0], options);
    for (mode, settings) in MODES {
        let title = format!(
            "full sync, {mode}, both sides the same server: {} ({} keys)",
            data.name, data.keys
        );
        let mut board = Board::new(title, "s", Better::Lower);
        for _ in 0..options.rounds {
            for server in &options.servers {
                board.add(&server.name, sync(server, &settings, &data, options));
            }
        }
        board.print();
    }
    slow_reader::run(options);
}

fn sync(server: &Contestant, settings: &[&str], data: &Data, options: &Options) -> f64 {
    let builder = settings
        .iter()
        .fold(options.builder(server), |b, line| b.config(*line));
    let primary = builder
        .clone()
        .link_dump(&data.dump)
        .start_within(START_LIMIT);
    let replica = builder.start();
    let mut client = replica.client();
    let start = Instant::now();
    client.ok(&format!("REPLICAOF 127.0.0.1 {}", primary.port()));
    wait_for("the replica is in sync", START_LIMIT, || {
        // A replica that loads refuses DBSIZE: that is a no, not an end.
        std::thread::sleep(Duration::from_millis(2));
        let up = client.info_field("replication", "master_link_status") == "up";
        (up && client.run("DBSIZE").int() == Some(data.dbsize())).then_some(())
    });
    let seconds = start.elapsed().as_secs_f64();
    data.check(&mut client, 1);
    seconds
}
