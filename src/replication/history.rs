//! The history that this server writes or follows, and the former histories that it contains.
//!
//!  * `id` and `offset` are the current position. Requests for a former id are served up to and including the offset
//!    that belongs to it, because the two histories are the same up to there.
//!  * Without a backlog, nothing is counted, and the offset does not change.
//!  * Offsets are never reset by a change of role, only by a full sync.

use super::demands::Demands;
use super::feed::Feed;
use super::log::Log;
use super::position::{Position, ReplId, ReplOffset};
use super::reads::Reads;
use crate::effects::Effects;
use base::secret::Secrets;

/// The most former ids that are kept. Each change of the primary and each restart adds one.
pub const FORMER_MAX: usize = 8;

/// The position of this server.
pub struct History {
    id: ReplId,
    /// Former ids, the last one first, each with the first offset at which its history is not ours.
    former: Vec<(ReplId, ReplOffset)>,
    /// Counts the changes of `id` and the jumps of `offset`.
    era: u64,
    offset: ReplOffset,
    backlog: Option<Log>,
    backlog_bytes_max: usize,
    /// `repl-backlog-disk-size`, and bytes above the size that stay in memory.
    backlog_disk: (usize, usize),
    /// The first and the last byte of this history that are in the append-only file.
    archived: Option<(ReplOffset, ReplOffset)>,
    /// Bytes up to this one are of another history, whatever files hold.
    begun: ReplOffset,
    /// What the stream demands of its readers.
    needed: Demands<ReplOffset>,
    /// The stream's selected database.
    pub feed: Feed,
    /// What was appended other than effects since the last call, if a log asks for it.
    beside: Option<Vec<u8>>,
    /// Bytes after this one are not sent yet.
    released: Option<ReplOffset>,
}

/// Why a partial resync is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `PSYNC ?`: the replica wants a full sync.
    FullAsked,
    /// Another history.
    IdMismatch,
    /// Our former history, but further than we shared it.
    BeyondSecond(ReplOffset),
    /// The backlog does not hold that byte.
    NotInBacklog,
    /// As before, and the byte was never written.
    AheadOfUs,
    /// The missing part of the stream contains commands that the replica is not known to understand.
    Unread(Reads),
}

impl History {
    /// A new history at offset 0, without a backlog.
    pub fn new(secrets: &mut Secrets, backlog_bytes_max: usize) -> Self {
        History {
            id: ReplId::random(secrets),
            former: Vec::new(),
            era: 0,
            offset: ReplOffset::ZERO,
            backlog: None,
            backlog_bytes_max,
            backlog_disk: (0, super::log::SPILL_ABOVE),
            archived: None,
            begun: ReplOffset::ZERO,
            needed: Demands::default(),
            feed: Feed::default(),
            beside: None,
            released: None,
        }
    }

    /// `master_replid`
    pub fn id(&self) -> ReplId {
        self.id
    }

    /// `master_replid2` and `second_repl_offset`
    pub fn second(&self) -> Option<(ReplId, ReplOffset)> {
        self.former.first().copied()
    }

    /// All former ids, the last one first.
    pub fn former(&self) -> &[(ReplId, ReplOffset)] {
        &self.former
    }

    /// Changes whenever the id changes, or the offset otherwise than by what is appended.
    pub fn era(&self) -> u64 {
        self.era
    }

    /// True if `id` named this history up to `offset`.
    pub fn went_through(&self, id: ReplId, offset: ReplOffset) -> bool {
        let was = |(former, up_to): &(ReplId, ReplOffset)| *former == id && offset < *up_to;
        offset <= self.offset && (self.id == id || self.former.iter().any(was))
    }

    /// True if this is the name of the history, or a former one.
    pub fn is_called(&self, id: &[u8]) -> bool {
        self.id.is(id) || self.former.iter().any(|(former, _)| former.is(id))
    }

    /// Whether from now on what is appended other than effects is kept for [`History::take_beside`].
    pub fn keep_beside(&mut self, keep: bool) {
        self.beside = keep.then(Vec::new);
    }

