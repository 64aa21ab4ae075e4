//! What we write is loaded by the real servers, and holds the same.
//!
//! The keys of all good files go into one dataset. For each target it is transcoded, written, and loaded by a server
//! that reads the target; the server saves it, and that file must hold what ours held, but for the losses that the
//! transcoder told of. The same through RESTORE.

use forebay::rdb::RdbType;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use forebay::rdb::check::Scratch;
use forebay::rdb::lzf::Packer;
use forebay::rdb::stream::{Head, Node, Stream, StreamId};
use forebay::rdb::string::{StrRef, encode_raw};
use forebay::rdb::target::{self, Loss, OnLoss, Target, TypeSet, transcode_value};
use forebay::rdb::writer::{Attributes, Checksum, Writer};
use forebay::rdb::{RdbVersion, dump, listpack};

use crate::dataset::{Bytes, Content, Options, Value, content, load_with};
use crate::files;
use crate::peers;

type Keys = BTreeMap<(u32, Bytes), Value>;

const ALL: Options = Options {
    databases: 16,
    take_modules: true,
};

/// Everything that the good files hold and that any server could hold at once: no modules, nothing expired.
fn everything() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(collect_everything)
}

fn collect_everything() -> Keys {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_millis() as i64;
    let mut keys = Keys::new();
    for path in files("good") {
        let name = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let Ok(data) = load_with(&std::fs::read(&path).expect("readable"), ALL) else {
            continue;
        };
        for (db, values) in data.dbs {
            for (key, value) in values {
                let fields_expired = match &value.content {
                    Content::Module(..) => continue,
                    Content::Hash(fields) => {
                        fields.values().any(|(_, t)| t.is_some_and(|t| t <= now))
                    }
                    _ => false,
                };
                if !fields_expired && value.expire_ms.is_none_or(|t| t > now) {
                    keys.insert((db, [name.as_bytes(), b"/", &key].concat()), value);
                }
            }
        }
    }
    keys.insert((0, b"trapped stream".to_vec()), trapped_stream());
    assert!(keys.len() > 3_000, "{} keys", keys.len());
    keys
}

/// A stream with a value of the size whose back length the families of servers write differently.
fn trapped_stream() -> Value {
    let mut lp = listpack::Builder::new();
    let value = vec![b'x'; 16_378];
    for n in [1, 0, 1] {
        lp.push(listpack::Item::Int(n));
    }
    lp.push_bytes(b"field");
    for n in [0, 2, 0, 0] {
        lp.push(listpack::Item::Int(n));
    }
    lp.push_bytes(&value);
    lp.push(listpack::Item::Int(4));
    let lp = lp.into_vec();
    let id = StreamId { ms: 5, seq: 1 };
    let stream = Stream {
        nodes: vec![Node {
            master: id,
            listpack: StrRef::Raw(&lp),
            at: 0,
        }],
        length: 1,
        last_id: id,
        head: Some(Head {
            first_id: id,
            max_deleted_id: StreamId::ZERO,
            entries_added: 1,
        }),
        groups: Vec::new(),
        idmp: None,
    };
    let mut held = Vec::new();
    stream.encode(RdbType::Stream3, &mut held);
    let content = content(RdbType::Stream3, &held, forebay::rdb::check::Kind::Stream);
    Value {
        file_type: RdbType::Stream3,
        held_type: RdbType::Stream3,
        held,
        expire_ms: None,
        idle_s: None,
        freq: None,
        elements: 1,
        content,
    }
}

/// The value as it should come back, given what was lost.
fn expected(value: &Value, loss: Option<Loss>, target: Target) -> Content {
    let mut content = value.content.clone();
    match &mut content {
        Content::Hash(fields) if loss == Some(Loss::FieldExpiry) => {
            fields
                .values_mut()
                .for_each(|(_, expire_ms)| *expire_ms = None);
        }
        Content::Stream(stream) => {
            // Servers that have them write the defaults; ours has none before they are used.
            stream.idmp = None;
            stream.producers.clear();
            for group in &mut stream.groups {
                if target == Target::Redis62 {
                    group.entries_read = None;
                }
                if matches!(target, Target::Redis62 | Target::Redis70) {
                    group.consumers.iter_mut().for_each(|c| c.2 = None);
                }
                let nacked = std::mem::take(&mut group.nacked);
                group.pending.retain(|p| !nacked.contains(&p.0));
            }
            if target == Target::Redis62 {
                stream.first_id.clear();
                stream.max_deleted_id.clear();
                stream.entries_added = 0;
            }
        }
        _ => {}
    }
    content
}

