//! A full sync over two connections: the second one carries the payload, and the first one the stream, which the driver
//! collects ([`LinkAction::Collect`]) until the payload is loaded.
//!
//! ```text
//! PSYNC, first connection:  +RDBCHANNELSYNC <client id>: the stream comes from the cut on           (Redis 8)
//!                           +DUALCHANNELSYNC: the stream is requested once its position is known    (Valkey 8)
//!
//! second: Dialing --connected: AUTH, REPLCONF--> Replies --PSYNC ? -1 | SYNC--> Place
//!           Place --+FULLRESYNC <id> <offset> | $ENDOFF:<offset> <id> <db> <client id>--> Announced
//!           Announced --$EOF:<mark>--> Payload --mark--> Complete
//! first, Valkey:  Silent --$ENDOFF: REPLCONF set-rdb-client-id--> Named --PSYNC <id> <offset+1>--> Asked
//!                   Asked --+CONTINUE--> Streams
//! ```
//!
//!  * If the second connection fails before the payload is complete, both are closed, and the next attempt requests a
//!    full sync over one connection, so that a sync succeeds even where a second connection is impossible.
//!  * If the first connection is lost while the payload is being loaded, the load continues: the collected stream is
//!    applied, and the rest is requested by PSYNC.
//!  * The payload may be loaded before Valkey has agreed to continue from its position. The link is then like one that
//!    has lost its primary at that position, and waits for the answer to its PSYNC.

use super::handshake::{Asked, full_resync, text};
use super::{ACK_PERIOD_MS, Framing, LINE_MAX, Link, LinkAction, LinkEnv, State, ack, log};
use crate::position::{Position, ReplId, ReplOffset};
use base::request::encode_request;
use base::{LogLevel, VALKEY_VERSION};
use std::borrow::Cow;
use std::collections::VecDeque;

/// The protocol of the two connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Redis 8: the second connection names the first by this number.
    RdbChannel {
        /// The number of the first connection on the primary.
        client: u64,
    },
    /// Valkey 8: the first connection names the second.
    DualChannel,
}

/// The state of the first connection.
#[derive(Debug, PartialEq, Eq)]
enum First {
    /// There is nothing to send yet.
    Silent,
    /// `REPLCONF set-rdb-client-id` is sent.
    Named,
    /// PSYNC from the position of the cut is sent.
    Asked,
    /// It carries the stream.
    Streams,
}

/// The state of the second connection.
#[derive(Debug, PartialEq, Eq)]
enum Second {
    /// It is being established.
    Dialing,
    /// AUTH and REPLCONF are sent.
    Replies { asked: VecDeque<Asked> },
    /// The payload is requested, and the position of its cut is awaited.
    Place,
    /// The announcement of the payload is awaited.
    Announced,
    /// The payload is being received.
    Payload(Framing),
    /// The payload is complete, and the connection is closed.
    Complete,
}

/// Both connections. See the module.
#[derive(Debug, PartialEq, Eq)]
pub struct Channels {
    way: Way,
    first: First,
    second: Second,
    /// The position of the cut; `None` until the primary has sent it.
    at: Option<Position>,
    /// The beginning of a line of the second connection.
    line: Vec<u8>,
    /// When bytes last arrived over the second connection.
    last_io_ms: u64,
}

impl Channels {
    /// The position of the cut, once it is known.
    pub fn resume_at(&self) -> Option<Position> {
        self.at
    }

    /// True if the second connection should be read.
    pub fn wants_payload(&self) -> bool {
        !matches!(self.second, Second::Dialing | Second::Complete)
    }

    /// The payload that is being received.
    pub fn framing(&self) -> Option<&Framing> {
        match &self.second {
            Second::Payload(framing) => Some(framing),
            _ => None,
        }
    }

    /// True if the payload is complete and is being loaded.
    pub fn is_loading(&self) -> bool {
        self.second == Second::Complete
    }

    /// True if the first connection carries the stream.
    pub(super) fn streams(&self) -> bool {
        self.first == First::Streams
    }

    fn name(&self) -> &'static str {
        match self.way {
            Way::RdbChannel { .. } => "rdb channel",
            Way::DualChannel => "dual channel",
        }
    }
}

/// The answer to PSYNC that offers two connections; `None` if it is another one.
pub(super) fn offered(line: &[u8]) -> Option<Way> {
    if let Some(id) = line.strip_prefix(b"+RDBCHANNELSYNC ") {
        let client = std::str::from_utf8(id).ok()?.trim().parse().ok()?;
        return Some(Way::RdbChannel { client });
    }
    line.starts_with(b"+DUALCHANNELSYNC")
        .then_some(Way::DualChannel)
}

