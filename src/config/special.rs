//! Directives whose value has a form of its own.

use super::choices::ShutdownOn;
use super::kind::{Choice, Kind, WRONG_NUMBER, must_be_one_of, parse_memory, quote, show_memory};

/// A save point: save after `seconds` if at least `changes` were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    /// Seconds since the last save.
    pub seconds: i64,
    /// Changes since the last save.
    pub changes: i64,
}

/// The save points of a server without `save` lines.
pub(super) fn default_save_points() -> Vec<SavePoint> {
    [(3600, 1), (300, 100), (60, 10000)]
        .map(|(seconds, changes)| SavePoint { seconds, changes })
        .to_vec()
}

/// `save <seconds> <changes> ...`, `save ""`.
pub struct SavePoints;

impl Kind<Vec<SavePoint>> for SavePoints {
    fn parse(&self, words: &[&str]) -> Result<Vec<SavePoint>, String> {
        const INVALID: &str = "Invalid save parameters";
        if words == [""] {
            return Ok(Vec::new());
        }
        if !words.len().is_multiple_of(2) {
            return Err(INVALID.into());
        }
        let number = |w: &str| w.parse::<i64>().map_err(|_| INVALID);
        let mut points = Vec::new();
        for pair in words.chunks_exact(2) {
            let (seconds, changes) = (number(pair[0])?, number(pair[1])?);
            if seconds < 1 || changes < 0 {
                return Err(INVALID.into());
            }
            points.push(SavePoint { seconds, changes });
        }
        Ok(points)
    }
    fn update(&self, value: &mut Vec<SavePoint>, words: &[&str], add: bool) -> Result<(), String> {
        let mut new = self.parse(words)?;
        match add && !new.is_empty() {
            true => value.append(&mut new),
            false => *value = new,
        }
        Ok(())
    }
    fn show(&self, value: &Vec<SavePoint>) -> String {
        let points: Vec<String> = value.iter().map(SavePoint::show).collect();
        points.join(" ")
    }
    fn lines(&self, value: &Vec<SavePoint>) -> Vec<String> {
        if value.is_empty() {
            return vec!["\"\"".into()];
        }
        value.iter().map(SavePoint::show).collect()
    }
    fn many(&self) -> bool {
        true
    }
    fn describe(&self) -> String {
        "pairs of seconds and changes, or `\"\"`".into()
    }
}

impl SavePoint {
    fn show(&self) -> String {
        format!("{} {}", self.seconds, self.changes)
    }
}

/// A list of words.
pub struct Words;

impl Kind<Vec<String>> for Words {
    fn parse(&self, words: &[&str]) -> Result<Vec<String>, String> {
        let words = words.iter().filter(|w| !w.is_empty());
        Ok(words.map(|w| (*w).to_owned()).collect())
    }
    fn show(&self, value: &Vec<String>) -> String {
        value.join(" ")
    }
    fn lines(&self, value: &Vec<String>) -> Vec<String> {
        vec![match value.is_empty() {
            true => "\"\"".into(),
            false => value.join(" "),
        }]
    }
    fn many(&self) -> bool {
        true
    }
    fn describe(&self) -> String {
        "words".into()
    }
}

/// A primary's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Name or IP.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// `<host> <port>`, or `no one`.
pub struct Primary;

impl Kind<Option<Address>> for Primary {
    fn parse(&self, words: &[&str]) -> Result<Option<Address>, String> {
        let [host, port] = words else {
            return Err(WRONG_NUMBER.into());
        };
        if host.eq_ignore_ascii_case("no") && port.eq_ignore_ascii_case("one") {
            return Ok(None);
        }
        let port = port.parse().map_err(|_| "Invalid master port")?;
        Ok(Some(Address {
            host: (*host).to_owned(),
            port,
        }))
    }
    fn show(&self, value: &Option<Address>) -> String {
        value
            .as_ref()
            .map_or_else(String::new, |a| format!("{} {}", a.host, a.port))
    }
    fn lines(&self, value: &Option<Address>) -> Vec<String> {
        value.iter().map(|_| self.show(value)).collect()
    }
    fn many(&self) -> bool {
        true
    }
    fn describe(&self) -> String {
        "host and port".into()
    }
}

/// What a class of clients may have pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLimit {
    /// At once closed above, bytes; 0 = no limit.
    pub hard: i64,
    /// Closed when above for `soft_seconds`, bytes; 0 = no limit.
    pub soft: i64,
    /// See `soft`.
    pub soft_seconds: i64,
}

/// `client-output-buffer-limit`, by class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLimits {
    /// Everybody else.
    pub normal: OutputLimit,
    /// Replicas.
    pub replica: OutputLimit,
    /// Subscribers.
    pub pubsub: OutputLimit,
}

