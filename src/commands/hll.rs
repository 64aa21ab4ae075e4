//! The HyperLogLog as a string holds it, byte for byte as Redis does.
//!
//! ```text
//! "HYLL" | encoding u8 (0 dense, 1 sparse) | 3 unused | cached count u64le, top bit set = stale | registers
//! ```
//!
//! 16384 registers of 6 bits. Dense: packed from the lowest bit of each byte on, 12288 bytes. Sparse:
//! runs, as long as no register exceeds 32 and the runs stay small:
//!
//! | bits | run |
//! |---|---|
//! | `00nnnnnn` | n+1 zero registers |
//! | `01nnnnnn nnnnnnnn` | n+1 zero registers (14 bits) |
//! | `1vvvvvnn` | n+1 registers of value v+1 |

mod estimator;
mod union;

pub use estimator::estimate;
pub use union::{Union, United};

use base::sixes;
use estimator::estimate_of;
use std::borrow::Cow;

/// Number of registers.
pub const REGISTERS: usize = 1 << INDEX_BITS;
const INDEX_BITS: u32 = 14;
/// Bits of the hash that are counted.
const COUNTED_BITS: u32 = 64 - INDEX_BITS;
const HEADER_LEN: usize = 16;
/// The offset of the registers in a dense string.
pub const DENSE_AT: usize = HEADER_LEN;
const DENSE_LEN: usize = HEADER_LEN + REGISTERS * 6 / 8;
/// Where the cached count is: 8 bytes, of which the last one has the bit that says that it is stale.
pub const CACHED_AT: usize = 8;
const STALE_AT: usize = 15;
const STALE: u8 = 0x80;
const DENSE: u8 = 0;
const SPARSE: u8 = 1;
/// The largest value that a sparse run can hold.
const SPARSE_VALUE_MAX: u8 = 32;
/// Longest runs of the three kinds.
const ZERO_MAX: usize = 64;
const VALUE_RUN_MAX: usize = 4;
/// How many runs are looked at for merging after a change.
const MERGE_SCAN: usize = 5;
const HASH_SEED: u64 = 0xadc8_3b19;

/// The runs do not make 16384 registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

/// A HyperLogLog with a sound header. It borrows the string that holds it until it is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hll<'a>(Cow<'a, [u8]>);

/// A change of a dense sketch: the register, and its new value.
pub type Raise = (usize, u8);

/// All registers, one byte each.
pub type Registers = [u8; REGISTERS];

