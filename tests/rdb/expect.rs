//! What a file should hold, as JSON (the form is described in testdata/rdb/MANIFEST.md), against what it gave.

use serde_json::Value as Json;

use crate::dataset::{ArrayValue, Bytes, Content, StreamContent, Value};
use crate::described::{hex, same};
use sha2::{Digest, Sha256};

/// The last moment that Redis's types can say for a field. Valkey's can say later ones, which become this one.
const LAST_MS: i64 = (1 << 48) - 1;

/// Compares one key; what differs.
pub fn compare(json: &Json, got: &Value) -> Result<(), String> {
    let number = |field: &str| json.get(field).filter(|v| !v.is_null());
    let check = |what: &str, fine: bool| {
        if fine {
            Ok(())
        } else {
            Err(format!("{what} differs"))
        }
    };
    if let Some(rdb_type) = number("rdb_type") {
        check(
            "rdb_type",
            rdb_type.as_u64() == Some(u64::from(got.file_type.number())),
        )?;
    }
    check(
        "expire_ms",
        number("expire_ms").and_then(Json::as_i64) == got.expire_ms,
    )?;
    check(
        "idle_s",
        number("idle_s").and_then(Json::as_u64) == got.idle_s,
    )?;
    check(
        "freq",
        number("freq").and_then(Json::as_u64) == got.freq.map(u64::from),
    )?;
    let type_name = json["type"].as_str().expect("a type");
    if let Some(length) = number("length").filter(|_| !matches!(type_name, "array" | "vectorset")) {
        check("length", length.as_u64() == Some(got.elements))?;
    }
    let value = &json["value"];
    let text = |n: u64| n.to_string().into_bytes();
    match &got.content {
        Content::String(s) => {
            check("type", type_name == "string").and_then(|()| check("value", same(value, s)))
        }
        Content::List(list) => {
            check("type", type_name == "list")?;
            let items: Vec<Vec<Bytes>> = list.iter().map(|e| vec![e.clone()]).collect();
            rows(value, &items, |json, row| same(json, &row[0]))
        }
        Content::Set(set) => {
            check("type", type_name == "set")?;
            let items: Vec<Vec<Bytes>> = set.iter().map(|e| vec![e.clone()]).collect();
            rows(value, &items, |json, row| same(json, &row[0]))
        }
        Content::Zset(members) => {
            check("type", type_name == "zset")?;
            let items: Vec<Vec<Bytes>> = members
                .iter()
                .map(|(m, score)| vec![m.clone(), score.to_le_bytes().to_vec()])
                .collect();
            rows(value, &items, |json, row| {
                let score: f64 = json[1].as_str().expect("text").parse().expect("a number");
                same(&json[0], &row[0]) && score.to_le_bytes() == row[1][..]
            })
        }
        Content::Hash(fields) => {
            check("type", type_name == "hash")?;
            let items: Vec<Vec<Bytes>> = fields
                .iter()
                .map(|(f, (v, _))| vec![f.clone(), v.clone()])
                .collect();
            rows(value, &items, |json, row| {
                same(&json[0], &row[0]) && same(&json[1], &row[1])
            })?;
            let expiring: Vec<(&Bytes, i64)> = fields
                .iter()
                .filter_map(|(f, (_, t))| Some((f, (*t)?)))
                .collect();
            let wanted = json
                .get("field_expire_ms")
                .and_then(Json::as_array)
                .cloned()
                .unwrap_or_default();
            check("number of field expiries", wanted.len() == expiring.len())?;
            let fine = wanted.iter().zip(&expiring).all(|(w, (f, t))| {
                same(&w[0], f) && w[1].as_i64().map(|t| t.min(LAST_MS)) == Some(*t)
            });
            check("field expiries", fine)
        }
        Content::Stream(stream) => {
            check("type", type_name == "stream")?;
            let items: Vec<Vec<Bytes>> = stream
                .entries
                .iter()
                .map(|(id, fields)| {
                    let head = [id.clone().into_bytes(), text(fields.len() as u64)];
                    head.into_iter()
                        .chain(fields.iter().flat_map(|(f, v)| [f.clone(), v.clone()]))
                        .collect()
                })
                .collect();
            rows(value, &items, |json, row| {
                let fields = json[1].as_array().expect("fields");
                json[0].as_str().map(str::as_bytes) == Some(&row[0])
                    && fields.len() == row.len() - 2
                    && fields.iter().zip(&row[2..]).all(|(j, b)| same(j, b))
            })?;
            compare_stream(json, stream)
        }
        Content::Array(items, cursor) => {
            check("type", type_name == "array")?;
            check("count", json["count"].as_u64() == Some(items.len() as u64))?;
            check("insert_index", json["insert_index"].as_u64() == *cursor)?;
            // Arrays over 10 KB are summarised over texts that only the server's own formatting gives.
            let Some(wanted) = value.as_array() else {
                return Ok(());
            };
            let fine = wanted.iter().zip(items).all(|(w, (index, item))| {
                w[0].as_u64() == Some(*index)
                    && match item {
                        ArrayValue::Bytes(bytes) => same(&w[1], bytes),
                        ArrayValue::Number(n) => w[1].as_str().is_some_and(|t| t.parse() == Ok(*n)),
                    }
            });
            check("value", wanted.len() == items.len() && fine)
        }
        Content::Module(name, version) => {
            let module = &json["module"];
            check(
                "module",
                module["name"] == name.as_str() && module["encver"] == u64::from(*version),
            )
        }
    }
}

