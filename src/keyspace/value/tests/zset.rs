//! Sorted sets against a map.

use super::*;
use crate::value::{LexBound, ScoreBound, Zset};
use std::collections::BTreeMap;

type Model = BTreeMap<Vec<u8>, f64>;

fn ordered(model: &Model) -> Vec<(Vec<u8>, f64)> {
    let mut all: Vec<_> = model.iter().map(|(m, s)| (m.clone(), *s)).collect();
    all.sort_by(|a, b| a.1.partial_cmp(&b.1).unwrap().then_with(|| a.0.cmp(&b.0)));
    all
}

fn same(zset: &Zset, model: &Model) {
    let all = ordered(model);
    round_trip(&Value::Zset(zset.clone()), |value| {
        let ValueRef::Zset(zset) = value else {
            panic!("a sorted set stays one")
        };
        assert_eq!(zset.len(), all.len());
        assert!(
            zset.iter()
                .map(|(m, s)| (m.to_vec(), s))
                .eq(all.iter().cloned())
        );
        assert!(
            zset.range_rev(0..all.len())
                .map(|(m, s)| (m.to_vec(), s))
                .eq(all.iter().rev().cloned())
        );
    });
    let zset = zset.as_ref();
    for (rank, (member, score)) in all.iter().enumerate() {
        assert_eq!(zset.score(member), Some(*score));
        assert_eq!(zset.rank(member), Some(rank));
    }
}

fn ranges(zset: &Zset, model: &Model, rng: &mut Rng) {
    let all = ordered(model);
    let zset = zset.as_ref();
    for _ in 0..10 {
        let a = rng.below(all.len() + 1);
        let b = a + rng.below(all.len() - a + 1);
        assert!(
            zset.range(a..b)
                .map(|(m, s)| (m.to_vec(), s))
                .eq(all[a..b].iter().cloned())
        );
        assert!(
            zset.range_rev(a..b)
                .map(|(m, s)| (m.to_vec(), s))
                .eq(all[a..b].iter().rev().cloned())
        );
        let bound = |rng: &mut Rng| ScoreBound {
            score: score(rng),
            exclusive: rng.below(2) == 0,
        };
        let (min, max) = (bound(rng), bound(rng));
        let inside = |s: f64| {
            (s > min.score || (s == min.score && !min.exclusive))
                && (s < max.score || (s == max.score && !max.exclusive))
        };
        let got = zset.ranks_by_score(min, max);
        let wanted: Vec<usize> = (0..all.len()).filter(|&i| inside(all[i].1)).collect();
        assert_eq!(got.clone().collect::<Vec<_>>(), wanted, "{min:?} {max:?}");
    }
}

fn score(rng: &mut Rng) -> f64 {
    match rng.below(12) {
        0 => f64::INFINITY,
        1 => f64::NEG_INFINITY,
        2 => rng.below(1000) as f64 / 7.0 - 40.0,
        3 => 1e300,
        4 => -1.5e-7,
        5 => (1u64 << 53) as f64,
        _ => rng.below(200) as f64 - 100.0,
    }
}

#[test]
fn a_sorted_set_agrees_with_a_sorted_vector_and_its_clones_never_change() {
    for seed in 0..rounds(60) {
        let mut rng = Rng::new(seed);
        let limits = limits(&mut rng);
        let variety = [3, 40, 3000][rng.below(3)];
        let (mut zset, mut model) = (Zset::new(), Model::new());
        let mut clones = Vec::new();
        for step in 0..[60, 600, 6000][rng.below(3)] {
            let member = text(&mut rng, variety);
            match rng.below(100) {
                0..=64 => {
                    let score = score(&mut rng);
                    assert_eq!(
                        zset.set(&member, score, &limits),
                        model.insert(member, score)
                    );
                }
                65..=97 => assert_eq!(zset.remove(&member), model.remove(&member)),
                98 => {
                    let all = ordered(&model);
                    let a = rng.below(all.len() + 1);
                    let b = a + rng.below((all.len() - a).min(300) + 1);
                    zset.remove_range(a..b);
                    for (member, _) in &all[a..b] {
                        model.remove(member);
                    }
                }
                _ => zset.compact(&limits),
            }
            if rng.below(400) == 0 || step == 20 {
                ranges(&zset, &model, &mut rng);
                clones.push((zset.clone(), model.clone()));
            }
        }
        same(&zset, &model);
        for (zset, model) in &clones {
            same(zset, model);
        }
    }
}

