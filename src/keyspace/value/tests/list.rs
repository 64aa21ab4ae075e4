//! Lists against a deque.

use super::*;
use crate::value::List;
use std::collections::VecDeque;

type Model = VecDeque<Vec<u8>>;

fn same(list: &List, model: &Model) {
    round_trip(&Value::List(list.clone()), |value| {
        let ValueRef::List(list) = value else {
            panic!("a list stays one")
        };
        assert_eq!(list.len(), model.len());
        assert!(
            list.iter()
                .map(|item| item.to_vec())
                .eq(model.iter().cloned())
        );
        assert!(
            list.range_rev(0..model.len())
                .map(|item| item.to_vec())
                .eq(model.iter().rev().cloned())
        );
    });
}

#[test]
fn a_list_agrees_with_a_deque_and_its_clones_never_change() {
    for seed in 0..rounds(90) {
        let mut rng = Rng::new(seed);
        let limits = limits(&mut rng);
        let (mut list, mut model) = (List::new(), Model::new());
        let mut clones = Vec::new();
        let steps = [60, 600, 6000][rng.below(3)];
        // Some lists grow, some stay small, some shrink away.
        let grow = [40, 50, 80][rng.below(3)];
        for step in 0..steps {
            let item = text(&mut rng, 5000);
            let at = rng.below(model.len() + 1);
            match rng.below(100) {
                n if n < grow && n % 2 == 0 => {
                    list.push_front(&item, &limits);
                    model.push_front(item);
                }
                n if n < grow => {
                    list.push_back(&item, &limits);
                    model.push_back(item);
                }
                n if n < 80 && n % 2 == 0 => assert_eq!(list.pop_front(), model.pop_front()),
                n if n < 80 => assert_eq!(list.pop_back(), model.pop_back()),
                80..=89 => {
                    list.insert(at, &item, &limits);
                    model.insert(at, item);
                }
                90..=95 => {
                    assert_eq!(list.set(at, &item, &limits), at < model.len());
                    if at < model.len() {
                        model[at] = item;
                    }
                }
                96 => {
                    let most = if rng.below(10) == 0 { 2000 } else { 20 };
                    let end = at + rng.below((model.len() - at).min(most) + 1);
                    list.remove_range(at..end);
                    model.drain(at..end);
                }
                97 => list.shrink(&limits),
                _ => {
                    assert!(
                        list.as_ref().get(at).map(|item| item.to_vec()) == model.get(at).cloned()
                    );
                    let end = at + rng.below(model.len() - at + 1);
                    let (list, wanted) = (list.as_ref(), model.range(at..end));
                    assert!(
                        list.range(at..end)
                            .map(|item| item.to_vec())
                            .eq(wanted.clone().cloned())
                    );
                    assert!(
                        list.range_rev(at..end)
                            .map(|item| item.to_vec())
                            .eq(wanted.rev().cloned())
                    );
                }
            }
            assert_eq!(list.as_ref().len(), model.len());
            if rng.below(400) == 0 || step == 20 {
                clones.push((list.clone(), model.clone()));
            }
        }
        same(&list, &model);
        for (list, model) in &clones {
            same(list, model);
        }
    }
}
