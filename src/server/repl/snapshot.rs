//! What a full sync needs from persistence: a cut now, and its bytes to a file or to connections.

use super::pipe::{Pipe, PipeWriter};
use super::primary::Payload;
use super::sync_file::SyncFile;
use crate::Server;
use crate::persist::{DumpFile, Fate, SaveError, Sink, SnapshotRequest, Target};
use base::LogLevel;
use config::Config;
use config::choices::RdbTarget;
use engine::{ClientId, Engine};
use rdb::RdbType;
use rdb::target::{self, TypeSet};
use replication::replconf::{Filter, Reader};
use replication::{SnapshotOrder, SnapshotTarget};
use std::fs::File;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

/// Why no snapshot was started.
#[derive(Debug)]
pub enum StartError {
    /// Another one is running: later.
    Busy,
    /// It cannot be made.
    Failed(String),
}

/// A snapshot that has begun.
pub struct Started {
    /// The form of its values.
    pub form: target::Target,
    /// For connections: the payload of each member.
    pub payloads: Vec<(ClientId, Payload)>,
}

/// A replica's connection as a destination of dump bytes.
struct ReplicaSink {
    pipe: PipeWriter,
    /// Behind the dump.
    mark: Vec<u8>,
}

impl Sink for ReplicaSink {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SaveError> {
        self.pipe.push(bytes).map_err(gone)
    }

    fn finish(self: Box<Self>, _: &Fate) -> Result<Option<File>, SaveError> {
        self.pipe.push(&self.mark).map_err(gone)?;
        self.pipe.finish();
        Ok(None)
    }
}

fn gone(error: std::io::Error) -> SaveError {
    SaveError::Cancelled(format!("replica: {error}"))
}

/// Takes the cut now; the bytes follow.
///
/// # Errors
/// Nothing has begun then.
pub fn start(
    server: &Rc<Server>,
    order: &SnapshotOrder,
    engine: &mut Engine,
) -> Result<Started, StartError> {
    if server.persistence.running() {
        return Err(StartError::Busy);
    }
    let Some(whole) = server.persistence.whole(engine) else {
        return Err(StartError::Busy);
    };
    let mut payloads = Vec::new();
    let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
    if let SnapshotTarget::Sockets { mark } = &order.target {
        for id in &order.members {
            let (pipe, reader) = Pipe::spilling(PathBuf::from("."));
            let head = [b"$EOF:", mark.as_slice(), b"\r\n"].concat();
            payloads.push((*id, Payload::new(head, reader)));
            sinks.push(Box::new(ReplicaSink {
                pipe,
                mark: mark.to_vec(),
            }));
        }
    }
    let sockets = order.target.is_sockets();
    let place = DumpFile::configured(&engine.config);
    let drivers = Rc::downgrade(server);
    let form = form(&order.readers, held_types(engine), &engine.config);
    let request = SnapshotRequest {
        target: match sockets {
            true => Target::Sinks(sinks),
            false => Target::Disk(place.to_replace(&whole)),
        },
        form: Some(form),
        only_functions: order.filter != Filter::All,
        on_end: Some(Box::new(move |engine, result| {
            let result = result.map(|file| {
                if let (Some(file), Some(server)) = (file, drivers.upgrade()) {
                    let file = Arc::new(file);
                    *server.repl.sync_file.borrow_mut() = Some(SyncFile { file, place });
                }
            });
            ended(engine, result, sockets)
        })),
    };
    let begun = server.persistence.start(engine, &whole, request);
    begun.map_err(|e| StartError::Failed(e.to_string()))?;
    let text = match sockets {
        true => "Background RDB transfer started by pid",
        false => "Background saving started by pid",
    };
    let text = format!("{text} {}", std::process::id());
    (engine.log)(LogLevel::Notice, &text);
    Ok(Started { form, payloads })
}

fn ended(engine: &mut Engine, result: Result<(), &SaveError>, sockets: bool) {
    engine.sync_repl_clock();
    if sockets {
        let text = match result {
            Ok(()) => {
                let waiting = engine.repl.primary().count();
                engine.repl.log(
                    LogLevel::Notice,
                    format!(
                        "Diskless rdb transfer, done reading from pipe, {waiting} replicas still up."
                    ),
                );
                "Background RDB transfer terminated with success".to_owned()
            }
            Err(e) => format!("Background transfer error: {e}"),
        };
        let level = match &result {
            Ok(_) => LogLevel::Notice,
            Err(_) => LogLevel::Warning,
        };
        engine.repl.log(level, text);
    }
    let result = match result {
        Ok(()) => Ok(()),
        Err(e) => Err(e.to_string()),
    };
    let repl = &mut engine.repl;
    repl.with_primary(|primary, env| primary.on_snapshot_finished(result, env));
}

