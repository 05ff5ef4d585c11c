//! What is counted, in the text form that Prometheus reads: one struct of the process, whose fields' comments are the help.
//!
//! Whatever is counted here is rare or costs more than counting it. What is counted on every hit has to be found a cheaper place.

use std::fmt::Write as _;
use std::sync::LazyLock;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Why a request was turned away, or went without what it asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// No permit to ask the origin was free in time, or too many wait for one.
    Permits,
    /// No permit to write was free in time.
    WritePermits,
    /// Fetches wait for too long altogether, and the newest is turned away.
    Shed,
    /// Too many requests wait for fetches.
    Followers,
    /// The same fetch has just failed.
    Failing,
    /// What would be asked does not answer, and is not asked.
    Breaker,
    /// Memory is short.
    Memory,
    /// The client has asked for too much that is not held.
    Client,
    /// A refresh, since there is more urgent work or it could not be kept.
    Refresh,
}

/// What answers depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dependency {
    /// The database, as far as it is asked for answers.
    Postgres,
    /// Redis.
    Redis,
}

impl Dependency {
    /// Its name in logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Redis => "redis",
        }
    }
}

impl EncodeLabelValue for Dependency {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        encoder.write_str(self.name())
    }
}

/// Where something panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// In the answer to a request.
    Request,
    /// In what serves a connection, beside the answers.
    Connection,
    /// In a fetch.
    Fetch,
    /// Between a fetch and the place where its answer is kept.
    Fill,
    /// In a write.
    Write,
    /// In a poll.
    Poll,
    /// In work that goes on beside all requests.
    Background,
}

/// How a connection ended that did not end well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Broken {
    /// What came was no request.
    Malformed,
    /// The head of a request was larger than allowed.
    HeadTooLarge,
    /// No whole head came in time; so end idle connections, too.
    Silent,
    /// The client took nothing of its answer for too long.
    Stalled,
    /// The client left in the middle of something.
    Left,
}

impl EncodeLabelValue for Broken {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        encoder.write_str(match self {
            Self::Malformed => "malformed",
            Self::HeadTooLarge => "head_too_large",
            Self::Silent => "silent",
            Self::Stalled => "stalled",
            Self::Left => "left",
        })
    }
}

impl EncodeLabelValue for Reason {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        encoder.write_str(match self {
            Self::Permits => "permits",
            Self::WritePermits => "write_permits",
            Self::Shed => "shed",
            Self::Followers => "followers",
            Self::Failing => "failing",
            Self::Breaker => "breaker",
            Self::Memory => "memory",
            Self::Client => "client",
            Self::Refresh => "refresh",
        })
    }
}

impl EncodeLabelValue for Place {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        encoder.write_str(match self {
            Self::Request => "request",
            Self::Connection => "connection",
            Self::Fetch => "fetch",
            Self::Fill => "fill",
            Self::Write => "write",
            Self::Poll => "poll",
            Self::Background => "background",
        })
    }
}

/// The label of `rejected`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Rejected {
    /// Why.
    pub reason: Reason,
}

/// The label of `connections_broken`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct BrokenHow {
    /// How.
    pub how: Broken,
}

/// The label of what is told of breakers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Before {
    /// What the breaker stands before.
    pub dependency: Dependency,
}

/// The label of `panics`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Panicked {
    /// Where.
    pub place: Place,
}

