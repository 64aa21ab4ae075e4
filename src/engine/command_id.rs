//! The number of a command.

/// The number of a command. It is kept where no more is needed, so that the state of a client does not depend on the
/// type of handlers. [`table::of`](crate::table::of) has the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandId(u16);

impl CommandId {
    /// The command whose [`Entry::index`](crate::table::Entry::index) this is.
    #[inline]
    pub(crate) fn new(index: usize) -> CommandId {
        CommandId(index as u16)
    }

    /// The index of its statistics.
    #[inline]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}
