//! Positions on the earth as 52-bit numbers, so that a sorted set finds neighbours by score.
//!
//! The ranges of longitude and latitude are each halved 26 times, and each choice is one bit: latitude has the even
//! bits (from the lowest), longitude the odd ones. Points that share a prefix are in the same cell. Points that are
//! close to each other need not share one, so a search looks at a cell and its eight neighbours.
//!
//! Latitude is limited to the square of Web Mercator, as in Redis.

use super::geo_polygon::Polygon;
use std::f64::consts::PI;

/// Bits per coordinate of a full hash.
pub const STEP_MAX: u8 = 26;
/// Largest longitude, degrees; the smallest is its negative.
pub const LONGITUDE_MAX: f64 = 180.0;
/// Largest latitude, degrees; the smallest is its negative.
pub const LATITUDE_MAX: f64 = 85.051_128_78;
/// Mean radius that Redis uses, metres.
pub const EARTH_RADIUS: f64 = 6_372_797.560_856;
/// Half of the equator in Web Mercator, metres.
const MERCATOR_MAX: f64 = 20_037_726.37;
const LATITUDE_BITS: u64 = 0x5555_5555_5555_5555;
const LONGITUDE_BITS: u64 = 0xaaaa_aaaa_aaaa_aaaa;
const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";

/// A position, degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// East is positive.
    pub longitude: f64,
    /// North is positive.
    pub latitude: f64,
}

/// A cell: the first `step` bits of each coordinate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// `2 * step` bits.
    pub bits: u64,
    /// Bits per coordinate, 1 to 26.
    pub step: u8,
}

/// The rectangle of a cell, degrees.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    /// South-west corner.
    pub min: Point,
    /// North-east corner.
    pub max: Point,
}

/// The bits of a score. A score that is no geohash has those that are left when a double of it is made an integer.
fn bits_of(score: f64) -> u64 {
    const BEYOND: f64 = 18_446_744_073_709_551_616.0;
    match score {
        negative if negative < 0.0 => (negative as i64) as u64,
        large if large >= BEYOND => 0,
        score => score as u64,
    }
}

impl Point {
    /// A position within the limits.
    pub fn new(longitude: f64, latitude: f64) -> Option<Point> {
        let inside = longitude.abs() <= LONGITUDE_MAX && latitude.abs() <= LATITUDE_MAX;
        inside.then_some(Point {
            longitude,
            latitude,
        })
    }

    /// The centre of a full hash's cell.
    pub fn from_score(score: f64) -> Point {
        let cell = Cell {
            bits: bits_of(score),
            step: STEP_MAX,
        };
        let Area { min, max } = cell.area();
        let middle = |a: f64, b: f64, limit: f64| ((a + b) / 2.0).clamp(-limit, limit);
        Point {
            longitude: middle(min.longitude, max.longitude, LONGITUDE_MAX),
            latitude: middle(min.latitude, max.latitude, LATITUDE_MAX),
        }
    }

    /// The full hash.
    pub fn score(self) -> u64 {
        Cell::around(self, STEP_MAX).bits
    }

    /// Great-circle distance, metres.
    pub fn distance(self, other: Point) -> f64 {
        let v =
            ((other.longitude.to_radians_exact() - self.longitude.to_radians_exact()) / 2.0).sin();
        if v == 0.0 {
            return self.latitude_distance(other);
        }
        let (a, b) = (
            self.latitude.to_radians_exact(),
            other.latitude.to_radians_exact(),
        );
        let u = ((b - a) / 2.0).sin();
        2.0 * EARTH_RADIUS * (u * u + a.cos() * b.cos() * v * v).sqrt().asin()
    }

    /// Distance of the two parallels, metres.
    pub fn latitude_distance(self, other: Point) -> f64 {
        EARTH_RADIUS * (other.latitude.to_radians_exact() - self.latitude.to_radians_exact()).abs()
    }

    /// Longitude and latitude in radians.
    pub fn radians(self) -> (f64, f64) {
        (
            self.longitude.to_radians_exact(),
            self.latitude.to_radians_exact(),
        )
    }

    /// The position at a longitude and a latitude in radians.
    pub fn from_radians(longitude: f64, latitude: f64) -> Point {
        Point {
            longitude: longitude.to_degrees_exact(),
            latitude: latitude.to_degrees_exact(),
        }
    }

    /// The usual text of eleven characters, which takes latitude from -90 to 90 and has three bits more
    /// than are known: those are zero.
    pub fn text(self) -> [u8; 11] {
        let bits = interleave(
            offset(self.latitude, 90.0, STEP_MAX),
            offset(self.longitude, LONGITUDE_MAX, STEP_MAX),
        );
        std::array::from_fn(|i| match i {
            10 => ALPHABET[0],
            _ => ALPHABET[(bits >> (52 - (i + 1) * 5)) as usize & 0x1f],
        })
    }
}

trait Radians {
    fn to_radians_exact(self) -> f64;
    fn to_degrees_exact(self) -> f64;
}

