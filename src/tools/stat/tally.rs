//! The counts that need no key names.

use crate::encoding::{Form, encoding_name, kind_name};
use crate::pipeline::Place;
use rdb::RdbType;
use rdb::Record;
use rdb::check::{Kind, ValueInfo};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// Keys with what they take.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Keys.
    pub keys: u64,
    /// Bytes in the file.
    pub bytes: u64,
    /// Elements, members, fields, entries; bytes of a string.
    pub elements: u64,
    /// Keys with an expiry.
    pub expires: u64,
}

impl Tally {
    /// Adds another one up.
    pub fn add(&mut self, other: &Tally) {
        self.keys += other.keys;
        self.bytes += other.bytes;
        self.elements += other.elements;
        self.expires += other.expires;
    }
}

/// A key among the largest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Large {
    /// Its database.
    pub db: u32,
    /// Its name.
    pub key: Vec<u8>,
    /// Its type.
    pub kind: Kind,
    /// Its type byte.
    pub rdb_type: RdbType,
    /// Elements; bytes of a string.
    pub elements: u64,
    /// Bytes in the file.
    pub bytes: u64,
    /// Unix milliseconds.
    pub expire_ms: Option<i64>,
}

/// The classes of expiries, in milliseconds from now; the last one has no end.
pub const EXPIRY_CLASSES: [(&str, i64); 8] = [
    ("in the past", 0),
    ("within a minute", 60_000),
    ("within an hour", 3_600_000),
    ("within a day", 86_400_000),
    ("within a week", 7 * 86_400_000),
    ("within 30 days", 30 * 86_400_000),
    ("within a year", 365 * 86_400_000),
    ("later", i64::MAX),
];

/// The classes of idle times, in seconds; the last one has no end.
pub const IDLE_CLASSES: [(&str, u64); 5] = [
    ("under a minute", 60),
    ("under an hour", 3_600),
    ("under a day", 86_400),
    ("under 30 days", 30 * 86_400),
    ("longer", u64::MAX),
];

/// Type bytes times the forms of strings.
const SHAPES: usize = 64 * 4;

/// Everything that is counted by key.
#[derive(Debug)]
pub struct Tallies {
    now_ms: i64,
    largest: usize,
    /// Per database and shape. The current database is held apart.
    dbs: BTreeMap<u32, Box<[Tally; SHAPES]>>,
    current: Option<(u32, Box<[Tally; SHAPES]>)>,
    /// Encodings by shape, as named in this dump's dialect.
    names: [Option<(&'static str, &'static str)>; SHAPES],
    /// Per class of [`EXPIRY_CLASSES`].
    pub expiry: [u64; EXPIRY_CLASSES.len()],
    /// Per class of [`IDLE_CLASSES`].
    pub idle: [u64; IDLE_CLASSES.len()],
    /// By access frequency / 32.
    pub freq: [u64; 8],
    /// By the binary logarithm of the bytes in the file: keys and bytes.
    pub sizes: [(u64, u64); 64],
    /// Bytes of all key names.
    pub key_bytes: u64,
    /// Packed strings: bytes in the file, bytes unpacked.
    pub packed: (u64, u64),
    /// Hashes with a field expiry, and fields with one.
    pub field_expiries: (u64, u64),
    /// Collections without elements.
    pub empty: u64,
    /// Function libraries, and their bytes.
    pub libraries: (u64, u64),
    /// Records that modules keep beside keys.
    pub module_aux: u64,
    /// Values by the name of the module.
    pub modules: BTreeMap<String, u64>,
    /// Auxiliary fields.
    pub aux: Vec<(Vec<u8>, Vec<u8>)>,
    by_bytes: BinaryHeap<Reverse<Candidate>>,
    by_elements: BinaryHeap<Reverse<Candidate>>,
    /// The largest in the file, descending; there once it is finished.
    pub largest_bytes: Vec<Large>,
    /// Those with the most elements (no strings), descending.
    pub largest_elements: Vec<Large>,
}

/// A [`Large`] by what it is measured by; of equal ones that whose name comes first is the greater, so that the number
/// of threads does not show.
#[derive(Debug)]
struct Candidate {
    measure: u64,
    large: Large,
}

impl Candidate {
    fn order(&self) -> (u64, Reverse<(&[u8], u32)>) {
        (self.measure, Reverse((&self.large.key, self.large.db)))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Candidate) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Candidate {}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Candidate) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Candidate) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

/// Whether the number of elements says how large a value is.
fn has_elements(kind: Kind) -> bool {
    !matches!(kind, Kind::String | Kind::Module(_))
}

