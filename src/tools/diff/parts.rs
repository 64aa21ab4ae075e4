//! A value as one fingerprint, which is compared first, and as its parts, which are shown if it differs.

use crate::canonical::{Canonical, canonical};
use crate::json_text::Json;
use crate::value_json;
use crate::view::View;
use base::double::DoubleText;
use keyspace::digest::{Fingerprint, Manner, ScoreText, dumped_value};
use rdb::check::{Kind, Scratch};
use rdb::walk;
use rdb::{Context, Frame, RdbError, Scanner, Step};
use std::collections::BTreeMap;
use std::fs::File;

/// Equal exactly for values that hold the same, however they are encoded.
///
/// # Errors
/// Those of a value that is not sound.
pub fn fingerprint(
    value: &Canonical<'_>,
    context: &Context,
    scratch: &mut Scratch,
) -> Result<[u8; 20], RdbError> {
    let held = Context::held();
    let context = if value.info.as_is { context } else { &held };
    let mut print = Fingerprint::default();
    match value.info.kind {
        // As DEBUG DIGEST does; but there the time of a field's expiry does not count, nor what a stream has
        // beside its entries.
        Kind::String | Kind::List | Kind::Set | Kind::Zset => {
            let manner = Manner {
                scores: ScoreText::Grisu,
                field_expiries: true,
            };
            let parts = (context, value.rdb_type, value.bytes);
            dumped_value(&mut print, value.info.kind, parts, scratch.bufs(), manner)?;
        }
        Kind::Hash => {
            let (rdb_type, bytes) = (value.rdb_type, value.bytes);
            walk::hash(
                context,
                rdb_type,
                bytes,
                scratch.bufs(),
                |field, value, time| {
                    let mut one = Fingerprint::default();
                    field.with(|b| one.mix(b));
                    value.with(|b| one.mix(b));
                    one.mix(&time.unwrap_or(i64::MIN).to_le_bytes());
                    print.xor_key(&one);
                    Ok::<(), RdbError>(())
                },
            )?;
        }
        Kind::Array => {
            let inserted = walk::array(value.bytes, scratch.bufs(), |index, item| {
                print.mix(&index.to_le_bytes());
                item.with(|text| print.mix(text));
                Ok::<(), RdbError>(())
            })?;
            print.mix(&inserted.map_or(0, |last| last + 1).to_le_bytes());
        }
        Kind::Stream | Kind::Module(_) => {
            let mut json = Json::new();
            value_json::value(&mut json, value, context, scratch)?;
            print.mix(json.as_bytes());
        }
    }
    Ok(print.bytes())
}

/// The contents at one place of a value, on each side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Where: a field, a member, an index, an entry's id.
    pub at: Vec<u8>,
    /// In A.
    pub a: Option<Vec<u8>>,
    /// In B.
    pub b: Option<Vec<u8>>,
}

/// A value taken apart.
pub type Parts = BTreeMap<Vec<u8>, Vec<u8>>;

/// The parts in which two values differ.
pub fn differing(a: Parts, mut b: Parts) -> Vec<Part> {
    let mut out = Vec::new();
    for (at, old) in a {
        match b.remove(&at) {
            Some(new) if new == old => {}
            new => out.push(Part {
                at,
                a: Some(old),
                b: new,
            }),
        }
    }
    out.extend(b.into_iter().map(|(at, new)| Part {
        at,
        a: None,
        b: Some(new),
    }));
    out.sort_by(|x, y| x.at.cmp(&y.at));
    out
}

/// Reads the value of the record at `place` again and takes it apart.
///
/// # Errors
/// The file has changed since.
pub fn take_apart(file: &File, place: u64, context: &Context) -> Result<Parts, String> {
    let fail = |e: std::io::Error| e.to_string();
    let size = file.metadata().map_err(fail)?.len();
    let mut view = View::new(file, size);
    let mut scanner = Scanner::resume(context.clone(), place);
    let mut want = 1 << 16;
    loop {
        let window = view.at(place, want).map_err(fail)?;
        let there = window.len();
        match scanner.next(window).map_err(|e| e.to_string())? {
            Step::Frame {
                frame: Frame::Key(record),
                ..
            } => {
                let mut scratch = Scratch::new(crate::text::hash_key());
                let mut buf = Vec::new();
                let value = canonical(context, &record, &mut scratch, &mut buf);
                let value = value.map_err(|e| e.to_string())?;
                return parts(&value, context, &mut scratch).map_err(|e| e.to_string());
            }
            Step::Frame { .. } => return Err("the record is not where it was".into()),
            Step::NeedMore { at_least } => {
                if there < want {
                    return Err("the file has become shorter".into());
                }
                want = (at_least as usize).max(there * 2);
            }
        }
    }
}

fn parts(
    value: &Canonical<'_>,
    context: &Context,
    scratch: &mut Scratch,
) -> Result<Parts, RdbError> {
    let held = Context::held();
    let context = if value.info.as_is { context } else { &held };
    let (rdb_type, bytes, bufs) = (value.rdb_type, value.bytes, scratch.bufs());
    let mut parts = Parts::new();
    match value.info.kind {
        Kind::String => {
            parts.insert(Vec::new(), walk::string(bytes, bufs)?.to_vec());
        }
        Kind::List => {
            let mut index = 0u64;
            walk::list(rdb_type, bytes, bufs, |item| {
                // Of one width, so that the order of the names is that of the list.
                parts.insert(format!("{index:010}").into_bytes(), item.to_vec());
                index += 1;
                Ok::<(), RdbError>(())
            })?;
        }
        Kind::Set => {
            walk::set(rdb_type, bytes, bufs, |member| {
                parts.insert(member.to_vec(), Vec::new());
                Ok::<(), RdbError>(())
            })?;
        }
        Kind::Zset => {
            walk::zset(rdb_type, bytes, bufs, |member, score| {
                parts.insert(member.to_vec(), DoubleText::of(score).as_bytes().to_vec());
                Ok::<(), RdbError>(())
            })?;
        }
        Kind::Hash => {
            walk::hash(context, rdb_type, bytes, bufs, |field, value, time| {
                let mut text = value.to_vec();
                if let Some(time) = time {
                    text.extend_from_slice(format!(" (expires at {time} ms)").as_bytes());
                }
                parts.insert(field.to_vec(), text);
                Ok::<(), RdbError>(())
            })?;
        }
        Kind::Stream => value_json::stream_parts(rdb_type, bytes, |at, json| {
            parts.insert(at, json);
        })?,
        Kind::Array => {
            walk::array(bytes, bufs, |index, item| {
                let text = item.with(<[u8]>::to_vec);
                parts.insert(format!("{index:020}").into_bytes(), text);
                Ok::<(), RdbError>(())
            })?;
        }
        Kind::Module(id) => {
            parts.insert(id.name().as_str().into(), bytes.to_vec());
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_left() {
        let of = |pairs: &[(&str, &str)]| -> Parts {
            let own = |(k, v): &(&str, &str)| (k.as_bytes().to_vec(), v.as_bytes().to_vec());
            pairs.iter().map(own).collect()
        };
        let parts = differing(
            of(&[("a", "1"), ("b", "1"), ("c", "1")]),
            of(&[("b", "2"), ("c", "1"), ("d", "1")]),
        );
        let text: Vec<_> = parts
            .iter()
            .map(|p| (&p.at[..], p.a.is_some(), p.b.is_some()))
            .collect();
        assert_eq!(
            text,
            [
                (&b"a"[..], true, false),
                (b"b", true, true),
                (b"d", false, true)
            ]
        );
    }
}
