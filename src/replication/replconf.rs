//! What a peer announces with REPLCONF on the connection that PSYNC will turn into a replica's. These are only labels
//! and requests: a replica is identified by its connection.

use base::integer::parse_int;
use base::{ClientId, CommandError, ReplOffset};
use bitflags::bitflags;

bitflags! {
    /// `REPLCONF capa`; what we do not know is ignored.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    pub struct Capa: u8 {
        /// Understands `$EOF:<mark>` payloads.
        const EOF = 1;
        /// Understands `+CONTINUE <id>`.
        const PSYNC2 = 2;
        /// The peer is a Forebay, which reads every record in the form in which it is held.
        const FOREBAY = 4;
        /// Is a Redis 8.0 or later: only these offer a second connection in this way.
        const REDIS_8 = 8;
        /// Takes a full sync over two connections in Valkey's way.
        const DUAL_CHANNEL = 16;
    }
}

/// The longest announced address (bytes), as in the reference.
const IP_MAX: usize = 255;

/// What one peer said so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replconf {
    /// `listening-port`: a label; 0 = not announced.
    pub listening_port: u16,
    /// `ip-address`: a label; empty = not announced.
    pub ip_address: String,
    /// `capa`
    pub capa: Capa,
    /// `rdb-only 1`: wants a snapshot and no stream.
    pub rdb_only: bool,
    /// `rdb-channel 1`: the payload goes over this connection, and the stream over another.
    pub rdb_channel: bool,
    /// `main-ch-client-id`: that other connection, in Redis's way.
    pub main_channel: Option<ClientId>,
    /// `set-rdb-client-id`: the connection of the payload, in Valkey's way.
    pub rdb_client: Option<ClientId>,
    /// `rdb-filter-only`: what the snapshot must hold.
    pub filter: Filter,
    /// `version`, as (major, minor, patch).
    pub version: Option<(u32, u32, u32)>,
}

/// `rdb-filter-only`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Filter {
    /// Everything (not given).
    #[default]
    All,
    /// `""`: nothing.
    Nothing,
    /// `functions`: functions only.
    Functions,
}

/// The kind of server that reads a payload and the stream after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// A server like us.
    Forebay,
    /// A Redis 8.0 or later.
    Redis8,
    /// One of these that has to show that it is a Redis 8.6, or later.
    Redis86,
    /// One of these that has to show that it is a Redis 8.8, or later.
    Redis88,
    /// A Valkey of this version: they announce it, from 8.0 on.
    Valkey(u32, u32),
    /// A Redis from 6.2 to 7.4, a Valkey 7.2, or a tool: their handshakes are alike.
    Unknown,
    /// One of these that has to show that it is a Redis 7.4: a payload of an older form would show nothing.
    Redis74,
    /// A Redis before 7.0, as far as we have found out.
    Old,
}

/// What one REPLCONF request asks for, other than setting options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// `+OK`
    Ok,
    /// `ack <offset> [fack <offset>]`: never answered.
    Ack {
        /// Bytes processed.
        offset: ReplOffset,
        /// Bytes made durable by the append-only file.
        fack: Option<ReplOffset>,
    },
    /// `getack *`: never answered; an ACK is due.
    GetAck,
    /// Silently ignored.
    Ignored,
}

impl Replconf {
    /// Takes one request's options, `options` without the command's name, left to right.
    ///
    /// # Errors
    /// The reference's texts; options before the bad one have been taken.
    pub fn take(&mut self, options: &[&[u8]]) -> Result<Outcome, CommandError> {
        if !options.len().is_multiple_of(2) {
            return Err(CommandError::SYNTAX);
        }
        for pair in options.chunks_exact(2) {
            let (name, value) = (pair[0], pair[1]);
            let is = |word: &str| name.eq_ignore_ascii_case(word.as_bytes());
            if is("listening-port") {
                let port = parse_int(value).ok_or(CommandError::NOT_AN_INTEGER)?;
                self.listening_port = port.clamp(0, 65_535) as u16;
            } else if is("ip-address") {
                if value.len() > IP_MAX {
                    return Err(CommandError::new(format!(
                        "ERR REPLCONF ip-address provided by replica instance is too long: {} bytes",
                        value.len()
                    )));
                }
                self.ip_address = String::from_utf8_lossy(value).into_owned();
            } else if is("capa") {
                match value.to_ascii_lowercase().as_slice() {
                    b"eof" => self.capa |= Capa::EOF,
                    b"psync2" => self.capa |= Capa::PSYNC2,
                    b"forebay" => self.capa |= Capa::FOREBAY,
                    b"rdb-channel-repl" => self.capa |= Capa::REDIS_8,
                    b"dual-channel" => self.capa |= Capa::DUAL_CHANNEL,
                    _ => {}
                }
            } else if is("ack") {
                return Ok(ack(options));
            } else if is("getack") {
                return Ok(Outcome::GetAck);
            } else if is("rdb-only") {
                self.rdb_only = switch(value)?;
            } else if is("rdb-filter-only") {
                self.filter = filter(value)?;
            } else if is("rdb-channel") {
                self.rdb_channel = switch(value)?;
            } else if is("main-ch-client-id") {
                self.main_channel = Some(client(value)?);
            } else if is("set-rdb-client-id") {
                self.rdb_client = Some(client(value)?);
            } else if is("rdb-no-compress") || is("rdb-no-checksum") {
                // Wishes for a plainer payload: ignoring them is right.
                switch(value)?;
            } else if is("version") {
                self.version = Some(version(value).ok_or_else(|| {
                    let text = String::from_utf8_lossy(value);
                    CommandError::new(format!("ERR Unrecognized version format: {text}"))
                })?);
            } else {
                let text = String::from_utf8_lossy(name);
                let error = format!("ERR Unrecognized REPLCONF option: {text}");
                return Err(CommandError::new(error));
            }
        }
        Ok(Outcome::Ok)
    }

