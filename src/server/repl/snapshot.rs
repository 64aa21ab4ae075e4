//! What a full sync needs from persistence: a cut now, and its bytes to a file or to connections.

use super::pipe::{Pipe, PipeWriter};
use super::primary::Payload;
use crate::commands::{ClientId, Engine};
use crate::config::Config;
use crate::config::choices::RdbTarget;
use crate::rdb::target;
use crate::replication::replconf::Filter;
use crate::replication::{SnapshotOrder, SnapshotTarget};
use crate::server::Server;
use crate::server::persist::{SaveError, Sink, SnapshotRequest, Target};
use std::path::PathBuf;
use std::rc::Rc;

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

    fn finish(self: Box<Self>) -> Result<(), SaveError> {
        self.pipe.push(&self.mark).map_err(gone)?;
        self.pipe.finish();
        Ok(())
    }
}

fn gone(error: std::io::Error) -> SaveError {
    SaveError::Cancelled(format!("replica: {error}"))
}

/// The dump file; the working directory is `dir`.
pub fn dump_path(config: &Config) -> PathBuf {
    PathBuf::from(&config.dbfilename)
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
    let request = SnapshotRequest {
        target: match sockets {
            true => Target::Sinks(sinks),
            false => Target::Disk,
        },
        form: Some(form(order, &engine.config)),
        only_functions: order.filter != Filter::All,
        on_end: Some(Box::new(move |engine, result| {
            ended(engine, result, sockets)
        })),
    };
    let begun = server.persistence.start(engine, request);
    begun.map_err(|e| StartError::Failed(e.to_string()))?;
    let text = match sockets {
        true => "Background RDB transfer started by pid",
        false => "Background saving started by pid",
    };
    let text = format!("{text} {}", std::process::id());
    (engine.log)('*', &text);
    Ok(payloads)
}

fn ended(engine: &mut Engine, result: &Result<(), SaveError>, sockets: bool) {
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
