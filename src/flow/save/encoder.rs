//! Encodes the blocks of a walk as a dump: opcodes between records, large values, checksum.
//!
//! Records are written as they are in memory wherever possible: runs of records that need no change are copied as a
//! whole. Compressed strings stay compressed; raw ones are compressed by [`Records`], on the thread that writes or on
//! others.

use super::error::SaveError;
use super::plan::{HeatAs, Plan};
use super::records::{Prepared, Records};
use super::sink::Outputs;
use super::writer::Progress;
use crate::Fate;
use aof::requests::{self, Requests};
use aof::seal::{self, Sealer};
use keyspace::Value;
use keyspace::record::Record;
use keyspace::snapshot::{Block, OutOfLine};
use rdb::Opcode;
use rdb::RdbType;
use rdb::crc64::Crc64;
use rdb::held::value_len;
use rdb::lzf::Packer;
use rdb::string::encode_blob;
use rdb::target::Target;
use rdb::writer::{encode_aux, encode_resize_db, encode_select_db};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The most bytes passed to the sinks at once. Small pieces show the progress of a slow disk, and let other threads use
/// the processor in between.
const PIECE: usize = 64 << 10;
/// Bytes collected before they are passed to the sinks: enough to make the cost of a system call negligible, and few
/// compared with a small dataset.
const BUFFER: usize = 256 << 10;

/// Writes one dump to its sinks, which give files of the type `F`.
pub struct Encoder<F> {
    plan: Plan,
    outlet: Outlet<F>,
    out: Vec<u8>,
    keys: u64,
    db: Option<u32>,
    /// Databases whose RESIZEDB has been written.
    announced: Vec<u32>,
    records: Records,
    requests: Requests,
    /// Seals what is written as requests.
    sealer: Sealer,
}

/// What bytes pass on their way to the sinks.
struct Outlet<F> {
    outputs: Outputs<F>,
    /// Told whenever the sinks have taken something.
    progress: Arc<Progress>,
    /// The checksum so far, if one is written.
    crc: Option<Crc64>,
    bytes: u64,
}

impl<F> Encoder<F> {
    /// Nothing is written yet.
    pub fn new(plan: Plan, outputs: Outputs<F>, progress: Arc<Progress>) -> Encoder<F> {
        let out = Vec::with_capacity(BUFFER + BUFFER / 4);
        let outlet = Outlet {
            outputs,
            progress,
            crc: plan.checksum.then(Crc64::new),
            bytes: 0,
        };
        Encoder {
            records: Records::new(&plan),
            plan,
            outlet,
            out,
            keys: 0,
            db: None,
            announced: Vec::new(),
            requests: Requests::default(),
            sealer: Sealer::new(),
        }
    }

    /// Dump bytes so far.
    pub fn bytes(&self) -> u64 {
        self.outlet.bytes + self.out.len() as u64
    }

    /// Keys so far.
    pub fn keys(&self) -> u64 {
        self.keys
    }

    /// `rdb-key-save-delay`
    pub fn key_delay(&self) -> i64 {
        self.plan.key_delay
    }

    /// Magic, AUX fields, functions, and what modules put before the keys.
    pub fn begin(&mut self) -> Result<(), SaveError> {
        if let Some(how) = self.plan.requests {
            if how.timestamp {
                seal::timestamp((how.ms / 1000) as i64, &mut self.out);
            }
            for code in &self.plan.functions {
                requests::function(code, &mut self.out);
            }
            return self.flush_if_full();
        }
        self.out.extend_from_slice(&self.plan.version.header());
        for (name, value) in &self.plan.aux {
            encode_aux(name.as_bytes(), value, &mut self.out);
        }
        for code in self
            .plan
            .functions
            .iter()
            .filter(|_| self.plan.target.holds_functions())
        {
            self.out.push(Opcode::Function2.number());
            encode_blob(code, self.records.packer(), &mut self.out);
        }
        self.put_module_aux(false);
        self.flush_if_full()
    }

