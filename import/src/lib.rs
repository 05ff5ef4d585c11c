//! The Atelier CSV set: what its files hold, how a row is read and cleaned, and what is said of a row that is not taken.
//!
//! This library is the one reader of the format. The import streams its rows into PostgreSQL, the server's in-memory
//! origin keeps them in process; both therefore clean by the same rules. It opens no connection and prints nothing.

pub mod cell;
pub mod clean;
pub mod file;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod known;
pub mod photos;
pub mod record;
pub mod report;
#[cfg(feature = "sample")]
pub mod sample;
pub mod source;

pub use clean::{CleanError, Row, Value, clean};
pub use file::{File, Group};
pub use known::Known;
pub use report::FileReport;
pub use source::{Source, Sources};
