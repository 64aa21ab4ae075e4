//! Lua's patterns: drawn ones, on drawn text, malformed ones among them.
//!
//! Forebay has a matcher of its own ([`vm::pattern`](../../src/commands/scripting/vm/pattern.rs)); those of real
//! servers say what is right, errors included.

use crate::compare::Rule;
use crate::generate::Random;
use crate::panel::Panel;
use crate::side::{Command, Protocol, line_of};

/// Patterns that are drawn. Each goes through all functions that take one.
const CASES: usize = 6_000;

/// Everything that the functions return or raise, and what they call replacements with.
const SCRIPT: &str = "
local s, p, replacement, most, init, plain = unpack(ARGV)
most, init, plain = tonumber(most), tonumber(init), plain ~= ''
local seen = {}
local function see(...)
  local values = {select('#', ...)}
  for i = 1, select('#', ...) do values[i + 1] = tostring((select(i, ...))) end
  seen[#seen + 1] = table.concat(values, '|')
end
see(pcall(string.find, s, p, init, plain))
see(pcall(string.match, s, p, init))
see(pcall(string.gsub, s, p, replacement, most))
see(pcall(string.gsub, s, p, {a = 'X', b = 7, ab = false, [1] = 'P'}, most))
see(pcall(string.gsub, s, p, {a = {}}, most))
see(pcall(string.gsub, s, p, function(...)
  see(...)
  local first = ...
  if first == 'a' then return nil elseif first == 'b' then return false end
  return first
end, most))
see(pcall(function()
  for a, b in string.gmatch(s, p) do
    see(a, b)
    if #seen > 60 then break end
  end
end))
return seen";

#[test]
fn drawn_patterns_match_as_those_of_the_reference() {
    let Some(mut panel) = Panel::start(Protocol::Resp2) else {
        return;
    };
    let mut draw = Draw(Random::new(20_261_129));
    for i in 0..CASES {
        let command = draw.command();
        if let Some(difference) = panel.run('a', &command, Rule::Exact) {
            panic!(
                "case {i}: {}\n{difference}",
                line_of(&command[3..].to_vec())
            );
        }
    }
}

struct Draw(Random);

impl Draw {
    fn one<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.0.below(from.len())]
    }

    fn several(&mut self, most: usize, mut each: impl FnMut(&mut Self) -> String) -> String {
        (0..self.0.below(most + 1)).map(|_| each(self)).collect()
    }

    fn command(&mut self) -> Command {
        let signs = [
            "a", "a", "b", "b", "c", "1", " ", "-", "(", ")", "]", "%", ".", "\0", "é",
        ];
        let subject = self.several(14, |draw| draw.one(&signs).to_owned());
        let pattern = self.pattern();
        let parts = ["%0", "%1", "%2", "%3", "%%", "%", "%a", "x", "\0"];
        let replacement = self.several(3, |draw| draw.one(&parts).to_owned());
        let most = self.one(&["", "", "", "0", "1", "2", "-1"]);
        let init = self.one(&["", "", "", "1", "2", "-1", "-3", "0", "20", "-20", "5.7"]);
        let plain = self.one(&["", "", "", "", "", "", "", "yes"]);
        let words: [&str; 9] = [
            "EVAL",
            SCRIPT,
            "0",
            &subject,
            &pattern,
            &replacement,
            most,
            init,
            plain,
        ];
        words.iter().map(|word| word.as_bytes().to_vec()).collect()
    }

    fn pattern(&mut self) -> String {
        let captures = match self.0.below(50) {
            0 => "()".repeat(30 + self.0.below(4)),
            _ => String::new(),
        };
        let start = self.one(&["", "", "^"]);
        let items = self.several(5, |draw| draw.item(0));
        let end = self.one(&["", "", "$"]);
        [&captures, start, &items, end].concat()
    }

    fn item(&mut self, depth: usize) -> String {
        match self.0.below(50) {
            0..31 => self.single() + self.one(&["", "", "*", "+", "-", "?"]),
            31..38 if depth < 4 => {
                let inner = self.several(3, |draw| draw.item(depth + 1));
                let end = self.one(&[")", ")", ")", ")", ")", ")", ")", ""]);
                format!("({inner}{end}")
            }
            31..40 => "()".to_owned(),
            40..43 => format!("%b{}", self.one(&["()", "ab", "aa", "(", "", "%%"])),
            43..46 => match self.0.below(5) {
                0 => format!("%f{}", self.one(&["", "a"])),
                _ => format!("%f{}", self.set()),
            },
            46..48 => format!("%{}", self.one(&["0", "1", "2", "3"])),
            _ => self
                .one(&[")", "(", "%", "[", "$", "^", "*", "-", "\0"])
                .to_owned(),
        }
    }

    fn single(&mut self) -> String {
        match self.0.below(5) {
            0 => ".".to_owned(),
            1 => self.class(),
            2 => self.set(),
            _ => self
                .one(&["a", "b", "a", "b", "c", "1", " ", "-", "é"])
                .to_owned(),
        }
    }

    fn class(&mut self) -> String {
        let letters = "acdlpsuwxzACDLPSUWXZ.%]-[^$";
        let at = self.0.below(letters.len());
        format!("%{}", &letters[at..=at])
    }

    fn set(&mut self) -> String {
        let members = [
            "a", "b", "c", "1", "-", " ", "]", "^", "%", "\0", "a-c", "%]", "%a", "%d", "a-%",
            "%-", "%%", "0-",
        ];
        let negated = self.one(&["", "", "^"]);
        let inner = self.several(4, |draw| draw.one(&members).to_owned());
        let end = self.one(&["]", "]", "]", "]", "]", "]", "]", ""]);
        format!("[{negated}{inner}{end}")
    }
}
