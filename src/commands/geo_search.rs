//! GEOSEARCH and its older forms: members within a circle, a box or a polygon.

use super::geo::{coordinate, distance, position, unit};
use super::geo_polygon::Polygon;
use super::geohash::{Point, Shape};
use super::zsets::tell_result;
use crate::manual;
use engine::args::int_of;
use engine::key_specs::{Begin, ONE, STORE_OF_TWO};
use engine::spec::{Access, Command, Flags, Group, KeySpec, KeyUse, Keys};
use engine::{Args, CmdResult, CommandError, Cx, Event};
use keyspace::ValueRef;
use keyspace::value::{ScoreBound, Zset, ZsetRef};

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "geosearch",
        arity: -7,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::Geo,
        since: "6.2.0",
        complexity: "O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area around the shape provided as the filter and M is the number of items inside the shape",
        summary: "Queries a geospatial index for members inside an area of a box or a circle.",
        docs: &manual::geo::GEOSEARCH,
        ..Command::growing(geosearch)
    },
    Command {
        name: "geosearchstore",
        arity: -8,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: Keys::TWO,
        uses: KeyUse::Own(STORE_OF_TWO),
        group: Group::Geo,
        since: "6.2.0",
        complexity: "O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area around the shape provided as the filter and M is the number of items inside the shape",
        summary: "Queries a geospatial index for members inside an area of a box or a circle, optionally stores the result.",
        docs: &manual::geo::GEOSEARCHSTORE,
        ..Command::growing(geosearchstore)
    },
    Command {
        name: "georadius",
        arity: -6,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::MOVABLEKEYS),
        keys: Keys::Custom(|args, out| keys_of_radius(args, 6, out)),
        uses: KeyUse::Own(&[
            KeySpec::at(1, Access::READ),
            stored_by("STORE", 6),
            stored_by("STOREDIST", 6),
        ]),
        group: Group::Geo,
        since: "3.2.0",
        complexity: "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area delimited by center and radius and M is the number of items inside the index.",
        summary: "Queries a geospatial index for members within a distance from a coordinate, optionally stores the result.",
        docs: &manual::geo::GEORADIUS,
        ..Command::growing(georadius)
    },
    Command {
        name: "georadius_ro",
        arity: -6,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::Geo,
        since: "3.2.10",
        complexity: "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area delimited by center and radius and M is the number of items inside the index.",
        summary: "Returns members from a geospatial index that are within a distance from a coordinate.",
        docs: &manual::geo::GEORADIUS_RO,
        ..Command::growing(georadius_ro)
    },
    Command {
        name: "georadiusbymember",
        arity: -5,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::MOVABLEKEYS),
        keys: Keys::Custom(|args, out| keys_of_radius(args, 5, out)),
        uses: KeyUse::Own(&[
            KeySpec::at(1, Access::READ),
            stored_by("STORE", 5),
            stored_by("STOREDIST", 5),
        ]),
        group: Group::Geo,
        since: "3.2.0",
        complexity: "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area delimited by center and radius and M is the number of items inside the index.",
        summary: "Queries a geospatial index for members within a distance from a member, optionally stores the result.",
        docs: &manual::geo::GEORADIUSBYMEMBER,
        ..Command::growing(georadiusbymember)
    },
    Command {
        name: "georadiusbymember_ro",
        arity: -5,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::Geo,
        since: "3.2.10",
        complexity: "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area delimited by center and radius and M is the number of items inside the index.",
        summary: "Returns members from a geospatial index that are within a distance from a member.",
        docs: &manual::geo::GEORADIUSBYMEMBER_RO,
        ..Command::growing(georadiusbymember_ro)
    },
];

/// The key after a word that may be given several times. The last one counts, and a specification finds the first.
const fn stored_by(word: &'static str, from: i32) -> KeySpec {
    let access = Access::OVERWRITE.union(Access::INCOMPLETE);
    KeySpec::new(Begin::Keyword(word, from), ONE, access)
        .noted("Incomplete because the last STORE or STOREDIST counts, not the first")
}

