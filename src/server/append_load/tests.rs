//! Logs on a real disk, loaded into a server in this process.

use super::*;
use aof::Manifest;
use aof::Sealer;
use aof::names::{increment, manifest};
use base::request::encode_request;
use base::secret::Secrets;
use config::Config;
use engine::host::SaveOptions;
use std::fs;
use std::path::PathBuf;
use tokio::task::LocalSet;

const NAME: &str = "appendonly.aof";

/// A server with a directory for its files.
struct World {
    dir: tempfile::TempDir,
    server: Rc<Server>,
}

impl World {
    /// A dump of its dataset.
    fn dump(&self) -> Vec<u8> {
        let persistence = &self.server.persistence;
        let options = SaveOptions::default();
        let saved = self
            .server
            .with_engine(|engine| persistence.save(engine, &options));
        saved.expect("saved");
        fs::read(self.dir.path().join("dump.rdb")).expect("a dump")
    }

    fn new() -> World {
        let dir = tempfile::tempdir().expect("a directory");
        fs::create_dir(dir.path().join("appendonlydir")).expect("a directory");
        let server = Self::server(dir.path());
        World { dir, server }
    }

    fn server(dir: &Path) -> Rc<Server> {
        let config = Config {
            dir: dir.to_str().expect("UTF-8").to_owned(),
            dbfilename: dir.join("dump.rdb").to_str().expect("UTF-8").to_owned(),
            save: Vec::new(),
            ..Config::default()
        };
        Server::new(config, Secrets::predictable(7))
    }

    fn place(&self, name: &str) -> PathBuf {
        self.dir.path().join("appendonlydir").join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.place(name), bytes).expect("written");
    }

    fn manifest(&self, text: &str) {
        self.write(&manifest(NAME), text.as_bytes());
    }

    fn load(&self) -> Result<Option<LoadedLog>, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.expect("a runtime");
        let tasks = LocalSet::new();
        let place = self.server.with_engine(|engine| Place::configured(engine));
        let found = tasks.block_on(&runtime, load_at_start(&self.server, place))?;
        Ok(found.map(|(log, _)| log))
    }

    /// The reply to a new client.
    fn run(&self, line: &str) -> String {
        self.server.with_executor(|engine| {
            let id = engine.connect("127.0.0.1:1".into(), "127.0.0.1:2".into());
            let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            engine.execute(id, &words);
            let session = engine.clients.get_mut(&id).expect("it is connected");
            let reply = String::from_utf8_lossy(&session.reply.take()).into_owned();
            engine.disconnect(id);
            reply
        })
    }

    fn is_whole(&self) -> bool {
        let engine = self.server.engine.borrow();
        self.server.persistence.whole(&engine).is_some()
    }
}

fn requests(lines: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        encode_request(&mut bytes, &words);
    }
    bytes
}

/// An increment of sealed batches, and the ends of its batches.
fn sealed(batches: &[&[&str]]) -> (Vec<u8>, Vec<usize>) {
    let (mut file, mut ends, mut sealer) = (Vec::new(), Vec::new(), Sealer::new());
    sealer.seal(&[b'a'; 40], 0, 1, &mut file);
    for (number, batch) in (1..).zip(batches) {
        let bytes = requests(batch);
        sealer.update(&bytes);
        file.extend_from_slice(&bytes);
        sealer.seal(&[b'a'; 40], number * 100, number, &mut file);
        ends.push(file.len());
    }
    (file, ends)
}

#[test]
fn without_a_log_nothing_is_loaded() {
    let world = World::new();
    assert!(world.load().expect("no error").is_none());
    assert!(!world.is_whole(), "the dump is to be loaded");
}

