//! The work of the loader threads: checks each value, converts values that are held in another form, and inserts.

use super::list::{DETAILED, Detail, Entry, Heat, List, Plain, RECORD_MAX};
use super::scan::Building;
use super::{HeatPolicy, LoadError, LoadOptions};
use base::{UserData, reserve};
use flow::load::{Verdict, judge};
use keyspace::{DuplicateKey, Partition, Scanned, Value, record};
use pipes::queue::WorkQueue;
use pipes::window::Window;
use rdb::RdbType;
use rdb::check::{Scratch, ValueInfo, check_value};
use rdb::normalize::normalize;
use rdb::string::{StrBuf, StrRef};
use rdb::{Context, RdbError};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// So many keys that are left out because they are empty are named in the log, as by Redis.
const EMPTY_NAMED_MAX: u64 = 10;

/// Records of one range of hashes, to be inserted.
pub struct Task {
    /// The window that holds the records.
    pub window: Arc<Window>,
    /// Where they go.
    pub building: Arc<Building>,
    /// What values mean in this dump.
    pub context: Arc<Context>,
    /// Index of the range.
    pub range: usize,
    /// The records.
    pub list: List,
}

impl Task {
    fn partition(&self) -> MutexGuard<'_, Partition> {
        let partition = self.building.partitions[self.range].lock();
        partition.expect("no panic while the lock is held")
    }

    /// The error for a key that is there already; its record starts `at` bytes into the window.
    fn duplicate(&self, duplicate: &DuplicateKey, at: usize) -> LoadError {
        LoadError::Duplicate {
            db: self.building.db,
            key: duplicate.key.clone(),
            offset: self.window.offset + at as u64,
        }
    }
}

/// Lists that wait to be inserted, and the results so far.
pub struct Tasks {
    /// The work itself.
    pub queue: WorkQueue<Task>,
    failed: AtomicBool,
    error: Mutex<Option<LoadError>>,
    loaded: AtomicU64,
    expired: AtomicU64,
    expired_names: Mutex<Names>,
    empty: AtomicU64,
    unknown: AtomicU64,
    unserved: AtomicU64,
}

/// Keys that were dropped, and their bytes; the keys are forgotten once they are too many.
#[derive(Default)]
struct Names {
    keys: Vec<(u32, Vec<u8>)>,
    bytes: usize,
}

impl Tasks {
    /// Nothing to do yet.
    pub fn new() -> Tasks {
        Tasks {
            queue: WorkQueue::default(),
            failed: AtomicBool::new(false),
            error: Mutex::new(None),
            loaded: AtomicU64::new(0),
            expired: AtomicU64::new(0),
            expired_names: Mutex::new(Names::default()),
            empty: AtomicU64::new(0),
            unknown: AtomicU64::new(0),
            unserved: AtomicU64::new(0),
        }
    }

    /// `Err(Cancelled)` once a thread has met a defect: the defect itself comes with [`Tasks::take_error`].
    pub fn check_failed(&self) -> Result<(), LoadError> {
        if self.failed.load(Ordering::Relaxed) {
            Err(LoadError::Cancelled)
        } else {
            Ok(())
        }
    }

    /// The first defect by offset.
    pub fn take_error(&self) -> Option<LoadError> {
        self.error
            .lock()
            .expect("no panic while the lock is held")
            .take()
    }

    /// So many keys have been inserted.
    fn count(&self, keys: usize) {
        self.loaded.fetch_add(keys as u64, Ordering::Relaxed);
    }

    /// Values of types that are not served, kept.
    pub fn unserved(&self) -> u64 {
        self.unserved.load(Ordering::Relaxed)
    }

    /// A value, or what a module stores beside its keys, was left out.
    pub fn skipped_unknown(&self) {
        self.unknown.fetch_add(1, Ordering::Relaxed);
    }

