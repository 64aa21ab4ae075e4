//! The log's end of the commit point: encodes effects, and hands them over at the end of a batch of requests.

use crate::append::encode::Encoded;
use crate::append::queue::Exchange;
use crate::append::{Batch, Encoder, Mark};
use engine::commit::{Commit, EffectLog, Replies};
use engine::{CommitPosition, Engine};
use replication::{Position, ReplId, ReplOffset, StreamPlace};
use std::cell::RefCell;
use std::rc::Rc;

/// What was committed and is not handed over yet.
#[derive(Clone, Default)]
pub struct Tap(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    encoder: Encoder,
    /// For what comes after the next batch.
    spare: Vec<u8>,
    last: CommitPosition,
    /// The last commit of those that were handed over.
    handed: CommitPosition,
    /// Replies to writers wait until these are durable.
    waits: bool,
    /// `aof-timestamp-enabled`, and the second that was written last.
    timestamp: Option<i64>,
}

impl EffectLog for Tap {
    fn append(&mut self, commit: Commit<'_>) -> Replies {
        let state = &mut *self.0.borrow_mut();
        state.last = commit.at;
        let appended = state.encoder.commit(commit);
        match appended && state.waits {
            true => Replies::WhenDurable,
            false => Replies::AtOnce,
        }
    }

    fn processed(&mut self, parts: &[&[u8]], well: bool, stream: Option<StreamPlace<'_>>) {
        self.0.borrow_mut().encoder.processed(parts, well, stream);
    }
}

impl Tap {
    /// Whether replies to writers wait until what they have written is durable.
    pub fn set_waits(&self, waits: bool) {
        self.0.borrow_mut().waits = waits;
    }

    /// Whether the log says what it has to do with the replication stream.
    pub fn tell_stream(&self, tell: bool) {
        self.0.borrow_mut().encoder.tell_stream(tell);
    }

    /// A new increment begins: forgets what was not handed over, and which database is selected.
    pub fn reset(&self) {
        let mut state = self.0.borrow_mut();
        state.encoder.reset();
        state.timestamp = None;
    }

    /// The log that was loaded has recorded the stream up to here.
    pub fn continue_from(&self, told: Option<(ReplId, ReplOffset)>) {
        self.0.borrow_mut().encoder.continue_from(told);
    }

    /// What follows is not the dataset of the present place in the history.
    pub fn leave_out(&self, engine: &Engine) {
        let era = engine.repl.history().era();
        self.0.borrow_mut().encoder.leave_out(era);
    }

    /// Hands over what there is; false if there was nothing.
    pub fn hand_over(&self, engine: &mut Engine, exchange: &impl Exchange) -> bool {
        let batch = self.batch(engine);
        let some = batch.is_some();
        if let Some(batch) = batch {
            let spare = exchange.with(|queue| queue.batch(batch));
            self.0.borrow_mut().spare = spare;
        }
        some
    }

    /// What there is.
    pub fn batch(&self, engine: &mut Engine) -> Option<Batch> {
        let mut state = self.0.borrow_mut();
        let beside = engine.repl.take_beside();
        state.encoder.settle(&beside, engine.repl.place());
        let spare = std::mem::take(&mut state.spare);
        let Encoded {
            mut bytes,
            db,
            joins,
        } = state.encoder.take(spare)?;
        let seconds = engine.clock.unix_ms / 1000;
        if engine.config.aof_timestamp_enabled && state.timestamp != Some(seconds) {
            state.timestamp = Some(seconds);
            let mut stamped = Vec::with_capacity(bytes.len() + 20);
            aof::seal::timestamp(seconds, &mut stamped);
            stamped.append(&mut bytes);
            bytes = stamped;
        }
        let end = state.mark(engine);
        state.handed = end.at;
        Some(Batch {
            bytes,
            db,
            end,
            joins,
        })
    }

    /// The last commit and its place in the history, if the log says nothing of the stream and holds all of it when what
    /// was committed up to `durable` is. Then nothing that comes later tells it: messages, and what the stream has
    /// besides effects, are not in such a log.
    pub fn settled(&self, engine: &Engine, durable: CommitPosition) -> Option<Mark> {
        let state = self.0.borrow();
        let settled = state.encoder.is_silent() && state.encoder.is_empty();
        (settled && durable >= state.handed).then(|| state.mark(engine))
    }

    /// The present place in the history.
    pub fn mark(&self, engine: &Engine) -> Mark {
        self.0.borrow().mark(engine)
    }
}

impl State {
    fn mark(&self, engine: &Engine) -> Mark {
        let place = engine.repl.place();
        let place = place.filter(|stream| self.encoder.holds(stream));
        let holds = place.map(|stream| Position {
            id: stream.history.id(),
            offset: stream.history.offset(),
        });
        let stream = place.filter(|stream| self.encoder.names(stream));
        Mark {
            at: self.last,
            // Nothing is known of the history, or its primary has named it by other characters.
            id: stream.map_or([b'0'; 40], |stream| *stream.history.id().bytes()),
            offset: stream.map_or(0, |stream| stream.history.offset().get() as u64),
            ms: engine.clock.unix_ms as u64,
            holds,
        }
    }
}
