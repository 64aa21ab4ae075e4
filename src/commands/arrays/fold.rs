//! AROP: one number computed from the elements of a range.

use super::{index, span};
use crate::long_double::{LongDouble, Parsed};
use engine::{Args, CmdResult, CommandError, Cx};
use keyspace::Item;
use keyspace::value::Array;
use std::cmp::Ordering;

#[derive(Clone, Copy)]
enum Operation<'a> {
    Sum,
    Min,
    Max,
    And,
    Or,
    Xor,
    Used,
    Match(&'a [u8]),
}

impl<'a> Operation<'a> {
    fn parse(args: Args<'a>) -> Result<Self, CommandError> {
        if args.is(4, "MATCH") {
            return match args.len() {
                6 => Ok(Operation::Match(args.0[5])),
                _ => Err(CommandError::fixed(&"ERR MATCH requires a value argument")),
            };
        }
        let operation = args.one_of(
            4,
            &[
                ("SUM", Operation::Sum),
                ("MIN", Operation::Min),
                ("MAX", Operation::Max),
                ("AND", Operation::And),
                ("OR", Operation::Or),
                ("XOR", Operation::Xor),
                ("USED", Operation::Used),
            ],
        );
        let operation = operation.ok_or(CommandError::fixed(&"ERR unknown operation"))?;
        match args.len() {
            5 => Ok(operation),
            _ => Err(CommandError::arity("arop")),
        }
    }
}

/// A number, an infinite one, or what is left of two infinite ones.
#[derive(Clone, Copy, Debug)]
enum Number {
    Finite(LongDouble),
    Infinite { below: bool },
    Undefined,
}

impl Number {
    /// The number that an element is, if it is one.
    fn of(element: Item<'_>) -> Option<Number> {
        match element {
            Item::Int(n) => Some(Number::Finite(LongDouble::from_int(n))),
            Item::Bytes(text) => match LongDouble::parse(text)? {
                Parsed::Finite(x) => Some(Number::Finite(x)),
                Parsed::Infinite => Some(Number::Infinite {
                    below: text.starts_with(b"-"),
                }),
            },
        }
    }

    fn plus(self, other: Number) -> Number {
        match (self, other) {
            (Number::Undefined, _) | (_, Number::Undefined) => Number::Undefined,
            (Number::Infinite { below: a }, Number::Infinite { below: b }) if a != b => {
                Number::Undefined
            }
            (infinite @ Number::Infinite { .. }, _) | (_, infinite @ Number::Infinite { .. }) => {
                infinite
            }
            (Number::Finite(a), Number::Finite(b)) => match a.plus(b) {
                Some(sum) => Number::Finite(sum),
                None => Number::Infinite {
                    below: a.is_negative(),
                },
            },
        }
    }

    fn cmp(self, other: Number) -> Ordering {
        let rank = |number| match number {
            Number::Infinite { below: true } => 0,
            Number::Finite(_) | Number::Undefined => 1,
            Number::Infinite { below: false } => 2,
        };
        match (self, other) {
            (Number::Finite(a), Number::Finite(b)) => a.compare(b),
            _ => rank(self).cmp(&rank(other)),
        }
    }

    fn text(self) -> String {
        match self {
            Number::Finite(x) => x.to_general(),
            Number::Infinite { below: true } => "-inf".to_owned(),
            Number::Infinite { below: false } => "inf".to_owned(),
            Number::Undefined => "nan".to_owned(),
        }
    }
}

pub(super) fn arop(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (range, _) = span(index(&args[2])?, index(&args[3])?);
    let operation = Operation::parse(args)?;
    let found = cx.find::<Array>(&args[1])?;
    let Some(loc) = found else {
        match operation {
            Operation::Used | Operation::Match(_) => cx.client.reply.int(0),
            _ => cx.client.reply.null(),
        }
        return Ok(());
    };
    let (array, env) = cx.read::<Array>(loc);
    let reply = env.reply;
    let elements = array.range(range.clone()).map(|(_, element)| element);
    let number = |best: fn(Number, Number) -> Number| elements_numbers(&array, &range).reduce(best);
    let bits = |fold: fn(i64, i64) -> i64| {
        let whole = elements_numbers(&array, &range).filter_map(|number| match number {
            Number::Finite(x) => x.whole(),
            _ => None,
        });
        whole.reduce(fold)
    };
    let bits = match operation {
        Operation::Used => {
            reply.int(array.count(range) as i64);
            return Ok(());
        }
        Operation::Match(wanted) => {
            reply.int(elements.filter(|element| element.is(wanted)).count() as i64);
            return Ok(());
        }
        Operation::Sum => return reply_text(reply, number(Number::plus)),
        Operation::Min => {
            let least = |a: Number, b: Number| if b.cmp(a) == Ordering::Less { b } else { a };
            return reply_text(reply, number(least));
        }
        Operation::Max => {
            let most = |a: Number, b: Number| if b.cmp(a) == Ordering::Greater { b } else { a };
            return reply_text(reply, number(most));
        }
        Operation::And => bits(|a, b| a & b),
        Operation::Or => bits(|a, b| a | b),
        Operation::Xor => bits(|a, b| a ^ b),
    };
    match bits {
        Some(n) => reply.int(n),
        None => reply.null(),
    }
    Ok(())
}

/// The elements of a range that are numbers.
fn elements_numbers<'a>(
    array: &'a keyspace::value::ArrayRef<'_>,
    range: &std::ops::RangeInclusive<u64>,
) -> impl Iterator<Item = Number> + 'a {
    let elements = array.range(range.clone());
    elements.filter_map(|(_, element)| Number::of(element))
}

fn reply_text(reply: &mut resp::Reply, number: Option<Number>) -> CmdResult {
    match number {
        Some(number) => reply.bulk_str(&number.text()),
        None => reply.null(),
    }
    Ok(())
}