/// The key searched, and the one of the last STORE or STOREDIST among the options, which begin at `options`. A key may
/// be called STORE, too, so that the words have to be read in their order.
fn keys_of_radius(args: &Args<'_>, options: usize, out: &mut Vec<usize>) {
    out.push(1);
    let (mut i, mut store) = (options, None);
    while i < args.len() {
        let words = [("STORE", true), ("STOREDIST", true), ("COUNT", false)];
        let with_value = args.one_of(i, &words).filter(|_| i + 1 < args.len());
        if with_value == Some(true) {
            store = Some(i + 1);
        }
        i += 1 + usize::from(with_value.is_some());
    }
    out.extend(store);
}

/// Which command it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// GEORADIUS: a position in place.
    Radius,
    /// GEORADIUSBYMEMBER
    ByMember,
    /// GEOSEARCH
    Search,
    /// GEOSEARCHSTORE
    SearchStore,
}

impl Form {
    fn is_search(self) -> bool {
        matches!(self, Form::Search | Form::SearchStore)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Ascending,
    Descending,
}

#[derive(Default)]
struct Options<'a> {
    with_dist: bool,
    with_hash: bool,
    with_coord: bool,
    order: Option<Order>,
    count: usize,
    any: bool,
    store: Option<&'a [u8]>,
    store_dist: bool,
    /// A centre was given; it is unknown if it is a member of a missing key.
    has_centre: bool,
    centre: Option<Point>,
    shape: Option<Shape>,
    /// Metres of the unit in which distances are shown.
    metres: f64,
    /// Where the units are in the arguments.
    units: Vec<usize>,
}

struct Hit {
    member: Vec<u8>,
    point: Point,
    score: f64,
    metres: f64,
}