    /// The keys of one block.
    pub fn block(&mut self, block: Block) -> Result<(), SaveError> {
        if self.plan.requests.is_some() {
            return self.block_as_requests(block);
        }
        if self.blocks_stay() {
            return self.prepared(Prepared {
                db: block.db,
                keys: block.keys(),
                bytes: block.bytes,
                values: block.values,
            });
        }
        self.select(block.db);
        self.keys += block.keys() as u64;
        let outlet = &mut self.outlet;
        self.records
            .encode(&block, &mut self.out, &mut |out| match out.len() < BUFFER {
                true => Ok(()),
                false => outlet.empty(out),
            })?;
        self.values(block.values)
    }

    /// The keys of one block whose records were encoded elsewhere.
    ///
    /// # Errors
    /// As [`Encoder::block`].
    pub fn prepared(&mut self, block: Prepared) -> Result<(), SaveError> {
        self.select(block.db);
        self.keys += block.keys as u64;
        self.outlet.empty(&mut self.out)?;
        self.outlet.emit(&block.bytes)?;
        self.values(block.values)
    }

    /// Encodes the records of blocks for [`Encoder::prepared`], on another thread; `None` if there is nothing to
    /// encode, or if the dump has another form than the keyspace, in which a block may be much larger.
    pub fn helper(&self) -> Option<Records> {
        let mut held = self.plan.cut.dbs.iter().flat_map(|db| db.types.held());
        let as_held = self.plan.target.types_as_held();
        let helps = self.plan.requests.is_none()
            && !self.blocks_stay()
            && held.all(|rdb_type| as_held.contains(rdb_type));
        helps.then(|| self.records.another())
    }

    /// The records of a block are written as the block has them.
    fn blocks_stay(&self) -> bool {
        let as_they_stand = self.plan.heat == HeatAs::Nothing && self.plan.target == Target::Auto;
        as_they_stand && !self.plan.compress
    }

    fn values(&mut self, values: Vec<OutOfLine>) -> Result<(), SaveError> {
        for entry in values {
            self.out_of_line(entry)?;
        }
        self.flush_if_full()
    }

    /// The keys of one block, as requests.
    fn block_as_requests(&mut self, block: Block) -> Result<(), SaveError> {
        if self.db != Some(block.db) {
            self.db = Some(block.db);
            requests::select(block.db, &mut self.out);
        }
        self.keys += block.keys() as u64;
        let mut rest = block.bytes.as_slice();
        while !rest.is_empty() {
            let record = Record::parse(rest);
            let rdb_type = record.type_byte.rdb_type();
            let len = value_len(rdb_type, record.rest).expect("the keyspace holds whole records");
            let (value, after) = record.rest.split_at(len);
            self.key_as_requests(record.key, record.expire, rdb_type, value)?;
            rest = after;
        }
        for entry in block.values {
            let mut held = Vec::new();
            let give = &mut |piece: &[u8]| held.extend_from_slice(piece);
            let rdb_type = entry.value.rdb_type();
            leave(entry.value, give, None, &self.outlet.progress.freed);
            self.key_as_requests(&entry.key, entry.expire, rdb_type, &held)?;
        }
        Ok(())
    }

    fn key_as_requests(
        &mut self,
        key: &[u8],
        expire: Option<i64>,
        rdb_type: RdbType,
        value: &[u8],
    ) -> Result<(), SaveError> {
        let Encoder { requests, out, .. } = self;
        let encoded = requests.key(key, expire, rdb_type, value, out);
        encoded.map_err(|e| {
            SaveError::Cancelled(format!("a held value is not sound: {}", e.with_key(key)))
        })?;
        self.flush_if_full()
    }

    /// End opcode and checksum: the sinks have everything.
    pub fn end(&mut self) -> Result<(), SaveError> {
        let expected: u64 = self.plan.cut.dbs.iter().map(|c| c.keys).sum();
        if self.keys != expected {
            let text = format!(
                "the snapshot has {} keys instead of {expected}: discarded",
                self.keys
            );
            return Err(SaveError::Cancelled(text));
        }
        if self.plan.requests.is_some() {
            return self.flush();
        }
        self.put_module_aux(true);
        self.out.push(Opcode::Eof.number());
        self.flush()?;
        let checksum = self.outlet.crc.as_ref().map_or(0, Crc64::value);
        self.outlet.outputs.write(&checksum.to_le_bytes())
    }

