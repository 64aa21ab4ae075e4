//! Full syncs over two connections, without sockets: a wire that is cut at each byte, in both ways.

use super::channels::Channels;
use super::tests::{Scene, at, id, own, sent, words};
use super::*;

const PAYLOAD: &str = "REDIS0012-any-bytes";
const STREAM: &str = "*1\r\n$4\r\nping\r\n";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Redis,
    Valkey,
}

const KINDS: [Kind; 2] = [Kind::Redis, Kind::Valkey];

fn both() -> Scene {
    let mut s = Scene::new();
    s.settings.rdb_channel = true;
    s.settings.dual_channel = true;
    s.handshake();
    s
}

/// What the primary says over the second connection, in the parts that wait for something.
fn second_wire(kind: Kind) -> [String; 2] {
    let place = match kind {
        Kind::Redis => format!("+FULLRESYNC {} 100\r\n", id('b')),
        Kind::Valkey => format!("$ENDOFF:100 {} -1 7\r\n", id('b')),
    };
    let rest = format!("\n{place}$EOF:{}\r\n{PAYLOAD}{}", id('e'), id('e'));
    ["+OK\r\n".to_owned(), rest]
}

fn offer(kind: Kind) -> &'static str {
    match kind {
        Kind::Redis => "+RDBCHANNELSYNC 5",
        Kind::Valkey => "+DUALCHANNELSYNC",
    }
}

fn second(s: &mut Scene, bytes: &str) -> Vec<LinkAction<'static>> {
    let actions = s.step(LinkInput::SecondBytes(bytes.as_bytes()));
    actions.into_iter().map(own).collect()
}