    /// What was appended other than effects since the last call. Usually empty.
    pub fn take_beside(&mut self) -> Vec<u8> {
        self.beside.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Sends nothing after the byte `up_to` to replicas; `None` ends this.
    pub fn release(&mut self, up_to: Option<ReplOffset>) {
        self.released = up_to;
    }

    /// The last byte that may be sent.
    pub fn released(&self) -> ReplOffset {
        self.released.map_or(self.offset, |at| at.min(self.offset))
    }

    /// `master_repl_offset`
    pub fn offset(&self) -> ReplOffset {
        self.offset
    }

    /// The current position.
    pub fn position(&self) -> Position {
        Position {
            id: self.id,
            offset: self.offset,
        }
    }

    /// The backlog, if there is one.
    pub fn backlog(&self) -> Option<&Log> {
        self.backlog.as_ref()
    }

    /// The backlog, to read from or to pin.
    pub fn backlog_mut(&mut self) -> Option<&mut Log> {
        self.backlog.as_mut()
    }

    /// `repl-backlog-size` changed.
    pub fn resize_backlog(&mut self, bytes_max: usize) {
        self.backlog_bytes_max = bytes_max;
        if let Some(log) = &mut self.backlog {
            log.resize(bytes_max);
        }
    }

    /// `repl-backlog-disk-size`, and how many bytes above the size stay in memory.
    pub fn set_backlog_disk(&mut self, disk_max: usize, spill_above: usize) {
        self.backlog_disk = (disk_max, spill_above);
        if let Some(log) = &mut self.backlog {
            log.set_disk(disk_max, spill_above);
        }
    }

    /// The append-only file holds these bytes (the first, the last) of a history that has this name at their end.
    /// Replicas are served with them if it is this one.
    pub fn set_archived(&mut self, held: Option<(ReplId, ReplOffset, ReplOffset)>) {
        self.archived = held.and_then(|(id, first, last)| {
            let first = first.max(self.begun + 1);
            (first <= last && self.went_through(id, last)).then_some((first, last))
        });
        let archived = self.archived;
        if let Some(log) = &mut self.backlog {
            log.set_archived(archived);
        }
    }

    /// The first and the last byte that replicas are served from the append-only file.
    pub fn archived(&self) -> Option<(ReplOffset, ReplOffset)> {
        self.archived.filter(|_| self.backlog.is_some())
    }

    /// What files hold is not of the history that follows.
    fn begin_here(&mut self) {
        self.begun = self.offset;
        self.set_archived(None);
    }

    /// `repl-backlog-size` as it has effect.
    pub fn backlog_bytes_max(&self) -> usize {
        self.backlog_bytes_max.max(super::log::BACKLOG_BYTES_MIN)
    }

    /// Starts a backlog at the present offset, if there is none.
    pub fn create_backlog(&mut self) {
        if self.backlog.is_none() {
            let mut log = Log::new(self.offset, self.backlog_bytes_max);
            log.set_disk(self.backlog_disk.0, self.backlog_disk.1);
            log.set_archived(self.archived);
            self.backlog = Some(log);
        }
    }

    /// Drops the backlog.
    pub fn free_backlog(&mut self) {
        self.backlog = None;
    }

    /// Gives the history a new id and no second one, so that no replica can continue by partial resync.
    pub fn rename(&mut self, secrets: &mut Secrets) {
        self.id = ReplId::random(secrets);
        self.former.clear();
        self.era += 1;
        self.begin_here();
    }

    /// Appends the effects of one top-level command.
    pub fn append_effects(&mut self, effects: &Effects) {
        if let Some(log) = &mut self.backlog {
            self.feed.effects(effects, |part| log.append(part));
            self.offset = log.end();
        }
    }

    /// Appends stream bytes as they are: ping, GETACK, or what our primary sent.
    pub fn append(&mut self, bytes: &[u8]) {
        if let Some(log) = &mut self.backlog {
            log.append(bytes);
            self.offset = log.end();
            if let Some(beside) = &mut self.beside {
                beside.extend_from_slice(bytes);
            }
        }
    }

    /// Appends bytes of our primary's stream: they count with and without a backlog.
    pub fn append_processed(&mut self, bytes: &[u8]) {
        self.offset += bytes.len() as i64;
        if let Some(log) = &mut self.backlog {
            log.append(bytes);
        }
    }

    /// Notes what the last append demands of its readers.
    pub fn note_needs(&mut self, needs: Reads) {
        self.needed.note(needs, self.offset);
    }

    /// What readers of the stream must understand, from the byte `from` onwards.
    pub fn needs_from(&self, from: ReplOffset) -> Reads {
        self.needed.from(from)
    }

    /// Begins a new history after a promotion. The old id is served up to the current offset.
    pub fn shift(&mut self, secrets: &mut Secrets) {
        self.adopt(ReplId::random(secrets));
        self.feed.select(None);
    }

    /// The primary continues under another id: the old one is served up to here.
    pub fn adopt(&mut self, id: ReplId) {
        self.former.insert(0, (self.id, self.offset + 1));
        self.former.truncate(FORMER_MAX);
        self.id = id;
        self.era += 1;
    }

    /// A full sync put us somewhere else.
    pub fn restart_at(&mut self, at: Position) {
        self.id = at.id;
        self.former.clear();
        self.offset = at.offset;
        self.era += 1;
        self.needed.clear();
        self.released = self.released.map(|_| at.offset);
        self.backlog = None;
        self.begin_here();
        self.create_backlog();
    }

    /// Restart as replica from what dump or log say: we are in that history.
    pub fn resume(&mut self, at: Position) {
        self.id = at.id;
        self.former.clear();
        self.offset = at.offset;
        self.era += 1;
    }

    /// Continues as a primary after a restart, from what the dump or the log says: a new history that contains the old
    /// one. Another server may have received more of the old one than is here, so the old id is not used for what
    /// follows.
    pub fn resume_as_primary(&mut self, at: Position) {
        let new = self.id;
        self.resume(at);
        self.adopt(new);
        self.backlog = None;
        self.create_backlog();
    }

    /// Former names of the history that was resumed at `at`, from its log.
    pub fn remember_former(&mut self, former: &[(ReplId, ReplOffset)]) {
        self.former.extend_from_slice(former);
        self.former.truncate(FORMER_MAX);
    }

    /// Puts the last bytes of the history, which end at the current offset, into a new backlog. `needs` is what the
    /// history demands of its readers.
    pub fn refill_backlog<'a>(
        &mut self,
        bytes: impl Iterator<Item = &'a [u8]> + Clone,
        needs: &Demands<ReplOffset>,
    ) {
        let count: usize = bytes.clone().map(<[u8]>::len).sum();
        let mut log = Log::new(self.offset + -(count as i64), self.backlog_bytes_max);
        log.set_disk(self.backlog_disk.0, self.backlog_disk.1);
        log.set_archived(self.archived);
        bytes.for_each(|bytes| log.append(bytes));
        self.backlog = Some(log);
        self.needed.clone_from(needs);
    }

