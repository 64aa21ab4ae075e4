//! The form of a payload, which all its readers must be able to read.

use config::Config;
use config::choices::RdbTarget;
use engine::Engine;
use rdb::RdbType;
use rdb::target::{self, TypeSet};
use replication::replconf::Reader;

/// The types of all values that are here.
pub fn held_types(engine: &Engine) -> TypeSet {
    let dbs = (0..engine.keyspace.count()).map(|db| engine.keyspace.db(db));
    dbs.flat_map(|db| db.types().held()).collect()
}

/// The form of a payload that all of these read.
pub fn form(readers: &[Reader], types: TypeSet, config: &Config) -> target::Target {
    match config.repl_rdb_target {
        RdbTarget::Auto => form_for(readers, types),
        RdbTarget::Redis62 => target::Target::Redis62,
        RdbTarget::Redis70 => target::Target::Redis70,
        RdbTarget::Redis72 => target::Target::Redis72,
        RdbTarget::Redis74 => target::Target::Redis74,
        RdbTarget::Redis8 => target::Target::Redis8,
        RdbTarget::Redis86 => target::Target::Redis86,
        RdbTarget::Redis88 => target::Target::Redis88,
        RdbTarget::Valkey8 => target::Target::Valkey8,
        RdbTarget::Valkey9 => target::Target::Valkey9,
    }
}

/// Valkey servers, and those older than Redis 7.0, get payloads in forms of their own. A replica that does not announce
/// its version is taken for a Redis 7.0 if that version can hold everything, and for a Redis 7.4 if hash fields
/// expire, because an older one could not hold them in any form.
fn form_for(readers: &[Reader], types: TypeSet) -> target::Target {
    let all = |wanted: &[Reader]| readers.iter().all(|r| wanted.contains(r));
    let fields_expire = [RdbType::HashTtl, RdbType::HashListpackTtl, RdbType::Hash2];
    if readers.contains(&Reader::Old) {
        return target::Target::Redis62;
    }
    if readers.contains(&Reader::Redis74) {
        return target::Target::Redis74;
    }
    if readers.contains(&Reader::Redis88) {
        return target::Target::Redis88;
    }
    if readers.contains(&Reader::Redis86) {
        return match target::Target::lowest_of_redis_8(types) {
            target::Target::Redis88 => target::Target::Redis88,
            _ => target::Target::Redis86,
        };
    }
    let announced = readers.iter().filter_map(|r| match r {
        Reader::Valkey(major, minor) => Some((*major, *minor)),
        _ => None,
    });
    let expire = fields_expire.iter().any(|t| types.contains(*t));
    if let Some((major, minor)) = announced.min() {
        // Only fields that expire need the form of Valkey 9. A sync by file leaves its form as our dump, and no
        // Redis reads that one.
        let (major, minor) = if expire { (major, minor) } else { (8, 0) };
        return target::Target::of_server(true, major, minor);
    }
    let like_redis_8 = all(&[Reader::Forebay, Reader::Redis8]);
    if all(&[Reader::Forebay]) {
        target::Target::Auto
    } else if like_redis_8 {
        target::Target::lowest_of_redis_8(types)
    } else if expire {
        target::Target::Redis74
    } else {
        target::Target::Redis70
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(readers: &[Reader], types: &[RdbType]) -> target::Target {
        let types = types.iter().copied().collect();
        form(readers, types, &Config::default())
    }

    #[test]
    fn the_form_is_one_that_every_reader_reads_and_that_holds_what_there_is() {
        use target::Target::*;
        let (hash, volatile) = (RdbType::HashListpack, RdbType::HashListpackTtl);
        let array = RdbType::Array;
        for (readers, types, form) in [
            (&[Reader::Unknown][..], &[hash][..], Redis70),
            (&[Reader::Unknown], &[hash, volatile], Redis74),
            (&[Reader::Unknown], &[RdbType::Hash2], Redis74),
            (&[Reader::Redis8], &[hash, volatile], Redis8),
            (&[Reader::Redis8], &[array], Redis88),
            (&[Reader::Redis8], &[RdbType::Stream4], Redis86),
            (&[Reader::Redis8], &[array, RdbType::Hash2], Redis88),
            (&[Reader::Redis8, Reader::Unknown], &[hash], Redis70),
            (&[Reader::Redis8, Reader::Unknown], &[volatile], Redis74),
            (&[Reader::Forebay], &[array, volatile], Auto),
            (&[Reader::Forebay, Reader::Unknown], &[hash], Redis70),
            (&[Reader::Forebay, Reader::Redis8], &[volatile], Redis8),
            (&[Reader::Valkey(8, 1)], &[hash], Valkey8),
            (&[Reader::Valkey(9, 1)], &[hash], Valkey8),
            (&[Reader::Valkey(9, 1)], &[volatile], Valkey9),
            (
                &[Reader::Valkey(9, 1), Reader::Valkey(8, 0)],
                &[hash],
                Valkey8,
            ),
            (&[Reader::Old], &[hash], Redis62),
            (&[Reader::Redis74], &[], Redis74),
            (&[Reader::Redis86], &[hash], Redis86),
            (&[Reader::Redis86], &[array], Redis88),
            (&[Reader::Redis88], &[hash], Redis88),
        ] {
            assert_eq!(chosen(readers, types), form, "{readers:?} {types:?}");
        }
    }

    #[test]
    fn the_configuration_decides_where_it_says_anything() {
        let config = Config {
            repl_rdb_target: RdbTarget::Redis72,
            ..Config::default()
        };
        let types = TypeSet::new();
        assert_eq!(
            form(&[Reader::Forebay], types, &config),
            target::Target::Redis72
        );
    }
}
