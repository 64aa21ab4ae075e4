//! A rewrite while there is no log, and ending a rewrite without waiting for it.

use super::{AppendOnly, Base, Off, State, manifest_on_disk, tell_end};
use crate::threads;
use engine::Engine;
use flow::Which;
use tokio::sync::oneshot;

impl AppendOnly {
    /// A rewrite begins while there is no log.
    pub(super) fn open_while_off(&self, engine: &Engine) -> Result<Option<Off>, String> {
        let writer = self.open(engine, manifest_on_disk(engine)?)?;
        Ok(Some(Off::Writer(Box::new(writer))))
    }

    /// Cancels the running rewrite. One whose base has its final name already is finished instead.
    pub(super) fn give_up_rewrite(&self, engine: &mut Engine) {
        let off = {
            let mut state = self.0.borrow_mut();
            let walks = |running: &mut super::Running| running.walks && !running.placed;
            if state.running.take_if(walks).is_none() {
                state.off.take()
            } else {
                tracing::info!("Killing running AOF rewrite child: {}", std::process::id());
                drop(state);
                let server = self.0.borrow().server.upgrade();
                if let Some(server) = server {
                    server.persistence.give_up(engine, Which::Any);
                }
                self.0.borrow_mut().off.take()
            }
        };
        if let Some(Off::Installs(thread)) = off {
            let _ = thread.join();
        }
    }
}

impl AppendOnly {
    /// The base is in its place: a manifest names it, and nothing else.
    pub(super) fn install_while_off(
        &self,
        state: &mut State,
        (base, keeps): (Base, bool),
        number: u64,
    ) {
        let Some(Off::Writer(mut writer)) = state.off.take() else {
            return;
        };
        let (tell, told) = oneshot::channel();
        let install = move || {
            let installed = writer.install_base(base.seq, base.form);
            let removed = installed.and_then(|_| match keeps {
                true => Ok(Vec::new()),
                false => writer.remove_history(),
            });
            let _ = tell.send(removed.map_err(|e| e.to_string()));
        };
        match threads::spawn("forebay-aof-base", install) {
            Ok(thread) => state.off = Some(Off::Installs(thread)),
            // It fails at once, since nobody can tell.
            Err(error) => tracing::warn!("Can't start a thread for the append-only file: {error}"),
        }
        let (this, server) = (self.0.clone(), state.server.clone());
        tokio::task::spawn_local(async move {
            let result = told.await.map_err(|e| e.to_string()).flatten();
            if let Some(server) = server.upgrade() {
                server.with_engine(|engine| this.borrow_mut().installed(engine, number, result));
            }
        });
    }
}

impl State {
    fn installed(&mut self, engine: &mut Engine, number: u64, result: Result<Vec<String>, String>) {
        let Some(running) = self.running.take_if(|running| running.number == number) else {
            return;
        };
        self.off = None;
        match result {
            Ok(removed) => {
                self.count_end(engine, running.began_ms);
                tell_end(&removed);
            }
            Err(why) => self.rewrite_failed(engine, &why),
        }
    }
}
