//! Commits in the form of the log: requests, and annotations for what the replication stream contains but the log does
//! not run.
//!
//! ```text
//! primary: effects ---------> requests, the same bytes as in the stream
//!          ping, GETACK ----> annotation
//! replica: its request ran -> its effects. If they are the same bytes as the request, that is all.
//!                             Otherwise they are not part of the stream, and an annotation holds the request.
//!          own writes ------> requests that are not part of the stream
//! ```
//!
//!  * What the log says about the stream is always true: the log's position is compared with that of the stream before
//!    each commit and at the end of each batch, and if they differ, the log records the position anew.
//!  * Nothing is written that a server could not run when it loads the log.

use aof::history::{self, At, Knows};
use aof::{Item, Reader, Step};
use base::request::encode_request;
use engine::commit::{Commit, Origin};
use replication::feed::Feed;
use replication::{Effects, ReplId, ReplOffset, StreamPlace};
use std::ops::Range;

/// The most replicas of which it is recorded what they have shown.
pub(super) const READERS_MAX: usize = 128;

/// What was encoded together.
pub struct Encoded {
    /// The requests and annotations.
    pub bytes: Vec<u8>,
    /// The database that a reader of it has selected before it.
    pub db: Option<usize>,
    /// Together with what was taken before, it records the stream without a gap.
    pub joins: bool,
}

/// Encodes commits.
#[derive(Default)]
pub struct Encoder {
    /// The database that a reader of the log has selected.
    feed: Feed,
    bytes: Vec<u8>,
    /// The database that was selected when `bytes` began.
    db: Option<usize>,
    /// The era of the stream that the log records, and its offset after `bytes`; `None` if it records none.
    reached: Option<(u64, ReplOffset)>,
    /// The effects of our primary's request that runs, in `bytes`.
    unit: Option<Range<usize>>,
    /// The place that was recorded last, whatever came after it.
    told: Option<(ReplId, ReplOffset)>,
    /// There is more in `bytes`, or was in the stream, than the log records as the continuation of what was taken
    /// before.
    gap: bool,
    /// In this era the stream is not that of the dataset.
    void: Option<u64>,
    /// Nothing is said of the stream.
    silent: bool,
    /// How often it had changed what replicas have shown when that was recorded last.
    readers: u64,
}

impl Encoder {
    /// Appends a commit. False if there was nothing to append.
    pub fn commit(&mut self, commit: Commit<'_>) -> bool {
        let before = self.bytes.len();
        let changes = self.silent.then(|| commit.effects.without_messages());
        match changes.flatten() {
            // Messages are in the log as a part of the stream, of which it says nothing.
            Some(changes) => self.append_commit(Commit {
                effects: &changes,
                ..commit
            }),
            None => self.append_commit(commit),
        }
        self.bytes.len() > before
    }

    fn append_commit(&mut self, commit: Commit<'_>) {
        self.begin();
        let stream = self.line_up(commit.beside, commit.stream);
        let Commit {
            effects, origin, ..
        } = commit;
        let Some((first, _)) = effects.iter().next() else {
            return;
        };
        match (stream, origin) {
            (None, _) => _ = self.append(effects),
            (Some(stream), Origin::Here) if stream.ours => {
                match stream.selected {
                    Some(db) => self.select(db),
                    None => self.feed.select(None),
                }
                let bytes = self.append(effects).len();
                self.advance(bytes);
            }
            (Some(_), Origin::Here) => {
                self.select(first);
                history::own(&mut self.bytes);
                self.append(effects);
            }
            (Some(stream), Origin::Primary) => {
                let begins = stream.db.within(usize::MAX);
                if effects.len() == 1 || begins == Some(first) {
                    self.select(first);
                }
                let effects = self.append(effects);
                let start = self.unit.take().map_or(effects.start, |unit| unit.start);
                self.unit = Some(start..effects.end);
            }
        }
    }