    /// Databases and names of the expired keys, ordered; `None` if they took more than `bytes_max`.
    pub fn take_expired(&self, bytes_max: usize) -> Option<Vec<(u32, Vec<u8>)>> {
        let mut names = self
            .expired_names
            .lock()
            .expect("no panic while it is held");
        let mut keys = std::mem::take(&mut names.keys);
        // Threads met them in any order.
        keys.sort_unstable();
        (names.bytes <= bytes_max).then_some(keys)
    }

    /// A key was left out because it had expired.
    pub fn expired(&self, db: u32, key: &[u8], bytes_max: usize) {
        self.expired.fetch_add(1, Ordering::Relaxed);
        if bytes_max > 0 {
            let mut names = self
                .expired_names
                .lock()
                .expect("no panic while it is held");
            names.bytes += key.len();
            match names.bytes <= bytes_max {
                true => names.keys.push((db, key.to_vec())),
                false => names.keys = Vec::new(),
            }
        }
    }

    /// Keys loaded, expired, empty, unknown.
    pub fn counts(&self) -> (u64, u64, u64, u64) {
        let get = |n: &AtomicU64| n.load(Ordering::Relaxed);
        (
            get(&self.loaded),
            get(&self.expired),
            get(&self.empty),
            get(&self.unknown),
        )
    }

    fn fail(&self, error: LoadError) {
        let mut first = self.error.lock().expect("no panic while the lock is held");
        if first.as_ref().is_none_or(|e| error.offset() < e.offset()) {
            *first = Some(error);
        }
        self.failed.store(true, Ordering::Relaxed);
    }
}

/// One thread's tools.
pub struct Inserter<'a> {
    options: &'a LoadOptions,
    tasks: &'a Tasks,
    scratch: Scratch,
    /// Records that had to be rebuilt, because the window does not hold them in the form of the keyspace.
    rebuilt: Vec<u8>,
    /// Where each of them ends.
    converted: Vec<u8>,
}

/// What becomes of a record that needs a look.
enum Plan {
    /// The record is kept as it is in the window; the numbers are its start and end.
    Window(usize, usize),
    /// It is kept as rebuilt: start, end.
    Rebuilt(usize, usize),
    /// The value is held outside of the records.
    Value(Value),
    /// It is left out.
    Skip,
}

impl Detail {
    fn in_window(&self) -> Plan {
        let head = if self.expire_ms.is_some() { 9 } else { 0 };
        Plan::Window(self.body - head, self.body + self.len)
    }
}

impl<'a> Inserter<'a> {
    /// Tools for a thread.
    pub fn new(options: &'a LoadOptions, tasks: &'a Tasks) -> Self {
        Inserter {
            options,
            tasks,
            scratch: Scratch::new(options.key),
            rebuilt: Vec::new(),
            converted: Vec::new(),
        }
    }

    /// Works until there is nothing more to do.
    pub fn work(&mut self) {
        while let Some(task) = self.tasks.queue.next() {
            self.insert(&task);
        }
    }

    /// Works until at most `waiting` tasks are left.
    pub fn help_until(&mut self, waiting: usize) {
        while let Some(task) = self.tasks.queue.next_above(waiting) {
            self.insert(&task);
        }
    }

    fn insert(&mut self, task: &Task) {
        if self.tasks.failed.load(Ordering::Relaxed) {
            return;
        }
        if let Err(error) = self.try_insert(task) {
            self.tasks.fail(error);
        }
    }

    fn try_insert(&mut self, task: &Task) -> Result<(), LoadError> {
        let offset = task.window.offset;
        reserve::check().map_err(|source| LoadError::Memory { offset, source })?;
        let List { entries, details } = &task.list;
        if !details.is_empty() {
            return self.insert_detailed(task);
        }
        let window = task.window.bytes();
        let heat = self.heat(Heat::None);
        let get = |i: usize| {
            let entry: &Entry = &entries[i];
            let (start, len) = (entry.at as usize, entry.len as usize);
            Scanned {
                hash: entry.hash,
                record: &window[start..start + len],
                heat,
            }
        };
        let inserted = task.partition().insert_batch(entries.len(), get);
        inserted.map_err(|d| task.duplicate(&d, entries[d.index].at as usize))?;
        self.tasks.count(entries.len());
        Ok(())
    }