/// Registers that are all zero.
pub fn no_registers() -> Registers {
    [0; REGISTERS]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Run {
    Zeros(usize),
    Values(u8, usize),
}

impl Run {
    /// The run at `at`, and how many bytes it takes.
    fn read(bytes: &[u8], at: usize) -> Option<(Run, usize)> {
        let byte = *bytes.get(at)?;
        Some(match byte >> 6 {
            0 => (Run::Zeros((byte & 0x3f) as usize + 1), 1),
            1 => {
                let low = *bytes.get(at + 1)?;
                let n = usize::from(byte & 0x3f) << 8 | usize::from(low);
                (Run::Zeros(n + 1), 2)
            }
            _ => {
                let (value, n) = (byte >> 2 & 0x1f, byte & 3);
                (Run::Values(value + 1, n as usize + 1), 1)
            }
        })
    }

    fn write(self, out: &mut Vec<u8>) {
        match self {
            Run::Zeros(0) | Run::Values(_, 0) => {}
            Run::Zeros(n) if n <= ZERO_MAX => out.push((n - 1) as u8),
            Run::Zeros(n) => {
                let n = n - 1;
                out.extend([0x40 | (n >> 8) as u8, n as u8]);
            }
            Run::Values(value, n) => out.push(0x80 | (value - 1) << 2 | (n - 1) as u8),
        }
    }

    fn len(self) -> usize {
        match self {
            Run::Zeros(n) | Run::Values(_, n) => n,
        }
    }

    fn value(self) -> u8 {
        match self {
            Run::Zeros(_) => 0,
            Run::Values(value, _) => value,
        }
    }

    fn with_len(self, n: usize) -> Run {
        match self {
            Run::Zeros(_) => Run::Zeros(n),
            Run::Values(value, _) => Run::Values(value, n),
        }
    }
}

/// Runs of a byte that are passed over together.
const TOGETHER: usize = 32;

/// The registers of runs of a byte each; `None` if there is a longer one.
fn short_runs(bytes: &[u8; TOGETHER]) -> Option<usize> {
    let long = bytes
        .iter()
        .fold(0, |long, &byte| long | u8::from(byte >> 6 == 1));
    let len = |&byte: &u8| u16::from(byte & if byte < 0x80 { 0x3f } else { 3 }) + 1;
    (long == 0).then(|| bytes.iter().map(len).sum::<u16>().into())
}

impl Default for Hll<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Hll<'a> {
    /// An empty sketch, sparse.
    pub fn new() -> Self {
        let mut bytes = b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0".to_vec();
        Run::Zeros(REGISTERS).write(&mut bytes);
        Hll(bytes.into())
    }

    /// A string that claims to be a sketch; `None` if its header does not fit.
    pub fn from_bytes(bytes: Cow<'a, [u8]>) -> Option<Self> {
        let sound = bytes.len() >= HEADER_LEN
            && bytes.starts_with(b"HYLL")
            && match bytes[4] {
                DENSE => bytes.len() == DENSE_LEN,
                encoding => encoding == SPARSE,
            };
        sound.then_some(Hll(bytes))
    }

    /// The string that holds it.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0.into_owned()
    }

    /// The same sketch, which borrows nothing.
    pub fn into_owned(self) -> Hll<'static> {
        Hll(Cow::Owned(self.0.into_owned()))
    }

    /// `dense` or `sparse`.
    pub fn is_dense(&self) -> bool {
        self.0[4] == DENSE
    }

    /// The count computed last, unless registers changed since.
    pub fn cached_count(&self) -> Option<u64> {
        let card = u64::from_le_bytes(self.0[8..16].try_into().expect("8 bytes of the header"));
        (card >> 63 == 0).then_some(card)
    }

    /// Notes a count.
    pub fn cache_count(&mut self, count: u64) {
        self.0.to_mut()[CACHED_AT..HEADER_LEN].copy_from_slice(&count.to_le_bytes());
    }

    /// Marks the cached count as stale.
    pub fn invalidate(&mut self) {
        self.0.to_mut()[STALE_AT] |= STALE;
    }

    /// Adds an element; true if a register grew. `sparse_max` is `hll-sparse-max-bytes`.
    pub fn add(&mut self, element: &[u8], sparse_max: usize) -> Result<bool, Corrupt> {
        let (index, value) = place(element);
        self.raise(index, value, sparse_max)
    }

    /// What adding these elements would change, one entry for each element that raises a register, in their order.
    /// `None` for a sparse sketch, and where more change than are worth looking through each time.
    pub fn raises<'e>(&self, elements: impl Iterator<Item = &'e [u8]>) -> Option<Vec<Raise>> {
        const MANY: usize = 32;
        let mut raises = Vec::<Raise>::new();
        if !self.is_dense() {
            return None;
        }
        for element in elements {
            let (index, value) = place(element);
            let known = raises.iter().rev().find(|(other, _)| *other == index);
            if value > known.map_or_else(|| self.dense(index), |(_, value)| *value) {
                if raises.len() == MANY {
                    return None;
                }
                raises.push((index, value));
            }
        }
        Some(raises)
    }

    /// The bytes of the string that a raise changes: where they begin, and the new ones.
    pub fn write_of(&self, (index, value): Raise) -> (usize, [u8; 2]) {
        let (at, shift) = dense_place(index);
        // The last register ends with the string, so that its pair begins one byte earlier.
        let (at, shift) = if at + 1 < DENSE_LEN {
            (at, shift)
        } else {
            (at - 1, shift + 8)
        };
        let pair = u16::from_le_bytes([self.0[at], self.0[at + 1]]);
        let pair = pair & !(0x3f << shift) | u16::from(value) << shift;
        (at, pair.to_le_bytes())
    }

    /// The byte that marks the cached count as stale, and where it is.
    pub fn stale_mark(&self) -> (usize, u8) {
        (STALE_AT, self.0[STALE_AT] | STALE)
    }

    /// Raises a register to `value` if it is lower; true if it was.
    pub fn raise(&mut self, index: usize, value: u8, sparse_max: usize) -> Result<bool, Corrupt> {
        if !self.is_dense() {
            if value <= SPARSE_VALUE_MAX
                && let Some(raised) = self.raise_sparse(index, value, sparse_max)?
            {
                return Ok(raised);
            }
            self.make_dense()?;
        }
        let old = self.dense(index);
        if value > old {
            self.set_dense(index, value);
        }
        Ok(value > old)
    }

    /// `None` if the result would be too large for the sparse form.
    fn raise_sparse(
        &mut self,
        index: usize,
        value: u8,
        max: usize,
    ) -> Result<Option<bool>, Corrupt> {
        let (at, first, before) = self.find_run(index)?;
        let (run, len) = Run::read(&self.0, at).ok_or(Corrupt)?;
        if run.value() >= value {
            return Ok(Some(false));
        }
        let mut new = Vec::with_capacity(5);
        run.with_len(index - first).write(&mut new);
        Run::Values(value, 1).write(&mut new);
        run.with_len(first + run.len() - 1 - index).write(&mut new);
        if new.len() > len && self.0.len() + new.len() - len > max {
            return Ok(None);
        }
        self.0.to_mut().splice(at..at + len, new);
        self.merge_runs(before.unwrap_or(HEADER_LEN));
        self.invalidate();
        Ok(Some(true))
    }

    /// The run that a register is in: where it is, its first register, and where the run before it is.
    fn find_run(&self, index: usize) -> Result<(usize, usize, Option<usize>), Corrupt> {
        let bytes: &[u8] = &self.0;
        let (mut at, mut first, mut before) = (HEADER_LEN, 0, None);
        loop {
            // Most runs are short, so many of them are passed over together.
            while let Some(registers) = bytes[at..].first_chunk().and_then(short_runs)
                && first + registers <= index
            {
                before = Some(at + TOGETHER - 1);
                at += TOGETHER;
                first += registers;
            }
            let end = at + TOGETHER;
            while at < end {
                let (run, len) = Run::read(bytes, at).ok_or(Corrupt)?;
                if index < first + run.len() {
                    return Ok((at, first, before));
                }
                before = Some(at);
                at += len;
                first += run.len();
            }
        }
    }

    /// Joins neighbouring runs of one value, a few from `at` on.
    fn merge_runs(&mut self, mut at: usize) {
        for _ in 0..MERGE_SCAN {
            let Some((run, len)) = Run::read(&self.0, at) else {
                return;
            };
            let next = Run::read(&self.0, at + len).map(|(next, _)| next);
            match (run, next) {
                (Run::Values(value, n), Some(Run::Values(other, m)))
                    if value == other && n + m <= VALUE_RUN_MAX =>
                {
                    let mut joined = Vec::with_capacity(1);
                    Run::Values(value, n + m).write(&mut joined);
                    self.0.to_mut().splice(at..at + 2, joined);
                }
                _ => at += len,
            }
        }
    }

    /// Goes over to the dense form.
    pub fn make_dense(&mut self) -> Result<(), Corrupt> {
        if self.is_dense() {
            return Ok(());
        }
        self.set_registers(&self.registers()?);
        Ok(())
    }

    /// Goes over to the dense form with these registers. The rest of the header stays.
    pub fn set_registers(&mut self, registers: &[u8; REGISTERS]) {
        let bytes = self.0.to_mut();
        bytes.truncate(HEADER_LEN);
        bytes.resize(DENSE_LEN, 0);
        bytes[4] = DENSE;
        sixes::pack(registers, &mut bytes[HEADER_LEN..]);
    }

    fn dense(&self, index: usize) -> u8 {
        let (at, shift) = dense_place(index);
        let pair = [self.0[at], self.0.get(at + 1).copied().unwrap_or(0)];
        (u16::from_le_bytes(pair) >> shift) as u8 & 0x3f
    }

    fn set_dense(&mut self, index: usize, value: u8) {
        let (at, pair) = self.write_of((index, value));
        self.0.to_mut()[at..at + 2].copy_from_slice(&pair);
    }

    /// Calls `f` with the runs of a sparse sketch, each with the register that it begins at. It is an error unless the
    /// runs make up all registers.
    #[inline]
    fn each_run(&self, mut f: impl FnMut(usize, Run)) -> Result<(), Corrupt> {
        let (mut at, mut first) = (HEADER_LEN, 0);
        while at < self.0.len() {
            let (run, len) = Run::read(&self.0, at).ok_or(Corrupt)?;
            if first + run.len() > REGISTERS {
                return Err(Corrupt);
            }
            f(first, run);
            at += len;
            first += run.len();
        }
        (first == REGISTERS).then_some(()).ok_or(Corrupt)
    }

    /// All registers.
    pub fn registers(&self) -> Result<Registers, Corrupt> {
        let mut registers = no_registers();
        self.merge_into(&mut registers)?;
        Ok(registers)
    }

    /// Raises `registers` to its own where those are higher.
    pub fn merge_into(&self, registers: &mut Registers) -> Result<(), Corrupt> {
        if self.is_dense() {
            let (into, _) = registers.as_chunks_mut::<8>();
            for (into, own) in into.iter_mut().zip(sixes::spread(&self.0[HEADER_LEN..])) {
                for (into, own) in into.iter_mut().zip(own) {
                    *into = (*into).max(own);
                }
            }
            return Ok(());
        }
        self.each_run(|first, run| {
            if let Run::Values(value, len) = run {
                for register in &mut registers[first..first + len] {
                    *register = (*register).max(value);
                }
            }
        })
    }

    /// Raises its own registers, which are dense, to those of `other` where these are higher. The cached count stays.
    pub fn raise_dense(&mut self, other: &Hll<'_>) -> Result<(), Corrupt> {
        debug_assert!(self.is_dense());
        if other.is_dense() {
            sixes::raise(&mut self.0.to_mut()[DENSE_AT..], &other.0[DENSE_AT..]);
            return Ok(());
        }
        let own = self.0.to_mut();
        other.each_run(|first, run| {
            if let Run::Values(value, len) = run {
                (first..first + len).for_each(|index| raise_packed(own, index, value));
            }
        })
    }

    /// The registers of this sketch, which is dense, with the rest of `other`.
    pub fn with_header_of(mut self, other: &Hll<'_>) -> Self {
        debug_assert!(self.is_dense());
        let header = &mut self.0.to_mut()[..HEADER_LEN];
        header.copy_from_slice(&other.0[..HEADER_LEN]);
        header[4] = DENSE;
        self
    }

    /// The bytes of its registers.
    pub fn register_bytes(&self) -> &[u8] {
        &self.0[HEADER_LEN..]
    }

    /// The estimated number of distinct elements.
    pub fn estimate(&self) -> Result<u64, Corrupt> {
        if self.is_dense() {
            return Ok(estimate_of(&sixes::histogram(&self.0[HEADER_LEN..])));
        }
        let mut histogram = [0; 64];
        self.each_run(|_, run| histogram[usize::from(run.value())] += run.len() as u32)?;
        Ok(estimate_of(&histogram))
    }

    /// The runs in words, as PFDEBUG DECODE shows them; `None` for a dense sketch.
    pub fn describe(&self) -> Option<String> {
        if self.is_dense() {
            return None;
        }
        let (mut at, mut words) = (HEADER_LEN, Vec::new());
        while let Some((run, len)) = Run::read(&self.0, at) {
            words.push(match (run, len) {
                (Run::Zeros(n), 1) => format!("z:{n}"),
                (Run::Zeros(n), _) => format!("Z:{n}"),
                (Run::Values(value, n), _) => format!("v:{value},{n}"),
            });
            at += len;
        }
        Some(words.join(" "))
    }
}

