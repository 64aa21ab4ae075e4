//! The blocks of a walk on their way to the thread that writes. They leave in the order in which they came; threads
//! that help it may encode any of them before their turn.

use crate::allocator::Lent;
use flow::save::{Prepared, SaveError};
use keyspace::snapshot::Block;
use std::collections::VecDeque;

/// A block that waits. Its memory is freed by the thread that takes it.
pub type Raw = (Block, Lent);

/// What waits for its turn.
enum Slot {
    /// As the walk gave it.
    Raw(Raw),
    /// A helper encodes it.
    Taken,
    /// A helper has encoded it.
    Prepared(Result<Prepared, SaveError>),
}

/// What the thread that writes does next.
pub enum Next {
    /// Encode this block and write it.
    Raw(Raw),
    /// Write this block.
    Prepared(Result<Prepared, SaveError>),
    /// All blocks were written.
    Finish,
    /// Nothing can be done yet.
    Wait,
}

/// The blocks, and how the save goes.
#[derive(Default)]
pub struct Queue {
    /// Each with its weight.
    slots: VecDeque<(usize, Slot)>,
    /// The number of the first slot: how many blocks have left.
    first: u64,
    /// No block with a lower number is raw.
    raw_from: u64,
    /// The weight of all blocks that are not yet written, those that have left included.
    pub bytes: usize,
    /// No block will come any more.
    finished: bool,
    /// Somebody gave the save up.
    pub abandoned: bool,
    /// The sinks have all bytes and make them final, so it is too late to cancel.
    pub committing: bool,
    /// The thread that writes takes no more blocks: its helpers end.
    pub over: bool,
}

impl Queue {
    /// The next block of the walk.
    pub fn push(&mut self, raw: Raw) {
        let weight = raw.0.weight();
        self.bytes += weight;
        self.slots.push_back((weight, Slot::Raw(raw)));
    }

    /// All blocks were pushed.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// The block whose turn it is, with its weight, which [`Queue::bytes`] has until the block is written.
    pub fn next(&mut self) -> (usize, Next) {
        let next = match self.slots.pop_front() {
            Some(taken @ (_, Slot::Taken)) => {
                self.slots.push_front(taken);
                return (0, Next::Wait);
            }
            Some((weight, Slot::Raw(raw))) => (weight, Next::Raw(raw)),
            Some((weight, Slot::Prepared(block))) => (weight, Next::Prepared(block)),
            None if self.finished => return (0, Next::Finish),
            None => return (0, Next::Wait),
        };
        self.first += 1;
        self.raw_from = self.raw_from.max(self.first);
        next
    }

    /// A raw block for a helper, and its number.
    pub fn take_raw(&mut self) -> Option<(u64, Raw)> {
        let number = self.raw_from;
        let slot = self.slots.get_mut((number - self.first) as usize)?;
        self.raw_from += 1;
        match std::mem::replace(&mut slot.1, Slot::Taken) {
            Slot::Raw(raw) => Some((number, raw)),
            _ => unreachable!("blocks are taken in order"),
        }
    }

    /// A helper has encoded the block of this number.
    pub fn put(&mut self, number: u64, prepared: Result<Prepared, SaveError>) {
        // The block keeps its place until then.
        if let Some(slot) = self.slots.get_mut((number - self.first) as usize) {
            slot.1 = Slot::Prepared(prepared);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(number: u32) -> Raw {
        let block = Block {
            db: number,
            bytes: vec![0; 10],
            ..Block::default()
        };
        (block, Lent::new(0))
    }

    fn prepared(db: u32) -> Result<Prepared, SaveError> {
        Ok(Prepared {
            db,
            keys: 0,
            bytes: Vec::new(),
            values: Vec::new(),
        })
    }

    /// The databases in the order in which the blocks leave, which is that of their numbers here.
    fn leave(queue: &mut Queue, left: &mut Vec<u32>) -> bool {
        match queue.next() {
            (weight, Next::Raw((block, _))) => {
                queue.bytes -= weight;
                left.push(block.db);
            }
            (weight, Next::Prepared(block)) => {
                queue.bytes -= weight;
                left.push(block.expect("prepared").db);
            }
            (_, Next::Finish | Next::Wait) => return false,
        }
        true
    }

    #[test]
    fn blocks_leave_in_their_order_whoever_encodes_them() {
        for seed in 0..200 {
            let mut rng = base::Rng::new(seed);
            let (mut queue, mut left) = (Queue::default(), Vec::new());
            let (mut pushed, mut held) = (0, Vec::new());
            while left.len() < 50 {
                match rng.below(4) {
                    0 if pushed < 50 => {
                        queue.push(block(pushed));
                        pushed += 1;
                    }
                    1 => held.extend(queue.take_raw()),
                    2 if !held.is_empty() => {
                        let any = rng.below(held.len() as u64) as usize;
                        let (number, (block, _)): (u64, Raw) = held.swap_remove(any);
                        assert_eq!(number, u64::from(block.db));
                        queue.put(number, prepared(block.db));
                    }
                    _ => _ = leave(&mut queue, &mut left),
                }
            }
            assert!(left.is_sorted() && held.is_empty());
            assert_eq!(queue.bytes, 0);
            assert!(matches!(queue.next().1, Next::Wait));
            queue.finish();
            assert!(matches!(queue.next().1, Next::Finish));
            assert!(queue.take_raw().is_none());
        }
    }

    #[test]
    fn what_a_helper_holds_is_waited_for() {
        let mut queue = Queue::default();
        queue.push(block(0));
        queue.push(block(1));
        let (first, _) = queue.take_raw().expect("a block");
        let (second, _) = queue.take_raw().expect("a block");
        assert!(queue.take_raw().is_none());
        queue.put(second, prepared(1));
        assert!(matches!(queue.next().1, Next::Wait));
        queue.put(first, prepared(0));
        let mut left = Vec::new();
        while leave(&mut queue, &mut left) {}
        assert_eq!(left, [0, 1]);
    }
}
