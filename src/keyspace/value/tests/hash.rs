//! Hashes against a map.

use super::*;
use crate::value::{Hash, NewExpiry, Template};
use std::collections::BTreeMap;
use std::sync::Arc;

type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

fn same(hash: &Hash, model: &Model) {
    round_trip(&Value::Hash(hash.clone()), |value| {
        let ValueRef::Hash(hash) = value else {
            panic!("a hash stays one")
        };
        assert_eq!(hash.len(), model.len());
        let all: Model = hash
            .iter()
            .map(|(f, v, at)| (f.to_vec(), (v.to_vec(), at)))
            .collect();
        assert_eq!(&all, model);
        for (place, field) in hash.iter().take(20).enumerate() {
            assert_eq!(hash.random(place as u64), Some(field));
        }
        assert_eq!(hash.min_expire(), model.values().filter_map(|v| v.1).min());
    });
    let hash = hash.as_ref();
    for (field, (value, at)) in model {
        let (got, got_at) = hash.get_with_expire(field).expect("every field is found");
        assert!(got.is(value));
        assert_eq!(got_at, *at);
    }
}

#[test]
fn a_hash_agrees_with_a_map_and_its_clones_never_change() {
    for seed in 0..rounds(60) {
        let mut rng = Rng::new(seed);
        let limits = limits(&mut rng);
        let variety = [3, 40, 3000][rng.below(3)];
        let expiries = rng.below(3) > 0;
        let (mut hash, mut model) = (Hash::new(), Model::new());
        if rng.below(3) == 0 {
            // One that has the names of its fields in common with others.
            let fields = (0..rng.below(variety))
                .map(|_| (text(&mut rng, variety), (text(&mut rng, 50), None)));
            model = fields.collect();
            let template = Arc::new(Template::new(model.keys().map(|name| &**name)));
            let values = model.values().map(|(value, _)| &**value);
            hash = Hash::of_template(&template, values, &limits);
            same(&hash, &model);
        }
        let mut clones = Vec::new();
        for step in 0..[60, 600, 6000][rng.below(3)] {
            let field = text(&mut rng, variety);
            match rng.below(20) {
                0..=9 => {
                    let value = text(&mut rng, 5000);
                    assert_eq!(
                        hash.set(&field, &value, &limits),
                        !model.contains_key(&field)
                    );
                    model.insert(field, (value, None));
                }
                10..=11 => {
                    let value = text(&mut rng, 5000);
                    let at = model.get(&field).and_then(|v| v.1);
                    assert_eq!(
                        hash.set_keep_expire(&field, &value, &limits),
                        !model.contains_key(&field)
                    );
                    model.insert(field, (value, at));
                }
                12 if expiries => {
                    let value = text(&mut rng, 5000);
                    let at = 1 + rng.below(1000) as i64;
                    hash.set_until(&field, &value, at, &limits);
                    model.insert(field, (value, Some(at)));
                }
                12..=15 => assert_eq!(hash.remove(&field), model.remove(&field).is_some()),
                16..=18 if expiries => {
                    let at = (rng.below(4) > 0).then(|| 1 + rng.below(1000) as i64);
                    assert_eq!(
                        hash.set_expire(&field, at, &limits),
                        model.contains_key(&field)
                    );
                    model.entry(field).and_modify(|v| v.1 = at);
                }
                19 if rng.below(20) == 0 => {
                    let now = rng.below(1000) as i64;
                    let max = rng.below(50);
                    let gone = hash.remove_expired(now, max, |field| {
                        let (_, at) = model
                            .remove(field)
                            .expect("only fields that are there expire");
                        assert!(at.is_some_and(|at| at < now));
                    });
                    let left = model
                        .values()
                        .filter(|v| v.1.is_some_and(|at| at < now))
                        .count();
                    assert!(gone == max || left == 0);
                }
                _ => {}
            }
            if rng.below(400) == 0 || step == 20 {
                clones.push((hash.clone(), model.clone()));
            }
        }
        same(&hash, &model);
        for (hash, model) in &clones {
            same(hash, model);
        }
        while let Some((field, ..)) = hash
            .as_ref()
            .random(rng.next())
            .map(|(f, v, at)| (f.to_vec(), v.to_vec(), at))
        {
            assert!(hash.remove(&field));
            assert!(model.remove(&field).is_some());
        }
        assert!(model.is_empty());
    }
}

