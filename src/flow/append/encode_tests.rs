//! Whatever happens, the log reproduces the stream, and loading it runs what has run.

use super::encode::Encoded;
use super::{Encoder, Reading, Told, tails};
use aof::judge::Event;
use aof::{Item, Judge, Reader, Retelling, Sealer, Step};
use base::request::encode_request;
use base::secret::Secrets;
use base::testing::Rng;
use config::Config;
use engine::CommitPosition;
use engine::commit::{Commit, Origin};
use replication::feed::{Feed, GETACK, PING};
use replication::{Effects, Position, Reads, ReplId, ReplMeta, ReplOffset, Replication, StreamDb};
use std::ops::Range;

/// A request that changes something, in a database.
type Ran = (usize, Vec<u8>);

struct World {
    repl: Replication,
    encoder: Encoder,
    commits: u64,
    /// The stream, from its start at offset 1,000 on.
    stream: Vec<u8>,
    /// The database that the stream has selected.
    feed: Feed,
    ran: Vec<Ran>,
    files: Vec<Vec<u8>>,
    sealer: Sealer,
    names: u64,
    replica: bool,
    /// The maximum number of bytes of the stream that the log cannot record.
    most: usize,
    /// The batches since the last one that does not join those before it: file and range.
    joined: Vec<(usize, Range<usize>)>,
    /// The offset at which they begin.
    joined_from: u64,
}

fn id(c: u8) -> ReplId {
    ReplId::parse(&[c; 40]).expect("an id")
}

fn request(words: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_request(&mut bytes, words);
    bytes
}

impl World {
    fn new(replica: bool, most: usize) -> World {
        let mut repl = Replication::new(&Config::default(), &mut Secrets::predictable(1));
        let at = Position {
            id: id(b'a'),
            offset: ReplOffset::told(1000).expect("an offset"),
        };
        let stream_db = StreamDb::ours(0);
        match replica {
            true => repl.start_as_replica("primary", 1, Some((at, stream_db))),
            false => repl.restore_as_primary(ReplMeta { stream_db, at }, Some(&[]), false),
        }
        repl.follow_by_log(true);
        World {
            repl,
            encoder: Encoder::default(),
            commits: 0,
            stream: Vec::new(),
            feed: Feed::default(),
            ran: Vec::new(),
            files: vec![Vec::new()],
            sealer: Sealer::new(),
            names: 0,
            replica,
            most,
            joined: Vec::new(),
            joined_from: 0,
        }
    }

    fn commit(&mut self, effects: &Effects, origin: Origin) {
        self.commits += 1;
        let beside = self.repl.take_beside();
        self.encoder.commit(Commit {
            effects,
            at: CommitPosition::nth(self.commits),
            origin,
            beside: &beside,
            stream: self.repl.place(),
        });
        self.repl.feed(effects);
        for (db, parts) in effects.iter() {
            self.ran.push((db, parts.collect::<Vec<_>>().concat()));
        }
    }

    fn effect(&mut self, rng: &mut Rng) -> Vec<u8> {
        self.names += 1;
        let name = format!("n{}", self.names);
        request(&["SET", &name, &"v".repeat(rng.below(self.most))])
    }

    fn effects(&mut self, rng: &mut Rng) -> Effects {
        let mut effects = Effects::default();
        for _ in 0..=rng.below(3) {
            self.names += 1;
            let (db, name) = (rng.below(3), format!("n{}", self.names));
            effects.push(db, &["SET", &name, &"v".repeat(rng.below(50))]);
        }
        effects
    }

    /// The order of events on a primary.
    fn write(&mut self, rng: &mut Rng) {
        match rng.below(6) {
            0 => self.say(PING),
            1 => self.say(GETACK),
            2 => self.say(&vec![b'x'; rng.below(self.most)]),
            3 if rng.below(20) == 0 && self.most > 400 => self.repl.change_id(),
            _ => {
                let effects = self.effects(rng);
                self.commit(&effects, Origin::Here);
                let stream = &mut self.stream;
                self.feed
                    .effects(&effects, |part| stream.extend_from_slice(part));
            }
        }
    }

    fn say(&mut self, bytes: &[u8]) {
        self.repl.append_raw(bytes);
        self.stream.extend_from_slice(bytes);
    }

