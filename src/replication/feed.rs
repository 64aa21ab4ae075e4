//! Turns settled writes into bytes of the stream, with SELECT where the database changes, and MULTI and EXEC around
//! several writes of one command.
//!
//!  * One database is selected per stream. It is forgotten when a full sync starts and on promotion:
//!    the next write is then preceded by SELECT.
//!  * SELECT is written inside MULTI, as servers since 7.2 do; receivers must accept both forms.
//!  * `ping`, `REPLCONF GETACK *`, MULTI and EXEC belong to no database.

use super::effects::Effects;
use base::request::encode_request;

/// `ping`, 14 bytes, lower case as the reference writes it.
pub const PING: &[u8] = b"*1\r\n$4\r\nping\r\n";
/// `REPLCONF GETACK *`, 37 bytes.
pub const GETACK: &[u8] = b"*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n";
const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";

/// The state of the stream, apart from its bytes.
#[derive(Default)]
pub struct Feed {
    selected: Option<usize>,
    scratch: Vec<u8>,
}

impl Feed {
    /// The database that a reader of the stream has selected; `None` means that a SELECT must come first.
    pub fn selected(&self) -> Option<usize> {
        self.selected
    }

    /// Sets it: `None` forgets it; `Some` after verbatim bytes of a primary that selected it.
    pub fn select(&mut self, db: Option<usize>) {
        self.selected = db;
    }

    /// Passes the bytes of the effects of one top-level command to `append`, part by part.
    pub fn effects(&mut self, effects: &Effects, mut append: impl FnMut(&[u8])) {
        if let Some((db, bytes)) = effects.single()
            && self.selected == Some(db)
        {
            return append(bytes);
        }
        let wrap = effects.len() > 1;
        if wrap {
            append(MULTI);
        }
        for (db, parts) in effects.iter() {
            if self.selected != Some(db) {
                self.scratch.clear();
                let mut digits = itoa::Buffer::new();
                encode_request(&mut self.scratch, &["SELECT", digits.format(db)]);
                append(&self.scratch);
                self.selected = Some(db);
            }
            parts.for_each(&mut append);
        }
        if wrap {
            append(EXEC);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Log;
    use crate::position::ReplOffset;

    fn stream(feed: &mut Feed, effects: &[(usize, &[&str])]) -> String {
        let mut log = Log::new(ReplOffset::claimed(0), 1 << 20);
        let mut e = Effects::default();
        for (db, argv) in effects {
            e.push(*db, argv);
        }
        feed.effects(&e, |part| log.append(part));
        String::from_utf8(log.bytes_from(ReplOffset::claimed(1)).to_vec()).unwrap()
    }

    #[test]
    fn a_single_write_goes_bare_after_its_select() {
        let mut feed = Feed::default();
        let first = stream(&mut feed, &[(9, &["SET", "a", "1"])]);
        assert_eq!(
            first,
            "*2\r\n$6\r\nSELECT\r\n$1\r\n9\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n"
        );
        let second = stream(&mut feed, &[(9, &["SET", "a", "1"])]);
        assert_eq!(second.len(), 27);
    }

    #[test]
    fn several_writes_are_wrapped_and_select_stands_inside() {
        let mut feed = Feed::default();
        let text = stream(&mut feed, &[(0, &["DEL", "a"]), (1, &["DEL", "b"])]);
        let del = |k: &str| format!("*2\r\n$3\r\nDEL\r\n$1\r\n{k}\r\n");
        let select = |n: u8| format!("*2\r\n$6\r\nSELECT\r\n$1\r\n{n}\r\n");
        let want = [
            "*1\r\n$5\r\nMULTI\r\n",
            &select(0),
            &del("a"),
            &select(1),
            &del("b"),
        ];
        assert_eq!(text, want.concat() + "*1\r\n$4\r\nEXEC\r\n");
    }

    #[test]
    fn items_have_the_sizes_that_offsets_are_compared_by() {
        assert_eq!(
            [PING.len(), GETACK.len(), MULTI.len(), EXEC.len()],
            [14, 37, 15, 14]
        );
        let mut feed = Feed::default();
        assert_eq!(stream(&mut feed, &[(3, &["DEL", "a"])]).len(), 23 + 20);
        assert_eq!(stream(&mut feed, &[(13, &["DEL", "a"])]).len(), 24 + 20);
    }
}
