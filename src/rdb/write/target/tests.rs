//! Targets: names, versions, and the forms that the specification's examples take.

use super::*;
use crate::tags::rdb_type::RdbType;

fn transcoded(number: u8, bytes: &[u8], target: Target) -> Result<(Option<u8>, Vec<u8>), Loss> {
    let mut out = Vec::new();
    match transcode_value(
        RdbType::held(number).expect("a held type"),
        bytes,
        target,
        OnLoss::Refuse,
        &mut Scratch::new(base::secret::HashKey::fixed([1, 0])),
        None,
        &mut out,
    ) {
        Ok(done) => Ok((done.rdb_type.map(RdbType::number), out)),
        Err(TranscodeError::Loss(loss)) => Err(loss),
        Err(TranscodeError::Corrupt(e)) => panic!("{e}"),
    }
}

#[test]
fn names_are_read_without_case_and_written_back() {
    for (name, target) in Target::ALL {
        assert_eq!(Target::from_name(&name.to_uppercase()), Some(target));
        assert_eq!(target.to_string(), name);
    }
    assert_eq!(Target::from_name("redis-5"), None);
}

#[test]
fn servers_are_given_what_their_version_reads() {
    for (valkey, major, minor, target) in [
        (false, 5, 0, Target::Redis62),
        (false, 6, 2, Target::Redis62),
        (false, 7, 0, Target::Redis70),
        (false, 7, 2, Target::Redis72),
        (false, 7, 4, Target::Redis74),
        (false, 8, 2, Target::Redis8),
        (false, 8, 6, Target::Redis86),
        (false, 8, 10, Target::Redis88),
        (false, 9, 0, Target::Redis88),
        (true, 7, 2, Target::Valkey8),
        (true, 8, 1, Target::Valkey8),
        (true, 9, 0, Target::Valkey9),
    ] {
        assert_eq!(Target::of_server(valkey, major, minor), target);
    }
}

#[test]
fn a_packed_set_is_plain_for_redis_7_0_and_packed_for_7_2() {
    let set = b"\x0c\x0c\0\0\0\x02\0\x81a\x02\x07\x01\xff";
    assert_eq!(
        transcoded(20, set, Target::Redis70),
        Ok((Some(2), b"\x02\x01a\xc0\x07".to_vec()))
    );
    assert_eq!(
        transcoded(20, set, Target::Redis72),
        Ok((Some(20), set.to_vec()))
    );
}

#[test]
fn everything_packed_is_plain_for_redis_6_2() {
    let list = b"\x01\x02\x12\x12\0\0\0\x04\0\x81a\x02\x05\x01\xdf\xff\x02\xc1\x2c\x02\xff";
    assert_eq!(
        transcoded(18, list, Target::Redis62),
        Ok((Some(1), b"\x04\x01a\xc0\x05\xc0\xff\xc1\x2c\x01".to_vec()))
    );
    let zset = b"\x14\x14\0\0\0\x04\0\x81a\x02\x01\x01\x81b\x02\x832.5\x04\xff";
    let skiplist = b"\x02\x01b\0\0\0\0\0\0\x04\x40\x01a\0\0\0\0\0\0\xf0\x3f";
    assert_eq!(
        transcoded(17, zset, Target::Redis62),
        Ok((Some(5), skiplist.to_vec()))
    );
    let hash = b"\x12\x12\0\0\0\x04\0\x81f\x02\x81v\x02\x81n\x02\x0c\x01\xff";
    assert_eq!(
        transcoded(16, hash, Target::Redis62),
        Ok((Some(4), b"\x02\x01f\x01v\x01n\xc0\x0c".to_vec()))
    );
}

