//! Replication in one thread and virtual time: real engines and state machines, a network that delays
//! and cuts at any byte, chains, changes of role; everything follows from a seed.
//!
//! Judged by the datasets: when the faults stop, every server must hold what the primary holds, at the
//! same offset of the same history. A failure prints its seed; `SIM_SEED=<n>` runs that one alone, and
//! `SIM_SEEDS=<n>` sets how many are run.
//!
//! * [`node`]: one server: an engine, and drivers that are as dull as the real ones.
//! * [`world`]: servers, connections, time, faults.

mod node;
mod world;

use world::{Faults, Tally, World};

fn seeds(default: u64) -> Vec<u64> {
    let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
    match number("SIM_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("SIM_SEEDS").unwrap_or(default)).collect(),
    }
}

/// Seeds that failed once; testdata/seeds.txt tells their stories.
fn known() -> Vec<u64> {
    let text = include_str!("../../testdata/seeds.txt");
    let numbers = text
        .lines()
        .filter_map(|l| l.split_whitespace().next()?.parse().ok());
    numbers.collect()
}

/// Runs the seeds; gives what happened in all of them.
fn run(faults: Faults, seeds: &[u64]) -> Tally {
    let mut all = Tally::default();
    for &seed in seeds {
        let result = std::panic::catch_unwind(|| World::new(seed, 4).run(faults, 20_000));
        match result {
            Ok(Ok(tally)) => {
                all.full += tally.full;
                all.partial += tally.partial;
                all.spilled += tally.spilled;
            }
            Ok(Err(why)) => panic!("seed {seed}, {faults:?}: {why}"),
            Err(_) => panic!("seed {seed}, {faults:?}: panicked, see above"),
        }
    }
    all
}

#[test]
fn replicas_converge_on_a_good_network() {
    run(Faults::None, &seeds(10));
}

#[test]
fn replicas_converge_after_links_were_cut_at_any_byte() {
    let tally = run(Faults::Cuts, &seeds(30));
    assert!(
        tally.full > 0 && tally.partial > 0 && tally.spilled > 0,
        "{tally:?}"
    );
}

#[test]
fn replicas_converge_after_links_were_cut_and_roles_changed() {
    let tally = run(Faults::CutsAndRoles, &seeds(30));
    assert!(tally.full > 0 && tally.partial > 0, "{tally:?}");
}

#[test]
fn seeds_that_failed_once_pass() {
    run(Faults::Cuts, &known());
    run(Faults::CutsAndRoles, &known());
}
