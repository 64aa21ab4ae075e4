//! Snapshots of a keyspace, and datasets read back from them.

use forebay::engine::Engine;
use forebay::keyspace::digest::{self, Fingerprint, Manner};
use forebay::keyspace::{Db, Keyspace, Loc, ValueRef};
use forebay::rdb::version::RdbVersion;
use forebay::rdb::writer::{Attributes, Checksum, FileInfo, Writer};
use forebay::server::load::{self, LoadProgress};
use forebay::server::persist::load_options;
use forebay::keyspace::snapshot::{SnapshotOptions, Step};

/// A dump that is being made, and what the dataset was at its cut.
pub struct Image {
    writer: Writer<Vec<u8>>,
    selected: Option<u32>,
    digest: [u8; 20],
}

impl Image {
    /// Takes the cut. `None` if a snapshot is running.
    pub fn begin(engine: &mut Engine) -> Option<Image> {
        let digest = of_keyspace(&engine.keyspace);
        engine.keyspace.begin_snapshot(SnapshotOptions { heats: false }).ok()?;
        let Ok(mut writer) = Writer::new(Vec::new(), RdbVersion::redis(12), Checksum::Computed);
        let Ok(()) = writer.file_info(&FileInfo {
            server_version: "7.4.0",
            created_s: 0,
            used_memory: 0,
            replication: None,
            aof_base: false,
        });
        Some(Image { writer, selected: None, digest })
    }

    /// The next bytes, about `budget` of them; the whole dump at the end.
    pub fn more(mut self, engine: &mut Engine, budget: usize) -> Result<Self, Vec<u8>> {
        match engine.keyspace.walk_step(budget).expect("the counts agree") {
            Step::Done => {
                let digest = self.digest;
                let Ok((bytes, _)) = self.writer.finish();
                let dbs = read(engine, &bytes);
                assert_eq!(of_dbs(dbs.iter().map(|(n, db)| (*n, db))), digest, "the image is not the cut");
                return Err(bytes);
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
                    let rdb_type = large.value.to_rdb(&mut |piece| bytes.extend_from_slice(piece), None);
                    let attributes = Attributes { expire_ms: large.expire, ..Attributes::default() };
                    let Ok(()) = self.writer.key(&attributes, rdb_type, &large.key, &bytes);
                }
            }
        }
        Ok(self)
    }

    /// The whole dump at once. `None` if a snapshot is running.
    pub fn whole(engine: &mut Engine) -> Option<Vec<u8>> {
        let mut image = Image::begin(engine)?;
        loop {
            image = match image.more(engine, 1 << 20) {
                Ok(image) => image,
                Err(bytes) => return Some(bytes),
            };
        }
    }
}

/// The databases of a dump, nothing left out.
pub fn read(engine: &mut Engine, bytes: &[u8]) -> Vec<(u32, Db)> {
    let mut options = load_options(engine);
    options.threads = 1;
    options.keep_expired = true;
    let (loaded, ..) = load::load(bytes, &options, &LoadProgress::default()).expect("our own dump is read");
    assert_eq!(loaded.empty_skipped + loaded.unknown_skipped, 0);
    loaded.dbs
}

/// The digest of all that a keyspace holds, expiry times included.
pub fn of_keyspace(keyspace: &Keyspace) -> [u8; 20] {
    of_dbs((0..keyspace.count()).map(|n| (n as u32, keyspace.db(n))))
}

fn of_dbs<'a>(dbs: impl Iterator<Item = (u32, &'a Db)>) -> [u8; 20] {
    let mut all = Fingerprint::default();
    // What a database adds depends on what came before it.
    for (number, db) in dbs {
        let mut one = Fingerprint::default();
        digest::database(&mut one, number, db, Manner::REDIS_7_2);
        db.scan(0, usize::MAX, |loc| expiries(&mut one, db, loc));
        all.combine(&one);
    }
    all.bytes()
}

fn expiries(into: &mut Fingerprint, db: &Db, loc: Loc) {
    if let Some(at) = db.expire(loc) {
        into.xor(&[db.key(loc), &at.to_be_bytes()].concat());
    }
    if let ValueRef::Hash(hash) = db.value(loc) {
        for (field, _, at) in hash.iter() {
            if let Some(at) = at {
                into.xor(&[db.key(loc), b"\0", &field.to_vec(), &at.to_be_bytes()].concat());
            }
        }
    }
}
