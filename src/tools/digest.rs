//! `forebay rdb digest`: what `DEBUG DIGEST` returns on a server that has loaded the dump.

use super::canonical::canonical;
use super::pipeline::{self, Batch, Place, Worker};
use super::progress::Progress;
use super::source::{Source, Trouble};
use super::text;
use super::verdict::{Verdict, verdict};
use keyspace::digest::{Fingerprint, Manner, dumped_value, expiry};
use rdb::check::{Kind, Scratch};
use rdb::{Frame, RdbError, Record};
use std::collections::BTreeMap;

/// How to compute it.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How the server in question computes it.
    pub manner: Manner,
    /// Whether keys whose time has come count: a replica keeps them, others drop them when they load.
    pub keep_expired: bool,
    /// Threads, at least one.
    pub threads: usize,
    /// Whether a bar may be shown.
    pub progress: bool,
}

/// The digest in 40 hexadecimal digits, or why there is none.
///
/// # Errors
/// When the input cannot be read.
pub fn digest(source: &Source, options: &Options) -> Result<Result<String, String>, Trouble> {
    let workers = (0..options.threads)
        .map(|_| Digester {
            options: *options,
            now_ms: text::now_ms(),
            scratch: Scratch::new(text::hash_key()),
            buf: Vec::new(),
            dbs: BTreeMap::new(),
            unfit: None,
        })
        .collect();
    let mut bar = Progress::new(source.name(), source.size(), options.progress);
    let (scan, workers) = pipeline::run(source, workers, &mut bar, |()| false);
    drop(bar);
    let mut dbs = BTreeMap::<u32, Fingerprint>::new();
    let mut unfit: Option<Unfit> = None;
    for worker in workers {
        for (db, part) in worker.dbs {
            dbs.entry(db).or_default().combine(&part);
        }
        if let Some(found) = worker.unfit
            && unfit.as_ref().is_none_or(|u| found.offset < u.offset)
        {
            unfit = Some(found);
        }
    }
    if let Some(unfit) = unfit {
        return Ok(Err(unfit.why));
    }
    if let Verdict::Defect(why) = verdict(&scan, source)? {
        return Ok(Err(why));
    }
    let mut all = Fingerprint::default();
    for (db, part) in dbs {
        all.mix(&db.to_be_bytes());
        all.combine(&part);
    }
    Ok(Ok(all.to_hex()))
}

/// Why there is no digest.
struct Unfit {
    offset: u64,
    why: String,
}

struct Digester {
    options: Options,
    now_ms: i64,
    scratch: Scratch,
    buf: Vec<u8>,
    /// The keys of each database; their order does not matter.
    dbs: BTreeMap<u32, Fingerprint>,
    unfit: Option<Unfit>,
}

impl Digester {
    fn key(&mut self, place: &Place<'_>, record: &Record<'_>) -> Result<(), Unfit> {
        let at = |e: RdbError| Unfit {
            offset: e.offset,
            why: e.to_string(),
        };
        let value = canonical(place.context, record, &mut self.scratch, &mut self.buf);
        let value = value.map_err(at)?;
        let gone = !self.options.keep_expired && record.expire_ms.is_some_and(|t| t < self.now_ms);
        if value.info.empty || gone {
            return Ok(());
        }
        let mut key = Fingerprint::default();
        key.mix(&record.key);
        let held = rdb::Context::held();
        let context = if value.info.as_is {
            place.context
        } else {
            &held
        };
        let parts = (context, value.rdb_type, value.bytes);
        let (bufs, manner) = (self.scratch.bufs(), self.options.manner);
        if !dumped_value(&mut key, value.info.kind, parts, bufs, manner).map_err(at)? {
            let what = match value.info.kind {
                Kind::Module(id) => format!("a value of the module type '{}'", id.name()),
                other => format!("a value of the kind {}", super::encoding::kind_name(other)),
            };
            let key = text::printable(&record.key, 128);
            return Err(Unfit {
                offset: record.offset,
                why: format!(
                    "at byte {}, key \"{key}\": {what}, of which only its server knows the digest",
                    record.offset
                ),
            });
        }
        if record.expire_ms.is_some() {
            expiry(&mut key);
        }
        self.dbs.entry(place.db).or_default().xor_key(&key);
        Ok(())
    }
}

impl Worker for Digester {
    type Out = ();

    fn batch(&mut self, batch: &Batch) {
        if self.unfit.is_some() {
            return;
        }
        let result = batch.frames(|place, frame| match frame {
            Frame::Key(record) => self.key(place, &record),
            _ => Ok(()),
        });
        self.unfit = result.err();
        self.scratch.shrink();
    }
}