    /// Decides whether a replica in history `id` may continue from the byte `from`. Returns the number of bytes that
    /// it lacks, or the reason for a refusal.
    pub fn can_continue(&self, id: &[u8], from: ReplOffset) -> Result<usize, Refusal> {
        if !self.id.is(id) {
            match self.former.iter().find(|(former, _)| former.is(id)) {
                Some(&(_, up_to)) => {
                    if from > up_to {
                        return Err(Refusal::BeyondSecond(up_to));
                    }
                }
                _ if id.starts_with(b"?") => return Err(Refusal::FullAsked),
                _ => return Err(Refusal::IdMismatch),
            }
        }
        match &self.backlog {
            Some(log) if log.reaches(from) => Ok((log.end() + 1 - from) as usize),
            _ if from > self.offset => Err(Refusal::AheadOfUs),
            _ => Err(Refusal::NotInBacklog),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(bytes: usize) -> History {
        let mut h = History::new(&mut Secrets::predictable(1), 1 << 20);
        h.create_backlog();
        h.append(&vec![b'x'; bytes]);
        h
    }

    #[test]
    fn the_next_byte_is_accepted_with_nothing_to_send_and_one_more_is_refused() {
        let h = history(163);
        let id = h.id();
        let id = id.as_str().as_bytes();
        assert_eq!(h.can_continue(id, ReplOffset::claimed(1)), Ok(163));
        assert_eq!(h.can_continue(id, ReplOffset::claimed(164)), Ok(0));
        assert_eq!(
            h.can_continue(id, ReplOffset::claimed(165)),
            Err(Refusal::AheadOfUs)
        );
        for from in [0, -1] {
            let got = h.can_continue(id, ReplOffset::claimed(from));
            assert_eq!(got, Err(Refusal::NotInBacklog));
        }
        assert_eq!(
            h.can_continue(b"?", ReplOffset::claimed(-1)),
            Err(Refusal::FullAsked)
        );
    }

    #[test]
    fn the_second_id_is_served_up_to_its_offset() {
        let mut h = history(50);
        let old = h.id();
        h.shift(&mut Secrets::predictable(2));
        h.append(&[0; 20]);
        let old = old.as_str().as_bytes();
        assert_eq!(h.can_continue(old, ReplOffset::claimed(51)), Ok(20));
        assert_eq!(
            h.can_continue(old, ReplOffset::claimed(52)),
            Err(Refusal::BeyondSecond(ReplOffset::claimed(51)))
        );
        assert_eq!(h.offset(), ReplOffset::claimed(70));
    }

    #[test]
    fn what_the_file_holds_is_served_only_if_it_is_this_history() {
        let at = ReplOffset::claimed;
        let mut h = History::new(&mut Secrets::predictable(1), 1);
        h.create_backlog();
        h.append(&[b'x'; 100_000]);
        let old = h.id();
        let can = |h: &History, id: ReplId, from| h.can_continue(id.as_str().as_bytes(), at(from));
        let no = Err(Refusal::NotInBacklog);
        assert_eq!(can(&h, old, 10), no);
        h.set_archived(Some((old, at(10), at(99_000))));
        assert_eq!(can(&h, old, 10), Ok(99_991));
        assert_eq!(can(&h, old, 9), no);
        // Under its next name, too, and up to where the names part.
        h.shift(&mut Secrets::predictable(2));
        h.append(&[b'x'; 10]);
        assert_eq!(can(&h, old, 10), Ok(100_001));
        assert_eq!(can(&h, h.id(), 10), Ok(100_001));
        h.set_archived(Some((old, at(10), at(99_000))));
        assert_eq!(can(&h, old, 10), Ok(100_001));
        // The file has more than the histories have in common.
        h.set_archived(Some((old, at(10), at(100_001))));
        assert_eq!(can(&h, h.id(), 10), no);
        h.set_archived(Some((ReplId::parse(&[b'e'; 40]).unwrap(), at(10), at(20))));
        assert_eq!(can(&h, h.id(), 10), no);
        // Another history at the same offsets, before the file is known to be of it.
        h.set_archived(Some((h.id(), at(10), at(100_010))));
        let id = ReplId::parse(&[b'f'; 40]).unwrap();
        h.restart_at(Position {
            id,
            offset: at(200_000),
        });
        assert_eq!(can(&h, id, 10), no);
        h.append(&[b'x'; 100_000]);
        h.set_archived(Some((id, at(10), at(300_000))));
        assert_eq!(can(&h, id, 200_000), no);
        assert_eq!(can(&h, id, 200_001), Ok(100_000));
    }

    #[test]
    fn nothing_counts_without_a_backlog() {
        let mut h = History::new(&mut Secrets::predictable(1), 1 << 20);
        h.append(b"ping");
        assert_eq!(h.offset(), ReplOffset::claimed(0));
        let id = h.id();
        let id = id.as_str().as_bytes();
        assert_eq!(
            h.can_continue(id, ReplOffset::claimed(1)),
            Err(Refusal::AheadOfUs)
        );
    }

    #[test]
    fn a_restarted_primary_continues_the_history_of_its_dump() {
        let mut h = History::new(&mut Secrets::predictable(1), 1 << 20);
        let dump = Position {
            id: ReplId::parse(&[b'd'; 40]).unwrap(),
            offset: ReplOffset::claimed(1000),
        };
        h.resume_as_primary(dump);
        assert_eq!(
            h.can_continue(&[b'd'; 40], ReplOffset::claimed(1001)),
            Ok(0)
        );
        h.append(b"*1");
        assert_eq!(
            h.can_continue(&[b'D'; 40], ReplOffset::claimed(1001)),
            Ok(2)
        );
        assert_ne!(h.id(), dump.id);
    }
}
