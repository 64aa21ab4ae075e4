//! The report as JSON.

use super::Report;
use super::prefix::Node;
use super::tally::{EXPIRY_CLASSES, IDLE_CLASSES, Large, Tally};
use crate::encoding::kind_name;
use crate::json_text::Json;
use std::io::{self, Write};

/// Prints the report as one line.
///
/// # Errors
/// Those of `out`.
pub fn print(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let t = &report.tallies;
    let mut json = Json::new();
    json.object(|j| {
        j.name("file").text(&report.name);
        match &report.version {
            Some(version) => j.name("version").text(&version.to_string()),
            None => j.name("version").null(),
        }
        j.name("bytes").int(report.bytes);
        j.name("complete").bool(report.defect.is_none());
        if let Some(defect) = &report.defect {
            j.name("defect").text(defect);
        }
        j.name("unsound_values").int(report.unsound);
        j.name("now_ms").int(report.now_ms);
        j.name("aux").array(|j| {
            for (name, value) in &t.aux {
                j.array(|j| {
                    j.bytes(name);
                    j.bytes(value);
                });
            }
        });
        j.name("total").object(|j| tally(j, &t.total()));
        j.name("key_name_bytes").int(t.key_bytes);
        j.name("empty").int(t.empty);
        j.name("compressed_strings").object(|j| {
            j.name("bytes").int(t.packed.0);
            j.name("unpacked_bytes").int(t.packed.1);
        });
        j.name("field_expiries").object(|j| {
            j.name("hashes").int(t.field_expiries.0);
            j.name("fields").int(t.field_expiries.1);
        });
        j.name("function_libraries").int(t.libraries.0);
        j.name("module_values").object(|j| {
            for (name, n) in &t.modules {
                j.name(name).int(*n);
            }
        });
        j.name("databases").array(|j| {
            for (db, counts) in t.by_db() {
                j.object(|j| {
                    j.name("db").int(db);
                    tally(j, &counts);
                });
            }
        });
        j.name("types").array(|j| {
            for (name, counts) in t.by_type() {
                j.object(|j| {
                    j.name("type").text(name);
                    tally(j, &counts);
                });
            }
        });
        j.name("encodings").array(|j| {
            for (kind, name, rdb_type, counts) in t.by_encoding() {
                j.object(|j| {
                    j.name("type").text(kind);
                    j.name("encoding").text(name);
                    j.name("rdb_type").int(rdb_type);
                    tally(j, &counts);
                });
            }
        });
        j.name("expiry").object(|j| {
            for ((name, _), n) in EXPIRY_CLASSES.iter().zip(t.expiry) {
                j.name(name).int(n);
            }
        });
        j.name("idle").object(|j| {
            for ((name, _), n) in IDLE_CLASSES.iter().zip(t.idle) {
                j.name(name).int(n);
            }
        });
        j.name("frequency")
            .array(|j| t.freq.iter().for_each(|n| j.int(*n)));
        j.name("sizes").array(|j| {
            for (i, (keys, bytes)) in t.sizes.iter().enumerate().filter(|(_, s)| s.0 > 0) {
                j.object(|j| {
                    // The last class has no end that 64 bits hold.
                    j.name("from").int(1u64 << i);
                    j.name("keys").int(*keys);
                    j.name("bytes").int(*bytes);
                });
            }
        });
        j.name("largest").array(|j| large(j, &t.largest_bytes));
        j.name("most_elements")
            .array(|j| large(j, &t.largest_elements));
        j.name("prefixes")
            .array(|j| report.prefixes.children.iter().for_each(|n| node(j, n)));
    });
    json.end_line();
    out.write_all(json.as_bytes())
}

fn tally(j: &mut Json, tally: &Tally) {
    j.name("keys").int(tally.keys);
    j.name("bytes").int(tally.bytes);
    j.name("elements").int(tally.elements);
    j.name("expires").int(tally.expires);
}

fn large(j: &mut Json, keys: &[Large]) {
    for large in keys {
        j.object(|j| {
            j.name("db").int(large.db);
            j.name("key").bytes(&large.key);
            j.name("type").text(kind_name(large.kind));
            j.name("rdb_type").int(large.rdb_type.number());
            j.name("bytes").int(large.bytes);
            j.name("elements").int(large.elements);
            if let Some(time) = large.expire_ms {
                j.name("expire_ms").int(time);
            }
        });
    }
}

fn node(j: &mut Json, of: &Node) {
    j.object(|j| {
        j.name("prefix").text(&of.name);
        j.name("keys").int(of.tally.keys);
        j.name("bytes").int(of.tally.bytes);
        j.name("expires").int(of.tally.expires);
        if !of.children.is_empty() {
            j.name("children")
                .array(|j| of.children.iter().for_each(|c| node(j, c)));
        }
    });
}
