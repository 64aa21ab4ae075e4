//! What takes more than one connection, or time that passes: clients by number, blocked clients, subscribers, expiry
//! and eviction.

use crate::link::Link;
use crate::options::Options;
use crate::report::{Figures, Report};
use crate::run::Target;
use std::time::{Duration, Instant};

/// A scene on one server at one size: operations done, and the worst wait.
type Scene = fn(&Target, usize) -> (usize, Duration);

const SCENES: [(&str, &str, &[usize], Scene); 9] = [
    (
        "clients",
        "GET, one request of each client at a time",
        &[1, 10, 100, 1000, 5000],
        get,
    ),
    (
        "clients",
        "SET, one request of each client at a time",
        &[1, 10, 100, 1000, 5000],
        set,
    ),
    (
        "blocking",
        "BLPOP of all clients, one push for each",
        &[10, 100, 1000],
        blpop,
    ),
    (
        "blocking",
        "BZPOPMIN of all clients on one key, one ZADD for all",
        &[10, 100, 1000],
        bzpopmin,
    ),
    (
        "pubsub",
        "SUBSCRIBE of all clients, PUBLISH",
        &[1, 10, 100, 1000],
        publish,
    ),
    (
        "pubsub",
        "PSUBSCRIBE, SSUBSCRIBE and their ends",
        &[10, 100],
        subscribe,
    ),
    (
        "expiry",
        "keys that expire at once",
        &[1000, 100_000],
        expire_keys,
    ),
    (
        "expiry",
        "fields that expire at once",
        &[1000, 50_000],
        expire_fields,
    ),
    (
        "eviction",
        "SET beyond maxmemory under allkeys-lru",
        &[10_000],
        evict,
    ),
];

/// Runs all scenes that were asked for.
pub fn all(targets: &mut [Target], options: &Options, report: &mut Report) {
    for (group, name, sizes, scene) in SCENES {
        for &size in sizes {
            if !options.takes(size) || !options.wants(&format!("{group} {name} @{size}")) {
                continue;
            }
            let mut all: Vec<(Vec<f64>, Duration)> =
                targets.iter().map(|_| Default::default()).collect();
            for _ in 0..options.rounds {
                for (target, (rounds, worst)) in targets.iter().zip(&mut all) {
                    send(&mut Link::to(target.server.port()), &["FLUSHALL"]);
                    let before = target.processor();
                    let (operations, wait) = scene(target, size);
                    let time = target.processor() - before;
                    rounds.push(time.as_secs_f64() * 1e6 / operations as f64);
                    *worst = wait.max(*worst);
                }
            }
            let figures = all
                .into_iter()
                .map(|(rounds, worst)| Figures::of(&rounds, worst));
            report.add(group, name, size, figures.collect());
        }
    }
}

fn request(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len());
    for word in words {
        bytes += &format!("${}\r\n{word}\r\n", word.len());
    }
    bytes.into_bytes()
}

fn send(link: &mut Link, words: &[&str]) {
    link.send(&request(words));
    link.skip(1);
}

fn clients(target: &Target, count: usize) -> Vec<Link> {
    (0..count).map(|_| Link::to(target.server.port())).collect()
}

/// Each client sends a request and then each reads its reply, until there were enough requests.
fn rounds(target: &Target, count: usize, words: &[&str]) -> (usize, Duration) {
    let (mut links, bytes) = (clients(target, count), request(words));
    let (mut done, mut worst) = (0, Duration::ZERO);
    while done < 20_000 {
        let begin = Instant::now();
        links.iter_mut().for_each(|link| link.send(&bytes));
        links.iter_mut().for_each(|link| link.skip(1));
        worst = worst.max(begin.elapsed());
        done += count;
    }
    (done, worst)
}

fn get(target: &Target, count: usize) -> (usize, Duration) {
    send(&mut Link::to(target.server.port()), &["SET", "k", "value"]);
    rounds(target, count, &["GET", "k"])
}

fn set(target: &Target, count: usize) -> (usize, Duration) {
    rounds(target, count, &["SET", "k", "value"])
}

fn blpop(target: &Target, count: usize) -> (usize, Duration) {
    blocked(target, count, &["BLPOP", "k", "0"], &|link| {
        for _ in 0..count {
            send(link, &["RPUSH", "k", "v"]);
        }
    })
}

fn bzpopmin(target: &Target, count: usize) -> (usize, Duration) {
    blocked(target, count, &["BZPOPMIN", "k", "0"], &|link| {
        let members: Vec<String> = (0..count).map(|i| format!("m{i}")).collect();
        let mut words = vec!["ZADD", "k"];
        members
            .iter()
            .for_each(|member| words.extend(["1", member.as_str()]));
        send(link, &words);
    })
}

