//! What a command handler sees: the engine, its client, and helpers for what handlers share.

use super::call::Own;
use super::notify::Event;
use super::{ClientFlags, CommandError, Cx, Engine};
use keyspace::value::Kind;
use keyspace::{Db, Glance, Loc, ValueRef};
use std::time::Duration;

impl Cx<'_> {
    /// The hash of a key, which may be known already.
    #[inline]
    pub fn key_hash(&self, key: &[u8]) -> u64 {
        let hash = self.hint.hash_of(key);
        hash.unwrap_or_else(|| self.engine.keyspace.hasher().hash(key))
    }

    /// The selected database.
    pub fn db(&mut self) -> &mut Db {
        self.engine.keyspace.db_mut(self.client.db)
    }

    /// Now, in milliseconds of Unix time.
    pub fn now(&self) -> i64 {
        self.engine.clock.unix_ms
    }

    /// Now, for time-outs and ages: see [`Clock::steady_ms`](super::clock::Clock::steady_ms).
    pub fn steady_now(&self) -> i64 {
        self.engine.clock.steady_ms
    }

    /// For the link to our primary (and while loading) expired keys are alive: the primary decides. They are
    /// alive, too, for a client that imports keys while `import-mode` is on.
    pub fn expiry_is_ours(&self) -> bool {
        let flags = self.client.flags;
        match flags.intersects(ClientFlags::MASTER | ClientFlags::IMPORT_SOURCE) {
            false => true,
            true => !flags.contains(ClientFlags::MASTER) && !self.engine.config.import_mode,
        }
    }

    /// True if a key that this command finds expired is deleted. While writes are held, or keys are imported, only a
    /// write deletes it: a write that runs nevertheless (in a transaction that began before) must leave replicas with
    /// what it has seen itself.
    pub fn deletes_expired(&self) -> bool {
        let writes = |id| {
            super::table::of(id)
                .flags
                .contains(super::spec::Flags::WRITE)
        };
        self.engine.decides_expiry()
            && ((self.engine.pauses.held().is_none() && !self.engine.config.import_mode)
                || self.client.last_command.is_some_and(writes))
    }

    /// Finds a key for reading: expired keys are missing (and deleted when we are the primary), hits
    /// and misses are counted, heat is touched.
    pub fn lookup(&mut self, key: &[u8]) -> Option<Loc> {
        self.look_to_read(key).map(|(loc, _)| loc)
    }

    /// As [`Cx::lookup`], with what was seen of the entry on the way.
    #[inline]
    pub(super) fn look_to_read(&mut self, key: &[u8]) -> Option<(Loc, Glance)> {
        let found = self.look(key);
        match found {
            Some((loc, seen)) => {
                self.engine.stats.hits += 1;
                if !self.client.flags.contains(ClientFlags::NO_TOUCH) {
                    super::heat::touch_from(self.engine, self.client.db, loc, seen.heat);
                }
            }
            None => {
                self.engine.stats.misses += 1;
                self.notify(Event::KeyMiss, "keymiss", key);
            }
        }
        found
    }

    /// As [`Cx::lookup`] without touching the heat (EXISTS, TYPE, TTL, OBJECT).
    pub fn lookup_untouched(&mut self, key: &[u8]) -> Option<Loc> {
        let found = self.lookup_quietly(key);
        if found.is_some() {
            self.engine.stats.hits += 1;
        } else {
            self.engine.stats.misses += 1;
            self.notify(Event::KeyMiss, "keymiss", key);
        }
        found
    }

    /// As [`Cx::lookup`] without counting and touching.
    pub fn lookup_quietly(&mut self, key: &[u8]) -> Option<Loc> {
        self.look(key).map(|(loc, _)| loc)
    }

    #[inline]
    fn look(&mut self, key: &[u8]) -> Option<(Loc, Glance)> {
        let now = self.engine.clock.unix_ms;
        let db = self.engine.keyspace.db(self.client.db);
        let loc = db.find_hashed(self.key_hash(key), key)?;
        let seen = db.glance(loc);
        match seen.expire {
            Some(at) if at < now && self.expiry_is_ours() => {
                if self.deletes_expired() {
                    self.engine.delete_expired(self.client.db, loc);
                }
                None
            }
            _ => Some((loc, seen)),
        }
    }

    /// Finds a key for writing: as [`Cx::lookup`] without hit and miss counts.
    pub fn lookup_write(&mut self, key: &[u8]) -> Option<Loc> {
        self.look_to_write(key).map(|(loc, _)| loc)
    }

    /// As [`Cx::lookup_write`], with what was seen of the entry on the way.
    #[inline]
    pub(super) fn look_to_write(&mut self, key: &[u8]) -> Option<(Loc, Glance)> {
        let found = self.look(key)?;
        super::heat::touch_from(self.engine, self.client.db, found.0, found.1.heat);
        Some(found)
    }

    /// The type of the value that a key of the selected database holds.
    pub fn kind(&self, loc: Loc) -> Kind {
        self.engine.keyspace.db(self.client.db).kind(loc)
    }

    /// The value of a key of the selected database, as a reader sees it.
    pub fn value(&self, loc: Loc) -> ValueRef<'_> {
        self.engine.keyspace.db(self.client.db).value(loc)
    }

    /// A key was changed: notifies clients that watch, track or wait for it, and raises the dirty count by `changes`.
    pub fn changed(&mut self, key: &[u8], changes: i64) {
        self.engine.dirty += changes;
        self.also_changed(self.client.db, key);
    }

    /// As [`Cx::changed`], for a key of any database and a change that has been counted already.
    pub fn also_changed(&mut self, db: usize, key: &[u8]) {
        self.engine.key_changed(db, key);
        if self.engine.repl.is_replica() {
            self.note_own_key(db, key);
        }
    }

    /// Publishes a keyspace event, if the configuration asks for it.
    pub fn notify(&mut self, class: Event, event: &str, key: &[u8]) {
        self.engine.notify(class, event, key, self.client.db);
    }

    /// A key was created: publishes the event `new`, before the event of the command that created it.
    pub fn created(&mut self, key: &[u8]) {
        self.notify(Event::New, "new", key);
    }

    /// Replicas get `argv` instead of the request.
    pub fn propagate_as<T: AsRef<[u8]>>(&mut self, argv: &[T]) {
        self.own = Own::Replaced;
        self.also_propagate(argv);
    }

    /// Adds an effect (before the request's own, if that is propagated).
    pub fn also_propagate<T: AsRef<[u8]>>(&mut self, argv: &[T]) {
        if self.client.flags.contains(ClientFlags::INTERNAL)
            && self.engine.scripting.keeps_effects()
        {
            return;
        }
        let db = self.client.db;
        self.engine.propagate(db, argv);
    }

    /// Keeps the request itself from being propagated.
    pub fn no_propagate(&mut self) {
        self.own = Own::Replaced;
    }

    /// Propagates the request whether or not it changed something.
    pub fn force_propagate(&mut self) {
        self.own = Own::Forced;
    }

    /// Removes a key of the selected database, and drops its value here or in the background (`lazyfree-lazy-*`).
    /// Counts, WATCH and events are left to the caller.
    pub fn remove(&mut self, loc: Loc, lazy: bool) {
        let value = self.db().take(loc);
        self.engine.drop_value(value, lazy);
    }

    /// Blocks the whole server (DEBUG SLEEP).
    pub fn sleep(&mut self, how_long: Duration) {
        self.engine.host().sleep(how_long.as_micros() as u64);
    }

    /// `Err` unless the value has the type that `pick` takes out of it.
    pub fn typed<'v, T>(
        &'v self,
        loc: Loc,
        pick: impl FnOnce(ValueRef<'v>) -> Option<T>,
    ) -> Result<T, CommandError> {
        pick(self.value(loc)).ok_or(CommandError::WRONG_TYPE)
    }
}

