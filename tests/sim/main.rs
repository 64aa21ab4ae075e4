//! Replication in one thread and virtual time: the real engines, state machines, snapshots and loaders on a network,
//! on disks and in processes that fail, everything from one number.
//!
//! A seed makes servers in a star or a chain, each with directives of its own, a writer, and the troubles of a
//! [`Climate`](weather::Climate). When the troubles stop, every server must hold what the primary holds, at the same
//! offset of the same history, within bounded virtual time; [`judge`] says what must hold meanwhile.
//!
//! A failure prints the line that runs its seed again, alone: `SIM_CLIMATE=network SIM_SEED=17 cargo test --test sim`.
//! `SIM_SEEDS=<n>` sets how many seeds each climate gets. What failed once is kept, with its story, in `testdata/seeds.txt`.
//!
//! * [`node`]: one server: an engine, and the product's drivers, with what they need of the world: [`serving`] replicas'
//!   connections, [`saving`] snapshots, [`receiving`] payloads, and [`transport`] between them. [`follower`]: what is
//!   seen of a link; [`collecting`]: the stream that waits for its payload.
//! * [`host`]: what commands need; [`disk`]: where dumps go; [`scratch`]: what memory has no room for; [`net`]: connections; [`carry`]: what they do.
//! * [`appending`]: who writes the append-only file; [`logs`]: how it is configured, and what is done to it; [`promises`]: what of it
//!   must be there after a crash. [`power`]: what a power cut leaves of a disk.
//! * [`dumps`]: what the dump of a process that has ended must hold.
//! * [`weather`]: what goes wrong; [`trouble`]: how; [`writer`]: what clients write.
//! * [`world`]: servers, connections, time; [`judge`]: what must hold.

mod appending;
mod carry;
mod collecting;
mod disk;
mod dumps;
mod follower;
mod host;
mod judge;
mod logs;
mod net;
mod node;
mod power;
mod promises;
mod receiving;
mod saving;
mod scratch;
mod serving;
mod transport;
mod trouble;
mod weather;
mod world;
mod writer;

use weather::Climate;
use world::{Tally, World};

/// Seeds of each climate in a test run.
const SEEDS: u64 = 430;

/// Runs the climate's seeds; gives what happened in all of them.
fn run(climate: Climate) -> Tally {
    let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
    let only = std::env::var("SIM_CLIMATE").ok();
    let mut all = Tally::default();
    if only.is_some_and(|only| only != climate.name()) {
        return all;
    }
    let seeds = match number("SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SIM_SEEDS").unwrap_or(SEEDS),
    };
    for seed in seeds {
        all.add(run_one(climate, seed));
    }
    all
}

fn run_one(climate: Climate, seed: u64) -> Tally {
    let result = std::panic::catch_unwind(|| World::new(seed, climate).run());
    let why = match result {
        Ok(Ok(tally)) => return tally,
        Ok(Err(why)) => why,
        Err(_) => "it panicked, see above".to_owned(),
    };
    let name = climate.name();
    panic!("run it again: SIM_CLIMATE={name} SIM_SEED={seed} cargo test --test sim\n{why}");
}

/// True unless single seeds were asked for: then not everything happens that should.
fn all_of_them() -> bool {
    ["SIM_SEED", "SIM_SEEDS", "SIM_CLIMATE"]
        .iter()
        .all(|name| std::env::var_os(name).is_none())
}

#[test]
fn replicas_converge_on_a_slow_network() {
    let tally = run(Climate::Calm);
    assert!(!all_of_them() || tally.full > 0, "{tally:?}");
}

#[test]
fn replicas_converge_after_links_were_cut_stalled_and_damaged() {
    let tally = run(Climate::Network);
    let happened = tally.full > 0 && tally.partial > 0 && tally.refused > 0;
    assert!(!all_of_them() || happened, "{tally:?}");
}

#[test]
fn replicas_converge_after_disks_were_full_and_slow() {
    let tally = run(Climate::Disks);
    let payloads = tally.full > 0 && tally.refused > 0 && tally.untaken > 0;
    let happened = payloads && tally.spilled > 0 && tally.payload_files > 0;
    assert!(!all_of_them() || happened, "{tally:?}");
}

#[test]
fn replicas_converge_after_servers_crashed_and_came_back() {
    let tally = run(Climate::Crashes);
    let happened = tally.full > 0 && tally.partial > 0 && tally.restarts > 0;
    assert!(!all_of_them() || happened, "{tally:?}");
}

#[test]
fn replicas_converge_after_roles_changed() {
    let tally = run(Climate::Roles);
    let happened = tally.full > 0 && tally.partial > 0 && tally.failovers > 0;
    assert!(!all_of_them() || happened, "{tally:?}");
}

#[test]
fn dumps_hold_their_cuts_however_processes_ended() {
    let tally = run(Climate::Dumps);
    let in_the_midst = [
        tally.ended_starting,
        tally.ended_saving,
        tally.ended_incomplete,
    ];
    let late = tally.late_saves > 0;
    let happened = in_the_midst.iter().all(|n| *n > 5) && tally.ended > 500 && late;
    assert!(!all_of_them() || happened, "{tally:?}");
}

#[test]
fn what_is_durable_in_a_log_is_there_however_processes_and_disks_end() {
    let tally = run(Climate::Logs);
    let happened = tally.rewrites > 0 && tally.compared > 0 && tally.between > 0;
    let synced = tally.full > 0 && tally.partial > 0 && tally.faults > 0;
    assert!(!all_of_them() || (happened && synced), "{tally:?}");
}

#[test]
fn replicas_converge_after_everything_went_wrong() {
    run(Climate::Storm);
}

#[test]
fn replicas_converge_after_full_syncs_over_two_connections() {
    let tally = run(Climate::Channels);
    let happened = tally.full > 0 && tally.second > 0 && tally.collected > 0;
    let ended = tally.second_ended > 0 && tally.refused > 0;
    assert!(!all_of_them() || (happened && ended), "{tally:?}");
}

/// Without this a seed would tell nothing.
#[test]
fn a_seed_makes_the_same_run_again() {
    for seed in 0..5 {
        let end = || {
            let mut world = World::new(seed, Climate::Storm);
            let tally = world.run().expect("others look for what fails");
            (world.now_ms, tally)
        };
        assert_eq!(end(), end(), "seed {seed}");
    }
}

/// `testdata/seeds.txt`: climate, number, what was wrong.
#[test]
fn seeds_that_failed_once_pass() {
    for line in include_str!("../../testdata/seeds.txt").lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut words = line.split_whitespace();
        let (name, seed) = (words.next(), words.next().and_then(|w| w.parse().ok()));
        let climate = Climate::ALL.into_iter().find(|c| Some(c.name()) == name);
        let (Some(climate), Some(seed)) = (climate, seed) else {
            panic!("a line is a climate, a number and a story: {line}");
        };
        run_one(climate, seed);
    }
}
