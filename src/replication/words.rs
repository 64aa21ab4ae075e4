//! What our primary may write into its stream that not every server understands.
//!
//! A replica passes the stream on unchanged. What this server writes itself only uses commands that nearly all servers
//! know, but other primaries use the commands of their own version. The links of our replicas that do not know such a
//! command are closed, as they are before an effect that a replica does not understand ([`Reads::needed_by`]).

use super::reads::Reads;

impl Reads {
    /// What a reader asked of this request as a part of a primary's stream.
    pub fn of_primary<T: AsRef<[u8]>>(argv: &[T]) -> Reads {
        let word = |i: usize| argv.get(i).map_or(&b""[..], AsRef::as_ref);
        let is = |wanted: &str| word(0).eq_ignore_ascii_case(wanted.as_bytes());
        let has = |from: usize, options: &[&str]| {
            let mut words = argv.iter().skip(from).map(AsRef::as_ref);
            words.any(|word: &[u8]| {
                let mut options = options.iter();
                options.any(|option| word.eq_ignore_ascii_case(option.as_bytes()))
            })
        };
        // An option that is found where a value stands asks too much, which costs a link and no data.
        let when = |there: bool, reads: Reads| if there { reads } else { Reads::empty() };
        // This is asked for every request of a primary; nearly all names are decided by their length.
        let words = match word(0).len() {
            3 if is("set") => {
                let others = has(3, &["IFNE", "IFDEQ", "IFDNE"]);
                when(has(3, &["IFEQ"]), Reads::SET_IFEQ) | when(others, Reads::REDIS_8_4)
            }
            4 if is("xadd") => when(has(2, &REFERENCES), Reads::REDIS_8_2),
            5 if is("xtrim") => when(has(2, &REFERENCES), Reads::REDIS_8_2),
            5 if is("bitop") => {
                let ways = ["DIFF", "DIFF1", "ANDOR", "ONE"];
                let way = argv.get(1..2).unwrap_or_default().iter();
                let is_new = way.map(AsRef::as_ref).any(|way: &[u8]| {
                    ways.iter()
                        .any(|new| way.eq_ignore_ascii_case(new.as_bytes()))
                });
                when(is_new, Reads::REDIS_8_2)
            }
            5 if is("delex") => Reads::REDIS_8_4,
            5 if is("lmpop") || is("zmpop") => Reads::REDIS_7_0,
            6 if is("blmpop") || is("bzmpop") => Reads::REDIS_7_0,
            6 if is("xgroup") => when(has(3, &["ENTRIESREAD"]), Reads::REDIS_7_0),
            6 if is("xsetid") => when(argv.len() > 3, Reads::REDIS_7_0),
            6 if is("xdelex") => Reads::REDIS_8_2,
            6 if is("msetex") => Reads::MSETEX,
            6 if is("hsetex") || is("hgetex") => Reads::HSETEX | lives_long(argv),
            7 if is("hgetdel") => Reads::HSETEX,
            6 if is("increx") || is("lmovem") => Reads::REDIS_8_8,
            7 if is("blmovem") || is("himport") => Reads::REDIS_8_8,
            7 if is("xackdel") => Reads::REDIS_8_2,
            7 if is("delifeq") => Reads::VALKEY_9,
            7 if is("hexpire") => Reads::FIELD_EXPIRY,
            8 if is("hpexpire") => Reads::FIELD_EXPIRY,
            9 if is("hexpireat") => Reads::FIELD_EXPIRY,
            11 if is("zunionstore") || is("zinterstore") => {
                let counts = argv.windows(2).any(|pair| {
                    pair[0].as_ref().eq_ignore_ascii_case(b"AGGREGATE")
                        && pair[1].as_ref().eq_ignore_ascii_case(b"COUNT")
                });
                when(counts, Reads::REDIS_8_8)
            }
            10 if is("hpexpireat") => lives_long(argv),
            14 if is("geosearchstore") => when(has(3, &["BYPOLYGON"]), Reads::VALKEY_9),
            _ => Reads::empty(),
        };
        words | Reads::needed_by(argv)
    }
}

/// Redis takes no field that expires after the year 4199.
fn lives_long<T: AsRef<[u8]>>(argv: &[T]) -> Reads {
    const LATEST: u64 = (1 << 46) - 1;
    let is_later = |word: &[u8]| {
        let number: Option<u64> = std::str::from_utf8(word)
            .ok()
            .and_then(|text| text.parse().ok());
        number.is_some_and(|ms| ms > LATEST)
    };
    // The time of HPEXPIREAT, or that of PXAT, which may follow a condition.
    let mut words = argv.iter().skip(2).take(3).map(AsRef::as_ref);
    match words.any(is_later) {
        true => Reads::VALKEY_9,
        false => Reads::empty(),
    }
}

/// What becomes of references to entries that are trimmed.
const REFERENCES: [&str; 3] = ["KEEPREF", "DELREF", "ACKED"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_primary_ask_for_who_knows_them() {
        for (text, expected) in [
            ("SET k v PXAT 5", Reads::empty()),
            ("SET k v IFEQ 5", Reads::SET_IFEQ),
            ("SET k v ifdne 5", Reads::REDIS_8_4),
            ("DELEX k IFEQ 5", Reads::REDIS_8_4),
            ("set IFEQ IFEQ", Reads::empty()),
            ("XADD s 1-1 f v", Reads::empty()),
            ("XADD s DELREF MAXLEN = 1 1-1 f v", Reads::REDIS_8_2),
            ("XADD s IDMP p n 1-1 f v", Reads::REDIS_8_6),
            ("BITOP or d one", Reads::empty()),
            ("BITOP one d a b", Reads::REDIS_8_2),
            ("MSETEX 1 k v", Reads::MSETEX),
            ("HSETEX h FIELDS 1 f v", Reads::HSETEX),
            ("ZUNIONSTORE d 1 count AGGREGATE SUM", Reads::empty()),
            ("ZUNIONSTORE d 1 k AGGREGATE COUNT", Reads::REDIS_8_8),
            ("XSETID s 1-1", Reads::empty()),
            (
                "XSETID s 1-1 ENTRIESADDED 5 MAXDELETEDID 0-0",
                Reads::REDIS_7_0,
            ),
            ("DELIFEQ k v", Reads::VALKEY_9),
            ("HPEXPIREAT h 5 FIELDS 1 f", Reads::FIELD_EXPIRY),
            (
                "HPEXPIREAT h 70368744177664 FIELDS 1 f",
                Reads::FIELD_EXPIRY | Reads::VALKEY_9,
            ),
            (
                "HSETEX h FNX PXAT 70368744177664 FIELDS 1 f v",
                Reads::HSETEX | Reads::VALKEY_9,
            ),
        ] {
            let argv: Vec<&str> = text.split(' ').collect();
            assert_eq!(Reads::of_primary(&argv), expected, "{text}");
        }
    }
}
