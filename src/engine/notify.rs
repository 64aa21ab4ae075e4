//! Keyspace notifications: messages on `__keyspace@<db>__:<key>` name the event, those on `__keyevent@<db>__:<event>`
//! the key, for the classes that `notify-keyspace-events` names.

use super::{Engine, pubsub};
use bitflags::bitflags;

/// The class of a keyspace event, one letter of `notify-keyspace-events`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the letters of redis.conf say it
pub enum Event {
    Generic,
    String,
    List,
    Set,
    Hash,
    Zset,
    Expired,
    Evicted,
    Stream,
    Array,
    KeyMiss,
    New,
}

bitflags! {
    /// The classes of `notify-keyspace-events`, one letter each.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Classes: u16 {
        /// `K`: publish on the keyspace channels.
        const KEYSPACE = 1;
        /// `E`: publish on the keyevent channels.
        const KEYEVENT = 1 << 1;
        /// `g`
        const GENERIC = 1 << 2;
        /// `$`
        const STRING = 1 << 3;
        /// `l`
        const LIST = 1 << 4;
        /// `s`
        const SET = 1 << 5;
        /// `h`
        const HASH = 1 << 6;
        /// `z`
        const ZSET = 1 << 7;
        /// `x`
        const EXPIRED = 1 << 8;
        /// `e`
        const EVICTED = 1 << 9;
        /// `t`
        const STREAM = 1 << 10;
        /// `m`
        const KEY_MISS = 1 << 11;
        /// `d`
        const MODULE = 1 << 12;
        /// `n`
        const NEW = 1 << 13;
        /// `a`
        const ARRAY = 1 << 14;
        /// All but key misses, new keys, and arrays, which came later than the letter for all of them.
        const COMMON = Self::GENERIC.bits() | Self::STRING.bits() | Self::LIST.bits() | Self::SET.bits()
            | Self::HASH.bits() | Self::ZSET.bits() | Self::EXPIRED.bits() | Self::EVICTED.bits()
            | Self::STREAM.bits() | Self::MODULE.bits();
        /// `A`: all but key misses and new keys.
        const ALL = Self::COMMON.bits() | Self::ARRAY.bits();
    }
}

/// The letters in the order in which CONFIG GET shows them.
const LETTERS: [(u8, Classes); 15] = [
    (b'g', Classes::GENERIC),
    (b'$', Classes::STRING),
    (b'l', Classes::LIST),
    (b's', Classes::SET),
    (b'h', Classes::HASH),
    (b'z', Classes::ZSET),
    (b'x', Classes::EXPIRED),
    (b'e', Classes::EVICTED),
    (b't', Classes::STREAM),
    (b'd', Classes::MODULE),
    (b'a', Classes::ARRAY),
    (b'n', Classes::NEW),
    (b'K', Classes::KEYSPACE),
    (b'E', Classes::KEYEVENT),
    (b'm', Classes::KEY_MISS),
];

impl Classes {
    /// Reads the directive; `None` for an unknown letter.
    pub fn parse(text: &str) -> Option<Classes> {
        text.bytes().try_fold(Classes::empty(), |classes, letter| {
            if letter == b'A' {
                return Some(classes | Classes::ALL);
            }
            let known = LETTERS.iter().find(|(l, _)| *l == letter);
            known.map(|(_, class)| classes | *class)
        })
    }

    /// The normal form, as CONFIG GET shows it. As in Redis, it leaves out `n` if there is an `A`.
    pub fn to_text(self) -> String {
        let all = self.contains(Classes::COMMON);
        let hidden = match all {
            true => Classes::ALL | Classes::NEW,
            false => Classes::empty(),
        };
        let letters = LETTERS
            .iter()
            .filter(|(_, class)| self.contains(*class) && !hidden.contains(*class))
            .map(|(letter, _)| *letter as char);
        all.then_some('A').into_iter().chain(letters).collect()
    }

    fn of(event: Event) -> Classes {
        match event {
            Event::Generic => Classes::GENERIC,
            Event::String => Classes::STRING,
            Event::List => Classes::LIST,
            Event::Set => Classes::SET,
            Event::Hash => Classes::HASH,
            Event::Zset => Classes::ZSET,
            Event::Expired => Classes::EXPIRED,
            Event::Evicted => Classes::EVICTED,
            Event::Stream => Classes::STREAM,
            Event::Array => Classes::ARRAY,
            Event::KeyMiss => Classes::KEY_MISS,
            Event::New => Classes::NEW,
        }
    }
}

/// Publishes `event` on the channels that `notify-keyspace-events` asks for.
pub fn publish(engine: &mut Engine, class: Event, event: &str, key: &[u8], db: usize) {
    if engine.pubsub.channels.is_empty() && engine.pubsub.patterns.is_empty() {
        return;
    }
    let asked = Classes::parse(&engine.config.notify_keyspace_events).unwrap_or(Classes::empty());
    if !asked.contains(Classes::of(class)) {
        return;
    }
    if asked.contains(Classes::KEYSPACE) {
        let channel = [format!("__keyspace@{db}__:").as_bytes(), key].concat();
        pubsub::publish_message(engine, &channel, event.as_bytes());
    }
    if asked.contains(Classes::KEYEVENT) {
        let channel = format!("__keyevent@{db}__:{event}");
        pubsub::publish_message(engine, channel.as_bytes(), key);
    }
}
