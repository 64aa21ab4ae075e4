//! What happens while the system refuses memory.
//!
//! Commands that need memory are refused before they begin, as when memory exceeds `maxmemory`, and our primary's
//! stream waits. Commands that have already begun use the reserve ([`base::reserve`]), which is filled again when there
//! is memory.

mod told;

pub use told::Shortage;

use crate::spec::Flags;
use crate::{Args, Engine, Session, table};
use base::{LogLevel, reserve};

/// The least time between two log lines about refusals, ms.
const QUIET_MS: i64 = 1000;

impl Engine {
    /// The system refuses memory, as of now.
    #[inline]
    pub fn lacks_memory(&mut self) -> bool {
        reserve::is_short() && self.still_lacks_memory()
    }

    #[cold]
    fn still_lacks_memory(&mut self) -> bool {
        let refusal = reserve::first();
        let lacks = !keyspace::reserve::fill();
        let now = self.clock.unix_ms;
        if let Some(refusal) = refusal
            && !self.shortage.told
            && now - self.shortage.told_at >= QUIET_MS
        {
            self.shortage.told = true;
            self.shortage.told_at = now;
            let text = format!(
                "Out of memory: {refusal}. Commands that need memory are refused until the system gives some."
            );
            (self.log)(LogLevel::Warning, &text);
        }
        if !lacks && std::mem::take(&mut self.shortage.told) {
            (self.log)(LogLevel::Notice, "The system provides memory again.");
        }
        lacks
    }

    /// Why a request of our primary cannot be run now: it needs memory, and the system refuses it.
    pub fn cannot_obey(&mut self, primary: &Session, argv: &[&[u8]]) -> Option<String> {
        if !self.lacks_memory() {
            return None;
        }
        let args = Args(argv);
        let command = table::find(args).ok()?;
        let needs = self
            .flags_of(primary, command, args)
            .contains(Flags::DENYOOM);
        needs.then(|| match reserve::check() {
            Err(why) => format!("no memory for what the primary sends: {why}"),
            Ok(()) => "no memory for what the primary sends".into(),
        })
    }
}
