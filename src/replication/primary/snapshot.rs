//! Full syncs: which replicas wait for which snapshot, when a snapshot starts, and what its end means.

use super::{Channel, Env, Job, Primary, State, Way};
use crate::action::{Action, SnapshotOrder, SnapshotTarget};
use crate::position::{ReplOffset, StreamDb};
use crate::reads::Reads;
use crate::replconf::{Capa, Filter, Reader, Replconf};
use base::{ClientId, LogLevel};
use rdb::target::Target;

/// Why a payload was not sent whole although the snapshot was.
const CUT_SHORT: &str = "the payload could not be kept for the replica, or not be read back";

/// The form of a payload for this reader is our guess.
fn is_a_try(reader: Reader) -> bool {
    matches!(
        reader,
        Reader::Old | Reader::Redis74 | Reader::Redis86 | Reader::Redis88
    )
}

impl Primary {
    /// How many more replicas may get a payload at the same time (`repl-max-concurrent-full-syncs`).
    fn room(&self, env: &Env<'_>) -> usize {
        let most = match env.settings.full_syncs_max {
            0 => usize::MAX,
            most => most,
        };
        let busy = |r: &&super::Replica| matches!(r.state, State::WaitEnd { .. } | State::SendBulk);
        most.saturating_sub(self.replicas.values().filter(busy).count())
    }

    /// Puts a newcomer that needs a full sync where it belongs.
    pub(super) fn place(&mut self, id: ClientId, env: &mut Env<'_>) {
        if self.room(env) == 0 {
            let most = env.settings.full_syncs_max;
            env.log(
                LogLevel::Notice,
                format!(
                    "{most} full syncs are running (repl-max-concurrent-full-syncs): replica {} waits",
                    self.replicas[&id].label()
                ),
            );
            return;
        }
        match self.job {
            Some(Job { sockets: true, .. }) => {
                let text = "Current BGSAVE has socket target. Waiting for next BGSAVE for SYNC";
                env.log(LogLevel::Notice, text);
            }
            Some(Job {
                sockets: false,
                started: false,
            }) => {} // starts at the end of this batch
            Some(Job {
                sockets: false,
                started: true,
            }) => self.join(id, env),
            None if self.other_save => {
                let text = "Can't attach the replica to the current BGSAVE. Waiting for next BGSAVE \
                            for SYNC";
                env.log(LogLevel::Notice, text);
            }
            None => {
                let eof = self.replicas[&id].conf.capa.contains(Capa::EOF);
                let delayed = env.settings.diskless_sync && env.settings.diskless_delay_ms > 0;
                if eof && delayed && !self.all_known_ask(env) {
                    env.log(LogLevel::Notice, "Delay next BGSAVE for diskless SYNC");
                } else {
                    self.start_snapshot(env);
                }
            }
        }
    }

    /// Joins the running disk snapshot, if it fits: same cut, same queued stream.
    fn join(&mut self, id: ClientId, env: &mut Env<'_>) {
        let newcomer = &self.replicas[&id].conf;
        let host = self.replicas.iter().find_map(|(_, r)| match r.state {
            State::WaitEnd { initial, .. } => {
                let lives = newcomer.rdb_only || !r.conf.rdb_only;
                (lives && newcomer.fits(&r.conf)).then_some(initial)
            }
            _ => None,
        });
        let covered = |at: &ReplOffset| env.history.backlog().is_some_and(|l| l.covers(*at + 1));
        match host.filter(covered) {
            Some(initial) => {
                env.log(LogLevel::Notice, "Waiting for end of BGSAVE for SYNC");
                self.attach(id, initial, false, env);
            }
            None => env.log(
                LogLevel::Notice,
                "Can't attach the replica to the current BGSAVE. Waiting for next BGSAVE for SYNC",
            ),
        }
    }