#[test]
fn a_base_and_its_increments_are_loaded_in_order() {
    let world = World::new();
    // The base is a dump of another server.
    let other = World::new();
    other.server.persistence.start_empty();
    for line in ["SET a 1", "SET old 1 PXAT 5000000000000", "RPUSH list x y"] {
        other.run(line);
    }
    let dump = other.dump();
    world.write("base.rdb", &dump);
    world.write(
        &increment(NAME, 1),
        &requests(&["SELECT 0", "INCR a", "DEL old"]),
    );
    world.write(
        &increment(NAME, 2),
        &requests(&[
            "MULTI",
            "INCR a",
            "LPOP list",
            "EXEC",
            "SELECT 3",
            "SET b 1",
        ]),
    );
    world.manifest(
        "file base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n\
         file appendonly.aof.2.incr.aof seq 2 type i\n",
    );
    let loaded = world.load().expect("it loads").expect("it is there");
    assert_eq!(loaded.manifest.increments.len(), 2);
    assert_eq!(loaded.single, None);
    assert_eq!(world.run("GET a"), "$1\r\n3\r\n");
    assert_eq!(world.run("EXISTS old"), ":0\r\n");
    assert_eq!(world.run("LRANGE list 0 -1"), "*1\r\n$1\r\ny\r\n");
    assert!(world.is_whole());
    assert_eq!(world.server.engine.borrow().dirty, 0);
    assert_eq!(world.server.engine.borrow().loading, Loading::No);
    assert_eq!(world.server.engine.borrow().keyspace.db(3).len(), 1);
}

#[test]
fn a_single_file_is_loaded_with_and_without_a_dump() {
    let other = World::new();
    other.server.persistence.start_empty();
    other.run("SET a 1");
    let dump = other.dump();
    for (before, a) in [(&dump[..], "2"), (&[][..], "1")] {
        let world = World::new();
        let bytes = [before, &requests(&["SELECT 0", "INCR a"])].concat();
        fs::write(world.dir.path().join(NAME), bytes).expect("written");
        let loaded = world.load().expect("it loads").expect("it is there");
        assert_eq!(loaded.single, Some(world.dir.path().join(NAME)));
        assert_eq!(world.run("GET a"), format!("$1\r\n{a}\r\n"));
    }
}

#[test]
fn a_crash_while_a_single_file_is_moved_leaves_it_where_it_is_found() {
    let of_single = Manifest::of_single(NAME).print().expect("a plain name");
    for (has_manifest, moved) in [(false, false), (true, false), (true, true)] {
        let world = World::new();
        if has_manifest {
            world.write(&manifest(NAME), &of_single);
        }
        let outside = world.dir.path().join(NAME);
        let place = if moved {
            world.place(NAME)
        } else {
            outside.clone()
        };
        fs::write(place, requests(&["SELECT 0", "SET a 1"])).expect("written");
        let loaded = world.load().expect("it loads").expect("it is there");
        assert_eq!(loaded.single, (!moved).then_some(outside));
        assert_eq!(world.run("GET a"), "$1\r\n1\r\n");
    }
}

#[test]
fn a_torn_end_is_set_aside_and_the_rest_is_loaded() {
    let (file, ends) = sealed(&[
        &["SET a 1"],
        &["INCR a", "SET b x"],
        &["MULTI", "INCR a", "EXEC"],
    ]);
    let line = "file appendonly.aof.1.incr.aof seq 1 type i\n";
    for cut in (ends[1] + 1..file.len()).step_by(7) {
        let world = World::new();
        world.manifest(line);
        world.write(&increment(NAME, 1), &file[..cut]);
        world.load().expect("it loads").expect("it is there");
        let kept = fs::read(world.place(&increment(NAME, 1))).expect("a file");
        assert!(
            kept.len() >= ends[1] && file.starts_with(&kept),
            "cut at {cut}"
        );
        let aside = format!("{}.cut-at-{}", increment(NAME, 1), kept.len());
        match kept.len() == cut {
            true => assert!(!world.place(&aside).exists()),
            false => assert_eq!(
                fs::read(world.place(&aside)).expect("aside"),
                file[kept.len()..cut]
            ),
        }
        let a = world.run("GET a");
        assert!(
            a == "$1\r\n2\r\n" || a == "$1\r\n3\r\n",
            "cut at {cut}: {a}"
        );
    }
}