impl Tallies {
    /// An empty tally; expiries are counted by their distance from `now_ms`.
    pub fn new(now_ms: i64, largest: usize) -> Tallies {
        Tallies {
            now_ms,
            largest,
            dbs: BTreeMap::new(),
            current: None,
            names: [None; SHAPES],
            expiry: Default::default(),
            idle: Default::default(),
            freq: Default::default(),
            sizes: [(0, 0); 64],
            key_bytes: 0,
            packed: (0, 0),
            field_expiries: (0, 0),
            empty: 0,
            libraries: (0, 0),
            module_aux: 0,
            modules: BTreeMap::new(),
            aux: Vec::new(),
            by_bytes: BinaryHeap::new(),
            by_elements: BinaryHeap::new(),
            largest_bytes: Vec::new(),
            largest_elements: Vec::new(),
        }
    }

    /// Counts a key.
    #[inline]
    pub fn key(&mut self, place: &Place<'_>, record: &Record<'_>, info: &ValueInfo) {
        let bytes = place.bytes.len() as u64;
        let form = Form::of(record.rdb_type, record.value);
        let shape = usize::from(record.rdb_type.number()) * 4 + form as usize;
        if self.current.as_ref().is_none_or(|(db, _)| *db != place.db) {
            self.select(place.db);
        }
        let (_, tallies) = self.current.as_mut().expect("just selected");
        tallies[shape].add(&Tally {
            keys: 1,
            bytes,
            elements: info.elements,
            expires: u64::from(record.expire_ms.is_some()),
        });
        if self.names[shape].is_none() {
            let name = encoding_name(record.rdb_type, form);
            self.names[shape] = Some((kind_name(info.kind), name));
        }
        let size = &mut self.sizes[bytes.max(1).ilog2() as usize];
        *size = (size.0 + 1, size.1 + bytes);
        self.key_bytes += record.key.len() as u64;
        if form == Form::Packed {
            self.packed.0 += record.value.len() as u64;
            self.packed.1 += info.elements;
        }
        if let Some(time) = record.expire_ms {
            let left = time.saturating_sub(self.now_ms);
            let class = EXPIRY_CLASSES.iter().position(|&(_, end)| left <= end);
            self.expiry[class.unwrap_or(EXPIRY_CLASSES.len() - 1)] += 1;
        }
        if let Some(idle) = record.idle_s {
            let class = IDLE_CLASSES.iter().position(|&(_, end)| idle < end);
            self.idle[class.unwrap_or(IDLE_CLASSES.len() - 1)] += 1;
        }
        if let Some(freq) = record.freq {
            self.freq[usize::from(freq / 32)] += 1;
        }
        if record.rdb_type == RdbType::String {
            return;
        }
        self.empty += u64::from(info.empty);
        if info.expiring > 0 {
            self.field_expiries.0 += 1;
            self.field_expiries.1 += info.expiring;
        }
        if let Kind::Module(id) = info.kind {
            *self.modules.entry(id.name().to_string()).or_default() += 1;
        }
    }

    #[cold]
    fn select(&mut self, db: u32) {
        if let Some((old, tallies)) = self.current.take() {
            self.dbs.insert(old, tallies);
        }
        let tallies = self.dbs.remove(&db);
        let tallies = tallies.unwrap_or_else(|| Box::new([Tally::default(); SHAPES]));
        self.current = Some((db, tallies));
    }

    /// Whether a key is worth a [`Large`].
    #[inline]
    pub fn is_large(&self, db: u32, key: &[u8], bytes: u64, info: &ValueInfo) -> bool {
        let beats = |heap: &BinaryHeap<Reverse<Candidate>>, measure: u64| match heap.peek() {
            Some(Reverse(least)) if heap.len() >= self.largest => {
                measure >= least.measure && (measure, Reverse((key, db))) > least.order()
            }
            _ => true,
        };
        beats(&self.by_bytes, bytes)
            || (has_elements(info.kind) && beats(&self.by_elements, info.elements))
    }

    /// A key that may be among the largest.
    pub fn large(&mut self, large: Large) {
        let largest = self.largest;
        let keep = |heap: &mut BinaryHeap<Reverse<Candidate>>, n: u64, large: Large| {
            heap.push(Reverse(Candidate { measure: n, large }));
            if heap.len() > largest {
                heap.pop();
            }
        };
        if has_elements(large.kind) {
            keep(&mut self.by_elements, large.elements, large.clone());
        }
        keep(&mut self.by_bytes, large.bytes, large);
    }

    /// An auxiliary field.
    pub fn aux(&mut self, name: &[u8], value: &[u8]) {
        const KEPT: usize = 64;
        if self.aux.len() < KEPT {
            let cut = |b: &[u8]| b[..b.len().min(256)].to_vec();
            self.aux.push((cut(name), cut(value)));
        }
    }