/// Makes the struct, its registry and the names under which it is scraped from one list. Counters get `_total` from the library.
macro_rules! metrics {
    ($(#[doc = $help:literal] $field:ident: $kind:ty = $name:literal,)*) => {
        /// Everything that is counted.
        #[derive(Debug)]
        pub struct Metrics {
            registry: Registry,
            $(#[doc = $help] pub $field: $kind,)*
        }

        impl Metrics {
            fn new() -> Self {
                let mut registry = Registry::with_prefix("atelier");
                $(
                    let $field = <$kind>::default();
                    registry.register($name, $help.trim().trim_end_matches('.'), $field.clone());
                )*
                Self { registry, $($field),* }
            }
        }
    };
}

metrics! {
    /// Requests that were turned away, by reason.
    rejected: Family<Rejected, Counter> = "rejected",
    /// Panics that ended one request, fetch or task, and not the process.
    panics: Family<Panicked, Counter> = "panics",
    /// Connections that could not be accepted.
    accept_errors: Counter = "accept_errors",
    /// Times that accepting waited for a descriptor to become free.
    descriptor_waits: Counter = "descriptor_waits",
    /// Connections that ended with an error, by how.
    connections_broken: Family<BrokenHow, Counter> = "connections_broken",
    /// Whether a dependency is not asked because it did not answer: 1 if so.
    breaker_open: Family<Before, Gauge> = "breaker_open",
    /// Times that a breaker opened, also again after a probe.
    breaker_turns: Family<Before, Counter> = "breaker_turns",
    /// Values in Redis that were torn, foreign or of another program, and removed.
    l2_corrupt: Counter = "l2_corrupt",
    /// Values in Redis that could not be proved fresh.
    l2_outdated: Counter = "l2_outdated",
    /// Commands to Redis that it refused or failed to do: no room, read-only, no rights, and the like.
    l2_refused: Counter = "l2_refused",
    /// Commands to Redis that were not answered in time, or whose connection broke.
    l2_failed: Counter = "l2_failed",
    /// How many bytes of the process are in memory and not mapped from files, when there is a limit.
    resident: Gauge = "resident_bytes",
    /// How short memory is: 1 when nothing more is kept, 2 when nothing is fetched.
    shortage: Gauge = "memory_shortage",
    /// Entries of L1 that went because memory was short.
    shrunk: Counter = "l1_shrunk",
    /// Statements that were repeated because the connection's plans, or the server's mood, had changed.
    statement_retries: Counter = "statement_retries",
    /// Connections to the database that were closed because nothing came over them.
    connections_hung: Counter = "connections_hung",
    /// Answers that were fetched at a start because the last process was asked for them most.
    warmed: Counter = "warmed",
    /// Lines of the log that were lost because nobody took them.
    log_lost: Counter = "log_lines_lost",
    /// Writes of which it is not known whether they were done.
    write_unknown: Counter = "write_unknown",
}

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

/// The metrics of this process.
pub fn metrics() -> &'static Metrics {
    &METRICS
}

impl Metrics {
    /// Counts a request that is turned away.
    pub fn reject(&self, reason: Reason) {
        self.rejected.get_or_create(&Rejected { reason }).inc();
    }

    /// Counts a panic.
    pub fn panicked(&self, place: Place) {
        self.panics.get_or_create(&Panicked { place }).inc();
    }

    /// Counts a connection that did not end well.
    pub fn broke(&self, how: Broken) {
        self.connections_broken.get_or_create(&BrokenHow { how }).inc();
    }

    /// Notes whether a breaker is open.
    pub fn breaker(&self, dependency: Dependency, open: bool) {
        self.breaker_open.get_or_create(&Before { dependency }).set(open.into());
    }

    /// Counts a breaker that opens.
    pub fn breaker_turned(&self, dependency: Dependency) {
        self.breaker_turns.get_or_create(&Before { dependency }).inc();
    }

    /// All of them in the OpenMetrics text form.
    ///
    /// # Errors
    /// Never, as long as writing to a string succeeds.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut all = String::new();
        text::encode(&mut all, &self.registry)?;
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_in_the_text_under_its_name_and_with_its_help() {
        let metrics = Metrics::new();
        metrics.reject(Reason::Permits);
        metrics.panicked(Place::Fetch);
        metrics.l2_corrupt.inc_by(7);
        let text = metrics.text().unwrap();
        for line in [
            "# HELP atelier_rejected Requests that were turned away, by reason.",
            "# TYPE atelier_rejected counter",
            "atelier_rejected_total{reason=\"permits\"} 1",
            "atelier_panics_total{place=\"fetch\"} 1",
            "atelier_l2_corrupt_total 7",
            "atelier_write_unknown_total 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
