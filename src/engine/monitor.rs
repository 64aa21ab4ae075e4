//! Clients that see the requests of all other clients.

use crate::clients::Reach;
use crate::redact;
use crate::spec::Flags;
use crate::table::Entry;
use crate::{Args, ClientFlags, Engine, Session};
use config::kind::quote;

impl Engine {
    /// A client has stopped monitoring.
    pub fn end_monitor(&mut self, client: &mut Session) {
        client.flags.remove(ClientFlags::MONITOR);
        self.monitors.retain(|id| *id != client.id);
    }

    /// Shows a request to the MONITOR clients.
    #[cold]
    pub fn feed_monitors(&mut self, client: &Session, command: &Entry, args: Args<'_>) {
        // Commands that run scripts are also shown, before the commands that the scripts call.
        let hidden = match command.script {
            Some(_) => Flags::ADMIN,
            None => Flags::SKIP_MONITOR | Flags::ADMIN,
        };
        if command.flags.intersects(hidden) || self.loading != crate::Loading::No {
            return;
        }
        let us = self.clock.unix_us;
        let from = match client.flags {
            f if f.contains(ClientFlags::INTERNAL) => "lua",
            f if f.contains(ClientFlags::UNIX_SOCKET) => &format!("unix:{}", client.addr),
            _ => &client.addr,
        };
        let mut line = format!(
            "{}.{:06} [{} {from}]",
            us / 1_000_000,
            us % 1_000_000,
            client.db
        );
        for arg in redact::shown(command, args) {
            line.push(' ');
            line.push_str(&quote(arg));
        }
        for i in 0..self.monitors.len() {
            let id = self.monitors[i];
            match self.clients.reach(id) {
                Reach::Here(monitor) => {
                    monitor.reply.simple(&line);
                    self.pushed(id);
                }
                // The monitoring client has sent the request itself, or another request of its batch is running.
                Reach::Lent => {
                    let limit = self.config.client_output_buffer_limit.normal.hard;
                    self.clients
                        .send(id, format!("+{line}\r\n").as_bytes(), limit);
                }
                Reach::Gone => {}
            }
        }
    }
}
