//! What a dump says about replication: AUX `repl-stream-db`, `repl-id`, `repl-offset`. With them a restarted server
//! continues by partial resync.

use super::demands::Demands;
use super::position::{Position, ReplId, ReplOffset, StreamDb};
use super::primary::Shown;
use super::role::Replication;
use crate::effects::Effects;
use base::LogLevel;
use std::collections::VecDeque;

/// The place of a dump's cut in its history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplMeta {
    /// `repl-stream-db`: the database that the stream had selected.
    pub stream_db: StreamDb,
    /// `repl-id`, `repl-offset`
    pub at: Position,
}

impl ReplMeta {
    /// The three AUX fields, names and values.
    pub fn aux(&self) -> [(&'static str, String); 3] {
        [
            ("repl-stream-db", self.stream_db.to_string()),
            ("repl-id", self.at.id.to_string()),
            ("repl-offset", self.at.offset.to_string()),
        ]
    }

    /// Reads the AUX fields of a dump by name. All three must exist, the database must not be -1, and the offset must
    /// be a possible one.
    pub fn from_aux<'a>(find: impl Fn(&str) -> Option<&'a [u8]>) -> Option<ReplMeta> {
        let db = std::str::from_utf8(find("repl-stream-db")?).ok()?;
        let stream_db = StreamDb::said(db.parse().ok()?);
        Some(ReplMeta {
            stream_db: Some(stream_db).filter(|db| db.can_be())?,
            at: Position {
                id: ReplId::parse(find("repl-id")?)?,
                offset: ReplOffset::parse(find("repl-offset")?)?,
            },
        })
    }
}

/// What an append-only file says about the history at its end, in addition to the position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Past {
    /// Former names of the history.
    pub former: Vec<(ReplId, ReplOffset)>,
    /// The last bytes of the stream, in order; they end at the place.
    pub bytes: VecDeque<Vec<u8>>,
    /// What the stream demands of its readers.
    pub needs: Demands<ReplOffset>,
    /// What replicas have shown to understand.
    pub shown: Vec<Shown>,
}

impl Replication {
    /// After a start at a position from a log: what else the log says. Replicas that were behind can continue from
    /// here.
    pub fn recall(&mut self, past: &Past) {
        self.history.remember_former(&past.former);
        let bytes = past.bytes.iter().map(Vec::as_slice);
        self.history.refill_backlog(bytes, &past.needs);
        self.with_primary(|primary, env| primary.doubts.recall(&past.shown, env.now_ms));
        self.refresh();
    }

    /// What a dump of the current dataset should say; `None` if there is no position to continue from.
    pub fn meta(&self) -> Option<ReplMeta> {
        let at = self.history.position();
        match &self.upstream {
            None => self.history.backlog().map(|_| ReplMeta {
                stream_db: StreamDb::ours(self.history.feed.selected().unwrap_or(0)),
                at,
            }),
            Some(up) => {
                let here = up.link.is_up().then_some((at, up.db));
                let known = here.or(up.cached).filter(|(_, db)| db.can_be());
                known.map(|(at, stream_db)| ReplMeta { stream_db, at })
            }
        }
    }

