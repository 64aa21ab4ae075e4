//! `engine::host` as commands use it.

use crate::testing::Bench;

#[test]
fn a_service_may_call_another() {
    let mut bench = Bench::new();
    assert!(!bench.engine.config.save.is_empty());
    bench.run("SET a 1");
    assert_eq!(bench.engine.dirty, 1);
    bench.check(&[("FLUSHALL", "+OK"), ("DBSIZE", ":0")]);
    assert_eq!(bench.engine.dirty, 0, "the empty dataset was saved");
}