/// With the reference's order of operations, so that the last digits agree.
impl Radians for f64 {
    fn to_radians_exact(self) -> f64 {
        self * (PI / 180.0)
    }
    fn to_degrees_exact(self) -> f64 {
        self / (PI / 180.0)
    }
}

/// The index of a coordinate within `-limit..=limit` among `2^step` equal parts.
fn offset(degrees: f64, limit: f64, step: u8) -> u32 {
    let share = (degrees + limit) / (limit + limit);
    (share * (1u64 << step) as f64) as u64 as u32
}

/// Spreads the bits: `low` into the even positions, `high` into the odd ones.
fn interleave(low: u32, high: u32) -> u64 {
    spread(low) | spread(high) << 1
}

fn spread(x: u32) -> u64 {
    let masks = [
        (16, 0x0000_ffff_0000_ffff),
        (8, 0x00ff_00ff_00ff_00ff),
        (4, 0x0f0f_0f0f_0f0f_0f0f),
        (2, 0x3333_3333_3333_3333),
        (1, LATITUDE_BITS),
    ];
    masks
        .iter()
        .fold(u64::from(x), |x, &(shift, mask)| (x | x << shift) & mask)
}

/// Takes every other bit, from the lowest.
fn collect(x: u64) -> u32 {
    let masks = [
        (1, 0x3333_3333_3333_3333),
        (2, 0x0f0f_0f0f_0f0f_0f0f),
        (4, 0x00ff_00ff_00ff_00ff),
        (8, 0x0000_ffff_0000_ffff),
        (16, 0xffff_ffffu64),
    ];
    let folded = masks.iter().fold(x & LATITUDE_BITS, |x, &(shift, mask)| {
        (x | x >> shift) & mask
    });
    folded as u32
}

impl Cell {
    /// The cell that holds a position.
    pub fn around(point: Point, step: u8) -> Cell {
        let latitude = offset(point.latitude, LATITUDE_MAX, step);
        let longitude = offset(point.longitude, LONGITUDE_MAX, step);
        Cell {
            bits: interleave(latitude, longitude),
            step,
        }
    }

    /// Its rectangle.
    pub fn area(self) -> Area {
        let parts = (1u64 << self.step) as f64;
        let edge = |n: u64, limit: f64| -limit + (n as f64 / parts) * (limit + limit);
        let (y, x) = (
            u64::from(collect(self.bits)),
            u64::from(collect(self.bits >> 1)),
        );
        Area {
            min: Point {
                longitude: edge(x, LONGITUDE_MAX),
                latitude: edge(y, LATITUDE_MAX),
            },
            max: Point {
                longitude: edge(x + 1, LONGITUDE_MAX),
                latitude: edge(y + 1, LATITUDE_MAX),
            },
        }
    }

    /// The scores of the points in it: from the first to before the second.
    pub fn scores(self) -> (u64, u64) {
        let shift = 52 - 2 * self.step;
        (self.bits << shift, (self.bits + 1) << shift)
    }

    /// The cell `x` to the east and `y` to the north (-1, 0 or 1 each), around the edges of the map.
    pub fn neighbour(self, x: i64, y: i64) -> Cell {
        let width = 64 - 2 * u32::from(self.step);
        let (high, low) = (LONGITUDE_BITS >> width, LATITUDE_BITS >> width);
        // The bits of the other coordinate are set (or clear), so that a carry runs through them.
        let moved = |bits: u64, own: u64, other: u64, by: i64| match by {
            1 => (bits & own).wrapping_add(other + 1) & own,
            -1 => ((bits & own) | other).wrapping_sub(other + 1) & own,
            _ => bits & own,
        };
        let longitude = moved(self.bits, high, low, x);
        let latitude = moved(self.bits, low, high, y);
        Cell {
            bits: longitude | latitude,
            ..self
        }
    }
}

/// The area that is searched.
#[derive(Clone, Debug)]
pub enum Shape {
    /// Everything within a distance.
    Circle {
        /// Metres.
        radius: f64,
    },
    /// Everything in a box whose sides are parallel to the coordinates.
    Box {
        /// Metres.
        width: f64,
        /// Metres.
        height: f64,
    },
    /// Everything in a polygon, which has a centre of its own.
    Polygon(Polygon),
}

impl Shape {
    /// The distance from `centre` to `point`, metres, if that lies within.
    pub fn distance_within(&self, centre: Point, point: Point) -> Option<f64> {
        let parallels = centre.latitude_distance(point);
        match self {
            Shape::Circle { radius } => {
                // Most points that are too far are so by their latitude alone, and that without a sine. What rounding
                // makes of either distance is much less than this.
                if parallels > *radius * (1.0 + 1e-9) + 1e-3 {
                    return None;
                }
                Some(centre.distance(point)).filter(|distance| *distance <= *radius)
            }
            Shape::Box { width, height } => {
                let at_its_latitude = Point {
                    latitude: point.latitude,
                    ..centre
                };
                let inside =
                    parallels <= height / 2.0 && point.distance(at_its_latitude) <= width / 2.0;
                inside.then(|| centre.distance(point))
            }
            Shape::Polygon(polygon) => {
                let inside = polygon.contains(point);
                inside.then(|| centre.distance(point))
            }
        }
    }

