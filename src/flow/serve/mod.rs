//! The primary's side of full syncs: taking a cut, and sending its bytes to a file or to connections.
//!
//!  * A file that is written for replicas is kept open until all of them have received it. These bytes are sent even
//!    if another file has its name by then (`dbfilename` may have changed, or a later save may have replaced it).
//!  * `rdb-del-sync-files`: without save points, the file is removed when no replica needs it any longer.

mod form;

use crate::dump_file::DumpFile;
use crate::payload::removes_sync_files;
use crate::save::{FileOf, SaveError, Saves, Sink, SnapshotRequest, Target, Writers};
use base::LogLevel;
use engine::{ClientId, Engine};
use replication::replconf::Filter;
use replication::{SnapshotOrder, SnapshotTarget};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// Why no snapshot was started.
enum StartError {
    /// Another one is running, or the dataset is not complete: later.
    Busy,
    /// It cannot be made.
    Failed(String),
}

/// A dump for replicas.
struct SyncFile<F> {
    /// What was written.
    file: Arc<F>,
    /// Where it was put.
    place: DumpFile,
}

/// The payloads of one server.
pub struct Payloads<W: Writers> {
    saves: Saves<W>,
    /// The dump that replicas will be sent, after it was written.
    sync_file: Rc<RefCell<Option<SyncFile<FileOf<W>>>>>,
}

impl<W: Writers> Payloads<W> {
    /// Those that are cut by `saves`.
    pub fn new(saves: Saves<W>) -> Payloads<W> {
        Payloads {
            saves,
            sync_file: Rc::default(),
        }
    }

    /// Takes the cut that was ordered; the bytes follow. `connect` makes the way of a payload to the connection of a
    /// member; the end of the dump is followed by the mark that it is given. True if a snapshot has begun.
    pub fn start(
        &self,
        order: &SnapshotOrder,
        engine: &mut Engine,
        connect: impl FnMut(ClientId, &[u8]) -> Box<dyn Sink<FileOf<W>>>,
    ) -> bool {
        let members = &order.members;
        let started = self.try_start(order, engine, connect);
        // Taking the cut took time, and the report wants to know when it was taken.
        let wall_us = self.saves.writers().clock().unix_us;
        let keys = engine.keyspace.len() as u64;
        let repl = &mut engine.repl;
        match started {
            Ok(form) => {
                repl.set_wall(wall_us);
                let place = repl.place();
                // Our own stream begins with SELECT, so that any database will do.
                let db = place.filter(|at| !at.ours).map(|at| at.db);
                repl.with_primary(|primary, env| {
                    primary.on_cut(keys, form, db.unwrap_or_default());
                    primary.on_snapshot_started(members, env);
                });
                return true;
            }
            Err(StartError::Busy) => repl.with_primary(|primary, _| primary.on_snapshot_busy()),
            Err(StartError::Failed(why)) => {
                repl.with_primary(|primary, env| primary.on_snapshot_refused(members, &why, env));
            }
        }
        false
    }

    fn try_start(
        &self,
        order: &SnapshotOrder,
        engine: &mut Engine,
        mut connect: impl FnMut(ClientId, &[u8]) -> Box<dyn Sink<FileOf<W>>>,
    ) -> Result<rdb::target::Target, StartError> {
        if self.saves.running() {
            return Err(StartError::Busy);
        }
        let whole = self.saves.whole(engine).ok_or(StartError::Busy)?;
        let place = self.saves.place(engine);
        let target = match &order.target {
            SnapshotTarget::Sockets { mark } => {
                let sinks = order.members.iter().map(|id| connect(*id, mark));
                Target::Sinks(sinks.collect())
            }
            SnapshotTarget::Disk => Target::Disk(place.to_replace(&whole)),
        };
        let sockets = order.target.is_sockets();
        let written = self.sync_file.clone();
        let members = order.members.clone();
        let form = form::form(&order.readers, form::held_types(engine), &engine.config);
        let request = SnapshotRequest {
            target,
            form: Some(form),
            only_functions: order.filter != Filter::All,
            on_end: Some(Box::new(move |engine, result| {
                let result = result.map(|file| {
                    if let Some(file) = file.map(Arc::new) {
                        *written.borrow_mut() = Some(SyncFile { file, place });
                    }
                });
                ended(engine, result, sockets.then_some(members));
            })),
        };
        let begun = self.saves.start(engine, &whole, request);
        begun.map_err(|e| StartError::Failed(e.to_string()))?;
        let text = match sockets {
            true => "Background RDB transfer started by pid",
            false => "Background saving started by pid",
        };
        (engine.log)(LogLevel::Notice, &format!("{text} {}", disk::owner()));
        Ok(form)
    }

    /// The file that was written for replicas.
    pub fn file(&self) -> Option<Arc<FileOf<W>>> {
        let sync = self.sync_file.borrow();
        sync.as_ref().map(|sync| sync.file.clone())
    }

    /// Time has passed: waiting replicas get their snapshot when no other runs, and the file is released when no
    /// replica waits for it any longer.
    pub fn tick(&self, engine: &mut Engine) {
        let saving = self.saves.running();
        let repl = &mut engine.repl;
        repl.with_primary(|primary, env| primary.on_save_running(saving, env));
        repl.on_tick();
        self.release(engine);
    }

    fn release(&self, engine: &mut Engine) {
        if self.sync_file.borrow().is_none() || engine.repl.primary().feeds() {
            return;
        }
        let Some(whole) = self.saves.whole(engine) else {
            return; // it may be all there is
        };
        let Some(sync) = self.sync_file.take() else {
            return;
        };
        let disk = self.saves.writers().disk();
        if removes_sync_files(&engine.config) && sync.place.is(disk, &sync.file) {
            let text = "Removing the RDB file used to feed replicas in a persistence-less instance";
            engine.repl.log(LogLevel::Notice, text);
            if let Err(e) = sync.place.remove(disk, &whole) {
                let text = format!("Removing the RDB file: {e}");
                engine.repl.log(LogLevel::Warning, text);
            }
        }
    }
}

/// `members` are the connections that the payload went to, if it did not go to a file.
fn ended(engine: &mut Engine, result: Result<(), &SaveError>, members: Option<Vec<ClientId>>) {
    engine.sync_repl_clock();
    if let Some(members) = members {
        let text = match result {
            Ok(()) => {
                let primary = engine.repl.primary();
                let is_up = |id: &&ClientId| primary.replica(**id).is_some();
                let waiting = members.iter().filter(is_up).count();
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