struct Written {
    file: Bytes,
    /// The content that each key should have, and the payload that DUMP would give.
    keys: BTreeMap<(u32, Bytes), (Content, Option<i64>, Bytes)>,
    losses: BTreeMap<String, usize>,
}

/// Writes everything that `target` can hold.
fn write_for(target: Target, keys: &Keys, compress: bool) -> Written {
    let mut scratch = Scratch::new(forebay::base::secret::HashKey::fixed([9, 0]));
    let mut packer = Packer::new();
    let version = target.version().expect("a chosen target");
    let mut writer =
        Writer::new(Vec::new(), version, Checksum::Computed).expect("a buffer takes all");
    let mut out = Written {
        file: Vec::new(),
        keys: BTreeMap::new(),
        losses: BTreeMap::new(),
    };
    let (mut db, mut bytes) = (None, Vec::new());
    for ((n, key), value) in keys {
        bytes.clear();
        let packer = compress.then_some(&mut packer);
        let done = transcode_value(
            value.held_type,
            &value.held,
            target,
            OnLoss::Report,
            &mut scratch,
            packer,
            &mut bytes,
        )
        .unwrap_or_else(|e| panic!("{}: {e}", String::from_utf8_lossy(key)));
        if let Some(loss) = done.loss {
            *out.losses.entry(loss.to_string()).or_default() += 1;
        }
        let Some(rdb_type) = done.rdb_type else {
            continue;
        };
        assert!(target.reads(rdb_type), "{target} reads type {rdb_type}");
        if db != Some(*n) {
            writer.select_db(*n).expect("a buffer takes all");
            db = Some(*n);
        }
        let attributes = Attributes {
            expire_ms: value.expire_ms,
            ..Attributes::default()
        };
        writer
            .key(&attributes, rdb_type, key, &bytes)
            .expect("a buffer takes all");
        let mut payload = Vec::new();
        dump::encode_as(version, rdb_type, &bytes, &mut payload);
        out.keys.insert(
            (*n, key.clone()),
            (expected(value, done.loss, target), value.expire_ms, payload),
        );
    }
    (out.file, _) = writer.finish().expect("a buffer takes all");
    out
}

/// Compares a file, ours or a server's, with what was written.
fn differences(file: &[u8], wanted: &Written, target: Target) -> Vec<String> {
    let data = match load_with(file, ALL) {
        Ok(data) => data,
        Err(e) => return vec![format!("does not load: {e}")],
    };
    let mut out = Vec::new();
    let got: usize = data.dbs.values().map(|db| db.len()).sum();
    if got != wanted.keys.len() {
        out.push(format!("{got} keys instead of {}", wanted.keys.len()));
    }
    for ((db, key), (content, expire_ms, _)) in &wanted.keys {
        let name = String::from_utf8_lossy(key);
        match data.dbs.get(db).and_then(|db| db.get(key)) {
            None => out.push(format!("{name} is missing")),
            Some(value) if value.expire_ms != *expire_ms => {
                out.push(format!("{name}: another expiry"))
            }
            Some(value) if expected(value, None, target) != *content => {
                out.push(
                    format!("{name}: {:?} instead of {content:?}", value.content)
                        .chars()
                        .take(600)
                        .collect(),
                );
            }
            Some(_) => {}
        }
    }
    out
}

const TARGETS: [Target; 7] = [
    Target::Redis62,
    Target::Redis70,
    Target::Redis72,
    Target::Redis74,
    Target::Redis8,
    Target::Valkey8,
    Target::Valkey9,
];

#[test]
fn what_is_written_for_a_target_reads_back_equal_but_for_what_was_told() {
    let keys = everything();
    for target in TARGETS {
        for compress in [false, true] {
            let written = write_for(target, keys, compress);
            let different = differences(&written.file, &written, target);
            assert!(different.is_empty(), "{target}: {}", different.join("\n"));
            println!(
                "{target}: {} bytes, {} keys, lost: {:?}",
                written.file.len(),
                written.keys.len(),
                written.losses
            );
        }
    }
}

