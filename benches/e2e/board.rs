//! Measurements of one kind, a row a server: medians with spread, and the ratio to the best peer.

use std::collections::BTreeMap;

/// Which values are good.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// Times, memory.
    Lower,
    /// Rates.
    Higher,
    /// Differences, and what says how far others are to be believed: no ratios.
    Neither,
}

/// All measurements of one kind.
pub struct Board {
    title: String,
    unit: &'static str,
    better: Better,
    rows: BTreeMap<String, Vec<f64>>,
    order: Vec<String>,
}

impl Board {
    /// An empty board.
    pub fn new(title: impl Into<String>, unit: &'static str, better: Better) -> Board {
        Board {
            title: title.into(),
            unit,
            better,
            rows: BTreeMap::new(),
            order: Vec::new(),
        }
    }

    /// One measurement.
    pub fn add(&mut self, server: &str, value: f64) {
        if !self.rows.contains_key(server) {
            self.order.push(server.to_owned());
        }
        self.rows.entry(server.to_owned()).or_default().push(value);
    }

    /// Prints the rows; those of Forebay (names that begin so) with the ratio to the best other.
    pub fn print(&self) {
        if self.order.is_empty() {
            return;
        }
        println!("\n{} [{}]", self.title, self.unit);
        let best = self.best_peer();
        for name in &self.order {
            let (low, median, high) = spread(&self.rows[name]);
            let mut line = format!(
                "  {name:28} {:>10}  ({} .. {})",
                shown(median),
                shown(low),
                shown(high)
            );
            if let Some((peer, value)) = best.as_ref().filter(|_| name.starts_with("forebay")) {
                match self.better {
                    Better::Lower => line += &format!("  {:.2}x of {peer}", value / median),
                    Better::Higher => line += &format!("  {:.2}x of {peer}", median / value),
                    Better::Neither => {}
                }
            }
            println!("{line}");
        }
    }

    fn best_peer(&self) -> Option<(&String, f64)> {
        let peers = self
            .order
            .iter()
            .filter(|name| !name.starts_with("forebay"));
        let medians = peers.map(|name| (name, spread(&self.rows[name]).1));
        let sign = if self.better == Better::Lower {
            1.0
        } else {
            -1.0
        };
        medians.min_by(|a, b| (sign * a.1).total_cmp(&(sign * b.1)))
    }
}

/// Boards that come into being with their first measurement.
#[derive(Default)]
pub struct Boards(Vec<Board>);

impl Boards {
    /// One measurement for the board of that title.
    pub fn add(
        &mut self,
        title: &str,
        unit: &'static str,
        better: Better,
        server: &str,
        value: f64,
    ) {
        let at = self.0.iter().position(|board| board.title == title);
        let at = at.unwrap_or_else(|| {
            self.0.push(Board::new(title, unit, better));
            self.0.len() - 1
        });
        self.0[at].add(server, value);
    }

    /// Prints all, in the order of their first measurements.
    pub fn print(&self) {
        self.0.iter().for_each(Board::print);
    }
}

/// Smallest, median, largest.
fn spread(values: &[f64]) -> (f64, f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    (
        sorted[0],
        sorted[sorted.len() / 2],
        sorted[sorted.len() - 1],
    )
}

fn shown(value: f64) -> String {
    match value.abs() {
        v if v >= 1_000.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}