#[test]
fn other_damage_ends_the_start_and_leaves_the_files_and_the_witness() {
    let (file, ends) = sealed(&[&["SET a 1"], &["INCR a"], &["INCR a"]]);
    let mut middle = file.clone();
    middle[ends[0] - 3] ^= 1;
    let requests = requests(&["SET a 1", "SET b 2"]);
    let first = "file appendonly.aof.1.incr.aof seq 1 type i\n";
    let both = format!("{first}file appendonly.aof.2.incr.aof seq 2 type i\n");
    let unknown = b"*2\r\n$7\r\nNO.SUCH\r\n$1\r\na\r\n";
    for (manifest, bytes, why) in [
        (first, &middle[..], "this is no torn end"),
        (&both, &requests[..requests.len() - 3], "not the last file"),
        (first, b"*1\r\n$3\r\nSET\r\nxyz", "Bad file format"),
        (first, unknown, "Unknown command 'NO.SUCH'"),
        (
            "file x seq 1 type i\n",
            b"",
            "the AOF file x length. stat: No such file",
        ),
        (
            "file x seq 0 type i\n",
            b"",
            "FATAL AOF MANIFEST FILE ERROR",
        ),
    ] {
        let world = World::new();
        world.manifest(manifest);
        world.write(&increment(NAME, 1), bytes);
        world.write(&increment(NAME, 2), b"");
        let error = world.load().expect_err(why);
        assert!(error.contains(why), "{error}");
        let left = fs::read(world.place(&increment(NAME, 1))).expect("a file");
        assert_eq!(left, bytes);
        assert!(
            !world.is_whole(),
            "a part of the data must not replace a dump"
        );
    }
}

#[test]
fn a_torn_end_ends_the_start_if_the_configuration_says_so() {
    let world = World::new();
    world.manifest("file appendonly.aof.1.incr.aof seq 1 type i\n");
    let bytes = requests(&["SET a 1", "SET b 2"]);
    world.write(&increment(NAME, 1), &bytes[..bytes.len() - 3]);
    world
        .server
        .with_engine(|engine| engine.config.aof_load_truncated = false);
    let error = world.load().expect_err("it is torn");
    assert!(error.contains("Unexpected end of file"), "{error}");
    assert!(error.contains("aof-load-truncated"), "{error}");
}

#[test]
fn a_log_of_many_windows_is_loaded_whole() {
    let world = World::new();
    world.manifest("file appendonly.aof.1.incr.aof seq 1 type i\n");
    let mut bytes = Vec::new();
    for n in 0..30_000 {
        encode_request(
            &mut bytes,
            &["SET", &format!("key:{n}"), &format!("value-of-{n:050}")],
        );
    }
    let large = "x".repeat(3 << 20);
    encode_request(&mut bytes, &["SET", "large", &large]);
    encode_request(&mut bytes, &["SET", "last", "1"]);
    world.write(&increment(NAME, 1), &bytes);
    world.load().expect("it loads").expect("it is there");
    assert_eq!(world.run("DBSIZE"), ":30002\r\n");
    assert_eq!(world.run("STRLEN large"), format!(":{}\r\n", large.len()));
}

#[test]
fn a_log_that_is_loaded_again_keeps_what_has_expired_until_it_deletes_it() {
    let world = World::new();
    world.server.persistence.start_empty();
    world.manifest("file appendonly.aof.1.incr.aof seq 1 type i\n");
    let lines = [
        "SET kept 1 PXAT 1",
        "INCR kept",
        "PERSIST kept",
        "SET due 1",
        "PEXPIREAT due 1",
        "HSET fields f 1 g 1",
        "HPEXPIREAT fields 1 FIELDS 1 f",
        "SET told 1 PX 1",
        "DEL told",
    ];
    world.write(&increment(NAME, 1), &requests(&lines));
    world.server.with_engine(|engine| {
        let loaded = load_again(&world.server.persistence, engine, load_options).map(drop);
        assert_eq!(loaded, Ok(()));
        // Nobody has been told that they are gone.
        assert_eq!(engine.keyspace.db(0).len(), 3);
        assert_eq!(engine.loading, Loading::No);
    });
    assert_eq!(world.run("GET kept"), "$1\r\n2\r\n");
    assert_eq!(world.run("GET due"), "$-1\r\n");
    assert_eq!(world.run("HGET fields f"), "$-1\r\n");
    assert_eq!(world.run("HGET fields g"), "$1\r\n1\r\n");
    assert_eq!(world.run("DBSIZE"), ":2\r\n");
}