#[test]
fn field_ttls_go_between_the_families_and_nowhere_else() {
    let redis = b"\x00\xd8\xc3\x2c\xbb\x03\x00\x00\x1e\x1e\x00\x00\x00\x06\x00\x81n\x02\x0c\x01\xf4\x00\xd8\xc3\x2c\xbb\x03\x00\x00\x09\x81f\x02\x81v\x02\x00\x01\xff";
    let valkey = b"\x02\x01n\xc0\x0c\x00\xd8\xc3\x2c\xbb\x03\x00\x00\x01f\x01v\xff\xff\xff\xff\xff\xff\xff\xff";
    assert_eq!(
        transcoded(25, redis, Target::Valkey9),
        Ok((Some(22), valkey.to_vec()))
    );
    assert_eq!(
        transcoded(25, redis, Target::Redis74),
        Ok((Some(25), redis.to_vec()))
    );
    for target in [
        Target::Redis62,
        Target::Redis70,
        Target::Redis72,
        Target::Valkey8,
    ] {
        assert_eq!(transcoded(25, redis, target), Err(Loss::FieldExpiry));
    }
    // A hash that has lost its TTLs loses nothing.
    let permanent = b"\0\0\0\0\0\0\0\0\x0f\x0f\0\0\0\x03\0\x81f\x02\x81v\x02\x00\x01\xff";
    assert_eq!(
        transcoded(25, permanent, Target::Redis72),
        Ok((
            Some(16),
            b"\x0d\x0d\0\0\0\x02\0\x81f\x02\x81v\x02\xff".to_vec()
        ))
    );
    // A time that the Redis dialect cannot say.
    let late = [b"\x01\x01f\x01v", &i64::MAX.to_le_bytes()[..]].concat();
    assert_eq!(
        transcoded(22, &late, Target::Redis8),
        Err(Loss::FieldExpiryRange)
    );
    assert_eq!(transcoded(22, &late, Target::Valkey9), Ok((Some(22), late)));
}

#[test]
fn vector_sets_and_arrays_are_lost_where_nobody_reads_them() {
    let vectors = b"\x81\xbd\xe7\x2d\xa2\xbb\x1e\xb4\x00\x02\x07\x00";
    assert_eq!(
        transcoded(7, vectors, Target::Redis8),
        Ok((Some(7), vectors.to_vec()))
    );
    assert_eq!(transcoded(7, vectors, Target::Redis72), Err(Loss::Vectors));
    assert!(!Target::Redis72.takes_as_held(RdbType::Module2));
    // For another module, nothing tells which servers have it.
    let other = b"\x81\xbd\xe7\x2e\xa2\xbb\x1e\xb4\x00\x02\x07\x00";
    assert_eq!(
        transcoded(7, other, Target::Redis72),
        Ok((Some(7), other.to_vec()))
    );
    assert_eq!(
        transcoded(28, b"\x01\x00\x00\x03\x01x", Target::Redis8),
        Err(Loss::Array)
    );
    for target in [Target::Auto, Target::Redis88] {
        assert!(transcoded(28, b"\x01\x00\x00\x03\x01x", target).is_ok());
        assert!(transcoded(7, vectors, target).is_ok());
    }
}

#[test]
fn a_redis_8_gets_the_oldest_form_that_holds_the_data() {
    let lowest = |types: &[RdbType]| Target::lowest_of_redis_8(types.iter().copied().collect());
    assert_eq!(
        lowest(&[RdbType::HashTtl, RdbType::Stream3]),
        Target::Redis8
    );
    assert_eq!(lowest(&[RdbType::Stream4]), Target::Redis86);
    assert_eq!(
        lowest(&[RdbType::Stream4, RdbType::Stream5]),
        Target::Redis88
    );
    assert_eq!(lowest(&[RdbType::Array]), Target::Redis88);
}

#[test]
fn types_know_their_lowest_version() {
    let set: TypeSet = [RdbType::String, RdbType::SetIntset, RdbType::HashListpack]
        .into_iter()
        .collect();
    assert!(
        set.iter()
            .eq([RdbType::String, RdbType::SetIntset, RdbType::HashListpack])
    );
    assert_eq!(lowest_version(RdbType::Stream), RdbVersion::redis(9));
    assert_eq!(lowest_version(RdbType::Stream2), RdbVersion::REDIS_10);
    assert_eq!(lowest_version(RdbType::Hash2), RdbVersion::VALKEY_80);
}
