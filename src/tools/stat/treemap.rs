//! Rectangles whose areas are in proportion to given weights, as near to squares as can be (Bruls, Huizing and van
//! Wijk, "Squarified Treemaps", 2000).

/// A rectangle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub w: f64,
    /// Height.
    pub h: f64,
}

/// Cuts `area` into one rectangle for each weight. Weights must be positive and descending.
pub fn squarify(weights: &[f64], area: Rect) -> Vec<Rect> {
    let whole: f64 = weights.iter().sum();
    let scale = area.w * area.h / whole;
    let mut rest = area;
    let mut out = Vec::with_capacity(weights.len());
    let mut at = 0;
    while at < weights.len() {
        let side = rest.w.min(rest.h);
        let (mut n, mut sum) = (1, weights[at] * scale);
        while at + n < weights.len() {
            let more = sum + weights[at + n] * scale;
            let now = worst(&weights[at..at + n], scale, sum, side);
            if worst(&weights[at..=at + n], scale, more, side) > now {
                break;
            }
            (n, sum) = (n + 1, more);
        }
        let depth = if side > 0.0 { sum / side } else { 0.0 };
        let mut along = 0.0;
        for weight in &weights[at..at + n] {
            let length = if depth > 0.0 {
                weight * scale / depth
            } else {
                0.0
            };
            out.push(match rest.w >= rest.h {
                true => Rect {
                    x: rest.x,
                    y: rest.y + along,
                    w: depth,
                    h: length,
                },
                false => Rect {
                    x: rest.x + along,
                    y: rest.y,
                    w: length,
                    h: depth,
                },
            });
            along += length;
        }
        match rest.w >= rest.h {
            true => (rest.x, rest.w) = (rest.x + depth, (rest.w - depth).max(0.0)),
            false => (rest.y, rest.h) = (rest.y + depth, (rest.h - depth).max(0.0)),
        }
        at += n;
    }
    out
}

/// The worst ratio of sides in a row.
fn worst(weights: &[f64], scale: f64, sum: f64, side: f64) -> f64 {
    let (largest, least) = (weights[0] * scale, weights[weights.len() - 1] * scale);
    let (side, sum) = (side * side, sum * sum);
    (side * largest / sum).max(sum / (side * least))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_are_in_proportion_and_fill_the_whole() {
        let weights = [6.0, 6.0, 4.0, 3.0, 2.0, 2.0, 1.0];
        let area = Rect {
            x: 0.0,
            y: 0.0,
            w: 6.0,
            h: 4.0,
        };
        let rects = squarify(&weights, area);
        for (rect, weight) in rects.iter().zip(weights) {
            assert!((rect.w * rect.h - weight).abs() < 1e-9, "{rect:?}");
            assert!(rect.x >= 0.0 && rect.x + rect.w <= 6.0 + 1e-9, "{rect:?}");
            assert!(rect.y >= 0.0 && rect.y + rect.h <= 4.0 + 1e-9, "{rect:?}");
            assert!(rect.w / rect.h < 4.0 && rect.h / rect.w < 4.0, "{rect:?}");
        }
        assert_eq!(rects.len(), 7);
        assert!(squarify(&[], area).is_empty());
    }
}
