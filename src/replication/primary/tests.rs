//! The primary's side without sockets.

use super::*;
use crate::action::{SnapshotOrder, SnapshotTarget};
use crate::replconf::Capa;

/// A primary with its surroundings.
pub(super) struct Scene {
    pub primary: Primary,
    pub history: History,
    settings: Settings,
    secrets: Secrets,
    pub now_ms: u64,
}

impl Scene {
    pub fn new(settings: Settings) -> Self {
        let mut secrets = Secrets::predictable(5);
        Scene {
            primary: Primary::default(),
            history: History::new(&mut secrets, settings.backlog_bytes),
            settings,
            secrets,
            now_ms: 1_000_000,
        }
    }

    fn disk() -> Self {
        Self::new(Settings {
            diskless_sync: false,
            ..Settings::default()
        })
    }

    fn diskless(delay_ms: u64) -> Self {
        Self::new(Settings {
            diskless_delay_ms: delay_ms,
            ..Settings::default()
        })
    }

    pub fn with<R>(&mut self, f: impl FnOnce(&mut Primary, &mut Env<'_>) -> R) -> (R, Vec<Action>) {
        let mut out = Vec::new();
        let mut env = Env {
            history: &mut self.history,
            settings: &self.settings,
            secrets: &mut self.secrets,
            now_ms: self.now_ms,
            top_level: true,
            quiet: false,
            paused: false,
            out: &mut out,
        };
        let result = f(&mut self.primary, &mut env);
        out.retain(|a| !matches!(a, Action::Log(..)));
        (result, out)
    }

    pub fn psync(&mut self, n: u64, id: &[u8], from: i64) -> (Admission, Vec<Action>) {
        let conf = Replconf {
            capa: Capa::EOF | Capa::PSYNC2,
            ..Replconf::default()
        };
        self.sync_as(n, &conf, Request::Psync { id, from })
    }

    pub fn sync_as(
        &mut self,
        n: u64,
        conf: &Replconf,
        request: Request<'_>,
    ) -> (Admission, Vec<Action>) {
        self.with(|p, env| p.on_sync(ClientId(n), Peer::default(), conf, request, env))
    }

    pub fn started(&mut self, order: &SnapshotOrder) -> Vec<Action> {
        self.with(|p, env| p.on_snapshot_started(&order.members, env))
            .1
    }

    pub fn finished(&mut self) -> Vec<Action> {
        self.with(|p, env| p.on_snapshot_finished(Ok(()), env)).1
    }

    pub fn sent(&mut self, n: u64) -> Vec<Action> {
        self.with(|p, env| p.on_payload_sent(ClientId(n), env)).1
    }

    pub fn ack(&mut self, n: u64, offset: i64) {
        self.with(|p, env| p.on_ack(ClientId(n), ReplOffset::claimed(offset), None, env));
    }

    pub fn wait(&mut self, ms: u64) -> Vec<Action> {
        let mut all = Vec::new();
        for _ in 0..ms / 100 {
            self.now_ms += 100;
            all.extend(self.with(|p, env| p.on_tick(env)).1);
        }
        all
    }

    pub fn write(&mut self, bytes: usize) {
        self.history.append(&vec![b'w'; bytes]);
    }

    pub fn state(&self, n: u64) -> Option<State> {
        self.primary.replica(ClientId(n)).map(|r| r.state)
    }
}

pub(super) fn order(actions: &[Action]) -> SnapshotOrder {
    let found = actions.iter().find_map(|a| match a {
        Action::StartSnapshot(order) => Some(order.clone()),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no snapshot among {actions:?}"))
}

pub(super) fn text(actions: &[Action], n: u64) -> String {
    let mine = actions.iter().filter_map(|a| match a {
        Action::Send(ClientId(id), bytes) if *id == n => Some(String::from_utf8_lossy(bytes)),
        _ => None,
    });
    mine.collect::<Vec<_>>().concat()
}

#[test]
fn the_offset_of_fullresync_is_that_of_the_cut_not_of_the_request() {
    let mut s = Scene::diskless(5000);
    let (admission, actions) = s.psync(1, b"?", -1);
    assert_eq!((admission, actions.len()), (Admission::Full, 0));
    s.write(100); // while the delay runs
    let order = order(&s.wait(6000));
    s.write(11);
    let said = text(&s.started(&order), 1);
    assert_eq!(said, format!("+FULLRESYNC {} 111\r\n", s.history.id()));
    s.write(7);
    assert_eq!(s.history.backlog().unwrap().pending(1), 7);
}

#[test]
fn the_delay_lets_replicas_share_one_snapshot() {
    let mut s = Scene::diskless(5000);
    s.psync(1, b"?", -1);
    s.wait(2000);
    s.psync(2, b"?", -1);
    let order = order(&s.wait(4000));
    assert_eq!(order.members, [ClientId(1), ClientId(2)]);
    assert!(order.target.is_sockets());
    s.psync(3, b"?", -1); // too late: the next one
    s.started(&order);
    assert_eq!(s.state(3), Some(State::WaitStart));
}

#[test]
fn enough_waiting_replicas_end_the_delay() {
    let mut s = Scene::diskless(60_000);
    s.settings.diskless_max_replicas = 2;
    s.psync(1, b"?", -1);
    assert!(
        !s.wait(2000)
            .iter()
            .any(|a| matches!(a, Action::StartSnapshot(_)))
    );
    s.psync(2, b"?", -1);
    assert_eq!(order(&s.wait(1000)).members.len(), 2);
}

#[test]
fn the_delay_ends_once_all_who_were_there_before_have_asked() {
    let mut s = Scene::diskless(5000);
    s.settings.early_start = true;
    let named = |port: u16| Replconf {
        capa: Capa::EOF | Capa::PSYNC2,
        listening_port: port,
        ..Replconf::default()
    };
    let ask = Request::Psync { id: b"?", from: -1 };
    let snapshots = |actions: &[Action]| {
        let begins = |a: &&Action| matches!(a, Action::StartSnapshot(_));
        actions.iter().filter(begins).count()
    };
    // Nobody is known: the delay counts.
    assert_eq!(snapshots(&s.sync_as(1, &named(7001), ask).1), 0);
    s.sync_as(2, &named(7002), ask);
    let first = order(&s.wait(6000));
    s.started(&first);
    s.finished();
    for n in [1, 2] {
        s.sent(n);
        s.ack(n, 0);
        s.with(|p, env| p.on_disconnect(ClientId(n), env));
    }
    assert_eq!(
        snapshots(&s.sync_as(3, &named(7001), ask).1),
        0,
        "one is missing"
    );
    let both = s.sync_as(4, &named(7002), ask).1;
    assert_eq!(order(&both).members.len(), 2);
}

#[test]
fn no_more_full_syncs_run_at_once_than_allowed_and_the_others_follow_in_order() {
    let mut s = Scene::disk();
    s.settings.full_syncs_max = 2;
    let first = order(&s.psync(1, b"?", -1).1);
    s.started(&first);
    s.psync(2, b"?", -1); // joins
    let (_, third) = s.psync(3, b"?", -1);
    assert_eq!(third, []);
    s.psync(4, b"?", -1);
    assert_eq!([s.state(3), s.state(4)], [Some(State::WaitStart); 2]);
    s.finished();
    assert_eq!(s.state(3), Some(State::WaitStart), "both places are taken");
    let next = order(&s.sent(1));
    assert_eq!(
        next.members,
        [ClientId(3)],
        "one place, and who waits longest"
    );
    s.started(&next);
    s.finished();
    let gone = s.with(|p, env| p.on_disconnect(ClientId(2), env)).1;
    assert_eq!(order(&gone).members, [ClientId(4)]);
}

#[test]
fn a_replica_without_eof_gets_a_file() {
    let mut s = Scene::diskless(5000);
    let conf = Replconf::default();
    let (_, actions) = s.sync_as(1, &conf, Request::Sync);
    let order = order(&actions);
    assert_eq!(order.target, SnapshotTarget::Disk);
    assert_eq!(text(&s.started(&order), 1), ""); // SYNC has no reply line
    assert_eq!(s.finished(), [Action::SendFile(ClientId(1))]);
    assert_eq!(s.state(1), Some(State::SendBulk));
    s.sent(1);
    assert_eq!(s.state(1), Some(State::Online));
}

#[test]
fn the_stream_is_held_after_a_mark_until_the_first_ack() {
    let mut s = Scene::diskless(0);
    let order = order(&s.psync(1, b"?", -1).1);
    s.started(&order);
    s.write(50);
    s.ack(1, 0); // before the payload is written: opens nothing
    s.finished();
    s.sent(1);
    assert_eq!(s.state(1), Some(State::Held));
    assert!(!s.primary.streams_to(ClientId(1)));
    s.ack(1, 0);
    assert!(s.primary.streams_to(ClientId(1)));
}

#[test]
fn a_late_replica_joins_a_running_disk_snapshot_at_its_cut() {
    let mut s = Scene::disk();
    let order = order(&s.psync(1, b"?", -1).1);
    s.started(&order);
    s.write(500);
    let (_, actions) = s.psync(2, b"?", -1);
    assert_eq!(
        text(&actions, 2),
        format!("+FULLRESYNC {} 0\r\n", s.history.id())
    );
    assert_eq!(s.history.backlog().unwrap().pending(2), 500);
    let weaker = Replconf::default(); // lacks what the snapshot was made for
    s.sync_as(3, &weaker, Request::Psync { id: b"?", from: -1 });
    assert_eq!(s.state(3), Some(State::WaitStart));
    let files = s.finished();
    assert_eq!(
        files[..2],
        [Action::SendFile(ClientId(1)), Action::SendFile(ClientId(2))]
    );
    assert!(
        matches!(files[2], Action::StartSnapshot(_)),
        "the third gets its own"
    );
}

#[test]
fn a_full_sync_waits_for_a_save_of_another_kind() {
    let mut s = Scene::disk();
    s.with(|p, env| p.on_save_running(true, env));
    let (_, actions) = s.psync(1, b"?", -1);
    assert_eq!(actions, []);
    let (_, actions) = s.with(|p, env| p.on_save_running(false, env));
    assert_eq!(order(&actions).members, [ClientId(1)]);
}

#[test]
fn keepalive_newlines_go_to_waiting_connections_only() {
    let mut s = Scene::disk();
    let order = order(&s.psync(1, b"?", -1).1);
    assert!(text(&s.wait(2000), 1).len() >= 2);
    s.started(&order);
    assert!(text(&s.wait(2000), 1).len() >= 2);
    s.finished();
    assert_eq!(text(&s.wait(2000), 1), "");
    s.sent(1);
    assert_eq!(text(&s.wait(2000), 1), "");
}

#[test]
fn no_newline_goes_into_a_payload_with_a_mark() {
    let mut s = Scene::diskless(0);
    let order = order(&s.psync(1, b"?", -1).1);
    s.started(&order);
    assert_eq!(text(&s.wait(3000), 1), "");
}

#[test]
fn partial_resync_continues_at_the_asked_byte() {
    let mut s = Scene::disk();
    s.history.create_backlog();
    s.write(163);
    let id = s.history.id().to_string();
    for (from, pending) in [(1, 163), (164, 0)] {
        let (admission, actions) = s.psync(from as u64, id.as_bytes(), from);
        assert_eq!(admission, Admission::Partial);
        assert_eq!(text(&actions, from as u64), format!("+CONTINUE {id}\r\n"));
        assert_eq!(s.history.backlog().unwrap().pending(from as u64), pending);
    }
    for (n, from) in [(3, 0), (4, 165), (5, -1)] {
        assert_eq!(s.psync(n, id.as_bytes(), from).0, Admission::FullInstead);
    }
    let plain = Replconf::default();
    let request = Request::Psync {
        id: id.as_bytes(),
        from: 164,
    };
    assert_eq!(text(&s.sync_as(9, &plain, request).1, 9), "+CONTINUE\r\n");
}

#[test]
fn ping_is_written_only_into_silence() {
    let mut s = Scene::disk();
    s.history.create_backlog();
    let id = s.history.id().to_string();
    s.psync(1, id.as_bytes(), 1);
    for _ in 0..30 {
        s.ack(1, 0);
        s.wait(1000);
    }
    let pings = s.history.offset().get() / 14;
    assert!((2..=3).contains(&pings), "{pings} pings in 30 s");
    let before = s.history.offset();
    for _ in 0..30 {
        s.ack(1, 0);
        s.write(1);
        s.wait(1000);
    }
    assert_eq!(s.history.offset() - before, 30);
}

#[test]
fn a_silent_replica_is_closed_and_pins_nothing() {
    let mut s = Scene::disk();
    s.history.create_backlog();
    let id = s.history.id().to_string();
    s.psync(1, id.as_bytes(), 1);
    let actions = s.wait(62_000);
    assert!(actions.contains(&Action::Close(ClientId(1))));
    assert_eq!(s.primary.count(), 0);
    assert_eq!(s.history.backlog().unwrap().position(1), None);
}

#[test]
fn a_backlog_without_replicas_ends_with_its_id() {
    let mut s = Scene::disk();
    s.settings.backlog_ttl_ms = 10_000;
    let order = order(&s.psync(1, b"?", -1).1);
    s.started(&order);
    let id = s.history.id();
    s.with(|p, env| p.on_disconnect(ClientId(1), env));
    s.wait(9_000);
    assert!(s.history.backlog().is_some());
    s.wait(3_000);
    assert!(s.history.backlog().is_none());
    assert_ne!(s.history.id(), id);
}

#[test]
fn a_snapshot_that_nobody_wants_is_cancelled() {
    for (mut s, save_points, cancelled) in [
        (Scene::diskless(0), true, true),
        (Scene::disk(), false, true),
        (Scene::disk(), true, false), // it is a save like any other now
    ] {
        s.settings.save_points = save_points;
        let order = order(&s.psync(1, b"?", -1).1);
        s.started(&order);
        let (_, actions) = s.with(|p, env| p.on_disconnect(ClientId(1), env));
        let cancels = |action: &Action| matches!(action, Action::CancelSnapshot { .. });
        assert_eq!(actions.iter().any(cancels), cancelled);
    }
}

#[test]
fn who_lets_too_much_wait_is_closed_but_never_below_the_backlog_size() {
    let mut s = Scene::disk();
    s.settings.output_hard = 100_000;
    s.history.create_backlog();
    let id = s.history.id().to_string();
    s.psync(1, id.as_bytes(), 1);
    s.write(900_000);
    assert_eq!(s.with(|p, env| p.before_idle(env)).1, []);
    s.write(300_000);
    let (_, actions) = s.with(|p, env| p.before_idle(env));
    assert_eq!(actions, [Action::CloseOverLimit(ClientId(1))]);
    assert_eq!(s.primary.count(), 0);
}

#[test]
fn the_soft_limit_must_hold_for_its_time() {
    let mut s = Scene::disk();
    s.settings.output_soft = 10_000;
    s.settings.output_soft_ms = 3000;
    s.settings.timeout_ms = 600_000;
    s.history.create_backlog();
    let id = s.history.id().to_string();
    s.psync(1, id.as_bytes(), 1);
    s.write(20_000);
    assert!(s.wait(3000).is_empty());
    let actions = s.wait(3000);
    assert!(
        actions.contains(&Action::CloseOverLimit(ClientId(1))),
        "{actions:?}"
    );
}

#[test]
fn good_replicas_are_online_and_not_lagging() {
    let mut s = Scene::disk();
    s.settings.min_replicas = 1;
    s.settings.min_replicas_lag_ms = 3000;
    s.history.create_backlog();
    let id = s.history.id().to_string();
    s.psync(1, id.as_bytes(), 1);
    s.psync(2, b"?", -1);
    assert_eq!(s.primary.good(), 1);
    s.wait(6000);
    assert_eq!(s.primary.good(), 0);
    s.ack(1, 0);
    assert_eq!(s.primary.good(), 1);
}

#[test]
fn wait_counts_replicas_that_have_it_and_asks_at_most_once() {
    let mut s = Scene::disk();
    s.history.create_backlog();
    let id = s.history.id().to_string();
    for n in 1..=3 {
        s.psync(n, id.as_bytes(), 1);
    }
    s.write(10);
    s.primary.want_ack();
    s.primary.want_ack();
    s.with(|p, env| p.before_idle(env));
    s.with(|p, env| p.before_idle(env));
    assert_eq!(s.history.offset(), ReplOffset::claimed(10 + 37));
    s.ack(1, 10);
    s.ack(2, 9);
    s.ack(1, 4); // never moves back
    assert_eq!(s.primary.count_acked(ReplOffset::claimed(10)), 1);
    assert_eq!(s.primary.count_acked(ReplOffset::claimed(9)), 2);
}

#[test]
fn an_rdb_only_client_never_turns_online() {
    let mut s = Scene::diskless(0);
    let conf = Replconf {
        capa: Capa::EOF,
        rdb_only: true,
        ..Replconf::default()
    };
    let order = order(&s.sync_as(1, &conf, Request::Sync).1);
    s.started(&order);
    s.finished();
    assert_eq!(s.sent(1), [Action::CloseAfterSent(ClientId(1))]);
    assert_eq!(s.state(1), Some(State::Transmitted));
}

#[test]
fn a_snapshot_that_cannot_start_is_told_to_its_replicas() {
    let mut s = Scene::disk();
    let order = order(&s.psync(1, b"?", -1).1);
    let (_, actions) = s.with(|p, env| p.on_snapshot_refused(&order.members, "disk full", env));
    assert_eq!(
        text(&actions, 1),
        "-ERR BGSAVE failed, replication can't continue\r\n"
    );
    assert!(actions.contains(&Action::CloseAfterSent(ClientId(1))));
    assert_eq!(s.primary.count(), 0);
}

#[test]
fn a_server_that_leaves_its_payload_gets_the_next_one_in_an_older_form_a_tool_does_not() {
    let ask = Request::Psync { id: b"?", from: -1 };
    let readers_after_leaving = |port: u16| {
        let mut s = Scene::diskless(0);
        let conf = Replconf {
            capa: Capa::EOF | Capa::PSYNC2,
            listening_port: port,
            ..Replconf::default()
        };
        let first = order(&s.sync_as(1, &conf, ask).1);
        assert_eq!(first.readers, [Reader::Unknown]);
        s.started(&first);
        s.with(|p, env| p.on_peer_closed(ClientId(1), env));
        order(&s.sync_as(2, &conf, ask).1).readers
    };
    assert_eq!(readers_after_leaving(7001), [Reader::Old]);
    assert_eq!(readers_after_leaving(0), [Reader::Unknown]);
}

#[test]
fn who_leaves_again_and_again_waits_longer_each_time() {
    let mut s = Scene::diskless(0);
    let ask = Request::Psync { id: b"?", from: -1 };
    let conf = Replconf {
        capa: Capa::EOF | Capa::PSYNC2,
        listening_port: 7001,
        ..Replconf::default()
    };
    let begins = |actions: &[Action]| {
        actions
            .iter()
            .any(|a| matches!(a, Action::StartSnapshot(_)))
    };
    for n in 1..=5 {
        let next = order(&s.sync_as(n, &conf, ask).1);
        s.started(&next);
        s.with(|p, env| p.on_peer_closed(ClientId(n), env));
    }
    assert!(!begins(&s.sync_as(6, &conf, ask).1), "not at once");
    assert!(begins(&s.wait(3000)), "but then");
}

#[test]
fn a_payload_that_cannot_be_made_holds_the_next_of_its_kind_and_of_no_other() {
    let mut s = Scene::diskless(0);
    let ask = Request::Psync { id: b"?", from: -1 };
    let conf = |version| Replconf {
        capa: Capa::EOF | Capa::PSYNC2,
        listening_port: 7001,
        version,
        ..Replconf::default()
    };
    let orders = |actions: &[Action]| {
        let is_order = |a: &&Action| matches!(a, Action::StartSnapshot(_));
        actions.iter().filter(is_order).count()
    };
    // The replica comes back at once whenever it is closed, for half a minute.
    let (mut attempts, mut n) = (0, 1);
    let mut actions = s.sync_as(n, &conf(None), ask).1;
    for _ in 0..300 {
        if orders(&actions) > 0 {
            attempts += 1;
            s.started(&order(&actions));
            let why = Err("the target cannot hold it".to_owned());
            s.with(|p, env| p.on_snapshot_finished(why, env));
            assert_eq!(s.state(n), None, "it is closed");
            n += 1;
            actions = s.sync_as(n, &conf(None), ask).1;
        } else {
            actions = s.wait(100);
        }
    }
    assert!((5..=6).contains(&attempts), "{attempts}");
    assert_eq!(s.state(n), Some(State::WaitStart), "it waits with us");
    // A reader of another form is served in the meantime.
    let other = s.sync_as(1000, &conf(Some((9, 1, 0))), ask).1;
    assert_eq!(orders(&other), 1);
    s.started(&order(&other));
    s.finished();
    // What was made ends the wait of its kind only.
    assert_eq!(orders(&s.wait(1000)), 0);
    assert!(orders(&s.wait(40_000)) > 0);
}

#[test]
fn a_payload_that_ends_before_its_snapshot_has_told_why_holds_the_next() {
    let ask = Request::Psync { id: b"?", from: -1 };
    let conf = Replconf {
        capa: Capa::EOF | Capa::PSYNC2,
        listening_port: 7001,
        version: Some((8, 1, 0)),
        ..Replconf::default()
    };
    let failed = |s: &mut Scene, n| s.with(|p, env| p.on_payload_failed(ClientId(n), env)).1;
    let ended = |s: &mut Scene, result: Result<(), String>| {
        s.with(|p, env| p.on_snapshot_finished(result, env)).1
    };
    let close = |n| Action::Close(ClientId(n));
    let lost = || "the target cannot hold it".to_owned();

    // The snapshot fails, which the connection sees first.
    let mut s = Scene::diskless(0);
    let first = order(&s.sync_as(1, &conf, ask).1);
    s.started(&first);
    assert_eq!(failed(&mut s, 1), [], "the reason is on its way");
    assert_eq!(ended(&mut s, Err(lost())), [close(1)]);
    assert_eq!(s.primary.holds.why, lost());
    assert_eq!(s.sync_as(2, &conf, ask).1, [], "it waits");
    let second = order(&s.wait(1000));

    // The snapshot is whole, but not what was kept of it for this replica.
    s.started(&second);
    assert_eq!(failed(&mut s, 2), []);
    assert_eq!(ended(&mut s, Ok(())), [close(2)]);
    assert_eq!(s.sync_as(3, &conf, ask).1, []);
    let begins = |a: &Action| matches!(a, Action::StartSnapshot(_));
    assert!(!s.wait(1900).iter().any(begins), "twice as long");
    let third = order(&s.wait(200));

    // The snapshot had ended long before.
    s.started(&third);
    ended(&mut s, Ok(()));
    assert_eq!(failed(&mut s, 3), [close(3)]);
    assert_eq!(s.sync_as(4, &conf, ask).1, []);
}