fn blocked(
    target: &Target,
    count: usize,
    words: &[&str],
    serve: &dyn Fn(&mut Link),
) -> (usize, Duration) {
    let (mut links, mut other) = (clients(target, count), Link::to(target.server.port()));
    let (mut done, mut worst) = (0, Duration::ZERO);
    while done < 2000 {
        links.iter_mut().for_each(|link| link.send(&request(words)));
        // What the others sent before is read by then: the server reads its sockets in turn.
        (0..2).for_each(|_| send(&mut other, &["PING"]));
        let begin = Instant::now();
        serve(&mut other);
        links.iter_mut().for_each(|link| link.skip(1));
        worst = worst.max(begin.elapsed());
        done += count;
    }
    (done, worst)
}

fn publish(target: &Target, count: usize) -> (usize, Duration) {
    let (mut links, mut other) = (clients(target, count), Link::to(target.server.port()));
    links
        .iter_mut()
        .for_each(|link| send(link, &["SUBSCRIBE", "c"]));
    let (mut done, mut worst) = (0, Duration::ZERO);
    while done < 20_000 {
        let begin = Instant::now();
        send(&mut other, &["PUBLISH", "c", "a message of some bytes"]);
        links.iter_mut().for_each(|link| link.skip(1));
        worst = worst.max(begin.elapsed());
        done += count;
    }
    (done, worst)
}

fn subscribe(target: &Target, count: usize) -> (usize, Duration) {
    let mut links = clients(target, count);
    let names = [
        ("PSUBSCRIBE", "PUNSUBSCRIBE"),
        ("SSUBSCRIBE", "SUNSUBSCRIBE"),
        ("SUBSCRIBE", "UNSUBSCRIBE"),
    ];
    let begin = Instant::now();
    for (on, off) in names {
        for link in &mut links {
            (0..20).for_each(|i| send(link, &[on, &format!("c{i}")]));
            (0..20).for_each(|i| send(link, &[off, &format!("c{i}")]));
        }
    }
    (
        count * names.len() * 40,
        begin.elapsed() / (count * names.len() * 40) as u32,
    )
}

/// Waits until a command counts nothing any more; the worst wait for it.
fn until_gone(link: &mut Link, gone: &[&str]) -> Duration {
    let (begin, mut worst) = (Instant::now(), Duration::ZERO);
    loop {
        let start = Instant::now();
        let received = link.received;
        send(link, gone);
        worst = worst.max(start.elapsed());
        // ":0" and the end of its line: all larger counts of these datasets are longer by then, or it is asked again.
        if link.received - received == 4 && begin.elapsed() > Duration::from_millis(500) {
            return worst;
        }
        assert!(
            begin.elapsed() < Duration::from_secs(60),
            "what has expired goes"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn expire_keys(target: &Target, count: usize) -> (usize, Duration) {
    let mut link = Link::to(target.server.port());
    let at = (std::time::SystemTime::now() + Duration::from_millis(400 + count as u64 / 200))
        .duration_since(std::time::UNIX_EPOCH)
        .expect("it is later")
        .as_millis()
        .to_string();
    fill(&mut link, count, |i| {
        request(&["SET", &format!("k{i}"), "v", "PXAT", &at])
    });
    (count, until_gone(&mut link, &["DBSIZE"]))
}

fn expire_fields(target: &Target, count: usize) -> (usize, Duration) {
    let mut link = Link::to(target.server.port());
    fill(&mut link, count, |i| {
        request(&["HSET", "h", &format!("f{i}"), "v"])
    });
    let fields: Vec<String> = (0..count).map(|i| format!("f{i}")).collect();
    let number = count.to_string();
    let mut words = vec!["HPEXPIRE", "h", "300", "FIELDS", &number];
    words.extend(fields.iter().map(String::as_str));
    send(&mut link, &words);
    (count, until_gone(&mut link, &["EXISTS", "h"]))
}

fn evict(target: &Target, count: usize) -> (usize, Duration) {
    let mut link = Link::to(target.server.port());
    send(
        &mut link,
        &[
            "CONFIG",
            "SET",
            "maxmemory-policy",
            "allkeys-lru",
            "maxmemory",
            "20mb",
        ],
    );
    let value = "x".repeat(400);
    fill(&mut link, 60_000, |i| {
        request(&["SET", &format!("k{i}"), &value])
    });
    let mut worst = Duration::ZERO;
    for i in 0..count {
        let begin = Instant::now();
        send(&mut link, &["SET", &format!("n{i}"), &value]);
        worst = worst.max(begin.elapsed());
    }
    send(&mut link, &["CONFIG", "SET", "maxmemory", "0"]);
    send(
        &mut link,
        &["CONFIG", "SET", "maxmemory-policy", "noeviction"],
    );
    (60_000 + count, worst)
}

fn fill(link: &mut Link, count: usize, each: impl Fn(usize) -> Vec<u8>) {
    for first in (0..count).step_by(256) {
        let part = first..count.min(first + 256);
        let bytes: Vec<u8> = part.clone().flat_map(&each).collect();
        link.send(&bytes);
        link.skip(part.len());
    }
}
