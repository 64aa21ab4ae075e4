//! Encodes the records of a block: heat, compression, another form. It knows nothing of the dump around them, so
//! several threads can do this for different blocks at once.

use super::error::SaveError;
use super::plan::{HeatAs, Plan};
use base::secret::HashKey;
use keyspace::record::Record;
use keyspace::snapshot::{Block, OutOfLine};
use rdb::Opcode;
use rdb::RdbType;
use rdb::check::Scratch;
use rdb::compress::compress_value;
use rdb::held::value_len;
use rdb::length::encode_length;
use rdb::lzf::Packer;
use rdb::string::encode_string;
use rdb::target::{OnLoss, Target, TranscodeError, transcode_value};

/// Strings up to this length are never compressed, as in every real writer.
const COMPRESS_ABOVE: usize = 20;

/// What decides about the form of a record.
#[derive(Clone, Copy)]
struct How {
    target: Target,
    on_loss: OnLoss,
    compress: bool,
    heat: HeatAs,
    key: HashKey,
}

/// Encodes records, one block after the other.
pub struct Records {
    how: How,
    packer: Packer,
    scratch: Scratch,
    /// A value in the form of the target.
    transcoded: Vec<u8>,
}

/// A block whose records are encoded.
pub struct Prepared {
    /// Number of the database as it was at the cut.
    pub db: u32,
    /// How many keys there are, those of `values` included.
    pub keys: usize,
    /// The records, as they are written.
    pub bytes: Vec<u8>,
    /// Entries whose value is large, which are encoded when they are written.
    pub values: Vec<OutOfLine>,
}

impl Records {
    /// For a dump that is written according to `plan`.
    pub fn new(plan: &Plan) -> Records {
        Records::as_in(How {
            target: plan.target,
            on_loss: plan.on_loss,
            compress: plan.compress,
            heat: plan.heat,
            key: plan.key,
        })
    }

    fn as_in(how: How) -> Records {
        Records {
            how,
            packer: Packer::new(),
            scratch: Scratch::new(how.key),
            transcoded: Vec::new(),
        }
    }

    /// Another one for the same dump.
    #[must_use]
    pub fn another(&self) -> Records {
        Records::as_in(self.how)
    }

    /// What compresses strings, if they are to be compressed.
    pub fn packer(&mut self) -> Option<&mut Packer> {
        self.how.compress.then_some(&mut self.packer)
    }

    /// Encodes the records of a block at once.
    ///
    /// # Errors
    /// The target cannot hold a value.
    pub fn prepare(&mut self, block: Block) -> Result<Prepared, SaveError> {
        let mut bytes = Vec::with_capacity(block.bytes.len() + block.bytes.len() / 16);
        self.encode(&block, &mut bytes, &mut |_| Ok(()))?;
        Ok(Prepared {
            db: block.db,
            keys: block.keys(),
            bytes,
            values: block.values,
        })
    }

    /// Appends the records of a block, with heat before the type, strings compressed, and values in another form.
    /// `passed` may take from `out` after each record that was changed.
    ///
    /// # Errors
    /// The target cannot hold a value, or those of `passed`.
    pub fn encode(
        &mut self,
        block: &Block,
        out: &mut Vec<u8>,
        passed: &mut dyn FnMut(&mut Vec<u8>) -> Result<(), SaveError>,
    ) -> Result<(), SaveError> {
        let bytes = block.bytes.as_slice();
        let (mut at, mut run, mut n) = (0, 0, 0);
        let heat_too = self.how.heat != HeatAs::Nothing;
        let as_held = self.how.target.types_as_held();
        while at < bytes.len() {
            let record = Record::parse(&bytes[at..]);
            let rdb_type = record.type_byte.rdb_type();
            let value_at = bytes.len() - record.rest.len();
            let len = match record.rest.first() {
                // A string of up to 63 bytes: its length is the first byte. Most values are such strings.
                Some(&short @ 0..=0x3f) if rdb_type == RdbType::String => 1 + usize::from(short),
                _ => value_len(rdb_type, record.rest).expect("the keyspace holds whole records"),
            };
            let value = &record.rest[..len];
            let heat = block.heats.get(n).copied();
            n += 1;
            let shrinks = self.how.compress
                && (record.key.len() > COMPRESS_ABOVE
                    || is_number(record.key)
                    || may_shrink(rdb_type, value));
            if heat_too || shrinks || !as_held.contains(rdb_type) {
                out.extend_from_slice(&bytes[run..at]);
                self.entry(record.expire, heat, rdb_type, record.key, value, out)?;
                run = value_at + len;
                passed(out)?;
            }
            at = value_at + len;
        }
        out.extend_from_slice(&bytes[run..]);
        passed(out)
    }

    /// Appends one key with its held value.
    ///
    /// # Errors
    /// The target cannot hold the value.
    pub fn entry(
        &mut self,
        expire: Option<i64>,
        heat: Option<u32>,
        rdb_type: RdbType,
        key: &[u8],
        value: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), SaveError> {
        if self.how.target.takes_as_held(rdb_type) {
            self.head(expire, heat, rdb_type, key, out);
            return compress_value(rdb_type, value, self.packer(), out).map_err(|e| {
                SaveError::Cancelled(format!("a held value is not sound: {}", e.with_key(key)))
            });
        }
        self.transcoded.clear();
        let done = transcode_value(
            rdb_type,
            value,
            self.how.target,
            self.how.on_loss,
            &mut self.scratch,
            self.how.compress.then_some(&mut self.packer),
            &mut self.transcoded,
        )
        .map_err(|e| match e {
            TranscodeError::Loss(loss) => SaveError::Loss {
                target: self.how.target.name(),
                key: key.to_vec(),
                loss: loss.to_string(),
            },
            e => SaveError::Cancelled(e.to_string()),
        })?;
        if let Some(rdb_type) = done.rdb_type {
            self.head(expire, heat, rdb_type, key, out);
            out.extend_from_slice(&self.transcoded);
        }
        Ok(())
    }

    /// Appends what comes before a value: expiry, heat, type, key.
    pub fn head(
        &mut self,
        expire: Option<i64>,
        heat: Option<u32>,
        rdb_type: RdbType,
        key: &[u8],
        out: &mut Vec<u8>,
    ) {
        if let Some(ms) = expire {
            out.push(Opcode::ExpireTimeMs.number());
            out.extend_from_slice(&ms.to_le_bytes());
        }
        match (self.how.heat, heat) {
            (HeatAs::Idle(now), Some(clock)) => {
                out.push(Opcode::Idle.number());
                encode_length(u64::from(now.wrapping_sub(clock) & 0xff_ffff), out);
            }
            (HeatAs::Freq, Some(heat)) => {
                out.push(Opcode::Freq.number());
                out.push(heat as u8);
            }
            _ => {}
        }
        out.push(rdb_type.number());
        encode_string(key, self.packer(), out);
    }
}

/// True if the text is an integer that an RDB string holds in fewer bytes.
fn is_number(key: &[u8]) -> bool {
    key.len() <= 11 && keyspace::record::small_int(key).is_some()
}

/// True if a held value contains a raw string long enough to be compressed.
fn may_shrink(rdb_type: RdbType, value: &[u8]) -> bool {
    match rdb_type {
        RdbType::Quicklist2 | RdbType::HashListpackTtl => value.len() > COMPRESS_ABOVE,
        _ => value.len() > COMPRESS_ABOVE && value[0] < 0xC0,
    }
}
