//! What a full sync needs from persistence: a cut now, and its bytes to a file or to connections.

use super::pipe::{Pipe, PipeWriter};
use super::primary::Payload;
use super::sync_file::SyncFile;
use crate::commands::{ClientId, Engine};
use crate::config::Config;
use crate::config::choices::RdbTarget;
use crate::rdb::target;
use crate::replication::replconf::Filter;
use crate::replication::{SnapshotOrder, SnapshotTarget};
use crate::server::Server;
use crate::server::persist::{DumpFile, Fate, SaveError, Sink, SnapshotRequest, Target};
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

/// Takes the cut now; the bytes follow. For connections: the payload of each member.
///
/// # Errors
/// Nothing has begun then.
pub fn start(
    server: &Rc<Server>,
    order: &SnapshotOrder,
    engine: &mut Engine,
) -> Result<Vec<(ClientId, Payload)>, StartError> {
    if server.persistence.running() || engine.script_is_parked() {
        return Err(StartError::Busy);
    }
    let Some(whole) = server.persistence.whole() else {
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
    let request = SnapshotRequest {
        target: match sockets {
            true => Target::Sinks(sinks),
            false => Target::Disk(place.to_replace(&whole)),
        },
        form: Some(form(order, &engine.config)),
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
    (engine.log)('*', &text);
    Ok(payloads)
}

fn ended(engine: &mut Engine, result: Result<(), &SaveError>, sockets: bool) {
    engine.sync_repl_clock();
    if sockets {
        let text = match result {
            Ok(()) => {
                let waiting = engine.repl.primary().count();
                engine.repl.log(
                    '*',
                    format!(
                        "Diskless rdb transfer, done reading from pipe, {waiting} replicas still up."
                    ),
                );
                "Background RDB transfer terminated with success".to_owned()
            }
            Err(e) => format!("Background transfer error: {e}"),
        };
        engine
            .repl
            .log(if result.is_ok() { '*' } else { '#' }, text);
    }
    let result = match result {
        Ok(()) => Ok(()),
        Err(e) => Err(e.to_string()),
    };
    let repl = &mut engine.repl;
    repl.with_primary(|primary, env| primary.on_snapshot_finished(result, env));
}

/// For which reader the payload is written. Who announces a version is a Valkey, and these begin with 8; a
/// lower one is what a Redis is taken for. Who says nothing is taken for a Redis 7.0.
fn form(order: &SnapshotOrder, config: &Config) -> target::Target {
    match config.repl_rdb_target {
        RdbTarget::Auto => match order.version {
            Some((major, minor, _)) => target::Target::of_server(major >= 8, major, minor),
            None if order.same_kind => target::Target::Auto,
            None => target::Target::Redis70,
        },
        RdbTarget::Redis62 => target::Target::Redis62,
        RdbTarget::Redis70 => target::Target::Redis70,
        RdbTarget::Redis72 => target::Target::Redis72,
        RdbTarget::Redis74 => target::Target::Redis74,
        RdbTarget::Redis8 => target::Target::Redis8,
        RdbTarget::Valkey8 => target::Target::Valkey8,
        RdbTarget::Valkey9 => target::Target::Valkey9,
    }
}