/// The register of an element, and the value that the element raises it to.
fn place(element: &[u8]) -> Raise {
    let hash = murmur64a(element, HASH_SEED);
    // A set bit after the counted ones ends the count.
    let counted = hash >> INDEX_BITS | 1 << COUNTED_BITS;
    let value = counted.trailing_zeros() as u8 + 1;
    (hash as usize % REGISTERS, value)
}

/// Where a register begins in a dense string: the byte, and the bit in it.
fn dense_place(index: usize) -> (usize, usize) {
    (HEADER_LEN + index * 6 / 8, index * 6 % 8)
}

/// Raises a register in a dense string.
#[inline]
fn raise_packed(bytes: &mut [u8], index: usize, value: u8) {
    // The last register ends with the string, so that its pair begins one byte earlier.
    let last = usize::from(index == REGISTERS - 1);
    let (at, shift) = dense_place(index);
    let (at, shift) = (at - last, shift + 8 * last);
    let pair = u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    if (pair >> shift) as u8 & 0x3f < value {
        let pair = pair & !(0x3f << shift) | u16::from(value) << shift;
        bytes[at..at + 2].copy_from_slice(&pair.to_le_bytes());
    }
}

/// The registers that are higher in `new` than in `old`, with their new values.
pub fn raised<'r>(
    old: &'r [u8; REGISTERS],
    new: &'r [u8; REGISTERS],
) -> impl Iterator<Item = Raise> + 'r {
    const TOGETHER: usize = 64;
    let (old, _) = old.as_chunks::<TOGETHER>();
    let (new, _) = new.as_chunks::<TOGETHER>();
    // Most registers do not change, so many are compared at a time, without a call for each comparison.
    let differ = |(_, (a, b)): &(usize, (&[u8; TOGETHER], &[u8; TOGETHER]))| {
        let words = a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0);
        let bits = words.map(|(a, b)| u64::from_ne_bytes(*a) ^ u64::from_ne_bytes(*b));
        bits.fold(0, |all, bits| all | bits) != 0
    };
    let differ = old.iter().zip(new).enumerate().filter(differ);
    differ.flat_map(|(at, (old, new))| {
        let pairs = old.iter().zip(new).enumerate();
        pairs
            .filter(|(_, (old, new))| new > old)
            .map(move |(i, (_, &new))| (at * TOGETHER + i, new))
    })
}

