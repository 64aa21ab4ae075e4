//! Finds the end of a value by its lengths alone.
//!
//! It does not look into values: what a string holds, and whether a listpack is sound, is checked by
//! [`crate::values::check`], possibly on other threads. A value that does not end in the window is `Truncated`, with
//! the window length to try next.

use crate::bytes::cursor::{Cursor, Read};
use crate::error::ErrorKind;
use crate::tags::module::ModuleId;
use crate::tags::rdb_type::RdbType;
use crate::tags::template::Templates;

/// Bytes of a stream id as stored in node keys and pending lists.
pub(crate) const STREAM_ID_LEN: u64 = 16;

/// Passes over the value of type `rdb_type`.
pub(crate) fn skip_value(
    cur: &mut Cursor<'_>,
    templates: &Templates,
    rdb_type: RdbType,
) -> Read<()> {
    match rdb_type {
        RdbType::String => cur.skip_string("string value"),
        RdbType::List => skip_strings(cur, 1, "list element"),
        RdbType::Set => skip_strings(cur, 1, "set member"),
        RdbType::Hash => skip_strings(cur, 2, "hash field or value"),
        RdbType::Zset => skip_old_zset(cur),
        RdbType::Zset2 => {
            for _ in 0..cur.count(9, "sorted set length")? {
                cur.skip_string("sorted set member")?;
                cur.take(8, "score")?;
            }
            Ok(())
        }
        RdbType::HashZipmap => cur.skip_string("zipmap"),
        RdbType::ListZiplist | RdbType::ZsetZiplist | RdbType::HashZiplist => {
            cur.skip_string("ziplist")
        }
        RdbType::SetIntset => cur.skip_string("intset"),
        RdbType::HashListpack | RdbType::ZsetListpack | RdbType::SetListpack => {
            cur.skip_string("listpack")
        }
        RdbType::Quicklist => skip_strings(cur, 1, "quicklist node"),
        RdbType::Quicklist2 => {
            for _ in 0..cur.count(2, "quicklist length")? {
                cur.number("quicklist container")?;
                cur.skip_string("quicklist node")?;
            }
            Ok(())
        }
        RdbType::Hash2 => {
            for _ in 0..cur.count(10, "hash length")? {
                cur.skip_string("hash field")?;
                cur.skip_string("hash value")?;
                cur.take(8, "field expiry")?;
            }
            Ok(())
        }
        RdbType::HashTtlRc => skip_ttl_hash(cur),
        RdbType::HashListpackTtlRc => cur.skip_string("listpack"),
        RdbType::HashTtl => {
            cur.take(8, "earliest field expiry")?;
            skip_ttl_hash(cur)
        }
        RdbType::HashListpackTtl => {
            cur.take(8, "earliest field expiry")?;
            cur.skip_string("listpack")
        }
        RdbType::Stream
        | RdbType::Stream2
        | RdbType::Stream3
        | RdbType::Stream4
        | RdbType::Stream5 => skip_stream(cur, rdb_type),
        RdbType::Array => skip_array(cur),
        RdbType::HashTemplateListpack => cur.skip_string("listpack"),
        RdbType::HashTemplatePlain => {
            let at = cur.at();
            let id = cur.number("template id")?;
            let Some(names) = templates.get(id) else {
                return Cursor::starting_at(cur.bytes(), at)
                    .fault(ErrorKind::Structure("no such hash template"), "template id");
            };
            for _ in 0..names.len() {
                cur.skip_string("hash value")?;
            }
            Ok(())
        }
        RdbType::HashTemplateListpackDump => {
            skip_template_names(cur)?;
            cur.skip_string("listpack")
        }
        RdbType::HashTemplateDump => {
            for _ in 0..skip_template_names(cur)? {
                cur.skip_string("hash value")?;
            }
            Ok(())
        }
        RdbType::Module2 => {
            module_id(cur)?;
            skip_module_items(cur).map(|_| ())
        }
        RdbType::Module => cur.fault(ErrorKind::UnreadableType(rdb_type.number()), "module value"),
    }
}

fn skip_strings(cur: &mut Cursor<'_>, per_element: u64, context: &'static str) -> Read<()> {
    let n = cur.count(per_element, "number of elements")?;
    for _ in 0..n * per_element {
        cur.skip_string(context)?;
    }
    Ok(())
}

fn skip_old_zset(cur: &mut Cursor<'_>) -> Read<()> {
    for _ in 0..cur.count(2, "sorted set length")? {
        cur.skip_string("sorted set member")?;
        match cur.u8("score")? {
            253..=255 => {}
            n => {
                cur.take(u64::from(n), "score")?;
            }
        }
    }
    Ok(())
}

fn skip_ttl_hash(cur: &mut Cursor<'_>) -> Read<()> {
    for _ in 0..cur.count(3, "hash length")? {
        cur.number("field expiry")?;
        cur.skip_string("hash field")?;
        cur.skip_string("hash value")?;
    }
    Ok(())
}