/// The types of all values that are here.
fn held_types(engine: &Engine) -> TypeSet {
    let dbs = (0..engine.keyspace.count()).map(|db| engine.keyspace.db(db));
    dbs.flat_map(|db| db.types().held()).collect()
}

/// The form of a payload that all of these read.
fn form(readers: &[Reader], types: TypeSet, config: &Config) -> target::Target {
    match config.repl_rdb_target {
        RdbTarget::Auto => form_for(readers, types),
        RdbTarget::Redis62 => target::Target::Redis62,
        RdbTarget::Redis70 => target::Target::Redis70,
        RdbTarget::Redis72 => target::Target::Redis72,
        RdbTarget::Redis74 => target::Target::Redis74,
        RdbTarget::Redis8 => target::Target::Redis8,
        RdbTarget::Valkey8 => target::Target::Valkey8,
        RdbTarget::Valkey9 => target::Target::Valkey9,
    }
}

/// Valkey servers, and those older than Redis 7.0, get payloads in forms of their own. A replica that does not tell
/// its version is taken for a Redis 7.0 if that version can hold everything, and for a Redis 7.4 if hash fields
/// expire, because an older one could not hold them in any form.
fn form_for(readers: &[Reader], types: TypeSet) -> target::Target {
    let all = |wanted: &[Reader]| readers.iter().all(|r| wanted.contains(r));
    let fields_expire = [RdbType::HashTtl, RdbType::HashListpackTtl, RdbType::Hash2];
    // Types that only the latest versions of Redis 8 know are sent as they are held.
    let latest = types
        .iter()
        .any(|t| matches!(t, RdbType::Stream4 | RdbType::Stream5 | RdbType::Array));
    if readers.contains(&Reader::Old) {
        return target::Target::Redis62;
    }
    if readers.contains(&Reader::Redis74) {
        return target::Target::Redis74;
    }
    let announced = readers.iter().filter_map(|r| match r {
        Reader::Valkey(major, minor) => Some((*major, *minor)),
        _ => None,
    });
    let expire = fields_expire.iter().any(|t| types.contains(*t));
    if let Some((major, minor)) = announced.min() {
        // Only fields that expire need the form of Valkey 9. A sync by file leaves its form as our dump, and no
        // Redis reads that one.
        let (major, minor) = if expire { (major, minor) } else { (8, 0) };
        return target::Target::of_server(true, major, minor);
    }
    let like_redis_8 = all(&[Reader::Forebay, Reader::Redis8]);
    if all(&[Reader::Forebay]) || (like_redis_8 && latest && !types.contains(RdbType::Hash2)) {
        target::Target::Auto
    } else if like_redis_8 {
        target::Target::Redis8
    } else if expire {
        target::Target::Redis74
    } else {
        target::Target::Redis70
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(readers: &[Reader], types: &[RdbType]) -> target::Target {
        let types = types.iter().copied().collect();
        form(readers, types, &Config::default())
    }

    #[test]
    fn the_form_is_one_that_every_reader_reads_and_that_holds_what_there_is() {
        use target::Target::*;
        let (hash, volatile) = (RdbType::HashListpack, RdbType::HashListpackTtl);
        let array = RdbType::Array;
        for (readers, types, form) in [
            (&[Reader::Unknown][..], &[hash][..], Redis70),
            (&[Reader::Unknown], &[hash, volatile], Redis74),
            (&[Reader::Unknown], &[RdbType::Hash2], Redis74),
            (&[Reader::Redis8], &[hash, volatile], Redis8),
            (&[Reader::Redis8], &[array], Auto),
            (&[Reader::Redis8], &[array, RdbType::Hash2], Redis8),
            (&[Reader::Redis8, Reader::Unknown], &[hash], Redis70),
            (&[Reader::Redis8, Reader::Unknown], &[volatile], Redis74),
            (&[Reader::Forebay], &[array, volatile], Auto),
            (&[Reader::Forebay, Reader::Unknown], &[hash], Redis70),
            (&[Reader::Forebay, Reader::Redis8], &[volatile], Redis8),
            (&[Reader::Valkey(8, 1)], &[hash], Valkey8),
            (&[Reader::Valkey(9, 1)], &[hash], Valkey8),
            (&[Reader::Valkey(9, 1)], &[volatile], Valkey9),
            (
                &[Reader::Valkey(9, 1), Reader::Valkey(8, 0)],
                &[hash],
                Valkey8,
            ),
            (&[Reader::Old], &[hash], Redis62),
            (&[Reader::Redis74], &[], Redis74),
        ] {
            assert_eq!(chosen(readers, types), form, "{readers:?} {types:?}");
        }
    }

    #[test]
    fn the_configuration_decides_where_it_says_anything() {
        let config = Config {
            repl_rdb_target: RdbTarget::Redis72,
            ..Config::default()
        };
        let types = TypeSet::new();
        assert_eq!(
            form(&[Reader::Forebay], types, &config),
            target::Target::Redis72
        );
    }
}