/// Rows written out, or summarised by count, hash, first and last three.
fn rows(
    value: &Json,
    got: &[Vec<Bytes>],
    same: impl Fn(&Json, &[Bytes]) -> bool,
) -> Result<(), String> {
    let check = |what: &str, fine: bool| {
        if fine {
            Ok(())
        } else {
            Err(format!("value: {what} differs"))
        }
    };
    if let Some(wanted) = value.as_array() {
        check("count", wanted.len() == got.len())?;
        return match wanted.iter().zip(got).position(|(w, g)| !same(w, g)) {
            None => Ok(()),
            Some(i) => Err(format!(
                "value: item {i} differs, {} against {:?}",
                wanted[i], got[i]
            )),
        };
    }
    check("count", value["count"].as_u64() == Some(got.len() as u64))?;
    let mut sha = Sha256::new();
    for atom in got.iter().flatten() {
        sha.update((atom.len() as u64).to_le_bytes());
        sha.update(atom);
    }
    check(
        "hash of all items",
        value["sha256"].as_str() == Some(&hex(sha.finalize())),
    )
}

fn compare_stream(json: &Json, got: &StreamContent) -> Result<(), String> {
    let check = |what: &str, fine: bool| {
        if fine {
            Ok(())
        } else {
            Err(format!("{what} differs"))
        }
    };
    // What old files do not say is null.
    let text_or_null = |field: &str, got: &str| json[field].is_null() || json[field] == got;
    check("last_id", json["last_id"] == got.last_id)?;
    check("first_id", text_or_null("first_id", &got.first_id))?;
    check(
        "max_deleted_id",
        text_or_null("max_deleted_id", &got.max_deleted_id),
    )?;
    check(
        "entries_added",
        json["entries_added"]
            .as_u64()
            .is_none_or(|n| n == got.entries_added),
    )?;
    if let Some(tombstones) = json.get("tombstones") {
        check("tombstones", tombstones.as_u64() == Some(got.tombstones))?;
    }
    let old_file = json["entries_added"].is_null();
    let groups = json["groups"].as_array().expect("groups");
    check("number of groups", groups.len() == got.groups.len())?;
    for (wanted, group) in groups.iter().zip(&got.groups) {
        check("group name", same(&wanted["name"], &group.name))?;
        check("group last_id", wanted["last_id"] == group.last_id)?;
        check(
            "entries_read",
            old_file || wanted["entries_read"].as_u64() == group.entries_read,
        )?;
        let pending = wanted["pending"].as_array().expect("pending");
        check(
            "number of pending entries",
            pending.len() == group.pending.len(),
        )?;
        let fine = pending
            .iter()
            .zip(&group.pending)
            .all(|(w, (id, owner, time, count))| {
                let owner_fine = match owner {
                    Some(name) => same(&w[1], name),
                    None => w[1].is_null() && group.nacked.contains(id),
                };
                w[0] == id.as_str()
                    && owner_fine
                    && w[2].as_i64() == Some(*time)
                    && w[3].as_u64() == Some(*count)
            });
        check("pending entries", fine)?;
        let consumers = wanted["consumers"].as_array().expect("consumers");
        check(
            "number of consumers",
            consumers.len() == group.consumers.len(),
        )?;
        let fine = consumers
            .iter()
            .zip(&group.consumers)
            .all(|(w, (name, seen, active))| {
                let active_fine = w["active_ms"].is_null() || w["active_ms"].as_i64() == *active;
                same(&w["name"], name) && w["seen_ms"].as_i64() == Some(*seen) && active_fine
            });
        check("consumers", fine)?;
        if let Some(nacked) = wanted.get("nacked").and_then(Json::as_array) {
            check(
                "nacked",
                nacked
                    .iter()
                    .map(|n| n.as_str().expect("an id"))
                    .eq(group.nacked.iter().map(String::as_str)),
            )?;
        }
    }
    if let (Some(idmp), Some((duration_s, max, added, duplicates))) = (json.get("idmp"), got.idmp) {
        let numbers = [
            ("duration_s", duration_s),
            ("max_entries", max),
            ("added", added),
            ("duplicates", duplicates),
        ];
        for (name, n) in numbers {
            check(name, idmp[name].as_u64() == Some(n))?;
        }
        let producers = idmp["producers"].as_array().expect("producers");
        check("producers", producers.len() == got.producers.len())?;
        let fine = producers.iter().all(|w| {
            let Some((_, entries)) = got.producers.iter().find(|(id, _)| same(&w[0], id)) else {
                return false;
            };
            let wanted = w[1].as_array().expect("entries");
            wanted.len() == entries.len()
                && wanted.iter().all(|e| {
                    entries
                        .iter()
                        .any(|(iid, id)| same(&e[0], iid) && e[1] == id.as_str())
                })
        });
        check("producers", fine)?;
    }
    Ok(())
}
