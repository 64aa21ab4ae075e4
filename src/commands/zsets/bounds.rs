//! The ends of score ranges (`5`, `(5`, `-inf`) and of lexicographic ranges (`[a`, `(a`, `-`, `+`).

use base::float::parse_float;
use engine::CommandError;
use keyspace::value::{LexBound, ScoreBound};

/// Both ends of a score range.
pub fn score_range(min: &[u8], max: &[u8]) -> Result<(ScoreBound, ScoreBound), CommandError> {
    let bounds = score_bound(min).zip(score_bound(max));
    bounds.ok_or(CommandError::fixed(&"ERR min or max is not a float"))
}

fn score_bound(text: &[u8]) -> Option<ScoreBound> {
    let (exclusive, number) = match text {
        [b'(', number @ ..] => (true, number),
        number => (false, number),
    };
    // strtod reads an empty text as zero, and the reference accepts that here.
    let score = if number.is_empty() {
        0.0
    } else {
        parse_float(number)?
    };
    Some(ScoreBound { score, exclusive })
}

/// Both ends of a lexicographic range.
pub fn lex_range(min: &[u8], max: &[u8]) -> Result<(LexBound, LexBound), CommandError> {
    let bounds = lex_bound(min).zip(lex_bound(max));
    bounds.ok_or(CommandError::fixed(
        &"ERR min or max not valid string range item",
    ))
}

fn lex_bound(text: &[u8]) -> Option<LexBound> {
    match text {
        b"-" => Some(LexBound::Min),
        b"+" => Some(LexBound::Max),
        [b'[', member @ ..] => Some(LexBound::Inclusive(member.to_vec())),
        [b'(', member @ ..] => Some(LexBound::Exclusive(member.to_vec())),
        _ => None,
    }
}
