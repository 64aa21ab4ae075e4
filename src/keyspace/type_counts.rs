//! How many values of each type a database holds.

use super::type_byte::TypeByte;
use rdb::RdbType;

/// Numbers of types that are held are below this.
const NUMBERS: usize = 32;

/// The number of values of each RDB type, in records and outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TypeCounts([u64; NUMBERS]);

impl TypeCounts {
    /// The values of one type.
    pub fn of(&self, rdb_type: RdbType) -> u64 {
        self.0[TypeByte::of(rdb_type).index()]
    }

    /// The types of which there is a value.
    pub fn held(&self) -> impl Iterator<Item = RdbType> + '_ {
        let numbers = (0..NUMBERS).filter(|n| self.0[*n] > 0);
        numbers.filter_map(|n| RdbType::held(n as u8))
    }

    /// The values of all types.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    #[inline]
    pub(super) fn add(&mut self, type_byte: TypeByte) {
        self.0[type_byte.index()] += 1;
    }

    #[inline]
    pub(super) fn subtract(&mut self, type_byte: TypeByte) {
        self.0[type_byte.index()] -= 1;
    }

    pub(super) fn add_all(&mut self, other: &TypeCounts) {
        for (sum, n) in self.0.iter_mut().zip(other.0) {
            *sum += n;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_counted_under_its_type_wherever_it_is() {
        let mut counts = TypeCounts::default();
        counts.add(TypeByte::STRING);
        counts.add(TypeByte::outside(RdbType::String, true));
        counts.add(TypeByte::outside(RdbType::Stream5, false));
        let mut all = counts;
        all.add_all(&counts);
        all.subtract(TypeByte::STRING);
        assert_eq!((all.of(RdbType::String), all.of(RdbType::Stream5)), (3, 2));
        assert_eq!(all.total(), 5);
        assert!(all.held().eq([RdbType::String, RdbType::Stream5]));
    }
}
