//! Corrupt files: what every judge refuses is refused, what every judge loads is loaded as they load it.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use forebay::rdb::ErrorKind;

use crate::dataset::{Content, Dataset, Value, load};
use crate::{corpus, expect};

fn cases() -> Vec<Json> {
    let ours = corpus().join("corrupt/expect.json");
    let path = if ours.exists() {
        ours
    } else {
        corpus().join("corrupt/CORRUPT.json")
    };
    serde_json::from_slice(&std::fs::read(path).expect("readable")).expect("JSON")
}

/// Files that the judges refuse because they are older than the version in the magic, which is known here.
const OF_A_LATER_VERSION: [&str; 2] = ["the version is 13", "the magic of Valkey with version 81"];

#[test]
fn what_every_judge_refuses_is_refused_and_what_every_judge_loads_is_loaded() {
    let (mut wrong, mut tally) = (Vec::new(), BTreeMap::<String, [u32; 2]>::new());
    for case in cases() {
        let file = case["file"].as_str().expect("a name");
        let bytes = std::fs::read(corpus().join("corrupt").join(file)).expect("readable");
        let agreement = case["agreement"].as_str().expect("text");
        let note = case["note"].as_str().expect("text");
        let result = load(&bytes);
        tally.entry(agreement.to_owned()).or_default()[usize::from(result.is_ok())] += 1;
        let tell = |what: &str| format!("{file} ({note}): {what}");
        match (agreement, result) {
            ("all refuse", Ok(_)) if OF_A_LATER_VERSION.contains(&note) => {}
            ("all refuse", Ok(_)) => wrong.push(tell("loaded")),
            (_, Err(e)) if agreement.starts_with("all load") => {
                wrong.push(tell(&format!("refused: {e}")))
            }
            (_, Err(e)) => {
                assert!(e.to_string().starts_with("at byte "), "{e}");
                assert!(e.offset <= bytes.len() as u64, "{file}: {e}");
            }
            (_, Ok(data)) => wrong.extend(content_differs(&case, &data).map(|d| tell(&d))),
        }
    }
    println!("agreement of the judges: [refused, loaded] here: {tally:?}");
    assert!(
        wrong.is_empty(),
        "{} differ from all judges:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(tally["all refuse"][0] > 300);
}

/// Keys that a load gives and whose content the judges agree on.
fn content_differs(case: &Json, data: &Dataset) -> Option<String> {
    for name in case
        .get("missing")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .filter(|_| case["kind"] == "empty")
    {
        let name = name.as_str().expect("a name").as_bytes();
        if data.dbs.values().any(|db| db.contains_key(name)) {
            return Some("a key without elements is there".into());
        }
    }
    for json in case
        .get("loaded_as")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
    {
        if let Some(functions) = json.get("functions").and_then(Json::as_array) {
            if functions.len() != data.functions.len() {
                return Some("functions differ".into());
            }
            continue;
        }
        let db = json.get("db").and_then(Json::as_u64).unwrap_or(0) as u32;
        let key = crate::described::bytes(&json["key"]);
        let Some(value) = data.dbs.get(&db).and_then(|db| db.get(&key)) else {
            return Some(format!(
                "key {:?} is missing",
                String::from_utf8_lossy(&key)
            ));
        };
        if let Err(e) = expect::compare(json, &without_expired_fields(value)) {
            return Some(format!("key {:?}: {e}", String::from_utf8_lossy(&key)));
        }
    }
    None
}

/// The judges dropped the fields that had expired before they were asked for them.
fn without_expired_fields(value: &Value) -> Value {
    const LONG_AGO_MS: i64 = 1_000_000_000_000;
    let mut value = value.clone();
    if let Content::Hash(fields) = &mut value.content {
        fields.retain(|_, (_, expire_ms)| expire_ms.is_none_or(|t| t > LONG_AGO_MS));
        value.elements = fields.len() as u64;
    }
    value
}

#[test]
fn a_key_twice_is_a_plain_error_that_names_the_key() {
    let case = cases()
        .into_iter()
        .find(|c| c["note"] == "a key twice")
        .expect("it is there");
    let bytes = std::fs::read(
        corpus()
            .join("corrupt")
            .join(case["file"].as_str().expect("text")),
    )
    .expect("readable");
    let error = load(&bytes).unwrap_err();
    assert!(
        error.kind == ErrorKind::Duplicate && error.key.is_some(),
        "{error}"
    );
}