#[test]
fn ranges_by_bytes_take_each_kind_of_bound() {
    for large in [false, true] {
        let entries = if large { 0 } else { 128 };
        let limits = Limits {
            zset_max_listpack_entries: entries,
            ..Limits::default()
        };
        let mut zset = Zset::new();
        for member in ["a", "b", "c", "10", "9"] {
            zset.set(member.as_bytes(), 0.0, &limits);
        }
        // Order: 10 9 a b c
        let incl = |text: &str| LexBound::Inclusive(text.into());
        let excl = |text: &str| LexBound::Exclusive(text.into());
        let ranks = |min: LexBound, max: LexBound| zset.as_ref().ranks_by_lex(&min, &max);
        assert_eq!(ranks(LexBound::Min, LexBound::Max), 0..5);
        assert_eq!(ranks(incl("10"), incl("9")), 0..2);
        assert_eq!(ranks(excl("10"), excl("b")), 1..3);
        assert_eq!(ranks(incl("aa"), excl("bb")), 3..4);
        assert!(ranks(LexBound::Max, LexBound::Min).is_empty());
        assert!(ranks(incl("c"), incl("a")).is_empty());
    }
}

#[test]
fn a_scan_shows_every_member_that_stays_though_scores_change() {
    let mut rng = Rng::new(11);
    let limits = Limits {
        zset_max_listpack_entries: 4,
        ..Limits::default()
    };
    let mut zset = Zset::new();
    for i in 0..3000 {
        zset.set(format!("stay{i}").as_bytes(), i as f64, &limits);
    }
    let mut seen = std::collections::BTreeSet::new();
    let (mut cursor, mut steps) = (0, 0);
    loop {
        cursor = zset.as_ref().scan(cursor, 10, |member, _| {
            seen.insert(member.to_vec());
        });
        steps += 1;
        if cursor == 0 {
            break;
        }
        for _ in 0..20 {
            zset.set(
                format!("stay{}", rng.below(3000)).as_bytes(),
                rng.below(100_000) as f64,
                &limits,
            );
        }
    }
    assert_eq!(seen.len(), 3000);
    assert!(steps > 100, "COUNT is honoured: {steps} steps");
}

#[test]
fn what_is_built_at_once_is_what_members_one_by_one_make() {
    for seed in 0..rounds(200) {
        let mut rng = Rng::new(seed);
        let limits = limits(&mut rng);
        let variety = [3, 40, 200, 3000][rng.below(4)];
        let count = rng.below(variety);
        let model: Model = (0..count)
            .map(|_| (text(&mut rng, variety), score(&mut rng)))
            .collect();
        let all = ordered(&model);
        let sorted: Vec<_> = all.iter().map(|(m, s)| (*s, m.clone())).collect();
        let built = Zset::of_sorted(&sorted, &limits);
        let mut one_by_one = Zset::new();
        let longest = model.keys().map(Vec::len).max();
        one_by_one.expect(model.len(), longest.unwrap_or(0), &limits);
        for (member, score) in &all {
            one_by_one.set(member, *score, &limits);
        }
        same(&built, &model);
        assert_eq!(built.as_ref().encoding(), one_by_one.as_ref().encoding());
        let bits =
            |zset: &Zset| -> Vec<u64> { zset.as_ref().iter().map(|(_, s)| s.to_bits()).collect() };
        assert_eq!(bits(&built), bits(&one_by_one));
    }
}

#[test]
fn ranges_of_any_length_are_removed_from_both_trees() {
    const MEMBERS: usize = 900;
    let limits = Limits::default();
    for seed in 0..rounds(60) {
        let mut rng = Rng::new(seed);
        let (mut zset, mut model) = (Zset::new(), Model::new());
        // Few scores, among them both zeros, so that ranges begin and end between members of one score.
        for i in 0..MEMBERS {
            let (member, score) = (format!("m{i}"), [-0.0, 0.0, 1.5, -2.0][rng.below(4)]);
            zset.set(member.as_bytes(), score, &limits);
            model.insert(member.into_bytes(), score);
        }
        let len = [1, 2, 20, 100, 160, 450, 700, MEMBERS][rng.below(8)];
        let start = rng.below(MEMBERS - len + 1);
        zset.remove_range(start..start + len);
        for (member, _) in &ordered(&model)[start..start + len] {
            model.remove(member);
            assert_eq!(zset.as_ref().score(member), None);
        }
        same(&zset, &model);
    }
}