    /// The order of events on a replica.
    fn follow(&mut self, rng: &mut Rng) {
        let db = self.repl.upstream().expect("a primary").db;
        let here = db.within(3);
        let (one, two) = (self.effect(rng), self.effect(rng));
        let (multi, exec) = (request(&["MULTI"]), request(&["EXEC"]));
        let other = rng.below(3);
        let select = request(&["SELECT", &other.to_string()]);
        let own = rng.below(4) == 0;
        let mut ran: Vec<Ran> = Vec::new();
        let (mut said, mut well, mut after) = (Vec::new(), true, db);
        match (rng.below(10), here) {
            (0, _) => said = PING.to_vec(),
            (1, _) => said = request(&["PUBLISH", "c", &"m".repeat(rng.below(900))]),
            (2, _) => (said, after) = (select, StreamDb::ours(other)),
            (3, _) => (said, after, well) = (request(&["SELECT", "9"]), StreamDb::ours(9), false),
            (4, _) => (said, well) = (two, false),
            (5, Some(db)) => {
                // The request ran in another form.
                (said, ran) = (two, vec![(db, one)]);
            }
            (6, Some(db)) => {
                said = [&multi[..], &one, &exec].concat();
                ran = vec![(db, one)];
            }
            (7, Some(db)) => {
                said = [&multi[..], &one, &select, &two, &exec].concat();
                (ran, after) = (vec![(db, one), (other, two)], StreamDb::ours(other));
            }
            (8, _) => {
                said = [&multi[..], &select, &one, &two, &exec].concat();
                (ran, after) = (vec![(other, one), (other, two)], StreamDb::ours(other));
            }
            (_, Some(db)) => {
                said = [&b"\r\n"[..rng.below(2) * 2], &one].concat();
                ran = vec![(db, one)];
            }
            _ => {}
        }
        let mut effects = Effects::default();
        for (db, request) in &ran {
            let mut reader = Reader::at(0);
            let argv = aof::history::whole_request(&mut reader, request).expect("a request");
            effects.push(*db, &argv.args().collect::<Vec<_>>());
        }
        if !effects.is_empty() {
            self.commit(&effects, Origin::Primary);
        }
        if own {
            // A client of this replica was served with it.
            let effects = self.effects(rng);
            self.commit(&effects, Origin::Here);
        }
        let cut = rng.below(said.len() + 1);
        let parts = [&said[..cut], &said[cut..]];
        self.encoder.processed(&parts, well, self.repl.place());
        self.repl.set_stream_db(after);
        self.repl.on_processed(&said, Reads::empty());
        self.stream.extend_from_slice(&said);
    }

    fn hand_over(&mut self, rng: &mut Rng) {
        let beside = self.repl.take_beside();
        self.encoder.settle(&beside, self.repl.place());
        let file = self.files.last_mut().expect("a file");
        if let Some(Encoded { bytes, joins, .. }) = self.encoder.take(Vec::new()) {
            let begun = file.len();
            self.sealer.update(&bytes);
            file.extend_from_slice(&bytes);
            let at = self.repl.history().position();
            let offset = at.offset.get() as u64;
            self.sealer.seal(at.id.bytes(), offset, 0, file);
            let range = begun..file.len();
            match joins {
                true => self.joined.push((self.files.len() - 1, range)),
                false => {
                    self.joined.clear();
                    self.joined_from = offset;
                }
            }
        }
        if rng.below(10) == 0 {
            self.encoder.reset();
            self.files.push(Vec::new());
            self.sealer = Sealer::new();
            // A file begins with its place.
            self.hand_over(rng);
        }
    }

    /// What the batches that join one another tell, and the offset at which that begins.
    fn retold(&self) -> (u64, Vec<u8>) {
        let (mut out, mut at) = (Vec::new(), self.joined_from);
        for (file, range) in &self.joined {
            let mut retelling = Retelling::at(at);
            let taken = retelling.take(&self.files[*file][range.clone()], &mut out);
            taken.expect("it is sound");
            assert!(retelling.is_proven());
            at = retelling.offset();
        }
        (self.joined_from, out)
    }

