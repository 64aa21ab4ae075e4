//! Runs of the model test from seeds.

use crate::testing::Run;
use crate::testing::run::{BOUNDARIES, MIXED, SHRINKING, SMALL, Shape, TINY};

fn finish(seed: u64, shape: Shape) {
    let snapshots = Run::of_seed(seed, shape).finish();
    assert!(snapshots > 0, "no snapshot was completed");
}

#[test]
fn keys_and_values_at_the_sizes_where_they_change_form_behave_as_the_model() {
    (400..403).for_each(|seed| finish(seed, BOUNDARIES));
}

#[test]
fn few_keys_behave_as_the_model() {
    (0..4).for_each(|seed| finish(seed, TINY));
}

#[test]
fn many_small_keys_behave_as_the_model() {
    (100..101).for_each(|seed| finish(seed, SMALL));
}

#[test]
fn keys_that_come_and_go_behave_as_the_model() {
    (200..202).for_each(|seed| finish(seed, SHRINKING));
}

#[test]
fn large_values_and_long_keys_behave_as_the_model() {
    (300..302).for_each(|seed| finish(seed, MIXED));
}