fn sent_second(actions: &[LinkAction<'_>]) -> String {
    let bytes = actions.iter().filter_map(|a| match a {
        LinkAction::SendSecond(b) => Some(String::from_utf8_lossy(b)),
        _ => None,
    });
    words(&bytes.collect::<String>())
}

fn payload(actions: &[LinkAction<'_>]) -> String {
    let bytes = actions.iter().filter_map(|a| match a {
        LinkAction::Payload(b) => Some(String::from_utf8_lossy(b)),
        _ => None,
    });
    bytes.collect()
}

/// Up to a payload that is being loaded; over the first connection nothing more was said.
fn loading(kind: Kind) -> Scene {
    let mut s = both();
    s.say(offer(kind));
    s.step(LinkInput::SecondConnected);
    for part in second_wire(kind) {
        second(&mut s, &part);
    }
    assert!(s.link.channels().is_some_and(Channels::is_loading));
    s
}

fn agree(s: &mut Scene) {
    s.say("+OK");
    s.say(&format!("+CONTINUE {}", id('b')));
}

fn single(s: &mut Scene) -> bool {
    s.cached = None;
    s.tick(60_000);
    s.step(LinkInput::Connected);
    !words(&sent(&s.say("+PONG"))).contains("channel")
}

#[test]
fn both_ways_are_announced_where_they_are_wanted() {
    for (rdb, dual, said) in [
        (false, false, "capa eof capa psync2 capa forebay REPLCONF"),
        (true, false, "capa forebay capa rdb-channel-repl REPLCONF"),
        (false, true, "capa forebay capa dual-channel REPLCONF"),
        (
            true,
            true,
            "capa forebay capa rdb-channel-repl capa dual-channel REPLCONF",
        ),
    ] {
        let mut s = Scene::new();
        s.settings.rdb_channel = rdb;
        s.settings.dual_channel = dual;
        s.tick(0);
        s.step(LinkInput::Connected);
        let all = words(&sent(&s.say("+PONG")));
        assert!(all.contains(said), "{all}");
    }
}

#[test]
fn the_second_connection_says_who_it_is_and_asks_for_the_payload() {
    for (kind, conf, asks) in [
        (
            Kind::Redis,
            "REPLCONF capa eof capa forebay rdb-only 1 rdb-channel 1 main-ch-client-id 5 listening-port 6379 \
             ip-address 10.9.9.9",
            "PSYNC ? -1",
        ),
        (
            Kind::Valkey,
            "REPLCONF capa eof capa forebay rdb-only 1 rdb-channel 1 listening-port 6379 ip-address 10.9.9.9 \
             version 9.1.0",
            "SYNC",
        ),
    ] {
        let mut s = both();
        s.settings.announce_ip = "10.9.9.9".into();
        s.settings.primary_user = "me".into();
        s.settings.primary_auth = "secret".into();
        assert_eq!(s.say(offer(kind)), [LinkAction::ConnectSecond]);
        let said = s.step(LinkInput::SecondConnected);
        assert_eq!(sent_second(&said), format!("AUTH me secret {conf}"));
        assert_eq!(second(&mut s, "+OK\r\n"), []);
        let said = second(&mut s, "+OK\r\n");
        assert_eq!(sent_second(&said), asks);
    }
}

#[test]
fn the_stream_is_collected_from_its_first_byte_and_goes_on_behind_the_payload() {
    let mut s = both();
    let line = format!("{}\r\n{STREAM}", offer(Kind::Redis));
    let got = s.step(LinkInput::Bytes(line.as_bytes()));
    let collect = LinkAction::Collect(Cow::Borrowed(STREAM.as_bytes()));
    assert_eq!(got, [LinkAction::ConnectSecond, collect]);
    s.step(LinkInput::SecondConnected);
    let mut all = Vec::new();
    for part in second_wire(Kind::Redis) {
        all.extend(second(&mut s, &part));
    }
    assert_eq!(payload(&all), PAYLOAD);
    let ends = [LinkAction::PayloadEnds, LinkAction::DisconnectSecond];
    assert_eq!(all[all.len() - 2..], ends);
    assert_eq!(s.link.resume_at(), Some(at('b', 100)));
    assert!(!s.link.is_up() && s.link.is_syncing());
    let got = s.step(LinkInput::Loaded(Ok(())));
    assert_eq!(got[0], LinkAction::Established(Some(at('b', 100))));
    assert_eq!(words(&sent(&got)), "REPLCONF ACK 100");
    assert!(s.link.is_up());
    let got = s.step(LinkInput::Bytes(STREAM.as_bytes()));
    assert_eq!(got, [LinkAction::Stream(Cow::Borrowed(STREAM.as_bytes()))]);
}

#[test]
fn valkey_is_asked_for_the_stream_as_soon_as_its_place_is_known() {
    let mut s = both();
    s.say(offer(Kind::Valkey));
    s.step(LinkInput::SecondConnected);
    let [ok, rest] = second_wire(Kind::Valkey);
    second(&mut s, &ok);
    let got = second(&mut s, &rest);
    assert_eq!(words(&sent(&got)), "REPLCONF set-rdb-client-id 7");
    assert_eq!(
        words(&sent(&s.say("+OK"))),
        format!("PSYNC {} 101", id('b'))
    );
    assert_eq!(s.say(&format!("+CONTINUE {}", id('b'))), []);
    let got = s.step(LinkInput::Bytes(STREAM.as_bytes()));
    assert_eq!(got, [LinkAction::Collect(Cow::Borrowed(STREAM.as_bytes()))]);
    let got = s.step(LinkInput::Loaded(Ok(())));
    assert_eq!(words(&sent(&got)), "REPLCONF ACK 100");
    assert!(s.link.is_up());
}

#[test]
fn a_payload_that_is_loaded_first_waits_for_the_stream_as_a_lost_link_does() {
    for said in [0, 1] {
        let mut s = loading(Kind::Valkey);
        if said == 1 {
            s.say("+OK");
        }
        let got: Vec<_> = s
            .step(LinkInput::Loaded(Ok(())))
            .into_iter()
            .map(own)
            .collect();
        assert_eq!(got[0], LinkAction::Established(Some(at('b', 100))));
        assert_eq!(got[1], LinkAction::Lost(true));
        assert!(!s.link.is_up());
        s.cached = Some(at('b', 100));
        if said == 0 {
            let asked = s.say("+OK");
            assert_eq!(words(&sent(&asked)), format!("PSYNC {} 101", id('b')));
        }
        let got = s.say(&format!("+CONTINUE {}", id('b')));
        assert_eq!(got, [LinkAction::Continue(None)]);
        assert!(s.link.is_up());
    }
}

/// Whatever ends first, and after whichever byte: either the payload is complete, or everything is given up, and the
/// next attempt has one connection.
#[test]
fn a_second_connection_that_is_cut_at_any_byte_leads_to_one_connection() {
    for kind in KINDS {
        let wire = second_wire(kind).concat();
        for cut in 0..=wire.len() {
            let mut s = both();
            s.say(offer(kind));
            s.step(LinkInput::SecondConnected);
            let mut all = Vec::new();
            // What is sent depends on what has come, so that each byte is a step.
            for n in 0..cut {
                all.extend(second(&mut s, &wire[n..=n]));
            }
            let whole = cut == wire.len();
            assert_eq!(
                all.contains(&LinkAction::PayloadEnds),
                whole,
                "{kind:?} {cut}"
            );
            let begun = all
                .iter()
                .any(|a| matches!(a, LinkAction::PayloadBegins(_)));
            let after = s.step(LinkInput::SecondClosed(""));
            let given_up = after.contains(&LinkAction::Disconnect);
            assert_eq!(given_up, !whole, "{kind:?} {cut}");
            let aborted = after.contains(&LinkAction::PayloadAborted);
            assert_eq!(aborted, begun && !whole, "{kind:?} {cut}");
            if !whole {
                assert!(matches!(s.link.state(), State::Idle { .. }));
                assert!(single(&mut s), "{kind:?} {cut}");
            } else {
                assert_eq!(payload(&all), PAYLOAD);
                agree(&mut s);
                s.step(LinkInput::Loaded(Ok(())));
                assert!(s.link.is_up());
            }
        }
    }
}

/// The second connection is not at fault, so that the next attempt has two again.
#[test]
fn a_first_connection_that_is_lost_before_the_payload_is_complete_ends_both() {
    for kind in KINDS {
        let wire = second_wire(kind).concat();
        for cut in 0..wire.len() {
            let mut s = both();
            s.say(offer(kind));
            s.step(LinkInput::SecondConnected);
            for n in 0..cut {
                second(&mut s, &wire[n..=n]);
            }
            let after = s.step(LinkInput::Closed(""));
            assert_eq!(
                after.last(),
                Some(&LinkAction::Disconnect),
                "{kind:?} {cut}"
            );
            assert!(!single(&mut s), "{kind:?} {cut}");
        }
    }
}

#[test]
fn a_first_connection_that_is_lost_during_the_load_does_not_end_it() {
    for kind in KINDS {
        let mut s = loading(kind);
        agree(&mut s);
        assert_eq!(s.step(LinkInput::Closed("")), []);
        let got = s.step(LinkInput::Loaded(Ok(())));
        assert_eq!(got[0], LinkAction::Established(Some(at('b', 100))));
    }
}

#[test]
fn a_primary_that_does_not_go_on_from_the_payload_is_asked_again_when_it_is_loaded() {
    for refused in ["-ERR no", "+FULLRESYNC x 0"] {
        let mut s = loading(Kind::Valkey);
        s.say("+OK");
        assert_eq!(s.say(refused), [LinkAction::DisconnectFirst]);
        let got = s.step(LinkInput::Loaded(Ok(())));
        assert_eq!(got[0], LinkAction::Established(Some(at('b', 100))));
        assert_eq!(got[1], LinkAction::Lost(true));
        assert_eq!(got.last(), Some(&LinkAction::Disconnect));
    }
}

#[test]
fn answers_that_make_no_sense_lead_to_one_connection() {
    let long = "x".repeat(5000);
    for kind in KINDS {
        for bad in [
            "-ERR no\r\n",
            "+OK\r\n-LOADING\r\n",
            "+OK\r\n+CONTINUE\r\n",
            "+OK\r\n+FULLRESYNC no 5\r\n",
            "+OK\r\n$ENDOFF:x\r\n",
            "+OK\r\n$ENDOFF:5 short 0 1\r\n",
            long.as_str(),
        ] {
            let mut s = both();
            s.say(offer(kind));
            s.step(LinkInput::SecondConnected);
            let got = second(&mut s, bad);
            assert_eq!(got.last(), Some(&LinkAction::Disconnect), "{kind:?} {bad}");
            assert!(single(&mut s), "{kind:?} {bad}");
        }
    }
}

#[test]
fn a_second_connection_that_is_silent_or_refused_leads_to_one_connection() {
    for kind in KINDS {
        let mut s = both();
        s.say(offer(kind));
        let got = s.step(LinkInput::SecondClosed("Connection refused"));
        assert_eq!(got, [LinkAction::Disconnect]);
        assert!(single(&mut s));
        let mut s = both();
        s.say(offer(kind));
        s.step(LinkInput::SecondConnected);
        assert_eq!(s.tick(s.settings.timeout_ms), []);
        assert_eq!(s.tick(2), [LinkAction::Disconnect]);
        assert!(single(&mut s));
    }
}

#[test]
fn a_payload_that_is_refused_is_not_asked_for_over_two_connections_again() {
    for kind in KINDS {
        let mut s = loading(kind);
        let got = s.step(LinkInput::Loaded(Err("bad".into())));
        assert_eq!(got, [LinkAction::Disconnect]);
        assert!(single(&mut s));
    }
}

#[test]
fn after_a_sync_two_connections_are_wanted_again() {
    let mut s = both();
    s.say(offer(Kind::Redis));
    s.step(LinkInput::SecondClosed(""));
    assert!(single(&mut s));
    while let State::AwaitReplies { .. } = s.link.state() {
        s.say("+OK");
    }
    s.say(&format!("+FULLRESYNC {} 1", id('b')));
    s.say("$5");
    s.step(LinkInput::Bytes(b"REDIS"));
    s.step(LinkInput::Loaded(Ok(())));
    s.step(LinkInput::Closed(""));
    assert!(!single(&mut s));
}

/// A load that takes long: the primary sees that somebody is there.
#[test]
fn newlines_go_over_the_first_connection_while_the_payload_is_loaded() {
    let mut s = loading(Kind::Redis);
    assert_eq!(sent(&s.tick(1000)), "\n");
    assert_eq!(sent(&s.tick(1000)), "\n");
}
