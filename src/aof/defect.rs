//! The defects of a log, and where they are.

use std::fmt;

/// One defect of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// Offset in the file of the byte that is wrong, or at which the file ends.
    pub offset: u64,
    /// What is wrong.
    pub wrong: Wrong,
}

/// What is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// The file ends inside a request or an annotation.
    CutOff {
        /// Offset of its first byte.
        begun: u64,
    },
    /// The file ends inside a transaction.
    OpenTransaction {
        /// Offset of its MULTI.
        begun: u64,
    },
    /// A request or an annotation should begin here.
    NoItem(u8),
    /// `$` and the length of an argument should be here.
    NoArgument(u8),
    /// No number, or one out of range.
    BadNumber,
    /// `\r\n` should be here.
    NoLineEnd([u8; 2]),
    /// An annotation that is longer than servers read.
    LongAnnotation,
    /// MULTI inside a transaction.
    NestedMulti,
    /// EXEC without MULTI.
    LoneExec,
    /// A seal inside a transaction.
    SealInTransaction,
    /// A seal that does not have the form of one.
    BadSeal,
    /// Bytes are missing or too many between the seal before and this one.
    SealedLength {
        /// What the seal says.
        said: u64,
        /// What is there.
        there: u64,
    },
    /// The sealed bytes are not those that were written.
    SealedBytes {
        /// What the seal says.
        said: u64,
        /// Checksum of what is there.
        there: u64,
    },
}

impl Defect {
    /// A defect at `offset`.
    pub fn new(offset: u64, wrong: Wrong) -> Defect {
        Defect { offset, wrong }
    }

    /// True if the file only ends too early: nothing that is there is wrong.
    pub fn is_cut_off(&self) -> bool {
        matches!(
            self.wrong,
            Wrong::CutOff { .. } | Wrong::OpenTransaction { .. }
        )
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: {}", self.offset, self.wrong)
    }
}

impl std::error::Error for Defect {}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let byte = |b: u8| b.escape_ascii();
        match *self {
            Wrong::CutOff { begun } => {
                write!(f, "the file ends inside what begins at byte {begun}")
            }
            Wrong::OpenTransaction { begun } => write!(
                f,
                "the file ends inside the transaction whose MULTI is at byte {begun}"
            ),
            Wrong::NoItem(b) => write!(f, "expected a request ('*') or '#', got '{}'", byte(b)),
            Wrong::NoArgument(b) => write!(f, "expected an argument ('$'), got '{}'", byte(b)),
            Wrong::BadNumber => f.write_str("no number, or one out of range"),
            Wrong::NoLineEnd([a, b]) => write!(f, "expected \\r\\n, got {a:02x}{b:02x}"),
            Wrong::LongAnnotation => f.write_str("an annotation of more than 1,023 bytes"),
            Wrong::NestedMulti => f.write_str("MULTI inside a transaction"),
            Wrong::LoneExec => f.write_str("EXEC without MULTI"),
            Wrong::SealInTransaction => f.write_str("a seal inside a transaction"),
            Wrong::BadSeal => f.write_str("a seal that cannot be read"),
            Wrong::SealedLength { said, there } => write!(
                f,
                "this seal is for a batch of {said} bytes, but {there} are there"
            ),
            Wrong::SealedBytes { said, there } => write!(
                f,
                "the batch before this seal has checksum {there:016x}, not {said:016x}"
            ),
        }
    }
}
