//! The pictures of the HTML report: bars and a treemap, as SVG in the page itself.

use super::prefix::Node;
use super::treemap::{Rect, squarify};
use crate::page::escaped;
use crate::text::{bytes, count, percent};
use std::fmt::Write;

/// A row of a bar chart.
#[derive(Debug)]
pub struct Bar {
    /// At its left.
    pub label: String,
    /// Its length.
    pub value: u64,
    /// At its right.
    pub note: String,
    /// Which of the page's colours.
    pub colour: usize,
}

/// Colours of the page's style, `c0` to `c7`.
pub const COLOURS: usize = 8;

/// Horizontal bars; the longest value fills the width.
pub fn bars(rows: &[Bar], label_width: u32) -> String {
    const WIDTH: u32 = 560;
    const ROW: u32 = 26;
    const NOTE: u32 = 188;
    let most = rows.iter().map(|r| r.value).max().unwrap_or(0).max(1);
    let room = WIDTH - label_width - NOTE;
    let height = ROW * rows.len() as u32 + 4;
    let mut out = format!("<svg class=\"bars\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">");
    for (i, row) in rows.iter().enumerate() {
        let y = ROW * i as u32 + 4;
        let least = if row.value > 0 { 1.5 } else { 0.0 };
        let length = (f64::from(room) * row.value as f64 / most as f64).max(least);
        let (text_y, bar_y) = (y + 15, y + 2);
        let (label_x, note_x) = (label_width - 8, f64::from(label_width) + length + 7.0);
        let _ = write!(
            out,
            "<g><title>{label}: {note}</title>\
             <text class=\"label\" x=\"{label_x}\" y=\"{text_y}\" text-anchor=\"end\">{label}</text>\
             <rect class=\"track\" x=\"{label_width}\" y=\"{bar_y}\" width=\"{room}\" height=\"18\" rx=\"4\"/>\
             <rect class=\"c{colour}\" x=\"{label_width}\" y=\"{bar_y}\" width=\"{length:.1}\" height=\"18\" rx=\"4\"/>\
             <text class=\"note\" x=\"{note_x:.1}\" y=\"{text_y}\">{note}</text></g>",
            label = escaped(&row.label),
            note = escaped(&row.note),
            colour = row.colour % COLOURS,
        );
    }
    out + "</svg>"
}

/// A tile of the map.
struct Tile<'a> {
    name: String,
    bytes: u64,
    keys: u64,
    children: &'a [Node],
}

/// Prefixes as areas in proportion to their bytes, two levels deep.
pub fn treemap(root: &Node) -> String {
    const AREA: Rect = Rect {
        x: 0.0,
        y: 0.0,
        w: 1160.0,
        h: 460.0,
    };
    let whole = root.tally.bytes;
    let mut out = format!(
        "<svg class=\"map\" viewBox=\"0 0 {} {}\" role=\"img\">",
        AREA.w, AREA.h
    );
    let tiles = tiles(&root.children, whole);
    let weights: Vec<f64> = tiles.iter().map(|t| t.bytes as f64).collect();
    for (i, (tile, area)) in tiles.iter().zip(squarify(&weights, AREA)).enumerate() {
        let head = 20.0;
        let nested = tile.children.len() > 1 && area.w > 90.0 && area.h > 70.0;
        draw(&mut out, tile, "", area, i, whole, nested);
        if !nested {
            continue;
        }
        let inner = Rect {
            x: area.x + 3.0,
            y: area.y + head + 2.0,
            w: area.w - 6.0,
            h: area.h - head - 5.0,
        };
        let below = self::tiles(tile.children, tile.bytes);
        let weights: Vec<f64> = below.iter().map(|t| t.bytes as f64).collect();
        for (child, area) in below.iter().zip(squarify(&weights, inner)) {
            draw(&mut out, child, &tile.name, area, i, whole, false);
        }
    }
    out + "</svg>"
}

/// The nodes that can be seen, and one for all the others.
fn tiles(nodes: &[Node], whole: u64) -> Vec<Tile<'_>> {
    let mut tiles = Vec::new();
    let (mut small_bytes, mut small_keys, mut small) = (0, 0, 0);
    for node in nodes {
        if node.tally.bytes * 250 >= whole && node.tally.bytes > 0 {
            tiles.push(Tile {
                name: node.name.clone(),
                bytes: node.tally.bytes,
                keys: node.tally.keys,
                children: &node.children,
            });
        } else {
            small += 1;
            small_bytes += node.tally.bytes;
            small_keys += node.tally.keys;
        }
    }
    if small_bytes > 0 {
        tiles.push(Tile {
            name: format!("{small} smaller"),
            bytes: small_bytes,
            keys: small_keys,
            children: &[],
        });
    }
    tiles.sort_by_key(|t| std::cmp::Reverse(t.bytes));
    tiles
}

fn draw(
    out: &mut String,
    tile: &Tile<'_>,
    parent: &str,
    area: Rect,
    colour: usize,
    whole: u64,
    framed: bool,
) {
    const LETTER: f64 = 7.0;
    let facts = format!(
        "{}, {} keys, {}",
        bytes(tile.bytes),
        count(tile.keys),
        percent(tile.bytes, whole)
    );
    let class = match (framed, parent.is_empty()) {
        (true, _) => "frame",
        (false, true) => "tile",
        (false, false) => "tile inner",
    };
    let _ = write!(
        out,
        "<g><title>{}{}: {}</title><rect class=\"{class} c{}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"3\"/>",
        escaped(parent),
        escaped(&tile.name),
        escaped(&facts),
        colour % COLOURS,
        area.x + 1.0,
        area.y + 1.0,
        (area.w - 2.0).max(0.5),
        (area.h - 2.0).max(0.5),
    );
    let room = ((area.w - 12.0) / LETTER) as usize;
    if room >= 3 && area.h >= 20.0 {
        let name = shortened(&tile.name, room);
        let _ = write!(
            out,
            "<text class=\"name\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            area.x + 7.0,
            area.y + 16.0,
            escaped(&name)
        );
        let size = bytes(tile.bytes);
        if framed && name.chars().count() + size.len() + 2 < room {
            let _ = write!(
                out,
                "<text class=\"size\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{size}</text>",
                area.x + area.w - 7.0,
                area.y + 16.0,
            );
        } else if !framed && area.h >= 36.0 && room >= size.len() {
            let _ = write!(
                out,
                "<text class=\"size\" x=\"{:.1}\" y=\"{:.1}\">{size}</text>",
                area.x + 7.0,
                area.y + 31.0,
            );
        }
    }
    out.push_str("</g>");
}

fn shortened(text: &str, room: usize) -> String {
    match text.chars().count() > room {
        true => text.chars().take(room - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_place() {
        assert_eq!(
            escaped("<a href='x'>&\"\x07"),
            "&lt;a href=&#39;x&#39;&gt;&amp;&quot;\u{fffd}"
        );
        let bar = Bar {
            label: "</svg><script>".into(),
            value: 1,
            note: "1".into(),
            colour: 0,
        };
        assert!(!bars(&[bar], 100).contains("<script>"));
    }
}
