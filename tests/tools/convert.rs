//! `forebay rdb convert`: what servers load afterwards, what is refused, and what stays untouched.

use crate::run::{command, corpus, name, rdb, sample};
use crate::support::Builder;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

fn convert(target: &str, input: &Path, output: &Path, options: &[&str]) -> crate::run::Ran {
    let mut args: Vec<OsString> = vec!["convert".into(), "--target".into(), target.into()];
    args.extend(options.iter().map(|o| o.into()));
    args.extend([input.into(), output.into()]);
    rdb(args)
}

fn files_of(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).expect("a folder");
    entries
        .map(|e| {
            e.expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect()
}

#[test]
fn a_conversion_without_losses_holds_the_same() {
    let dir = tempfile::tempdir().expect("a folder");
    let (mut equal, mut refused) = (0, 0);
    for target in [
        "auto",
        "redis-7.2",
        "redis-7.4",
        "redis-8",
        "valkey-8",
        "valkey-9",
    ] {
        for input in corpus("good")
            .iter()
            .step_by(5)
            .chain(&[sample("redis-7.0-shop.rdb")])
        {
            if name(input).contains("module") || name(input).contains("vector") {
                continue;
            }
            let output = dir.path().join(format!("{target}-{}", name(input)));
            let ran = convert(target, input, &output, &[]);
            match ran.code {
                // Counters of streams may be simplified; this is told, and is no loss of data.
                0 if ran.text().contains("simplified: counters of a stream") => {}
                0 => {
                    let ran = rdb([OsString::from("diff"), input.into(), output.clone().into()]);
                    assert_eq!(
                        ran.code,
                        0,
                        "{target} {}: {}{}",
                        name(input),
                        ran.text(),
                        ran.err
                    );
                    equal += 1;
                }
                1 => {
                    assert!(ran.text().contains("lost: "), "{}: {ran:?}", name(input));
                    assert!(!output.exists());
                    refused += 1;
                }
                _ => panic!("{target} {}: {}", name(input), ran.err),
            }
        }
    }
    println!("{equal} equal, {refused} refused");
    let mut all: Vec<OsString> = vec!["check".into()];
    all.extend(
        files_of(dir.path())
            .iter()
            .map(|f| dir.path().join(f).into()),
    );
    let ran = rdb(all);
    assert_eq!(ran.code, 0, "{}", ran.text());
    assert!(equal > 150, "{equal}");
}

#[test]
fn real_servers_load_what_was_converted_for_them() {
    let dir = tempfile::tempdir().expect("a folder");
    for (peer, target, like) in [
        ("redis-6.2", "redis-6.2", "redis-7.0"),
        ("redis-7.0", "redis-7.0", "redis-7.0"),
        ("redis-8.2", "redis-8", "redis-7.2"),
        ("valkey-8.1", "valkey-8", "valkey"),
        ("valkey-9.1", "valkey-9", "valkey"),
    ] {
        let Some(builder) = Builder::peer(peer) else {
            continue;
        };
        for input in [
            "demo-redis-8.2.rdb",
            "demo-valkey-9.1.rdb",
            "redis-2.4-small.rdb",
            "redis-6.2-streams.rdb",
        ] {
            let output = dir.path().join(format!("{peer}-{input}"));
            let ran = convert(target, &sample(input), &output, &["--on-loss=report"]);
            assert_eq!(ran.code, 0, "{peer} {input}: {}", ran.err);
            let like = format!("--like={like}");
            let ran = rdb([OsString::from("digest"), like.into(), output.clone().into()]);
            let told = ran.text();
            let server = builder.clone().dump(&output).start();
            let hex = server.client().text("DEBUG DIGEST");
            assert_eq!(
                told.split_whitespace().next(),
                Some(hex.as_str()),
                "{peer} {input}"
            );
        }
    }
}

#[test]
fn what_would_be_lost_is_told_key_by_key_and_refused_unless_it_is_to_be_reported() {
    let dir = tempfile::tempdir().expect("a folder");
    let (input, output) = (
        sample("redis-8.2-field-ttls.rdb"),
        dir.path().join("out.rdb"),
    );
    let ran = convert("redis-7.0", &input, &output, &[]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let text = ran.text();
    assert!(
        text.contains("lost: expiries of hash fields (db 0, key \"with-key-expiry\", at byte "),
        "{text}"
    );
    assert!(
        text.contains("not converted, redis-7.0 cannot hold everything"),
        "{text}"
    );
    assert!(files_of(dir.path()).is_empty());
    let ran = convert("redis-7.0", &input, &output, &["--on-loss=report"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.text().contains("lost: expiries of hash fields"),
        "{}",
        ran.text()
    );
    let bytes = std::fs::read(&output).expect("written");
    assert!(bytes.starts_with(b"REDIS0010"));
}

#[test]
fn nothing_is_overwritten_and_nothing_is_left_behind() {
    let dir = tempfile::tempdir().expect("a folder");
    let at = |name: &str| dir.path().join(name);
    let input = at("in.rdb");
    std::fs::copy(sample("redis-7.0-shop.rdb"), &input).expect("copied");
    std::fs::write(at("there"), b"precious").expect("written");
    std::fs::hard_link(&input, at("same")).expect("linked");
    let half = std::fs::read(&input).expect("there");
    std::fs::write(at("half"), &half[..half.len() / 2]).expect("written");
    let before = files_of(dir.path()).len();
    for (source, output, options, code, says) in [
        (
            "in.rdb",
            "there",
            &[][..],
            2,
            "is there already (--force overwrites it)",
        ),
        ("in.rdb", "in.rdb", &["--force"], 2, "is the input"),
        ("in.rdb", "same", &["--force"], 2, "is the input"),
        ("in.rdb", "", &["--force"], 2, "it is a directory"),
        ("in.rdb", "no/where", &[], 2, "No such file or directory"),
        ("missing", "new", &[], 2, "No such file or directory"),
        ("half", "new", &[], 1, "the data ends here"),
        ("half", "there", &["--force"], 1, "the data ends here"),
    ] {
        let ran = convert("redis-8", &at(source), &at(output), options);
        assert_eq!(ran.code, code, "{source} {output} {ran:?}");
        assert!(ran.err.contains(says), "{source} {output}: {}", ran.err);
    }
    assert_eq!(std::fs::read(at("there")).expect("there"), b"precious");
    assert_eq!(std::fs::read(&input).expect("there"), half);
    assert_eq!(
        files_of(dir.path()).len(),
        before,
        "{:?}",
        files_of(dir.path())
    );
    let ran = convert("redis-8", &input, &at("there"), &["--force"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        std::fs::read(at("there"))
            .expect("there")
            .starts_with(b"REDIS0012")
    );
    let ran = convert("redis-8", Path::new("-"), &at("new"), &[]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("more than once"), "{}", ran.err);
    assert_eq!(convert("redis-99", &input, &at("new"), &[]).code, 2);
}

#[test]
fn the_output_does_not_depend_on_the_number_of_threads() {
    let dir = tempfile::tempdir().expect("a folder");
    let input = sample("demo-redis-8.2.rdb");
    let outputs: Vec<PathBuf> = ["1", "4"].iter().map(|n| dir.path().join(n)).collect();
    for (threads, output) in ["--threads=1", "--threads=4"].iter().zip(&outputs) {
        assert_eq!(convert("auto", &input, output, &[threads]).code, 0);
    }
    let [a, b] = [&outputs[0], &outputs[1]].map(|p| std::fs::read(p).expect("written"));
    assert!(a == b);
    // A closed pipe costs the message, not the output.
    let output = dir.path().join("quiet");
    let mut child = command(["convert", "--target=auto"])
        .args([&input, &output])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("starts");
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("ends").code(), Some(0));
    assert!(output.exists());
}

/// What is at a path before and after a conversion to it.
fn kind(path: &Path) -> std::fs::FileType {
    std::fs::symlink_metadata(path).expect("there").file_type()
}

#[test]
fn only_a_regular_file_is_replaced() {
    use std::io::Read;
    use std::os::unix::fs::{FileTypeExt, symlink};
    let dir = tempfile::tempdir().expect("a folder");
    let input = sample("redis-7.0-shop.rdb");
    let plain = dir.path().join("plain.rdb");
    assert_eq!(convert("redis-7.0", &input, &plain, &[]).code, 0);
    let wanted = std::fs::read(&plain).expect("written");

    // A pipe gets the bytes and stays, with --force and without.
    let pipe = dir.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo runs").success());
    for options in [&[][..], &["--force"]] {
        let from = pipe.clone();
        let reader = std::thread::spawn(move || {
            let mut got = Vec::new();
            let mut pipe = std::fs::File::open(from).expect("opened");
            pipe.read_to_end(&mut got).expect("read");
            got
        });
        let ran = convert("redis-7.0", &input, &pipe, options);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert_eq!(reader.join().expect("it reads"), wanted);
        assert!(kind(&pipe).is_fifo());
    }

    // A link stays, and the file that it names is replaced; one that leads nowhere is refused.
    let link = dir.path().join("link.rdb");
    std::fs::write(dir.path().join("named.rdb"), "old").expect("written");
    symlink("named.rdb", &link).expect("linked");
    assert_ne!(convert("redis-7.0", &input, &link, &[]).code, 0);
    assert_eq!(convert("redis-7.0", &input, &link, &["--force"]).code, 0);
    assert!(kind(&link).is_symlink());
    assert_eq!(
        std::fs::read(dir.path().join("named.rdb")).expect("read"),
        wanted
    );
    let lost = dir.path().join("lost.rdb");
    symlink("nowhere.rdb", &lost).expect("linked");
    let ran = convert("redis-7.0", &input, &lost, &["--force"]);
    assert!(ran.code != 0 && kind(&lost).is_symlink(), "{}", ran.err);

    // A device takes them; a folder and a socket do not.
    let device = Path::new("/dev/null");
    assert_eq!(convert("redis-7.0", &input, device, &["--force"]).code, 0);
    assert!(kind(device).is_char_device());
    let socket = dir.path().join("socket");
    let _bound = std::os::unix::net::UnixListener::bind(&socket).expect("bound");
    for refused in [socket.as_path(), dir.path()] {
        let ran = convert("redis-7.0", &input, refused, &["--force"]);
        assert!(
            ran.code != 0 && ran.err.contains("cannot write"),
            "{}",
            ran.err
        );
    }
    assert!(kind(&socket).is_socket());
}