    /// True if a snapshot made for `other` fits this peer too: it understands at least as much and
    /// wants the same.
    pub fn fits(&self, other: &Replconf) -> bool {
        let needed = other.capa - Capa::DUAL_CHANNEL;
        self.capa.contains(needed) && self.same_wishes(other)
    }

    /// A server that may be older than the form in which dumps are usually written. A peer that announces no port is
    /// a tool, which disconnects when it has what it wants.
    pub fn is_of_unknown_age(&self) -> bool {
        self.reader() == Reader::Unknown && self.listening_port != 0
    }

    /// A Redis 8, which tells no more than that.
    pub fn is_redis_8(&self) -> bool {
        matches!(
            self.reader(),
            Reader::Redis8 | Reader::Redis86 | Reader::Redis88
        )
    }

    /// The kind of server that reads the payload, as far as the handshake shows it.
    pub fn reader(&self) -> Reader {
        if self.capa.contains(Capa::FOREBAY) {
            // The version that it tells is that of the Valkey whose data it reads, among others.
            return Reader::Forebay;
        }
        match self.version {
            Some((8, 6, _)) if self.capa.contains(Capa::REDIS_8) => Reader::Redis86,
            Some(_) if self.capa.contains(Capa::REDIS_8) => Reader::Redis88,
            Some((major, minor, _)) if major >= 8 => Reader::Valkey(major, minor),
            Some((7, 4, _)) => Reader::Redis74,
            Some(_) => Reader::Old,
            None if self.capa.contains(Capa::REDIS_8) => Reader::Redis8,
            None => Reader::Unknown,
        }
    }

    /// What decides about the form of the snapshot: Forebay reads every form, whatever version it announces.
    fn form(&self) -> Option<(u32, u32, u32)> {
        match self.capa.contains(Capa::FOREBAY) {
            true => None,
            false => self.version,
        }
    }

    /// True if both want the same kind of snapshot.
    pub fn same_wishes(&self, other: &Replconf) -> bool {
        self.filter == other.filter
            && self.form() == other.form()
            && self.rdb_channel == other.rdb_channel
    }
}

/// The number of a connection.
fn client(value: &[u8]) -> Result<ClientId, CommandError> {
    let number = parse_int(value).ok_or(CommandError::NOT_AN_INTEGER)?;
    Ok(ClientId(number.unsigned_abs()))
}

fn switch(value: &[u8]) -> Result<bool, CommandError> {
    match parse_int(value) {
        Some(n @ 0..=1) => Ok(n == 1),
        _ => Err(CommandError::fixed(
            &"ERR value is out of range, must be positive",
        )),
    }
}

fn ack(options: &[&[u8]]) -> Outcome {
    let mut offset = None;
    let mut fack = None;
    let claim = |text| parse_int(text).map(ReplOffset::claimed);
    for pair in options.chunks_exact(2) {
        match pair[0].to_ascii_lowercase().as_slice() {
            b"ack" => offset = claim(pair[1]),
            b"fack" => fack = claim(pair[1]),
            _ => {}
        }
    }
    offset.map_or(Outcome::Ignored, |offset| Outcome::Ack { offset, fack })
}

/// Words separated by blanks; none = nothing at all.
fn filter(value: &[u8]) -> Result<Filter, CommandError> {
    let text = String::from_utf8_lossy(value);
    let mut filter = Filter::Nothing;
    for word in text.split_ascii_whitespace() {
        if !word.eq_ignore_ascii_case("functions") {
            let error = format!("ERR Unsupported rdb-filter-only option: {word}");
            return Err(CommandError::new(error));
        }
        filter = Filter::Functions;
    }
    Ok(filter)
}