    /// Starts as a primary from a dump that said `meta`: the old history is served up to its end.
    ///
    /// `expired` are the keys (with their databases) that had expired and were not loaded. Replicas still hold them
    /// and wait for their deletion, so the new history begins with that. `None` means that they are more than a
    /// backlog can hold; then no replica can continue from here.
    pub fn restore_as_primary(
        &mut self,
        meta: ReplMeta,
        expired: Option<&[(u32, Vec<u8>)]>,
        lazy: bool,
    ) {
        let Some(expired) = expired else {
            let text = "More keys of the dump had expired than the backlog could tell replicas: they need a \
                        full resync";
            return self.log(LogLevel::Notice, text);
        };
        self.history.resume_as_primary(meta.at);
        let name: &[u8] = if lazy { b"UNLINK" } else { b"DEL" };
        let mut effects = Effects::default();
        for (db, key) in expired {
            effects.clear();
            effects.push(*db as usize, &[name, key]);
            self.history.append_effects(&effects);
        }
        self.with_primary(|primary, env| primary.restart_ttl(env.now_ms));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Refusal;
    use base::secret::Secrets;
    use config::Config;

    fn offset(n: i64) -> ReplOffset {
        ReplOffset::told(n).expect("a server can have come there")
    }

    #[test]
    fn numbers_that_no_server_can_have_are_no_place_to_go_on_from() {
        let id = "a".repeat(40);
        let meta = |db: &str, at: &str, id: &str| {
            let fields = [("repl-stream-db", db), ("repl-offset", at), ("repl-id", id)];
            ReplMeta::from_aux(|name| {
                let found = fields.iter().find(|f| f.0 == name)?;
                Some(found.1.as_bytes())
            })
        };
        assert!(
            meta("1000000000", "10", &id).is_some(),
            "some server has it"
        );
        for (db, at, id) in [
            ("0", "9223372036854775807", &*id),
            ("0", "-1", &id),
            ("0", "-9223372036854775808", &id),
            ("0", "18446744073709551615", &id),
            ("-2", "10", &id),
            ("99999999999999999999", "10", &id),
            ("0", "10", &id[..39]),
            ("0", "10", ""),
        ] {
            assert_eq!(meta(db, at, id), None, "{db} {at} {id}");
        }
    }

    #[test]
    fn all_three_fields_are_needed_and_no_database_is_none() {
        let id = [b'a'; 40];
        let all = |db: &'static [u8]| {
            move |name: &str| match name {
                "repl-stream-db" => Some(db),
                "repl-id" => Some(b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".as_slice()),
                "repl-offset" => Some(b"77".as_slice()),
                _ => None,
            }
        };
        let meta = ReplMeta::from_aux(all(b"9")).unwrap();
        assert_eq!(
            (meta.stream_db, meta.at.offset),
            (StreamDb::said(9), offset(77))
        );
        assert!(meta.at.id.is(&id));
        assert_eq!(ReplMeta::from_aux(all(b"-1")), None);
        assert_eq!(
            ReplMeta::from_aux(|n| all(b"0")(n).filter(|_| n != "repl-id")),
            None
        );
        let aux = meta.aux();
        let find = |n: &str| aux.iter().find(|f| f.0 == n).map(|f| f.1.as_bytes());
        assert_eq!(ReplMeta::from_aux(find), Some(meta));
    }

    /// A primary that restarted from a dump at offset 100, with these keys expired, and its answer to a replica
    /// at that offset.
    fn restarted(expired: Option<&[(u32, Vec<u8>)]>) -> (Replication, Result<String, Refusal>) {
        let mut repl = Replication::new(&Config::default(), &mut Secrets::predictable(1));
        let id = [b'a'; 40];
        let meta = ReplMeta {
            stream_db: StreamDb::ours(0),
            at: Position {
                id: ReplId::parse(&id).unwrap(),
                offset: offset(100),
            },
        };
        repl.restore_as_primary(meta, expired, false);
        let missing = repl.history.can_continue(&id, offset(101)).map(|_| {
            let log = repl.history.backlog().unwrap();
            String::from_utf8(log.bytes_from(offset(101)).to_vec()).unwrap()
        });
        (repl, missing)
    }

    #[test]
    fn replicas_of_a_restarted_primary_are_told_which_keys_expired_meanwhile() {
        let (repl, missing) = restarted(Some(&[(0, b"a".to_vec()), (3, b"b".to_vec())]));
        let select = |n: u8| format!("*2\r\n$6\r\nSELECT\r\n$1\r\n{n}\r\n");
        let del = |k: &str| format!("*2\r\n$3\r\nDEL\r\n$1\r\n{k}\r\n");
        let want = [select(0), del("a"), select(3), del("b")].concat();
        assert_eq!(missing.as_ref(), Ok(&want));
        assert_eq!(repl.offset().get(), 100 + want.len() as i64);
    }

    #[test]
    fn nobody_goes_on_from_a_restart_where_too_many_keys_expired() {
        let (_, missing) = restarted(None);
        assert_eq!(missing, Err(Refusal::IdMismatch));
    }
}
