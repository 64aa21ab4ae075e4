//! Full syncs over two connections, on the primary's side, without sockets.

use super::tests::{Scene, order, text};
use super::*;
use crate::replconf::Capa;

const FIRST: u64 = 5;
const SECOND: u64 = 6;

fn scene() -> Scene {
    Scene::new(Settings {
        diskless_delay_ms: 0,
        rdb_channel: true,
        dual_channel: true,
        ..Settings::default()
    })
}

fn conf(way: Way) -> Replconf {
    let (capa, version) = match way {
        Way::RdbChannel => (Capa::REDIS_8, None),
        Way::DualChannel => (Capa::DUAL_CHANNEL, Some((9, 1, 0))),
    };
    Replconf {
        listening_port: 7000,
        capa: Capa::EOF | Capa::PSYNC2 | capa,
        version,
        ..Replconf::default()
    }
}

/// As Redis 8 and Valkey before 9.1 introduce it: it tells neither version nor capabilities.
fn second_conf(way: Way) -> Replconf {
    Replconf {
        listening_port: 7000,
        capa: Capa::EOF,
        rdb_only: true,
        rdb_channel: true,
        main_channel: (way == Way::RdbChannel).then_some(ClientId(FIRST)),
        ..Replconf::default()
    }
}

const FULL: Request<'static> = Request::Psync { id: b"?", from: -1 };

/// Both connections up to the cut, at offset 100. What was said to the second.
fn cut(s: &mut Scene, way: Way) -> String {
    let (admission, actions) = s.sync_as(FIRST, &conf(way), FULL);
    match way {
        Way::RdbChannel => {
            assert_eq!(admission, Admission::OverTwo(false));
            assert_eq!(text(&actions, FIRST), "+RDBCHANNELSYNC 5\r\n");
        }
        Way::DualChannel => assert_eq!(admission, Admission::Invited(false)),
    }
    let request = match way {
        Way::RdbChannel => FULL,
        Way::DualChannel => Request::Sync,
    };
    let (_, actions) = s.sync_as(SECOND, &second_conf(way), request);
    let order = order(&actions);
    assert_eq!(order.members, [ClientId(SECOND)]);
    assert!(order.target.is_sockets());
    let reader = match way {
        Way::RdbChannel => Reader::Redis8,
        Way::DualChannel => Reader::Valkey(9, 1),
    };
    assert_eq!(order.readers, [reader]);
    s.write(100);
    let started = s.started(&order);
    text(&started, SECOND)
}

/// Valkey's first connection comes back.
fn come_back(s: &mut Scene) -> String {
    let conf = Replconf {
        rdb_client: Some(ClientId(SECOND)),
        ..conf(Way::DualChannel)
    };
    let id = s.history.id().to_string();
    let request = Request::Psync {
        id: id.as_bytes(),
        from: 101,
    };
    let (admission, actions) = s.sync_as(FIRST, &conf, request);
    assert_eq!(admission, Admission::Partial);
    text(&actions, FIRST)
}

fn pending(s: &Scene, n: u64) -> usize {
    s.history.backlog().unwrap().pending(n)
}

fn shown(s: &Scene) -> Vec<&'static str> {
    s.primary.replicas().filter_map(|(_, r)| r.info()).collect()
}

fn closed(actions: &[Action]) -> Vec<u64> {
    let close = |a: &Action| match a {
        Action::Close(id) => Some(id.0),
        _ => None,
    };
    actions.iter().filter_map(close).collect()
}

#[test]
fn the_stream_goes_over_the_first_connection_from_the_cut_on() {
    let mut s = scene();
    let said = cut(&mut s, Way::RdbChannel);
    assert_eq!(said, format!("+FULLRESYNC {} 100\r\n", s.history.id()));
    s.write(7);
    assert_eq!((pending(&s, FIRST), pending(&s, SECOND)), (7, 0));
    assert!(s.primary.streams_to(ClientId(FIRST)));
    assert!(!s.primary.streams_to(ClientId(SECOND)));
    assert_eq!(shown(&s), ["send_bulk_and_stream"]);
    assert_eq!((s.primary.count(), s.primary.connected()), (1, 1));
    s.sent(SECOND);
    assert_eq!(s.state(SECOND), Some(State::Transmitted));
    s.ack(FIRST, 100);
    assert_eq!(shown(&s), ["online"]);
}

#[test]
fn valkeys_second_connection_keeps_the_stream_until_the_first_comes() {
    let mut s = scene();
    let said = cut(&mut s, Way::DualChannel);
    assert_eq!(said, format!("$ENDOFF:100 {} 0 6\r\n", s.history.id()));
    s.write(7);
    assert_eq!(pending(&s, SECOND), 7);
    assert_eq!(s.primary.waiting_first(), 1);
    assert!(!s.primary.streams_to(ClientId(SECOND)));
    assert_eq!(
        come_back(&mut s),
        format!("+CONTINUE {}\r\n", s.history.id())
    );
    assert_eq!((pending(&s, FIRST), pending(&s, SECOND)), (7, 0));
    assert_eq!(s.primary.waiting_first(), 0);
    assert!(s.primary.streams_to(ClientId(FIRST)));
    assert_eq!(shown(&s), ["bg_transfer", "wait_bgsave"]);
    assert_eq!((s.primary.count(), s.primary.connected()), (1, 2));
    s.sent(SECOND);
    s.ack(FIRST, 100);
    assert_eq!(shown(&s), ["online"]);
}

