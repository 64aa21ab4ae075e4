//! A base that another server has written, which is the payload of a full sync.

use super::{AppendOnly, Mode, Running, form};
use crate::threads;
use aof::names::BaseForm;
use disk::{Aside, Disk, DiskFile, Machine};
use engine::Engine;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use tokio::sync::oneshot;

/// The number of bytes that are copied at once.
const PIECE: usize = 256 << 10;

impl AppendOnly {
    /// The new dataset is what this file holds: a copy of it becomes the base, and there is no rewrite. If that fails,
    /// there is one.
    pub fn take_base(&self, engine: &mut Engine, file: &File) {
        let mut state = self.0.borrow_mut();
        let form = form(engine);
        if state.mode != Mode::Waiting || state.running.is_some() || form != BaseForm::Dump {
            return;
        }
        let (tell, told) = oneshot::channel();
        let (number, base) = (state.begun, state.next_base(engine));
        let path = state.base_path(base);
        let copy = file.again().and_then(|file| {
            let work = move || _ = tell.send(copy(&Machine, file, &path));
            threads::spawn("forebay-aof-base", work)
        });
        if let Err(error) = copy {
            tracing::warn!("The payload cannot become the base of the append-only file: {error}");
            return;
        }
        state.scheduled = false;
        state.running = Some(Running {
            number,
            base,
            began_ms: engine.clock.steady_ms,
            walks: false,
            placed: false,
        });
        let server = state.server.clone();
        tokio::task::spawn_local(async move {
            let copied = told.await.map_err(|e| e.to_string());
            let result = copied.and_then(|result| result.map_err(|e| e.to_string()));
            if let Some(server) = server.upgrade() {
                server.with_engine(|engine| server.append.base_ended(engine, number, result));
            }
        });
    }
}

/// Copies a dump to the place of a base, durably. It is not a second name of the same file: people overwrite the dump
/// in its place.
///
/// # Errors
/// The system's; nothing is in the place then, or it is not known to be durable.
pub(crate) fn copy<D: Disk>(disk: &D, mut from: impl Read, to: &Path) -> io::Result<()> {
    let directory = disk::directory_of(to);
    let mut aside = Aside::create_in(disk, directory, ("temp-", ".rdb"), 0o644)?;
    let mut piece = vec![0; PIECE];
    loop {
        let n = from.read(&mut piece)?;
        if n == 0 {
            break;
        }
        aside.write_all(&piece[..n])?;
    }
    aside.sync()?.place(to)?.sync_directory()?;
    Ok(())
}
