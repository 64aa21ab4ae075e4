//! `forebay rdb json`: one line of JSON for each key, in the order of the dump.
//!
//! ```text
//! {"db":0,"key":"user:1","type":"hash","encoding":"listpack","expire_ms":1735689600000,"value":[["name","Ada"]]}
//! ```
//!
//! With `--meta`, there are also lines for the other frames: `{"aux":..}`, `{"function":..}`, `{"module_aux":..}`.

use super::canonical::canonical;
use super::encoding::{Form, encoding_name, kind_name};
use super::json_text::Json;
use super::pipeline::{self, Batch, Place, Worker};
use super::progress::Progress;
use super::source::{Source, Trouble};
use super::text;
use super::value_json;
use super::verdict::{Verdict, verdict};
use base::glob;
use rdb::check::{Kind, Scratch};
use rdb::{Context, Frame, RdbError, Record};
use std::io::{self, Write};

/// What to export, and how.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Only these databases; all if there are none.
    pub dbs: Vec<u32>,
    /// Read only keys that match one of these globs.
    pub keys: Vec<Vec<u8>>,
    /// Only these types, by the names of TYPE.
    pub types: Vec<String>,
    /// Leave the values out.
    pub no_values: bool,
    /// Also frames that are not keys.
    pub meta: bool,
    /// Threads, at least one.
    pub threads: usize,
    /// Whether a bar may be shown.
    pub progress: bool,
}

/// Why not everything was exported.
#[derive(Debug)]
pub enum Incomplete {
    /// The dump has defects; the first, and how many values were left out for theirs.
    Defect(String, u64),
    /// The output failed.
    Output(io::Error),
}

/// Exports one input to `out`. Everything before a defect is exported, and so is every sound value after an unsound
/// one.
///
/// # Errors
/// When the input cannot be read.
pub fn export(
    source: &Source,
    options: &Options,
    out: &mut (dyn Write + Send),
) -> Result<Result<(), Incomplete>, Trouble> {
    let workers = (0..options.threads)
        .map(|_| Exporter {
            options,
            scratch: Scratch::new(text::hash_key()),
            buf: Vec::new(),
        })
        .collect();
    let mut bar = Progress::new(source.name(), source.size(), options.progress);
    let (mut first, mut skipped, mut output) = (None, 0, Ok(()));
    let (scan, _) = pipeline::run(source, workers, &mut bar, |done: Done| {
        skipped += done.skipped;
        first = first.take().or(done.defect);
        output = out.write_all(&done.lines);
        output.is_err()
    });
    drop(bar);
    if let Err(e) = output.and_then(|()| out.flush()) {
        return Ok(Err(Incomplete::Output(e)));
    }
    let end = match verdict(&scan, source)? {
        Verdict::Whole => None,
        Verdict::Defect(why) => Some(why),
    };
    Ok(match first.map(|e: RdbError| e.to_string()).or(end) {
        Some(why) => Err(Incomplete::Defect(why, skipped)),
        None => Ok(()),
    })
}

/// What became of a batch.
#[derive(Default)]
struct Done {
    lines: Vec<u8>,
    defect: Option<RdbError>,
    skipped: u64,
}

struct Exporter<'o> {
    options: &'o Options,
    scratch: Scratch,
    buf: Vec<u8>,
}

impl Exporter<'_> {
    fn wanted(&self, db: u32, key: &[u8]) -> bool {
        let o = self.options;
        (o.dbs.is_empty() || o.dbs.contains(&db))
            && (o.keys.is_empty() || o.keys.iter().any(|glob| glob::matches(glob, key)))
    }

    fn key(
        &mut self,
        place: &Place<'_>,
        record: &Record<'_>,
        json: &mut Json,
    ) -> Result<(), RdbError> {
        if !self.wanted(place.db, &record.key) {
            return Ok(());
        }
        let value = canonical(place.context, record, &mut self.scratch, &mut self.buf)?;
        let types = &self.options.types;
        let name = kind_name(value.info.kind);
        if !types.is_empty() && !types.iter().any(|t| t.eq_ignore_ascii_case(name)) {
            return Ok(());
        }
        let held = Context::held();
        let context = if value.info.as_is {
            place.context
        } else {
            &held
        };
        let before = json.as_bytes().len();
        let mut result = Ok(());
        json.object(|j| {
            j.name("db").int(place.db);
            j.name("key").bytes(&record.key);
            j.name("type").text(name);
            let form = Form::of(record.rdb_type, record.value);
            j.name("encoding")
                .text(encoding_name(record.rdb_type, form));
            if let Some(time) = record.expire_ms {
                j.name("expire_ms").int(time);
            }
            if let Some(idle) = record.idle_s {
                j.name("idle_s").int(idle);
            }
            if let Some(freq) = record.freq {
                j.name("freq").int(freq);
            }
            if let Kind::Module(id) = value.info.kind {
                j.name("module").text(id.name().as_str());
                j.name("encver").int(id.encver());
            }
            j.name("length").int(value.info.elements);
            j.name("bytes").int(place.bytes.len());
            if !self.options.no_values {
                j.name("value");
                if value.info.empty {
                    j.array(|_| {});
                } else {
                    result = value_json::value(j, &value, context, &mut self.scratch);
                }
            }
        });
        json.end_line();
        if result.is_err() {
            json.truncate_line(before);
        }
        result
    }

    fn meta(&self, place: &Place<'_>, frame: Frame<'_>, json: &mut Json) {
        let mut line = |body: &mut dyn FnMut(&mut Json)| {
            json.object(|j| body(j));
            json.end_line();
        };
        match frame {
            Frame::Header(version) => {
                line(&mut |j| j.name("version").text(&version.to_string()));
            }
            Frame::Aux { name, value } => line(&mut |j| {
                j.name("aux").bytes(&name);
                j.name("value").bytes(&value);
            }),
            Frame::Function { code } => line(&mut |j| j.name("function").bytes(&code)),
            Frame::ModuleAux { id, when, raw, .. } => line(&mut |j| {
                j.name("module_aux").text(id.name().as_str());
                j.name("encver").int(id.encver());
                j.name("when").int(when);
                j.name("raw").base64(raw);
            }),
            Frame::SelectDb(db) => line(&mut |j| {
                j.name("select_db").int(db);
                j.name("offset").int(place.offset);
            }),
            _ => {}
        }
    }
}

impl Worker for Exporter<'_> {
    type Out = Done;

    fn batch(&mut self, batch: &Batch) -> Done {
        let mut done = Done::default();
        let mut json = Json::new();
        let all = batch.frames(|place, frame| {
            match frame {
                Frame::Key(record) => {
                    if let Err(e) = self.key(place, &record, &mut json) {
                        done.skipped += 1;
                        done.defect.get_or_insert(e);
                    }
                }
                other if self.options.meta => self.meta(place, other, &mut json),
                _ => {}
            }
            Ok::<(), std::convert::Infallible>(())
        });
        match all {
            Ok(()) => self.scratch.shrink(),
            Err(never) => match never {},
        }
        done.lines = json.into_bytes();
        done
    }
}
