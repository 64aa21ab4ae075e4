//! What the stream requires of its readers, and closing the links of readers that lack it.

use super::{Env, Primary, Replica, State};
use crate::reads::Reads;
use crate::replconf::Reader;
use base::{ClientId, LogLevel};

impl Replica {
    /// True if the replica will read what is appended to the stream now, because its cut is taken. What was written
    /// before the cut is in the payload.
    fn follows(&self) -> bool {
        !self.conf.rdb_only
            && !matches!(
                self.state,
                State::WaitStart | State::Transmitted | State::WaitSecond
            )
    }

    /// What it has shown is worth knowing when it comes back: it does not tell its version, or not all of it.
    pub(super) fn shows_more(&self) -> bool {
        self.conf.is_redis_8() || self.does_not_tell()
    }

    /// It is a server that does not announce its version.
    pub(super) fn does_not_tell(&self) -> bool {
        let announces = matches!(self.conf.reader(), Reader::Forebay | Reader::Valkey(..));
        let told = announces || self.conf.is_redis_8();
        !told && self.conf.listening_port != 0
    }

    /// What the replica understands beyond what every server does.
    pub fn reads(&self) -> Reads {
        self.reads
    }
}

impl Primary {
    /// True if all replicas that follow the stream understand this.
    pub fn all_read(&self, needs: Reads) -> bool {
        needs.is_empty() || self.common(Reads::empty()).contains(needs)
    }

    /// What all replicas that understand `having` understand in common.
    pub fn common(&self, having: Reads) -> Reads {
        let readers = self.replicas.values().filter(|r| r.follows());
        let reads = readers.map(|r| r.reads).filter(|r| r.contains(having));
        reads.fold(Reads::all(), Reads::intersection)
    }

    /// The bytes that are about to be appended to the stream require this of its readers. The link of a replica that
    /// is not known to understand it is closed, and a full sync shows whether it can hold the data.
    pub fn require(&mut self, needs: Reads, env: &mut Env<'_>) {
        let lacking = |(id, r): (&ClientId, &Replica)| {
            (r.follows() && !r.reads.contains(needs)).then_some(*id)
        };
        let ids: Vec<ClientId> = self.replicas.iter().filter_map(lacking).collect();
        for id in ids {
            let replica = &self.replicas[&id];
            let (label, missing) = (replica.label(), needs - replica.reads);
            let is_redis_8 = replica.conf.is_redis_8();
            let wait_ms = self
                .doubts
                .lacks(label.clone(), missing, is_redis_8, env.now_ms);
            let when = match wait_ms {
                0 => "at once".to_owned(),
                ms => format!("in {} s at the earliest", ms / 1000),
            };
            env.log(
                LogLevel::Warning,
                format!(
                    "Replica {label} is not known to understand {}, which have just been written. Its link is closed, so \
                     that its data does not differ from that of this server. A full sync begins {when}.",
                    missing.describe()
                ),
            );
            self.drop_replica(id, env);
        }
    }

    /// What a replica that continues where it was understands.
    pub(super) fn reads_still(&self, replica: &Replica, env: &Env<'_>) -> Reads {
        match replica.conf.reader() {
            // A tool shows the stream to somebody; it holds no data.
            Reader::Unknown if replica.conf.listening_port == 0 => Reads::all(),
            Reader::Unknown | Reader::Redis74 => {
                env.settings.unknown_reads | self.doubts.reads(&replica.label())
            }
            known @ (Reader::Redis8 | Reader::Redis86 | Reader::Redis88) => {
                Reads::of_reader(known) | self.doubts.reads(&replica.label())
            }
            known => Reads::of_reader(known),
        }
    }
}
