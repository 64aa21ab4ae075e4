//! Compares the image of a snapshot with the model as it was at the cut.

use super::held::held;
use super::run::Model;
use crate::ValueRef;
use crate::record::{self, Record};
use crate::snapshot::{Block, Cut};

/// A snapshot that has begun.
pub(super) struct Image {
    cut: Cut,
    model: Model,
    /// What was handed out. It is read at the end only: what it shares with the keyspace must not change before.
    blocks: Vec<Block>,
}

impl Image {
    pub fn new(cut: Cut, model: Model) -> Image {
        for cut in &cut.dbs {
            assert_eq!(cut.keys, model[cut.db as usize].len() as u64);
        }
        Image {
            cut,
            model,
            blocks: Vec::new(),
        }
    }

    pub fn take(&mut self, block: Block) {
        self.blocks.push(block);
    }

    /// Everything was handed out.
    pub fn check(self) {
        let mut seen = Model::default();
        self.blocks
            .into_iter()
            .for_each(|block| read(block, &mut seen));
        for (seen, model) in seen.iter().zip(&self.model) {
            assert_eq!(seen.len(), model.len(), "{:?}", self.cut);
            for (key, value) in model {
                assert_eq!(seen.get(key), Some(value), "{key:?}");
            }
        }
    }
}

fn read(block: Block, seen: &mut Model) {
    let seen = &mut seen[block.db as usize];
    let mut rest = &block.bytes[..];
    for _ in 0..block.records {
        let (this, next) = rest.split_at(record::record_len(rest));
        let record = Record::parse(this);
        let value = held(ValueRef::from_record(
            record.type_byte.rdb_type(),
            record.value(),
        ));
        let twice = seen.insert(record.key.to_vec(), (value, record.expire));
        assert!(twice.is_none(), "{:?} twice", record.key);
        rest = next;
    }
    assert!(rest.is_empty());
    assert!(block.heats.is_empty() || block.heats.len() == block.records);
    for value in block.values {
        let entry = (held(value.value.as_ref().as_ref()), value.expire);
        let twice = seen.insert(value.key, entry);
        assert!(twice.is_none());
    }
}
