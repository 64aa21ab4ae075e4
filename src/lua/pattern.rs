//! Lua 5.1's patterns, matched by a machine that can be interrupted.
//!
//! Lua's own matcher recurses in C, where no hook runs, and takes exponential time for some patterns. This one finds
//! the same matches in the same order, but keeps the choices that are still open on a stack of its own, counts its
//! steps, and reports them to its caller, which may end the search.
//!
//! A pattern ends at its first zero byte, as it does for Lua 5.1. A malformed pattern is noticed when matching comes
//! to the malformed place, not before, because scripts can see the difference.

use smallvec::SmallVec;
use std::ffi::CStr;

/// Captures that a pattern may have.
pub const CAPTURES_MAX: usize = 32;

/// Choices that may be open at the same time: one for each item of the pattern that may still match differently.
const CHOICES_MAX: usize = 1 << 17;

/// Steps between two reports.
const REPORT_EVERY: usize = 512;

/// Bytes of a set, or of a string that is compared, that count as one step.
const BYTES_A_STEP: usize = 16;

/// Why a search ended without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The pattern is wrong, as this text says.
    Pattern(&'static CStr),
    /// The caller does not want to know any more.
    Ended,
}

/// What a capture holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// It has begun and not ended.
    Unfinished,
    /// A position capture: the place, not text.
    Position,
    /// So many bytes.
    Bytes(usize),
}

/// One capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capture {
    /// Where it begins in the subject.
    pub start: usize,
    /// What the capture holds.
    pub held: Held,
}

/// The captures of a match.
#[derive(Clone, Copy)]
pub struct Captures {
    count: usize,
    list: [Capture; CAPTURES_MAX],
}

impl Captures {
    /// None yet.
    pub fn new() -> Captures {
        let nothing = Capture {
            start: 0,
            held: Held::Unfinished,
        };
        Captures {
            count: 0,
            list: [nothing; CAPTURES_MAX],
        }
    }

    /// Those that the match has begun.
    pub fn list(&self) -> &[Capture] {
        &self.list[..self.count]
    }
}

/// The first match at or after `start`, or at `start` alone if it is `anchored`: where it begins and ends.
///
/// `go_on` learns how many steps were taken since it was last called, and says whether to take more.
///
/// # Errors
/// The pattern is malformed or has too many open choices, or `go_on` has said no.
pub fn find(
    subject: &[u8],
    pattern: &[u8],
    start: usize,
    anchored: bool,
    captures: &mut Captures,
    go_on: &mut dyn FnMut(u32) -> bool,
) -> Result<Option<(usize, usize)>, Error> {
    let end = memchr::memchr(0, pattern).unwrap_or(pattern.len());
    let mut machine = Machine {
        subject,
        pattern: &pattern[..end],
        captures,
        choices: SmallVec::new(),
        unreported: 0,
        go_on,
    };
    let last = match anchored {
        true => start,
        false => subject.len(),
    };
    for start in start..=last {
        if let Some(end) = machine.match_at(start)? {
            machine.report()?;
            return Ok(Some((start, end)));
        }
    }
    machine.report()?;
    Ok(None)
}

/// A choice that has been made and may be made differently.
#[derive(Clone, Copy)]
enum Choice {
    /// An item took `count` bytes from `start` on; it may take one less. The pattern continues at `next`.
    Less {
        start: usize,
        count: usize,
        next: usize,
    },
    /// An item up to `next` has taken all bytes before `at`; it may take one more.
    More { at: usize, item: usize, next: usize },
    /// An optional item took the byte at `at`; it may take none.
    Without { at: usize, next: usize },
    /// A capture was begun: none is, if what follows does not match.
    Begun,
    /// A capture was ended: it is not, if what follows does not match.
    Finished { capture: usize },
}

/// The state of the machine: a place in the subject and one in the pattern.
type Place = (usize, usize);

/// What one item of the pattern came to.
enum Step {
    On(Place),
    Failed,
    Matched,
}

struct Machine<'a> {
    subject: &'a [u8],
    /// Without zero bytes.
    pattern: &'a [u8],
    captures: &'a mut Captures,
    choices: SmallVec<[Choice; 16]>,
    unreported: usize,
    go_on: &'a mut dyn FnMut(u32) -> bool,
}

