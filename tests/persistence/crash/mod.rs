//! Rounds of saves, loads, syncs and changes of role, each ended by a blow at a random moment: a signal, SHUTDOWN
//! in all its forms, SHUTDOWN ABORT, kill -9. Then the dump is judged by what was acknowledged.
//!
//! * [`plan`]: what happens, drawn from a seed. [`round`]: one round with real processes; [`steps`]: what it does to
//!   them. [`blow`]: how it ends them.
//! * [`ledger`]: what the server may hold, and the verdict on its dump. [`dump`]: reads the dump.
//! * [`tally`]: what the rounds have met, so that they cannot pass by meeting nothing.
//!
//! `CRASH_ROUNDS=<n>` sets the number of rounds, `CRASH_SEED=<n>` the first seed; a round that fails prints its own.

mod blow;
mod dump;
mod ledger;
mod plan;
mod round;
mod steps;
mod tally;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use tally::Tally;

/// Most of a round is waiting.
const THREADS: usize = 6;
/// Rounds of a plain run of the suite: some 40 seconds on two busy cores.
const ROUNDS: u64 = 120;
/// So many times as many are run at most until everything has been met.
const MOST: u64 = 4;

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

#[test]
fn nothing_acknowledged_is_lost_however_the_server_ends() {
    let rounds = variable("CRASH_ROUNDS").unwrap_or(ROUNDS);
    let first = variable("CRASH_SEED").unwrap_or(1);
    let next = AtomicU64::new(first);
    let tally = Mutex::new(Tally::default());
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    // The moments are the machine's: where they were too much alike, there are more rounds.
                    let wide = || tally.lock().expect("no holder panics").lacks().is_none();
                    let enough = rounds < ROUNDS || seed >= first + MOST * rounds || wide();
                    if seed >= first + rounds && enough {
                        return;
                    }
                    let run = AssertUnwindSafe(|| round::run(seed, &tally));
                    let failure = catch_unwind(run)
                        .unwrap_or_else(|_| Err("the round panicked: see above".to_owned()));
                    if let Err(text) = failure {
                        eprintln!("round {seed} failed: {text}");
                        failures.lock().expect("no holder panics").push(seed);
                    }
                }
            });
        }
    });
    let tally = tally.into_inner().expect("no holder panics");
    eprintln!("{tally}");
    let failures = failures.into_inner().expect("no holder panics");
    assert!(
        failures.is_empty(),
        "{} of {rounds} rounds failed; again with CRASH_ROUNDS=1 CRASH_SEED=<n>: {failures:?}",
        failures.len()
    );
    if rounds >= ROUNDS {
        tally.assert_wide();
    }
}
