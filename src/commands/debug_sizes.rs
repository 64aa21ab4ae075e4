//! DEBUG's subcommands about how values and databases are held, in the words of the reference as far as there is
//! something here that they mean.

use engine::{Args, CmdResult, CommandError, Cx};

/// The statistics that Redis would show for a hash table of this size; an empty table has none.
fn table(elements: u64) -> String {
    /// What a table has when it is made.
    const LEAST: u64 = 4;
    match elements {
        0 => String::new(),
        _ => format!(
            "Hash table 0 stats (main hash table):\n table size: {}\n number of elements: {elements}\n",
            elements.next_power_of_two().max(LEAST)
        ),
    }
}

/// The sizes of a database's tables.
pub fn htstats(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let count = cx.engine.keyspace.count();
    let db = usize::try_from(args.int(2)?).ok().filter(|db| *db < count);
    let db = db.ok_or(CommandError::fixed(&"ERR Out of range database"))?;
    let db = cx.engine.keyspace.db(db);
    let text = format!(
        "[Dictionary HT]\n{}[Expires HT]\n{}",
        table(db.len() as u64),
        table(db.expires() as u64)
    );
    cx.client.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// As far as a tree has what a hash table has.
pub fn htstats_key(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let db = cx.engine.keyspace.db(cx.client.db);
    let loc = db.find(&args[2]).ok_or(CommandError::NO_SUCH_KEY)?;
    let value = db.value(loc);
    if !matches!(value.encoding(), "hashtable" | "skiplist") {
        return Err(CommandError::fixed(
            &"ERR The value stored at the specified key is not represented using an hash table",
        ));
    }
    let text = format!(
        "Hash table 0 stats (main hash table):\n table size: {0}\n number of elements: {0}\n",
        value.len()
    );
    cx.client.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// The lengths of a key and its text. No string here has room to spare, and each takes what it is long.
pub fn sdslen(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let db = cx.engine.keyspace.db(cx.client.db);
    let loc = db.find(&args[2]).ok_or(CommandError::NO_SUCH_KEY)?;
    let value = db.value(loc);
    if !matches!(value.encoding(), "raw" | "embstr") {
        return Err(CommandError::fixed(&"ERR Not an sds encoded string."));
    }
    let (key, value) = (args[2].len(), value.len());
    let text = format!(
        "key_sds_len:{key}, key_sds_avail:0, key_zmalloc: {key}, val_sds_len:{value}, val_sds_avail:0, val_zmalloc: {value}"
    );
    cx.client.reply.simple(&text);
    Ok(())
}

/// The reference prints the bytes of a packed value. Here they go nowhere; `forebay rdb json` shows what is in one.
pub fn listpack(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let db = cx.engine.keyspace.db(cx.client.db);
    let loc = db.find(&args[2]).ok_or(CommandError::NO_SUCH_KEY)?;
    if !matches!(db.value(loc).encoding(), "listpack" | "listpackex") {
        return Err(CommandError::fixed(&"ERR Not a listpack encoded object."));
    }
    cx.client
        .reply
        .simple("Listpack structure printed on stdout");
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Bench;
    use config::choices::Protection;

    #[test]
    fn sizes_are_told_in_the_words_of_the_reference() {
        let mut bench = Bench::new();
        bench.engine.config.enable_debug_command = Protection::Yes;
        for i in 0..5 {
            bench.run(&format!("SET key:{i} text"));
        }
        bench.run("PEXPIRE key:0 100000");
        bench.run("SET number 5");
        bench.run("SADD set a");
        let tables = bench.run("DEBUG HTSTATS 0");
        for part in [
            "[Dictionary HT]",
            " table size: 8",
            " number of elements: 7",
            "[Expires HT]",
            " table size: 4",
            " number of elements: 1",
        ] {
            assert!(tables.contains(part), "{tables}");
        }
        assert!(!bench.run("DEBUG HTSTATS 1").contains("table size"));
        bench.check(&[
            ("DEBUG HTSTATS 99", "-ERR Out of range database"),
            ("DEBUG HTSTATS -1", "-ERR Out of range database"),
            (
                "DEBUG HTSTATS x",
                "-ERR value is not an integer or out of range",
            ),
            (
                "DEBUG SDSLEN key:1",
                "+key_sds_len:5, key_sds_avail:0, key_zmalloc: 5, val_sds_len:4, val_sds_avail:0, val_zmalloc: 4",
            ),
            ("DEBUG SDSLEN number", "-ERR Not an sds encoded string."),
            ("DEBUG SDSLEN set", "-ERR Not an sds encoded string."),
            ("DEBUG SDSLEN none", "-ERR no such key"),
            ("DEBUG LISTPACK set", "+Listpack structure printed on stdout"),
            ("DEBUG LISTPACK number", "-ERR Not a listpack encoded object."),
            ("DEBUG LISTPACK none", "-ERR no such key"),
        ]);
    }
}