impl Default for OutputLimits {
    fn default() -> Self {
        let limit = |hard, soft, soft_seconds| OutputLimit {
            hard,
            soft,
            soft_seconds,
        };
        OutputLimits {
            normal: limit(0, 0, 0),
            replica: limit(256 << 20, 64 << 20, 60),
            pubsub: limit(32 << 20, 8 << 20, 60),
        }
    }
}

impl OutputLimits {
    fn classes(&self) -> [(&'static str, OutputLimit); 3] {
        [
            ("normal", self.normal),
            ("slave", self.replica),
            ("pubsub", self.pubsub),
        ]
    }

    /// These limits with the classes that `words` name changed.
    ///
    /// # Errors
    /// As [`Kind::parse`].
    pub fn changed(mut self, words: &[&str]) -> Result<Self, String> {
        if !words.len().is_multiple_of(4) {
            return Err("Wrong number of arguments in buffer limit configuration.".into());
        }
        for class in words.chunks_exact(4) {
            const INVALID: &str =
                "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
            let limit = OutputLimit {
                hard: parse_memory(class[1]).ok_or(INVALID)?,
                soft: parse_memory(class[2]).ok_or(INVALID)?,
                soft_seconds: class[3].parse().ok().filter(|n| *n >= 0).ok_or(INVALID)?,
            };
            match class[0].to_ascii_lowercase().as_str() {
                "normal" => self.normal = limit,
                "slave" | "replica" => self.replica = limit,
                "pubsub" => self.pubsub = limit,
                _ => {
                    return Err(
                        "Invalid client class specified in buffer limit configuration.".into(),
                    );
                }
            }
        }
        Ok(self)
    }
}

/// `<class> <hard> <soft> <soft seconds> ...`; [`OutputLimits::changed`] merges into what is there.
pub struct Limits;

impl Kind<OutputLimits> for Limits {
    fn parse(&self, words: &[&str]) -> Result<OutputLimits, String> {
        OutputLimits::default().changed(words)
    }
    fn update(&self, value: &mut OutputLimits, words: &[&str], _add: bool) -> Result<(), String> {
        *value = value.changed(words)?;
        Ok(())
    }
    fn show(&self, value: &OutputLimits) -> String {
        let classes = value
            .classes()
            .map(|(name, l)| format!("{name} {} {} {}", l.hard, l.soft, l.soft_seconds));
        classes.join(" ")
    }
    fn lines(&self, value: &OutputLimits) -> Vec<String> {
        let name = |n: &'static str| if n == "slave" { "replica" } else { n };
        let lines = value.classes().map(|(n, l)| {
            let (hard, soft) = (show_memory(l.hard), show_memory(l.soft));
            format!("{} {hard} {soft} {}", name(n), l.soft_seconds)
        });
        lines.to_vec()
    }
    fn many(&self) -> bool {
        true
    }
    fn describe(&self) -> String {
        "class, hard bytes, soft bytes, soft seconds; repeated".into()
    }
}

/// `notify-keyspace-events`: held in the form in which it is shown.
pub struct EventClasses;

/// Letters in the order in which they are shown; those of `A` first.
const EVENT_LETTERS: &str = "g$lshzxetd";

impl Kind<String> for EventClasses {
    fn parse(&self, words: &[&str]) -> Result<String, String> {
        let [word] = words else {
            return Err(WRONG_NUMBER.into());
        };
        let known = |c| EVENT_LETTERS.contains(c) || "AKEmn".contains(c);
        if !word.chars().all(known) {
            return Err("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.".into());
        }
        let all = word.contains('A') || EVENT_LETTERS.chars().all(|c| word.contains(c));
        let mut shown = String::new();
        if all {
            shown.push('A');
        } else {
            shown.extend(EVENT_LETTERS.chars().filter(|c| word.contains(*c)));
        }
        shown.extend("nKEm".chars().filter(|c| word.contains(*c)));
        Ok(shown)
    }
    fn show(&self, value: &String) -> String {
        value.clone()
    }
    fn lines(&self, value: &String) -> Vec<String> {
        vec![quote(value)]
    }
    fn describe(&self) -> String {
        "letters of `Ag$lshzxeKEtmdn`".into()
    }
}

/// `latency-tracking-info-percentiles`
pub struct Percentiles;

impl Kind<Vec<f64>> for Percentiles {
    fn parse(&self, words: &[&str]) -> Result<Vec<f64>, String> {
        if words == [""] {
            return Ok(Vec::new());
        }
        let read = |w: &&str| {
            let p = base::float::parse_float(w.as_bytes())
                .ok_or("Invalid latency-tracking-info-percentiles parameters")?;
            match (0.0..=100.0).contains(&p) {
                true => Ok(p),
                false => Err(
                    "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"
                        .to_owned(),
                ),
            }
        };
        words.iter().map(read).collect()
    }
    fn show(&self, value: &Vec<f64>) -> String {
        let shown: Vec<String> = value.iter().map(f64::to_string).collect();
        shown.join(" ")
    }
    fn lines(&self, value: &Vec<f64>) -> Vec<String> {
        vec![match value.is_empty() {
            true => "\"\"".into(),
            false => self.show(value),
        }]
    }
    fn many(&self) -> bool {
        true
    }
    fn describe(&self) -> String {
        "percentiles, 0 to 100".into()
    }
}

/// `oom-score-adj-values <primary> <replica> <background>`
pub struct OomScores;

impl Kind<[i64; 3]> for OomScores {
    fn parse(&self, words: &[&str]) -> Result<[i64; 3], String> {
        let [a, b, c] = words else {
            return Err(WRONG_NUMBER.into());
        };
        let read = |w: &str| {
            let n = w.parse().ok().filter(|n| (-2000..=2000).contains(n));
            n.ok_or("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")
        };
        Ok([read(a)?, read(b)?, read(c)?])
    }
    fn show(&self, [a, b, c]: &[i64; 3]) -> String {
        format!("{a} {b} {c}")
    }
    fn many(&self) -> bool {
        true
    }
    fn describe(&self) -> String {
        "three numbers, -2000 to 2000".into()
    }
}

/// `shutdown-on-sigint`, `shutdown-on-sigterm`: any of the names together.
pub struct ShutdownWays;

impl Kind<Vec<ShutdownOn>> for ShutdownWays {
    fn parse(&self, words: &[&str]) -> Result<Vec<ShutdownOn>, String> {
        // Redis, whose texts these are, does not know Valkey's.
        let valkeys = |way| matches!(way, ShutdownOn::Safe | ShutdownOn::Failover);
        let names = ShutdownOn::NAMES
            .iter()
            .filter(move |(_, way)| !valkeys(*way));
        let not_one = || must_be_one_of(names.clone().map(|(n, _)| *n));
        if words.is_empty() {
            return Err(not_one());
        }
        let find = |w: &&str| {
            let found = ShutdownOn::NAMES
                .iter()
                .find(|(n, _)| n.eq_ignore_ascii_case(w));
            found.map(|(_, v)| *v).ok_or_else(not_one)
        };
        let ways: Vec<ShutdownOn> = words.iter().map(find).collect::<Result<_, _>>()?;
        if ways.contains(&ShutdownOn::Save) && ways.contains(&ShutdownOn::Nosave) {
            return Err("SAVE and NOSAVE options are mutually exclusive".into());
        }
        Ok(ways
            .into_iter()
            .filter(|w| *w != ShutdownOn::Default)
            .collect())
    }
    fn show(&self, value: &Vec<ShutdownOn>) -> String {
        if value.is_empty() {
            return ShutdownOn::Default.name().into();
        }
        let names = ShutdownOn::NAMES.iter().filter(|(_, v)| value.contains(v));
        let names: Vec<&str> = names.map(|(n, _)| *n).collect();
        names.join(" ")
    }
    fn many(&self) -> bool {
        true
    }
    fn describe(&self) -> String {
        "`default`, or any of `save`, `nosave`, `now`, `force`, `safe`, `failover`".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn save_points_come_in_pairs() {
        let points = SavePoints
            .parse(&["3600", "1", "300", "100"])
            .expect("two pairs");
        assert_eq!(SavePoints.show(&points), "3600 1 300 100");
        assert_eq!(SavePoints.parse(&[""]), Ok(Vec::new()));
        for bad in [&["10"][..], &["0", "1"], &["10", "x"]] {
            assert_eq!(SavePoints.parse(bad), Err("Invalid save parameters".into()));
        }
    }

    #[test]
    fn setting_one_class_of_output_limits_leaves_the_others() {
        let limits = OutputLimits::default()
            .changed(&["replica", "1mb", "2kb", "3"])
            .expect("well formed");
        assert_eq!(
            Limits.show(&limits),
            "normal 0 0 0 slave 1048576 2048 3 pubsub 33554432 8388608 60"
        );
    }

    #[test]
    fn event_classes_are_shown_in_their_canonical_form() {
        for (given, shown) in [
            ("KEA", "AKE"),
            ("g$lshzxetd", "A"),
            ("Elg", "glE"),
            ("", ""),
            ("Km", "Km"),
        ] {
            assert_eq!(EventClasses.parse(&[given]).as_deref(), Ok(shown));
        }
        assert!(EventClasses.parse(&["q"]).is_err());
    }
}
