//! Sessions that clients may resume. The administrator sets their number and how long they are kept.
//!
//! Sessions belong to one configuration. After a change of certificates or authorities, no old session can be resumed,
//! so a client that is no longer trusted cannot avoid the check.

use rustls::server::StoresServerSessions;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

#[derive(Default)]
struct Kept {
    by_key: HashMap<Vec<u8>, (Vec<u8>, Instant)>,
    /// In the order in which they came. Some are taken already.
    order: VecDeque<(Vec<u8>, Instant)>,
}

/// The sessions of one configuration.
pub struct Sessions {
    kept: Mutex<Kept>,
    max: usize,
    lives: Duration,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sessions, at most {}", self.max)
    }
}

impl Sessions {
    /// At most `max`, each for `lives`.
    pub fn new(max: usize, lives: Duration) -> Self {
        Sessions {
            kept: Mutex::default(),
            max,
            lives,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put_at(&self, now: Instant, key: Vec<u8>, value: Vec<u8>) -> bool {
        if self.max == 0 {
            return false;
        }
        let mut kept = self.lock();
        // What was taken leaves its place in the order, so that the order is what is bounded.
        while let Some((_, since)) = kept.order.front()
            && (kept.order.len() >= self.max || now.duration_since(*since) >= self.lives)
        {
            if let Some((oldest, since)) = kept.order.pop_front()
                && kept.by_key.get(&oldest).is_some_and(|(_, at)| *at == since)
            {
                kept.by_key.remove(&oldest);
            }
        }
        kept.order.push_back((key.clone(), now));
        kept.by_key.insert(key, (value, now));
        true
    }

    fn find_at(&self, now: Instant, key: &[u8], take: bool) -> Option<Vec<u8>> {
        let mut kept = self.lock();
        let (value, since) = kept.by_key.get(key)?;
        let found = (now.duration_since(*since) < self.lives).then(|| value.clone());
        if take || found.is_none() {
            kept.by_key.remove(key);
        }
        found
    }
}

impl StoresServerSessions for Sessions {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.put_at(Instant::now(), key, value)
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.find_at(Instant::now(), key, false)
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.find_at(Instant::now(), key, true)
    }

    fn can_cache(&self) -> bool {
        self.max > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_and_none_outlives_its_time() {
        let sessions = Sessions::new(2, Duration::from_secs(10));
        let began = Instant::now();
        let at = |s| began + Duration::from_secs(s);
        for (i, name) in [b"a", b"b", b"c"].iter().enumerate() {
            assert!(sessions.put_at(at(i as u64), name.to_vec(), vec![i as u8]));
        }
        assert_eq!(sessions.find_at(at(3), b"a", false), None);
        assert_eq!(sessions.find_at(at(3), b"b", true), Some(vec![1]));
        assert_eq!(sessions.find_at(at(3), b"b", true), None);
        assert_eq!(sessions.find_at(at(11), b"c", false), Some(vec![2]));
        assert_eq!(sessions.find_at(at(12), b"c", false), None);
        assert!(sessions.lock().by_key.is_empty());
    }

    #[test]
    fn without_room_nothing_is_kept() {
        let none = Sessions::new(0, Duration::from_secs(10));
        assert!(!none.put(vec![1], vec![1]) && !none.can_cache());
    }
}
