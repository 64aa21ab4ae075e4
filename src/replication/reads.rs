//! What a reader of the stream can understand, and what an effect requires of it.
//!
//! Most effects are expressed by commands that Redis 6.2 knows. A few cannot be: a server without function libraries,
//! or without hash fields that expire, cannot execute them. It would reply with an error that nobody reads, and hold
//! different data from then on. Therefore each effect is checked when it is created ([`Reads::needed_by`]), and a link
//! whose reader does not understand it is closed.
//!
//! Valkey 8 and later announce their version. The handshakes of Redis 6.2 to 7.4 and Valkey 7.2 are the same: such a
//! server is assumed to understand what it has shown by loading a payload whose version it would otherwise have refused
//! ([`Reads::of_target`]).

use super::replconf::Reader;
use bitflags::bitflags;
use rdb::RdbVersion;
use rdb::target::Target;

bitflags! {
    /// Things that some servers read and others do not. Append-only files have these numbers: one that is used once keeps
    /// its meaning.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Hash)]
    pub struct Reads: u16 {
        /// Function libraries, and payloads of version 10.
        const REDIS_7_0 = 1;
        /// Payloads of version 11.
        const REDIS_7_2 = 2;
        /// Payloads of version 12.
        const REDIS_7_4 = 4;
        /// Payloads of later versions of Redis.
        const LATER = 8;
        /// Payloads of Valkey 9.
        const VALKEY_9 = 16;
        /// Commands about when fields of hashes expire.
        const FIELD_EXPIRY = 32;
        /// What is remembered of stream entries that are added only once, and payloads of version 13.
        const REDIS_8_6 = 64;
        /// Entries of streams that are pending without an owner, arrays, and payloads of version 14.
        const REDIS_8_8 = 128;
        /// What Redis 8.2 writes of streams and BITOP.
        const REDIS_8_2 = 256;
        /// HSETEX, HGETEX and HGETDEL of Redis 8 and Valkey 9.
        const HSETEX = 512;
        /// MSETEX of Redis 8.4 and Valkey 9.1.
        const MSETEX = 1024;
        /// SET with IFEQ, of Redis 8.4 and Valkey 8.1.
        const SET_IFEQ = 2048;
        /// What only Redis 8.4 has: the other conditions of SET, and DELEX.
        const REDIS_8_4 = 4096;
    }
}

