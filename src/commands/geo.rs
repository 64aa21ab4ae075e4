//! GEOADD, GEOPOS, GEODIST, GEOHASH: positions in a sorted set, their hashes as scores.

use super::geohash::Point;
use crate::manual;
use base::fixed::FixedText;
use engine::spec::{Access, Command, Flags, Group, KeyUse, Keys};
use engine::{Args, CmdResult, CommandError, Cx, table};
use keyspace::ValueRef;
use keyspace::value::ZsetRef;
use resp::{Proto, Reply};

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "geoadd",
        arity: -5,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::CHANGE),
        group: Group::Geo,
        since: "3.2.0",
        complexity: "O(log(N)) for each item added, where N is the number of elements in the sorted set.",
        summary: "Adds one or more members to a geospatial index. The key is created if it doesn't exist.",
        docs: &manual::geo::GEOADD,
        ..Command::steady(geoadd)
    },
    Command {
        name: "geopos",
        arity: -2,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::Geo,
        since: "3.2.0",
        complexity: "O(1) for each member requested.",
        summary: "Returns the longitude and latitude of members from a geospatial index.",
        docs: &manual::geo::GEOPOS,
        ..Command::steady(geopos)
    },
    Command {
        name: "geodist",
        arity: -4,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::Geo,
        since: "3.2.0",
        summary: "Returns the distance between two members of a geospatial index.",
        docs: &manual::geo::GEODIST,
        ..Command::steady(geodist)
    },
    Command {
        name: "geohash",
        arity: -2,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::Geo,
        since: "3.2.0",
        complexity: "O(1) for each member requested.",
        summary: "Returns members from a geospatial index as geohash strings.",
        docs: &manual::geo::GEOHASH,
        ..Command::steady(geohash)
    },
];

/// `m`, `km`, `ft` or `mi`, in metres.
pub(super) fn unit(text: &[u8]) -> Result<f64, CommandError> {
    let units: [(&[u8], f64); 4] = [
        (b"m", 1.0),
        (b"km", 1000.0),
        (b"ft", 0.3048),
        (b"mi", 1609.34),
    ];
    let known = units
        .iter()
        .find(|(name, _)| text.eq_ignore_ascii_case(name));
    known.map(|(_, metres)| *metres).ok_or(CommandError::fixed(
        &"ERR unsupported unit provided. please use M, KM, FT, MI",
    ))
}

/// Longitude and latitude at `i` and `i + 1`.
pub(super) fn position(args: Args<'_>, i: usize) -> Result<Point, CommandError> {
    let (longitude, latitude) = (args.float(i)?, args.float(i + 1)?);
    Point::new(longitude, latitude).ok_or_else(|| {
        CommandError::new(format!(
            "ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}"
        ))
    })
}

/// A coordinate: all digits of the number, without trailing zeros.
pub(super) fn coordinate(reply: &mut Reply, degrees: f64) {
    let shown = |text: &str| {
        let text = text.trim_end_matches('0').trim_end_matches('.');
        match reply.proto {
            Proto::Resp2 => reply.bulk_str(text),
            Proto::Resp3 => reply.raw(format!(",{text}\r\n").as_bytes()),
        }
    };
    with_decimals(degrees, 17, shown);
}

/// A distance, with four decimals.
pub(super) fn distance(reply: &mut Reply, distance: f64) {
    with_decimals(distance, 4, |text| reply.bulk_str(text));
}

/// Calls `f` with the text of `x` with `decimals` digits after the point.
fn with_decimals(x: f64, decimals: u32, f: impl FnOnce(&str)) {
    match FixedText::of(x, decimals) {
        Some(text) => f(text.as_str()),
        None => f(&format!("{x:.*}", decimals as usize)),
    }
}

