//! The lines that are exchanged between connecting and the payload or stream.

use super::{Framing, Link, LinkAction, LinkEnv, State, channels, log};
use crate::position::{Position, ReplId, ReplOffset};
use base::request::encode_request;
use base::{LogLevel, VALKEY_VERSION};
use std::collections::VecDeque;

/// A command whose reply is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// `AUTH`
    Auth,
    /// `REPLCONF listening-port`
    Port,
    /// `REPLCONF ip-address`
    Ip,
    /// `REPLCONF capa ...`
    Capa,
    /// `REPLCONF version`
    Version,
    /// What one of two connections says of the other.
    Channel,
}

impl Asked {
    fn name(self) -> &'static str {
        match self {
            Asked::Auth => "AUTH",
            Asked::Port => "REPLCONF listening-port",
            Asked::Ip => "REPLCONF ip-address",
            Asked::Capa => "REPLCONF capa",
            Asked::Version => "REPLCONF version",
            Asked::Channel => "REPLCONF of a second connection",
        }
    }
}

impl Link {
    /// One reply line, without its end.
    pub(super) fn on_line(
        &mut self,
        line: &[u8],
        env: &mut LinkEnv<'_>,
        out: &mut Vec<LinkAction<'_>>,
    ) {
        match &mut self.state {
            State::AwaitPong => self.after_ping(line, env, out),
            State::AwaitReplies { asked } => {
                let first = asked.pop_front().expect("an empty list is left at once");
                let last = asked.is_empty();
                if line.starts_with(b"-") && first == Asked::Auth {
                    log(
                        out,
                        LogLevel::Warning,
                        format!("Unable to AUTH to MASTER: {}", text(line)),
                    );
                    return self.retry_later(env, out);
                }
                if line.starts_with(b"-") {
                    let what = first.name();
                    let line = text(line);
                    let said = format!("(Non critical) Master does not understand {what}: {line}");
                    log(out, LogLevel::Notice, said);
                }
                if last {
                    self.ask_psync(env, out);
                }
            }
            State::AwaitPsync => self.after_psync(line, env, out),
            State::Channels(_) => self.first_line(line, env, out),
            State::AwaitRdb { resume_at } => {
                let resume_at = *resume_at;
                self.announced(line, resume_at, env, out);
            }
            _ => {}
        }
    }

    fn after_ping(&mut self, line: &[u8], env: &mut LinkEnv<'_>, out: &mut Vec<LinkAction<'_>>) {
        // A primary that wants a password refuses PING; AUTH comes next.
        let tolerated: [&[u8]; 4] = [
            b"+",
            b"-NOAUTH",
            b"-NOPERM",
            b"-ERR operation not permitted",
        ];
        if !tolerated.iter().any(|t| line.starts_with(t)) {
            let said = format!("Error reply to PING from master: '{}'", text(line));
            log(out, LogLevel::Warning, said);
            return self.retry_later(env, out);
        }
        log(
            out,
            LogLevel::Notice,
            "Master replied to PING, replication can continue...",
        );
        let s = env.settings;
        let mut asked = VecDeque::new();
        let mut bytes = Vec::new();
        let mut ask = |what, argv: &[&str]| {
            encode_request(&mut bytes, argv);
            asked.push_back(what);
        };
        if !s.primary_auth.is_empty() && !s.primary_user.is_empty() {
            ask(Asked::Auth, &["AUTH", &s.primary_user, &s.primary_auth]);
        } else if !s.primary_auth.is_empty() {
            ask(Asked::Auth, &["AUTH", &s.primary_auth]);
        }
        let port = s.announce_port.to_string();
        ask(Asked::Port, &["REPLCONF", "listening-port", &port]);
        if !s.announce_ip.is_empty() {
            ask(Asked::Ip, &["REPLCONF", "ip-address", &s.announce_ip]);
        }
        let mut capa = vec![
            "REPLCONF", "capa", "eof", "capa", "psync2", "capa", "forebay",
        ];
        if s.rdb_channel && !self.single {
            capa.extend(["capa", "rdb-channel-repl"]);
        }
        if s.dual_channel && !self.single {
            capa.extend(["capa", "dual-channel"]);
        }
        ask(Asked::Capa, &capa);
        // Valkey 9.1 writes the form of an old server for a replica that does not announce a version, and then refuses
        // hash fields that expire. Others do not know the word, or do not ask.
        ask(Asked::Version, &["REPLCONF", "version", VALKEY_VERSION]);
        out.push(LinkAction::Send(bytes.into()));
        self.state = State::AwaitReplies { asked };
    }

    fn ask_psync(&mut self, env: &mut LinkEnv<'_>, out: &mut Vec<LinkAction<'_>>) {
        let (id, from) = match env.cached {
            Some(at) => (at.id.to_string(), (at.offset + 1).to_string()),
            None => ("?".to_owned(), "-1".to_owned()),
        };
        let said = match env.cached {
            Some(_) => format!("Trying a partial resynchronization (request {id}:{from})."),
            None => "Partial resynchronization not possible (no cached master)".to_owned(),
        };
        log(out, LogLevel::Notice, said);
        let mut bytes = Vec::new();
        match self.promoting {
            true => encode_request(&mut bytes, &["PSYNC", &id, &from, "FAILOVER"]),
            false => encode_request(&mut bytes, &["PSYNC", &id, &from]),
        }
        out.push(LinkAction::Send(bytes.into()));
        self.state = State::AwaitPsync;
    }