#[test]
fn a_scan_shows_every_field_that_stays_though_others_come_and_go() {
    let mut rng = Rng::new(7);
    let limits = Limits {
        hash_max_listpack_entries: 4,
        ..Limits::default()
    };
    let mut hash = Hash::new();
    for i in 0..3000 {
        hash.set(format!("stay{i}").as_bytes(), b"v", &limits);
    }
    let mut seen = std::collections::BTreeSet::new();
    let (mut cursor, mut steps) = (0, 0);
    loop {
        cursor = hash.as_ref().scan(cursor, 10, |field, _, _| {
            seen.insert(field.to_vec());
        });
        steps += 1;
        if cursor == 0 {
            break;
        }
        for _ in 0..20 {
            let field = format!("come{}", rng.below(2000));
            if !hash.remove(field.as_bytes()) {
                hash.set(field.as_bytes(), b"w", &limits);
            }
        }
    }
    assert!((0..3000).all(|i| seen.contains(format!("stay{i}").as_bytes())));
    assert!(steps > 100, "COUNT is honoured: {steps} steps");
}

/// As a listpack with expiries holds them, and as HGETALL shows them.
#[test]
fn packed_fields_stand_in_the_order_of_their_expiries() {
    for seed in 0..rounds(20) {
        let mut rng = Rng::new(seed);
        let limits = Limits::default();
        let (mut hash, mut model) = (Hash::new(), Vec::<(Vec<u8>, i64)>::new());
        for n in 0..40 {
            let field = format!("field:{n}").into_bytes();
            hash.set(&field, b"value", &limits);
            model.push((field, 0));
        }
        for _ in 0..300 {
            let (field, _) = model[rng.below(40)].clone();
            let at = [0, 1, 100, 1 << 40][rng.below(4)] * (1 + rng.below(3) as i64);
            let old = model.iter().position(|(other, _)| *other == field).unwrap();
            let known = hash.as_ref().encoding() == "listpackex";
            let there = hash.change_expire(&field, |seen| {
                assert_eq!(seen.unwrap_or(0), model[old].1);
                NewExpiry::from(Some(at).filter(|at| *at != 0))
            });
            assert!(there);
            if at != 0 || known {
                model.remove(old);
                let is_later = |other: &(Vec<u8>, i64)| at != 0 && (other.1 == 0 || other.1 > at);
                let to = model.iter().position(is_later).unwrap_or(model.len());
                model.insert(to, (field.clone(), at));
            }
            assert!(hash.change_expire(&field, |_| NewExpiry::Same));
            let shown = hash.as_ref();
            let shown = shown.iter().map(|(f, _, at)| (f.to_vec(), at.unwrap_or(0)));
            assert_eq!(shown.collect::<Vec<_>>(), model);
        }
        assert!(!hash.change_expire(b"none", |_| panic!("there is no such field")));
        assert_eq!(hash.as_ref().encoding(), "listpackex");
    }
}

#[test]
fn many_fields_at_once_make_the_hash_that_one_after_the_other_makes() {
    for seed in 0..rounds(100) {
        let mut rng = Rng::new(seed);
        let limits = limits(&mut rng);
        let variety = [3, 200, 3000][rng.below(3)];
        let (mut one_by_one, mut hash) = (Hash::new(), Hash::new());
        for _ in 0..3 {
            let parts: Vec<_> = (0..2 * [1, 100, 2000][rng.below(3)])
                .map(|_| text(&mut rng, variety))
                .collect();
            let pairs: Vec<&[u8]> = parts.iter().map(|part| &part[..]).collect();
            let set = pairs.chunks_exact(2);
            let added = set.filter(|pair| one_by_one.set(pair[0], pair[1], &limits));
            assert_eq!(hash.set_all(&pairs, &limits), added.count());
            let wanted = one_by_one.as_ref();
            let model = wanted.iter();
            let model = model.map(|(field, value, at)| (field.to_vec(), (value.to_vec(), at)));
            same(&hash, &model.collect());
            assert_eq!(hash.as_ref().encoding(), one_by_one.as_ref().encoding());
            let asked: Vec<_> = (0..rng.below(12))
                .map(|_| text(&mut rng, variety))
                .collect();
            let asked: Vec<&[u8]> = asked.iter().map(|field| &field[..]).collect();
            let seen = hash.as_ref();
            let each = asked.iter().map(|field| seen.get_with_expire(field));
            assert!(each.eq(seen.get_each(&asked)));
        }
    }
}
