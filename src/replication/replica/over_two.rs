//! What the link does while a full sync has two connections; [`super::channels`] has the states and the lines.

use super::channels::{Channels, First, Second, Way, continues, end_offset};
use super::handshake::{Asked, full_resync, text};
use super::{ACK_PERIOD_MS, Framing, LINE_MAX, Link, LinkAction, LinkEnv, State, ack, log};
use crate::position::Position;
use base::request::encode_request;
use base::{LogLevel, VALKEY_VERSION};
use std::borrow::Cow;
use std::collections::VecDeque;

impl Link {
    /// The place of the cut whose payload arrives or is loaded.
    pub fn resume_at(&self) -> Option<Position> {
        match &self.state {
            State::AwaitRdb { resume_at }
            | State::Receive { resume_at, .. }
            | State::Loading { resume_at, .. } => *resume_at,
            State::Channels(channels) => channels.resume_at(),
            _ => None,
        }
    }

    /// The payload that is arriving.
    pub fn payload(&self) -> Option<&Framing> {
        match &self.state {
            State::Receive { framing, .. } => Some(framing),
            State::Channels(channels) => channels.framing(),
            _ => None,
        }
    }

    /// Both connections of a full sync, if it has two.
    pub fn channels(&self) -> Option<&Channels> {
        match &self.state {
            State::Channels(channels) => Some(channels),
            _ => None,
        }
    }

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
        self.state = State::Channels(Channels::new(way, env.now_ms));
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
        let mut left = 1;
        if !s.primary_auth.is_empty() {
            let auth = match s.primary_user.is_empty() {
                true => vec!["AUTH", &s.primary_auth],
                false => vec!["AUTH", &s.primary_user, &s.primary_auth],
            };
            encode_request(&mut bytes, &auth);
            left += 1;
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
        channels.second = Second::Replies { left };
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
            Second::Replies { left } => {
                *left -= 1;
                if *left > 0 {
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
