//! Keys by the pattern of their names.
//!
//! A name is cut at the separator; in each part, runs of digits become `#`, and so does a part that is one long
//! hexadecimal number. `user:1001:name` and `user:77:name` are both `user:#:name`. Names that are still too diverse
//! (names of people, for example) are folded: beyond [`PATTERNS_MAX`] patterns, the most crowded places become `*`,
//! be it the last part (`user:*`) or one in between (`*:name`, where those with the most keys are kept). So memory is
//! bounded whatever the keys are.

use super::tally::Tally;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

/// How many patterns are kept.
const PATTERNS_MAX: usize = 20_000;
/// Bytes of a pattern that count.
const LENGTH_MAX: usize = 120;
/// Parts of a name that count.
const DEPTH_MAX: usize = 6;
/// Hexadecimal digits from which on a part is taken for a number.
const HEX_MIN: usize = 8;
/// How many parts are kept where the others become `*`.
const KEPT_PARTS: usize = 64;
/// Children of a node in the tree; the rest becomes one.
const CHILDREN_MAX: usize = 24;

/// Counts by pattern.
#[derive(Debug)]
pub struct Patterns {
    separator: u8,
    counts: HashMap<Box<[u8]>, Tally>,
    /// Beginnings (with their last separator) after which a last part becomes `*`.
    leaves: HashSet<Box<[u8]>>,
    /// Beginnings after which a part in between does, except for the parts that are kept.
    parts: HashMap<Box<[u8]>, HashSet<Box<[u8]>>>,
    buf: Vec<u8>,
}

/// The parts in one place, with their keys.
type Crowd<'a> = HashMap<&'a [u8], u64>;

/// A node of the tree of patterns.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Node {
    /// The part of the pattern that this node adds, separator included.
    pub name: String,
    /// All keys below.
    pub tally: Tally,
    /// Most bytes first.
    pub children: Vec<Node>,
}

impl Patterns {
    /// No keys yet.
    pub fn new(separator: u8) -> Patterns {
        Patterns {
            separator,
            counts: HashMap::new(),
            leaves: HashSet::new(),
            parts: HashMap::new(),
            buf: Vec::new(),
        }
    }

    /// Counts a key.
    #[inline]
    pub fn key(&mut self, key: &[u8], bytes: u64, expires: bool) {
        pattern(key, self.separator, &mut self.buf);
        let tally = Tally {
            keys: 1,
            bytes,
            elements: 0,
            expires: u64::from(expires),
        };
        match self.counts.get_mut(&self.buf[..]) {
            Some(count) => count.add(&tally),
            None => self.add_new(tally),
        }
    }

    #[cold]
    fn add_new(&mut self, tally: Tally) {
        let settled = self.settled(&self.buf);
        self.counts.entry(settled).or_default().add(&tally);
        if self.counts.len() > PATTERNS_MAX {
            self.fold();
        }
    }

    /// The pattern as the folded places leave it.
    fn settled(&self, pattern: &[u8]) -> Box<[u8]> {
        if self.leaves.is_empty() && self.parts.is_empty() {
            return pattern.into();
        }
        let mut out = Vec::with_capacity(pattern.len());
        for part in pattern.split_inclusive(|&b| b == self.separator) {
            let is_leaf = part.last() != Some(&self.separator);
            if is_leaf {
                let folded = self.leaves.contains(&out[..]);
                out.extend_from_slice(if folded { b"*" } else { part });
            } else {
                match self.parts.get(&out[..]) {
                    Some(kept) if !kept.contains(part) => {
                        out.extend_from_slice(&[b'*', self.separator]);
                    }
                    _ => out.extend_from_slice(part),
                }
            }
        }
        out.into()
    }

