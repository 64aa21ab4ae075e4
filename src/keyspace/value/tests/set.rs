//! Sets against a set.

use super::*;
use crate::value::Set;
use std::collections::BTreeSet;

type Model = BTreeSet<Vec<u8>>;

fn same(set: &Set, model: &Model) {
    round_trip(&Value::Set(set.clone()), |value| {
        let ValueRef::Set(set) = value else {
            panic!("a set stays one")
        };
        assert_eq!(set.len(), model.len());
        assert_eq!(&set.iter().map(|m| m.to_vec()).collect::<Model>(), model);
    });
    for member in model {
        assert!(set.as_ref().contains(member));
    }
}

#[test]
fn a_set_agrees_with_a_set_and_its_clones_never_change() {
    for seed in 0..rounds(60) {
        let mut rng = Rng::new(seed);
        let limits = limits(&mut rng);
        let variety = [3, 40, 3000, 40_000][rng.below(4)];
        let ints = rng.below(2) == 0;
        let (mut set, mut model) = (Set::new(), Model::new());
        let mut clones = Vec::new();
        for step in 0..[60, 600, 8000][rng.below(3)] {
            let member = match rng.below(variety) {
                n if ints && rng.below(200) > 0 => {
                    format!("{}", (n as i64 * 1_000_003) >> (n % 16)).into_bytes()
                }
                _ => text(&mut rng, variety),
            };
            match rng.below(10) {
                0..=1 if !model.contains(&member) => {
                    set.add_absent(&member, &limits);
                    model.insert(member);
                }
                0..=6 => assert_eq!(set.add(&member, &limits), model.insert(member)),
                7 => {
                    let popped = set.pop_random(rng.next());
                    assert_eq!(popped.is_none(), model.is_empty());
                    assert!(popped.is_none_or(|m| model.remove(&m)));
                }
                8 if step % 50 == 0 => {
                    let keep: Vec<usize> = (0..set.len()).filter(|_| rng.below(8) > 2).collect();
                    let encoding = set.as_ref().encoding();
                    let mut gone = 0;
                    set.keep_only(&keep, |member| {
                        gone += usize::from(model.remove(&*member.to_cow()))
                    });
                    assert_eq!((set.len(), model.len()), (keep.len(), keep.len()));
                    assert!(gone == 0 || set.len() == 0 || set.as_ref().encoding() == encoding);
                }
                _ => assert_eq!(set.remove(&member), model.remove(&member)),
            }
            assert_eq!(set.as_ref().contains(b"m4"), model.contains(&b"m4"[..]));
            if rng.below(400) == 0 || step == 20 {
                clones.push((set.clone(), model.clone()));
            }
        }
        same(&set, &model);
        for (set, model) in &clones {
            same(set, model);
        }
    }
}

#[test]
fn random_members_are_uniform() {
    let limits = Limits {
        set_max_listpack_entries: 0,
        ..Limits::default()
    };
    let mut set = Set::new();
    for i in 0..1000 {
        set.add(format!("member:{i}").as_bytes(), &limits);
    }
    let mut rng = Rng::new(3);
    let mut hits = std::collections::BTreeMap::<Vec<u8>, usize>::new();
    for _ in 0..100_000 {
        let member = set.as_ref().random(rng.next()).unwrap().to_vec();
        *hits.entry(member).or_default() += 1;
    }
    assert_eq!(hits.len(), 1000);
    assert!(hits.values().all(|&n| (50..150).contains(&n)));
}

#[test]
fn many_members_at_once_make_the_set_that_one_after_the_other_makes() {
    for seed in 0..rounds(100) {
        let mut rng = Rng::new(seed);
        let limits = limits(&mut rng);
        let variety = [3, 200, 3000][rng.below(3)];
        let (mut one_by_one, mut set) = (Set::new(), Set::new());
        for _ in 0..3 {
            let members: Vec<_> = (0..[1, 100, 2000][rng.below(3)])
                .map(|_| text(&mut rng, variety))
                .collect();
            let members: Vec<&[u8]> = members.iter().map(|member| &member[..]).collect();
            let added = members.iter().filter(|m| one_by_one.add(m, &limits));
            assert_eq!(set.add_all(&members, &limits), added.count());
            let wanted = one_by_one.as_ref();
            same(&set, &wanted.iter().map(|m| m.to_vec()).collect());
            assert_eq!(set.as_ref().encoding(), one_by_one.as_ref().encoding());
        }
    }
}
