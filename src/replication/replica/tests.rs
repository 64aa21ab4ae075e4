//! The replica's side without sockets.

use super::*;
use crate::position::ReplId;

pub(super) struct Scene {
    pub link: Link,
    pub settings: Settings,
    rng: Rng,
    now_ms: u64,
    pub cached: Option<Position>,
    pub processed: ReplOffset,
    pub log: Vec<String>,
}

pub(super) fn at(c: char, offset: i64) -> Position {
    Position {
        id: ReplId::parse(c.to_string().repeat(40).as_bytes()).unwrap(),
        offset: ReplOffset::claimed(offset),
    }
}

pub(super) fn id(c: char) -> String {
    c.to_string().repeat(40)
}

impl Scene {
    pub fn new() -> Self {
        Scene {
            link: Link::new("10.0.0.1".into(), 6379, 1000),
            settings: Settings::default(),
            rng: Rng::new(3),
            now_ms: 1000,
            cached: None,
            processed: ReplOffset::claimed(77),
            log: Vec::new(),
        }
    }

    pub fn step<'a>(&mut self, input: LinkInput<'a>) -> Vec<LinkAction<'a>> {
        let mut env = LinkEnv {
            settings: &self.settings,
            rng: &mut self.rng,
            now_ms: self.now_ms,
            cached: self.cached,
            processed: self.processed,
            durable: None,
        };
        let mut out = Vec::new();
        self.link.step(input, &mut env, &mut out);
        out.retain(|a| match a {
            LinkAction::Log(level, text) => {
                self.log.push(format!("{} {text}", level.sign()));
                false
            }
            _ => true,
        });
        out
    }

    pub fn say(&mut self, line: &str) -> Vec<LinkAction<'static>> {
        let bytes = format!("{line}\r\n");
        let actions = self.step(LinkInput::Bytes(bytes.as_bytes()));
        actions.into_iter().map(own).collect()
    }

    pub fn tick(&mut self, ms: u64) -> Vec<LinkAction<'static>> {
        self.now_ms += ms;
        self.step(LinkInput::Tick).into_iter().map(own).collect()
    }

    /// Up to the PSYNC request, which is returned.
    pub fn handshake(&mut self) -> String {
        assert_eq!(self.tick(0), [LinkAction::Connect]);
        assert_eq!(
            sent(&self.step(LinkInput::Connected)),
            "*1\r\n$4\r\nPING\r\n"
        );
        self.say("+PONG");
        let mut actions = Vec::new();
        while let State::AwaitReplies { .. } = self.link.state {
            actions = self.say("+OK");
        }
        sent(&actions)
    }

    /// Up to a payload whose announcement is `line`.
    fn receiving(line: &str) -> Self {
        let mut s = Scene::new();
        s.handshake();
        s.say(&format!("+FULLRESYNC {} 100", id('b')));
        s.say(line);
        s
    }
}