    /// Orders a snapshot for the replica that waits longest and all that want the same.
    fn start_snapshot(&mut self, env: &mut Env<'_>) {
        let Some((mut members, _)) = self.next_group(env.now_ms) else {
            return;
        };
        members.truncate(self.room(env));
        if members.is_empty() {
            return;
        }
        let confs = || members.iter().map(|id| &self.replicas[id].conf);
        let first = &self.replicas[&members[0]].conf;
        let eof = confs().all(|c| c.capa.contains(Capa::EOF));
        let wanted = first.filter != Filter::All || first.rdb_channel;
        let sockets = eof && (env.settings.diskless_sync || wanted);
        let mut readers: Vec<Reader> = Vec::new();
        for reader in confs().map(Replconf::reader) {
            if !readers.contains(&reader) {
                readers.push(reader);
            }
        }
        let filter = first.filter;
        self.job_wishes = first.clone();
        self.job = Some(Job {
            sockets,
            started: false,
        });
        self.syncs.ordered(&members, sockets);
        let target = match sockets {
            true => SnapshotTarget::Sockets {
                mark: env.secrets.name(),
            },
            false => SnapshotTarget::Disk,
        };
        let name = if sockets { "replicas sockets" } else { "disk" };
        env.log(
            LogLevel::Notice,
            format!("Starting BGSAVE for SYNC with target: {name}"),
        );
        env.out.push(Action::StartSnapshot(SnapshotOrder {
            target,
            members,
            filter,
            readers,
        }));
    }

    /// The replicas that the next snapshot would serve, who waits longest first, and since when.
    fn next_group(&self, now_ms: u64) -> Option<(Vec<ClientId>, u64)> {
        let waiting = || {
            let all = self.replicas.iter();
            let may = |r: &super::Replica| {
                self.doubts.may_begin(&r.label(), now_ms)
                    && self.holds.wait_ms(&r.conf, now_ms) == 0
            };
            all.filter(move |(_, r)| r.state == State::WaitStart && may(r))
        };
        let (_, first) = waiting().min_by_key(|(id, r)| (r.since_ms, **id))?;
        let same = |r: &super::Replica| r.conf.same_wishes(&first.conf);
        let mut group: Vec<_> = waiting().filter(|(_, r)| same(r)).collect();
        group.sort_by_key(|(id, r)| (r.since_ms, **id));
        let group = group.into_iter().map(|(id, _)| *id);
        Some((group.collect(), first.since_ms))
    }

    /// A replica that was connected before waits, and none that was is missing: the delay has no use
    /// (`repl-diskless-sync-early-start`).
    fn all_known_ask(&self, env: &Env<'_>) -> bool {
        let waits = |r: &&super::Replica| r.state == State::WaitStart;
        let mut waiting = self.replicas.values().filter(waits);
        env.settings.early_start
            && self.known.all_here()
            && waiting.any(|r| self.known.contains(&r.label()))
    }

    /// Starts a snapshot if somebody waits and the delay is over.
    pub(super) fn start_if_due(&mut self, env: &mut Env<'_>) {
        if self.job.is_some() || self.other_save {
            return;
        }
        let Some((group, since_ms)) = self.next_group(env.now_ms) else {
            return;
        };
        let s = env.settings;
        let full = s.diskless_max_replicas > 0 && group.len() >= s.diskless_max_replicas;
        let over = env.now_ms.saturating_sub(since_ms) >= s.diskless_delay_ms;
        if !s.diskless_sync || full || over || self.all_known_ask(env) {
            self.start_snapshot(env);
        }
    }

    /// The cut that is being taken holds this many keys, its payload has this form, and the stream has selected this
    /// database, if it is another server's; called before
    /// [`Primary::on_snapshot_started`].
    pub fn on_cut(&mut self, keys: u64, form: Target, db: StreamDb) {
        self.cut_keys = keys;
        self.cut_db = db;
        self.cut_form = form;
    }

    /// The cut of the ordered snapshot has just been taken: the offset of this instant is the cut's.
    /// `members` are those of the order.
    pub fn on_snapshot_started(&mut self, members: &[ClientId], env: &mut Env<'_>) {
        let Some(job) = &mut self.job else { return };
        job.started = true;
        let sockets = job.sockets;
        let initial = env.history.offset();
        for id in members {
            let state = self.replicas.get(id).map(|r| r.state);
            if state == Some(State::WaitStart) {
                self.attach(*id, initial, sockets, env);
            }
        }
        // The dump does not say which database the stream has selected for these replicas.
        env.history.feed.select(None);
        self.cancel_unwanted_snapshot(env);
    }

