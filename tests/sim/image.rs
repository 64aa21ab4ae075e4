//! A snapshot on its way: the real cut and walk, written out while commands go on.

use forebay::engine::Engine;
use forebay::keyspace::snapshot::{SnapshotOptions, Step};
use forebay::keyspace::{Value, ValueRef};
use forebay::rdb::RdbType;
use forebay::rdb::string::encode_string;
use forebay::rdb::version::RdbVersion;
use forebay::rdb::writer::{Attributes, Checksum, FileInfo, ReplicationInfo, Writer};

/// A dump that is being made.
pub struct Image {
    writer: Writer<Vec<u8>>,
    selected: Option<u32>,
}

impl Image {
    /// Takes the cut.
    pub fn begin(engine: &mut Engine) -> Image {
        let cut = engine
            .keyspace
            .begin_snapshot(SnapshotOptions { heats: false });
        cut.expect("no other snapshot runs");
        let Ok(mut writer) = Writer::new(Vec::new(), RdbVersion::REDIS_11, Checksum::Computed);
        let meta = engine.repl.meta();
        let id = meta.map(|m| m.at.id.to_string()).unwrap_or_default();
        let Ok(()) = writer.file_info(&FileInfo {
            server_version: "7.4.0",
            created_s: 0,
            used_memory: 0,
            replication: meta.map(|m| ReplicationInfo {
                stream_db: m.stream_db.within(usize::MAX).expect("it is ours") as u32,
                id: id.as_bytes(),
                offset: m.at.offset.get() as u64,
            }),
            aof_base: false,
        });
        Image {
            writer,
            selected: None,
        }
    }

    /// The next bytes, about `budget` of them; true with the last.
    pub fn more(mut self, engine: &mut Engine, budget: usize) -> (Vec<u8>, Option<Image>) {
        let step = engine.keyspace.walk_step(budget);
        match step.expect("the counts agree") {
            Step::Done => {
                let Ok((bytes, _)) = self.writer.finish();
                return (bytes, None);
            }
            Step::Pending => {}
            Step::Block(block) => {
                if self.selected != Some(block.db) {
                    self.selected = Some(block.db);
                    let Ok(()) = self.writer.select_db(block.db);
                }
                let Ok(()) = self.writer.raw(&block.bytes);
                for large in &block.values {
                    let mut bytes = Vec::new();
                    let rdb_type = record(&large.value, &mut bytes);
                    let attributes = Attributes {
                        expire_ms: large.expire,
                        ..Attributes::default()
                    };
                    let Ok(()) = self.writer.key(&attributes, rdb_type, &large.key, &bytes);
                }
            }
        }
        let bytes = std::mem::take(self.writer.sink_mut());
        (bytes, Some(self))
    }
}

/// A value's bytes as a dump holds them; the simulation writes strings only where values are large.
pub fn record(value: &Value, out: &mut Vec<u8>) -> RdbType {
    match value.as_ref() {
        ValueRef::Str(text) => {
            encode_string(&text.bytes(), None, out);
            RdbType::String
        }
        _ => value.to_record(out).expect("small collections"),
    }
}
