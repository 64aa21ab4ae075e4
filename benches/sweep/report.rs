//! The table, its summary, and the same as JSON.

use crate::contest::Contestant;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// What one server needs for one case.
pub struct Figures {
    /// Processor time per operation in microseconds, or the error that it gave: the least of the rounds, because what
    /// shares the processors only adds to it.
    each: Result<f64, String>,
    /// The slowest single operation in milliseconds, as the client saw it.
    worst: f64,
}

impl Figures {
    /// From what the rounds gave, in microseconds.
    pub fn of(rounds: &[f64], worst: Duration) -> Figures {
        let least = rounds.iter().copied().min_by(f64::total_cmp);
        Figures {
            each: least.ok_or_else(|| "not measured".to_owned()),
            worst: worst.as_secs_f64() * 1e3,
        }
    }

    /// The server refuses the case.
    pub fn refused(error: String) -> Figures {
        Figures {
            each: Err(error),
            worst: 0.0,
        }
    }
}

struct Row {
    group: String,
    case: String,
    size: usize,
    figures: Vec<Figures>,
}

impl Row {
    /// Processor time of the best other server by that of the first.
    fn ratio(&self) -> Option<f64> {
        let (first, others) = self.figures.split_first()?;
        let best = others
            .iter()
            .filter_map(|figures| figures.each.as_ref().ok());
        let best = best.copied().min_by(f64::total_cmp)?;
        Some(best / first.each.as_ref().ok()?.max(1e-3))
    }

    fn name(&self) -> String {
        format!("{} {} @{}", self.group, self.case, self.size)
    }

    fn line(&self) -> String {
        let each = |figures: &Figures| match &figures.each {
            Ok(each) => format!("{each:>11.3}"),
            Err(_) => format!("{:>11}", "-"),
        };
        let times: String = self.figures.iter().map(each).collect();
        let worst = self
            .figures
            .iter()
            .map(|figures| format!("{:>8.2}", figures.worst));
        let worst: String = worst.collect();
        let ratio = self
            .ratio()
            .map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
        let refused = self
            .figures
            .first()
            .and_then(|figures| figures.each.as_ref().err());
        let refused = refused.map_or(String::new(), |error| format!("  refused: {error}"));
        format!("{times}{ratio:>7}{worst}  {}{refused}", self.name())
    }
}

/// All rows.
pub struct Report {
    servers: Vec<String>,
    rows: Vec<Row>,
}

impl Report {
    /// Prints the head of the table.
    pub fn new(servers: &[Contestant]) -> Report {
        let servers: Vec<String> = servers.iter().map(|server| server.name.clone()).collect();
        println!(
            "processor time per operation in us | best other / first | worst single request in ms"
        );
        let names: String = servers.iter().map(|name| format!("{name:>11}")).collect();
        let shown: String = servers
            .iter()
            .map(|name| format!("{:>8.7}", name))
            .collect();
        println!("{names}{:>7}{shown}  case @size", "ratio");
        Report {
            servers,
            rows: Vec::new(),
        }
    }

    /// Prints a row.
    pub fn add(&mut self, group: &str, case: &str, size: usize, figures: Vec<Figures>) {
        let row = Row {
            group: group.to_owned(),
            case: case.to_owned(),
            size,
            figures,
        };
        println!("{}", row.line());
        self.rows.push(row);
    }

    /// Prints the means by group, and what is behind the best other server.
    pub fn summary(&self) {
        let mut groups: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        let mut ratios = Vec::new();
        for row in &self.rows {
            if let Some(ratio) = row.ratio() {
                groups.entry(&row.group).or_default().push(ratio);
                ratios.push((ratio, row));
            }
        }
        if ratios.is_empty() {
            return;
        }
        ratios.sort_by(|a, b| a.0.total_cmp(&b.0));
        let below = |bound: f64| ratios.iter().filter(|(ratio, _)| *ratio < bound).count();
        println!(
            "\n{} cases with a peer: median {:.2}; {} below 1, {} below 0.95, {} below 0.8",
            ratios.len(),
            ratios[ratios.len() / 2].0,
            below(1.0),
            below(0.95),
            below(0.8)
        );
        for (group, ratios) in groups {
            let mean = ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64;
            println!("  {group:12} {:.2} ({} cases)", mean.exp(), ratios.len());
        }
        println!("\nbelow 1, the worst first:");
        for (_, row) in ratios.iter().take_while(|(ratio, _)| *ratio < 1.0) {
            println!("{}", row.line());
        }
    }

    /// Writes all rows.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn write_json(&self, path: &Path) {
        let row = |row: &Row| {
            let servers = self.servers.iter().zip(&row.figures);
            let figures = servers.map(|(name, figures)| {
                let figures = match &figures.each {
                    Ok(each) => json!({"us": each, "worst_ms": figures.worst}),
                    Err(error) => json!({"refused": error}),
                };
                (name.clone(), figures)
            });
            json!({
                "group": row.group,
                "case": row.case,
                "size": row.size,
                "ratio": row.ratio(),
                "servers": figures.collect::<serde_json::Map<_, _>>(),
            })
        };
        let rows: Vec<Value> = self.rows.iter().map(row).collect();
        let text = serde_json::to_string_pretty(&rows).expect("figures are JSON");
        std::fs::write(path, text).expect("the file of --json can be written");
    }
}