    /// The same for a list in which there are records to be checked, converted, or left out.
    fn insert_detailed(&mut self, task: &Task) -> Result<(), LoadError> {
        let window = task.window.bytes();
        self.rebuilt.clear();
        let plans: Result<Vec<Plan>, LoadError> = task
            .list
            .details
            .iter()
            .map(|detail| self.plan(task, detail, window))
            .collect();
        let mut plans = plans?;
        let mut batch = Vec::with_capacity(task.list.entries.len());
        let mut starts = Vec::with_capacity(batch.capacity());
        let mut apart = Vec::new();
        for entry in &task.list.entries {
            let (record, start, heat) = if entry.len == DETAILED {
                let index = entry.at as usize;
                let detail = &task.list.details[index];
                let heat = self.heat(detail.heat);
                let record = match std::mem::replace(&mut plans[index], Plan::Skip) {
                    Plan::Window(start, end) => &window[start..end],
                    Plan::Rebuilt(start, end) => &self.rebuilt[start..end],
                    Plan::Value(value) => {
                        apart.push((entry.hash, detail, value, heat));
                        continue;
                    }
                    Plan::Skip => continue,
                };
                (record, detail.body, heat)
            } else {
                let (start, len) = (entry.at as usize, entry.len as usize);
                (&window[start..start + len], start, self.heat(Heat::None))
            };
            starts.push(start);
            batch.push(Scanned {
                hash: entry.hash,
                record,
                heat,
            });
        }
        let mut partition = task.partition();
        let inserted = partition.insert_batch(batch.len(), |i| batch[i]);
        inserted.map_err(|d| task.duplicate(&d, starts[d.index]))?;
        self.tasks.count(batch.len() + apart.len());
        for (hash, detail, value, heat) in apart {
            let key = key_of(detail, window);
            let inserted = partition.insert_value(hash, &key, detail.expire_ms, value, heat);
            inserted.map_err(|d| task.duplicate(&d, detail.body))?;
        }
        Ok(())
    }

    /// Counts it, too.
    fn is_expired(&self, task: &Task, detail: &Detail, info: &ValueInfo, window: &[u8]) -> bool {
        // A hash has expired with its last field.
        let expired = self.options.drops(detail.expire_ms) || self.options.drops(info.ends_ms);
        if expired {
            let key = key_of(detail, window);
            let max = self.options.expired_bytes_max;
            self.tasks.expired(task.building.db, &key, max);
        }
        expired
    }

