//! `engine::commit` with the commands of all families.

use crate::testing::Bench;
use engine::commit::{Commit, CommitPosition, EffectLog, Replies};
use engine::{Action, ClientId};
use std::cell::RefCell;
use std::rc::Rc;

/// The commits of a log: where each was, and how many effects it had.
type Appended = Rc<RefCell<Vec<(CommitPosition, usize)>>>;

struct Log {
    appended: Appended,
    replies: Replies,
}

impl EffectLog for Log {
    fn append(&mut self, commit: Commit<'_>) -> Replies {
        let mut appended = self.appended.borrow_mut();
        appended.push((commit.at, commit.effects.len()));
        self.replies
    }
}

fn bench(replies: Replies) -> (Bench, Appended) {
    let mut bench = Bench::new();
    let appended = Appended::default();
    let log = Log {
        appended: Rc::clone(&appended),
        replies,
    };
    bench.engine.commits.add_log(Box::new(log));
    (bench, appended)
}

#[test]
fn each_top_level_request_is_one_commit_and_the_servers_own_deletions_are_others() {
    let (mut bench, appended) = bench(Replies::AtOnce);
    let mut seen = Vec::new();
    let mut commits = |bench: &Bench, sizes: &[usize]| {
        let new = appended.take();
        assert_eq!(new.iter().map(|(_, n)| *n).collect::<Vec<_>>(), sizes);
        seen.extend(new.iter().map(|(at, _)| *at));
        assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
        assert_eq!(seen.last(), Some(&bench.engine.commits.position()));
    };
    bench.run("SET a 1");
    commits(&bench, &[1]);
    bench.run("GET a");
    bench.run("DEL missing");
    commits(&bench, &[]);
    bench.check(&[
        ("MULTI", "+OK"),
        ("INCR a", "+QUEUED"),
        ("INCR a", "+QUEUED"),
    ]);
    bench.run("EXEC");
    commits(&bench, &[2]);
    bench.run("EVAL \"redis.call('INCR','a') redis.call('INCR','b') redis.call('INCR','c')\" 0");
    commits(&bench, &[3]);
    // The waiting client is another request.
    let waiting = bench.connect();
    bench.run_as(waiting, "BLPOP list 0");
    bench.run("RPUSH list x");
    commits(&bench, &[1, 1]);
    bench.run("SET short 1 PX 10");
    bench.run("SET brief 1 PX 10");
    commits(&bench, &[1, 1]);
    bench.advance(20);
    bench.engine.expire_slice(200);
    commits(&bench, &[1, 1]);
}

#[test]
fn what_is_committed_to_a_further_log_is_what_replicas_are_sent() {
    let mut bench = Bench::new();
    // A server that was a replica has a backlog.
    bench.run("REPLICAOF 127.0.0.1 1");
    bench.run("REPLICAOF NO ONE");
    let before = bench.engine.repl.history().offset();
    bench.run("SET a 1");
    bench.check(&[
        ("MULTI", "+OK"),
        ("SET b 2", "+QUEUED"),
        ("DEL a", "+QUEUED"),
    ]);
    bench.run("EXEC");
    let recorded = bench.effects();
    assert_eq!(recorded, "SET a 1|MULTI|SET b 2|DEL a|EXEC");
    let sent = bench.engine.repl.history().offset() - before;
    let mut expected = Vec::new();
    for request in ["SELECT 0", "SET a 1", "MULTI", "SET b 2", "DEL a", "EXEC"] {
        let words: Vec<&str> = request.split(' ').collect();
        base::request::encode_request(&mut expected, &words);
    }
    assert_eq!(sent, expected.len() as i64);
}

#[test]
fn a_replica_commits_what_its_primary_sends_although_it_adds_nothing_to_the_stream() {
    let (mut bench, appended) = bench(Replies::AtOnce);
    let link = bench.connect();
    bench.engine.repl.start_as_replica("primary", 1, None);
    let session = bench.engine.clients.get_mut(&link).expect("connected");
    session.flags.insert(engine::ClientFlags::MASTER);
    let offset = bench.engine.repl.offset();
    bench.run_as(link, "SET a 1");
    bench.run_as(link, "DEL missing");
    assert_eq!(appended.borrow().len(), 1);
    assert_eq!(bench.engine.repl.offset(), offset);
}

/// The clients that are woken.
fn woken(bench: &mut Bench) -> Vec<ClientId> {
    let actions = std::mem::take(&mut bench.engine.actions);
    let wakes = actions.into_iter().filter_map(|action| match action {
        Action::Wake(id) => Some(id),
        _ => None,
    });
    wakes.collect()
}

#[test]
fn clients_are_woken_when_the_commits_that_they_wait_for_are_durable() {
    let (mut bench, appended) = bench(Replies::WhenDurable);
    let [a, b, c] = [bench.connect(), bench.connect(), bench.connect()];
    for (client, key) in [(b, "b"), (a, "a"), (c, "c")] {
        bench.run_as(client, &format!("SET {key} 1"));
        let commits = &mut bench.engine.commits;
        let seal = commits.seal();
        assert_eq!(seal, commits.position());
        assert!(seal > commits.durable());
        commits.wake_when_durable(client, seal);
    }
    let at: Vec<_> = appended.borrow().iter().map(|(at, _)| *at).collect();
    woken(&mut bench);
    bench.engine.on_durable(at[1]);
    assert_eq!(woken(&mut bench), [b, a]);
    bench.engine.on_durable(at[0]);
    assert_eq!(bench.engine.commits.durable(), at[1], "it stays durable");
    assert_eq!(woken(&mut bench), []);
    bench.engine.on_durable(at[2]);
    assert_eq!(woken(&mut bench), [c]);
    bench.run("GET a");
    assert_eq!(bench.engine.commits.seal(), bench.engine.commits.durable());
}

#[test]
fn a_log_that_lets_replies_leave_at_once_seals_nothing() {
    let (mut bench, _) = bench(Replies::AtOnce);
    bench.run("SET a 1");
    assert_eq!(bench.engine.commits.seal(), CommitPosition::default());
    assert!(bench.engine.commits.position() > CommitPosition::default());
}
