//! What the collection families share: the value of one type that a key holds, read beside the reply, edited in
//! place, or created.
//!
//! A handler looks its key up once, and then uses the [`Loc`]:
//!
//! ```text
//! let Some(loc) = cx.find::<List>(&args[1])? else { ... };      Err: WRONGTYPE
//! let (list, env) = cx.read::<List>(loc);                       a view, beside the reply
//! let (n, left) = cx.edit::<List, _>(loc, |list, env| ...);     in place; left == 0: the key is gone
//! ```

use super::{CommandError, Cx, Event};
use base::Rng;
use keyspace::value::stream::{Stream, StreamRef};
use keyspace::value::{
    Array, ArrayRef, Hash, HashRef, Kind, List, ListRef, Set, SetRef, Zset, ZsetRef,
};
use keyspace::{Glance, Limits, Loc, Value, ValueRef};
use resp::Reply;

/// A type of value that consists of elements.
pub trait Collection: Sized {
    /// As a reader sees it.
    type Ref<'a>;
    /// Without elements.
    fn empty() -> Self;
    /// What TYPE calls it.
    const KIND: Kind;
    /// The view, if the value is of this type.
    fn view(value: ValueRef<'_>) -> Option<Self::Ref<'_>>;
    /// The owned form, if the value is of this type.
    fn of(value: &mut Value) -> Option<&mut Self>;
    /// As a value of any type.
    fn into_value(self) -> Value;
    /// Number of elements.
    fn count(&self) -> usize;
}

macro_rules! collection {
    ($owned:ident, $view:ident) => {
        impl Collection for $owned {
            type Ref<'a> = $view<'a>;
            const KIND: Kind = Kind::$owned;
            fn empty() -> Self {
                $owned::new()
            }
            fn view(value: ValueRef<'_>) -> Option<$view<'_>> {
                match value {
                    ValueRef::$owned(view) => Some(view),
                    _ => None,
                }
            }
            fn of(value: &mut Value) -> Option<&mut Self> {
                match value {
                    Value::$owned(owned) => Some(owned),
                    _ => None,
                }
            }
            fn into_value(self) -> Value {
                Value::$owned(self)
            }
            fn count(&self) -> usize {
                self.len()
            }
        }
    };
}

collection!(List, ListRef);
collection!(Set, SetRef);
collection!(Zset, ZsetRef);
collection!(Hash, HashRef);
collection!(Stream, StreamRef);
collection!(Array, ArrayRef);

/// What a handler needs in addition to the value it works on.
pub struct Env<'a> {
    /// The client's pending output.
    pub reply: &'a mut Reply,
    /// Random numbers.
    pub rng: &'a mut Rng,
    /// When to leave the packed form.
    pub limits: &'a Limits,
}

/// What was found, if it has the type.
#[inline]
fn check<T: Collection>(
    found: Option<(Loc, Glance)>,
) -> Result<Option<(Loc, Glance)>, CommandError> {
    match found {
        Some((_, seen)) if seen.kind() != T::KIND => Err(CommandError::WRONG_TYPE),
        found => Ok(found),
    }
}

impl Cx<'_> {
    /// Finds a key for reading.
    ///
    /// # Errors
    /// WRONGTYPE if it holds something else.
    pub fn find<T: Collection>(&mut self, key: &[u8]) -> Result<Option<Loc>, CommandError> {
        let found = check::<T>(self.look_to_read(key))?;
        Ok(found.map(|(loc, _)| loc))
    }

    /// Finds a key for writing.
    ///
    /// # Errors
    /// WRONGTYPE if it holds something else.
    #[inline]
    pub fn find_to_write<T: Collection>(
        &mut self,
        key: &[u8],
    ) -> Result<Option<Loc>, CommandError> {
        let found = self.look_to_write_to::<T>(key)?;
        Ok(found.map(|(loc, _)| loc))
    }

    /// As [`Cx::find_to_write`], with what was seen of the entry on the way.
    #[inline]
    pub fn look_to_write_to<T: Collection>(
        &mut self,
        key: &[u8],
    ) -> Result<Option<(Loc, Glance)>, CommandError> {
        check::<T>(self.look_to_write(key))
    }

