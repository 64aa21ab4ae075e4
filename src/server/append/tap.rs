//! The log's end of the commit point: encodes effects, and hands them over at the end of a batch of requests.

use super::queue::{Order, Queue};
use engine::commit::{EffectLog, Replies};
use engine::{CommitPosition, Engine};
use flow::append::{Batch, Mark};
use replication::{Effects, feed::Feed};
use std::cell::RefCell;
use std::rc::Rc;

/// The most that is set aside for a batch before it begins.
const KEPT: usize = 64 << 10;

/// What was committed and is not handed over yet.
#[derive(Clone, Default)]
pub struct Tap(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    feed: Feed,
    bytes: Vec<u8>,
    /// The database that was selected when `bytes` began.
    db: Option<usize>,
    last: CommitPosition,
    /// Replies to writers wait until these are durable.
    waits: bool,
    /// `aof-timestamp-enabled`, and the second that was written last.
    timestamp: Option<i64>,
}

impl EffectLog for Tap {
    fn append(&mut self, effects: &Effects, at: CommitPosition) -> Replies {
        let state = &mut *self.0.borrow_mut();
        if state.bytes.is_empty() {
            state.db = state.feed.selected();
        }
        let State { feed, bytes, .. } = state;
        feed.effects(effects, |part| bytes.extend_from_slice(part));
        state.last = at;
        match state.waits {
            true => Replies::WhenDurable,
            false => Replies::AtOnce,
        }
    }
}

impl Tap {
    /// Whether replies to writers wait until what they have written is durable.
    pub fn set_waits(&self, waits: bool) {
        self.0.borrow_mut().waits = waits;
    }

    /// Forgets what was not handed over, and which database is selected.
    pub fn reset(&self) {
        let mut state = self.0.borrow_mut();
        let waits = state.waits;
        *state = State {
            waits,
            ..State::default()
        };
    }

    /// Hands over what there is; false if there was nothing.
    pub fn hand_over(&self, engine: &Engine, queue: &Queue) -> bool {
        let mut state = self.0.borrow_mut();
        if state.bytes.is_empty() {
            return false;
        }
        // The next batch is likely to be as long as this one.
        let next = Vec::with_capacity(state.bytes.len().min(KEPT));
        let mut bytes = std::mem::replace(&mut state.bytes, next);
        let seconds = engine.clock.unix_ms / 1000;
        if engine.config.aof_timestamp_enabled && state.timestamp != Some(seconds) {
            state.timestamp = Some(seconds);
            let mut stamped = Vec::with_capacity(bytes.len() + 20);
            aof::seal::timestamp(seconds, &mut stamped);
            stamped.append(&mut bytes);
            bytes = stamped;
        }
        let batch = Batch {
            bytes,
            db: state.db,
            end: mark(engine, state.last),
        };
        queue.order(Order::Batch(batch));
        true
    }
}

/// The present place in the history.
pub fn mark(engine: &Engine, at: CommitPosition) -> Mark {
    let position = engine.repl.history().position();
    Mark {
        at,
        // A primary may have named its history by other characters, which no seal can hold.
        id: <[u8; 40]>::try_from(position.id.as_str().as_bytes())
            .ok()
            .filter(|id| id.iter().all(u8::is_ascii_hexdigit))
            .unwrap_or([b'0'; 40]),
        offset: position.offset.get().max(0) as u64,
        ms: engine.clock.unix_ms as u64,
    }
}