fn version(value: &[u8]) -> Option<(u32, u32, u32)> {
    let text = std::str::from_utf8(value).ok()?;
    let mut parts = text.split('.').map(|p| p.parse::<u32>().ok());
    let three = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(three)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(conf: &mut Replconf, text: &str) -> Result<Outcome, String> {
        let words: Vec<&[u8]> = text.split(' ').map(str::as_bytes).collect();
        conf.take(&words).map_err(|e| e.to_string())
    }

    #[test]
    fn a_handshake_fills_the_labels_and_ignores_unknown_capabilities() {
        let mut c = Replconf::default();
        assert_eq!(take(&mut c, "listening-port 7001"), Ok(Outcome::Ok));
        assert_eq!(
            take(&mut c, "capa eof capa psync2 capa zstd"),
            Ok(Outcome::Ok)
        );
        assert_eq!(take(&mut c, "version 9.1.2"), Ok(Outcome::Ok));
        assert_eq!(c.reader(), Reader::Valkey(9, 1));
        assert_eq!((c.listening_port, c.capa), (7001, Capa::EOF | Capa::PSYNC2));
        assert_eq!(c.version, Some((9, 1, 2)));
    }

    #[test]
    fn the_handshakes_of_real_servers_tell_who_reads() {
        for (said, reader) in [
            ("capa eof capa psync2", Reader::Unknown), // Redis 6.2 to 7.4
            ("capa eof capa psync2 capa rdb-channel-repl", Reader::Redis8), // 8.2, 8.6, 8.10
            ("capa eof capa psync2 version 8.1.8", Reader::Valkey(8, 1)),
            (
                "capa eof capa psync2 capa dual-channel version 9.1.2",
                Reader::Valkey(9, 1),
            ),
            ("capa eof capa psync2 capa forebay", Reader::Forebay),
            (
                "capa eof capa psync2 capa forebay version 9.1.0",
                Reader::Forebay,
            ),
        ] {
            let mut c = Replconf::default();
            assert_eq!(take(&mut c, said), Ok(Outcome::Ok));
            assert_eq!(c.reader(), reader, "{said}");
        }
    }

    #[test]
    fn a_forebay_shares_snapshots_with_servers_that_tell_no_version() {
        let said = |text| {
            let mut c = Replconf::default();
            assert_eq!(take(&mut c, text), Ok(Outcome::Ok));
            c
        };
        let forebay = said("capa eof capa psync2 capa forebay version 9.1.0");
        assert!(forebay.same_wishes(&said("capa eof capa psync2")));
        assert!(!forebay.same_wishes(&said("capa eof capa psync2 version 9.1.0")));
    }

    #[test]
    fn errors_have_the_reference_texts() {
        let mut c = Replconf::default();
        for (text, error) in [
            ("capa", "ERR syntax error"),
            ("frob 1", "ERR Unrecognized REPLCONF option: frob"),
            ("version 9", "ERR Unrecognized version format: 9"),
            (
                "rdb-filter-only x",
                "ERR Unsupported rdb-filter-only option: x",
            ),
            (
                "listening-port x",
                "ERR value is not an integer or out of range",
            ),
        ] {
            assert_eq!(take(&mut c, text), Err(error.to_owned()), "{text}");
        }
        let long = format!("ip-address {}", "x".repeat(256));
        let error = "ERR REPLCONF ip-address provided by replica instance is too long: 256 bytes";
        assert_eq!(take(&mut c, &long), Err(error.to_owned()));
    }

    #[test]
    fn acks_are_read_with_and_without_the_durable_offset() {
        let mut c = Replconf::default();
        let plain = Outcome::Ack {
            offset: ReplOffset::claimed(14),
            fack: None,
        };
        assert_eq!(take(&mut c, "ACK 14"), Ok(plain));
        let both = Outcome::Ack {
            offset: ReplOffset::claimed(14),
            fack: Some(ReplOffset::claimed(10)),
        };
        assert_eq!(take(&mut c, "ack 14 fack 10"), Ok(both));
        assert_eq!(take(&mut c, "ack x"), Ok(Outcome::Ignored));
        assert_eq!(take(&mut c, "GETACK *"), Ok(Outcome::GetAck));
    }

    #[test]
    fn an_empty_filter_wants_nothing() {
        let mut c = Replconf::default();
        assert_eq!(c.take(&[b"rdb-filter-only", b""]), Ok(Outcome::Ok));
        assert_eq!(c.filter, Filter::Nothing);
    }
}
