//! Sketches merged: each register is the largest of theirs.

use super::{Corrupt, Hll, Registers, estimate, no_registers, raise_packed};

/// Sketches of which the largest registers are taken.
#[derive(Default)]
pub struct Union {
    /// The first dense sketch, raised to all that came after it.
    dense: Option<Hll<'static>>,
    /// The registers of the sparse ones that came before it.
    sparse: Option<Box<Registers>>,
}

/// What sketches make together.
pub enum United {
    /// One of them at least was dense. The header is that of any of them.
    Dense(Hll<'static>),
    /// All were sparse, or there were none.
    Sparse(Box<Registers>),
}

impl Union {
    /// Takes in one more.
    pub fn add(&mut self, sketch: Hll<'_>) -> Result<(), Corrupt> {
        match &mut self.dense {
            Some(dense) => dense.raise_dense(&sketch),
            None if sketch.is_dense() => {
                self.dense = Some(sketch.into_owned());
                Ok(())
            }
            None => sketch.merge_into(self.sparse.get_or_insert_with(|| no_registers().into())),
        }
    }

    /// The registers so far, if all are sparse.
    pub fn sparse(&self) -> Option<&Registers> {
        self.sparse.as_deref()
    }

    /// What they make.
    pub fn united(self) -> United {
        let Some(mut dense) = self.dense else {
            return United::Sparse(self.sparse.unwrap_or_else(|| no_registers().into()));
        };
        if let Some(sparse) = self.sparse {
            let raised = sparse.iter().enumerate().filter(|(_, value)| **value > 0);
            let own = dense.0.to_mut();
            raised.for_each(|(index, &value)| raise_packed(own, index, value));
        }
        United::Dense(dense)
    }
}

impl United {
    /// The estimated number of distinct elements of all.
    pub fn estimate(&self) -> Result<u64, Corrupt> {
        match self {
            United::Dense(sketch) => sketch.estimate(),
            United::Sparse(registers) => Ok(estimate(registers)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::HEADER_LEN;
    use super::*;

    #[test]
    fn a_union_has_the_largest_registers_in_whatever_order_the_sketches_come() {
        let sketch = |from: u32, step: usize, is_dense: bool| {
            let mut sketch = Hll::new();
            for i in (from..from + 3000).step_by(step) {
                sketch.add(&i.to_le_bytes(), 12_000).unwrap();
            }
            if is_dense {
                sketch.make_dense().unwrap();
            }
            assert_eq!(sketch.is_dense(), is_dense);
            sketch
        };
        let all = [
            sketch(0, 1, true),
            sketch(1000, 10, false),
            sketch(2000, 2, true),
            sketch(5000, 7, false),
            Hll::new(),
        ];
        for order in [
            &[][..],
            &[4],
            &[1, 3],
            &[3, 1, 4],
            &[1, 0],
            &[0, 1],
            &[1, 3, 2, 0, 4],
            &[0, 2],
        ] {
            let (mut union, mut expected, mut dense) = (Union::default(), no_registers(), false);
            for &i in order {
                union.add(all[i].clone()).unwrap();
                all[i].merge_into(&mut expected).unwrap();
                dense |= all[i].is_dense();
                assert_eq!(union.sparse().is_some_and(|own| *own == expected), !dense);
            }
            let united = union.united();
            assert_eq!(united.estimate(), Ok(estimate(&expected)), "{order:?}");
            match united {
                United::Dense(sketch) => {
                    assert!(dense && sketch.registers() == Ok(expected), "{order:?}");
                    let other = sketch.with_header_of(&all[1]);
                    assert!(other.is_dense() && other.registers() == Ok(expected));
                    assert_eq!(other.0[5..HEADER_LEN], all[1].0[5..HEADER_LEN]);
                }
                United::Sparse(registers) => assert!(!dense && *registers == expected, "{order:?}"),
            }
        }
    }
}