    fn after_psync(&mut self, line: &[u8], env: &mut LinkEnv<'_>, out: &mut Vec<LinkAction<'_>>) {
        let begins = |word: &str| line.starts_with(word.as_bytes());
        if line.is_empty() {
            return; // the primary is alive and prepares a snapshot
        }
        let promoting = std::mem::take(&mut self.promoting);
        if promoting && !(begins("+CONTINUE") && env.cached.is_some()) {
            out.push(LinkAction::PromotionRefused);
            return self.retry_later(env, out);
        }
        if begins("+FULLRESYNC") {
            let resume_at = full_resync(line);
            match resume_at {
                Some(at) => {
                    let said = format!("Full resync from master: {}:{}", at.id, at.offset);
                    log(out, LogLevel::Notice, said);
                }
                None => log(
                    out,
                    LogLevel::Warning,
                    "Master replied with wrong +FULLRESYNC syntax.",
                ),
            }
            out.push(LinkAction::FullResync(resume_at));
            self.state = State::AwaitRdb { resume_at };
            return;
        }
        if let Some(way) = channels::offered(line) {
            return self.begin_channels(way, env, out);
        }
        if begins("+CONTINUE") && env.cached.is_some() {
            log(
                out,
                LogLevel::Notice,
                "Successful partial resynchronization with master.",
            );
            let id = line.strip_prefix(b"+CONTINUE ").and_then(|rest| {
                let end = rest.iter().position(|b| *b == b' ').unwrap_or(rest.len());
                ReplId::parse(&rest[..end])
            });
            let id = id.filter(|id| Some(*id) != env.cached.map(|at| at.id));
            if let Some(id) = id {
                log(
                    out,
                    LogLevel::Notice,
                    format!("Master replication ID changed to {id}"),
                );
            }
            self.failures = 0;
            self.single = false;
            self.next_ack_ms = env.now_ms + super::ACK_PERIOD_MS;
            self.state = State::Streaming { acks: true };
            out.push(LinkAction::Continue(id));
            let said = "MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.";
            log(out, LogLevel::Notice, said);
            return;
        }
        let transient = ["-NOMASTERLINK", "-LOADING", "-BUSY", "-MASTERDOWN"];
        if transient.iter().any(|w| begins(w)) {
            let line = text(line);
            let said =
                format!("Master is currently unable to PSYNC but should be in the future: {line}");
            log(out, LogLevel::Notice, said);
            return self.retry_later(env, out);
        }
        // SYNC would be refused for the same reason.
        let refused = ["-NOAUTH", "-NOPERM", "-WRONGPASS"];
        if refused.iter().any(|w| begins(w)) {
            let said = format!("Unexpected reply to PSYNC from master: {}", text(line));
            log(out, LogLevel::Warning, said);
            return self.retry_later(env, out);
        }
        if begins("-ERR") {
            let line = text(line);
            let said =
                format!("Master does not support PSYNC or is in error state (reply: {line})");
            log(out, LogLevel::Notice, said);
        } else {
            let said = format!("Unexpected reply to PSYNC from master: {}", text(line));
            log(out, LogLevel::Warning, said);
        }
        log(out, LogLevel::Notice, "Retrying with SYNC...");
        out.push(LinkAction::Send(b"SYNC\r\n".as_slice().into()));
        out.push(LinkAction::FullResync(None));
        self.state = State::AwaitRdb { resume_at: None };
    }

    fn announced(
        &mut self,
        line: &[u8],
        resume_at: Option<Position>,
        env: &mut LinkEnv<'_>,
        out: &mut Vec<LinkAction<'_>>,
    ) {
        if line.is_empty() {
            return; // keepalive
        }
        if let Some(error) = line.strip_prefix(b"-") {
            let said = format!("MASTER aborted replication with an error: {}", text(error));
            log(out, LogLevel::Warning, said);
            return self.retry_later(env, out);
        }
        let Some(framing) = Framing::parse(line) else {
            let said = format!(
                "Bad protocol from MASTER, the first byte is not '$' (we received '{}'), are you \
                 sure the host and port are right?",
                text(line)
            );
            log(out, LogLevel::Warning, said);
            self.failures += 1;
            return self.retry_later(env, out);
        };
        out.push(LinkAction::PayloadBegins(framing.length()));
        self.state = State::Receive { framing, resume_at };
    }
}

/// `+FULLRESYNC <id> <offset>`
pub(super) fn full_resync(line: &[u8]) -> Option<Position> {
    let mut words = line.strip_prefix(b"+FULLRESYNC ")?.split(|b| *b == b' ');
    let id = ReplId::parse(words.next()?)?;
    let offset = ReplOffset::parse(words.next()?)?;
    Some(Position { id, offset })
}

/// A peer's line for the log.
pub(super) fn text(line: &[u8]) -> String {
    let shown = &line[..line.len().min(255)];
    String::from_utf8_lossy(shown).escape_debug().to_string()
}
