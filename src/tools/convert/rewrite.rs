//! The second pass: each frame in the form of the target.
//!
//! | frame | becomes |
//! |---|---|
//! | auxiliary fields | themselves |
//! | SELECTDB | itself, with the sizes of the database as they will be |
//! | RESIZEDB, SLOT_INFO, SLOT_IMPORT, hash templates | nothing: hints, or part of the values |
//! | functions | FUNCTION2, or a loss |
//! | module auxiliary data | itself, reported as a loss unless the target is `auto` |
//! | metadata of modules on keys | a loss |
//! | keys | the value transcoded, with expiry, idle time and frequency |

use super::Lost;
use super::survey::Survey;
use crate::canonical::canonical;
use crate::pipeline::{Batch, Place, Worker};
use base::secret::HashKey;
use rdb::Opcode;
use rdb::check::Scratch;
use rdb::lzf::Packer;
use rdb::string::encode_string;
use rdb::target::{Loss, OnLoss, Target, transcode_value};
use rdb::writer::{Attributes, encode_aux, encode_key, encode_resize_db, encode_select_db};
use rdb::{Frame, Record, function};

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Done {
    /// Frames of the output.
    pub bytes: Vec<u8>,
    /// Keys among them.
    pub keys: u64,
    /// What the target cannot hold.
    pub losses: Vec<Lost>,
    /// A value that the first pass found sound is not any more.
    pub unsound: Option<String>,
}

/// One thread's part.
pub struct Rewriter<'s> {
    survey: &'s Survey,
    target: Target,
    packer: Option<Packer>,
    scratch: Scratch,
    buf: Vec<u8>,
    value: Vec<u8>,
}

impl<'s> Rewriter<'s> {
    pub fn new(survey: &'s Survey, target: Target, compress: bool, key: HashKey) -> Self {
        Rewriter {
            survey,
            target,
            packer: compress.then(Packer::new),
            scratch: Scratch::new(key),
            buf: Vec::new(),
            value: Vec::new(),
        }
    }

    fn key(
        &mut self,
        place: &Place<'_>,
        record: &Record<'_>,
        done: &mut Done,
    ) -> Result<(), String> {
        let canonical = canonical(place.context, record, &mut self.scratch, &mut self.buf);
        let canonical = canonical.map_err(|e| e.to_string())?;
        if canonical.info.empty {
            return Ok(());
        }
        self.value.clear();
        let written = transcode_value(
            canonical.rdb_type,
            canonical.bytes,
            self.target,
            OnLoss::Report,
            &mut self.scratch,
            self.packer.as_mut(),
            &mut self.value,
        )
        .map_err(|e| e.to_string())?;
        if let Some(loss) = written.loss {
            done.losses.push(Lost {
                offset: record.offset,
                key: Some((place.db, record.key.to_vec())),
                loss,
            });
        }
        if let Some(rdb_type) = written.rdb_type {
            let attributes = Attributes {
                expire_ms: record.expire_ms,
                idle_s: record.idle_s,
                freq: record.freq,
            };
            encode_key(
                &attributes,
                rdb_type,
                &record.key,
                &self.value,
                &mut done.bytes,
            );
            done.keys += 1;
        }
        Ok(())
    }

    fn function(&mut self, place: &Place<'_>, code: &[u8], done: &mut Done) {
        if !self.target.holds_functions() {
            return lose(place, Loss::Function, done);
        }
        done.bytes.push(Opcode::Function2.number());
        encode_string(code, self.packer.as_mut(), &mut done.bytes);
    }

    fn other(&mut self, place: &Place<'_>, frame: Frame<'_>, done: &mut Done) {
        match frame {
            Frame::Aux { name, value } => encode_aux(&name, &value, &mut done.bytes),
            Frame::SelectDb(db) => {
                encode_select_db(db, &mut done.bytes);
                if let Some((keys, expires)) = self.survey.dbs.get(&db) {
                    encode_resize_db(*keys, *expires, &mut done.bytes);
                }
            }
            Frame::Function { code } => self.function(place, &code, done),
            Frame::FunctionPreGa {
                name, engine, code, ..
            } => {
                let code = function::from_pre_ga(&name, &engine, &code);
                self.function(place, &code, done);
            }
            Frame::ModuleAux { raw, .. } => {
                if self.target != Target::Auto {
                    lose(place, Loss::Module, done);
                }
                done.bytes.extend_from_slice(raw);
            }
            Frame::KeyMeta { .. } => lose(place, Loss::KeyMetadata, done),
            _ => {}
        }
    }
}

fn lose(place: &Place<'_>, loss: Loss, done: &mut Done) {
    done.losses.push(Lost {
        offset: place.offset,
        key: None,
        loss,
    });
}

impl Worker for Rewriter<'_> {
    type Out = Done;

    fn batch(&mut self, batch: &Batch) -> Done {
        let mut done = Done::default();
        let result = batch.frames(|place, frame| match frame {
            Frame::Key(record) => self.key(place, &record, &mut done),
            other => {
                self.other(place, other, &mut done);
                Ok(())
            }
        });
        done.unsound = result.err();
        self.scratch.shrink();
        done
    }
}
