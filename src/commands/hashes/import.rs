//! HIMPORT of Redis 8.10: a client names the fields of many like hashes once, and then sends their values alone.
//!
//! The hashes share the names in memory. Replicas get the hash as DEL and HSET, which all of them know.

use engine::fieldsets::Fieldset;
use engine::{Args, CmdResult, CommandError, Cx, Event};
use keyspace::Value;
use keyspace::value::Hash;

/// `HIMPORT PREPARE fieldset field [field ...]`
pub fn prepare(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let fieldset = Fieldset::new(args.from(3))
        .ok_or(CommandError::fixed(&"ERR duplicate field name in fieldset"))?;
    let fieldsets = cx.client.fieldsets.get_or_insert_default();
    fieldsets.insert(&args[2], fieldset);
    cx.client.reply.ok();
    Ok(())
}

/// `HIMPORT SET key fieldset value [value ...]`: the key holds these fields alone, and does not expire.
pub fn set(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (key, values) = (&args[2], args.from(4));
    let found = cx.find_to_write::<Hash>(key)?;
    let fieldsets = cx.client.fieldsets.as_deref();
    let fieldset = fieldsets.and_then(|sets| sets.get(&args[3]));
    let fieldset = fieldset.ok_or(CommandError::fixed(&"ERR no such fieldset"))?;
    if fieldset.len() != values.len() {
        return Err(CommandError::fixed(
            &"ERR value count does not match fieldset field count",
        ));
    }
    let template = fieldset.template();
    let values = fieldset.values(values);
    let mut effect: Vec<Vec<u8>> = vec![b"HSET".to_vec(), key.to_vec()];
    for (field, value) in template.names().zip(values.clone()) {
        effect.extend([field.to_vec(), value.to_vec()]);
    }
    let hash = Hash::of_template(template, values, &cx.engine.limits);
    cx.put(key, Value::Hash(hash), Event::Hash, "hset");
    cx.no_propagate();
    if found.is_some() {
        cx.also_propagate(&[b"DEL", key]);
    }
    cx.also_propagate(&effect);
    cx.client.reply.ok();
    Ok(())
}

/// `HIMPORT DISCARD fieldset`
pub fn discard(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let fieldsets = cx.client.fieldsets.as_deref_mut();
    let was_there = fieldsets.is_some_and(|sets| sets.remove(&args[2]));
    cx.client.reply.int(was_there.into());
    Ok(())
}

/// `HIMPORT DISCARDALL`
pub fn discard_all(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    let fieldsets = cx.client.fieldsets.take();
    let count = fieldsets.map_or(0, |sets| sets.len());
    cx.client.reply.int(count as i64);
    Ok(())
}
