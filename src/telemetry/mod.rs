//! Logs: one JSON object per line, on standard error.

mod lossy;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tracing::error;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload::{Handle, Layer};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt};

use self::lossy::Lossy;

/// What is logged, to be changed while the process runs.
#[derive(Clone, Debug)]
pub struct Filter {
    handle: Handle<EnvFilter, Registry>,
    lines: Lossy,
    /// As it was given: what is made of it shows itself in another order.
    text: Arc<Mutex<String>>,
}

/// Why there can be no log.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The filter cannot be read.
    #[error(transparent)]
    Filter(#[from] ParseError),
    /// There is no thread to write it.
    #[error("there is no thread for the log: {0}")]
    Thread(#[from] std::io::Error),
}

/// Whether `filter` (`info`, or `atelier_edge=debug,warn`) can be read.
///
/// # Errors
/// With what is wrong with it.
pub fn check(filter: &str) -> Result<(), ParseError> {
    EnvFilter::builder().parse(filter).map(|_| ())
}

/// Begins to log what `filter` lets through, panics among it.
///
/// # Errors
/// When the filter cannot be read, or there is no thread to write what is logged.
pub fn init(filter: &str) -> Result<Filter, Problem> {
    // The filter stands before the writer and not around it: its lock is never held while a line is written, so a reader of
    // the log that has stopped reading cannot hold up a change.
    let text = Arc::new(Mutex::new(filter.to_owned()));
    let (filter, handle) = Layer::new(EnvFilter::builder().parse(filter)?);
    let lines = Lossy::start(std::io::stderr())?;
    let writer = lines.clone();
    let layer = fmt::layer().json().flatten_event(true).with_span_list(false).with_writer(move || writer.clone());
    tracing_subscriber::registry().with(filter).with(layer).init();
    // The standard library's own would write to standard error itself, and wait for whoever reads it.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        // A message may repeat what a client sent; so much of it says enough.
        let said: String = panic.payload_as_str().unwrap_or("without a word").chars().take(200).collect();
        error!(place, "panicked: {said}");
    }));
    Ok(Filter { handle, lines, text })
}

impl Filter {
    /// What is logged.
    pub fn text(&self) -> String {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until what was logged is written, but no longer than this.
    pub fn flush(&self, patience: Duration) {
        self.lines.flush(patience);
    }

    /// Logs what `filter` lets through from now on. One that cannot be read changes nothing; [`check`] says so beforehand.
    pub fn set(&self, filter: &str) {
        if let Ok(parsed) = EnvFilter::builder().parse(filter) {
            // It fails only when the subscriber is gone, and that lives as long as the process.
            let _ = self.handle.reload(parsed);
            filter.clone_into(&mut self.text.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}