    /// A request or transaction of our primary has run, and these parts are its bytes in the stream, which follow
    /// `stream`. It went `well` if no command failed.
    pub fn processed(&mut self, parts: &[&[u8]], well: bool, stream: Option<StreamPlace<'_>>) {
        self.begin();
        let unit = self.unit.take();
        let stream = match &unit {
            Some(_) => stream.filter(|_| self.reached.is_some()),
            None => self.line_up(&[], stream),
        };
        if stream.is_none() {
            return;
        }
        let count: usize = parts.iter().map(|part| part.len()).sum();
        if let Some(unit) = &unit
            && is_joined(parts, &self.bytes[unit.clone()])
        {
            return self.advance(count);
        }
        let whole = parts.concat();
        // Line ends between requests stand before what has run.
        let filling = whole.iter().take_while(|b| matches!(b, b'\r' | b'\n'));
        let (filling, rest) = whole.split_at(filling.count());
        if let Some(unit) = &unit
            && rest == &self.bytes[unit.clone()]
        {
            let mut said = Vec::new();
            if history::bytes(filling, &mut said) {
                self.bytes.splice(unit.start..unit.start, said);
                return self.advance(count);
            }
        }
        let last = unit
            .as_ref()
            .is_none_or(|unit| unit.end == self.bytes.len());
        let Some(said) = Said::of(&whole).filter(|said| last && self.may_run(said, &unit, well))
        else {
            return self.tell(&whole, unit);
        };
        if let Some(unit) = unit {
            self.bytes.truncate(unit.start);
        }
        self.feed.select(said.selects.or(self.feed.selected()));
        self.bytes.extend_from_slice(&whole);
        self.advance(count);
    }

    /// The request may be in the log as it is: what a reader runs then is what has been run here.
    fn may_run(&self, said: &Said<'_>, unit: &Option<Range<usize>>, well: bool) -> bool {
        let Some(unit) = unit else {
            let [] = said.effects[..] else {
                return well && said.publishes;
            };
            return well && said.selects.is_some();
        };
        // The transaction ends where the effects end, so a reader has the same database selected after both.
        let effects = Said::of(&self.bytes[unit.clone()]);
        effects.is_some_and(|effects| effects.effects == said.effects)
    }

    /// Effects that are not part of the stream, and the bytes that are.
    fn tell(&mut self, whole: &[u8], unit: Option<Range<usize>>) {
        self.disown(unit);
        let told = history::bytes(whole, &mut self.bytes);
        // Which database it has selected is said with the place.
        let selects = |bytes: &[u8]| bytes.eq_ignore_ascii_case(b"select");
        if told {
            self.advance(whole.len());
        }
        if !told || whole.windows(6).any(selects) {
            self.reached = None;
        }
    }

    /// These effects are not part of the stream.
    fn disown(&mut self, unit: Option<Range<usize>>) {
        if let Some(unit) = unit {
            let mut own = Vec::new();
            history::own(&mut own);
            self.bytes.splice(unit.start..unit.start, own);
        }
    }

    /// A batch ends: the log now records the whole stream. `beside` was appended to the stream after the last commit.
    pub fn settle(&mut self, beside: &[u8], stream: Option<StreamPlace<'_>>) {
        self.begin();
        if let Some(stream) = self.line_up(beside, stream)
            && self.unit.is_none()
        {
            self.tell_readers(&stream);
        }
    }

    /// Records what replicas have shown to understand, if that has changed.
    fn tell_readers(&mut self, stream: &StreamPlace<'_>) {
        let changes = stream.primary.shown_changes();
        if std::mem::replace(&mut self.readers, changes) == changes {
            return;
        }
        history::readers(&mut self.bytes);
        for shown in stream.primary.shown().take(READERS_MAX) {
            let knows = Knows {
                label: shown.label,
                reads: shown.reads.bits().into(),
                is_redis_8: shown.is_redis_8,
            };
            knows.print(&mut self.bytes);
        }
    }

    /// What was loaded has recorded the stream up to here.
    pub fn continue_from(&mut self, told: Option<(ReplId, ReplOffset)>) {
        self.told = told;
    }

    /// Takes what was encoded.
    pub fn take(&mut self, next: Vec<u8>) -> Option<Encoded> {
        if self.bytes.is_empty() {
            return None;
        }
        let unit = self.unit.take();
        self.disown(unit);
        Some(Encoded {
            bytes: std::mem::replace(&mut self.bytes, next),
            db: self.db,
            joins: !std::mem::take(&mut self.gap),
        })
    }

    /// Bytes that were encoded and not taken.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// True if all was taken.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Forgets what was not taken: a new file begins, in which nothing is selected and no place is known.
    pub fn reset(&mut self) {
        *self = Encoder {
            void: self.void,
            silent: self.silent,
            told: self.told,
            gap: self.gap || !self.bytes.is_empty(),
            ..Encoder::default()
        };
    }

    /// The dataset is not that of the stream in this era.
    pub fn leave_out(&mut self, era: u64) {
        self.void = Some(era);
        self.reached = None;
    }

