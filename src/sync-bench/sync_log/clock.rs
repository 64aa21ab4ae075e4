//! How far the replica's clock is ahead of its primary's, judged by pairs of events of which one causes the other.
//!
//! ```text
//! replica sends PSYNC        before  primary logs the request            ahead >= sent - logged
//! primary orders a snapshot  before  replica gets answer and payload     ahead <= got - ordered
//! replica's link is up       before  primary sees its first ACK          ahead >= up - seen      (sockets only)
//! ```
//!
//!  * Each pair bounds the difference on one side. All of them together leave an interval, and its middle is the estimate.
//!  * Times are rounded down to their resolution when they are logged, so each bound is relaxed by that much.
//!  * An interval that contains 0 is no evidence of a difference; in that case, the clocks are assumed to agree.

use super::moments::Moment;
use super::syncs::Sync;

/// What is known of the difference, in µs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset {
    /// At least this much ahead.
    pub low_us: i64,
    /// At most.
    pub high_us: i64,
}

impl Offset {
    /// Nothing is known.
    pub const ANY: Offset = Offset {
        low_us: i64::MIN / 4,
        high_us: i64::MAX / 4,
    };

    /// What one pair of syncs says; `grain_us` is the coarser of the logs' grains.
    pub fn of(master: &Sync, replica: &Sync, grain_us: i64) -> Offset {
        use Moment::*;
        let (m, r) = (&master.moments, &replica.moments);
        let later = |cause: Option<i64>, effect: Option<i64>| Some(effect? - cause?);
        let sockets = master.target == Some("sockets") && !master.two_connections;
        let lows = [
            later(m.get(Request), r.get(Ask)),
            later(m.get(Online), r.get(Up)).filter(|_| sockets),
        ];
        let highs = [
            later(m.get(Order), r.get(Answer)).filter(|_| !replica.two_connections),
            later(m.get(Order), r.get(Receive)),
        ];
        let low = lows.into_iter().flatten().max();
        let high = highs.into_iter().flatten().min();
        Offset {
            low_us: low.map_or(Offset::ANY.low_us, |low| low - grain_us),
            high_us: high.map_or(Offset::ANY.high_us, |high| high + grain_us),
        }
    }

    /// What both say.
    pub fn and(self, other: Offset) -> Offset {
        Offset {
            low_us: self.low_us.max(other.low_us),
            high_us: self.high_us.min(other.high_us),
        }
    }

    /// There is a difference that fits.
    pub fn is_possible(&self) -> bool {
        self.low_us <= self.high_us
    }

    fn is_known(&self) -> bool {
        self.low_us > Offset::ANY.low_us && self.high_us < Offset::ANY.high_us
    }

    /// What to subtract from the replica's times: 0 unless the clocks are known to differ.
    pub fn estimate_us(&self) -> i64 {
        if !self.is_known() || (self.low_us <= 0 && 0 <= self.high_us) {
            return 0;
        }
        self.low_us + (self.high_us - self.low_us) / 2
    }

    /// How far the estimate can be off; `None` if nothing bounds it.
    pub fn error_us(&self) -> Option<i64> {
        let at = self.estimate_us();
        self.is_known()
            .then(|| (self.high_us - at).max(at - self.low_us))
    }
}

/// Which sync of the master's log is which of the replica's: the pairing in order that joins the most and asks for the
/// smallest difference of clocks. Pairs of indexes (master, replica).
pub fn pair(masters: &[Sync], replicas: &[Sync], grain_us: i64) -> (Vec<(usize, usize)>, Offset) {
    let mut best: (Vec<(usize, usize)>, Offset) = (Vec::new(), Offset::ANY);
    let (m, r) = (masters.len() as isize, replicas.len() as isize);
    for shift in 1 - r..m {
        let pairs: Vec<(usize, usize)> = (0..r)
            .filter(|i| (0..m).contains(&(i + shift)))
            .map(|i| ((i + shift) as usize, i as usize))
            .filter(|&(a, b)| masters[a].is_complete() == replicas[b].is_complete())
            .collect();
        let bounds = pairs.iter().fold(Offset::ANY, |all, &(a, b)| {
            all.and(Offset::of(&masters[a], &replicas[b], grain_us))
        });
        if !bounds.is_possible() || pairs.is_empty() {
            continue;
        }
        let size = |o: &Offset| o.estimate_us().abs();
        let (more, same) = (pairs.len() > best.0.len(), pairs.len() == best.0.len());
        if more || (same && size(&bounds) <= size(&best.1)) {
            best = (pairs, bounds);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sync(moments: &[(Moment, i64)]) -> Sync {
        let mut sync = Sync {
            target: Some("sockets"),
            ..Sync::default()
        };
        moments.iter().for_each(|(m, at)| sync.moments.set(*m, *at));
        sync
    }

    /// A sync that asks at `at` by the master's clock, seen by a replica that is `ahead`.
    fn both(at: i64, ahead: i64) -> (Sync, Sync) {
        use Moment::*;
        let master = sync(&[(Request, at + 200), (Order, at + 900), (Online, at + 5200)]);
        let seen = [(Ask, 0), (Answer, 1000), (Receive, 1100), (Up, 5000)];
        let seen: Vec<_> = seen.iter().map(|(m, t)| (*m, at + t + ahead)).collect();
        (master, sync(&seen))
    }

    #[test]
    fn the_difference_of_two_clocks_is_found_within_the_time_that_messages_take() {
        for ahead in [-3_600_000_000, -5_000, 5_000, 77_000_000] {
            let (master, replica) = both(1_000_000, ahead);
            let offset = Offset::of(&master, &replica, 1);
            let error = offset.error_us().expect("bounded on both sides");
            assert!((offset.estimate_us() - ahead).abs() <= error, "{offset:?}");
            assert!(error < 200, "{offset:?}");
        }
    }

    #[test]
    fn clocks_that_may_agree_are_left_alone() {
        let (master, replica) = both(1_000_000, 0);
        assert_eq!(Offset::of(&master, &replica, 1000).estimate_us(), 0);
        assert_eq!(Offset::ANY.estimate_us(), 0);
        assert_eq!(Offset::ANY.error_us(), None);
    }

    #[test]
    fn a_log_that_begins_later_is_joined_at_the_right_sync() {
        let both: Vec<(Sync, Sync)> = [1, 90, 200]
            .iter()
            .map(|s| both(s * 1_000_000, 40))
            .collect();
        let masters: Vec<Sync> = both.iter().map(|b| b.0.clone()).collect();
        let replicas: Vec<Sync> = both[1..].iter().map(|b| b.1.clone()).collect();
        assert_eq!(pair(&masters, &replicas, 1).0, [(1, 0), (2, 1)]);
    }
}
