//! Entries that are added only once: what a stream remembers about their producers.
//!
//! A producer gives each of its entries a unique id. For a limited time, and for a limited number of ids, the stream
//! remembers which entry was added for an id.

use super::Stream;
use base::Limits;
use rdb::stream::{Idmp, Producer, StreamId};
use std::borrow::Cow;
use std::sync::Arc;

impl Stream {
    /// What is remembered; `None` if nothing ever was, and nothing was said about it.
    pub fn remembered(&self) -> Option<&Idmp<'static>> {
        self.0.idmp.as_deref()
    }

    /// The entry that a producer added under a name.
    pub fn added_as(&self, producer: &[u8], name: &[u8]) -> Option<StreamId> {
        let remembered = self.remembered()?;
        let at = place(remembered, producer).ok()?;
        let entries = &remembered.producers[at].entries;
        // A producer that repeats an entry does so soon.
        let found = entries.iter().rev().find(|(known, _)| **known == *name);
        found.map(|(_, id)| *id)
    }

    /// Remembers which entry a name became. The oldest name of the producer goes where there are too many.
    pub fn remember(&mut self, producer: &[u8], name: &[u8], id: StreamId, limits: &Limits) {
        let idmp = self.idmp_mut(limits);
        let at = place(idmp, producer).unwrap_or_else(|at| {
            let new = Producer {
                id: Cow::Owned(producer.to_vec()),
                entries: Vec::new(),
            };
            idmp.producers.insert(at, new);
            at
        });
        let entries = &mut idmp.producers[at].entries;
        entries.push((Cow::Owned(name.to_vec()), id));
        let most = usize::try_from(idmp.entries_max).unwrap_or(usize::MAX);
        let surplus = entries.len().saturating_sub(most);
        entries.drain(..surplus);
        idmp.added += 1;
    }

    /// Forgets what was added too long ago.
    pub fn forget_old(&mut self, now_ms: u64) {
        let Some(idmp) = self.remembered() else {
            return;
        };
        let oldest = now_ms.saturating_sub(idmp.duration_s.saturating_mul(1000));
        let is_old = |entry: &(Cow<'_, [u8]>, StreamId)| entry.1.ms < oldest;
        let mut firsts = idmp
            .producers
            .iter()
            .map(|producer| producer.entries.first());
        if !firsts.any(|first| first.is_none_or(is_old)) {
            return;
        }
        let Some(idmp) = &mut self.0.idmp else { return };
        let producers = &mut Arc::make_mut(idmp).producers;
        for producer in producers.iter_mut() {
            let old = producer.entries.iter().take_while(|entry| is_old(entry));
            let old = old.count();
            producer.entries.drain(..old);
        }
        producers.retain(|producer| !producer.entries.is_empty());
    }

    /// Counts that an entry was not added because it had been.
    pub fn count_duplicate(&mut self, limits: &Limits) {
        self.idmp_mut(limits).duplicates += 1;
    }

    /// Sets for how many seconds and how many names of each producer are remembered. What was remembered under other
    /// rules is forgotten.
    pub fn set_memory(
        &mut self,
        duration_s: Option<u64>,
        entries_max: Option<u64>,
        limits: &Limits,
    ) {
        let idmp = self.idmp_mut(limits);
        let duration_s = duration_s.unwrap_or(idmp.duration_s);
        let entries_max = entries_max.unwrap_or(idmp.entries_max);
        if (duration_s, entries_max) != (idmp.duration_s, idmp.entries_max) {
            idmp.producers.clear();
            (idmp.duration_s, idmp.entries_max) = (duration_s, entries_max);
        }
    }

    /// What is remembered, under the rules of `limits` if there were none.
    fn idmp_mut(&mut self, limits: &Limits) -> &mut Idmp<'static> {
        let new = || {
            Arc::new(Idmp {
                duration_s: limits.stream_idmp_duration,
                entries_max: limits.stream_idmp_maxsize,
                ..Idmp::default()
            })
        };
        Arc::make_mut(self.0.idmp.get_or_insert_with(new))
    }
}

/// Where a producer is among those that are remembered, which are sorted; or where it belongs.
fn place(idmp: &Idmp<'static>, producer: &[u8]) -> Result<usize, usize> {
    let producers = &idmp.producers;
    producers.binary_search_by(|known| (*known.id).cmp(producer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Value, ValueRef};

    fn id(ms: u64) -> StreamId {
        StreamId { ms, seq: 0 }
    }

    #[test]
    fn names_are_remembered_for_a_time_and_up_to_a_number() {
        let mut stream = Stream::new();
        stream.set_memory(Some(10), Some(3), &Limits::default());
        for n in 1..=5 {
            stream.remember(
                b"p",
                format!("n{n}").as_bytes(),
                id(n * 1000),
                &Limits::default(),
            );
        }
        stream.remember(b"a", b"n5", id(6000), &Limits::default());
        assert_eq!(stream.added_as(b"p", b"n2"), None);
        assert_eq!(stream.added_as(b"p", b"n3"), Some(id(3000)));
        assert_eq!(stream.added_as(b"a", b"n5"), Some(id(6000)));
        assert_eq!(stream.added_as(b"b", b"n5"), None);
        let clone = stream.clone();
        stream.forget_old(14_001);
        assert_eq!(stream.added_as(b"p", b"n3"), None);
        assert_eq!(stream.added_as(b"p", b"n5"), Some(id(5000)));
        stream.forget_old(100_000);
        let remembered = stream.remembered().expect("it was told about it");
        assert_eq!((remembered.producers.len(), remembered.added), (0, 6));
        assert_eq!(clone.added_as(b"p", b"n3"), Some(id(3000)));
        let mut bytes = Vec::new();
        let rdb_type = Value::Stream(clone).to_rdb(&mut |b| bytes.extend_from_slice(b), None);
        let ValueRef::Stream(read) = ValueRef::from_record(rdb_type, &bytes) else {
            panic!("it is a stream")
        };
        assert_eq!(read.added_as(b"a", b"n5"), Some(id(6000)));
        let mut read = read.clone();
        read.set_memory(None, Some(3), &Limits::default());
        assert!(read.added_as(b"a", b"n5").is_some());
        read.set_memory(None, Some(4), &Limits::default());
        assert!(read.added_as(b"a", b"n5").is_none());
    }
}