impl<'a> Options<'a> {
    fn parse(
        args: Args<'a>,
        form: Form,
        read_only: bool,
        zset: Option<&ZsetRef<'_>>,
    ) -> Result<Self, CommandError> {
        let mut options = Options {
            metres: 1.0,
            ..Self::default()
        };
        let first = match form {
            Form::Radius => {
                options.centre = Some(position(args, 2)?);
                options.circle(args, 4)?;
                6
            }
            Form::ByMember => {
                if zset.is_some() {
                    options.centre_on(zset, &args[2])?;
                    options.circle(args, 3)?;
                }
                5
            }
            Form::Search => 2,
            Form::SearchStore => {
                options.store = args.get(1);
                3
            }
        };
        let mut words = args.options(first);
        while words.are_left() {
            if words.take("WITHDIST") {
                options.with_dist = true;
            } else if words.take("WITHHASH") {
                options.with_hash = true;
            } else if words.take("WITHCOORD") {
                options.with_coord = true;
            } else if words.take("ANY") {
                options.any = true;
            } else if words.take("ASC") {
                options.order = Some(Order::Ascending);
            } else if words.take("DESC") {
                options.order = Some(Order::Descending);
            } else if let Some(count) = words.take_value("COUNT") {
                let count = usize::try_from(int_of(count)?).ok().filter(|&n| n > 0);
                options.count = count.ok_or(CommandError::fixed(&"ERR COUNT must be > 0"))?;
            } else if form.is_search() {
                options.search_option(args, &mut words, form, zset)?;
            } else if !read_only && let Some(key) = words.take_value("STORE") {
                (options.store, options.store_dist) = (Some(key), false);
            } else if !read_only && let Some(key) = words.take_value("STOREDIST") {
                (options.store, options.store_dist) = (Some(key), true);
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        options.check(args, form)?;
        Ok(options)
    }

    /// Takes an option of GEOSEARCH only.
    fn search_option(
        &mut self,
        args: Args<'a>,
        words: &mut engine::Options<'a>,
        form: Form,
        zset: Option<&ZsetRef<'_>>,
    ) -> CmdResult {
        // Where the arguments of the option begin.
        let i = words.at() + 1;
        if self.may_be_member(zset)
            && let Some(member) = words.take_value("FROMMEMBER")
        {
            self.has_centre = true;
            if zset.is_some() {
                self.centre_on(zset, member)?;
            }
        } else if !self.has_centre
            && !self.is_polygon()
            && words.take_with::<2>("FROMLONLAT").is_some()
        {
            self.has_centre = true;
            self.centre = Some(position(args, i)?);
        } else if self.may_be_circle() && words.take_with::<2>("BYRADIUS").is_some() {
            self.circle(args, i)?;
        } else if self.may_be_box()
            && let Some([width, height, in_unit]) = words.take_with("BYBOX")
        {
            let side = |text, error| {
                base::float::parse_float(text).ok_or_else(|| CommandError::new(error))
            };
            let width = side(width, "ERR need numeric width")?;
            let height = side(height, "ERR need numeric height")?;
            if width < 0.0 || height < 0.0 {
                return Err(CommandError::fixed(
                    &"ERR height or width cannot be negative",
                ));
            }
            self.metres = unit(in_unit)?;
            self.units.push(i + 2);
            self.shape = Some(Shape::Box {
                width: width * self.metres,
                height: height * self.metres,
            });
        } else if self.may_be_polygon()
            && let Some([count, _]) = words.take_with("BYPOLYGON")
        {
            let count = Polygon::count(count, args.len() - i - 1)?;
            words.take_next(2 * count - 1);
            let corners = (0..count).map(|n| position(args, i + 1 + 2 * n));
            let polygon = Polygon::new(corners.collect::<Result<_, _>>()?);
            self.centre = Some(polygon.centre());
            self.shape = Some(Shape::Polygon(polygon));
        } else if form == Form::SearchStore && words.take("STOREDIST") {
            self.store_dist = true;
        } else {
            return Err(CommandError::SYNTAX);
        }
        Ok(())
    }

    /// FROMMEMBER may be repeated, but not after FROMLONLAT.
    fn may_be_member(&self, zset: Option<&ZsetRef<'_>>) -> bool {
        !self.is_polygon() && (!self.has_centre || self.centre.is_none() || zset.is_none())
    }

    fn may_be_circle(&self) -> bool {
        !self.is_polygon() && !matches!(self.shape, Some(Shape::Box { .. }))
    }

    fn may_be_box(&self) -> bool {
        !self.is_polygon() && !matches!(self.shape, Some(Shape::Circle { .. }))
    }

    /// A polygon has its own centre.
    fn may_be_polygon(&self) -> bool {
        !self.has_centre && (self.shape.is_none() || self.is_polygon())
    }

    fn is_polygon(&self) -> bool {
        matches!(self.shape, Some(Shape::Polygon(_)))
    }

    /// Radius and unit at `i` and `i + 1`.
    fn circle(&mut self, args: Args<'_>, i: usize) -> CmdResult {
        let radius = base::float::parse_float(&args[i])
            .ok_or(CommandError::fixed(&"ERR need numeric radius"))?;
        if radius < 0.0 {
            return Err(CommandError::fixed(&"ERR radius cannot be negative"));
        }
        self.metres = unit(&args[i + 1])?;
        self.units.push(i + 1);
        self.shape = Some(Shape::Circle {
            radius: radius * self.metres,
        });
        Ok(())
    }

    fn centre_on(&mut self, zset: Option<&ZsetRef<'_>>, member: &[u8]) -> CmdResult {
        let score = zset.and_then(|zset| zset.score(member));
        let score = score.ok_or(CommandError::fixed(
            &"ERR could not decode requested zset member",
        ))?;
        self.centre = Some(Point::from_score(score));
        Ok(())
    }

    fn check(&self, args: Args<'_>, form: Form) -> CmdResult {
        if self.store.is_some() && (self.with_dist || self.with_hash || self.with_coord) {
            let who = match form {
                Form::SearchStore => "GEOSEARCHSTORE",
                _ => "STORE option in GEORADIUS",
            };
            return Err(CommandError::new(format!(
                "ERR {who} is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            )));
        }
        let name = String::from_utf8_lossy(&args[0]);
        if form.is_search() && !self.has_centre && !self.is_polygon() {
            return Err(CommandError::new(format!(
                "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for {name}"
            )));
        }
        if form.is_search() && self.shape.is_none() {
            return Err(CommandError::new(format!(
                "ERR exactly one of BYRADIUS and BYBOX can be specified for {name}"
            )));
        }
        if self.any && self.count == 0 {
            return Err(CommandError::fixed(
                &"ERR the ANY argument requires COUNT argument",
            ));
        }
        Ok(())
    }

    /// The members asked for, in the order asked for.
    fn search(&self, zset: &ZsetRef<'_>) -> Vec<Hit> {
        let (Some(centre), Some(shape)) = (self.centre, &self.shape) else {
            return Vec::new();
        };
        let enough = if self.any { self.count } else { usize::MAX };
        let mut hits = Vec::new();
        for cell in shape.cells(centre) {
            let (from, to) = cell.scores();
            let from = ScoreBound {
                score: from as f64,
                exclusive: false,
            };
            for (member, score) in zset.from_score(from) {
                if score >= to as f64 || hits.len() >= enough {
                    break;
                }
                let point = Point::from_score(score);
                if let Some(metres) = shape.distance_within(centre, point) {
                    hits.push(Hit {
                        member: member.to_vec(),
                        point,
                        score,
                        metres,
                    });
                }
            }
        }
        // The nearest ones are meant when only some are asked for.
        let nearest = (self.count > 0 && !self.any).then_some(Order::Ascending);
        match self.order.or(nearest) {
            Some(Order::Ascending) => hits.sort_by(|a, b| a.metres.total_cmp(&b.metres)),
            Some(Order::Descending) => hits.sort_by(|a, b| b.metres.total_cmp(&a.metres)),
            None => {}
        }
        if self.count > 0 {
            hits.truncate(self.count);
        }
        hits
    }
}

fn geosearch(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    run(cx, args, 1, Form::Search, true)
}

fn geosearchstore(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    run(cx, args, 2, Form::SearchStore, false)
}

fn georadius(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    run(cx, args, 1, Form::Radius, false)
}

fn georadius_ro(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    run(cx, args, 1, Form::Radius, true)
}

fn georadiusbymember(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    run(cx, args, 1, Form::ByMember, false)
}

fn georadiusbymember_ro(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    run(cx, args, 1, Form::ByMember, true)
}

fn run(cx: &mut Cx<'_>, args: Args<'_>, key: usize, form: Form, read_only: bool) -> CmdResult {
    let found = cx.lookup(&args[key]);
    let (options, hits) = match found.map(|loc| cx.value(loc)) {
        None => (Options::parse(args, form, read_only, None)?, Vec::new()),
        Some(ValueRef::Zset(zset)) => {
            let options = Options::parse(args, form, read_only, Some(&zset))?;
            let hits = options.search(&zset);
            (options, hits)
        }
        Some(_) => return Err(CommandError::WRONG_TYPE),
    };
    match options.store {
        Some(target) => {
            let is_empty = hits.is_empty();
            let was_there = cx.lookup_quietly(target).is_some();
            store(cx, target, &options, form, hits);
            match (options.is_polygon(), is_empty) {
                (true, _) => {}
                (false, false) => settle_units(cx, args, &options),
                // Redis 6.2 lets the target be where the searched key is missing.
                (false, true) if was_there => cx.propagate_as(&[b"DEL", target]),
                (false, true) => {}
            }
        }
        None => show(cx, &options, &hits),
    }
    Ok(())
}

/// Redis 6.2 knows units in small letters only: as a replica it would not run the request.
fn settle_units(cx: &mut Cx<'_>, args: Args<'_>, options: &Options<'_>) {
    let is_other = |i: &usize| args[*i].iter().any(u8::is_ascii_uppercase);
    if options.units.iter().any(is_other) {
        let written = |i: usize| match options.units.contains(&i) {
            true => args[i].to_ascii_lowercase(),
            false => args[i].to_vec(),
        };
        let settled: Vec<Vec<u8>> = (0..args.len()).map(written).collect();
        let settled: Vec<&[u8]> = settled.iter().map(Vec::as_slice).collect();
        cx.propagate_as(&settled);
    }
}

fn show(cx: &mut Cx<'_>, options: &Options<'_>, hits: &[Hit]) {
    let reply = &mut cx.client.reply;
    let extras = [options.with_dist, options.with_hash, options.with_coord];
    let extras = extras.iter().filter(|with| **with).count();
    reply.array(hits.len());
    for hit in hits {
        if extras > 0 {
            reply.array(1 + extras);
        }
        reply.bulk(&hit.member);
        if options.with_dist {
            distance(reply, hit.metres / options.metres);
        }
        if options.with_hash {
            reply.int(hit.score as i64);
        }
        if options.with_coord {
            reply.array(2);
            coordinate(reply, hit.point.longitude);
            coordinate(reply, hit.point.latitude);
        }
    }
}

fn store(cx: &mut Cx<'_>, target: &[u8], options: &Options<'_>, form: Form, hits: Vec<Hit>) {
    let more = (hits.len() as i64 - 1).max(0);
    let result = hits.into_iter().map(|hit| match options.store_dist {
        true => (hit.metres / options.metres, hit.member),
        false => (hit.score, hit.member),
    });
    let result: Vec<(f64, Vec<u8>)> = result.collect();
    let mut zset = Zset::new();
    for (score, member) in &result {
        zset.set(member, *score, &cx.engine.limits);
    }
    let event = match form.is_search() {
        true => "geosearchstore",
        false => "georadiusstore",
    };
    let was_there = cx.lookup_quietly(target).is_some();
    cx.store(target, zset, Event::Zset, event);
    if options.is_polygon() {
        tell_result(cx, target, was_there, &result);
    }
    // Each member counts as a change.
    cx.engine.dirty += more;
}

#[cfg(test)]
mod tests {
    use crate::testing::{Bench, check};

    const SICILY: &str =
        "GEOADD s 13.361389 38.115556 Palermo 15.087269 37.502669 Catania 12.5 38 Trapani";

    #[test]
    fn circles_and_boxes_are_searched() {
        check(&[
            (SICILY, ":3"),
            ("GEORADIUS s 15 37 100 km", "[\"Catania\"]"),
            ("GEORADIUS s 15 37 200 km ASC", "[\"Catania\", \"Palermo\"]"),
            (
                "GEORADIUS s 15 37 200 km DESC WITHDIST",
                "[[\"Palermo\", \"190.4424\"], [\"Catania\", \"56.4413\"]]",
            ),
            (
                "GEORADIUSBYMEMBER s Palermo 100 km COUNT 1",
                "[\"Palermo\"]",
            ),
            (
                "GEOSEARCH s FROMMEMBER Palermo BYBOX 200 200 km ASC",
                "[\"Palermo\", \"Trapani\"]",
            ),
            (
                "GEOSEARCH s FROMLONLAT 15 37 BYRADIUS 100 km WITHHASH",
                "[[\"Catania\", :3479447370796909]]",
            ),
            ("GEOSEARCH none FROMLONLAT 15 37 BYRADIUS 100 km", "[]"),
        ]);
    }

    /// Replies of Valkey 9.1.
    #[test]
    fn polygons_are_searched() {
        const SQUARE: &str = "BYPOLYGON 4 12 37 16 37 16 39 12 39";
        let fewer = "-ERR GEOSEARCH BYPOLYGON must have at least 3 vertices";
        let mut bench = Bench::new();
        bench.run(SICILY);
        for (text, reply) in [
            (
                "GEOSEARCH s SQUARE WITHDIST COUNT 2",
                "[[\"Palermo\", \"56987.4933\"], [\"Catania\", \"111411.0839\"]]",
            ),
            ("GEOSEARCH s BYPOLYGON 3 13 38 15 39 15 37", "[\"Palermo\"]"),
            (
                "GEOSEARCH s BYPOLYGON 4 13 37 16 39 16 37 13 39",
                "[\"Palermo\"]",
            ),
            ("GEOSEARCH none SQUARE", "[]"),
            ("GEOSEARCH s BYPOLYGON 2 12 37 16 37", fewer),
            ("GEOSEARCH s BYPOLYGON -3 12 37 16 37 16 39", fewer),
            ("GEOSEARCH none BYPOLYGON 4 12 37 16 37 16 39", fewer),
            (
                "GEOSEARCH s BYPOLYGON x 12 37 16 37 16 39",
                "-ERR invalid number of vertices",
            ),
            (
                "GEOSEARCH s BYPOLYGON 4611686018427387905 12 37 16 37",
                "-ERR invalid number of vertices",
            ),
            (
                "GEOSEARCH s BYPOLYGON 3 12 37 16 37 16 x",
                "-ERR value is not a valid float",
            ),
            (
                "GEOSEARCH s BYPOLYGON 3 1 1 1 90 2 2",
                "-ERR invalid longitude,latitude pair 1.000000,90.000000",
            ),
            ("GEOSEARCH s SQUARE FROMLONLAT 1 1", "-ERR syntax error"),
            ("GEOSEARCH s FROMMEMBER Palermo SQUARE", "-ERR syntax error"),
            ("GEOSEARCH s SQUARE BYRADIUS 1 km", "-ERR syntax error"),
            ("GEOSEARCH s BYBOX 1 1 km SQUARE", "-ERR syntax error"),
            ("GEOSEARCH s SQUARE BYPOLYGON 3", "-ERR syntax error"),
        ] {
            assert_eq!(bench.run(&text.replace("SQUARE", SQUARE)), reply, "{text}");
        }
        let stored = format!("GEOSEARCHSTORE s s {SQUARE} STOREDIST ASC COUNT 1");
        let effects = "MULTI|DEL s|ZADD s 5.698749327453747e+4 Palermo|EXEC";
        bench.effects();
        bench.check_effects(&[(stored.as_str(), effects)]);
    }

    #[test]
    fn results_are_stored_as_hashes_or_distances() {
        let mut bench = Bench::new();
        bench.run(SICILY);
        bench.check(&[
            ("GEORADIUS s 15 37 200 km STOREDIST d", ":2"),
            ("ZRANGE d 0 -1", "[\"Catania\", \"Palermo\"]"),
            ("GEOSEARCHSTORE d s FROMLONLAT 15 37 BYRADIUS 100 km", ":1"),
            ("ZSCORE d Catania", "\"3479447370796909\""),
            (
                "GEOSEARCHSTORE d none FROMLONLAT 15 37 BYRADIUS 100 km",
                ":0",
            ),
            ("EXISTS d", ":0"),
        ]);
        bench.check_effects(&[(
            "GEOSEARCHSTORE d s FROMLONLAT 15 37 BYRADIUS 100 km",
            "GEOSEARCHSTORE d s FROMLONLAT 15 37 BYRADIUS 100 km",
        )]);
        // Replicas with Redis 6.2 know no other units.
        bench.check_effects(&[
            (
                "GEOSEARCHSTORE d s FROMLONLAT 15 37 BYRADIUS 100 KM",
                "GEOSEARCHSTORE d s FROMLONLAT 15 37 BYRADIUS 100 km",
            ),
            (
                "GEOSEARCHSTORE d s FROMLONLAT 15 37 BYBOX 400 400 M",
                "DEL d",
            ),
            (
                "GEOSEARCHSTORE d s FROMLONLAT 15 37 BYBOX 400 400 KM",
                "GEOSEARCHSTORE d s FROMLONLAT 15 37 BYBOX 400 400 km",
            ),
            ("GEOSEARCHSTORE d s FROMLONLAT 15 37 BYBOX 1 1 M", "DEL d"),
            ("GEOSEARCHSTORE d s FROMLONLAT 15 37 BYBOX 1 1 M", ""),
            (
                "GEORADIUS s 15 37 200 Mi STORE d",
                "GEORADIUS s 15 37 200 mi STORE d",
            ),
            ("GEORADIUSBYMEMBER none m 1 FT STORE d", "DEL d"),
        ]);
    }

    #[test]
    fn options_are_checked_in_the_order_of_the_reference() {
        check(&[
            (SICILY, ":3"),
            ("GEORADIUS s 15 37 x km", "-ERR need numeric radius"),
            ("GEORADIUS s 15 37 -1 km", "-ERR radius cannot be negative"),
            (
                "GEORADIUS s 15 37 1 parsec",
                "-ERR unsupported unit provided. please use M, KM, FT, MI",
            ),
            ("GEORADIUS s 15 37 1 km COUNT 0", "-ERR COUNT must be > 0"),
            (
                "GEORADIUS s 15 37 1 km ANY",
                "-ERR the ANY argument requires COUNT argument",
            ),
            ("GEORADIUS_RO s 15 37 1 km STORE d", "-ERR syntax error"),
            (
                "GEORADIUS s 15 37 1 km STORE d WITHDIST",
                "-ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
            ),
            (
                "GEORADIUSBYMEMBER s nobody 1 km",
                "-ERR could not decode requested zset member",
            ),
            (
                "GEOSEARCH s BYRADIUS 1 km WITHDIST ASC",
                "-ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCH",
            ),
            (
                "GEOSEARCH s FROMMEMBER Palermo COUNT 5 WITHDIST ASC",
                "-ERR exactly one of BYRADIUS and BYBOX can be specified for GEOSEARCH",
            ),
            (
                "GEOSEARCH s FROMMEMBER Palermo BYBOX 1 -1 km",
                "-ERR height or width cannot be negative",
            ),
        ]);
    }
}
