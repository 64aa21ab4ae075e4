//! Failover by three real Sentinels: from kill -9 of the primary, under writes, to the first write that its
//! successor has answered. Most of it is the second that Sentinel waits before it believes that a server is
//! down, and its election; what is left is the server's.

use std::time::Instant;

use crate::board::{Better, Board};
use crate::contest::Contestant;
use crate::options::Options;
use crate::support::sentinel::{Counter, watch};
use crate::support::wait::wait_until;

const REPLICAS: usize = 2;

/// Runs the job; the data sets are not used.
pub fn run(options: &Options) {
    let title = "failover by Sentinel (down-after 1 s): from kill -9 to the next answered write";
    let mut board = Board::new(title, "s", Better::Lower);
    for _ in 0..options.rounds {
        for server in &options.servers {
            if let Some(seconds) = failover(server) {
                board.add(&server.name, seconds);
            }
        }
    }
    board.print();
}

/// Seconds; `None` without a Sentinel on this machine.
fn failover(server: &Contestant) -> Option<f64> {
    let mut primary = server.builder().start();
    let replicas = [(); REPLICAS].map(|()| server.builder().replica_of(&primary).start());
    for replica in &replicas {
        let mut client = replica.client();
        wait_until("the link is up", || {
            client.info_field("replication", "master_link_status") == "up"
        });
    }
    let sentinels = watch(&primary, REPLICAS)?;
    let counter = Counter::start(&sentinels[0]);
    counter.wait_more(1_000);
    let start = Instant::now();
    primary.kill();
    // One answer may have been on its way.
    counter.wait_more(2);
    Some(start.elapsed().as_secs_f64())
}
