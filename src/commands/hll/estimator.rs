//! How many distinct elements registers stand for.

use super::{COUNTED_BITS, REGISTERS, Registers};

/// 1 / (2 ln 2): the estimator's constant for many registers.
const ALPHA_INFINITE: f64 = 0.721_347_520_444_481_7;

/// How many registers have each value.
type Histogram = [u32; 64];

fn histogram(registers: &Registers) -> Histogram {
    const TOGETHER: usize = 64;
    // As `sixes::histogram`.
    let (mut zeros, mut tables) = (0, [[0u16; 64]; 8]);
    for chunk in registers.as_chunks::<TOGETHER>().0 {
        // Sketches with few elements are nearly empty.
        if *chunk == [0; TOGETHER] {
            zeros += TOGETHER as u32;
            continue;
        }
        for eight in chunk.as_chunks::<8>().0 {
            for (table, value) in tables.iter_mut().zip(eight) {
                table[usize::from(value & 63)] += 1;
            }
        }
    }
    let mut sums: Histogram =
        std::array::from_fn(|value| tables.iter().map(|table| u32::from(table[value])).sum());
    sums[0] += zeros;
    sums
}

/// The estimated number of distinct elements.
pub fn estimate(registers: &Registers) -> u64 {
    estimate_of(&histogram(registers))
}

/// Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", 2017, algorithm 6.
pub(super) fn estimate_of(histogram: &Histogram) -> u64 {
    let m = REGISTERS as f64;
    let top = COUNTED_BITS as usize + 1;
    let mut z = m * tau((m - f64::from(histogram[top])) / m);
    for &n in histogram[1..top].iter().rev() {
        z = (z + f64::from(n)) * 0.5;
    }
    z += m * sigma(f64::from(histogram[0]) / m);
    (ALPHA_INFINITE * m * m / z).round() as u64
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x).powi(2) * y;
        if z == before {
            return z / 3.0;
        }
    }
}