/// `$ENDOFF:<offset> <id> <db> <client id>`: the position of the cut, and the number of the second connection. The
/// database is also in the payload.
fn end_offset(line: &[u8]) -> Option<(Position, u64)> {
    let text = std::str::from_utf8(line.strip_prefix(b"$ENDOFF:")?).ok()?;
    let mut words = text.split_ascii_whitespace();
    let offset = ReplOffset::parse(words.next()?.as_bytes())?;
    let id = ReplId::parse(words.next()?.as_bytes())?;
    let _db: i64 = words.next()?.parse().ok()?;
    let client = words.next()?.parse().ok()?;
    Some((Position { id, offset }, client))
}

impl Link {
    /// The primary has offered the payload over a second connection.
    pub(super) fn begin_channels(
        &mut self,
        way: Way,
        env: &mut LinkEnv<'_>,
        out: &mut Vec<LinkAction<'_>>,
    ) {
        let said = match way {
            Way::RdbChannel { .. } => "PSYNC is not possible, initialize RDB channel.",
            Way::DualChannel => {
                "Dual channel replication: PSYNC is not possible, initialize RDB channel."
            }
        };
        log(out, LogLevel::Notice, said);
        let first = match way {
            Way::RdbChannel { .. } => First::Streams,
            Way::DualChannel => First::Silent,
        };
        self.state = State::Channels(Channels {
            way,
            first,
            second: Second::Dialing,
            at: None,
            line: Vec::new(),
            last_io_ms: env.now_ms,
        });
        out.push(LinkAction::ConnectSecond);
    }

    /// The second connection is established.
    pub(super) fn on_second_connected(
        &mut self,
        env: &mut LinkEnv<'_>,
        out: &mut Vec<LinkAction<'_>>,
    ) {
        let State::Channels(channels) = &mut self.state else {
            return;
        };
        if channels.second != Second::Dialing {
            return;
        }
        channels.last_io_ms = env.now_ms;
        let s = env.settings;
        let mut bytes = Vec::new();
        let mut asked = VecDeque::new();
        if !s.primary_auth.is_empty() {
            let auth = match s.primary_user.is_empty() {
                true => vec!["AUTH", &s.primary_auth],
                false => vec!["AUTH", &s.primary_user, &s.primary_auth],
            };
            encode_request(&mut bytes, &auth);
            asked.push_back(Asked::Auth);
        }
        let (port, client);
        let mut conf = vec!["REPLCONF", "capa", "eof", "capa", "forebay"];
        conf.extend(["rdb-only", "1", "rdb-channel", "1"]);
        if let Way::RdbChannel { client: id } = channels.way {
            client = id.to_string();
            conf.extend(["main-ch-client-id", &client]);
        }
        port = s.announce_port.to_string();
        conf.extend(["listening-port", &port]);
        if !s.announce_ip.is_empty() {
            conf.extend(["ip-address", &s.announce_ip]);
        }
        if channels.way == Way::DualChannel {
            // The primary chooses the form of the payload by what is announced here. Redis does not know the word, and
            // would refuse the whole request.
            conf.extend(["version", VALKEY_VERSION]);
        }
        encode_request(&mut bytes, &conf);
        asked.push_back(Asked::Channel);
        channels.second = Second::Replies { asked };
        out.push(LinkAction::SendSecond(bytes.into()));
    }