#[test]
fn a_small_payload_may_be_taken_before_valkeys_first_connection_comes() {
    let mut s = scene();
    cut(&mut s, Way::DualChannel);
    s.sent(SECOND);
    s.with(|p, env| p.on_disconnect(ClientId(SECOND), env));
    s.write(200_000_000 / 1000);
    assert!(s.primary.awaits_first(ClientId(SECOND)));
    come_back(&mut s);
    assert_eq!(pending(&s, FIRST), 200_000);
    // One that never comes is not waited for.
    let mut s = scene();
    cut(&mut s, Way::DualChannel);
    s.sent(SECOND);
    s.with(|p, env| p.on_disconnect(ClientId(SECOND), env));
    s.wait(channels::LATE_MS + 2000);
    assert!(!s.primary.awaits_first(ClientId(SECOND)));
    assert_eq!(s.primary.waiting_first(), 0);
}

#[test]
fn the_ends_of_connections_end_what_has_no_use_without_them() {
    // The first one: the payload has no use.
    let mut s = scene();
    cut(&mut s, Way::RdbChannel);
    let (_, actions) = s.with(|p, env| p.on_peer_closed(ClientId(FIRST), env));
    assert_eq!(closed(&actions), [SECOND]);
    assert_eq!(s.primary.count(), 0);
    assert!(actions.contains(&Action::CancelSnapshot { sockets: true }));
    // The second one, before its cut: the stream never begins.
    let mut s = scene();
    s.sync_as(FIRST, &conf(Way::RdbChannel), FULL);
    s.sync_as(SECOND, &second_conf(Way::RdbChannel), FULL);
    let (_, actions) = s.with(|p, env| p.on_peer_closed(ClientId(SECOND), env));
    assert_eq!(closed(&actions), [FIRST]);
    // The replica ends it when it has its end mark, which may be before we know that all was sent.
    let mut s = scene();
    cut(&mut s, Way::RdbChannel);
    let (_, actions) = s.with(|p, env| p.on_peer_closed(ClientId(SECOND), env));
    assert_eq!(closed(&actions), [0; 0]);
    s.ack(FIRST, 100);
    assert_eq!(shown(&s), ["online"]);
    // We end it, because the snapshot has failed.
    for way in [Way::RdbChannel, Way::DualChannel] {
        let mut s = scene();
        cut(&mut s, way);
        if way == Way::DualChannel {
            come_back(&mut s);
        }
        let (_, actions) = s.with(|p, env| p.on_snapshot_finished(Err("no".into()), env));
        assert_eq!(closed(&actions), [SECOND, FIRST]);
        assert_eq!(s.primary.count(), 0);
    }
}

#[test]
fn a_replica_that_does_not_go_on_is_dropped() {
    let timeout = Settings::default().timeout_ms;
    // Its second connection never comes.
    let mut s = scene();
    s.sync_as(FIRST, &conf(Way::RdbChannel), FULL);
    assert_eq!(closed(&s.wait(timeout + 2000)), [FIRST]);
    // It has its payload and never acknowledges it.
    let mut s = scene();
    cut(&mut s, Way::RdbChannel);
    s.sent(SECOND);
    assert_eq!(closed(&s.wait(timeout - 1000)), [0; 0]);
    assert_eq!(closed(&s.wait(3000)), [FIRST]);
    // It takes no more of its payload.
    let mut s = scene();
    cut(&mut s, Way::RdbChannel);
    let now_ms = s.now_ms;
    s.with(|p, _| p.on_progress(ClientId(SECOND), now_ms));
    assert_eq!(closed(&s.wait(timeout + 2000)), [SECOND, FIRST]);
}

#[test]
fn two_connections_are_offered_where_both_sides_want_them() {
    let offered = |settings: Settings, conf: &Replconf| {
        let (admission, _) = Scene::new(settings).sync_as(FIRST, conf, FULL);
        admission
    };
    let settings = |rdb_channel, dual_channel, diskless_sync| Settings {
        rdb_channel,
        dual_channel,
        diskless_sync,
        ..Settings::default()
    };
    let (redis, valkey) = (conf(Way::RdbChannel), conf(Way::DualChannel));
    let mut all = redis.clone();
    all.capa |= Capa::DUAL_CHANNEL;
    let (two, back) = (Admission::OverTwo(false), Admission::Invited(false));
    for (s, conf, admission) in [
        (settings(true, true, true), &redis, two),
        (settings(true, true, true), &valkey, back),
        (settings(true, true, true), &all, two),
        (settings(false, true, true), &all, back),
        (settings(false, true, true), &redis, Admission::Full),
        (settings(true, false, true), &valkey, Admission::Full),
        (settings(true, true, false), &all, Admission::Full),
        (
            settings(true, true, true),
            &second_conf(Way::DualChannel),
            Admission::Full,
        ),
    ] {
        assert_eq!(offered(s, conf), admission);
    }
}

#[test]
fn payloads_for_second_connections_have_snapshots_of_their_own() {
    let mut s = Scene::new(Settings {
        rdb_channel: true,
        ..Settings::default()
    });
    s.sync_as(FIRST, &conf(Way::RdbChannel), FULL);
    s.sync_as(SECOND, &second_conf(Way::RdbChannel), FULL);
    let (_, _) = s.psync(9, b"?", -1);
    let order = order(&s.wait(6000));
    assert_eq!(order.members, [ClientId(SECOND)]);
}
