//! The packed encodings of small collections, read, checked and (listpacks and intsets) edited.

pub mod intset;
pub mod listpack;
pub mod ziplist;
pub mod zipmap;