    /// Nothing is said of the stream.
    pub fn is_silent(&self) -> bool {
        self.silent
    }

    /// Whether the log says from now on what it has to do with the stream.
    pub fn tell_stream(&mut self, tell: bool) {
        self.silent = !tell;
    }

    /// True if the dataset that the log holds is that of this place of the stream, once all effects are in the log.
    pub fn holds(&self, stream: &StreamPlace<'_>) -> bool {
        self.void != Some(stream.history.era())
    }

    /// True if the log may name this place of the stream.
    pub fn names(&self, stream: &StreamPlace<'_>) -> bool {
        let era = stream.history.era();
        !self.silent
            && self.holds(stream)
            && (self.reached.is_some_and(|(reached, _)| reached == era)
                || stream.history.id().is_hexadecimal()
                    && stream.history.offset() >= ReplOffset::ZERO)
    }

    fn begin(&mut self) {
        if self.bytes.is_empty() {
            self.db = self.feed.selected();
        }
    }

    /// Brings the log to the position of the stream, by recording `beside` or the position itself.
    fn line_up<'a>(
        &mut self,
        beside: &[u8],
        stream: Option<StreamPlace<'a>>,
    ) -> Option<StreamPlace<'a>> {
        let Some(stream) = stream.filter(|stream| self.names(stream)) else {
            self.reached = None;
            self.gap = true;
            return None;
        };
        if self.reached.is_some() && !beside.is_empty() && history::bytes(beside, &mut self.bytes) {
            self.advance(beside.len());
        }
        let here = (stream.history.era(), stream.history.offset());
        if self.reached != Some(here) {
            let former = stream.history.former().iter();
            let former = former.filter(|(id, _)| id.is_hexadecimal());
            let count = |offset: ReplOffset| offset.get().max(0) as u64;
            let at = At {
                id: *stream.history.id().bytes(),
                offset: count(here.1),
                db: stream.db.within(usize::MAX).map_or(-1, |db| db as i64),
                former: former.map(|(id, to)| (*id.bytes(), count(*to))).collect(),
            };
            at.print(&mut self.bytes);
            self.reached = Some(here);
            let follows =
                |(id, offset)| offset == here.1 && stream.history.went_through(id, offset);
            self.gap |= !self.told.is_some_and(follows);
            self.told = Some((stream.history.id(), here.1));
        }
        Some(stream)
    }

    fn advance(&mut self, bytes: usize) {
        if let (Some((_, reached)), Some((_, told))) = (&mut self.reached, &mut self.told) {
            *reached += bytes as i64;
            *told = *reached;
        }
    }

    /// A reader of the log selects `db`, which is not part of the stream.
    fn select(&mut self, db: usize) {
        if self.feed.selected() != Some(db) {
            history::own(&mut self.bytes);
            encode_request(&mut self.bytes, &["SELECT", &db.to_string()]);
            self.feed.select(Some(db));
        }
    }

    fn append(&mut self, effects: &Effects) -> Range<usize> {
        let start = self.bytes.len();
        let Encoder { feed, bytes, .. } = self;
        feed.effects(effects, |part| bytes.extend_from_slice(part));
        start..self.bytes.len()
    }
}

fn is_joined(parts: &[&[u8]], mut whole: &[u8]) -> bool {
    for part in parts {
        let Some(rest) = whole.strip_prefix(*part) else {
            return false;
        };
        whole = rest;
    }
    whole.is_empty()
}

/// What requests say.
#[derive(Default)]
struct Said<'a> {
    /// The requests, less those that select a database or begin or end a transaction.
    effects: Vec<&'a [u8]>,
    /// The database that is selected at the end, if one is.
    selects: Option<usize>,
    /// It is one request, which publishes.
    publishes: bool,
}

impl Said<'_> {
    /// `None` if these are not requests, or not whole ones.
    fn of(mut bytes: &[u8]) -> Option<Said<'_>> {
        let mut said = Said::default();
        let mut reader = Reader::at(0);
        while !bytes.is_empty() {
            let Ok(Step::Item {
                item: Item::Request(request),
                consumed,
            }) = reader.next(bytes)
            else {
                return None;
            };
            said.publishes = request.is("publish") || request.is("spublish");
            if let Some(db) = request.selects() {
                said.selects = Some(db as usize);
            } else if !request.is("multi") && !request.is("exec") {
                said.effects.push(&bytes[..consumed]);
            }
            bytes = &bytes[consumed..];
        }
        said.publishes &= said.effects.len() == 1;
        Some(said)
    }
}