impl Reads {
    /// What a reader must understand to run this request as an effect.
    pub fn needed_by<T: AsRef<[u8]>>(argv: &[T]) -> Reads {
        let word = |i: usize| argv.get(i).map_or(&b""[..], AsRef::as_ref);
        let name = word(0);
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted.as_bytes());
        // This is asked for every effect; nearly all names are decided by their length.
        match name.len() {
            4 if is("xadd") => Reads::of_xadd(argv),
            5 if is("xnack") || is("arset") || is("ardel") => Reads::REDIS_8_8,
            6 if is("armset") || is("arring") || is("arseek") => Reads::REDIS_8_8,
            7 if is("xcfgset") => Reads::REDIS_8_6,
            11 if is("xidmprecord") => Reads::REDIS_8_6,
            8 if is("arinsert") => Reads::REDIS_8_8,
            10 if is("ardelrange") => Reads::REDIS_8_8,
            7 if is("restore") => Reads::of_payload(word(3)),
            8 if is("function") => match word(1).eq_ignore_ascii_case(b"restore") {
                true => Reads::REDIS_7_0 | Reads::of_payload(word(2)),
                false => Reads::REDIS_7_0,
            },
            8 if is("hpersist") => Reads::FIELD_EXPIRY,
            10 if is("hpexpireat") => Reads::FIELD_EXPIRY,
            14 if is("restore-asking") => Reads::of_payload(word(3)),
            _ => Reads::empty(),
        }
    }

    /// What our primary writes about entries that are added only once is passed on unchanged. The words stand before
    /// the id, which is the first that begins with a digit or is a star, thresholds apart.
    fn of_xadd<T: AsRef<[u8]>>(argv: &[T]) -> Reads {
        let mut words = argv.iter().skip(2).map(AsRef::as_ref);
        while let Some(word) = words.next() {
            let is = |wanted: &str| word.eq_ignore_ascii_case(wanted.as_bytes());
            match word.first() {
                Some(b'0'..=b'9' | b'*') => break,
                _ if is("IDMP") || is("IDMPAUTO") => return Reads::REDIS_8_6,
                _ if is("MAXLEN") || is("MINID") => {
                    if matches!(words.next(), Some(b"=" | b"~")) {
                        words.next();
                    }
                }
                _ if is("LIMIT") => _ = words.next(),
                _ => {}
            }
        }
        Reads::empty()
    }

    /// What a server must read to take a payload of DUMP: its version is before the checksum, at the end.
    fn of_payload(payload: &[u8]) -> Reads {
        let footer = payload.split_last_chunk::<8>();
        let version = footer.and_then(|(covered, _)| covered.last_chunk::<2>());
        version.map_or(Reads::empty(), |number| {
            Reads::of_version(RdbVersion::from_number(u16::from_le_bytes(*number)))
        })
    }

    fn of_version(version: RdbVersion) -> Reads {
        match version.number {
            80.. => Reads::VALKEY_9,
            15.. => Reads::LATER,
            14 => Reads::REDIS_8_8,
            13 => Reads::REDIS_8_6,
            12 => Reads::REDIS_7_4,
            11 => Reads::REDIS_7_2,
            10 => Reads::REDIS_7_0,
            _ => Reads::empty(),
        }
    }

    /// What a server reads that is known, or of which nothing is known yet.
    pub fn of_reader(reader: Reader) -> Reads {
        match reader {
            Reader::Forebay => Reads::all(),
            Reader::Redis8 | Reader::Redis86 | Reader::Redis88 => Reads::of_target(Target::Redis8),
            Reader::Valkey(major, minor) => {
                let form = Reads::of_target(Target::of_server(true, major, minor));
                match (major, minor) {
                    (10.., _) | (9, 1..) => form | Reads::MSETEX,
                    (8, 1..) => form | Reads::SET_IFEQ,
                    _ => form,
                }
            }
            Reader::Unknown | Reader::Redis74 | Reader::Old => Reads::empty(),
        }
    }

    /// What a server reads that takes payloads of this form. With [`Target::Auto`] nothing is said: their version
    /// is that of the data.
    pub fn of_target(form: Target) -> Reads {
        let redis_7_2 = Reads::REDIS_7_0 | Reads::REDIS_7_2;
        let redis_7_4 = redis_7_2 | Reads::REDIS_7_4 | Reads::FIELD_EXPIRY;
        let redis_8 = redis_7_4 | Reads::REDIS_8_2 | Reads::HSETEX;
        let redis_8_4 = redis_8 | Reads::REDIS_8_4 | Reads::SET_IFEQ | Reads::MSETEX;
        let redis_8_6 = redis_8_4 | Reads::REDIS_8_6;
        match form {
            Target::Auto | Target::Redis62 => Reads::empty(),
            Target::Redis70 => Reads::REDIS_7_0,
            Target::Redis72 | Target::Valkey8 => redis_7_2,
            Target::Redis74 => redis_7_4,
            Target::Redis8 => redis_8,
            Target::Redis86 => redis_8_6,
            Target::Redis88 => redis_8_6 | Reads::REDIS_8_8,
            Target::Valkey9 => {
                let hashes = Reads::FIELD_EXPIRY | Reads::HSETEX;
                redis_7_2 | Reads::VALKEY_9 | Reads::SET_IFEQ | hashes
            }
        }
    }

    /// The latest form that a server reads which reads this.
    pub fn target(self) -> Target {
        match self {
            _ if !self.contains(Reads::REDIS_7_0) => Target::Redis62,
            _ if !self.contains(Reads::REDIS_7_2) => Target::Redis70,
            _ if self.contains(Reads::REDIS_8_8) => Target::Redis88,
            _ if self.contains(Reads::REDIS_8_6) => Target::Redis86,
            _ if self.contains(Reads::REDIS_7_4) => Target::Redis8,
            _ if self.contains(Reads::VALKEY_9) => Target::Valkey9,
            _ => Target::Redis72,
        }
    }

    /// A description for people.
    pub fn describe(self) -> &'static str {
        match self {
            _ if self.contains(Reads::REDIS_8_8) => {
                "arrays, or stream entries that were given back (from Redis 8.8 on)"
            }
            _ if self.contains(Reads::REDIS_8_6) => {
                "stream entries that are added only once (from Redis 8.6 on)"
            }
            _ if self.contains(Reads::REDIS_8_4) => {
                "SET with IFNE, IFDEQ or IFDNE, or DELEX (from Redis 8.4 on)"
            }
            _ if self.contains(Reads::SET_IFEQ) => {
                "SET with IFEQ (from Redis 8.4 and Valkey 8.1 on)"
            }
            _ if self.contains(Reads::MSETEX) => "MSETEX (from Redis 8.4 and Valkey 9.1 on)",
            _ if self.contains(Reads::REDIS_8_2) => {
                "the newer words of XADD, XTRIM and BITOP, XDELEX and XACKDEL (from Redis 8.2 on)"
            }
            _ if self.contains(Reads::HSETEX) => {
                "HSETEX, HGETEX and HGETDEL (from Redis 8.0 and Valkey 9.0 on)"
            }
            _ if self.contains(Reads::FIELD_EXPIRY) => {
                "hash fields that expire (from Redis 7.4 on)"
            }
            _ if self.contains(Reads::VALKEY_9) => "what only Valkey 9 knows",
            _ if self.contains(Reads::REDIS_7_0) => "function libraries (from Redis 7.0 on)",
            _ => "payloads of a newer version than its own",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdb::dump;

    #[test]
    fn what_an_effect_asks_for_is_seen_whatever_its_case() {
        let payload = |version| {
            let mut out = Vec::new();
            dump::encode_as(version, rdb::RdbType::String, b"\x01x", &mut out);
            out
        };
        let restore = |version| Reads::needed_by(&[&b"Restore"[..], b"k", b"0", &payload(version)]);
        assert_eq!(restore(RdbVersion::redis(9)), Reads::empty());
        assert_eq!(restore(RdbVersion::redis(11)), Reads::REDIS_7_2);
        assert_eq!(restore(RdbVersion::redis(12)), Reads::REDIS_7_4);
        assert_eq!(restore(RdbVersion::redis(13)), Reads::REDIS_8_6);
        assert_eq!(restore(RdbVersion::redis(14)), Reads::REDIS_8_8);
        assert_eq!(restore(RdbVersion::redis(15)), Reads::LATER);
        assert_eq!(restore(RdbVersion::VALKEY_80), Reads::VALKEY_9);
        for (line, needs) in [
            ("hpexpireat h 1 FIELDS 1 f", Reads::FIELD_EXPIRY),
            ("HPERSIST h FIELDS 1 f", Reads::FIELD_EXPIRY),
            ("XNACK s g FAIL IDS 1 1-1", Reads::REDIS_8_8),
            ("XADD s MAXLEN = 5 IDMP p n 1-1 f v", Reads::REDIS_8_6),
            ("XADD s NOMKSTREAM IDMPAUTO p 1-1 f v", Reads::REDIS_8_6),
            ("XADD s MAXLEN ~ 5 LIMIT 7 1-1 IDMP p", Reads::empty()),
            ("XADD s 1-1 IDMP IDMP", Reads::empty()),
            ("XCFGSET s IDMP-MAXSIZE 5", Reads::REDIS_8_6),
            ("XIDMPRECORD s p n 1-1", Reads::REDIS_8_6),
            ("arset a 0 x", Reads::REDIS_8_8),
            ("ARDEL a 0", Reads::REDIS_8_8),
            ("ARMSET a 0 x", Reads::REDIS_8_8),
            ("ARRING a 5 x", Reads::REDIS_8_8),
            ("ARSEEK a 5", Reads::REDIS_8_8),
            ("ARINSERT a x", Reads::REDIS_8_8),
            ("ARDELRANGE a 0 5", Reads::REDIS_8_8),
            ("FUNCTION FLUSH", Reads::REDIS_7_0),
            ("function restore short", Reads::REDIS_7_0),
            ("RESTORE k 0", Reads::empty()),
            ("SET a b", Reads::empty()),
            ("HEXPIRED h", Reads::empty()),
        ] {
            let argv: Vec<&str> = line.split(' ').collect();
            assert_eq!(Reads::needed_by(&argv), needs, "{line}");
        }
        assert_eq!(Reads::needed_by::<&[u8]>(&[]), Reads::empty());
    }

    #[test]
    fn who_announces_its_version_reads_the_commands_of_it() {
        let both = Reads::SET_IFEQ | Reads::MSETEX;
        for (version, knows) in [
            ((8, 0), Reads::empty()),
            ((8, 1), Reads::SET_IFEQ),
            ((9, 0), Reads::SET_IFEQ),
            ((9, 1), both),
            ((10, 0), both),
        ] {
            let reads = Reads::of_reader(Reader::Valkey(version.0, version.1));
            let newer = both | Reads::REDIS_8_4 | Reads::REDIS_8_6;
            assert_eq!(reads & newer, knows, "{version:?}");
        }
        let conditions = both | Reads::REDIS_8_4;
        assert!(Reads::of_target(Target::Redis86).contains(conditions));
        assert!(!Reads::of_target(Target::Redis8).intersects(conditions));
        let text = Reads::SET_IFEQ.describe();
        assert!(text.contains("IFEQ"), "{text}");
    }

    #[test]
    fn a_server_reads_payloads_of_the_form_that_it_is_given() {
        for (_, form) in Target::ALL {
            let Some(version) = form.version() else {
                continue;
            };
            let reads = Reads::of_target(form);
            assert!(reads.contains(Reads::of_version(version)), "{form}");
            let again = reads.target();
            assert_eq!(again.version(), Some(version), "{form}");
            let highest = Reads::of_version(again.version().expect("it has one"));
            assert!(reads.contains(highest), "{form}");
        }
    }
}
