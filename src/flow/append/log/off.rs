//! A rewrite while there is no log, and ending a rewrite without waiting for it.

use super::AppendOnly;
use super::handle::{Base, Off, State};
use super::rewrite::tell_end;
use crate::Which;
use crate::append::appenders::Appenders;
use base::LogLevel;
use engine::Engine;

impl<A: Appenders> AppendOnly<A> {
    /// A rewrite begins while there is no log.
    pub(super) fn open_while_off(&self, engine: &Engine) -> Result<Option<Off<A>>, String> {
        let writer = self.open(engine, self.manifest_on_disk(engine)?)?;
        Ok(Some(Off::Writer(Box::new(writer))))
    }

    /// Cancels the running rewrite. One whose base has its final name already is finished instead.
    pub(super) fn give_up_rewrite(&self, engine: &mut Engine) {
        let off = {
            let mut state = self.state.borrow_mut();
            let walks = |running: &mut super::Running| running.walks && !running.placed;
            if state.running.take_if(walks).is_none() {
                state.off.take()
            } else {
                (engine.log)(
                    LogLevel::Notice,
                    &format!("Killing running AOF rewrite child: {}", disk::owner()),
                );
                drop(state);
                self.saves.give_up(engine, Which::Any);
                self.state.borrow_mut().off.take()
            }
        };
        if let Some(Off::Installs(somebody)) = off {
            self.appenders.join(somebody);
        }
    }
}

impl<A: Appenders> AppendOnly<A> {
    /// The base is in its place: a manifest names it, and nothing else.
    pub(super) fn install_while_off(
        &self,
        engine: &mut Engine,
        (base, keeps): (Base, bool),
        number: u64,
    ) {
        let Some(Off::Writer(mut writer)) = self.state.borrow_mut().off.take() else {
            return;
        };
        let install = move || {
            let installed = writer.install_base(base.seq, base.form);
            let removed = installed.and_then(|_| match keeps {
                true => Ok(Vec::new()),
                false => writer.remove_history(),
            });
            removed.map_err(|e| e.to_string())
        };
        let state = self.state.clone();
        let then = move |engine: &mut Engine, result| {
            state.borrow_mut().installed(engine, number, result);
        };
        match self.appenders.work(Box::new(install), Box::new(then)) {
            Ok(somebody) => self.state.borrow_mut().off = Some(Off::Installs(somebody)),
            Err(error) => {
                let why = format!("Can't start a thread for the append-only file: {error}");
                self.state.borrow_mut().installed(engine, number, Err(why));
            }
        }
    }
}

impl<A: Appenders> State<A> {
    fn installed(&mut self, engine: &mut Engine, number: u64, result: Result<Vec<String>, String>) {
        let Some(running) = self.running.take_if(|running| running.number == number) else {
            return;
        };
        self.off = None;
        match result {
            Ok(removed) => {
                self.count_end(engine, running.began_ms);
                tell_end(engine, &removed);
            }
            Err(why) => self.rewrite_failed(engine, &why),
        }
    }
}