    /// Bytes have arrived over the second connection.
    pub(super) fn on_second_bytes<'a>(
        &mut self,
        mut bytes: &'a [u8],
        env: &mut LinkEnv<'_>,
        out: &mut Vec<LinkAction<'a>>,
    ) {
        self.last_io_ms = env.now_ms;
        loop {
            let State::Channels(channels) = &mut self.state else {
                return; // given up meanwhile
            };
            channels.last_io_ms = env.now_ms;
            if let Second::Payload(framing) = &mut channels.second {
                let cut = framing.take(bytes);
                let pieces = cut.payload.into_iter().filter(|p| !p.is_empty());
                out.extend(pieces.map(LinkAction::Payload));
                if cut.rest.is_some() {
                    // Bytes after the end mark are ignored, because the stream comes over the other connection.
                    channels.second = Second::Complete;
                    out.push(LinkAction::PayloadEnds);
                    out.push(LinkAction::DisconnectSecond);
                    self.next_ack_ms = env.now_ms + ACK_PERIOD_MS;
                }
                return;
            }
            if !channels.wants_payload() {
                return;
            }
            let Some(end) = memchr::memchr(b'\n', bytes) else {
                channels.line.extend_from_slice(bytes);
                if channels.line.len() > LINE_MAX {
                    self.give_up_channels("Failed to read response: line too long", env, out);
                }
                return;
            };
            let mut line = std::mem::take(&mut channels.line);
            line.extend_from_slice(&bytes[..end]);
            bytes = &bytes[end + 1..];
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            self.second_line(&line, env, out);
        }
    }

    /// A line of the second connection, without its end.
    fn second_line(&mut self, line: &[u8], env: &mut LinkEnv<'_>, out: &mut Vec<LinkAction<'_>>) {
        let State::Channels(channels) = &mut self.state else {
            return;
        };
        if line.is_empty() {
            return; // the primary is alive and prepares a snapshot
        }
        if line.starts_with(b"-") {
            let said = format!("Error reply over the second connection: {}", text(line));
            return self.give_up_channels(&said, env, out);
        }
        match &mut channels.second {
            Second::Replies { asked } => {
                asked.pop_front();
                if !asked.is_empty() {
                    return;
                }
                let mut bytes = Vec::new();
                match channels.way {
                    Way::RdbChannel { .. } => encode_request(&mut bytes, &["PSYNC", "?", "-1"]),
                    Way::DualChannel => bytes.extend_from_slice(b"SYNC\r\n"),
                }
                channels.second = Second::Place;
                out.push(LinkAction::SendSecond(bytes.into()));
            }
            Second::Place => {
                let placed = match channels.way {
                    Way::RdbChannel { .. } => full_resync(line).map(|at| (at, None)),
                    Way::DualChannel => end_offset(line).map(|(at, client)| (at, Some(client))),
                };
                let Some((at, client)) = placed else {
                    let said = format!(
                        "Unexpected answer over the second connection: {}",
                        text(line)
                    );
                    return self.give_up_channels(&said, env, out);
                };
                channels.at = Some(at);
                channels.second = Second::Announced;
                if let Some(client) = client {
                    channels.first = First::Named;
                    let mut bytes = Vec::new();
                    let client = client.to_string();
                    encode_request(&mut bytes, &["REPLCONF", "set-rdb-client-id", &client]);
                    out.push(LinkAction::Send(bytes.into()));
                }
                let said = format!("Full resync from master: {}:{}", at.id, at.offset);
                log(out, LogLevel::Notice, said);
                log(
                    out,
                    LogLevel::Notice,
                    "Starting to receive RDB and replication stream in parallel.",
                );
                out.push(LinkAction::FullResync(Some(at)));
            }
            Second::Announced => {
                let Some(framing) = Framing::parse(line) else {
                    let said = format!("Bad announcement of a payload: {}", text(line));
                    return self.give_up_channels(&said, env, out);
                };
                out.push(LinkAction::PayloadBegins(framing.length()));
                channels.second = Second::Payload(framing);
            }
            Second::Dialing | Second::Payload(_) | Second::Complete => {}
        }
    }

    /// The second connection failed or ended.
    pub(super) fn on_second_closed(
        &mut self,
        error: &str,
        env: &mut LinkEnv<'_>,
        out: &mut Vec<LinkAction<'_>>,
    ) {
        let State::Channels(channels) = &self.state else {
            return;
        };
        let reason = match error {
            "" => "connection lost",
            error => error,
        };
        let said = match &channels.second {
            Second::Complete => return,
            Second::Dialing => format!("Unable to connect to MASTER for the payload: {reason}"),
            Second::Payload(_) => format!("I/O error trying to sync with MASTER: {reason}"),
            _ => format!("Failed to read response from the server: {reason}"),
        };
        self.give_up_channels(&said, env, out);
    }

    /// The first connection failed or ended before the payload was complete.
    pub(super) fn on_first_closed(
        &mut self,
        reason: &str,
        env: &mut LinkEnv<'_>,
        out: &mut Vec<LinkAction<'_>>,
    ) {
        let State::Channels(channels) = &self.state else {
            return;
        };
        if channels.is_loading() {
            return; // the stream is asked for when the payload is loaded
        }
        let said = format!("Main channel error while reading from master: {reason}");
        // The second connection was not the cause.
        self.abort_channels(&said, env, out);
    }

    /// A line of the first connection, before it carries the stream.
    pub(super) fn first_line(
        &mut self,
        line: &[u8],
        env: &mut LinkEnv<'_>,
        out: &mut Vec<LinkAction<'_>>,
    ) {
        let State::Channels(channels) = &mut self.state else {
            return;
        };
        let (Some(at), false) = (channels.at, line.is_empty()) else {
            return;
        };
        let agreed = match channels.first {
            First::Named => line.starts_with(b"+OK"),
            First::Asked => continues(line, at),
            First::Silent | First::Streams => false,
        };
        if !agreed {
            if channels.is_loading() {
                return self.lose_channels(env, out);
            }
            let said = format!(
                "Dual channel replication: unexpected answer: {}",
                text(line)
            );
            return self.give_up_channels(&said, env, out);
        }
        if channels.first == First::Asked {
            channels.first = First::Streams;
            let said = "Dual channel replication: PRIMARY <-> REPLICA sync: Primary accepted a Partial \
                        Resynchronization, RDB load in background.";
            return log(out, LogLevel::Notice, said);
        }
        channels.first = First::Asked;
        let (id, from) = (at.id.to_string(), (at.offset + 1).to_string());
        let said = format!(
            "Dual channel replication: Trying a partial resynchronization using main channel (request {id}:{from})."
        );
        log(out, LogLevel::Notice, said);
        let mut bytes = Vec::new();
        encode_request(&mut bytes, &["PSYNC", &id, &from]);
        out.push(LinkAction::Send(bytes.into()));
    }

    /// The primary does not continue from the position of the payload that is being loaded. The link becomes one that
    /// has lost its primary, and requests another sync after the load.
    fn lose_channels(&mut self, _: &mut LinkEnv<'_>, out: &mut Vec<LinkAction<'_>>) {
        if let State::Channels(channels) = &mut self.state {
            channels.first = First::Silent;
        }
        out.push(LinkAction::DisconnectFirst);
    }

    /// Checks the timeouts.
    pub(super) fn channels_tick(&mut self, env: &mut LinkEnv<'_>, out: &mut Vec<LinkAction<'_>>) {
        let State::Channels(channels) = &self.state else {
            return;
        };
        if channels.is_loading() {
            return self.keep_alive(env, out, |_| Cow::Borrowed(b"\n"));
        }
        if env.now_ms.saturating_sub(channels.last_io_ms) > env.settings.timeout_ms {
            let said = "Timeout receiving bulk data from MASTER... If the problem persists try to set the \
                        'repl-timeout' parameter in redis.conf to a larger value.";
            self.give_up_channels(said, env, out);
        }
    }

    /// The payload is loaded, and the stream continues from its cut.
    pub(super) fn channels_loaded(
        &mut self,
        channels: Channels,
        env: &mut LinkEnv<'_>,
        out: &mut Vec<LinkAction<'_>>,
    ) {
        self.failures = 0;
        self.single = false;
        self.last_io_ms = env.now_ms;
        self.next_ack_ms = env.now_ms + ACK_PERIOD_MS;
        out.push(LinkAction::Established(channels.at));
        log(
            out,
            LogLevel::Notice,
            "MASTER <-> REPLICA sync: Finished with success",
        );
        match channels.first {
            First::Streams => {
                self.state = State::Streaming { acks: true };
                if let Some(at) = channels.at {
                    out.push(LinkAction::Send(ack(at.offset, None).into()));
                }
            }
            First::Named => {
                out.push(LinkAction::Lost(true));
                let asked = VecDeque::from([Asked::Channel]);
                self.state = State::AwaitReplies { asked };
            }
            First::Asked => {
                out.push(LinkAction::Lost(true));
                self.state = State::AwaitPsync;
            }
            First::Silent => self.lose(env, out),
        }
    }

    /// The second connection has failed, so the next attempt uses a single one.
    pub(super) fn give_up_channels(
        &mut self,
        why: &str,
        env: &mut LinkEnv<'_>,
        out: &mut Vec<LinkAction<'_>>,
    ) {
        self.single = true;
        self.abort_channels(why, env, out);
    }

    fn abort_channels(&mut self, why: &str, env: &mut LinkEnv<'_>, out: &mut Vec<LinkAction<'_>>) {
        let State::Channels(channels) = &self.state else {
            return;
        };
        log(out, LogLevel::Warning, why);
        let said = format!("Aborting {} sync", channels.name());
        log(out, LogLevel::Notice, said);
        if channels.framing().is_some() {
            out.push(LinkAction::PayloadAborted);
            self.failures += 1;
        }
        self.reconnecting = Some("after failure");
        self.retry_later(env, out);
    }
}

/// True for a `+CONTINUE [<id>]` that continues the history of the payload.
fn continues(line: &[u8], at: Position) -> bool {
    let Some(rest) = line.strip_prefix(b"+CONTINUE") else {
        return false;
    };
    let id = rest.trim_ascii();
    id.is_empty() || at.id.is(id)
}