#[test]
fn a_log_whose_requests_are_sorted_is_loaded_as_it_was_written() {
    let world = World::new();
    world.manifest("file appendonly.aof.1.incr.aof seq 1 type i\n");
    let mut batches = vec![Vec::new(); 8];
    for n in 0..20_000 {
        let lines = &mut batches[n / 2_500];
        let key = n * 7919 % 600;
        lines.push(format!("SET s{key} {n}"));
        lines.push(format!("RPUSH l{} {n}", key % 50));
        if n % 10 == 0 {
            lines.extend(["MULTI".into(), format!("INCR s{key}"), "EXEC".into()]);
        }
        if n % 4_000 == 0 {
            lines.push(format!("RENAME l{} l{}", key % 50, 60 + n));
        }
    }
    let other = World::new();
    other.server.persistence.start_empty();
    // Each line has a client of its own, so MULTI and EXEC do nothing here.
    batches.iter().flatten().for_each(|line| {
        other.run(line);
    });
    let words: Vec<Vec<&str>> = batches
        .iter()
        .map(|lines| lines.iter().map(String::as_str).collect())
        .collect();
    let words: Vec<&[&str]> = words.iter().map(Vec::as_slice).collect();
    let (file, _) = sealed(&words);
    world.write(&increment(NAME, 1), &file);
    world.load().expect("it loads").expect("it is there");
    for n in 0..50 {
        let line = format!("LRANGE l{n} 0 -1");
        assert_eq!(world.run(&line), other.run(&line));
    }
    for n in 0..600 {
        let line = format!("GET s{n}");
        assert_eq!(world.run(&line), other.run(&line));
    }
    assert_eq!(world.run("DBSIZE"), other.run("DBSIZE"));
}

#[test]
fn what_a_log_says_is_neither_counted_nor_timed() {
    let world = World::new();
    world.manifest("file appendonly.aof.1.incr.aof seq 1 type i\n");
    let lines = ["SET a 1", "MULTI", "INCR a", "EXEC"];
    world.write(&increment(NAME, 1), &requests(&lines));
    world.load().expect("it loads").expect("it is there");
    let engine = world.server.engine.borrow();
    assert_eq!(engine.stats.commands, 0);
    assert!(engine.stats.per_command.iter().all(|c| c.calls == 0));
}

/// A seal, and then more than may wait for the next one.
fn long_unsealed(requests: usize) -> Vec<u8> {
    let (mut file, _) = sealed(&[&["SET a 1"]]);
    let large = "x".repeat(1 << 20);
    for n in 0..requests {
        encode_request(&mut file, &["SET", &format!("k{n}"), &large]);
        encode_request(&mut file, &["INCR", "a"]);
    }
    file
}

#[test]
fn requests_that_wait_too_long_for_a_seal_are_read_again() {
    let whole = long_unsealed(70);
    for cut in [0, 5, 15] {
        let world = World::new();
        world.manifest("file appendonly.aof.1.incr.aof seq 1 type i\n");
        world.write(&increment(NAME, 1), &whole[..whole.len() - cut]);
        world.load().expect("it loads").expect("it is there");
        let lost = match cut {
            0 => 0,
            _ => 1,
        };
        assert_eq!(world.run("GET a"), format!("$2\r\n{}\r\n", 71 - lost));
        assert_eq!(world.run("DBSIZE"), ":71\r\n");
    }
}