    /// The rectangle around it, degrees; may reach over the edges of the map.
    fn bounds(&self, centre: Point) -> Area {
        let (width, height) = match self {
            Shape::Circle { radius } => (*radius, *radius),
            Shape::Box { width, height } => (width / 2.0, height / 2.0),
            Shape::Polygon(polygon) => return polygon.bounds(),
        };
        let dy = (height / EARTH_RADIUS).to_degrees_exact();
        // The side nearer to the pole spans more degrees.
        let pole_ward = if centre.latitude < 0.0 { -dy } else { dy };
        let parallel = (centre.latitude + pole_ward).to_radians_exact().cos();
        let dx = (width / EARTH_RADIUS / parallel).to_degrees_exact();
        Area {
            min: Point {
                longitude: centre.longitude - dx,
                latitude: centre.latitude - dy,
            },
            max: Point {
                longitude: centre.longitude + dx,
                latitude: centre.latitude + dy,
            },
        }
    }

    /// The cells that cover it, in the order in which the reference looks at them.
    pub fn cells(&self, centre: Point) -> Vec<Cell> {
        let reach = match self {
            Shape::Circle { radius } => *radius,
            Shape::Box { width, height } => {
                ((width / 2.0) * (width / 2.0) + (height / 2.0) * (height / 2.0)).sqrt()
            }
            Shape::Polygon(polygon) => polygon.reach(),
        };
        let bounds = self.bounds(centre);
        let mut step = step_for(reach, centre.latitude);
        let cell = Cell::around(centre, step);
        // Near the edge of its cell a shape may reach beyond the neighbours: larger cells, then.
        let too_small = cell.neighbour(0, 1).area().max.latitude < bounds.max.latitude
            || cell.neighbour(0, -1).area().min.latitude > bounds.min.latitude
            || cell.neighbour(1, 0).area().max.longitude < bounds.max.longitude
            || cell.neighbour(-1, 0).area().min.longitude > bounds.min.longitude;
        if step > 1 && too_small {
            step -= 1;
        }
        let cell = Cell::around(centre, step);
        let area = cell.area();
        // Neighbours on a side to which the shape does not reach are left out.
        let useless = |x: i64, y: i64| {
            step >= 2
                && (y < 0 && area.min.latitude < bounds.min.latitude
                    || y > 0 && area.max.latitude > bounds.max.latitude
                    || x < 0 && area.min.longitude < bounds.min.longitude
                    || x > 0 && area.max.longitude > bounds.max.longitude)
        };
        let around = [
            (0, 0),
            (0, 1),
            (0, -1),
            (1, 0),
            (-1, 0),
            (1, 1),
            (-1, 1),
            (1, -1),
            (-1, -1),
        ];
        let mut cells: Vec<Cell> = Vec::with_capacity(9);
        for (x, y) in around.into_iter().filter(|&(x, y)| !useless(x, y)) {
            let next = cell.neighbour(x, y);
            // With very large cells neighbours fall together.
            if !cells.contains(&next) {
                cells.push(next);
            }
        }
        cells
    }
}

/// The step at which a cell and its neighbours cover a circle.
fn step_for(mut reach: f64, latitude: f64) -> u8 {
    if reach == 0.0 {
        return STEP_MAX;
    }
    let mut step: i32 = 1;
    while reach < MERCATOR_MAX {
        reach *= 2.0;
        step += 1;
    }
    step -= 2;
    // Degrees of longitude are short near the poles.
    step -= i32::from(latitude.abs() > 66.0) + i32::from(latitude.abs() > 80.0);
    step.clamp(1, STEP_MAX.into()) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_has_the_score_of_a_real_server() {
        let palermo = Point::new(13.361389, 38.115556).unwrap();
        assert_eq!(palermo.score(), 3479099956230698);
        assert_eq!(
            &Point::from_score(3479099956230698.0).text(),
            b"sqc8b49rny0"
        );
    }

    #[test]
    fn bits_are_spread_and_collected() {
        for (low, high) in [(0, 0), (1, 2), (u32::MAX, 0), (0x1234_5678, 0x9abc_def0)] {
            let bits = interleave(low, high);
            assert_eq!((collect(bits), collect(bits >> 1)), (low, high));
        }
    }

    #[test]
    fn neighbours_go_around_the_map() {
        let cell = Cell { bits: 0, step: 3 };
        assert_eq!(cell.neighbour(1, 0).neighbour(-1, 0), cell);
        assert_eq!(cell.neighbour(0, -1).neighbour(0, 1), cell);
        let west = cell.neighbour(-1, 0).area();
        assert_eq!(west.max.longitude, LONGITUDE_MAX);
    }
}
