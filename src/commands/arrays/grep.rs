//! ARGREP: the elements of a range that satisfy conditions.

use super::read::{pair, positive_limit, walk};
use super::{index, regex, reply_number, span};
use ::regex::bytes::Regex;
use base::glob;
use engine::{Args, CmdResult, CommandError, Cx};
use keyspace::value::Array;
use memchr::memmem;

const PREDICATES_MAX: usize = 250;

/// A condition that an element may meet.
enum Predicate<'a> {
    /// It is this text.
    Exact(&'a [u8]),
    /// The text is in it.
    Part(Box<memmem::Finder<'a>>),
    /// A glob matches it.
    Glob(&'a [u8]),
    /// An expression matches something in it.
    Expression(Regex),
}

#[derive(Default)]
struct Request<'a> {
    predicates: Vec<Predicate<'a>>,
    /// All conditions must be met, not only one.
    all: bool,
    any_case: bool,
    with_values: bool,
    limit: Option<i64>,
}

#[derive(Clone, Copy)]
enum Word {
    Exact,
    Match,
    Glob,
    Re,
}

impl<'a> Request<'a> {
    /// Reads the arguments; `lower` is where texts are kept in lower case.
    fn parse(args: Args<'a>, lower: &'a mut Vec<Vec<u8>>) -> Result<Self, CommandError> {
        const WORDS: [(&str, Word); 4] = [
            ("EXACT", Word::Exact),
            ("MATCH", Word::Match),
            ("GLOB", Word::Glob),
            ("RE", Word::Re),
        ];
        let mut request = Request::default();
        let mut texts = Vec::new();
        let mut i = 4;
        while i < args.len() {
            let value = args.get(i + 1);
            if let (Some(word), Some(text)) = (args.one_of(i, &WORDS), value) {
                if texts.len() == PREDICATES_MAX {
                    return Err(CommandError::fixed(
                        &"ERR too many predicates, maximum is 250",
                    ));
                }
                texts.push((word, text));
                i += 1;
            } else if args.is(i, "AND") {
                request.all = true;
            } else if args.is(i, "OR") {
                request.all = false;
            } else if args.is(i, "NOCASE") {
                request.any_case = true;
            } else if args.is(i, "WITHVALUES") {
                request.with_values = true;
            } else if args.is(i, "LIMIT") && value.is_some() {
                request.limit = Some(positive_limit(args, i + 1)?);
                i += 1;
            } else {
                return Err(CommandError::SYNTAX);
            }
            i += 1;
        }
        if texts.is_empty() {
            return Err(CommandError::SYNTAX);
        }
        let any_case = request.any_case;
        *lower = match any_case {
            true => texts
                .iter()
                .map(|(_, text)| text.to_ascii_lowercase())
                .collect(),
            false => Vec::new(),
        };
        for (n, (word, text)) in texts.into_iter().enumerate() {
            request.predicates.push(match word {
                Word::Exact => Predicate::Exact(text),
                Word::Match => Predicate::Part(Box::new(memmem::Finder::new(match any_case {
                    true => lower[n].as_slice(),
                    false => text,
                }))),
                Word::Glob => Predicate::Glob(text),
                Word::Re => Predicate::Expression(regex::compile(text, any_case)?),
            });
        }
        Ok(request)
    }

    /// Whether an element is wanted. `folded` is room for the element in lower case.
    fn is_met(&self, element: &[u8], folded: &mut Vec<u8>) -> bool {
        if self.any_case {
            folded.clear();
            folded.extend(element.iter().map(u8::to_ascii_lowercase));
        }
        let mut met = self.predicates.iter().map(|predicate| match predicate {
            Predicate::Exact(text) if self.any_case => element.eq_ignore_ascii_case(text),
            Predicate::Exact(text) => element == *text,
            Predicate::Part(part) if self.any_case => part.find(folded).is_some(),
            Predicate::Part(part) => part.find(element).is_some(),
            Predicate::Glob(pattern) if self.any_case => {
                glob::matches_in_any_case(pattern, element)
            }
            Predicate::Glob(pattern) => glob::matches(pattern, element),
            Predicate::Expression(expression) => expression.is_match(element),
        });
        match self.all {
            true => met.all(|met| met),
            false => met.any(|met| met),
        }
    }
}

pub(super) fn argrep(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    // The first index and the last one that has an element have signs of their own.
    let end = |i: usize| match &args[i] {
        b"-" => Ok(Some(0)),
        b"+" => Ok(None),
        text => index(text).map(Some),
    };
    let ends = (end(2)?, end(3)?);
    let mut lower = Vec::new();
    let request = Request::parse(args, &mut lower)?;
    let Some(loc) = cx.find::<Array>(&args[1])? else {
        cx.client.reply.array(0);
        return Ok(());
    };
    let (array, env) = cx.read::<Array>(loc);
    let last = array.end() - 1;
    let range = span(ends.0.unwrap_or(last), ends.1.unwrap_or(last));
    let mark = env.reply.len();
    let (mut shown, mut folded) = (0, Vec::new());
    walk(&array, range, |index, element| {
        if element.with(|text| request.is_met(text, &mut folded)) {
            match request.with_values {
                true => pair(env.reply, index, element),
                false => reply_number(env.reply, index),
            }
            shown += 1;
        }
        request.limit.is_none_or(|limit| (shown as i64) < limit)
    });
    env.reply.array_at(mark, shown);
    Ok(())
}
