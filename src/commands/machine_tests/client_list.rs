//! `engine::client_list` with the commands of all families.

use crate::testing::Bench;

#[test]
fn a_line_has_the_reference_servers_fields() {
    let mut bench = Bench::new();
    bench.run("CLIENT SETNAME me");
    let line = bench.run("CLIENT INFO");
    assert!(line.contains("id=1 addr=127.0.0.1:1 laddr=127.0.0.1:6379 fd=-1 name=me age=0 idle=0 flags=N db=0 sub=0 psub=0 ssub=0 multi=-1 watch=0 qbuf=0 "), "{line}");
    assert!(
        line.contains(" cmd=client|info user=default redir=-1 resp=2 "),
        "{line}"
    );
}

/// The line showed the last command of a transaction in place of EXEC, MULTI in place of a queued command, and the
/// command before one that does not exist.
#[test]
fn the_command_is_that_of_the_last_request() {
    let mut bench = Bench::new();
    let shown = |bench: &Bench| {
        let line = engine::client_list::line(&bench.engine.clients[&bench.id], 0);
        let (_, from) = line.split_once(" cmd=").expect("the field");
        from.split(' ').next().expect("its value").to_owned()
    };
    for (request, command) in [
        ("GET a", "get"),
        ("NONSENSE", "NULL"),
        ("GET", "get"),
        ("CONFIG NONSENSE", "NULL"),
        ("MULTI", "multi"),
        ("SET a 1", "set"),
        ("CLIENT INFO", "client|info"),
        ("EXEC", "exec"),
        ("EVAL \"return redis.call('GET', 'a')\" 0", "eval"),
    ] {
        bench.run(request);
        assert_eq!(shown(&bench), command, "{request}");
    }
    bench.run("MULTI");
    bench.run("CLIENT INFO");
    let inside = bench.run("EXEC");
    assert!(inside.contains(" cmd=exec "), "{inside}");
}
