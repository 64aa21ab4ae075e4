//! A whole file, loaded the way a server would: scanned, checked, normalised, decoded from the canonical bytes.

use forebay::rdb::RdbType;
use std::collections::{BTreeMap, BTreeSet};

use forebay::rdb::check::{Kind, Scratch, check_value};
use forebay::rdb::crc64::crc64;
use forebay::rdb::listpack;
use forebay::rdb::normalize::normalize;
use forebay::rdb::stream::Stream;
use forebay::rdb::stream_node::{Entry, NodeReader};
use forebay::rdb::walk::{self, ArrayItem, Bufs};
use forebay::rdb::{Context, ErrorKind, Frame, RdbError, RdbVersion, Scanner, Step, function};

pub type Bytes = Vec<u8>;

#[derive(Debug, Default)]
pub struct Dataset {
    pub version: Option<RdbVersion>,
    pub aux: Vec<(Bytes, Bytes)>,
    pub functions: Vec<Bytes>,
    pub pre_ga_functions: usize,
    pub slot_info: Vec<(u64, u64, u64)>,
    pub slot_imports: Vec<(Bytes, Vec<(u64, u64)>)>,
    pub modules_aux: usize,
    pub dbs: BTreeMap<u32, BTreeMap<Bytes, Value>>,
    /// Bytes of the file behind its end.
    pub left_over: usize,
}

#[derive(Debug, Clone)]
pub struct Value {
    pub file_type: RdbType,
    pub held_type: RdbType,
    pub held: Bytes,
    pub expire_ms: Option<i64>,
    pub idle_s: Option<u64>,
    pub freq: Option<u8>,
    pub elements: u64,
    pub content: Content,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    String(Bytes),
    List(Vec<Bytes>),
    Set(BTreeSet<Bytes>),
    /// By score, then member.
    Zset(Vec<(Bytes, f64)>),
    Hash(BTreeMap<Bytes, (Bytes, Option<i64>)>),
    Stream(StreamContent),
    /// Elements by index: text, or a number.
    Array(Vec<(u64, ArrayValue)>, Option<u64>),
    Module(String, u16),
}

#[derive(Debug, Clone, PartialEq)]
pub enum ArrayValue {
    Bytes(Bytes),
    Number(f64),
}

#[derive(Debug, Clone, PartialEq)]
pub struct StreamContent {
    pub entries: Vec<(String, Vec<(Bytes, Bytes)>)>,
    pub tombstones: u64,
    pub last_id: String,
    pub first_id: String,
    pub max_deleted_id: String,
    pub entries_added: u64,
    pub groups: Vec<GroupContent>,
    pub idmp: Option<(u64, u64, u64, u64)>,
    pub producers: Vec<(Bytes, Vec<(Bytes, String)>)>,
}

/// A pending entry: id, consumer, delivery time, delivery count.
pub type PendingContent = (String, Option<Bytes>, i64, u64);
/// A consumer: name, seen time, active time.
pub type ConsumerContent = (Bytes, i64, Option<i64>);

#[derive(Debug, Clone, PartialEq)]
pub struct GroupContent {
    pub name: Bytes,
    pub last_id: String,
    pub entries_read: Option<u64>,
    pub pending: Vec<PendingContent>,
    pub consumers: Vec<ConsumerContent>,
    pub nacked: Vec<String>,
}

/// What a load does beyond the format: databases there are, and what to do with modules.
#[derive(Clone, Copy)]
pub struct Options {
    pub databases: u32,
    pub take_modules: bool,
}

/// Loads a file as a server does that refuses modules and has 16 databases.
pub fn load(bytes: &[u8]) -> Result<Dataset, RdbError> {
    load_with(
        bytes,
        Options {
            databases: 16,
            take_modules: false,
        },
    )
}