    /// Folds the most crowded places until half of the patterns are gone.
    fn fold(&mut self) {
        while self.counts.len() > PATTERNS_MAX / 2 {
            // Beginning, and whether it is about last parts: the parts there with their keys.
            let mut crowds: HashMap<(&[u8], bool), Crowd<'_>> = HashMap::new();
            for (pattern, tally) in &self.counts {
                let mut at = 0;
                for part in pattern.split_inclusive(|&b| b == self.separator) {
                    let is_leaf = part.last() != Some(&self.separator);
                    let crowd = crowds.entry((&pattern[..at], is_leaf)).or_default();
                    *crowd.entry(part).or_default() += tally.keys;
                    at += part.len();
                }
            }
            let most = crowds.values().map(HashMap::len).max().unwrap_or(0);
            let (mut leaves, mut parts) = (Vec::new(), Vec::new());
            for ((beginning, is_leaf), crowd) in crowds {
                if crowd.len() < most.div_ceil(4).max(2) {
                    continue;
                }
                if is_leaf {
                    leaves.push(Box::from(beginning));
                    continue;
                }
                let keep = KEPT_PARTS.min(crowd.len() / 2);
                let mut by_keys: Vec<_> = crowd.into_iter().collect();
                by_keys.sort_by_key(|&(part, keys)| (Reverse(keys), part));
                let kept = by_keys[..keep].iter().map(|&(part, _)| Box::from(part));
                parts.push((Box::from(beginning), kept.collect()));
            }
            self.leaves.extend(leaves);
            self.parts.extend(parts);
            self.settle_all();
        }
    }

    /// Brings all counts under the patterns that the folded places leave.
    fn settle_all(&mut self) {
        let counts = std::mem::take(&mut self.counts);
        for (pattern, tally) in counts {
            let settled = self.settled(&pattern);
            self.counts.entry(settled).or_default().add(&tally);
        }
    }

    /// Adds up what another thread has counted.
    pub fn merge(&mut self, other: Patterns) {
        self.leaves.extend(other.leaves);
        for (beginning, kept) in other.parts {
            self.parts.entry(beginning).or_default().extend(kept);
        }
        for (pattern, tally) in other.counts {
            self.counts.entry(pattern).or_default().add(&tally);
        }
        self.settle_all();
        if self.counts.len() > PATTERNS_MAX {
            self.fold();
        }
    }

    /// The tree of all patterns.
    pub fn tree(&self) -> Node {
        let mut root = Grown::default();
        for (pattern, tally) in &self.counts {
            let mut node = &mut root;
            node.tally.add(tally);
            // The empty key also has a part.
            let nameless = pattern.is_empty().then_some(&pattern[..]);
            let parts = pattern.split_inclusive(|&b| b == self.separator);
            for part in parts.chain(nameless) {
                node = node.children.entry(part).or_default();
                node.tally.add(tally);
            }
        }
        root.into_node(String::new())
    }
}

/// A node under construction.
#[derive(Debug, Default)]
struct Grown<'a> {
    tally: Tally,
    children: BTreeMap<&'a [u8], Grown<'a>>,
}

impl Grown<'_> {
    fn into_node(self, name: String) -> Node {
        // A chain of nodes with one child each is one node.
        if !name.is_empty() && self.children.len() == 1 {
            let (part, child) = self.children.into_iter().next().expect("one child");
            if child.tally == self.tally {
                return child.into_node(name + &shown(part));
            }
            let child = child.into_node(shown(part));
            return Node {
                name,
                tally: self.tally,
                children: vec![child],
            };
        }
        let mut children: Vec<Node> = self
            .children
            .into_iter()
            .map(|(part, child)| child.into_node(shown(part)))
            .collect();
        children.sort_by_key(|c| Reverse(c.tally.bytes));
        if children.len() > CHILDREN_MAX {
            let rest = children.split_off(CHILDREN_MAX - 1);
            let mut tally = Tally::default();
            rest.iter().for_each(|c| tally.add(&c.tally));
            children.push(Node {
                name: format!("({} more)", rest.len()),
                tally,
                children: Vec::new(),
            });
        }
        Node {
            name,
            tally: self.tally,
            children,
        }
    }
}

fn shown(part: &[u8]) -> String {
    if part.is_empty() {
        return "(no name)".into();
    }
    crate::text::printable(part, 64)
}