    fn attach(&mut self, id: ClientId, initial: ReplOffset, sockets: bool, env: &mut Env<'_>) {
        if let Some(reader) = self.cut_for(id, env) {
            let log = env.history.backlog_mut();
            let pinned = log.is_some_and(|log| log.pin(reader.0, initial + 1));
            assert!(pinned, "the log holds everything behind a running cut");
            if let Some(reader) = self.replicas.get_mut(&reader) {
                // It reads the stream when it has taken the payload, and cannot take one that is newer than itself.
                reader.reads |= Reads::of_target(self.cut_form);
            }
        }
        let Some(replica) = self.replicas.get_mut(&id) else {
            return;
        };
        self.syncs.attached(id, sockets, self.cut_keys);
        replica.state = State::WaitEnd { initial, sockets };
        replica.progress_at_ms = None;
        if matches!(replica.channel, Channel::Second(Way::DualChannel, _)) {
            let line = format!(
                "$ENDOFF:{initial} {} {} {}\r\n",
                env.history.id(),
                self.cut_db,
                id.0
            );
            env.send(id, line);
        } else if replica.psync {
            let line = format!("+FULLRESYNC {} {initial}\r\n", env.history.id());
            env.send(id, line);
        }
    }

    /// The snapshot cannot start now, because something else is being saved: its replicas keep waiting until
    /// [`Primary::on_other_save`] reports the end of that.
    pub fn on_snapshot_busy(&mut self) {
        self.job = None;
        self.other_save = true;
    }

    /// The snapshot cannot be made.
    pub fn on_snapshot_refused(&mut self, members: &[ClientId], why: &str, env: &mut Env<'_>) {
        self.job = None;
        env.log(
            LogLevel::Warning,
            format!("BGSAVE for replication failed: {why}"),
        );
        self.hold(members, why, env);
        for id in members {
            let state = self.replicas.get(id).map(|r| r.state);
            if state == Some(State::WaitStart) {
                env.send(*id, "-ERR BGSAVE failed, replication can't continue\r\n");
                env.out.push(Action::CloseAfterSent(*id));
                self.on_disconnect(*id, env);
            }
        }
    }

    /// The walk of a snapshot for replicas is over. If it was saved to disk, the file is in its place; if it is sent
    /// to connections, the rest is in their pipes.
    pub fn on_snapshot_finished(&mut self, result: Result<(), String>, env: &mut Env<'_>) {
        let Some(job) = self.job.take() else { return };
        let waiting = |(id, r): (&ClientId, &super::Replica)| match r.state {
            State::WaitEnd { sockets, .. } if sockets == job.sockets => Some(*id),
            _ => None,
        };
        let members: Vec<ClientId> = self.replicas.iter().filter_map(waiting).collect();
        if result.is_ok() {
            self.syncs.walked(&members);
        }
        match &result {
            Ok(()) => self.made(&members, env),
            Err(why) => self.hold(&members, why, env),
        }
        match result {
            Ok(()) if job.sockets => {} // each continues on its own when its payload is written
            Ok(()) => {
                for id in members {
                    if let Some(r) = self.replicas.get_mut(&id) {
                        r.state = State::SendBulk;
                        r.progress_at_ms = Some(env.now_ms);
                        env.out.push(Action::SendFile(id));
                    }
                }
            }
            Err(_) => {
                if !job.sockets {
                    env.log(
                        LogLevel::Warning,
                        "SYNC failed. BGSAVE child returned an error",
                    );
                }
                for id in members {
                    self.drop_replica(id, env);
                }
            }
        }
        self.start_if_due(env);
    }

    /// The snapshot is whole, and so are the payloads of its members, but for those that were cut short on their way:
    /// their replicas are dropped.
    fn made(&mut self, members: &[ClientId], env: &mut Env<'_>) {
        let is_short = |id: &&ClientId| self.replicas[*id].cut_short;
        let short: Vec<ClientId> = members.iter().filter(is_short).copied().collect();
        if short.is_empty() || short.len() < members.len() {
            self.holds.made(&self.job_wishes);
        }
        if short.is_empty() {
            return;
        }
        self.hold(&short, CUT_SHORT, env);
        for id in short {
            self.drop_replica(id, env);
        }
    }

    /// The payload of this replica ended early at our end. While its snapshot runs the replica stays: the end of the
    /// snapshot, which is about to be reported, says why, and how long the next one has to wait. A replica that was
    /// dropped before that would be back before anybody knew that it had to wait.
    pub fn on_payload_failed(&mut self, id: ClientId, env: &mut Env<'_>) {
        let Some(replica) = self.replicas.get_mut(&id) else {
            return;
        };
        let running = self.job.is_some_and(|job| job.sockets && job.started);
        if running && matches!(replica.state, State::WaitEnd { sockets: true, .. }) {
            replica.cut_short = true;
            return;
        }
        self.job_wishes = replica.conf.clone();
        self.hold(&[id], CUT_SHORT, env);
        self.drop_replica(id, env);
    }