#[test]
fn losses_are_refused_unless_they_are_to_be_reported() {
    let mut scratch = Scratch::new(forebay::base::secret::HashKey::fixed([1, 0]));
    let mut refused = 0;
    for ((_, key), value) in everything() {
        for target in TARGETS {
            let mut out = b"before".to_vec();
            let mut go = |on_loss, out: &mut Bytes| {
                transcode_value(
                    value.held_type,
                    &value.held,
                    target,
                    on_loss,
                    &mut scratch,
                    None,
                    out,
                )
            };
            match go(OnLoss::Refuse, &mut out) {
                Ok(done) => assert!(
                    done.loss.is_none_or(|l| !l.is_data()),
                    "{}",
                    String::from_utf8_lossy(key)
                ),
                Err(_) => {
                    refused += 1;
                    assert_eq!(out, b"before");
                    assert!(
                        go(OnLoss::Report, &mut out)
                            .expect("reported")
                            .loss
                            .is_some()
                    );
                }
            }
        }
    }
    assert!(refused > 50, "{refused}");
}

#[test]
fn auto_takes_the_lowest_version_that_holds_the_types() {
    let of = |numbers: &[u8]| {
        let types = numbers.iter().filter_map(|n| RdbType::held(*n));
        target::auto(types.collect::<TypeSet>(), false)
    };
    assert_eq!(of(&[]), (RdbVersion::redis(9), Target::Auto));
    assert_eq!(of(&[0, 2, 5, 11]).0, RdbVersion::redis(9));
    assert_eq!(of(&[0, 16, 18]).0, RdbVersion::redis(10));
    // Only a consumer's active time is lost in the form of 7.0.
    assert_eq!(of(&[0, 20]).0, RdbVersion::redis(10));
    assert_eq!(of(&[0, 21]).0, RdbVersion::redis(10));
    assert_eq!(of(&[0, 25, 28]).0, RdbVersion::redis(14));
    assert_eq!(of(&[0, 22]), (RdbVersion::VALKEY_80, Target::Valkey9));
    assert_eq!(target::auto(TypeSet::new(), true).0, RdbVersion::REDIS_10);
}

/// A real server on a directory of its own; killed when dropped.
struct Server {
    child: Child,
    dir: tempfile::TempDir,
}

