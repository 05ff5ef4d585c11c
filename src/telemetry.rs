//! Logs: one JSON object per line, on standard error.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// Whether `filter` (`info`, or `atelier_edge=debug,warn`) can be read.
///
/// # Errors
/// With what is wrong with it.
pub fn check(filter: &str) -> Result<(), ParseError> {
    EnvFilter::builder().parse(filter).map(|_| ())
}

/// Begins to log what `filter` lets through.
///
/// # Errors
/// When the filter cannot be read.
pub fn init(filter: &str) -> Result<(), ParseError> {
    let filter = EnvFilter::builder().parse(filter)?;
    tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter).with_writer(std::io::stderr).init();
    Ok(())
}