    /// A function library of `bytes` bytes.
    pub fn library(&mut self, bytes: u64) {
        self.libraries.0 += 1;
        self.libraries.1 += bytes;
    }

    /// Adds up what another thread has counted.
    pub fn merge(&mut self, mut other: Tallies) {
        for (db, tallies) in other.current.take().into_iter().chain(other.dbs) {
            self.select(db);
            let (_, own) = self.current.as_mut().expect("just selected");
            own.iter_mut()
                .zip(tallies.iter())
                .for_each(|(a, b)| a.add(b));
        }
        for (own, name) in self.names.iter_mut().zip(other.names) {
            *own = own.or(name);
        }
        let add = |a: &mut [u64], b: &[u64]| a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        add(&mut self.expiry, &other.expiry);
        add(&mut self.idle, &other.idle);
        add(&mut self.freq, &other.freq);
        for (a, b) in self.sizes.iter_mut().zip(other.sizes) {
            *a = (a.0 + b.0, a.1 + b.1);
        }
        self.key_bytes += other.key_bytes;
        self.packed = (
            self.packed.0 + other.packed.0,
            self.packed.1 + other.packed.1,
        );
        self.field_expiries.0 += other.field_expiries.0;
        self.field_expiries.1 += other.field_expiries.1;
        self.empty += other.empty;
        self.libraries.0 += other.libraries.0;
        self.libraries.1 += other.libraries.1;
        self.module_aux += other.module_aux;
        for (name, n) in other.modules {
            *self.modules.entry(name).or_default() += n;
        }
        self.aux.extend(other.aux);
        self.by_bytes.extend(other.by_bytes);
        self.by_elements.extend(other.by_elements);
    }

    /// Nothing will be added any more.
    pub fn finish(&mut self) {
        if let Some((db, tallies)) = self.current.take() {
            self.dbs.insert(db, tallies);
        }
        let sorted = |heap: &mut BinaryHeap<Reverse<Candidate>>, n: usize| -> Vec<Large> {
            let all = std::mem::take(heap).into_sorted_vec().into_iter();
            all.take(n).map(|Reverse(c)| c.large).collect()
        };
        self.largest_bytes = sorted(&mut self.by_bytes, self.largest);
        self.largest_elements = sorted(&mut self.by_elements, self.largest);
    }

    /// All keys together.
    pub fn total(&self) -> Tally {
        self.sum(|_, _| true)
    }

    fn sum(&self, which: impl Fn(u32, usize) -> bool) -> Tally {
        let mut sum = Tally::default();
        for (&db, tallies) in &self.dbs {
            for (shape, tally) in tallies.iter().enumerate() {
                if which(db, shape) {
                    sum.add(tally);
                }
            }
        }
        sum
    }

    /// By database, ascending.
    pub fn by_db(&self) -> Vec<(u32, Tally)> {
        let dbs = self.dbs.keys();
        dbs.map(|&db| (db, self.sum(|d, _| d == db))).collect()
    }

    /// By type, most bytes first.
    pub fn by_type(&self) -> Vec<(&'static str, Tally)> {
        let mut types: BTreeMap<&'static str, Tally> = BTreeMap::new();
        for (shape, name) in self.named() {
            let tally = self.sum(|_, s| s == shape);
            types.entry(name.0).or_default().add(&tally);
        }
        let mut types: Vec<_> = types.into_iter().collect();
        types.sort_by_key(|(_, t)| Reverse(t.bytes));
        types
    }

    /// By type, encoding and type byte, most bytes first.
    pub fn by_encoding(&self) -> Vec<(&'static str, &'static str, u8, Tally)> {
        let mut all: Vec<_> = self
            .named()
            .map(|(shape, (kind, name))| {
                (kind, name, (shape / 4) as u8, self.sum(|_, s| s == shape))
            })
            .collect();
        all.sort_by_key(|(.., t)| Reverse(t.bytes));
        all
    }

    fn named(&self) -> impl Iterator<Item = (usize, (&'static str, &'static str))> {
        let names = self.names.iter().enumerate();
        names.filter_map(|(shape, name)| Some((shape, (*name)?)))
    }

    /// An auxiliary field by name, as text.
    pub fn aux_text(&self, name: &str) -> Option<String> {
        let named = |f: &&(Vec<u8>, Vec<u8>)| f.0.eq_ignore_ascii_case(name.as_bytes());
        let field = self.aux.iter().find(named)?;
        Some(String::from_utf8_lossy(&field.1).into_owned())
    }
}
