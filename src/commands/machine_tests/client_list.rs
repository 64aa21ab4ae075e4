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
