//! `forebay rdb diff`: dumps against dumps and against servers that run.

use crate::run::{rdb, sample};
use crate::support::Builder;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

fn diff(a: impl Into<OsString>, b: impl Into<OsString>, options: &[&str]) -> crate::run::Ran {
    let mut args: Vec<OsString> = vec!["diff".into()];
    args.extend(options.iter().map(|o| o.into()));
    args.extend([a.into(), b.into()]);
    rdb(args)
}

fn write(dir: &Path, name: &str, body: &[u8]) -> PathBuf {
    let path = dir.join(name);
    let dump = [b"REDIS0009\xfe\x00", body, b"\xff\0\0\0\0\0\0\0\0"].concat();
    std::fs::write(&path, dump).expect("written");
    path
}

#[test]
fn keys_and_parts_of_values_that_differ_are_told() {
    let dir = tempfile::tempdir().expect("a folder");
    // gone; a string; a hash; a set in two encodings; a list; one with an expiry.
    let a = write(
        dir.path(),
        "a",
        b"\x00\x04gone\x01x\x00\x03str\x0bhello world\x04\x04hash\x02\x01f\x01v\x01g\x01w\x02\x03set\x02\x011\x012\
          \x01\x04list\x02\x01a\x01b\xfc\x00\xd8\xc3\x2c\xbb\x03\x00\x00\x00\x01t\x01v\x00\x01=\x01v",
    );
    let b = write(
        dir.path(),
        "b",
        b"\x00\x03new\x01x\x00\x03str\x0bhello there\x04\x04hash\x02\x01h\x01w\x01f\x01u\
          \x0b\x03set\x0c\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00\x02\x00\x01\x04list\x03\x01a\x01c\x01d\x00\x01t\x01v\x00\x01=\x01v",
    );
    let ran = diff(&a, &b, &[]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let text = ran.text();
    let wanted = "- db0 gone (string, 1)\n~ db0 hash (hash)\n    f: v -> u\n    - g: w\n    + h: w\n\
                  ~ db0 list (list)\n    [1]: b -> c\n    + [2]: d\n+ db0 new (string, 1)\n\
                  ~ db0 str (string)\n    from byte 6 of 11 / 11: hello world -> hello there\n\
                  ~ db0 t (string)\n    expires: 4102444800000 ms -> never\n";
    assert!(text.starts_with(wanted), "{text}");
    assert!(
        text.contains("only in the first 1, only in the second 1, changed 4"),
        "{text}"
    );
    let lines = diff(&a, &b, &["--format=json", "--ignore-expiry"]).lines();
    let changes: Vec<_> = lines
        .iter()
        .filter_map(|l| Some((l.get("change")?.as_str()?, l["key"].as_str()?)))
        .collect();
    let wanted = [
        ("removed", "gone"),
        ("changed", "hash"),
        ("changed", "list"),
        ("added", "new"),
        ("changed", "str"),
    ];
    assert_eq!(changes, wanted);
    assert_eq!(lines.last().expect("a summary")["summary"]["changed"], 3);
    let one = diff(&a, &b, &["--parts-max=1"]).text();
    assert!(one.contains("... and 2 more"), "{one}");
    assert_eq!(diff(&a, &b, &["--summary"]).text().lines().count(), 1);
    assert_eq!(diff(&a, &a, &[]).code, 0);
}

#[test]
fn what_differs_in_encoding_only_is_equal() {
    let dir = tempfile::tempdir().expect("a folder");
    let output = dir.path().join("out.rdb");
    let input = sample("demo-redis-8.2.rdb");
    let args: [OsString; 4] = [
        "convert".into(),
        "--target=valkey-9".into(),
        (&input).into(),
        (&output).into(),
    ];
    assert_eq!(rdb(args).code, 0);
    let ran = diff(&input, &output, &[]);
    assert_eq!(ran.code, 0, "{}", ran.text());
    assert!(ran.text().contains("7,932 keys"), "{}", ran.text());
}

/// Valkey 9.1 makes a dump with them only for who tells that it can read it.
#[test]
fn hash_fields_that_expire_are_compared_with_servers_that_run() {
    for peer in ["valkey-9.1", "redis-7.4", "forebay"] {
        let Some(builder) = Builder::named(peer) else {
            continue;
        };
        let server = builder.start();
        let mut client = server.client();
        client.ok("HSET hash a 1 b 2");
        client.ok("HPEXPIREAT hash 4000000000000 FIELDS 1 a");
        client.ok("SAVE");
        let address = format!("redis://{}", server.address());
        let ran = diff(server.dump_path(), &address, &["--sync"]);
        assert_eq!(ran.code, 0, "{peer}: {}{}", ran.text(), ran.err);
    }
}

#[test]
fn a_dump_is_compared_with_servers_that_run() {
    for (peer, file) in [
        ("redis-7.0", "redis-7.0-shop.rdb"),
        ("redis-6.2", "redis-6.2-streams.rdb"),
        ("redis-8.2", "demo-redis-8.2.rdb"),
        ("valkey-9.1", "demo-valkey-9.1.rdb"),
        ("forebay", "redis-7.0-shop.rdb"),
    ] {
        let Some(builder) = Builder::named(peer) else {
            continue;
        };
        let dump = sample(file);
        let server = builder.dump(&dump).start();
        let address = format!("redis://{}", server.address());
        for sync in [&[][..], &["--sync"]] {
            let ran = diff(&dump, &address, sync);
            assert_eq!(ran.code, 0, "{peer} {sync:?}: {}{}", ran.text(), ran.err);
        }
        let mut client = server.client();
        client.run("SET brand:new 1");
        client.run("SELECT 9");
        client.run("RPUSH other a b c");
        for sync in [&["--format=json"][..], &["--format=json", "--sync"]] {
            let ran = diff(&dump, &address, sync);
            assert_eq!(ran.code, 1, "{peer} {sync:?}: {}", ran.err);
            let mut added: Vec<_> = ran
                .lines()
                .iter()
                .filter(|l| l["change"] == "added")
                .map(|l| (l["db"].as_u64(), l["key"].clone()))
                .collect();
            added.sort_by_key(|a| a.0);
            assert_eq!(
                added,
                [(Some(0), "brand:new".into()), (Some(9), "other".into())],
                "{peer}"
            );
            let lines = ran.lines();
            let summary = &lines.last().expect("a summary")["summary"];
            assert_eq!(
                (&summary["removed"], &summary["changed"]),
                (&0.into(), &0.into()),
                "{peer} {}",
                ran.text()
            );
        }
    }
}

#[test]
fn a_server_with_a_password_is_asked_with_it() {
    let Some(builder) = Builder::peer("redis-7.0") else {
        return;
    };
    let dump = sample("redis-7.0-expiries.rdb");
    let server = builder
        .config("user reader on >p@ss ~* +@all")
        .dump(&dump)
        .start();
    let address = server.address();
    let ran = diff(&dump, format!("redis://reader:p%40ss@{address}"), &[]);
    assert_eq!(ran.code, 0, "{}{}", ran.text(), ran.err);
    assert!(!ran.text().contains("p@ss"), "{}", ran.text());
    let ran = diff(&dump, format!("redis://reader:wrong@{address}"), &[]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("WRONGPASS"), "{}", ran.err);
}

#[test]
fn what_cannot_be_compared_is_trouble_not_a_difference() {
    let dir = tempfile::tempdir().expect("a folder");
    let good = sample("redis-7.0-shop.rdb");
    let half = dir.path().join("half");
    let bytes = std::fs::read(&good).expect("there");
    std::fs::write(&half, &bytes[..bytes.len() / 2]).expect("written");
    let closed = format!("redis://127.0.0.1:{}", crate::support::server::free_port());
    for (b, says) in [
        (half.into_os_string(), "the data ends here"),
        ("/no/such/file".into(), "No such file"),
        ("127.0.0.1:6379".into(), "server: redis://127.0.0.1:6379"),
        (closed.into(), "cannot connect"),
        ("http://x".into(), "not supported"),
        ("redis://".into(), "redis://host:port"),
        ("-".into(), "more than once"),
    ] {
        let ran = diff(&good, b, &[]);
        assert_eq!(ran.code, 2, "{says}: {ran:?}");
        assert!(ran.err.contains(says), "{says}: {}", ran.err);
    }
}
