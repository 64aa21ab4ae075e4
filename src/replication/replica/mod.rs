//! The replica's side of the link to its primary. Its input is events, bytes and `now`; its output is
//! [`LinkAction`]s.
//!
//! ```text
//! Idle --due--> Connecting --connected: PING--> AwaitPong --AUTH, REPLCONF...--> AwaitReplies
//!   ^                                                                                |
//!   |                                             PSYNC <id> <offset+1> | PSYNC ? -1 v
//!   |      +------------------+CONTINUE--------------------------------------- AwaitPsync
//!   |      |                                     SYNC, if PSYNC is not understood |  | +FULLRESYNC
//!   |      v                                                                      v  v
//!   |  Streaming <--loaded: ACK-- Loading <--complete-- Receive <---$len | $EOF-- AwaitRdb
//!   |      |                         |                     |                         |
//!   +------+-- error, end of link, timeout, payload refused (with a growing delay) ---+
//! ```
//!
//! If the primary offers it, PSYNC is followed by [`channels`] instead: a payload over a second connection.
//!
//!  * A state holds what it needs and nothing else: there is no offset before PSYNC has been answered.
//!  * The commands between PING and PSYNC are sent together. Their replies are processed in order, and an error among
//!    them does not end the handshake, except for AUTH.
//!  * No old data is dropped for a payload before it is complete; the receiver decides that, and only
//!    [`LinkAction::PayloadEnds`] tells it that the payload has ended.
//!  * At least [`RETRY_MS`] pass between two attempts. Redis reconnects at once after some failures, which can be a
//!    busy loop; this server does not.

#[cfg(test)]
mod channel_tests;
mod channels;
mod handshake;
mod over_two;
mod payload;
#[cfg(test)]
mod tests;

pub use channels::Channels;
pub use payload::Framing;

use super::position::{Position, ReplOffset};
use super::settings::Settings;
use base::{LogLevel, Rng};
use handshake::Asked;
use std::borrow::Cow;
use std::collections::VecDeque;

/// Least time between two attempts to connect.
pub const RETRY_MS: u64 = 1000;
/// Failures of payloads double the delay up to this.
const RETRY_MAX_MS: u64 = 32_000;
/// Requests that cannot be run double the delay up to this: each of them costs the primary a snapshot.
const DIVERGED_MAX_MS: u64 = 512_000;
/// After this time without such a request, in addition to twice the last delay, the delays begin with the shortest
/// again.
const SETTLED_MS: u64 = 60_000;
/// A reply line of a peer may be this long (bytes); the reference keeps 255.
const LINE_MAX: usize = 4096;
/// ACKs, and newlines while loading.
const ACK_PERIOD_MS: u64 = 1000;

/// Silence of the primary after which it is told that everything was processed, without waiting for the period: a real
/// primary that hands its role over asks for no acknowledgement, and its writers wait for this one.
const QUIET_MS: u64 = 50;

/// What the link uses in addition to its own state.
pub struct LinkEnv<'a> {
    /// Directives.
    pub settings: &'a Settings,
    /// For jitter.
    pub rng: &'a mut Rng,
    /// Monotonic ms.
    pub now_ms: u64,
    /// Where we could continue: the cached primary's id and processed offset.
    pub cached: Option<Position>,
    /// Bytes of the stream processed, for ACKs.
    pub processed: ReplOffset,
    /// Bytes of it that the append-only file holds durably; `None` if there is no such file.
    pub durable: Option<ReplOffset>,
}