#[test]
fn nothing_runs_that_is_not_kept() {
    for requests in [3, 70] {
        let mut file = long_unsealed(requests);
        let end = file.len();
        file[end - 2] ^= 1;
        let (kept, _) = sealed(&[&["SET a 1"]]);
        let world = World::new();
        world.manifest("file appendonly.aof.1.incr.aof seq 1 type i\n");
        world.write(&increment(NAME, 1), &file);
        world.load().expect("it loads").expect("it is there");
        assert_eq!(world.run("GET a"), "$1\r\n1\r\n");
        assert_eq!(world.run("DBSIZE"), ":1\r\n");
        let left = fs::read(world.place(&increment(NAME, 1))).expect("a file");
        assert_eq!(left, kept);
    }
}

/// Three batches, the last of them large and with wrong bytes.
fn with_wrong_end(at_from_end: usize) -> (Vec<u8>, usize) {
    let large = "x".repeat(40_000);
    let last = format!("SET b {large}");
    let (mut file, ends) = sealed(&[&["SET a 1"], &["INCR a"], &[&last, "INCR a"]]);
    let at = file.len() - at_from_end;
    file[at] ^= 1;
    (file, ends[1])
}

#[test]
fn wrong_bytes_at_the_end_are_set_aside_if_the_configuration_says_so() {
    for at in (1..40_000).step_by(1009) {
        let (file, proven) = with_wrong_end(at);
        for corrupt in [true, false] {
            let world = World::new();
            world.manifest("file appendonly.aof.1.incr.aof seq 1 type i\n");
            world.write(&increment(NAME, 1), &file);
            world
                .server
                .with_engine(|engine| engine.config.aof_load_corrupt_tail = corrupt);
            let left = |world: &World| fs::read(world.place(&increment(NAME, 1))).expect("a file");
            match world.load() {
                Ok(loaded) => {
                    assert!(loaded.is_some());
                    let left = left(&world);
                    assert!(left.len() >= proven && file.starts_with(&left), "at {at}");
                    let aside = format!("{}.cut-at-{}", increment(NAME, 1), left.len());
                    let aside = fs::read(world.place(&aside)).expect("aside");
                    assert_eq!([left, aside].concat(), file);
                    let a = world.run("GET a");
                    assert!(a == "$1\r\n2\r\n" || a == "$1\r\n3\r\n", "at {at}: {a}");
                }
                Err(error) => {
                    assert!(!corrupt, "at {at}: {error}");
                    assert!(error.contains("'aof-load-corrupt-tail'"), "{error}");
                    assert_eq!(left(&world), file);
                }
            }
        }
    }
}

#[test]
fn a_few_wrong_bytes_without_seals_or_before_sound_batches_are_set_aside_if_allowed() {
    let sound = requests(&["SET a 1", "INCR a"]);
    let unsealed = [&sound[..], b"nonsense"].concat();
    let (mut middle, ends) = sealed(&[&["SET a 1"], &["INCR a"], &["INCR b"], &["INCR c"]]);
    middle[ends[1] + 3] ^= 1;
    for (file, keep) in [(&unsealed, sound.len()), (&middle, ends[1])] {
        let size = (file.len() - keep) as i64;
        for max in [0, size - 1, size, 1 << 30] {
            let world = World::new();
            world.manifest("file appendonly.aof.1.incr.aof seq 1 type i\n");
            world.write(&increment(NAME, 1), file);
            world
                .server
                .with_engine(|engine| engine.config.aof_load_corrupt_tail_max_size = max);
            let loaded = world.load();
            let left = fs::read(world.place(&increment(NAME, 1))).expect("a file");
            if max < size {
                let error = loaded.expect_err("too much is wrong");
                let option =
                    format!("'aof-load-corrupt-tail-max-size' configuration option to {size} ");
                assert!(error.contains(&option), "{error}");
                assert_eq!(&left, file);
            } else {
                loaded.expect("it loads").expect("it is there");
                assert_eq!(left, file[..keep]);
                assert_eq!(world.run("GET a"), "$1\r\n2\r\n");
            }
        }
    }
}
