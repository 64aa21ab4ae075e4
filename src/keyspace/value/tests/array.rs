//! Arrays against a sorted map.

use super::*;
use crate::value::{Array, INDEX_MAX};
use std::collections::BTreeMap;

type Model = BTreeMap<u64, Vec<u8>>;

fn same(array: &Array, model: &Model, inserted: Option<u64>) {
    round_trip(&Value::Array(array.clone()), |value| {
        let ValueRef::Array(array) = value else {
            panic!("an array stays one")
        };
        assert_eq!((array.len(), array.inserted()), (model.len(), inserted));
        let elements = array
            .iter()
            .map(|(index, element)| (index, element.to_vec()));
        assert_eq!(&elements.collect::<Model>(), model);
        let end = model.last_key_value().map_or(0, |(index, _)| index + 1);
        assert_eq!(array.end(), end);
    });
}

/// Texts that look like numbers of every kind, among others.
fn element(rng: &mut Rng) -> Vec<u8> {
    let n = rng.next() as i64 >> rng.below(64);
    match rng.below(6) {
        0 => n.to_string().into_bytes(),
        1 => format!("{}.{}", n % 1000, [0, 5, 25, 125, 1][rng.below(5)]).into_bytes(),
        2 => format!("{:?}", f64::from_bits(rng.next())).into_bytes(),
        _ => text(rng, 400),
    }
}

#[test]
fn an_array_agrees_with_a_map_and_its_clones_never_change() {
    for seed in 0..rounds(60) {
        let mut rng = Rng::new(seed);
        let span = [5, 300, 5_000, INDEX_MAX][rng.below(4)];
        let (mut array, mut model, mut inserted) = (Array::new(), Model::new(), None);
        let mut clones = Vec::new();
        for step in 0..[60, 600, 6000][rng.below(3)] {
            let index = match rng.below(20) {
                0 => INDEX_MAX - rng.below(3) as u64,
                1..9 => step % (span + 1).max(1),
                _ => rng.next() % (span + 1).max(1),
            };
            match rng.below(12) {
                0..=7 => {
                    let text = element(&mut rng);
                    assert_eq!(array.set(index, &text), model.insert(index, text).is_none());
                }
                8 | 9 => assert_eq!(array.remove(index), model.remove(&index).is_some()),
                10 => {
                    let range = index..=index.saturating_add(rng.below(40) as u64).min(INDEX_MAX);
                    let count = model.range(range.clone()).count();
                    assert_eq!(array.as_ref().count(range.clone()), count);
                    assert_eq!(array.remove_range(range.clone()), count);
                    model.retain(|index, _| !range.contains(index));
                }
                _ if rng.below(30) == 0 => {
                    let kept: Vec<_> = model.values().take(20).cloned().collect();
                    array.keep_only(&kept);
                    inserted = (kept.len() as u64).checked_sub(1);
                    model = (0..).zip(kept).collect();
                }
                _ => {
                    inserted = (rng.below(3) > 0).then_some(index);
                    array.set_inserted(inserted);
                }
            }
            let view = array.as_ref();
            assert_eq!(
                view.get(index).map(|element| element.to_vec()),
                model.get(&index).cloned()
            );
            let range = index..=index.saturating_add(9).min(INDEX_MAX);
            let found: Vec<u64> = view.range(range.clone()).map(|(index, _)| index).collect();
            let wanted: Vec<u64> = model
                .range(range.clone())
                .map(|(index, _)| *index)
                .collect();
            assert_eq!(found, wanted);
            let back = view.range_rev(range).map(|(index, _)| index);
            assert!(back.eq(wanted.into_iter().rev()));
            if step % 1900 == 50 {
                clones.push((array.clone(), model.clone(), inserted));
            }
        }
        clones.push((array, model, inserted));
        for (array, model, inserted) in &clones {
            same(array, model, *inserted);
        }
    }
}
