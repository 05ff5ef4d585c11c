//! Logs: one JSON object per line, on standard error.

use tracing_subscriber::filter::ParseError;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload::{Handle, Layer};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt};

/// What is logged, to be changed while the process runs.
#[derive(Clone, Debug)]
pub struct Filter(Handle<EnvFilter, Registry>);

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
pub fn init(filter: &str) -> Result<Filter, ParseError> {
    // The filter stands before the writer and not around it: its lock is never held while a line is written, so a reader of
    // the log that has stopped reading cannot hold up a change.
    let (filter, handle) = Layer::new(EnvFilter::builder().parse(filter)?);
    let lines = fmt::layer().json().flatten_event(true).with_writer(std::io::stderr);
    tracing_subscriber::registry().with(filter).with(lines).init();
    Ok(Filter(handle))
}

impl Filter {
    /// Logs what `filter` lets through from now on. One that cannot be read changes nothing; [`check`] says so beforehand.
    pub fn set(&self, filter: &str) {
        if let Ok(filter) = EnvFilter::builder().parse(filter) {
            // It fails only when the subscriber is gone, and that lives as long as the process.
            let _ = self.0.reload(filter);
        }
    }
}
