//! The report with one line for each sync, for spreadsheets.

use super::Report;
use super::figures::Latency;
use crate::sync_log::moments::{Kind, Side};
use std::fmt::Write;

/// The table.
pub fn document(report: &Report) -> String {
    let mut out = String::from(
        "server,mode,delay_s,write_load,link_rate,repetition,total_us,up_us,caught_up_us,bytes,keys,\
         master_memory_before,master_memory_peak,master_cpu_s,replica_memory_peak,replica_cpu_s,\
         latency_p999_us,latency_worst_us,writes_per_s",
    );
    let phases: Vec<(Side, Kind)> = [Side::Master, Side::Replica]
        .into_iter()
        .flat_map(|side| Kind::ALL.iter().map(move |kind| (side, *kind)))
        .filter(|wanted| {
            let mut all = report.summaries.iter().flat_map(|s| &s.phases);
            all.any(|(side, kind, _)| (*side, *kind) == *wanted)
        })
        .collect();
    for (side, kind) in &phases {
        let name = kind.name().replace([' ', ','], "_").replace("__", "_");
        let _ = write!(out, ",{}_{name}_us", side.name());
    }
    out.push('\n');
    for (cell, runs) in report.cells.iter().zip(&report.runs) {
        let c = cell.conditions;
        for (repetition, run) in runs.iter().enumerate() {
            let latency = Latency::of(run.latencies.iter().map(|s| s.latency_us).collect());
            let number = |n: Option<u64>| n.map_or(String::new(), |n| n.to_string());
            let float = |x: Option<f64>| x.map_or(String::new(), |x| format!("{x:.2}"));
            let fields = [
                quoted(&report.servers[cell.servers].name),
                c.mode.name().to_owned(),
                c.delay_s.to_string(),
                c.write_load.to_string(),
                number(c.link_rate),
                (repetition + 1).to_string(),
                run.total_us.to_string(),
                run.up_us.to_string(),
                run.caught_up_us.map_or(String::new(), |n| n.to_string()),
                number(run.bytes),
                run.keys.to_string(),
                number(run.master.map(|u| u.memory_before)),
                number(run.master.map(|u| u.memory_peak)),
                float(run.master.map(|u| u.cpu_s)),
                number(run.replica.map(|u| u.memory_peak)),
                float(run.replica.map(|u| u.cpu_s)),
                number(latency.map(|l| l.p999_us)),
                number(latency.map(|l| l.worst_us)),
                float(run.writes_per_s),
            ];
            out.push_str(&fields.join(","));
            let all = run.moments.phases();
            for (side, kind) in &phases {
                let mut ours = all.iter().filter(|p| p.side == *side && p.kind == *kind);
                let length = ours.next().map(|p| p.length_us().to_string());
                let _ = write!(out, ",{}", length.unwrap_or_default());
            }
            out.push('\n');
        }
    }
    out
}

/// A field as CSV wants it.
fn quoted(text: &str) -> String {
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_commas_stay_one_field() {
        assert_eq!(quoted("a,b"), "\"a,b\"");
        assert_eq!(quoted("a \"b\""), "\"a \"\"b\"\"\"");
        assert_eq!(quoted("redis-7.0"), "redis-7.0");
    }
}