/// The pattern of a name.
fn pattern(key: &[u8], separator: u8, out: &mut Vec<u8>) {
    out.clear();
    let mut at = 0;
    let mut depth = 0;
    loop {
        let end = memchr::memchr(separator, &key[at..]).map_or(key.len(), |i| at + i);
        if depth == DEPTH_MAX || out.len() > LENGTH_MAX {
            out.push(b'*');
            return;
        }
        part(&key[at..end.min(at + LENGTH_MAX)], out);
        if end == key.len() {
            return;
        }
        out.push(separator);
        at = end + 1;
        depth += 1;
    }
}

/// One part of a pattern.
fn part(bytes: &[u8], out: &mut Vec<u8>) {
    let begin = out.len();
    let (mut in_digits, mut digits, mut hex) = (false, 0, true);
    for &b in bytes {
        let digit = b.is_ascii_digit();
        if !digit {
            out.push(b);
            hex &= matches!(b, b'a'..=b'f' | b'A'..=b'F' | b'-');
        } else {
            digits += 1;
            if !in_digits {
                out.push(b'#');
            }
        }
        in_digits = digit;
    }
    if hex && digits > 0 && bytes.len() >= HEX_MIN {
        out.truncate(begin);
        out.push(b'#');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(key: &str) -> String {
        let mut out = Vec::new();
        pattern(key.as_bytes(), b':', &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_in_names_are_alike() {
        for (key, wanted) in [
            ("user:1001:name", "user:#:name"),
            ("user1001", "user#"),
            ("session:3f2a9c7d11", "session:#"),
            (
                "job:7f9c24e8-3b12-4c1e-9d7a-2b4f6a8c0e1d:state",
                "job:#:state",
            ),
            ("deadbeef", "deadbeef"),
            ("cart:", "cart:"),
            ("", ""),
            ("a:b:c:d:e:f:g:h", "a:b:c:d:e:f:*"),
            ("2024-03-01", "#"),
        ] {
            assert_eq!(of(key), wanted, "{key}");
        }
    }

    #[test]
    fn the_tree_adds_up_and_joins_chains() {
        let mut patterns = Patterns::new(b':');
        for i in 0..10 {
            patterns.key(format!("user:{i}:name").as_bytes(), 10, false);
            patterns.key(format!("user:{i}:mail").as_bytes(), 20, true);
        }
        patterns.key(b"config", 5, false);
        let tree = patterns.tree();
        assert_eq!(tree.tally.keys, 21);
        let user = &tree.children[0];
        assert_eq!(
            (user.name.as_str(), user.tally.keys, user.tally.bytes),
            ("user:#:", 20, 300)
        );
        assert_eq!(user.children[0].name, "mail");
        assert_eq!(user.children[0].tally.expires, 10);
        assert_eq!(tree.children[1].name, "config");
    }

    #[test]
    fn names_without_end_are_folded_and_nothing_is_lost() {
        let letters = |mut n: u32| {
            let mut s = String::new();
            for _ in 0..5 {
                s.push((b'g' + (n % 20) as u8) as char);
                n /= 20;
            }
            s
        };
        let mut halves = [Patterns::new(b':'), Patterns::new(b':')];
        for i in 0..200_000u32 {
            let key = match i % 4 {
                0 => format!("user:{}", letters(i)),
                1 => format!("{}:x", letters(i)),
                2 => letters(i),
                _ => format!("order:{i}"),
            };
            halves[i as usize / 100_000].key(key.as_bytes(), 1, false);
        }
        let [mut all, other] = halves;
        all.merge(other);
        assert!(all.counts.len() <= PATTERNS_MAX);
        let tree = all.tree();
        assert_eq!(tree.tally.keys, 200_000);
        fn sum(node: &Node) -> u64 {
            match node.children.is_empty() {
                true => node.tally.keys,
                false => node.children.iter().map(sum).sum(),
            }
        }
        assert_eq!(sum(&tree), 200_000);
        let has = |name: &str, keys: u64| {
            let found = tree.children.iter().find(|c| c.name.starts_with(name));
            assert_eq!(found.map(|c| c.tally.keys), Some(keys), "{name}: {tree:#?}");
        };
        has("order:#", 50_000);
        has("user:*", 50_000);
    }
}