impl Server {
    /// Starts `program` on a copy of `file`; the log if it does not come up.
    fn start(program: &Path, deep_checks: bool, file: Option<&[u8]>) -> Result<Self, String> {
        let dir = tempfile::tempdir().expect("a directory");
        if let Some(file) = file {
            std::fs::write(dir.path().join("dump.rdb"), file).expect("written");
        }
        let mut command = Command::new(program);
        command
            .args([
                "--port",
                "0",
                "--unixsocket",
                "socket",
                "--save",
                "",
                "--dir",
            ])
            .arg(dir.path());
        command.args(["--proto-max-bulk-len", "512mb"]);
        if deep_checks {
            command.args(["--sanitize-dump-payload", "yes"]);
        }
        let log = std::fs::File::create(dir.path().join("log")).expect("created");
        command
            .current_dir(dir.path())
            .stdout(log)
            .stderr(Stdio::null())
            .stdin(Stdio::null());
        let child = command
            .spawn()
            .map_err(|e| format!("{}: {e}", program.display()))?;
        let mut server = Server { child, dir };
        let give_up = Instant::now() + Duration::from_secs(60);
        loop {
            if let Ok(mut link) = server.connect()
                && link.call(b"PING\r\n").is_ok_and(|reply| reply == "+PONG")
            {
                return Ok(server);
            }
            let gone = server.child.try_wait().expect("a child").is_some();
            if gone || Instant::now() > give_up {
                return Err(
                    std::fs::read_to_string(server.dir.path().join("log")).unwrap_or_default()
                );
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn connect(&self) -> std::io::Result<Link> {
        let stream = UnixStream::connect(self.dir.path().join("socket"))?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Link(BufReader::new(stream)))
    }

    /// Has the server save, and returns the file.
    fn saved(&self) -> Bytes {
        let mut link = self.connect().expect("connected");
        assert_eq!(link.call(b"SAVE\r\n").expect("a reply"), "+OK");
        std::fs::read(self.dir.path().join("dump.rdb")).expect("saved")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Link(BufReader<UnixStream>);

impl Link {
    /// One request, one line of reply.
    fn call(&mut self, request: &[u8]) -> std::io::Result<String> {
        self.0.get_mut().write_all(request)?;
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    fn command(&mut self, args: &[&[u8]]) -> String {
        let mut request = format!("*{}\r\n", args.len()).into_bytes();
        for arg in args {
            request.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
            request.extend_from_slice(arg);
            request.extend_from_slice(b"\r\n");
        }
        self.call(&request).expect("a reply")
    }
}

/// The real servers that the tests know; one that is not here is a skipped test, which CI does not allow.
fn servers() -> Vec<(String, PathBuf)> {
    let here = peers::ALL.iter().filter_map(|name| {
        let program = peers::require(name)?;
        Some(((*name).to_owned(), program))
    });
    here.collect()
}

/// The targets that a server of this name reads.
fn targets_of(server: &str) -> &'static [Target] {
    match server {
        "redis-6.2" => &[Target::Redis62],
        "redis-7.0" => &[Target::Redis62, Target::Redis70],
        "redis-7.2" | "valkey-8.0" | "valkey-8.1" => &[
            Target::Redis62,
            Target::Redis70,
            Target::Redis72,
            Target::Valkey8,
        ],
        "valkey-9.0" | "valkey-9.1" => &[Target::Valkey9],
        s if s.starts_with("redis-8") => &[
            Target::Redis62,
            Target::Redis70,
            Target::Redis72,
            Target::Redis74,
            Target::Redis8,
        ],
        _ => &[],
    }
}

#[test]
fn real_servers_load_what_is_written_for_them_and_hold_the_same() {
    let keys = everything();
    for (name, program) in servers() {
        for &target in targets_of(&name) {
            let written = write_for(target, keys, true);
            let server =
                Server::start(&program, !name.starts_with("valkey-9"), Some(&written.file))
                    .unwrap_or_else(|log| {
                        panic!("{name} does not load the file for {target}:\n{log}")
                    });
            let different = differences(&server.saved(), &written, target);
            assert!(
                different.is_empty(),
                "{name} holds other data for {target}:\n{}",
                different.join("\n")
            );
        }
    }
}

#[test]
fn real_servers_restore_our_dump_payloads_and_hold_the_same() {
    let keys = everything();
    for (name, program) in servers() {
        let Some(&target) = targets_of(&name).last() else {
            continue;
        };
        let written = write_for(target, keys, true);
        let server = Server::start(&program, !name.starts_with("valkey-9"), None)
            .expect("an empty server starts");
        let mut link = server.connect().expect("connected");
        for ((db, key), (_, expire_ms, payload)) in &written.keys {
            assert_eq!(link.command(&[b"SELECT", db.to_string().as_bytes()]), "+OK");
            let ttl = expire_ms.unwrap_or(0).to_string();
            let reply = link.command(&[b"RESTORE", key, ttl.as_bytes(), payload, b"ABSTTL"]);
            assert_eq!(reply, "+OK", "{name}: {}", String::from_utf8_lossy(key));
        }
        let different = differences(&server.saved(), &written, target);
        assert!(
            different.is_empty(),
            "{name} holds other data:\n{}",
            different.join("\n")
        );
    }
}

#[test]
fn a_raw_listpack_of_a_real_server_is_what_ours_is() {
    // The builder chooses the same bytes as the servers that wrote the good files: rebuild and compare.
    let mut rebuilt = 0;
    for (_, value) in everything()
        .iter()
        .filter(|(_, v)| v.file_type == RdbType::HashListpack)
    {
        let Some((StrRef::Raw(lp), _)) = StrRef::decode(&value.held) else {
            continue;
        };
        let mut builder = listpack::Builder::new();
        listpack::Iter::new(lp).for_each(|item| builder.push(item));
        assert_eq!(builder.finish(), lp);
        let mut string = Vec::new();
        encode_raw(lp, &mut string);
        assert_eq!(string, value.held);
        rebuilt += 1;
    }
    assert!(rebuilt > 50, "{rebuilt}");
}