    fn plan(&mut self, task: &Task, detail: &Detail, window: &[u8]) -> Result<Plan, LoadError> {
        let body = &window[detail.body..detail.body + detail.len];
        let (rdb_type, value) = (detail.rdb_type, &body[detail.value..]);
        let located = |e: RdbError| {
            let at = task.window.offset + (detail.body + detail.value) as u64;
            LoadError::Rdb(e.shifted(at).with_key(&key_of(detail, window)))
        };
        let info = check_value(&task.context, rdb_type, value, &mut self.scratch);
        let info = info.map_err(located)?;
        let verdict = judge(&info, self.options.unknown);
        let verdict = verdict.map_err(|kind| located(RdbError::new(kind, 0, "a value")))?;
        if verdict == Verdict::LeaveOut {
            self.tasks.skipped_unknown();
            return Ok(Plan::Skip);
        }
        if info.empty {
            if self.tasks.empty.fetch_add(1, Ordering::Relaxed) < EMPTY_NAMED_MAX {
                let name = key_of(detail, window);
                tracing::info!(
                    "rdbLoadObject skipping empty key: {}",
                    UserData(name.escape_ascii())
                );
            }
            return Ok(Plan::Skip);
        }
        if self.is_expired(task, detail, &info, window) {
            return Ok(Plan::Skip);
        }
        if verdict == Verdict::TakeUnserved {
            self.tasks.unserved.fetch_add(1, Ordering::Relaxed);
        }
        let (held_type, held) = if info.as_is {
            (rdb_type, value)
        } else {
            self.converted.clear();
            let held_type = normalize(
                &task.context,
                rdb_type,
                value,
                &info,
                &mut self.scratch,
                &mut self.converted,
            )
            .map_err(located)?;
            (held_type, self.converted.as_slice())
        };
        let limits = &self.options.limits;
        if !stands_as_record(held_type, held.len())
            || !Value::stays_packed(held_type, info.elements, held.len(), limits)
        {
            // By the reader's own limits, as every real server loads: small tables become packed.
            let value = Value::load(held_type, held, limits);
            let start = self.rebuilt.len();
            record::put_head(
                &mut self.rebuilt,
                detail.expire_ms,
                held_type,
                &key_of(detail, window),
            );
            let type_at = start + if detail.expire_ms.is_some() { 9 } else { 0 };
            let value_at = self.rebuilt.len();
            return Ok(match value.to_record(&mut self.rebuilt) {
                Some(packed) if self.rebuilt.len() - value_at <= RECORD_MAX => {
                    self.rebuilt[type_at] = packed.number();
                    Plan::Rebuilt(start, self.rebuilt.len())
                }
                _ => {
                    self.rebuilt.truncate(start);
                    Plan::Value(value)
                }
            });
        }
        if info.as_is && detail.plain != Plain::No && shortest_key_length(body, detail.value) {
            return Ok(detail.in_window());
        }
        let start = self.rebuilt.len();
        record::put_head(
            &mut self.rebuilt,
            detail.expire_ms,
            held_type,
            &key_of(detail, window),
        );
        self.rebuilt.extend_from_slice(held);
        Ok(Plan::Rebuilt(start, self.rebuilt.len()))
    }

    fn heat(&self, heat: Heat) -> u32 {
        match (self.options.heat, heat) {
            (HeatPolicy::Lru(now), Heat::Idle(idle)) => {
                now.wrapping_sub(u32::try_from(idle).unwrap_or(u32::MAX).min(0xff_ffff)) & 0xff_ffff
            }
            (HeatPolicy::Lru(now), _) => now,
            (HeatPolicy::Lfu(minute), Heat::Freq(freq)) => u32::from(minute) << 8 | u32::from(freq),
            // A new key's counter, as Redis starts it.
            (HeatPolicy::Lfu(minute), _) => u32::from(minute) << 8 | 5,
        }
    }
}

/// The key's bytes.
fn key_of(detail: &Detail, window: &[u8]) -> Vec<u8> {
    let text = &window[detail.body + 1..detail.body + detail.value];
    let mut buf = StrBuf::new();
    let key = StrRef::decode(text).and_then(|(s, _)| s.get(&mut buf).map(<[u8]>::to_vec));
    key.expect("the scanner has decoded it before")
}

/// True if the key's length is in its shortest form, as the keyspace keeps it.
fn shortest_key_length(body: &[u8], value: usize) -> bool {
    match body[1] {
        n @ 0..64 => value == 2 + n as usize,
        64..128 => value >= 3 + 64,
        0x80 => value >= 6 + 16384,
        _ => false,
    }
}

/// True for values that the keyspace takes as records; the others it takes built.
fn stands_as_record(held_type: RdbType, len: usize) -> bool {
    let packed = matches!(
        held_type,
        RdbType::String
            | RdbType::SetIntset
            | RdbType::HashListpack
            | RdbType::ZsetListpack
            | RdbType::Quicklist2
            | RdbType::SetListpack
            | RdbType::HashListpackTtl
    );
    packed && len <= RECORD_MAX
}