pub(super) fn own(action: LinkAction<'_>) -> LinkAction<'static> {
    use LinkAction::*;
    match action {
        Connect => Connect,
        Send(b) => Send(Cow::Owned(b.into_owned())),
        Disconnect => Disconnect,
        DisconnectFirst => DisconnectFirst,
        ConnectSecond => ConnectSecond,
        SendSecond(b) => SendSecond(Cow::Owned(b.into_owned())),
        DisconnectSecond => DisconnectSecond,
        Collect(b) => Collect(Cow::Owned(b.into_owned())),
        PromotionRefused => PromotionRefused,
        Continue(id) => Continue(id),
        FullResync(at) => FullResync(at),
        PayloadBegins(n) => PayloadBegins(n),
        Payload(b) => Payload(Cow::Owned(b.into_owned())),
        PayloadEnds => PayloadEnds,
        PayloadAborted => PayloadAborted,
        Established(at) => Established(at),
        Stream(b) => Stream(Cow::Owned(b.into_owned())),
        Lost(whole) => Lost(whole),
        Log(level, text) => Log(level, text),
    }
}

pub(super) fn sent(actions: &[LinkAction<'_>]) -> String {
    let bytes = actions.iter().filter_map(|a| match a {
        LinkAction::Send(b) => Some(String::from_utf8_lossy(b)),
        _ => None,
    });
    bytes.collect()
}

pub(super) fn words(request: &str) -> String {
    let lines = request.split("\r\n");
    let words: Vec<&str> = lines.filter(|l| !l.starts_with(['*', '$'])).collect();
    words.join(" ").trim().to_owned()
}

#[test]
fn the_handshake_has_the_reference_order() {
    let mut s = Scene::new();
    s.settings.primary_auth = "secret".into();
    s.settings.announce_ip = "10.9.9.9".into();
    s.tick(0);
    s.step(LinkInput::Connected);
    let pipelined = s.say("+PONG");
    assert_eq!(
        words(&sent(&pipelined)),
        "AUTH secret REPLCONF listening-port 6379 REPLCONF ip-address 10.9.9.9 REPLCONF capa eof \
         capa psync2 capa forebay REPLCONF version 9.1.0"
    );
    for _ in 0..4 {
        assert_eq!(s.say("+OK"), []);
    }
    assert_eq!(words(&sent(&s.say("+OK"))), "PSYNC ? -1");
    let log = s.log.join("\n");
    assert_eq!(
        log,
        "* Connecting to MASTER 10.0.0.1:6379\n\
         * MASTER <-> REPLICA sync started\n\
         * Non blocking connect for SYNC fired the event.\n\
         * Master replied to PING, replication can continue...\n\
         * Partial resynchronization not possible (no cached master)"
    );
}

#[test]
fn errors_to_replconf_are_tolerated_but_not_to_auth() {
    let mut s = Scene::new();
    s.tick(0);
    s.step(LinkInput::Connected);
    s.say("-NOAUTH Authentication required.");
    for _ in 0..2 {
        assert_eq!(s.say("-ERR what"), []);
    }
    assert_eq!(words(&sent(&s.say("-ERR what"))), "PSYNC ? -1");

    let mut s = Scene::new();
    s.settings.primary_auth = "wrong".into();
    s.tick(0);
    s.step(LinkInput::Connected);
    s.say("+PONG");
    assert_eq!(s.say("-WRONGPASS no"), [LinkAction::Disconnect]);
    assert_eq!(s.tick(999), []);
    assert_eq!(s.tick(1), [LinkAction::Connect]);
}

#[test]
fn a_loading_primary_is_asked_again_after_a_second() {
    let mut s = Scene::new();
    s.tick(0);
    s.step(LinkInput::Connected);
    assert_eq!(s.say("-LOADING wait"), [LinkAction::Disconnect]);
    assert_eq!(
        s.log.last().unwrap(),
        "# Error reply to PING from master: '-LOADING wait'"
    );
}

#[test]
fn a_cached_primary_is_continued_and_its_new_id_adopted() {
    let mut s = Scene::new();
    s.cached = Some(at('a', 1000));
    let asked = s.handshake();
    assert_eq!(words(&asked), format!("PSYNC {} 1001", id('a')));
    s.say(""); // keepalive
    let got = s.say(&format!("+CONTINUE {}", id('b')));
    assert_eq!(got, [LinkAction::Continue(Some(at('b', 0).id))]);
    assert!(s.link.is_up());
    let same = |line: String| {
        let mut s = Scene::new();
        s.cached = Some(at('a', 1000));
        s.handshake();
        s.say(&line)
    };
    assert_eq!(
        same(format!("+CONTINUE {}", id('A'))),
        [LinkAction::Continue(None)]
    );
    assert_eq!(same("+CONTINUE".into()), [LinkAction::Continue(None)]);
}

#[test]
fn transient_refusals_keep_the_cache_and_never_fall_back_to_sync() {
    for line in [
        "-NOMASTERLINK x",
        "-LOADING x",
        "-BUSY x",
        "-MASTERDOWN x",
        "-NOAUTH x",
    ] {
        let mut s = Scene::new();
        s.cached = Some(at('a', 5));
        s.handshake();
        assert_eq!(s.say(line), [LinkAction::Disconnect], "{line}");
        assert_eq!(s.tick(500), []);
        assert_eq!(s.tick(600), [LinkAction::Connect]);
    }
}

#[test]
fn a_primary_without_psync_is_asked_by_sync_and_gets_no_acks() {
    let mut s = Scene::new();
    s.handshake();
    let got = s.say("-ERR unknown command 'PSYNC'");
    assert_eq!(sent(&got), "SYNC\r\n");
    s.say("$5");
    s.step(LinkInput::Bytes(b"REDIS"));
    let got = s.step(LinkInput::Loaded(Ok(())));
    assert_eq!(got, [LinkAction::Established(None)]);
    assert_eq!(s.tick(5000), []);
}

#[test]
fn a_payload_with_a_mark_keeps_the_stream_behind_it() {
    let mut s = Scene::receiving(&format!("$EOF:{}", id('e')));
    let wire = format!("REDIS0011{}*1\r\n", id('e'));
    let (a, b) = wire.split_at(30);
    let mut actions: Vec<_> = s
        .step(LinkInput::Bytes(a.as_bytes()))
        .into_iter()
        .map(own)
        .collect();
    actions.extend(s.step(LinkInput::Bytes(b.as_bytes())).into_iter().map(own));
    let payload = actions.iter().filter_map(|a| match a {
        LinkAction::Payload(p) => Some(String::from_utf8_lossy(p)),
        _ => None,
    });
    assert_eq!(payload.collect::<String>(), "REDIS0011");
    assert_eq!(actions.last(), Some(&LinkAction::PayloadEnds));
    assert!(!s.link.wants_input());
    assert_eq!(sent(&s.tick(1000)), "\n", "the primary hears that we live");
    let done = s.step(LinkInput::Loaded(Ok(())));
    assert_eq!(done[0], LinkAction::Established(Some(at('b', 100))));
    assert_eq!(words(&sent(&done[1..2])), "REPLCONF ACK 100");
    assert_eq!(done[2], LinkAction::Stream(b"*1\r\n".as_slice().into()));
}

#[test]
fn keepalives_and_errors_before_the_payload() {
    let mut s = Scene::new();
    s.handshake();
    s.step(LinkInput::Bytes(b"\n\n"));
    s.say(&format!("+FULLRESYNC {} 100", id('b')));
    s.step(LinkInput::Bytes(b"\n\n\n"));
    assert_eq!(s.say("-ERR BGSAVE failed"), [LinkAction::Disconnect]);
    assert_eq!(
        s.log.last().unwrap(),
        "# MASTER aborted replication with an error: ERR BGSAVE failed"
    );
    let mut s = Scene::receiving("*3");
    assert_eq!(
        *s.link.state(),
        State::Idle {
            due_ms: s.now_ms + 1000
        }
    );
    assert!(
        s.log
            .last()
            .unwrap()
            .starts_with("# Bad protocol from MASTER")
    );
    assert_eq!(s.tick(1000), [LinkAction::Connect]);
}

#[test]
fn refused_payloads_are_asked_for_less_and_less_often() {
    let mut s = Scene::new();
    let mut waits = Vec::new();
    for _ in 0..8 {
        s.handshake();
        s.say(&format!("+FULLRESYNC {} 100", id('b')));
        s.say("$1");
        s.step(LinkInput::Bytes(b"x"));
        s.step(LinkInput::Loaded(Err("bad".into())));
        let State::Idle { due_ms } = *s.link.state() else {
            panic!("{:?}", s.link.state());
        };
        waits.push(due_ms - s.now_ms);
        s.now_ms = due_ms;
    }
    assert_eq!(waits[0], 1000);
    assert!(
        waits.windows(2).all(|w| w[1] >= w[0] || w[0] >= 32_000),
        "{waits:?}"
    );
    assert!(waits.iter().all(|w| *w <= 40_000), "{waits:?}");
}

#[test]
fn a_lost_link_is_remembered_and_retried_at_once_but_not_twice_a_second() {
    let mut s = Scene::new();
    s.cached = Some(at('a', 5));
    s.handshake();
    s.say("+CONTINUE");
    s.now_ms += 5000;
    let got = s.step(LinkInput::Closed(""));
    assert_eq!(got, [LinkAction::Lost(true), LinkAction::Disconnect]);
    assert_eq!(s.tick(0), [LinkAction::Connect]);
    s.step(LinkInput::Closed("Connection refused"));
    assert_eq!(s.tick(500), []);
    assert_eq!(s.tick(500), [LinkAction::Connect]);
}

#[test]
fn silence_ends_every_state() {
    let mut s = Scene::new();
    s.tick(0);
    s.step(LinkInput::Connected);
    assert_eq!(s.tick(61_000), [LinkAction::Disconnect]);
    assert_eq!(
        s.log.last().unwrap(),
        "# Timeout connecting to the MASTER..."
    );

    let mut s = Scene::receiving("$100");
    let got = s.tick(61_000);
    assert_eq!(got, [LinkAction::PayloadAborted, LinkAction::Disconnect]);

    let mut s = Scene::new();
    s.cached = Some(at('a', 5));
    s.handshake();
    s.say("+CONTINUE");
    assert_eq!(sent(&s.tick(1000)).matches("ACK").count(), 1);
    assert_eq!(
        s.tick(61_000),
        [LinkAction::Lost(true), LinkAction::Disconnect]
    );
}

#[test]
fn a_broken_stream_is_not_continued() {
    let mut s = Scene::new();
    s.cached = Some(at('a', 5));
    s.handshake();
    s.say("+CONTINUE");
    let got = s.step(LinkInput::ProtocolError);
    assert_eq!(got, [LinkAction::Lost(false), LinkAction::Disconnect]);
}

/// A payload brings the result, and each costs the primary a snapshot.
#[test]
fn who_cannot_run_what_the_primary_has_run_asks_for_all_of_it_ever_more_rarely() {
    let mut s = Scene::new();
    let mut waits = Vec::new();
    for n in 0..12 {
        s.cached = Some(at('a', 5));
        s.handshake();
        s.say("+CONTINUE");
        s.now_ms += if n == 11 { 2_000_000 } else { 50 };
        let got = s.step(LinkInput::Diverged(false));
        assert_eq!(got, [LinkAction::Lost(false), LinkAction::Disconnect]);
        let State::Idle { due_ms } = *s.link.state() else {
            panic!("{:?}", s.link.state());
        };
        waits.push((due_ms - s.now_ms) / 1000);
        s.now_ms = due_ms;
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 512, 1]);
    s.cached = Some(at('a', 5));
    s.handshake();
    s.say("+CONTINUE");
    s.step(LinkInput::Diverged(true));
    assert_eq!(s.tick(1 << 40), []);
}

#[test]
fn a_failover_asks_for_promotion_and_takes_only_continue() {
    for (reply, refused) in [
        (format!("+CONTINUE {}", id('b')), false),
        (format!("+FULLRESYNC {} 5", id('b')), true),
        ("-NOMASTERLINK x".to_owned(), true),
    ] {
        let mut s = Scene::new();
        s.cached = Some(at('a', 9));
        s.link.ask_for_promotion();
        assert_eq!(
            words(&s.handshake()),
            format!("PSYNC {} 10 FAILOVER", id('a'))
        );
        let got = s.say(&reply);
        assert_eq!(
            got.contains(&LinkAction::PromotionRefused),
            refused,
            "{reply}"
        );
        assert_eq!(s.link.is_up(), !refused);
    }
}

#[test]
fn a_line_without_end_is_not_collected_for_ever() {
    let mut s = Scene::new();
    s.tick(0);
    s.step(LinkInput::Connected);
    let mut closed = false;
    for _ in 0..100 {
        closed |= s
            .step(LinkInput::Bytes(&[b'x'; 100]))
            .contains(&LinkAction::Disconnect);
    }
    assert!(closed);
}

#[test]
fn a_primary_that_falls_silent_hears_at_once_what_was_processed() {
    let mut s = Scene::new();
    s.cached = Some(at('a', 5));
    s.handshake();
    s.say("+CONTINUE");
    let acks = |s: &mut Scene, ms| words(&sent(&s.tick(ms)));
    assert_eq!(acks(&mut s, 100), "REPLCONF ACK 77");
    assert_eq!(acks(&mut s, 100), "", "that is known");
    s.processed = ReplOffset::claimed(99);
    s.step(LinkInput::Bytes(b"*1\r\n"));
    assert_eq!(acks(&mut s, 10), "", "more may come");
    assert_eq!(acks(&mut s, 50), "REPLCONF ACK 99");
    assert_eq!(acks(&mut s, 900), "");
    assert_eq!(
        acks(&mut s, 100),
        "REPLCONF ACK 99",
        "a second after the last one"
    );
}
