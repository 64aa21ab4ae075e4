//! A polygon on the map, as Valkey 9 searches it (`BYPOLYGON`): sides are straight in degrees, and what is enclosed an odd
//! number of times lies inside.

use super::geohash::{Area, Point};
use engine::CommandError;

/// Fewer enclose nothing.
const FEWEST: usize = 3;

/// At least three corners, which need not be in any order: sides may cross.
#[derive(Clone, Debug)]
pub struct Polygon(Vec<Point>);

impl Polygon {
    /// The number of corners that is asked for, of which two coordinates each follow in `left` words.
    ///
    /// # Errors
    /// As Valkey says it.
    pub fn count(text: &[u8], left: usize) -> Result<usize, CommandError> {
        let count = base::integer::parse_int(text).and_then(|n| i32::try_from(n).ok());
        let count = count.ok_or(CommandError::fixed(&"ERR invalid number of vertices"))?;
        let count = usize::try_from(count).unwrap_or(0);
        if count < FEWEST || count > left / 2 {
            return Err(CommandError::fixed(
                &"ERR GEOSEARCH BYPOLYGON must have at least 3 vertices",
            ));
        }
        Ok(count)
    }

    /// A polygon with these corners.
    pub fn new(corners: Vec<Point>) -> Polygon {
        Polygon(corners)
    }

    /// The mean of the corners on the globe: distances are counted from there.
    pub fn centre(&self) -> Point {
        let mut sum = [0.0; 3];
        for corner in &self.0 {
            let (longitude, latitude) = corner.radians();
            sum[0] += latitude.cos() * longitude.cos();
            sum[1] += latitude.cos() * longitude.sin();
            sum[2] += latitude.sin();
        }
        // Their sum has the direction of their mean, and the last digits that the reference gets.
        let [x, y, z] = sum;
        Point::from_radians(y.atan2(x), z.atan2((x * x + y * y).sqrt()))
    }

    /// Whether a point lies inside: a ray from it to the east crosses an odd number of sides.
    pub fn contains(&self, point: Point) -> bool {
        let next = self.0.iter().cycle().skip(1);
        let crosses = self.0.iter().zip(next).filter(|(a, b)| {
            if (a.latitude > point.latitude) == (b.latitude > point.latitude) {
                return false;
            }
            let slope = (a.longitude - b.longitude) / (a.latitude - b.latitude);
            point.longitude < slope * (point.latitude - b.latitude) + b.longitude
        });
        crosses.count() % 2 == 1
    }

    /// The rectangle around it.
    pub fn bounds(&self) -> Area {
        let of = |coordinate: fn(&Point) -> f64, pick: fn(f64, f64) -> f64| {
            let coordinates = self.0.iter().map(coordinate);
            coordinates.reduce(pick).unwrap_or_default()
        };
        let corner = |pick| Point {
            longitude: of(|p| p.longitude, pick),
            latitude: of(|p| p.latitude, pick),
        };
        Area {
            min: corner(f64::min),
            max: corner(f64::max),
        }
    }

    /// From the centre to the farthest corner of the rectangle around it, metres: the centre may be far from the middle of
    /// that rectangle.
    pub fn reach(&self) -> f64 {
        let centre = self.centre();
        let Area { min, max } = self.bounds();
        let corners = [
            min,
            max,
            Point {
                latitude: max.latitude,
                ..min
            },
            Point {
                latitude: min.latitude,
                ..max
            },
        ];
        let distances = corners.map(|corner| centre.distance(corner));
        distances.into_iter().fold(0.0, f64::max)
    }
}
