//! The words that may follow a command's fixed arguments, read one after another.

use super::Args;

impl<'a> Args<'a> {
    /// The meaning of argument `i` if it is one of these words, which are given in upper case and compared in any case.
    pub fn one_of<T: Copy>(&self, i: usize, words: &[(&str, T)]) -> Option<T> {
        let named = words.iter().find(|(word, _)| self.is(i, word));
        named.map(|(_, meaning)| *meaning)
    }

    /// The arguments from `from` on, as options.
    pub fn options(self, from: usize) -> Options<'a> {
        Options {
            args: self,
            at: from,
        }
    }
}

/// The options that have not been read yet. A caller takes one word after another, and reports a word that it does not
/// know.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    args: Args<'a>,
    at: usize,
}

impl<'a> Options<'a> {
    /// True if a word is left.
    pub fn are_left(&self) -> bool {
        self.at < self.args.len()
    }

    /// The index of the next word.
    pub fn at(&self) -> usize {
        self.at
    }

    /// The next word, without taking it.
    pub fn peek(&self) -> Option<&'a [u8]> {
        self.args.get(self.at)
    }

    /// Takes the next word, whatever it is.
    pub fn skip(&mut self) -> Option<&'a [u8]> {
        let word = self.peek()?;
        self.at += 1;
        Some(word)
    }

    /// Takes the next word if it is `word` (given in upper case), in any case.
    pub fn take(&mut self, word: &str) -> bool {
        let is_it = self.args.is(self.at, word);
        self.at += usize::from(is_it);
        is_it
    }

    /// Takes `word` and the `N` arguments after it. If fewer follow, nothing is taken, and the command sees `word` as
    /// one that it does not know.
    pub fn take_with<const N: usize>(&mut self, word: &str) -> Option<[&'a [u8]; N]> {
        if !self.args.is(self.at, word) {
            return None;
        }
        let (values, _) = self.args.from(self.at + 1).split_first_chunk::<N>()?;
        self.at += 1 + N;
        Some(*values)
    }

    /// Takes `word` and the `n` arguments after it, or nothing, as [`Options::take_with`] does.
    pub fn take_list(&mut self, word: &str, n: usize) -> Option<&'a [&'a [u8]]> {
        if !self.args.is(self.at, word) {
            return None;
        }
        let values = self.args.from(self.at + 1).get(..n)?;
        self.at += 1 + n;
        Some(values)
    }

    /// Takes the next `n` words, if that many are left.
    pub fn take_next(&mut self, n: usize) -> Option<&'a [&'a [u8]]> {
        let words = self.args.from(self.at).get(..n)?;
        self.at += n;
        Some(words)
    }

    /// Takes `word` and the argument after it.
    pub fn take_value(&mut self, word: &str) -> Option<&'a [u8]> {
        self.take_with(word).map(|[value]| value)
    }

    /// Takes the next word if it is one of these (given in upper case), and returns its meaning.
    pub fn take_one_of<T: Copy>(&mut self, words: &[(&str, T)]) -> Option<T> {
        let meaning = self.args.one_of(self.at, words)?;
        self.at += 1;
        Some(meaning)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_taken_in_any_case_and_only_with_all_their_values() {
        let args: [&[u8]; 7] = [b"CMD", b"asc", b"Limit", b"1", b"2", b"by", b"x"];
        let mut options = Args(&args).options(1);
        assert!(!options.take("DESC"));
        assert!(options.take("ASC"));
        assert_eq!(options.take_value("BY"), None);
        assert_eq!(options.take_with("LIMIT"), Some([&b"1"[..], b"2"]));
        assert_eq!(options.at(), 5);
        assert_eq!(options.take_with::<2>("BY"), None);
        assert_eq!(options.peek(), Some(&b"by"[..]));
        assert_eq!(options.take_value("BY"), Some(&b"x"[..]));
        assert!(!options.are_left());
        assert!(!options.take("X"));
        assert_eq!((options.skip(), options.at()), (None, 7));
    }

    #[test]
    fn as_many_words_are_taken_as_are_asked_for_or_none() {
        let args: [&[u8]; 6] = [b"CMD", b"weights", b"1", b"2", b"3", b"4"];
        let mut options = Args(&args).options(1);
        assert_eq!(options.take_list("WEIGHTS", 5), None);
        assert_eq!(options.take_list("IDS", 1), None);
        assert_eq!(options.take_list("WEIGHTS", 2), Some(&args[2..4]));
        assert_eq!(options.take_next(3), None);
        assert_eq!(options.take_next(usize::MAX), None);
        assert_eq!(options.take_next(2), Some(&args[4..]));
        assert_eq!(
            (options.take_next(0), options.are_left()),
            (Some(&args[6..]), false)
        );
    }

    #[test]
    fn one_of_several_words_stands_for_its_meaning() {
        let args: [&[u8]; 3] = [b"CMD", b"Max", b"avg"];
        let words = [("MIN", 1), ("MAX", 2)];
        assert_eq!(Args(&args).one_of(1, &words), Some(2));
        let mut options = Args(&args).options(1);
        assert_eq!(options.take_one_of(&words), Some(2));
        assert_eq!(options.take_one_of(&words), None);
        assert_eq!(options.skip(), Some(&b"avg"[..]));
    }
}