pub fn load_with(bytes: &[u8], options: Options) -> Result<Dataset, RdbError> {
    let mut scanner = Scanner::new();
    let mut scratch = Scratch::new(forebay::base::secret::HashKey::fixed([0x5eed, 0]));
    let (mut data, mut at, mut db) = (Dataset::default(), 0usize, 0u32);
    let (mut libraries, mut function_names) = (BTreeSet::new(), BTreeSet::new());
    loop {
        let offset = at as u64;
        let (frame, consumed) = match scanner.next(&bytes[at..])? {
            Step::Frame { frame, consumed } => (frame, consumed),
            Step::NeedMore { at_least } => {
                assert!(at_least > (bytes.len() - at) as u64, "asks for what it has");
                return Err(scanner.truncated());
            }
        };
        at += consumed;
        match frame {
            Frame::Header(version) => data.version = Some(version),
            Frame::Aux { name, value } => data.aux.push((name.into_owned(), value.into_owned())),
            Frame::SelectDb(n) if n >= options.databases => {
                return Err(RdbError::new(
                    ErrorKind::BadCount(u64::from(n)),
                    offset,
                    "database number",
                ));
            }
            Frame::SelectDb(n) => db = n,
            Frame::SlotInfo {
                slot,
                keys,
                expires,
            } => data.slot_info.push((slot, keys, expires)),
            Frame::SlotImport { job, ranges } => data.slot_imports.push((job.into_owned(), ranges)),
            Frame::Function { code } => {
                let library = function::check_library(&code).map_err(|what| {
                    RdbError::new(ErrorKind::BadFunction(what), offset, "function library")
                })?;
                if !libraries.insert(library.name.to_vec()) {
                    return Err(RdbError::new(
                        ErrorKind::Duplicate,
                        offset,
                        "function library",
                    ));
                }
                for name in function::function_names(&code) {
                    if !function_names.insert(name) {
                        return Err(RdbError::new(ErrorKind::Duplicate, offset, "function"));
                    }
                }
                data.functions.push(code.into_owned());
            }
            Frame::FunctionPreGa { .. } => data.pre_ga_functions += 1,
            Frame::ModuleAux { id, .. } if !options.take_modules => {
                return Err(RdbError::new(
                    ErrorKind::Module(id),
                    offset,
                    "module auxiliary data",
                ));
            }
            Frame::ModuleAux { .. } => data.modules_aux += 1,
            Frame::Key(record) => {
                let context = scanner.context().clone();
                let place = |e: RdbError| e.shifted(record.value_offset()).with_key(&record.key);
                let info = check_value(&context, record.rdb_type, record.value, &mut scratch)
                    .map_err(place)?;
                if let Kind::Module(id) = info.kind
                    && !options.take_modules
                {
                    return Err(RdbError::new(
                        ErrorKind::Module(id),
                        record.offset,
                        "module value",
                    )
                    .with_key(&record.key));
                }
                if info.empty {
                    continue;
                }
                let mut held = Vec::new();
                let held_type = normalize(
                    &context,
                    record.rdb_type,
                    record.value,
                    &info,
                    &mut scratch,
                    &mut held,
                )
                .unwrap_or_else(|e| panic!("what passed the check is normalised: {e}"));
                let again = check_value(&Context::held(), held_type, &held, &mut scratch)
                    .unwrap_or_else(|e| panic!("what was normalised is sound: {e}"));
                assert!(
                    again.as_is,
                    "type {held_type} of {:?} is canonical",
                    record.key
                );
                assert_eq!(
                    (again.elements, again.expiring, again.kind),
                    (info.elements, info.expiring, info.kind)
                );
                let value = Value {
                    file_type: record.rdb_type,
                    held_type,
                    expire_ms: record.expire_ms,
                    idle_s: record.idle_s,
                    freq: record.freq,
                    elements: info.elements,
                    content: content(held_type, &held, info.kind),
                    held,
                };
                if data
                    .dbs
                    .entry(db)
                    .or_default()
                    .insert(record.key.to_vec(), value)
                    .is_some()
                {
                    return Err(RdbError::new(ErrorKind::Duplicate, record.offset, "key")
                        .with_key(&record.key));
                }
            }
            Frame::Eof { checksum, covered } => {
                data.left_over = bytes.len() - at;
                let computed = crc64(&bytes[..covered as usize]);
                match checksum {
                    Some(stored) if stored != 0 && stored != computed => {
                        return Err(RdbError::new(
                            ErrorKind::Checksum { stored, computed },
                            covered,
                            "checksum",
                        ));
                    }
                    _ => return Ok(data),
                }
            }
            _ => {}
        }
    }
}