    /// A payload for these could not be made: the next of its kind waits. One whose form was a try may have failed
    /// for that very reason.
    fn hold(&mut self, members: &[ClientId], why: &str, env: &mut Env<'_>) {
        let (failures, wait_ms) = self.holds.failed(&self.job_wishes, why, env.now_ms);
        for id in members {
            let replica = self.replicas.get(id);
            if let Some(replica) = replica.filter(|r| is_a_try(r.conf.reader())) {
                self.doubts.closed(replica.label(), env.now_ms);
            }
        }
        env.log(
            LogLevel::Warning,
            format!(
                "Full syncs of this kind failed {failures} times in a row ({why}): the next begins in {} s at the \
                 earliest",
                wait_ms / 1000
            ),
        );
    }

    /// The last byte of a replica's payload (mark included) has been written to its connection.
    pub fn on_payload_sent(&mut self, id: ClientId, env: &mut Env<'_>) {
        let Some(replica) = self.replicas.get_mut(&id) else {
            return;
        };
        let label = replica.label();
        let sockets = match replica.state {
            State::WaitEnd { sockets, .. } => sockets,
            State::SendBulk => false,
            _ => return,
        };
        replica.ack_at_ms = env.now_ms;
        self.syncs.transferred(id);
        let channel = replica.channel;
        if replica.conf.rdb_only {
            replica.state = State::Transmitted;
            if let Channel::Second(_, Some(first)) = channel
                && let Some(first) = self.replicas.get_mut(&first)
            {
                first.ack_at_ms = env.now_ms;
            }
            env.log(
                LogLevel::Notice,
                format!(
                    "RDB transfer completed, rdb only replica ({label}) should be disconnected asap"
                ),
            );
            env.out.push(Action::CloseAfterSent(id));
        } else if sockets {
            replica.state = State::Held;
            env.log(
                LogLevel::Notice,
                format!(
                    "Streamed RDB transfer with replica {label} succeeded (socket). Waiting for \
                     REPLCONF ACK from replica to enable streaming"
                ),
            );
        } else {
            replica.state = State::Online;
            self.known.online(label.clone());
            self.syncs.online(id, env.history.offset());
            env.log(
                LogLevel::Notice,
                format!("Synchronization with replica {label} succeeded"),
            );
        }
        self.refresh_good(env);
        self.start_if_due(env);
    }

    /// So many payload bytes were written to the connection, for the report.
    pub fn on_payload_bytes(&mut self, id: ClientId, bytes: u64, unix_us: i64) {
        self.syncs.sent(id, bytes, unix_us);
    }

    /// Payload bytes went out: the replica reads.
    pub fn on_progress(&mut self, id: ClientId, now_ms: u64) {
        if let Some(replica) = self.replicas.get_mut(&id) {
            replica.progress_at_ms = Some(now_ms);
        }
    }

    /// Reports whether a snapshot is running; one that is not for replicas keeps theirs from starting.
    pub fn on_save_running(&mut self, running: bool, env: &mut Env<'_>) {
        let other = running && self.job.is_none();
        if other != self.other_save {
            self.on_other_save(other, env);
        }
    }

    fn on_other_save(&mut self, running: bool, env: &mut Env<'_>) {
        let ended = self.other_save && !running;
        self.other_save = running;
        if ended {
            self.start_if_due(env);
        }
    }

    /// Cancels the running snapshot when no replica wants it any longer.
    pub(super) fn cancel_unwanted_snapshot(&mut self, env: &mut Env<'_>) {
        let Some(Job {
            sockets,
            started: true,
        }) = self.job
        else {
            return;
        };
        let mine = |s: State| matches!(s, State::WaitEnd { sockets: k, .. } if k == sockets);
        if self.replicas.values().any(|r| mine(r.state)) {
            return;
        }
        if sockets {
            let text = "Diskless rdb transfer, last replica dropped, killing fork child.";
            env.log(LogLevel::Warning, text);
        } else if env.settings.save_points {
            return; // it is a save like any other now
        }
        self.job = None;
        env.out.push(Action::CancelSnapshot { sockets });
    }
}
