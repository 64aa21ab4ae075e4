//! How important a line of the log is.

/// From the least important to the most, as `loglevel` orders them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// For developers.
    Debug,
    /// Many lines that matter rarely.
    Verbose,
    /// What an operator of a server wants to know.
    Notice,
    /// What an operator should act upon.
    Warning,
}

impl LogLevel {
    /// All levels, in their order.
    pub const ALL: [LogLevel; 4] = [
        LogLevel::Debug,
        LogLevel::Verbose,
        LogLevel::Notice,
        LogLevel::Warning,
    ];

    /// The character before the text of a line.
    pub const fn sign(self) -> char {
        match self {
            LogLevel::Debug => '.',
            LogLevel::Verbose => '-',
            LogLevel::Notice => '*',
            LogLevel::Warning => '#',
        }
    }

    /// The level that a script's `redis.log` names by number; `None` for a number that names none.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_in_the_order_of_their_numbers() {
        let numbered = [0, 1, 2, 3].map(LogLevel::from_number);
        assert_eq!(numbered, LogLevel::ALL.map(Some));
        assert!(LogLevel::ALL.is_sorted());
        assert_eq!([-1, 4, i64::MIN].map(LogLevel::from_number), [None; 3]);
        assert_eq!(LogLevel::ALL.map(LogLevel::sign), ['.', '-', '*', '#']);
    }
}
