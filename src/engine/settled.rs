//! A request of our primary in a form that more of our replicas understand.
//!
//! The stream goes on to our replicas as it came. If some of them do not know a word of it, what the request has changed
//! here is sent in its place, in the form in which a primary of this kind would have sent it (`SET key value IFEQ old`
//! becomes `SET key value`). The histories must stay the same byte by byte, so it is filled up to the same length with
//! the line ends that servers skip between requests. What does not fit stays as it is.

use replication::feed::Feed;
use replication::position::StreamDb;
use replication::{Effects, Reads, Replication};

/// Words that leave nothing behind but what the effects say. What a stream remembers of its producers is not among them,
/// because it is not sent to everybody.
const SETTLED: Reads = Reads::SET_IFEQ
    .union(Reads::REDIS_8_4)
    .union(Reads::MSETEX)
    .union(Reads::HSETEX)
    .union(Reads::REDIS_8_2)
    .union(Reads::VALKEY_9)
    .union(Reads::REDIS_7_0)
    .union(Reads::REDIS_8_8)
    .union(Reads::FIELD_EXPIRY);

/// The effects of a request or transaction of our primary.
pub(crate) struct Settled {
    feed: Feed,
    bytes: Vec<u8>,
    needs: Reads,
}

impl Settled {
    /// Effects are to be noted, because not all replicas understand what the request says.
    pub(crate) fn wanted(needs: Reads, repl: &Replication, db: StreamDb) -> Option<Settled> {
        let wanted = !needs.is_empty() && SETTLED.contains(needs);
        if !wanted || repl.primary().all_read(needs) {
            return None;
        }
        let mut feed = Feed::default();
        feed.select(db.within(usize::MAX));
        Some(Settled {
            feed,
            bytes: Vec::new(),
            needs: Reads::empty(),
        })
    }

    /// Notes what is committed.
    pub(crate) fn note(&mut self, effects: &Effects) {
        self.needs |= effects.needs();
        let Settled { feed, bytes, .. } = self;
        feed.effects(effects, |part| bytes.extend_from_slice(part));
    }

    /// The effects in as many bytes as the request had, and what they ask of their readers, if all replicas understand
    /// them and they leave the same database selected.
    pub(crate) fn in_place_of(
        self,
        len: usize,
        repl: &Replication,
        db: StreamDb,
    ) -> Option<(Vec<u8>, Reads)> {
        let filling = len.checked_sub(self.bytes.len())?;
        let selected = db.within(usize::MAX);
        let fits = !self.bytes.is_empty() && self.feed.selected() == selected;
        if !fits || !repl.primary().all_read(self.needs) {
            return None;
        }
        let mut whole = vec![b'\n'; filling];
        whole.extend_from_slice(&self.bytes);
        Some((whole, self.needs))
    }
}
