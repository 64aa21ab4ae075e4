//! The keyspace as a whole, against a model.

mod edges;
mod field_expiry;
mod footprint;
mod load;
mod model;
