//! What a dump says about replication: AUX `repl-stream-db`, `repl-id`, `repl-offset`. With them a
//! restarted server goes on by partial resync.

use super::position::{Position, ReplId, ReplOffset};
use super::role::Replication;

/// The place of a dump's cut in its history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplMeta {
    /// `repl-stream-db`: the database that the stream had selected.
    pub stream_db: usize,
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

    /// From a dump's AUX fields, looked up by name: all three must be there and the database not -1.
    pub fn from_aux<'a>(find: impl Fn(&str) -> Option<&'a [u8]>) -> Option<ReplMeta> {
        let number = |name| std::str::from_utf8(find(name)?).ok()?.parse::<i64>().ok();
        Some(ReplMeta {
            stream_db: usize::try_from(number("repl-stream-db")?).ok()?,
            at: Position {
                id: ReplId::parse(find("repl-id")?)?,
                offset: ReplOffset(number("repl-offset")?),
            },
        })
    }
}

impl Replication {
    /// What a dump whose cut is now should say; `None` when there is nothing to go on from.
    pub fn meta(&self) -> Option<ReplMeta> {
        let at = self.history.position();
        match &self.upstream {
            None => self.history.backlog().map(|_| ReplMeta {
                stream_db: self.history.feed.selected().unwrap_or(0),
                at,
            }),
            Some(up) if up.link.is_up() => Some(ReplMeta {
                stream_db: up.db,
                at,
            }),
            Some(up) => up.cached.map(|(at, db)| ReplMeta { stream_db: db, at }),
        }
    }

    /// Boot as primary from a dump that said `meta`: the old history is served up to its end.
    pub fn restore_as_primary(&mut self, meta: ReplMeta) {
        self.history.resume_as_primary(meta.at);
        self.with_primary(|primary, env| primary.restart_ttl(env.now_ms));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!((meta.stream_db, meta.at.offset), (9, ReplOffset(77)));
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
}
