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

/// Number of registers.
pub const REGISTERS: usize = 1 << INDEX_BITS;
const INDEX_BITS: u32 = 14;
/// Bits of the hash that are counted.
const COUNTED_BITS: u32 = 64 - INDEX_BITS;
const HEADER_LEN: usize = 16;
const DENSE_LEN: usize = HEADER_LEN + REGISTERS * 6 / 8;
const DENSE: u8 = 0;
const SPARSE: u8 = 1;
/// The largest value that a sparse run can hold.
const SPARSE_VALUE_MAX: u8 = 32;
/// Longest runs of the three kinds.
const ZERO_MAX: usize = 64;
const VALUE_RUN_MAX: usize = 4;
/// How many runs are looked at for merging after a change.
const MERGE_SCAN: usize = 5;
/// 1 / (2 ln 2): the estimator's constant for many registers.
const ALPHA_INFINITE: f64 = 0.721_347_520_444_481_7;
const HASH_SEED: u64 = 0xadc8_3b19;

/// The runs do not make 16384 registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

/// A HyperLogLog with a sound header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hll(Vec<u8>);

/// All registers, one byte each.
pub type Registers = Box<[u8; REGISTERS]>;

/// Registers that are all zero.
pub fn no_registers() -> Registers {
    Box::new([0; REGISTERS])
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

impl Default for Hll {
    fn default() -> Self {
        Self::new()
    }
}

impl Hll {
    /// An empty sketch, sparse.
    pub fn new() -> Self {
        let mut bytes = b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0".to_vec();
        Run::Zeros(REGISTERS).write(&mut bytes);
        Hll(bytes)
    }

    /// A string that claims to be a sketch; `None` if its header does not fit.
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
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
        self.0
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
        self.0[8..16].copy_from_slice(&count.to_le_bytes());
    }

    /// Marks the cached count as stale.
    pub fn invalidate(&mut self) {
        self.0[15] |= 0x80;
    }

    /// Adds an element; true if a register grew. `sparse_max` is `hll-sparse-max-bytes`.
    pub fn add(&mut self, element: &[u8], sparse_max: usize) -> Result<bool, Corrupt> {
        let hash = murmur64a(element, HASH_SEED);
        let index = hash as usize % REGISTERS;
        // A set bit after the counted ones ends the count.
        let counted = hash >> INDEX_BITS | 1 << COUNTED_BITS;
        self.raise(index, counted.trailing_zeros() as u8 + 1, sparse_max)
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
        let (mut at, mut first, mut before) = (HEADER_LEN, 0, None);
        let (run, len) = loop {
            let (run, len) = Run::read(&self.0, at).ok_or(Corrupt)?;
            if index < first + run.len() {
                break (run, len);
            }
            before = Some(at);
            at += len;
            first += run.len();
        };
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
        self.0.splice(at..at + len, new);
        self.merge_runs(before.unwrap_or(HEADER_LEN));
        self.invalidate();
        Ok(Some(true))
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
                    self.0.splice(at..at + 2, joined);
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
        let registers = self.registers()?;
        self.0.truncate(HEADER_LEN);
        self.0.resize(DENSE_LEN, 0);
        self.0[4] = DENSE;
        for (index, &value) in registers.iter().enumerate().filter(|(_, v)| **v > 0) {
            self.set_dense(index, value);
        }
        Ok(())
    }

    fn dense(&self, index: usize) -> u8 {
        let (at, shift) = (HEADER_LEN + index * 6 / 8, index * 6 % 8);
        let pair = [self.0[at], self.0.get(at + 1).copied().unwrap_or(0)];
        (u16::from_le_bytes(pair) >> shift) as u8 & 0x3f
    }

    fn set_dense(&mut self, index: usize, value: u8) {
        let (at, shift) = (HEADER_LEN + index * 6 / 8, index * 6 % 8);
        let (mask, bits) = (0x3fu16 << shift, u16::from(value) << shift);
        self.0[at] = self.0[at] & !(mask as u8) | bits as u8;
        if mask >> 8 != 0 {
            self.0[at + 1] = self.0[at + 1] & !((mask >> 8) as u8) | (bits >> 8) as u8;
        }
    }

    /// All registers.
    pub fn registers(&self) -> Result<Registers, Corrupt> {
        let mut registers = no_registers();
        if self.is_dense() {
            (0..REGISTERS).for_each(|index| registers[index] = self.dense(index));
            return Ok(registers);
        }
        let (mut at, mut first) = (HEADER_LEN, 0);
        while at < self.0.len() {
            let (run, len) = Run::read(&self.0, at).ok_or(Corrupt)?;
            let covered = registers.get_mut(first..first + run.len()).ok_or(Corrupt)?;
            covered.fill(run.value());
            at += len;
            first += run.len();
        }
        if first == REGISTERS {
            Ok(registers)
        } else {
            Err(Corrupt)
        }
    }

    /// Raises `registers` to its own where those are higher.
    pub fn merge_into(&self, registers: &mut Registers) -> Result<(), Corrupt> {
        let own = self.registers()?;
        for (into, &from) in registers.iter_mut().zip(own.iter()) {
            *into = (*into).max(from);
        }
        Ok(())
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

/// The estimated number of distinct elements (Ertl, "New cardinality estimation algorithms for
/// HyperLogLog sketches", 2017, algorithm 6).
pub fn estimate(registers: &Registers) -> u64 {
    let mut histogram = [0u32; 64];
    registers
        .iter()
        .for_each(|&v| histogram[v as usize & 63] += 1);
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
            Hll::from_bytes(bytes).expect("the header is sound")
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
            assert_eq!(Hll::from_bytes(bad.to_vec()), None);
        }
    }
}