/// What happens to the link.
#[derive(Debug)]
pub enum LinkInput<'a> {
    /// Time passed.
    Tick,
    /// The connection is established.
    Connected,
    /// Bytes arrived.
    Bytes(&'a [u8]),
    /// The connection failed or ended; the text is the error, empty for a plain end.
    Closed(&'a str),
    /// The payload was loaded, or could not be loaded, in which case nothing of it is kept.
    Loaded(Result<(), String>),
    /// A request of the stream could not be run: this server's data are no longer the primary's. `true`: nothing is
    /// tried any more.
    Diverged(bool),
    /// The second connection is established.
    SecondConnected,
    /// Bytes arrived over it.
    SecondBytes(&'a [u8]),
    /// It failed or ended; the text is the error, empty for a plain end.
    SecondClosed(&'a str),
    /// The stream broke the protocol: what was processed cannot be trusted to be a whole prefix.
    ProtocolError,
}

/// What the driver must do.
#[derive(Debug, PartialEq, Eq)]
pub enum LinkAction<'a> {
    /// Connect; answer with `Connected` or `Closed`.
    Connect,
    /// Send bytes.
    Send(Cow<'a, [u8]>),
    /// Close the connection, and the second one if there is one; forget what was read and collected.
    Disconnect,
    /// Close this connection alone, and read nothing more of it.
    DisconnectFirst,
    /// Connect a second time; answer with `SecondConnected` or `SecondClosed`.
    ConnectSecond,
    /// Send bytes over the second connection.
    SendSecond(Cow<'a, [u8]>),
    /// Close the second connection.
    DisconnectSecond,
    /// Bytes of the stream that come before their payload is loaded: keep them, and apply them as soon as the link is
    /// up.
    Collect(Cow<'a, [u8]>),
    /// The target of a failover did not take our part.
    PromotionRefused,
    /// `+CONTINUE [id]`: continue with the cached primary, under this id if there is one.
    Continue(Option<super::position::ReplId>),
    /// `+FULLRESYNC`, or SYNC (`None`): a payload will come.
    FullResync(Option<Position>),
    /// A payload begins; its length if it is known.
    PayloadBegins(Option<u64>),
    /// Bytes of it.
    Payload(Cow<'a, [u8]>),
    /// It is complete: load it, then say [`LinkInput::Loaded`].
    PayloadEnds,
    /// It will not be completed: drop what was received.
    PayloadAborted,
    /// The payload is loaded, and its place is this server's (`None` after SYNC).
    Established(Option<Position>),
    /// Bytes of the stream.
    Stream(Cow<'a, [u8]>),
    /// An established link is lost. `true`: what was processed may be continued.
    Lost(bool),
    /// A log line.
    Log(LogLevel, String),
}

/// Where the link is.
#[derive(Debug, PartialEq, Eq)]
pub enum State {
    /// No connection; the next attempt is due at this time.
    Idle {
        /// Monotonic ms.
        due_ms: u64,
    },
    /// Connecting.
    Connecting,
    /// PING is sent.
    AwaitPong,
    /// AUTH and REPLCONFs are sent; their replies are awaited in order.
    AwaitReplies {
        /// What was sent and is not answered.
        asked: VecDeque<Asked>,
    },
    /// PSYNC is sent.
    AwaitPsync,
    /// A payload will be announced.
    AwaitRdb {
        /// The cut's place; `None` after SYNC.
        resume_at: Option<Position>,
    },
    /// A payload arrives.
    Receive {
        /// Where it ends.
        framing: Framing,
        /// The cut's place.
        resume_at: Option<Position>,
    },
    /// The payload is complete and is being loaded.
    Loading {
        /// The cut's place.
        resume_at: Option<Position>,
        /// Bytes of the stream that arrived after the payload.
        glued: Vec<u8>,
    },
    /// The payload is received over a second connection, and the stream over this one.
    Channels(Channels),
    /// The stream is followed.
    Streaming {
        /// False after SYNC: such a primary wants no ACKs.
        acks: bool,
    },
}

/// The link. See the module.
#[derive(Debug)]
pub struct Link {
    host: String,
    port: u16,
    state: State,
    /// A reply line that is half there.
    line: Vec<u8>,
    /// Last time bytes arrived, or the state began.
    last_io_ms: u64,
    last_attempt_ms: Option<u64>,
    /// Payloads refused or lost in a row.
    failures: u32,
    /// Requests in a row that could not be run.
    divergences: u32,
    /// If none follows up to then, the row ends; monotonic ms.
    settled_ms: u64,
    next_ack_ms: u64,
    /// What the last ACK by this clock said.
    acked: Option<ReplOffset>,
    /// A failover: PSYNC tells the other side to promote itself, until it has answered.
    promoting: bool,
    /// The second connection of the last full sync failed: the next one asks for none.
    single: bool,
    /// Why the next connection is made, for the log.
    reconnecting: Option<&'static str>,
}

impl Link {
    /// A link to `host:port` that connects at its first tick.
    pub fn new(host: String, port: u16, now_ms: u64) -> Self {
        Link {
            host,
            port,
            state: State::Idle { due_ms: now_ms },
            line: Vec::new(),
            last_io_ms: now_ms,
            last_attempt_ms: None,
            failures: 0,
            divergences: 0,
            settled_ms: 0,
            next_ack_ms: 0,
            acked: None,
            promoting: false,
            single: false,
            reconnecting: None,
        }
    }

    /// The other side is our replica and shall take our part.
    pub fn ask_for_promotion(&mut self) {
        self.promoting = true;
    }

    /// Whom we follow.
    pub fn primary(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    /// Where we are.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The stream is followed.
    pub fn is_up(&self) -> bool {
        matches!(self.state, State::Streaming { .. })
    }

    /// A payload is awaited, received or loaded.
    pub fn is_syncing(&self) -> bool {
        use State::*;
        matches!(
            self.state,
            AwaitRdb { .. } | Receive { .. } | Loading { .. } | Channels(_)
        )
    }

    /// As ROLE names the state.
    pub fn role_word(&self) -> &'static str {
        match self.state {
            State::Idle { .. } => "connect",
            State::Connecting => "connecting",
            State::AwaitPong | State::AwaitReplies { .. } | State::AwaitPsync => "handshake",
            State::AwaitRdb { .. }
            | State::Receive { .. }
            | State::Loading { .. }
            | State::Channels(_) => "sync",
            State::Streaming { .. } => "connected",
        }
    }

    /// Monotonic ms of the last byte.
    pub fn last_io_ms(&self) -> u64 {
        self.last_io_ms
    }

    /// True while the driver should read. While loading the primary keeps the stream for us.
    pub fn wants_input(&self) -> bool {
        !matches!(
            self.state,
            State::Idle { .. } | State::Connecting | State::Loading { .. }
        )
    }

    /// The stream is not read at this time, by the driver's choice: the primary is not silent.
    pub fn is_held(&mut self, now_ms: u64) {
        self.last_io_ms = now_ms;
    }

    /// Takes one event.
    pub fn step<'a>(
        &mut self,
        input: LinkInput<'a>,
        env: &mut LinkEnv<'_>,
        out: &mut Vec<LinkAction<'a>>,
    ) {
        match input {
            LinkInput::Tick => self.on_tick(env, out),
            LinkInput::Connected => self.on_connected(env, out),
            LinkInput::Bytes(bytes) => self.on_bytes(bytes, env, out),
            LinkInput::Closed(error) => self.on_closed(error, env, out),
            LinkInput::Loaded(result) => self.on_loaded(result, env, out),
            LinkInput::SecondConnected => self.on_second_connected(env, out),
            LinkInput::SecondBytes(bytes) => self.on_second_bytes(bytes, env, out),
            LinkInput::SecondClosed(error) => self.on_second_closed(error, env, out),
            LinkInput::Diverged(stop) => self.on_diverged(stop, env, out),
            LinkInput::ProtocolError => {
                if self.is_up() {
                    out.push(LinkAction::Lost(false));
                    self.retry_now("", env, out);
                }
            }
        }
    }

    /// The result comes with a payload. A primary that continues to send such requests would make us ask for one
    /// payload after another, so each attempt waits longer, until a while has passed without such a request.
    fn on_diverged(&mut self, stop: bool, env: &mut LinkEnv<'_>, out: &mut Vec<LinkAction<'_>>) {
        if !self.is_up() {
            return;
        }
        out.push(LinkAction::Lost(false));
        if env.now_ms > self.settled_ms {
            self.divergences = 0;
        }
        let delay = (RETRY_MS << self.divergences.min(16)).min(DIVERGED_MAX_MS);
        self.divergences += 1;
        self.settled_ms = env.now_ms + 2 * delay + SETTLED_MS;
        out.push(LinkAction::Disconnect);
        self.line.clear();
        self.reconnecting = Some("after a request that could not be run");
        let due_ms = if stop { u64::MAX } else { env.now_ms + delay };
        self.state = State::Idle { due_ms };
        let text = match stop {
            true => "The link to the primary ends, as propagation-error-behavior says; REPLICAOF begins it again."
                .to_owned(),
            false => format!(
                "The link to the primary ends. A full sync, which brings the result, begins in {} s.",
                delay / 1000
            ),
        };
        log(out, LogLevel::Warning, text);
    }

    fn on_tick(&mut self, env: &mut LinkEnv<'_>, out: &mut Vec<LinkAction<'_>>) {
        let silent = env.now_ms.saturating_sub(self.last_io_ms) > env.settings.timeout_ms;
        match &self.state {
            State::Idle { due_ms } if env.now_ms >= *due_ms => self.connect(env, out),
            State::Idle { .. } => {}
            State::Loading { .. } => self.keep_alive(env, out, |_| Cow::Borrowed(b"\n")),
            State::Channels(_) => self.channels_tick(env, out),
            State::Streaming { .. } if silent => {
                log(
                    out,
                    LogLevel::Warning,
                    "MASTER timeout: no data nor PING received...",
                );
                self.lose(env, out);
            }
            State::Streaming { acks: true } => {
                let durable = env.durable;
                let quiet = env.now_ms.saturating_sub(self.last_io_ms) >= QUIET_MS;
                if quiet && self.acked != Some(env.processed) {
                    self.next_ack_ms = env.now_ms;
                }
                if env.now_ms >= self.next_ack_ms {
                    self.acked = Some(env.processed);
                }
                self.keep_alive(env, out, |processed| ack(processed, durable).into());
            }
            State::Streaming { acks: false } => {}
            State::Receive { .. } | State::AwaitRdb { .. } if silent => {
                let text = "Timeout receiving bulk data from MASTER... If the problem persists try \
                            to set the 'repl-timeout' parameter in redis.conf to a larger value.";
                log(out, LogLevel::Warning, text);
                self.give_up_payload(env, out);
            }
            _ if silent => {
                log(
                    out,
                    LogLevel::Warning,
                    "Timeout connecting to the MASTER...",
                );
                self.retry_now("after failure", env, out);
            }
            _ => {}
        }
    }

    /// Sends what shows the primary that we are there, when it is time.
    fn keep_alive<'a>(
        &mut self,
        env: &LinkEnv<'_>,
        out: &mut Vec<LinkAction<'a>>,
        sign: impl FnOnce(ReplOffset) -> Cow<'a, [u8]>,
    ) {
        if env.now_ms >= self.next_ack_ms {
            self.next_ack_ms = env.now_ms + ACK_PERIOD_MS;
            out.push(LinkAction::Send(sign(env.processed)));
        }
    }

    fn connect(&mut self, env: &mut LinkEnv<'_>, out: &mut Vec<LinkAction<'_>>) {
        let how = match self.reconnecting.take() {
            None => format!("Connecting to MASTER {}:{}", self.host, self.port),
            Some("") => format!("Reconnecting to MASTER {}:{}", self.host, self.port),
            Some(why) => format!("Reconnecting to MASTER {}:{} {why}", self.host, self.port),
        };
        log(out, LogLevel::Notice, how);
        log(out, LogLevel::Notice, "MASTER <-> REPLICA sync started");
        self.state = State::Connecting;
        self.line.clear();
        self.last_io_ms = env.now_ms;
        self.last_attempt_ms = Some(env.now_ms);
        out.push(LinkAction::Connect);
    }

    fn on_connected(&mut self, env: &mut LinkEnv<'_>, out: &mut Vec<LinkAction<'_>>) {
        if self.state != State::Connecting {
            return;
        }
        log(
            out,
            LogLevel::Notice,
            "Non blocking connect for SYNC fired the event.",
        );
        self.last_io_ms = env.now_ms;
        self.state = State::AwaitPong;
        out.push(LinkAction::Send(Cow::Borrowed(b"*1\r\n$4\r\nPING\r\n")));
    }

    fn on_closed(&mut self, error: &str, env: &mut LinkEnv<'_>, out: &mut Vec<LinkAction<'_>>) {
        let reason = if error.is_empty() {
            "connection lost"
        } else {
            error
        };
        match &self.state {
            State::Idle { .. } => {}
            State::Streaming { .. } => {
                log(out, LogLevel::Notice, "Connection with master lost.");
                self.lose(env, out);
            }
            State::Receive { .. } => {
                let text = format!("I/O error trying to sync with MASTER: {reason}");
                log(out, LogLevel::Warning, text);
                self.give_up_payload(env, out);
            }
            State::AwaitRdb { .. } => {
                let text = format!("I/O error reading bulk count from MASTER: {reason}");
                log(out, LogLevel::Warning, text);
                self.retry_later(env, out);
            }
            State::Channels(_) => self.on_first_closed(reason, env, out),
            // The payload is here; that the link is gone shows when the stream is asked for.
            State::Loading { .. } => {}
            State::Connecting => {
                let text = format!("Error condition on socket for SYNC: {reason}");
                log(out, LogLevel::Warning, text);
                self.retry_later(env, out);
            }
            State::AwaitPsync => {
                log(
                    out,
                    LogLevel::Warning,
                    format!("Failed to read response from the server: {reason}"),
                );
                log(
                    out,
                    LogLevel::Warning,
                    "Master did not reply to PSYNC, will try later",
                );
                self.retry_later(env, out);
            }
            State::AwaitPong | State::AwaitReplies { .. } => {
                log(
                    out,
                    LogLevel::Warning,
                    format!("Failed to read response from the server: {reason}"),
                );
                log(
                    out,
                    LogLevel::Warning,
                    "Master did not respond to command during SYNC handshake",
                );
                self.retry_later(env, out);
            }
        }
    }

    fn on_loaded(
        &mut self,
        result: Result<(), String>,
        env: &mut LinkEnv<'_>,
        out: &mut Vec<LinkAction<'_>>,
    ) {
        // A loader that reads while we receive may fail before the payload is complete.
        match (
            result,
            std::mem::replace(&mut self.state, State::Connecting),
        ) {
            (Ok(()), State::Loading { resume_at, glued }) => {
                self.failures = 0;
                self.single = false;
                self.last_io_ms = env.now_ms;
                self.next_ack_ms = env.now_ms + ACK_PERIOD_MS;
                let acks = resume_at.is_some();
                self.state = State::Streaming { acks };
                out.push(LinkAction::Established(resume_at));
                log(
                    out,
                    LogLevel::Notice,
                    "MASTER <-> REPLICA sync: Finished with success",
                );
                if let Some(at) = resume_at {
                    out.push(LinkAction::Send(ack(at.offset, None).into()));
                }
                if !glued.is_empty() {
                    out.push(LinkAction::Stream(Cow::Owned(glued)));
                }
            }
            (Ok(()), State::Channels(channels)) if channels.is_loading() => {
                self.channels_loaded(channels, env, out);
            }
            (Err(_), State::Channels(channels)) => {
                self.state = State::Channels(channels);
                self.failures += 1;
                self.single = true;
                self.retry_later(env, out);
            }
            (Err(_), state @ (State::Loading { .. } | State::Receive { .. })) => {
                self.state = state;
                self.failures += 1;
                self.retry_later(env, out);
            }
            (_, state) => self.state = state,
        }
    }

    fn on_bytes<'a>(
        &mut self,
        mut bytes: &'a [u8],
        env: &mut LinkEnv<'_>,
        out: &mut Vec<LinkAction<'a>>,
    ) {
        self.last_io_ms = env.now_ms;
        while !bytes.is_empty() {
            match &mut self.state {
                State::Streaming { .. } => {
                    out.push(LinkAction::Stream(Cow::Borrowed(bytes)));
                    return;
                }
                State::Channels(channels) if channels.streams() => {
                    out.push(LinkAction::Collect(Cow::Borrowed(bytes)));
                    return;
                }
                State::Loading { glued, .. } => {
                    glued.extend_from_slice(bytes);
                    return;
                }
                State::Idle { .. } | State::Connecting => return,
                State::Receive { framing, resume_at } => {
                    let cut = framing.take(bytes);
                    let pieces = cut.payload.into_iter().filter(|p| !p.is_empty());
                    out.extend(pieces.map(LinkAction::Payload));
                    let Some(rest) = cut.rest else { return };
                    out.push(LinkAction::PayloadEnds);
                    self.next_ack_ms = env.now_ms + ACK_PERIOD_MS;
                    self.state = State::Loading {
                        resume_at: *resume_at,
                        glued: rest.to_vec(),
                    };
                    return;
                }
                _ => match memchr::memchr(b'\n', bytes) {
                    Some(end) => {
                        self.line.extend_from_slice(&bytes[..end]);
                        bytes = &bytes[end + 1..];
                        let mut line = std::mem::take(&mut self.line);
                        if line.last() == Some(&b'\r') {
                            line.pop();
                        }
                        self.on_line(&line, env, out);
                        self.drain_empty_payload(env, out);
                    }
                    None if self.line.len() + bytes.len() > LINE_MAX => {
                        let text = "Failed to read response from the server: line too long";
                        log(out, LogLevel::Warning, text);
                        return self.retry_later(env, out);
                    }
                    None => {
                        self.line.extend_from_slice(bytes);
                        return;
                    }
                },
            }
        }
    }

    /// `$0`: complete before its first byte.
    fn drain_empty_payload(&mut self, env: &LinkEnv<'_>, out: &mut Vec<LinkAction<'_>>) {
        if let State::Receive { framing, resume_at } = &self.state
            && framing.length() == Some(0)
        {
            out.push(LinkAction::PayloadEnds);
            self.next_ack_ms = env.now_ms + ACK_PERIOD_MS;
            self.state = State::Loading {
                resume_at: *resume_at,
                glued: Vec::new(),
            };
        }
    }

    /// An established link is lost: continue from the same position as soon as possible.
    fn lose(&mut self, env: &mut LinkEnv<'_>, out: &mut Vec<LinkAction<'_>>) {
        log(
            out,
            LogLevel::Notice,
            "Caching the disconnected master state.",
        );
        out.push(LinkAction::Lost(true));
        self.retry_now("", env, out);
    }

    fn give_up_payload(&mut self, env: &mut LinkEnv<'_>, out: &mut Vec<LinkAction<'_>>) {
        out.push(LinkAction::PayloadAborted);
        self.failures += 1;
        self.reconnecting = Some("after failure");
        self.retry_later(env, out);
    }

    /// The next attempt comes at once, if the last one is long enough ago.
    fn retry_now(
        &mut self,
        why: &'static str,
        env: &mut LinkEnv<'_>,
        out: &mut Vec<LinkAction<'_>>,
    ) {
        out.push(LinkAction::Disconnect);
        self.reconnecting = Some(why);
        let earliest = self.last_attempt_ms.map_or(0, |at| at + RETRY_MS);
        self.state = State::Idle {
            due_ms: env.now_ms.max(earliest),
        };
        self.line.clear();
    }

    /// The next attempt comes after a delay that grows with the payloads that failed in a row: each
    /// of them costs the primary a snapshot.
    fn retry_later(&mut self, env: &mut LinkEnv<'_>, out: &mut Vec<LinkAction<'_>>) {
        out.push(LinkAction::Disconnect);
        let grown = RETRY_MS << self.failures.saturating_sub(1).min(10);
        let delay = grown.min(RETRY_MAX_MS);
        let jitter = match self.failures {
            0 | 1 => 0,
            _ => env.rng.below(delay / 4),
        };
        self.state = State::Idle {
            due_ms: env.now_ms + delay + jitter,
        };
        self.line.clear();
    }
}

/// `REPLCONF ACK <offset> [FACK <durable offset>]`
pub fn ack(offset: ReplOffset, durable: Option<ReplOffset>) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut digits, mut more) = (itoa::Buffer::new(), itoa::Buffer::new());
    let mut argv = vec!["REPLCONF", "ACK", digits.format(offset.get())];
    if let Some(durable) = durable {
        argv.extend(["FACK", more.format(durable.get())]);
    }
    base::request::encode_request(&mut out, &argv);
    out
}

fn log(out: &mut Vec<LinkAction<'_>>, level: LogLevel, text: impl Into<String>) {
    out.push(LinkAction::Log(level, text.into()));
}