fn skip_stream(cur: &mut Cursor<'_>, rdb_type: RdbType) -> Read<()> {
    for _ in 0..cur.count(2, "number of stream nodes")? {
        cur.skip_string("stream node key")?;
        cur.skip_string("stream listpack")?;
    }
    let head_numbers = if rdb_type >= RdbType::Stream2 { 8 } else { 3 };
    for _ in 0..head_numbers {
        cur.number("stream head")?;
    }
    for _ in 0..cur.count(5, "number of groups")? {
        cur.skip_string("group name")?;
        let group_numbers = if rdb_type >= RdbType::Stream2 { 3 } else { 2 };
        for _ in 0..group_numbers {
            cur.number("group head")?;
        }
        for _ in 0..cur.count(25, "number of pending entries")? {
            cur.take(STREAM_ID_LEN + 8, "pending entry")?;
            cur.number("delivery count")?;
        }
        for _ in 0..cur.count(10, "number of consumers")? {
            cur.skip_string("consumer name")?;
            cur.take(
                if rdb_type >= RdbType::Stream3 { 16 } else { 8 },
                "consumer times",
            )?;
            skip_ids(cur, "pending entries of a consumer")?;
        }
        if rdb_type >= RdbType::Stream5 {
            skip_ids(cur, "ids given back")?;
        }
    }
    if rdb_type >= RdbType::Stream4 {
        cur.number("idempotence duration")?;
        cur.number("idempotence limit")?;
        for _ in 0..cur.count(2, "number of producers")? {
            cur.skip_string("producer id")?;
            for _ in 0..cur.count(3, "number of idempotence ids")? {
                cur.skip_string("idempotence id")?;
                cur.number("entry id")?;
                cur.number("entry id")?;
            }
        }
        cur.number("idempotence ids added")?;
        cur.number("idempotence duplicates")?;
    }
    Ok(())
}

fn skip_ids(cur: &mut Cursor<'_>, context: &'static str) -> Read<()> {
    let n = cur.count(STREAM_ID_LEN, context)?;
    cur.take(n * STREAM_ID_LEN, context).map(|_| ())
}

fn skip_array(cur: &mut Cursor<'_>) -> Read<()> {
    let n = cur.number("array length")?;
    if cur.number("array flag")? != 0 {
        cur.number("array cursor")?;
    }
    // No bound by count: an element's size is known only from its tag; the window's end stops the loop.
    for _ in 0..n {
        cur.number("array index")?;
        let at = cur.at();
        match cur.number("array element tag")? {
            0 | 3 => cur.skip_string("array element")?,
            1 | 2 => {
                cur.take(8, "array element")?;
            }
            tag => {
                return Cursor::starting_at(cur.bytes(), at)
                    .fault(ErrorKind::BadCount(tag), "array element tag");
            }
        }
    }
    Ok(())
}

/// Passes over inlined template names; how many there are (one blob of names counts as its listpack says).
fn skip_template_names(cur: &mut Cursor<'_>) -> Read<u64> {
    let at = cur.at();
    match cur.number("template form")? {
        0 => {
            let at = cur.at();
            let names = cur.string("template names")?;
            let mut buf = crate::bytes::string::StrBuf::new();
            match names.get(&mut buf) {
                Some(lp) => Ok(crate::packed::listpack::Iter::new(lp).count() as u64),
                None => {
                    Cursor::starting_at(cur.bytes(), at).fault(ErrorKind::BadLzf, "template names")
                }
            }
        }
        1 => {
            let n = cur.count(1, "number of template names")?;
            for _ in 0..n {
                cur.skip_string("template name")?;
            }
            Ok(n)
        }
        form => {
            Cursor::starting_at(cur.bytes(), at).fault(ErrorKind::BadCount(form), "template form")
        }
    }
}

/// The id that opens a module value.
pub(crate) fn module_id(cur: &mut Cursor<'_>) -> Read<ModuleId> {
    cur.number("module id").map(ModuleId)
}

/// Passes over module items and the 0 that ends them. True if they were nothing but zeros.
pub(crate) fn skip_module_items(cur: &mut Cursor<'_>) -> Read<bool> {
    let mut zeros = true;
    loop {
        let at = cur.at();
        match cur.number("module item")? {
            0 => return Ok(zeros),
            1 | 2 => {
                zeros &= cur.number("module number")? == 0;
            }
            3 => {
                cur.take(4, "module float")?;
                zeros = false;
            }
            4 => {
                cur.take(8, "module double")?;
                zeros = false;
            }
            5 => {
                cur.skip_string("module string")?;
                zeros = false;
            }
            code => {
                return Cursor::starting_at(cur.bytes(), at)
                    .fault(
                        ErrorKind::Structure("unknown item of a module value"),
                        "module item",
                    )
                    .map_err(|mut f| {
                        f.kind = if code > 0xff {
                            ErrorKind::BadCount(code)
                        } else {
                            f.kind
                        };
                        f
                    });
            }
        }
    }
}