    /// Makes what was written final, and returns the file.
    pub fn commit(self, fate: &Fate) -> Result<Option<F>, SaveError> {
        self.outlet.outputs.finish(fate)
    }

    fn put_module_aux(&mut self, after_keys: bool) {
        for aux in &self.plan.module_aux {
            if aux.after_keys == after_keys {
                self.out.extend_from_slice(&aux.raw);
            }
        }
    }

    fn select(&mut self, db: u32) {
        if self.db == Some(db) {
            return;
        }
        self.db = Some(db);
        encode_select_db(db, &mut self.out);
        let counts = self.plan.cut.dbs.iter().find(|c| c.db == db);
        if let Some(counts) = counts.filter(|_| !self.announced.contains(&db)) {
            self.announced.push(db);
            encode_resize_db(counts.keys, counts.expires, &mut self.out);
        }
    }

    fn out_of_line(&mut self, entry: OutOfLine) -> Result<(), SaveError> {
        let Encoder {
            records,
            out,
            outlet,
            ..
        } = self;
        let (key, value) = (&entry.key, entry.value);
        if !self.plan.target.takes_as_held(value.rdb_type()) {
            let mut held = Vec::new();
            let rdb_type = value.to_rdb(&mut |piece| held.extend_from_slice(piece), None);
            drop(value);
            records.entry(entry.expire, Some(entry.heat), rdb_type, key, &held, out)?;
            return self.flush_if_full();
        }
        records.head(entry.expire, Some(entry.heat), value.rdb_type(), key, out);
        // The value may be larger than all buffers, so it is passed on in pieces.
        let mut result = Ok(());
        let progress = outlet.progress.clone();
        let give = &mut |piece: &[u8]| {
            out.extend_from_slice(piece);
            if out.len() >= BUFFER && result.is_ok() {
                result = outlet.empty(out);
            }
        };
        leave(value, give, records.packer(), &progress.freed);
        result?;
        self.flush_if_full()
    }

    fn flush_if_full(&mut self) -> Result<(), SaveError> {
        if self.out.len() >= BUFFER {
            self.flush()
        } else {
            Ok(())
        }
    }

    fn flush(&mut self) -> Result<(), SaveError> {
        if let Some(how) = self.plan.requests.filter(|_| !self.out.is_empty()) {
            // A base has no position in a replication history. The increment says where it begins.
            self.sealer.update(&self.out);
            self.sealer.seal(&[b'0'; 40], 0, how.ms, &mut self.out);
        }
        self.outlet.empty(&mut self.out)
    }
}

impl<F> Outlet<F> {
    /// Passes on what was collected.
    fn empty(&mut self, out: &mut Vec<u8>) -> Result<(), SaveError> {
        let result = self.emit(out);
        out.clear();
        result
    }

    fn emit(&mut self, bytes: &[u8]) -> Result<(), SaveError> {
        if let Some(crc) = &mut self.crc {
            crc.update(bytes);
        }
        for piece in bytes.chunks(PIECE) {
            self.outputs.write(piece)?;
            self.bytes += piece.len() as u64;
            self.progress.bytes.store(self.bytes, Ordering::Relaxed);
            // Else clients' threads wait for the end of a time slice, which takes milliseconds.
            #[expect(
                clippy::disallowed_methods,
                reason = "it offers the processor and does not wait"
            )]
            std::thread::yield_now();
        }
        Ok(())
    }
}

/// Writes a value and releases it; a value that has parts is released part by part.
fn leave(
    value: Arc<Value>,
    give: &mut dyn FnMut(&[u8]),
    packer: Option<&mut Packer>,
    freed: &AtomicU64,
) {
    let value = match value.leaves_in_parts() {
        true => Ok(Arc::unwrap_or_clone(value)),
        // A clone would copy it.
        false => Arc::try_unwrap(value),
    };
    match value {
        Ok(own) if own.leaves_in_parts() => own.into_rdb(give, packer, freed),
        Ok(own) => {
            own.to_rdb(give, packer);
            freed.fetch_add(own.heap_bytes() as u64, Ordering::Relaxed);
        }
        Err(shared) => {
            shared.to_rdb(give, packer);
        }
    }
}