/// Decodes canonical bytes.
pub fn content(rdb_type: RdbType, bytes: &[u8], kind: Kind) -> Content {
    let mut bufs = Bufs::new();
    let bufs = &mut bufs;
    let sound = "canonical bytes are sound";
    type Done = Result<(), RdbError>;
    match kind {
        Kind::String => Content::String(walk::string(bytes, bufs).expect(sound).to_vec()),
        Kind::List => {
            let mut out = Vec::new();
            walk::list(rdb_type, bytes, bufs, |item| -> Done {
                let _: () = out.push(item.to_vec());
                Ok(())
            })
            .expect(sound);
            Content::List(out)
        }
        Kind::Set => {
            let mut out = BTreeSet::new();
            walk::set(rdb_type, bytes, bufs, |item| -> Done {
                let _: () = assert!(out.insert(item.to_vec()));
                Ok(())
            })
            .expect(sound);
            Content::Set(out)
        }
        Kind::Zset => {
            let mut out = Vec::new();
            walk::zset(rdb_type, bytes, bufs, |m, score| -> Done {
                let _: () = out.push((m.to_vec(), score));
                Ok(())
            })
            .expect(sound);
            let unsorted = out.clone();
            out.sort_by(|a, b| {
                a.1.partial_cmp(&b.1)
                    .expect("no NaN")
                    .then_with(|| a.0.cmp(&b.0))
            });
            assert!(
                rdb_type != RdbType::ZsetListpack || out == unsorted,
                "packed ones are in order"
            );
            Content::Zset(out)
        }
        Kind::Hash => {
            let mut out = BTreeMap::new();
            walk::hash(&Context::held(), rdb_type, bytes, bufs, |f, v, t| -> Done {
                let _: () = assert!(out.insert(f.to_vec(), (v.to_vec(), t)).is_none());
                Ok(())
            })
            .expect(sound);
            Content::Hash(out)
        }
        Kind::Stream => Content::Stream(stream(rdb_type, bytes)),
        Kind::Array => {
            let mut out = Vec::new();
            let cursor = walk::array(bytes, bufs, |index, item| -> Done {
                let value = match item {
                    ArrayItem::Bytes(bytes) => ArrayValue::Bytes(bytes.to_vec()),
                    ArrayItem::Int(n) => ArrayValue::Bytes(n.to_string().into_bytes()),
                    ArrayItem::Double(d) => ArrayValue::Number(d),
                };
                let _: () = out.push((index, value));
                Ok(())
            })
            .expect(sound);
            Content::Array(out, cursor)
        }
        Kind::Module(id) => Content::Module(id.name().to_string(), id.encver()),
    }
}

fn stream(rdb_type: RdbType, bytes: &[u8]) -> StreamContent {
    let s = Stream::parse(rdb_type, bytes).expect("sound");
    let (mut entries, mut tombstones) = (Vec::new(), 0);
    for node in &s.nodes {
        let mut lp = Vec::new();
        node.listpack.append_to(&mut lp).expect("sound");
        listpack::check(&lp).expect("sound");
        let mut reader = NodeReader::open(node.master, &lp).expect("sound");
        let mut entry = Entry::new();
        while reader.read(&mut entry).expect("sound") {
            if entry.deleted {
                tombstones += 1;
                continue;
            }
            let fields = entry
                .fields
                .iter()
                .map(|(f, v)| (f.to_vec(), v.to_vec()))
                .collect();
            entries.push((entry.id.to_string(), fields));
        }
    }
    assert_eq!(entries.len() as u64, s.length);
    let head = s.head.expect("canonical streams have it");
    let mut groups: Vec<GroupContent> = s
        .groups
        .iter()
        .map(|g| GroupContent {
            name: g.name.to_vec(),
            last_id: g.last_id.to_string(),
            entries_read: g.entries_read,
            pending: g
                .pending
                .iter()
                .map(|p| {
                    let owner = p.owner.map(|o| g.consumers[o as usize].name.to_vec());
                    (p.id.to_string(), owner, p.delivered_ms, p.deliveries)
                })
                .collect(),
            consumers: g
                .consumers
                .iter()
                .map(|c| (c.name.to_vec(), c.seen_ms, c.active_ms))
                .collect(),
            nacked: g.nacked.iter().map(|id| id.to_string()).collect(),
        })
        .collect();
    groups.sort_by(|a, b| a.name.cmp(&b.name));
    for group in &mut groups {
        group.consumers.sort();
    }
    let idmp = s
        .idmp
        .as_ref()
        .map(|i| (i.duration_s, i.entries_max, i.added, i.duplicates));
    let producers = s.idmp.iter().flat_map(|i| &i.producers);
    StreamContent {
        entries,
        tombstones,
        last_id: s.last_id.to_string(),
        first_id: head.first_id.to_string(),
        max_deleted_id: head.max_deleted_id.to_string(),
        entries_added: head.entries_added,
        groups,
        idmp,
        producers: producers
            .map(|p| {
                (
                    p.id.to_vec(),
                    p.entries
                        .iter()
                        .map(|(iid, id)| (iid.to_vec(), id.to_string()))
                        .collect(),
                )
            })
            .collect(),
    }
}
