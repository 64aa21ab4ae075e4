//! The moments of one full sync on both sides, and the phases between them.
//!
//! ```text
//! replica  connect  ask ............... answer  receive ....... received  load .... loaded  swapped  up
//! primary           request  order  cut ........ send ... walked ... sent ....... online  caught up
//! ```
//!
//!  * A moment that no source reports is absent, and a phase exists only if both of its ends do.
//!  * The phases of one side do not overlap, so they are drawn one after another.

/// Whose moment it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// The server that sends.
    Master,
    /// The server that receives.
    Replica,
}

impl Side {
    /// For eyes and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Side::Master => "master",
            Side::Replica => "replica",
        }
    }
}

macro_rules! moments {
    ($($(#[$doc:meta])* $name:ident $side:ident $text:literal;)*) => {
        /// What can be seen of a full sync.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Moment {
            $($(#[$doc])* $name,)*
        }

        impl Moment {
            /// All of them, each side in the order of time.
            pub const ALL: &'static [Moment] = &[$(Moment::$name,)*];

            /// In JSON and CSV.
            pub fn name(self) -> &'static str {
                match self {
                    $(Moment::$name => $text,)*
                }
            }

            /// Whose it is.
            pub fn side(self) -> Side {
                match self {
                    $(Moment::$name => Side::$side,)*
                }
            }
        }
    };
}

moments! {
    /// It begins to connect.
    Connect Replica "replica_connect";
    /// It sends PSYNC.
    Ask Replica "replica_request";
    /// PSYNC came, and the answer will be a full sync.
    Request Master "master_request";
    /// The delay for other replicas is over: a snapshot is ordered.
    Order Master "master_delay_end";
    /// The snapshot is of this moment (a fork, or our cut).
    Cut Master "master_snapshot_start";
    /// `+FULLRESYNC` came.
    Answer Replica "replica_fullresync";
    /// The first payload bytes go out.
    Send Master "master_transfer_start";
    /// The payload begins to come.
    Receive Replica "replica_transfer_start";
    /// The walk of the snapshot is over.
    Walked Master "master_snapshot_end";
    /// The last payload bytes went out.
    Sent Master "master_transfer_end";
    /// The last payload bytes came.
    Received Replica "replica_transfer_end";
    /// Values begin to be built.
    Load Replica "replica_load_start";
    /// All values are there.
    Loaded Replica "replica_load_end";
    /// The new data is served.
    Swapped Replica "replica_swap";
    /// The link is up.
    Up Replica "replica_online";
    /// The stream is open for the replica.
    Online Master "master_online";
    /// The first acknowledgement of everything written until then.
    CaughtUp Master "master_caught_up";
}

const COUNT: usize = Moment::ALL.len();

/// When each moment was: Unix time in µs, by one clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moments {
    at: [Option<i64>; COUNT],
    /// The primary saves a file and sends that.
    pub from_file: bool,
    /// The replica receives a file and loads that.
    pub to_file: bool,
}

impl Moments {
    /// When it was, if that is known.
    pub fn get(&self, moment: Moment) -> Option<i64> {
        self.at[moment as usize]
    }

    /// Sets it.
    pub fn set(&mut self, moment: Moment, unix_us: i64) {
        self.at[moment as usize] = Some(unix_us);
    }

    /// Sets it unless it is known.
    pub fn set_first(&mut self, moment: Moment, unix_us: i64) {
        self.at[moment as usize].get_or_insert(unix_us);
    }

    /// Forgets it.
    pub fn clear(&mut self, moment: Moment) {
        self.at[moment as usize] = None;
    }

    /// The first that is known.
    pub fn first(&self) -> Option<i64> {
        self.at.iter().flatten().min().copied()
    }

    /// The last that is known.
    pub fn last(&self) -> Option<i64> {
        self.at.iter().flatten().max().copied()
    }

    /// Takes what the other knows of `side`, moved by `shift_us`.
    pub fn take_side(&mut self, other: &Moments, side: Side, shift_us: i64) {
        match side {
            Side::Master => self.from_file = other.from_file,
            Side::Replica => self.to_file = other.to_file,
        }
        for moment in Moment::ALL.iter().filter(|m| m.side() == side) {
            if let Some(at) = other.get(*moment) {
                self.set(*moment, at + shift_us);
            }
        }
    }

    /// From one moment to another, in µs.
    pub fn between(&self, from: Moment, to: Moment) -> Option<i64> {
        Some(self.get(to)? - self.get(from)?)
    }

    /// The phases that are known, primary first, each side in the order of time.
    pub fn phases(&self) -> Vec<Phase> {
        use Moment::*;
        let (file, later) = (self.from_file, self.to_file);
        let rows: [(Kind, Moment, Moment, bool); 16] = [
            (Kind::Delay, Request, Order, true),
            (Kind::Fork, Order, Cut, true),
            (Kind::Save, Cut, Walked, file),
            (Kind::Queue, Walked, Send, file),
            (Kind::Send, Send, Sent, file),
            (Kind::Queue, Cut, Send, !file),
            (Kind::SnapshotSend, Send, Sent, !file),
            (Kind::AwaitAck, Sent, Online, true),
            (Kind::CatchUp, Online, CaughtUp, true),
            (Kind::Handshake, Connect, Ask, true),
            (Kind::AwaitSnapshot, Ask, Answer, true),
            (Kind::AwaitPayload, Answer, Receive, true),
            (Kind::Receive, Receive, Received, later),
            (Kind::Flush, Received, Load, later),
            (Kind::ReceiveLoad, Receive, Loaded, !later),
            (Kind::Load, Load, Loaded, later),
        ];
        let tail = [
            (Kind::Swap, Loaded, Swapped, true),
            (Kind::Finish, Swapped, Up, true),
            (Kind::Finish, Loaded, Up, self.get(Swapped).is_none()),
        ];
        let known = |&(kind, from, to, applies): &(Kind, Moment, Moment, bool)| {
            let (start_us, end_us) = (self.get(from)?, self.get(to)?);
            (applies && end_us >= start_us).then_some(Phase {
                kind,
                side: to.side(),
                start_us,
                end_us,
            })
        };
        rows.iter().chain(&tail).filter_map(known).collect()
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident $text:literal;)*) => {
        /// What a side does in a phase.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind {
            $($(#[$doc])* $name,)*
        }

        impl Kind {
            /// All of them, in the order of time.
            pub const ALL: &'static [Kind] = &[$(Kind::$name,)*];

            /// For eyes.
            pub fn name(self) -> &'static str {
                match self {
                    $(Kind::$name => $text,)*
                }
            }
        }
    };
}