    /// Finds many keys of the selected database for reading, in order. Look-ups may delete expired
    /// keys, which moves the others: all handles are valid together afterwards.
    ///
    /// # Errors
    /// As `check` says for the first key that it refuses; the later ones are not looked at.
    pub fn find_all(
        &mut self,
        keys: &[&[u8]],
        check: impl Fn(&ValueRef<'_>) -> Result<(), CommandError>,
    ) -> Result<Vec<Option<Loc>>, CommandError> {
        let before = self.db().len();
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            let loc = self.lookup(key);
            if let Some(loc) = loc {
                check(&self.value(loc))?;
            }
            found.push(loc);
        }
        if self.db().len() != before {
            let db = self.db();
            for (key, loc) in keys.iter().zip(&mut found) {
                *loc = loc.and_then(|_| db.find(key));
            }
        }
        Ok(found)
    }

    /// The value at a checked [`Loc`], beside the reply.
    pub fn read<T: Collection>(&mut self, loc: Loc) -> (T::Ref<'_>, Env<'_>) {
        let engine = &mut *self.engine;
        let value = engine.keyspace.db(self.client.db).value(loc);
        let view = T::view(value).expect("the type was checked when it was found");
        let env = Env {
            reply: &mut self.client.reply,
            rng: &mut engine.rng,
            limits: &engine.limits,
        };
        (view, env)
    }

    /// Changes the value at a checked [`Loc`] and returns the result of `f` with the number of elements left. If none
    /// is left, the key has been removed (the caller sends its `del` event), except for a stream.
    pub fn edit<T: Collection, R>(
        &mut self,
        loc: Loc,
        f: impl FnOnce(&mut T, Env<'_>) -> R,
    ) -> (R, usize) {
        let engine = &mut *self.engine;
        let env = Env {
            reply: &mut self.client.reply,
            rng: &mut engine.rng,
            limits: &engine.limits,
        };
        let db = engine.keyspace.db_mut(self.client.db);
        db.edit_with(loc, |value| {
            let value = T::of(value).expect("the type was checked when it was found");
            let result = f(value, env);
            (result, value.count())
        })
    }

    /// As [`Cx::edit`], on a new value where there is none; a new value that stays empty is not stored.
    pub fn edit_or_create<T: Collection, R>(
        &mut self,
        key: &[u8],
        loc: Option<Loc>,
        f: impl FnOnce(&mut T, Env<'_>) -> R,
    ) -> (R, usize) {
        if let Some(loc) = loc {
            return self.edit(loc, f);
        }
        let mut value = T::empty();
        let engine = &mut *self.engine;
        let env = Env {
            reply: &mut self.client.reply,
            rng: &mut engine.rng,
            limits: &engine.limits,
        };
        let result = f(&mut value, env);
        let left = value.count();
        if left > 0 {
            let db = self.client.db;
            let loc = self.db().insert(key, value.into_value(), None);
            self.engine.touch(db, loc);
            self.created(key);
        }
        (result, left)
    }

    /// Emits the event `del` if a change has removed the key.
    pub fn notify_if_gone(&mut self, key: &[u8], left: usize) {
        if left == 0 {
            self.notify(Event::Generic, "del", key);
        }
    }

    /// Puts the result of a `*STORE` command in place of what `key` holds, without expiry; an empty one
    /// removes the key. Writes the reply, the number of elements.
    pub fn store<T: Collection>(&mut self, key: &[u8], value: T, class: Event, event: &str) {
        let count = value.count();
        if count > 0 {
            self.put(key, value.into_value(), class, event);
        } else if let Some(loc) = self.lookup_quietly(key) {
            let lazy = self.engine.config.lazyfree_lazy_server_del;
            self.remove(loc, lazy);
            self.changed(key, 1);
            self.notify(Event::Generic, "del", key);
        }
        self.client.reply.int(count as i64);
    }

    /// Puts a value in place of what `key` holds, without expiry.
    pub fn put(&mut self, key: &[u8], value: Value, class: Event, event: &str) {
        let old = self.lookup_quietly(key);
        self.replace(old, key, value);
        self.changed(key, 1);
        self.notify(class, event, key);
    }

    fn replace(&mut self, old: Option<Loc>, key: &[u8], value: Value) {
        let heat = old.map(|loc| self.db().heat(loc));
        if let Some(loc) = old {
            let lazy = self.engine.config.lazyfree_lazy_server_del;
            self.remove(loc, lazy);
        }
        let loc = self.db().insert(key, value, None);
        match heat {
            Some(heat) => self.db().set_heat(loc, heat),
            None => {
                let db = self.client.db;
                self.engine.touch(db, loc);
                self.created(key);
            }
        }
    }
}
