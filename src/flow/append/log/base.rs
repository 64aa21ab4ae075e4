//! A base that another server has written, which is the payload of a full sync.

use super::handle::{AppendOnly, Mode, Running};
use super::rewrite::form;
use crate::append::appenders::{Appenders, LogFileOf};
use crate::save::Writers;
use aof::names::BaseForm;
use base::LogLevel;
use disk::{Aside, Disk, DiskFile};
use engine::Engine;
use std::io::{self, Read, Write};
use std::path::Path;

/// The number of bytes that are copied at once.
const PIECE: usize = 256 << 10;

impl<A: Appenders> AppendOnly<A> {
    /// The new dataset is what this file holds: a copy of it becomes the base, and there is no rewrite. If that fails,
    /// there is one.
    pub fn take_base(&self, engine: &mut Engine, file: &LogFileOf<A>) {
        let mut state = self.state.borrow_mut();
        let form = form(engine);
        let waits = matches!(state.mode, Mode::Begins | Mode::Waiting);
        if !waits || state.running.is_some() || form != BaseForm::Dump {
            return;
        }
        let (number, base) = (state.begun, state.next_base(engine));
        let (disk, path) = (self.saves.writers().disk().clone(), state.base_path(base));
        let copy = file.again().and_then(|file| {
            let work = move || {
                let copied = copy(&disk, file, &path);
                copied.map(|()| Vec::new()).map_err(|e| e.to_string())
            };
            let this = self.clone();
            let then = move |engine: &mut Engine, result: Result<_, String>| {
                this.base_ended(engine, number, result.map(drop));
            };
            self.appenders.work(Box::new(work), Box::new(then))
        });
        if let Err(error) = copy {
            let text =
                format!("The payload cannot become the base of the append-only file: {error}");
            return (engine.log)(LogLevel::Warning, &text);
        }
        state.scheduled = false;
        state.running = Some(Running {
            number,
            base,
            began_ms: engine.clock.steady_ms,
            walks: false,
            placed: false,
        });
    }
}

/// Copies a dump to the place of a base, durably. It is not a second name of the same file: people overwrite the dump
/// in its place.
///
/// # Errors
/// The system's; nothing is in the place then, or it is not known to be durable.
pub fn copy<D: Disk>(disk: &D, mut from: impl Read, to: &Path) -> io::Result<()> {
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
