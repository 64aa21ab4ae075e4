//! The report as one JSON document: every figure of every sync, and the summaries.

use super::Report;
use super::figures::{Latency, SideFigures, Spread, Summary, slowest_over_time};
use super::plan::Conditions;
use super::sync::Measured;
use super::usage::Usage;
use crate::sync_log::show::moments_json;
use tools::json_text::Json;

/// Parts of a sync whose slowest replies are reported.
const SLOTS: usize = 100;

/// The document.
pub fn document(report: &Report) -> Vec<u8> {
    let mut json = Json::new();
    json.object(|j| {
        j.name("forebay_version").text(base::VERSION);
        j.name("machine").text(&report.machine);
        j.name("data").text(&report.data);
        j.name("probe_rate").int(report.probe_rate);
        j.name("servers").array(|j| {
            for servers in &report.servers {
                j.object(|j| {
                    j.name("name").text(&servers.name);
                    j.name("master").text(&servers.master.title());
                    j.name("replica").text(&servers.replica.title());
                });
            }
        });
        j.name("cells").array(|j| {
            for (summary, runs) in report.summaries.iter().zip(&report.runs) {
                j.object(|j| {
                    j.name("server")
                        .text(&report.servers[summary.cell.servers].name);
                    conditions(&summary.cell.conditions, j);
                    self::summary(summary, j);
                    j.name("runs").array(|j| {
                        for measured in runs {
                            j.object(|j| run(measured, j));
                        }
                    });
                });
            }
        });
        j.name("verdict")
            .array(|j| report.verdicts.iter().for_each(|v| j.text(v)));
        j.name("notes")
            .array(|j| report.notes.iter().for_each(|v| j.text(v)));
    });
    json.end_line();
    json.into_bytes()
}

fn conditions(c: &Conditions, json: &mut Json) {
    json.name("mode").text(c.mode.name());
    json.name("delay_s").int(c.delay_s);
    json.name("write_load").int(c.write_load);
    match c.link_rate {
        Some(rate) => json.name("link_rate").int(rate),
        None => json.name("link_rate").null(),
    }
}

fn spread(name: &str, s: Option<Spread>, json: &mut Json) {
    json.name(name);
    match s {
        None => json.null(),
        Some(s) => json.object(|j| {
            j.name("median").double(s.median);
            j.name("min").double(s.min);
            j.name("max").double(s.max);
        }),
    }
}

fn latency(name: &str, l: Option<Latency>, json: &mut Json) {
    json.name(name);
    match l {
        None => json.null(),
        Some(l) => json.object(|j| {
            j.name("p50_us").int(l.p50_us);
            j.name("p999_us").int(l.p999_us);
            j.name("worst_us").int(l.worst_us);
            j.name("count").int(l.count);
        }),
    }
}

fn side(name: &str, s: Option<SideFigures>, json: &mut Json) {
    json.name(name);
    match s {
        None => json.null(),
        Some(s) => json.object(|j| {
            spread("memory_peak", Some(s.memory_peak), j);
            spread("memory_extra", Some(s.memory_extra), j);
            spread("cpu_s", Some(s.cpu_s), j);
            spread("cpu_share", Some(s.cpu_share), j);
        }),
    }
}

fn summary(s: &Summary, json: &mut Json) {
    json.name("way").text(&s.way);
    json.name("keys").int(s.keys);
    spread("total_ms", Some(s.total_ms), json);
    spread("up_ms", Some(s.up_ms), json);
    spread("caught_up_ms", s.caught_up_ms, json);
    spread("bytes", s.bytes, json);
    spread("bytes_per_s", s.bytes_per_s, json);
    spread("keys_per_s", Some(s.keys_per_s), json);
    side("master", s.master, json);
    side("replica", s.replica, json);
    latency("latency", s.latency, json);
    latency("latency_before", s.latency_before, json);
    spread("writes_per_s", s.writes_per_s, json);
    json.name("write_errors").int(s.write_errors);
    json.name("phases_ms").array(|j| {
        for (side, kind, length) in &s.phases {
            j.object(|j| {
                j.name("side").text(side.name());
                j.name("phase").text(kind.name());
                spread("length", Some(*length), j);
            });
        }
    });
}

fn usage(name: &str, u: Option<Usage>, json: &mut Json) {
    json.name(name);
    match u {
        None => json.null(),
        Some(u) => json.object(|j| {
            j.name("memory_before").int(u.memory_before);
            j.name("memory_peak").int(u.memory_peak);
            j.name("memory_after").int(u.memory_after);
            j.name("children_peak").int(u.children_peak);
            j.name("cpu_s").double(u.cpu_s);
        }),
    }
}

fn run(m: &Measured, json: &mut Json) {
    json.name("began_us").int(m.began_us);
    json.name("total_us").int(m.total_us);
    json.name("up_us").int(m.up_us);
    match m.caught_up_us {
        Some(us) => json.name("caught_up_us").int(us),
        None => json.name("caught_up_us").null(),
    }
    json.name("way").text(&m.way);
    json.name("keys").int(m.keys);
    for (name, value) in [("bytes", m.bytes), ("copied_bytes", m.copied_bytes)] {
        match value {
            Some(n) => json.name(name).int(n),
            None => json.name(name).null(),
        }
    }
    usage("master", m.master, json);
    usage("replica", m.replica, json);
    match m.writes_per_s {
        Some(n) => json.name("writes_per_s").double(n),
        None => json.name("writes_per_s").null(),
    }
    json.name("write_errors").int(m.write_errors);
    json.name("latency_worst_us_over_time").array(|j| {
        if !m.latencies.is_empty() {
            let worst = slowest_over_time(&m.latencies, m.total_us, SLOTS);
            worst.into_iter().for_each(|us| j.int(us));
        }
    });
    moments_json(&m.moments, json);
}
