//! The first pass: checks that everything is sound, and counts it.

use crate::canonical::canonical;
use crate::pipeline::{Batch, Worker};
use base::secret::HashKey;
use rdb::check::Scratch;
use rdb::target::TypeSet;
use rdb::{Frame, RdbError};
use std::collections::BTreeMap;
use std::convert::Infallible;

/// What a dump holds.
#[derive(Debug, Default)]
pub struct Survey {
    /// Canonical types.
    pub types: TypeSet,
    /// Per database: keys, keys with an expiry. Keys without elements do not count.
    pub dbs: BTreeMap<u32, (u64, u64)>,
    /// Function libraries.
    pub functions: u64,
}

/// One thread's part.
pub struct Surveyor {
    scratch: Scratch,
    buf: Vec<u8>,
    survey: Survey,
    defect: Option<RdbError>,
}

impl Surveyor {
    pub fn new(key: HashKey) -> Surveyor {
        Surveyor {
            scratch: Scratch::new(key),
            buf: Vec::new(),
            survey: Survey::default(),
            defect: None,
        }
    }
}

impl Survey {
    /// What all threads saw.
    ///
    /// # Errors
    /// The first defect by offset.
    pub fn of(workers: Vec<Surveyor>) -> Result<Survey, RdbError> {
        let mut all = Survey::default();
        let mut defects = Vec::new();
        for worker in workers {
            defects.extend(worker.defect);
            worker.survey.types.iter().for_each(|t| all.types.insert(t));
            all.functions += worker.survey.functions;
            for (db, (keys, expires)) in worker.survey.dbs {
                let sum = all.dbs.entry(db).or_default();
                *sum = (sum.0 + keys, sum.1 + expires);
            }
        }
        match defects.into_iter().min_by_key(|d| d.offset) {
            Some(defect) => Err(defect),
            None => Ok(all),
        }
    }
}

impl Worker for Surveyor {
    type Out = ();

    fn batch(&mut self, batch: &Batch) {
        let all = batch.frames(|place, frame| {
            match frame {
                Frame::Key(record) => {
                    let value = canonical(place.context, &record, &mut self.scratch, &mut self.buf);
                    match value {
                        Ok(value) if value.info.empty => {}
                        Ok(value) => {
                            self.survey.types.insert(value.rdb_type);
                            let counts = self.survey.dbs.entry(place.db).or_default();
                            counts.0 += 1;
                            counts.1 += u64::from(record.expire_ms.is_some());
                        }
                        Err(e) => {
                            let first = self.defect.as_ref();
                            if first.is_none_or(|d| e.offset < d.offset) {
                                self.defect = Some(e);
                            }
                        }
                    }
                }
                Frame::Function { .. } | Frame::FunctionPreGa { .. } => self.survey.functions += 1,
                _ => {}
            }
            Ok::<(), Infallible>(())
        });
        match all {
            Ok(()) => self.scratch.shrink(),
            Err(never) => match never {},
        }
    }
}
