//! One fault at each phase of a full sync and behind it: the link is cut or stalls, either side is killed, a disk is full.
//! The pair always ends in step, and until a new dataset is whole the old one is served.
//!
//! Phases are reached by what servers and proxy tell, never by time: `rdb-key-save-delay` keeps the primary before its
//! payload, the proxy holds bytes back in the middle, `key-load-delay` keeps the replica loading.

use crate::pair::{PEER, Writers, assert_in_step, builder, number, seed_data, wait_link};
use crate::support::client::Client;
use crate::support::proxy::{Direction, FaultProxy, Faults};
use crate::support::server::Server;
use crate::support::wait::wait_until;

/// Where a sync is when its fault comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The primary has answered a part of PING.
    Handshake,
    /// The primary makes its dump.
    BeforePayload,
    /// 20 KB of 150 have arrived.
    MidPayload,
    /// All has arrived and is loaded.
    Loading,
    /// The stream is followed.
    Stream,
}

const PHASES: [Phase; 5] = [
    Phase::Handshake,
    Phase::BeforePayload,
    Phase::MidPayload,
    Phase::Loading,
    Phase::Stream,
];

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Cut,
    Stall,
    KillPrimary,
    KillReplica,
}

/// A primary, a replica, and the proxy between them.
struct Pair {
    primary: Server,
    replica: Server,
    proxy: FaultProxy,
}

/// `None` where a server is missing.
fn pair(primary: &str, replica: &str, diskless: bool) -> Option<Pair> {
    let (primary, replica) = (builder(primary)?, builder(replica)?);
    let (sync, load) = match diskless {
        true => ("yes", "swapdb"),
        false => ("no", "disabled"),
    };
    let primary = primary
        .config(format!("repl-diskless-sync {sync}"))
        .config("repl-timeout 2")
        .config("repl-ping-replica-period 1")
        .start();
    seed_data(&primary);
    primary.client().ok("SAVE");
    let replica = replica
        .config(format!("repl-diskless-load {load}"))
        .config("repl-timeout 2")
        .config("repl-ping-replica-period 1")
        .config("loading-process-events-interval-bytes 1024")
        .start();
    let proxy = FaultProxy::to(&primary.address());
    Some(Pair {
        primary,
        replica,
        proxy,
    })
}

impl Pair {
    /// A replica with data of its own starts to follow, as far as `phase`.
    fn reach(&self, phase: Phase) {
        let stall = |at| Faults {
            stall_at: Some(at),
            ..Faults::default()
        };
        let from = Direction::FromTarget;
        match phase {
            Phase::Handshake => self.proxy.set(from, stall(3)),
            Phase::BeforePayload => {
                self.primary
                    .client()
                    .ok("CONFIG SET rdb-key-save-delay 1000");
                self.primary
                    .client()
                    .ok("CONFIG SET repl-diskless-sync-delay 100");
            }
            Phase::MidPayload => self.proxy.set(from, stall(20_000)),
            Phase::Loading => drop(self.replica.client().ok("CONFIG SET key-load-delay 800")),
            Phase::Stream => {}
        }
        let before = self.proxy.passed(from);
        let line = format!("REPLICAOF 127.0.0.1 {}", self.proxy.port());
        self.replica.client().ok(&line);
        wait_until(&format!("{phase:?} is reached"), || match phase {
            Phase::Handshake => self.proxy.passed(from) >= before + 3,
            Phase::BeforePayload => {
                let info = self.primary.client().info("replication");
                // Past it already, on a machine that is too slow to look.
                let states = ["state=wait_bgsave", "state=online"];
                info.values()
                    .any(|v| states.iter().any(|state| v.contains(state)))
            }
            Phase::MidPayload => self.proxy.passed(from) >= before + 20_000,
            Phase::Loading => {
                let info = self.replica.client().info("persistence");
                info["loading"] == "1" || info["async_loading"] == "1" || self.is_up()
            }
            Phase::Stream => self.is_up(),
        });
    }

    fn is_up(&self) -> bool {
        let mut client = self.replica.client();
        client.info_field("replication", "master_link_status") == "up"
    }

    /// The old data of a replica that has not taken the new; a real one may answer that it loads.
    fn assert_old_data(&self, phase: Phase) {
        if matches!(phase, Phase::Loading | Phase::Stream) {
            return;
        }
        let old = self.replica.client().run("GET old");
        let loads = old.is_error() && old.to_string().contains("LOADING");
        assert!(old.text() == Some("data") || loads, "{phase:?}: {old:?}");
    }

    /// Whatever was slowed down goes on.
    fn heal(&self) {
        self.proxy.heal();
        self.primary.client().ok("CONFIG SET rdb-key-save-delay 0");
        self.primary
            .client()
            .ok("CONFIG SET repl-diskless-sync-delay 0");
        self.replica.client().ok("CONFIG SET key-load-delay 0");
    }

    /// The replica is a primary again, with data that nobody else has.
    fn part(&self) {
        wait_until("the replica may leave its primary", || {
            !self.replica.client().run("REPLICAOF NO ONE").is_error()
        });
        self.replica.client().ok("SET old data");
        // What was shared is forgotten: the next sync is a full one.
        self.primary.client().ok("DEBUG CHANGE-REPL-ID");
    }

