//! A full sync over two connections: the second one carries the payload, and the first one the stream, which the driver
//! collects ([`super::LinkAction::Collect`]) until the payload is loaded.
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

use super::payload::Framing;
use crate::position::{Position, ReplId, ReplOffset};

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
pub(super) enum First {
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
pub(super) enum Second {
    /// It is being established.
    Dialing,
    /// AUTH and REPLCONF are sent.
    Replies {
        /// The number of replies that are still to come.
        left: usize,
    },
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
    pub(super) way: Way,
    pub(super) first: First,
    pub(super) second: Second,
    /// The position of the cut; `None` until the primary has sent it.
    pub(super) at: Option<Position>,
    /// The beginning of a line of the second connection.
    pub(super) line: Vec<u8>,
    /// When bytes last arrived over the second connection.
    pub(super) last_io_ms: u64,
}

impl Channels {
    /// Before the second connection is established.
    pub(super) fn new(way: Way, now_ms: u64) -> Channels {
        let first = match way {
            Way::RdbChannel { .. } => First::Streams,
            Way::DualChannel => First::Silent,
        };
        Channels {
            way,
            first,
            second: Second::Dialing,
            at: None,
            line: Vec::new(),
            last_io_ms: now_ms,
        }
    }

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

    pub(super) fn name(&self) -> &'static str {
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
pub(super) fn end_offset(line: &[u8]) -> Option<(Position, u64)> {
    let text = std::str::from_utf8(line.strip_prefix(b"$ENDOFF:")?).ok()?;
    let mut words = text.split_ascii_whitespace();
    let offset = ReplOffset::parse(words.next()?.as_bytes())?;
    let id = ReplId::parse(words.next()?.as_bytes())?;
    let _db: i64 = words.next()?.parse().ok()?;
    let client = words.next()?.parse().ok()?;
    Some((Position { id, offset }, client))
}

/// True for a `+CONTINUE [<id>]` that continues the history of the payload.
pub(super) fn continues(line: &[u8], at: Position) -> bool {
    let Some(rest) = line.strip_prefix(b"+CONTINUE") else {
        return false;
    };
    let id = rest.trim_ascii();
    id.is_empty() || at.id.is(id)
}