kinds! {
    /// Replica: connection, PING, REPLCONF.
    Handshake "handshake";
    /// Primary: waits for other replicas, or for another save.
    Delay "delay";
    /// Replica: PSYNC is sent, the snapshot has not begun.
    AwaitSnapshot "await snapshot";
    /// Primary: fork, or cut.
    Fork "fork or cut";
    /// Primary: writes the dump file.
    Save "save to disk";
    /// Primary: the snapshot is complete or has begun, and nothing is sent yet.
    Queue "before sending";
    /// Primary: sends the file.
    Send "send file";
    /// Primary: sends while it takes the snapshot.
    SnapshotSend "snapshot and send";
    /// Replica: the answer is there, the payload is not.
    AwaitPayload "await payload";
    /// Replica: writes the payload to a file.
    Receive "receive to disk";
    /// Replica: syncs and checks the file, drops the old dataset.
    Flush "sync, check, flush";
    /// Replica: builds values from its file.
    Load "load";
    /// Replica: builds values while they come.
    ReceiveLoad "receive and load";
    /// Replica: puts the new dataset in place.
    Swap "swap";
    /// Replica: from there until the link is up.
    Finish "finish";
    /// Primary: everything is sent, the replica has not said so.
    AwaitAck "await ACK";
    /// Primary: the writes made during the sync are sent and acknowledged.
    CatchUp "catch-up";
}

/// What a side did from when to when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase {
    /// What.
    pub kind: Kind,
    /// The side.
    pub side: Side,
    /// Unix time in µs.
    pub start_us: i64,
    /// The same.
    pub end_us: i64,
}

impl Phase {
    /// In µs.
    pub fn length_us(&self) -> i64 {
        self.end_us - self.start_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(all: &[(Moment, i64)]) -> Moments {
        let mut moments = Moments::default();
        all.iter().for_each(|(m, t)| moments.set(*m, *t));
        moments
    }

    fn kinds(moments: &Moments, side: Side) -> Vec<(&'static str, i64)> {
        let of_side = moments.phases().into_iter().filter(|p| p.side == side);
        of_side.map(|p| (p.kind.name(), p.length_us())).collect()
    }

    #[test]
    fn a_sync_by_files_saves_then_sends_then_loads() {
        use Moment::*;
        let mut moments = at(&[
            (Request, 0),
            (Order, 0),
            (Cut, 2),
            (Walked, 10),
            (Send, 11),
            (Sent, 20),
            (Online, 20),
            (Receive, 11),
            (Received, 21),
            (Load, 25),
            (Loaded, 40),
            (Up, 41),
        ]);
        (moments.from_file, moments.to_file) = (true, true);
        let master = [
            ("delay", 0),
            ("fork or cut", 2),
            ("save to disk", 8),
            ("before sending", 1),
            ("send file", 9),
            ("await ACK", 0),
        ];
        assert_eq!(kinds(&moments, Side::Master), master);
        let replica = [
            ("receive to disk", 10),
            ("sync, check, flush", 4),
            ("load", 15),
            ("finish", 1),
        ];
        assert_eq!(kinds(&moments, Side::Replica), replica);
    }

    #[test]
    fn a_sync_by_memory_has_no_phase_twice() {
        use Moment::*;
        let moments = at(&[
            (Cut, 0),
            (Send, 1),
            (Walked, 5),
            (Sent, 9),
            (Receive, 1),
            (Load, 1),
            (Received, 9),
            (Loaded, 12),
            (Swapped, 13),
            (Up, 13),
        ]);
        let master = [("before sending", 1), ("snapshot and send", 8)];
        assert_eq!(kinds(&moments, Side::Master), master);
        let replica = [("receive and load", 11), ("swap", 1), ("finish", 0)];
        assert_eq!(kinds(&moments, Side::Replica), replica);
    }
}