    fn strike(self, phase: Phase, fault: Fault) -> Pair {
        let Pair {
            primary,
            replica,
            proxy,
        } = self;
        let taken = proxy.accepted();
        let came_back = |proxy: &FaultProxy| {
            wait_until(
                &format!("the replica tries again after {fault:?} at {phase:?}"),
                || proxy.accepted() > taken,
            );
        };
        match fault {
            Fault::Cut => {
                proxy.cut();
                // A replica that loads looks at its link when it is done.
                if phase != Phase::Loading {
                    came_back(&proxy);
                }
                Pair {
                    primary,
                    replica,
                    proxy,
                }
            }
            Fault::Stall => {
                let faults = Faults {
                    stall_at: Some(0),
                    ..Faults::default()
                };
                proxy.set(Direction::FromTarget, faults);
                if phase != Phase::Loading {
                    came_back(&proxy);
                }
                Pair {
                    primary,
                    replica,
                    proxy,
                }
            }
            Fault::KillPrimary => {
                let primary = primary.restart();
                Pair {
                    primary,
                    replica,
                    proxy,
                }
            }
            Fault::KillReplica => {
                let follow = format!("replicaof 127.0.0.1 {}", proxy.port());
                let replica = replica.restart_with(|builder| builder.config(follow));
                Pair {
                    primary,
                    replica,
                    proxy,
                }
            }
        }
    }
}

fn every_phase(primary: &str, replica: &str, fault: Fault, diskless: bool) {
    let Some(mut pair) = pair(primary, replica, diskless) else {
        return;
    };
    for phase in PHASES {
        pair.part();
        pair.reach(phase);
        pair.assert_old_data(phase);
        let writers = Writers::start(&pair.primary, 1);
        pair = pair.strike(phase, fault);
        if fault != Fault::KillReplica {
            pair.assert_old_data(phase);
        }
        pair.heal();
        wait_link(&pair.replica);
        writers.stop();
        assert_in_step(&pair.primary, &pair.replica);
        let old = pair.replica.client().run("GET old");
        assert_eq!(old.text(), None, "{phase:?}");
    }
}

/// A real primary, a real replica, and two of ours, all at once: most of it is waiting.
fn between_all(fault: Fault, diskless: [bool; 3]) {
    let pairs = [(PEER, "forebay"), ("forebay", PEER), ("forebay", "forebay")];
    std::thread::scope(|scope| {
        for ((primary, replica), diskless) in pairs.into_iter().zip(diskless) {
            scope.spawn(move || every_phase(primary, replica, fault, diskless));
        }
    });
}

#[test]
fn a_link_cut_at_any_phase_leaves_the_pair_in_step() {
    between_all(Fault::Cut, [true, false, true]);
}

#[test]
fn a_link_that_stalls_at_any_phase_leaves_the_pair_in_step() {
    between_all(Fault::Stall, [false, true, false]);
}

#[test]
fn a_primary_killed_at_any_phase_is_followed_again() {
    between_all(Fault::KillPrimary, [false, true, true]);
}

#[test]
fn a_replica_killed_at_any_phase_follows_again() {
    between_all(Fault::KillReplica, [true, false, false]);
}

/// Less than the payload takes, more than logs do.
const ROOM: u64 = 60_000;

#[test]
fn a_replica_without_room_for_the_payload_keeps_its_old_data_until_there_is_room() {
    for primary in ["forebay", PEER] {
        let Some(primary) = builder(primary) else {
            return;
        };
        let primary = primary.start();
        seed_data(&primary);
        let replica = builder("forebay").expect("it is built").start();
        replica.client().ok("SET old data");
        replica.limit_files(Some(ROOM));
        let line = format!("REPLICAOF 127.0.0.1 {}", primary.port());
        replica.client().ok(&line);
        replica.wait_log(
            "Write error or short write writing to the DB dump file needed for MASTER <-> REPLICA \
             synchronization: File too large",
        );
        assert_eq!(replica.client().text("GET old"), "data");
        wait_until("what was received is removed", || {
            let trying = replica
                .client()
                .info_field("replication", "master_sync_in_progress");
            trying == "0" && replica.temporary_files().is_empty()
        });
        replica.limit_files(None);
        assert_in_step(&primary, &replica);
    }
}

#[test]
fn a_primary_without_room_for_its_dump_serves_its_replica_once_there_is() {
    for (primary, replica) in [("forebay", PEER), (PEER, "forebay"), ("forebay", "forebay")] {
        let (Some(primary), Some(replica)) = (builder(primary), builder(replica)) else {
            return;
        };
        let primary = primary
            .config("repl-diskless-sync no")
            .survives_full_disk()
            .start();
        seed_data(&primary);
        let replica = replica.start();
        replica.client().ok("SET old data");
        primary.limit_files(Some(ROOM));
        let line = format!("REPLICAOF 127.0.0.1 {}", primary.port());
        replica.client().ok(&line);
        primary.wait_log("Write error saving DB on disk(rdbSaveRio): File too large");
        primary.wait_log("SYNC failed. BGSAVE child returned an error");
        assert_eq!(replica.client().text("GET old"), "data");
        let mut client: Client = primary.client();
        client.ok("SET goes on");
        primary.limit_files(None);
        assert_in_step(&primary, &replica);
        assert_eq!(number(&primary, "stats", "sync_partial_ok"), 0);
        assert_eq!(primary.temporary_files(), Vec::<String>::new());
    }
}
