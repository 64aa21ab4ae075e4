//! `forebay rdb digest` against `DEBUG DIGEST` of real servers that have loaded the same dump.

use crate::run::{corpus, name, rdb, rdb_with, sample};
use crate::support::Builder;
use std::path::Path;

fn digest(file: &Path, options: &[&str]) -> (i32, String, String) {
    let mut args: Vec<std::ffi::OsString> = vec!["digest".into()];
    args.extend(options.iter().map(|o| o.into()));
    args.push(file.into());
    let ran = rdb(args);
    let hex = ran
        .text()
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_owned();
    (ran.code, hex, ran.err)
}

#[test]
fn the_digest_is_that_of_a_server_that_has_loaded_the_dump() {
    for (peer, options, wanted) in [
        (
            "redis-7.0",
            &[][..],
            &[
                "redis-2",
                "redis-3",
                "redis-4",
                "redis-5",
                "redis-6",
                "redis-7.0",
            ][..],
        ),
        (
            "redis-8.2",
            &["--like=redis-7.2"],
            &["redis-7.4", "redis-8"],
        ),
        ("valkey-9.1", &["--like=valkey"], &["valkey-9"]),
    ] {
        let Some(builder) = Builder::peer(peer) else {
            continue;
        };
        let mut compared = 0;
        let mut files = corpus("good");
        files.retain(|f| {
            let name = name(f);
            wanted.iter().any(|w| name.starts_with(w)) && !name.contains("module")
        });
        // Every third one: they are many, and a server is started for each.
        let mut files: Vec<_> = files.into_iter().step_by(3).collect();
        files.extend(match peer {
            "redis-7.0" => Some(sample("redis-7.0-shop.rdb")),
            "redis-8.2" => Some(sample("demo-redis-8.2.rdb")),
            _ => Some(sample("demo-valkey-9.1.rdb")),
        });
        for file in files {
            let (code, hex, err) = digest(&file, options);
            if code == 1 && err.contains("of which only its server knows the digest") {
                continue;
            }
            assert_eq!(code, 0, "{file:?}: {err}");
            // What has expired since stays, as on a replica; field expiries of the past go when a server loads.
            if name(&file).contains("field-ttl") || name(&file).contains("hexpire") {
                continue;
            }
            let server = builder.clone().dump(&file).start();
            let told = server.client().text("DEBUG DIGEST");
            assert_eq!(told, hex, "{peer}: {}", name(&file));
            compared += 1;
        }
        println!("{peer}: {compared} digests");
        assert!(compared >= 5, "{peer}: {compared}");
    }
}

#[test]
fn expired_keys_count_only_on_demand() {
    // a expired in 1970; b never does.
    let dump =
        b"REDIS0009\xfe\x00\xfc\x01\0\0\0\0\0\0\0\x00\x01a\x01x\x00\x01b\x01x\xff\0\0\0\0\0\0\0\0";
    let without = b"REDIS0009\xfe\x00\x00\x01b\x01x\xff\0\0\0\0\0\0\0\0";
    let of = |options: &[&str], dump: &[u8]| {
        let ran = rdb_with(["digest", "-"].iter().chain(options), dump);
        assert_eq!(ran.code, 0, "{}", ran.err);
        ran.text()
    };
    assert_eq!(of(&[], dump), of(&[], without));
    assert_ne!(of(&["--keep-expired"], dump), of(&[], without));
    let empty = b"REDIS0009\xff\0\0\0\0\0\0\0\0";
    assert_eq!(of(&[], empty), format!("{}  stdin\n", "0".repeat(40)));
}

#[test]
fn a_dump_without_a_digest_says_why() {
    let (code, out, err) = digest(&sample("redis-4.0-module-hellotype.rdb"), &[]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("module type 'hellotype'"), "{err}");
    let ran = rdb_with(["digest", "-"], b"REDIS0009\xfe\x00\x00\x01b");
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("the data ends here"), "{}", ran.err);
}
