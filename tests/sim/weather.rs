//! What goes wrong, how often, from the seed.

use forebay::base::Rng;

/// A kind of trouble; each is run with seeds of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Climate {
    /// Delays, slow readers; nothing breaks.
    Calm,
    /// Links are cut at any byte, stall, die silently, are refused; payloads arrive damaged.
    Network,
    /// Disks are full and slow while replicas sync.
    Disks,
    /// Processes are killed and restarted from what they saved; machines lose power.
    Crashes,
    /// Replicas are promoted, moved, and take part in FAILOVER.
    Roles,
    /// All of it.
    Storm,
    /// Processes end at any moment of starts, saves and syncs, by signals and by kill -9.
    Dumps,
    /// Payloads go over second connections, and either connection breaks at any byte.
    Channels,
    /// Servers have append-only files: they are rewritten, switched on and off, on disks that fail, and processes end
    /// between any two operations on them, by kill -9 and by power cuts.
    Logs,
}

impl Climate {
    pub const ALL: [Climate; 9] = [
        Climate::Calm,
        Climate::Network,
        Climate::Disks,
        Climate::Crashes,
        Climate::Roles,
        Climate::Storm,
        Climate::Dumps,
        Climate::Channels,
        Climate::Logs,
    ];

    /// Lower case, as `testdata/seeds.txt` has it.
    pub fn name(self) -> &'static str {
        match self {
            Climate::Calm => "calm",
            Climate::Network => "network",
            Climate::Disks => "disks",
            Climate::Crashes => "crashes",
            Climate::Roles => "roles",
            Climate::Dumps => "dumps",
            Climate::Channels => "channels",
            Climate::Logs => "logs",
            Climate::Storm => "storm",
        }
    }
}

/// One thing that happens to one server or connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A link breaks at any byte.
    Cut,
    /// A link delivers nothing for a while, perhaps longer than `repl-timeout`.
    Stall,
    /// A link delivers nothing ever again, and nobody is told.
    Die,
    /// A byte of a payload changes.
    Damage,
    /// The next attempts to connect are refused, or hang.
    Unreachable,
    /// A disk is full for a while.
    DiskFull,
    /// A disk takes long for a while.
    DiskSlow,
    /// Some operations of a disk fail for a while.
    DiskFaulty,
    /// An operator rewrites the append-only file.
    Rewrite,
    /// An operator changes how the append-only file is written, or whether.
    Set,
    /// An operator saves.
    Bgsave,
    /// `kill -9`, and a restart from the last dump.
    Kill,
    /// Power is lost: no connection is closed, and the disk may have lied.
    PowerLoss,
    /// SIGTERM where there are save points, or `SHUTDOWN NOSAVE`, and a restart.
    Restart,
    /// A replica is promoted, and all others follow it.
    Promote,
    /// A replica is told to follow another server.
    Move,
    /// The primary hands over by FAILOVER.
    Failover,
    /// The operator changes his mind.
    FailoverAbort,
}

impl Event {
    /// What this climate brings, weighted by repetition.
    pub fn of(climate: Climate) -> Vec<Event> {
        use Event::*;
        let network = [Cut, Cut, Cut, Stall, Die, Damage, Unreachable];
        let disks = [DiskFull, DiskFull, DiskSlow, Bgsave, Bgsave, Cut];
        let crashes = [Bgsave, Bgsave, Kill, Kill, PowerLoss, Restart, Restart, Cut];
        let dumps = [Bgsave, Bgsave, Kill, Kill, Restart, Restart, Restart];
        let roles = [Promote, Move, Move, Failover, Failover, FailoverAbort, Cut];
        match climate {
            Climate::Channels => [
                &network[..],
                &[Cut, Cut, Stall, DiskFull, DiskSlow, Bgsave, Kill, Restart],
                &[Promote, Move, Failover],
            ]
            .concat(),
            Climate::Logs => vec![
                Rewrite, Rewrite, Set, Set, Kill, Kill, PowerLoss, PowerLoss, PowerLoss, Restart,
                DiskFull, DiskFaulty, DiskFaulty, DiskSlow, Bgsave, Cut, Promote, Move,
            ],
            Climate::Calm => vec![Bgsave],
            Climate::Network => network.to_vec(),
            Climate::Disks => disks.to_vec(),
            Climate::Crashes => crashes.to_vec(),
            Climate::Roles => roles.to_vec(),
            Climate::Dumps => [
                &dumps[..],
                &dumps,
                &[Promote, Move, Failover, Cut, DiskSlow, DiskSlow, DiskSlow],
            ]
            .concat(),
            Climate::Storm => [&network[..], &disks, &crashes, &roles].concat(),
        }
    }
}

/// When something happens next: every second or so, sometimes in quick succession.
pub fn pause(rng: &mut Rng) -> u64 {
    match rng.below(4) {
        0 => rng.below(100),
        _ => 100 + rng.below(1200),
    }
}
