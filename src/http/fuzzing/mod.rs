//! What fuzzing asks of this module. Each function takes any bytes, and panics when a rule does not hold for them. The targets in
//! `fuzz/` call them with bytes that libFuzzer makes, `tests/fuzz.rs` with those that were kept.

mod body;
mod headers;
mod names;
mod purge;
mod route;

pub use self::body::body;
pub use self::headers::headers;
pub use self::names::names;
pub use self::purge::purge;
pub use self::route::route;
