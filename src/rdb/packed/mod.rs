//! The packed encodings of small collections: reading, checking and (for listpacks and intsets) editing them.

pub mod intset;
pub mod listpack;
pub mod ziplist;
pub mod zipmap;