/// The sorted set at a key, as a reader sees it, together with the client's reply.
fn with_zset<R>(
    cx: &mut Cx<'_>,
    key: &[u8],
    f: impl FnOnce(Option<&ZsetRef<'_>>, &mut Reply) -> R,
) -> Result<R, CommandError> {
    let found = cx.lookup(key);
    let reply = &mut cx.client.reply;
    let db = cx.engine.keyspace.db(cx.client.db);
    match found.map(|loc| db.value(loc)) {
        None => Ok(f(None, reply)),
        Some(ValueRef::Zset(zset)) => Ok(f(Some(&zset), reply)),
        Some(_) => Err(CommandError::WRONG_TYPE),
    }
}

fn geoadd(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let is_option = |i: &usize| args.is(*i, "NX") || args.is(*i, "XX") || args.is(*i, "CH");
    let first = (2..args.len())
        .find(|i| !is_option(i))
        .unwrap_or(args.len());
    let given = |word| (2..first).any(|i| args.is(i, word));
    if !(args.len() - first).is_multiple_of(3) || (given("NX") && given("XX")) {
        return Err(CommandError::SYNTAX);
    }
    let mut scores = Vec::new();
    for i in (first..args.len()).step_by(3) {
        scores.push(position(args, i)?.score().to_string());
    }
    // It is a ZADD of the hashes, for the stream, too.
    let mut zadd: Vec<&[u8]> = vec![b"zadd"];
    zadd.extend(&args.0[1..first]);
    for (score, i) in scores.iter().zip((first..args.len()).step_by(3)) {
        zadd.extend([score.as_bytes(), args.0[i + 2]]);
    }
    let before = cx.engine.dirty;
    let command = table::by_own_name(b"zadd").expect("ZADD is declared");
    (command.run)(cx, Args(&zadd))?;
    match cx.engine.dirty != before {
        true => cx.propagate_as(&zadd),
        false => cx.no_propagate(),
    }
    Ok(())
}

fn geopos(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    with_zset(cx, &args[1], |zset, reply| {
        reply.array(args.len() - 2);
        for member in args.from(2) {
            match zset.and_then(|zset| zset.score(member)) {
                None => reply.null_array(),
                Some(score) => {
                    let point = Point::from_score(score);
                    reply.array(2);
                    coordinate(reply, point.longitude);
                    coordinate(reply, point.latitude);
                }
            }
        }
    })
}

fn geohash(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    with_zset(cx, &args[1], |zset, reply| {
        reply.array(args.len() - 2);
        for member in args.from(2) {
            match zset.and_then(|zset| zset.score(member)) {
                None => reply.null(),
                Some(score) => reply.bulk(&Point::from_score(score).text()),
            }
        }
    })
}

fn geodist(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let metres = match args.len() {
        4 => 1.0,
        5 => unit(&args[4])?,
        _ => return Err(CommandError::SYNTAX),
    };
    with_zset(cx, &args[1], |zset, reply| {
        let point = |i: usize| zset.and_then(|z| z.score(&args[i])).map(Point::from_score);
        match (point(2), point(3)) {
            (Some(a), Some(b)) => distance(reply, a.distance(b) / metres),
            _ => reply.null(),
        }
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, check_effects};

    const SICILY: &str = "GEOADD s 13.361389 38.115556 Palermo 15.087269 37.502669 Catania";

    #[test]
    fn positions_are_kept_and_measured() {
        check(&[
            (SICILY, ":2"),
            ("GEODIST s Palermo Catania", "\"166274.1516\""),
            ("GEODIST s Palermo Catania km", "\"166.2742\""),
            ("GEODIST s Palermo none", "nil"),
            ("GEODIST none a b", "nil"),
            (
                "GEODIST s Palermo Catania x",
                "-ERR unsupported unit provided. please use M, KM, FT, MI",
            ),
            (
                "GEOHASH s Palermo Catania none",
                "[\"sqc8b49rny0\", \"sqdtr74hyu0\", nil]",
            ),
            (
                "GEOPOS s Palermo none",
                "[[\"13.36138933897018433\", \"38.11555639549629859\"], nil[]]",
            ),
        ]);
    }

    #[test]
    fn bad_positions_and_options_are_refused() {
        check(&[
            (
                "GEOADD s 200 100 a",
                "-ERR invalid longitude,latitude pair 200.000000,100.000000",
            ),
            ("GEOADD s x 1 a", "-ERR value is not a valid float"),
            ("GEOADD s 1 1 a 2", "-ERR syntax error"),
            ("GEOADD s NX XX 1 1 a", "-ERR syntax error"),
            ("SET str 1", "+OK"),
            (
                "GEOPOS str a",
                "-WRONGTYPE Operation against a key holding the wrong kind of value",
            ),
        ]);
    }

    #[test]
    fn positions_travel_as_scores() {
        check_effects(&[
            (
                "GEOADD s CH 13.361389 38.115556 Palermo",
                "zadd s CH 3479099956230698 Palermo",
            ),
            ("GEOADD s 13.361389 38.115556 Palermo", ""),
        ]);
    }
}
