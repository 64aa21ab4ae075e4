//! The keyspace as a whole, against a model.

mod load;
mod model;
mod random;