impl Engine {
    /// Marks an entry as used now, by the maxmemory policy.
    pub fn touch(&mut self, db: usize, loc: Loc) {
        super::heat::touch(self, db, loc);
    }

    /// Marks the clients that watch a key, and those that wait for it.
    #[inline]
    pub fn key_changed(&mut self, db: usize, key: &[u8]) {
        if self.blocking.clients() > 0 {
            self.blocking.signal(db, key);
        }
        if !self.watched.is_empty() {
            crate::watch::touch_watched(self, db, key);
        }
        if !self.tracking.is_empty() {
            self.tracking.invalidate(key);
        }
    }

    /// As [`Engine::key_changed`], for a key that the server itself removed, independent of the client whose command
    /// runs.
    pub fn key_removed(&mut self, db: usize, key: &[u8]) {
        let author = self.tracking.author.take();
        self.key_changed(db, key);
        self.tracking.author = author;
    }

    /// Publishes a keyspace event, if the configuration asks for it.
    pub fn notify(&mut self, class: Event, event: &str, key: &[u8], db: usize) {
        if !self.config.notify_keyspace_events.is_empty() {
            super::notify::publish(self, class, event, key, db);
        }
    }
}

impl Cx<'_> {
    /// Deletes a key because its new expiry has passed already; counts, events and effect included.
    pub fn delete_as_expired(&mut self, loc: Loc, key: &[u8]) {
        let lazy = self.engine.config.lazyfree_lazy_expire;
        self.remove(loc, lazy);
        self.changed(key, 1);
        self.notify(Event::Generic, "del", key);
        self.propagate_as(&[if lazy { b"UNLINK".as_slice() } else { b"DEL" }, key]);
    }
}

impl Cx<'_> {
    /// The reply of a HELP subcommand: a heading, the lines, and HELP itself.
    pub fn help(&mut self, container: &str, lines: &[&str]) {
        let reply = &mut self.client.reply;
        reply.array(lines.len() + 3);
        reply.simple(&format!(
            "{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
        ));
        lines.iter().for_each(|line| reply.simple(line));
        reply.simple("HELP");
        reply.simple("    Print this help.");
    }
}
