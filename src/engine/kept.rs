//! The arguments of a request that runs later: queued by MULTI, held by a pause, blocked, or waiting for a long
//! script.

use base::large::{self, Large, Slice};

/// Arguments that outlive the buffer in which they were received. Large ones are not copied.
#[derive(Debug, Default)]
pub struct Kept(Vec<Word>);

#[derive(Debug)]
enum Word {
    Copied(Box<[u8]>),
    Large(Slice),
}

impl Word {
    fn bytes(&self) -> &[u8] {
        match self {
            Word::Copied(bytes) => bytes,
            Word::Large(slice) => slice,
        }
    }
}

impl Kept {
    /// Keeps `argv`.
    pub fn of(argv: &[&[u8]]) -> Kept {
        let word = |arg: &&[u8]| match large::find(arg) {
            Some(slice) => Word::Large(slice),
            None => Word::Copied((*arg).into()),
        };
        Kept(argv.iter().map(word).collect())
    }

    /// The arguments.
    pub fn argv(&self) -> Vec<&[u8]> {
        self.0.iter().map(Word::bytes).collect()
    }

    /// The arguments, one after another.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(Word::bytes)
    }

    /// Runs a request with these arguments; large ones among them may be kept again.
    pub fn run<R>(&self, f: impl FnOnce(&[&[u8]]) -> R) -> R {
        let slices = self.0.iter().filter_map(|word| match word {
            Word::Large(slice) => Some(slice.large()),
            Word::Copied(_) => None,
        });
        let larges: Vec<Large> = slices.collect();
        large::offer(&larges, || f(&self.argv()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::large::LARGE_FROM;

    #[test]
    fn a_large_argument_is_the_same_pages_when_it_runs() {
        let large = Large::copy_of(&vec![b'x'; LARGE_FROM]).expect("memory");
        let kept = large::offer([&large], || Kept::of(&[b"SET", b"k", &large]));
        assert_eq!(kept.argv()[2].as_ptr(), large.as_ptr());
        assert_eq!(kept.argv()[..2], [b"SET".as_slice(), b"k"]);
        assert!(large::find(kept.argv()[2]).is_none());
        kept.run(|argv| assert!(large::find(argv[2]).is_some()));
    }
}
