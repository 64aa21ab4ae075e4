//! The bytes of values: whether they are sound, which elements they have, and how they look in the canonical forms.

pub mod array;
pub mod check;
pub mod normalize;
pub(crate) mod seen;
pub mod stream;
pub mod stream_node;
pub(crate) mod template_hash;
pub mod walk;