    fn read(&self, limit: usize) -> (Told, Vec<Ran>) {
        let mut reading = Reading::new(limit, 0);
        let mut ran = Vec::new();
        for file in &self.files {
            let (mut reader, mut judge, mut at, mut db) = (Reader::at(0), Judge::at(0), 0, 0);
            while at < file.len() {
                let Ok(Step::Item { item, consumed }) = reader.next(&file[at..]) else {
                    panic!(
                        "no item at {at}: {:?}",
                        String::from_utf8_lossy(&file[at..])
                    );
                };
                let bytes = &file[at..at + consumed];
                let event = judge.item(at as u64, bytes, &item).expect("it is sound");
                reading.item(bytes, (at + consumed) as u64, &item, &event);
                if let (Item::Request(request), Event::Nothing) = (&item, &event) {
                    match request.selects() {
                        Some(selected) => db = selected as usize,
                        None if request.is("set") => ran.push((db, bytes.to_vec())),
                        None => {}
                    }
                }
                at += consumed;
            }
            reading.end_file(false);
        }
        let told = reading.told().expect("it is not lost");
        (told.expect("it is told"), ran)
    }
}

#[test]
fn a_log_tells_the_stream_and_runs_what_has_run() {
    for seed in 0..600 {
        let mut rng = Rng::new(seed);
        let most = [300, 9000][rng.below(2)];
        let mut world = World::new(seed % 2 == 0, most);
        world.hand_over(&mut rng);
        for _ in 0..rng.below(120) {
            match world.replica {
                true => world.follow(&mut rng),
                false => world.write(&mut rng),
            }
            if rng.below(3) == 0 {
                world.hand_over(&mut rng);
            }
        }
        world.hand_over(&mut rng);
        let limit = [1 << 20, 500][rng.below(2)];
        let (told, ran) = world.read(limit);
        assert_eq!(ran, world.ran, "seed {seed}");
        assert_eq!(told.meta.at, world.repl.history().position(), "seed {seed}");
        if world.replica {
            let db = world.repl.upstream().expect("a primary").db;
            assert_eq!(told.meta.stream_db, db, "seed {seed}");
        }
        let bytes = Vec::from(told.past.bytes).concat();
        assert!(world.stream.ends_with(&bytes), "seed {seed}");
        let (from, retold) = world.retold();
        let stream = &world.stream[(from - 1000) as usize..];
        assert!(retold == stream, "seed {seed}, from {from}");
        assert!(most > 400 || from == 1000, "seed {seed}: {from}");
        assert!(
            limit > 500 || bytes.len() <= 500 + (64 << 10),
            "seed {seed}"
        );
        if most < 400 && limit > world.stream.len() {
            assert!(bytes == world.stream, "seed {seed}");
        }
    }
}

/// What files say whose items are these; whether each was cut at its last seal.
fn told(files: &[(&[u8], bool)]) -> Told {
    let mut reading = Reading::new(1000, 0);
    for (bytes, cut) in files {
        let (mut reader, mut judge) = (Reader::at(0), Judge::at(0));
        let mut at = 0;
        while let Ok(Step::Item { item, consumed }) = reader.next(&bytes[at..]) {
            let part = &bytes[at..at + consumed];
            let event = judge.item(at as u64, part, &item).expect("sound");
            reading.item(part, (at + consumed) as u64, &item, &event);
            at += consumed;
        }
        reading.end_file(*cut);
    }
    reading.told().expect("known").expect("it tells")
}

/// An annotation that records a position.
fn place(offset: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let at = aof::history::At {
        id: [b'a'; 40],
        offset,
        db: 0,
        former: Vec::new(),
    };
    at.print(&mut bytes);
    bytes
}

/// A replica that lacks only what comes after it must not be asked to understand it.
#[test]
fn what_readers_must_understand_is_noted_where_it_was_used() {
    let (set, flush) = (request(&["SET", "a", "1"]), request(&["FUNCTION", "FLUSH"]));
    let (multi, exec) = (request(&["MULTI"]), request(&["EXEC"]));
    let transaction = [multi, flush.clone(), exec].concat();
    for needing in [flush, transaction] {
        let file = [place(1000), set.clone(), needing.clone(), set.clone()].concat();
        let last = 1000 + (set.len() + needing.len()) as i64;
        let last = ReplOffset::told(last).expect("an offset");
        let needs = told(&[(&file, false)]).past.needs;
        assert_eq!(needs.from(last), Reads::REDIS_7_0);
        assert_eq!(needs.from(last + 1), Reads::empty());
        // Behind the last seal of a file that was cut, it counts up to the end.
        let mut file = [place(1000), set.clone()].concat();
        let mut sealer = Sealer::new();
        sealer.update(&file);
        let end = 1000 + set.len() as u64;
        sealer.seal(&[b'a'; 40], end, 0, &mut file);
        file.extend_from_slice(&needing);
        let told = told(&[(&file, true)]);
        let end = ReplOffset::told(end as i64).expect("an offset");
        assert_eq!(told.meta.at.offset, end);
        assert_eq!(told.past.needs.from(end + 1), Reads::empty());
    }
}