/// MurmurHash2, 64 bits, little-endian on every machine.
fn murmur64a(bytes: &[u8], seed: u64) -> u64 {
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    const R: u32 = 47;
    let mut h = seed ^ (bytes.len() as u64).wrapping_mul(M);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let mut k = u64::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> R;
        h = (h ^ k.wrapping_mul(M)).wrapping_mul(M);
    }
    if !rest.is_empty() {
        let tail = rest.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b));
        h = (h ^ tail).wrapping_mul(M);
    }
    h = (h ^ (h >> R)).wrapping_mul(M);
    h ^ (h >> R)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparse_and_dense_forms_hold_the_same_registers() {
        let (mut sparse, mut dense) = (Hll::new(), Hll::new());
        dense.make_dense().unwrap();
        for i in 0..700u32 {
            let element = i.to_le_bytes();
            let grew = sparse.add(&element, 12_000).unwrap();
            assert_eq!(dense.add(&element, 12_000), Ok(grew));
        }
        assert!(!sparse.is_dense());
        assert_eq!(sparse.registers(), dense.registers());
        sparse.make_dense().unwrap();
        sparse.invalidate();
        dense.invalidate();
        assert_eq!(sparse, dense);
    }

    /// What the first and the last register share with their neighbours stays as it is.
    #[test]
    fn a_dense_register_is_written_in_its_place_alone() {
        let mut registers = no_registers();
        for (i, register) in registers.iter_mut().enumerate() {
            *register = (i * 7 % 64) as u8;
        }
        for index in [0, 1, 2, 3, 4, 8191, REGISTERS - 2, REGISTERS - 1] {
            let mut sketch = Hll::new();
            sketch.set_registers(&registers);
            assert_eq!(sketch.registers().as_ref(), Ok(&registers));
            sketch.set_dense(index, 63);
            let mut expected = registers;
            expected[index] = 63;
            assert_eq!(sketch.registers(), Ok(expected), "{index}");
        }
    }

    #[test]
    fn what_an_addition_would_change_is_what_it_changes() {
        let mut sketch = Hll::new();
        sketch.make_dense().unwrap();
        let mut grown = 0;
        for i in 0..3000u32 {
            let elements = [i / 2, i / 3, i].map(u32::to_le_bytes);
            let raises = sketch.raises(elements.iter().map(|e| &e[..])).unwrap();
            let mut added = sketch.clone();
            for element in &elements {
                grown += usize::from(added.add(element, 3000).unwrap());
            }
            for raise in raises {
                let (at, pair) = sketch.write_of(raise);
                sketch.0.to_mut()[at..at + 2].copy_from_slice(&pair);
                grown -= 1;
            }
            assert_eq!(sketch, added);
        }
        assert_eq!(grown, 0);
        assert_eq!(Hll::new().raises(std::iter::empty()), None);
    }

    #[test]
    fn a_dense_sketch_is_raised_as_its_registers_are() {
        let mut sparse = Hll::new();
        let mut others = [0, 1, 2].map(|_| Hll::new());
        for i in 0..3000u32 {
            let element = i.to_le_bytes();
            let sketch = &mut others[i as usize % 3];
            sketch.make_dense().unwrap();
            sketch.add(&element, 3000).unwrap();
            if i % 10 == 0 {
                sparse.add(&element, 12_000).unwrap();
            }
        }
        assert!(!sparse.is_dense());
        let mut merged = others[0].clone();
        for other in others.iter().chain([&sparse, &Hll::new()]) {
            let mut expected = merged.registers().unwrap();
            other.merge_into(&mut expected).unwrap();
            assert_eq!(merged.raise_dense(other), Ok(()));
            assert!(merged.registers().unwrap() == expected);
        }
        let short = Hll::from_bytes(b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0\x00".as_slice().into());
        assert_eq!(merged.raise_dense(&short.unwrap()), Err(Corrupt));
    }

    #[test]
    fn all_ways_to_an_estimate_agree() {
        let mut sketch = Hll::new();
        for i in 0..2000u32 {
            sketch.add(&i.to_le_bytes(), 12_000).unwrap();
            if i % 100 == 0 {
                let registers = sketch.registers().unwrap();
                let expected = estimate(&registers);
                assert_eq!(sketch.estimate(), Ok(expected));
                let mut dense = Hll::new();
                dense.set_registers(&registers);
                assert_eq!(dense.estimate(), Ok(expected));
            }
        }
    }

    #[test]
    fn the_estimate_is_within_two_percent() {
        let mut sketch = Hll::new();
        for i in 0..100_000u32 {
            sketch.add(&i.to_le_bytes(), 3000).unwrap();
        }
        let count = estimate(&sketch.registers().unwrap()) as f64;
        assert!((count - 100_000.0).abs() < 2_000.0, "{count}");
        assert_eq!(estimate(&no_registers()), 0);
    }

    #[test]
    fn runs_that_do_not_make_all_registers_are_corrupt() {
        let with_runs = |runs: &[u8]| {
            let mut bytes = Hll::new().into_bytes();
            bytes.truncate(HEADER_LEN);
            bytes.extend_from_slice(runs);
            Hll::from_bytes(bytes.into()).expect("the header is sound")
        };
        for runs in [
            &[][..],
            &[0x7f],
            &[0x7f, 0xfe],
            &[0x7f, 0xff, 0x00],
            &[0x80],
        ] {
            assert_eq!(with_runs(runs).registers(), Err(Corrupt), "{runs:?}");
            assert_eq!(with_runs(runs).make_dense(), Err(Corrupt), "{runs:?}");
            assert_eq!(with_runs(runs).estimate(), Err(Corrupt), "{runs:?}");
        }
        assert_eq!(with_runs(&[0x00]).raise(5, 1, 3000), Err(Corrupt));
    }

    #[test]
    fn a_header_that_does_not_fit_is_no_sketch() {
        for bad in [
            &b"HYLL"[..],
            b"HYLX\x01\0\0\0\0\0\0\0\0\0\0\0",
            b"HYLL\x02\0\0\0\0\0\0\0\0\0\0\0",
            b"HYLL\0\0\0\0\0\0\0\0\0\0\0\0",
        ] {
            assert_eq!(Hll::from_bytes(bad.into()), None);
        }
    }
}