impl Machine<'_> {
    /// The end of the match that begins at `start`.
    fn match_at(&mut self, start: usize) -> Result<Option<usize>, Error> {
        self.captures.count = 0;
        self.choices.clear();
        let (mut at, mut item) = (start, 0);
        loop {
            self.count(1)?;
            let place = match self.step(at, item)? {
                Step::On(place) => Some(place),
                Step::Matched => return Ok(Some(at)),
                Step::Failed => self.choose_again()?,
            };
            match place {
                Some(place) => (at, item) = place,
                None => return Ok(None),
            }
        }
    }

    /// Matches the item at `item` in the pattern.
    fn step(&mut self, at: usize, item: usize) -> Result<Step, Error> {
        match (self.sign(item), self.sign(item + 1)) {
            (0, _) => Ok(Step::Matched),
            (b'(', b')') => self.begin(at, item + 2, Held::Position),
            (b'(', _) => self.begin(at, item + 1, Held::Unfinished),
            (b')', _) => self.finish(at, item + 1),
            (b'%', b'b') => self.balanced(at, item + 2),
            (b'%', b'f') => self.frontier(at, item + 2),
            (b'%', digit) if digit.is_ascii_digit() => self.again(at, item, digit),
            (b'$', 0) => Ok(match at == self.subject.len() {
                true => Step::On((at, item + 1)),
                false => Step::Failed,
            }),
            _ => self.single(at, item),
        }
    }

    /// An item that matches single bytes, and what says how many of them.
    fn single(&mut self, at: usize, item: usize) -> Result<Step, Error> {
        let end = self.end_of_item(item)?;
        let next = end + 1;
        match self.sign(end) {
            b'?' => Ok(Step::On(match self.takes(at, item, end) {
                true => {
                    self.choose(Choice::Without { at, next })?;
                    (at + 1, next)
                }
                false => (at, next),
            })),
            b'*' => self.many(at, item, end),
            b'+' if self.takes(at, item, end) => self.many(at + 1, item, end),
            b'+' => Ok(Step::Failed),
            b'-' => {
                self.choose(Choice::More {
                    at,
                    item,
                    next: end,
                })?;
                Ok(Step::On((at, next)))
            }
            _ => Ok(match self.takes(at, item, end) {
                true => Step::On((at + 1, end)),
                false => Step::Failed,
            }),
        }
    }

    /// As many bytes as match an item.
    fn many(&mut self, start: usize, item: usize, end: usize) -> Result<Step, Error> {
        let mut count = 0;
        if self.sign(item) == b'.' {
            count = self.subject.len() - start;
        } else {
            let cost = 1 + (end - item) / BYTES_A_STEP;
            while self.takes(start + count, item, end) {
                count += 1;
                self.count(cost)?;
            }
        }
        let next = end + 1;
        if count > 0 {
            self.choose(Choice::Less { start, count, next })?;
        }
        Ok(Step::On((start + count, next)))
    }

    fn begin(&mut self, at: usize, next: usize, held: Held) -> Result<Step, Error> {
        let count = self.captures.count;
        let Some(capture) = self.captures.list.get_mut(count) else {
            return Err(Error::Pattern(c"too many captures"));
        };
        *capture = Capture { start: at, held };
        self.captures.count += 1;
        self.choose(Choice::Begun)?;
        Ok(Step::On((at, next)))
    }

    fn finish(&mut self, at: usize, next: usize) -> Result<Step, Error> {
        let unfinished = |capture: &Capture| capture.held == Held::Unfinished;
        let Some(capture) = self.captures.list().iter().rposition(unfinished) else {
            return Err(Error::Pattern(c"invalid pattern capture"));
        };
        let start = self.captures.list[capture].start;
        self.captures.list[capture].held = Held::Bytes(at - start);
        self.choose(Choice::Finished { capture })?;
        Ok(Step::On((at, next)))
    }

    /// `%b` and its two bytes.
    fn balanced(&mut self, at: usize, bytes: usize) -> Result<Step, Error> {
        let (open, close) = (self.sign(bytes), self.sign(bytes + 1));
        if open == 0 || close == 0 {
            return Err(Error::Pattern(c"unbalanced pattern"));
        }
        if self.subject.get(at) != Some(&open) {
            return Ok(Step::Failed);
        }
        let mut depth = 1;
        for i in at + 1..self.subject.len() {
            self.count(1)?;
            let byte = self.subject[i];
            if byte == close {
                depth -= 1;
                if depth == 0 {
                    return Ok(Step::On((i + 1, bytes + 2)));
                }
            } else if byte == open {
                depth += 1;
            }
        }
        Ok(Step::Failed)
    }

    /// `%f` and its set: the byte before is not in it, the one after is. Beyond both ends there is a zero byte.
    fn frontier(&mut self, at: usize, set: usize) -> Result<Step, Error> {
        if self.sign(set) != b'[' {
            return Err(Error::Pattern(c"missing '[' after '%f' in pattern"));
        }
        let end = self.end_of_item(set)?;
        let before = match at {
            0 => 0,
            _ => self.subject[at - 1],
        };
        let after = self.subject.get(at).copied().unwrap_or(0);
        let passes = !self.is_in_set(before, set, end) && self.is_in_set(after, set, end);
        Ok(match passes {
            true => Step::On((at, end)),
            false => Step::Failed,
        })
    }

    /// `%1` to `%9`: what a capture holds, once more.
    fn again(&mut self, at: usize, item: usize, digit: u8) -> Result<Step, Error> {
        let capture = usize::from(digit)
            .checked_sub(usize::from(b'1'))
            .and_then(|i| self.captures.list().get(i))
            .filter(|capture| capture.held != Held::Unfinished);
        let Some(&capture) = capture else {
            return Err(Error::Pattern(c"invalid capture index"));
        };
        let Held::Bytes(len) = capture.held else {
            // A position is never found again.
            return Ok(Step::Failed);
        };
        self.count(len / BYTES_A_STEP)?;
        let text = &self.subject[capture.start..capture.start + len];
        Ok(match self.subject[at..].starts_with(text) {
            true => Step::On((at + len, item + 2)),
            false => Step::Failed,
        })
    }

    /// The byte at this place of the pattern; zero at its end and after it.
    fn sign(&self, at: usize) -> u8 {
        self.pattern.get(at).copied().unwrap_or(0)
    }

    /// The end of the item that begins at this place: a byte, a class or a set.
    fn end_of_item(&mut self, item: usize) -> Result<usize, Error> {
        match self.sign(item) {
            b'%' if self.sign(item + 1) == 0 => {
                Err(Error::Pattern(c"malformed pattern (ends with '%')"))
            }
            b'%' => Ok(item + 2),
            b'[' => {
                let mut at = item + 1 + usize::from(self.sign(item + 1) == b'^');
                // A bracket that comes first belongs to the set.
                loop {
                    match self.sign(at) {
                        0 => return Err(Error::Pattern(c"malformed pattern (missing ']')")),
                        b'%' if self.sign(at + 1) != 0 => at += 2,
                        _ => at += 1,
                    }
                    if self.sign(at) == b']' {
                        self.count((at - item) / BYTES_A_STEP)?;
                        return Ok(at + 1);
                    }
                }
            }
            _ => Ok(item + 1),
        }
    }

    /// The item matches the byte at this place of the subject.
    fn takes(&self, at: usize, item: usize, end: usize) -> bool {
        let Some(&byte) = self.subject.get(at) else {
            return false;
        };
        match self.pattern[item] {
            b'.' => true,
            b'%' => is_in_class(byte, self.pattern[item + 1]),
            b'[' => self.is_in_set(byte, item, end),
            other => byte == other,
        }
    }

    /// The byte is in the set from `set` to `end`, with its brackets.
    fn is_in_set(&self, byte: u8, set: usize, end: usize) -> bool {
        let negated = self.pattern[set + 1] == b'^';
        let mut rest = &self.pattern[set + 1 + usize::from(negated)..end - 1];
        loop {
            let (found, taken) = match *rest {
                [] => return negated,
                // A percent sign at the end of a set takes the bracket that closes it.
                [b'%'] => (byte == b']', 1),
                [b'%', class, ..] => (is_in_class(byte, class), 2),
                [low, b'-', high, ..] => (low <= byte && byte <= high, 3),
                [one, ..] => (one == byte, 1),
            };
            if found {
                return !negated;
            }
            rest = &rest[taken..];
        }
    }

    fn choose(&mut self, choice: Choice) -> Result<(), Error> {
        if self.choices.len() >= CHOICES_MAX {
            return Err(Error::Pattern(c"pattern too complex"));
        }
        self.choices.push(choice);
        Ok(())
    }

    /// Changes the last choice that can be made differently, and gives the place where matching continues.
    fn choose_again(&mut self) -> Result<Option<Place>, Error> {
        while let Some(choice) = self.choices.pop() {
            match choice {
                Choice::Less { start, count, next } => {
                    let count = count - 1;
                    if count > 0 {
                        self.choices.push(Choice::Less { start, count, next });
                    }
                    return Ok(Some((start + count, next)));
                }
                Choice::More { at, item, next } => {
                    self.count((next - item) / BYTES_A_STEP)?;
                    if self.takes(at, item, next) {
                        let at = at + 1;
                        self.choices.push(Choice::More { at, item, next });
                        return Ok(Some((at, next + 1)));
                    }
                }
                Choice::Without { at, next } => return Ok(Some((at, next))),
                Choice::Begun => self.captures.count -= 1,
                Choice::Finished { capture } => {
                    self.captures.list[capture].held = Held::Unfinished;
                }
            }
        }
        Ok(None)
    }

    fn count(&mut self, steps: usize) -> Result<(), Error> {
        self.unreported += steps;
        match self.unreported >= REPORT_EVERY {
            true => self.report(),
            false => Ok(()),
        }
    }

    fn report(&mut self) -> Result<(), Error> {
        let steps = u32::try_from(self.unreported).unwrap_or(u32::MAX);
        self.unreported = 0;
        match (self.go_on)(steps) {
            true => Ok(()),
            false => Err(Error::Ended),
        }
    }
}

/// The byte is in the class of this letter; other signs mean themselves.
fn is_in_class(byte: u8, class: u8) -> bool {
    let is_in = match class.to_ascii_lowercase() {
        b'a' => byte.is_ascii_alphabetic(),
        b'c' => byte.is_ascii_control(),
        b'd' => byte.is_ascii_digit(),
        b'l' => byte.is_ascii_lowercase(),
        b'p' => byte.is_ascii_punctuation(),
        b's' => byte.is_ascii_whitespace() || byte == 11,
        b'u' => byte.is_ascii_uppercase(),
        b'w' => byte.is_ascii_alphanumeric(),
        b'x' => byte.is_ascii_hexdigit(),
        b'z' => byte == 0,
        _ => return byte == class,
    };
    is_in == class.is_ascii_lowercase()
}

#[cfg(test)]
#[path = "pattern_tests.rs"]
mod tests;