#[test]
fn what_ran_of_a_file_without_its_last_seal_counts_when_the_next_file_is_cut() {
    let (mut first, mut second) = (place(1000), Vec::new());
    let set = request(&["SET", "a", "1"]);
    first.extend_from_slice(&set);
    Sealer::new().seal(&[b'a'; 40], 1000 + set.len() as u64, 0, &mut second);
    let reached = 1000 + set.len() as u64;
    let one = told(&[(&first, false)]);
    assert_eq!(one.meta.at.offset.get() as u64, reached);
    // The next file was begun after the first had been cut off, and a power cut has taken all but its first seal.
    assert_eq!(told(&[(&first, false), (&second, true)]), one);
}

/// Judges these bytes, as the last file of a log on a disk that is full or not, and gives what is left of them.
fn judged(bytes: &[u8], full: bool) -> (Result<tails::Judged, String>, Vec<u8>) {
    let disk = disk::fake::FakeDisk::with([("/log/a", bytes)]);
    if full {
        disk.fill();
    }
    let verdict = aof::judge::judge(bytes, 0, |_, _| {});
    let seen = tails::Seen {
        size: bytes.len() as u64,
        judge: verdict.judge,
        defect: verdict.defect,
        sound_after: None,
    };
    let tails = tails::Tails {
        truncated: true,
        corrupt: true,
        corrupt_max: 0,
        last: true,
    };
    let path = "/log/a".as_ref();
    let judged = tails::judge(&disk, path, &seen, tails, |_, _| {});
    let left = disk.read(path).expect("it is there");
    let names = disk::Disk::list(&disk, "/log".as_ref()).expect("a list");
    let set_aside = !full && left.len() < bytes.len();
    assert_eq!(names.len(), 1 + usize::from(set_aside));
    (judged, left)
}

#[test]
fn a_full_disk_keeps_nobody_down_who_lacks_the_end_of_a_request() {
    let set = request(&["SET", "a", "1"]);
    let mut sealed = set.clone();
    let mut sealer = Sealer::new();
    sealer.update(&set);
    sealer.seal(&[b'a'; 40], 1000, 0, &mut sealed);
    let torn = [&sealed[..], &set[..set.len() - 1]].concat();
    for full in [false, true] {
        let (judged, left) = judged(&torn, full);
        assert_eq!(judged.expect("it starts").end, sealed.len() as u64);
        assert_eq!(left, sealed);
    }
    // Bytes that are wrong may tell somebody something.
    let wrong = [&sealed[..], b"*1\r\n$x\r\nPING\r\n"].concat();
    let (judged, left) = judged(&wrong, true);
    let refused = judged.expect_err("nothing of it may be lost");
    assert!(
        refused.contains("No space left") || refused.contains("storage"),
        "{refused}"
    );
    assert_eq!(left, wrong);
}

#[test]
fn a_file_goes_on_if_its_seals_reach_to_its_end_or_it_has_none() {
    let set = request(&["SET", "a", "1"]);
    let goes_on = |bytes: &[u8]| {
        let judged = judged(bytes, false).0.expect("it is whole");
        assert_eq!((judged.end, judged.cut), (bytes.len() as u64, false));
        judged.sealer.is_some()
    };
    assert!(goes_on(&set));
    let mut sealer = Sealer::new();
    sealer.update(&set);
    let mut sealed = set.clone();
    sealer.seal(&[b'a'; 40], 1000, 0, &mut sealed);
    assert!(goes_on(&sealed));
    assert!(!goes_on(&[sealed, set.clone()].concat()));
}
