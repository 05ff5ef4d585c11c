//! What is counted, in the text form that Prometheus reads: one struct of the process, whose fields' comments are the help.
//!
//! Whatever is counted here is rare or costs more than counting it, or is looked at when it is scraped. What is counted on every hit
//! has a cheaper place, in `traffic`.

mod collect;
mod labels;
mod lookup;
mod process;
mod reply;
mod template;
pub mod traffic;

use std::sync::LazyLock;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

pub use self::collect::Seconds;
pub use self::labels::{
    At, Before, Broken, BrokenHow, Compared, Dependency, For, Held, HeldAs, Listener, Panicked, Place, PollEnd, Polled,
    PurgeKind, PurgedAs, RaisedBy, Raiser, Reason, Rejected, ShadowEnd, Use,
};
pub use self::lookup::{Lookup, looked, looked_up};
pub use self::process::Process;
pub use self::reply::{Group, Reply};
pub use self::template::Template;

/// Makes the struct, its registry and the names under which it is scraped from one list. Counters get `_total` from the library.
macro_rules! metrics {
    ($(#[doc = $help:literal] $field:ident: $kind:ty = $name:literal,)*) => {
        /// Everything that is counted.
        #[derive(Debug)]
        pub struct Metrics {
            registry: Registry,
            /// What has no prefix.
            process: Registry,
            $(#[doc = $help] pub $field: $kind,)*
        }

        impl Metrics {
            fn new() -> Self {
                let mut registry = Registry::with_prefix("atelier");
                $(
                    let $field = <$kind>::default();
                    registry.register($name, $help.trim().trim_end_matches('.'), $field.clone());
                )*
                let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
                let build = Info::new([("version", env!("CARGO_PKG_VERSION")), ("profile", profile)]);
                registry.register("build", "Which program this is", build);
                registry.register_collector(Box::new(collect::Answers));
                let mut process = Registry::default();
                process.register_collector(Box::new(process::Asked));
                let metrics = Self { registry, process, $($field),* };
                metrics.begin();
                metrics
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
    /// Lines about slow or failed requests that were not written, since there were too many of them.
    request_lines_withheld: Counter = "request_lines_withheld",
    /// Seconds since the begin of the last poll that was applied; before the first one, since the start.
    poll_age: Gauge<f64, AtomicU64> = "poll_age_seconds",
    /// The bound: how many seconds a committed write can miss from an unlabelled answer.
    bound: Gauge<f64, AtomicU64> = "bound_seconds",
    /// How many seconds lie between the begins of two polls.
    poll_interval: Gauge<f64, AtomicU64> = "poll_interval_seconds",
    /// Polls, by how they ended.
    polls: Family<PollEnd, Counter> = "polls",
    /// How long polls took that were applied.
    poll_seconds: Seconds = "poll_seconds",
    /// Tags whose floor was raised, by who said that they were changed.
    floors_raised: Family<RaisedBy, Counter> = "floors_raised",
    /// Seconds in which nothing could be proved, counted at the end of each poll.
    blind_seconds: Counter<f64, AtomicU64> = "blind_seconds",
    /// Whether nothing can be proved: 1 if so.
    blind: Gauge = "blind",
    /// Purges that this node took orders for, by how they were meant.
    purges: Family<PurgedAs, Counter> = "purges",
    /// Answers that were fetched again behind readers' backs.
    refreshes: Counter = "refreshes",
    /// Answers from memory that were compared with what the origin says, by what came of it.
    shadow: Family<ShadowEnd, Counter> = "shadow",
    /// How long the origin took for fetches that it answered; waits for permits are not counted.
    fetch_seconds: Seconds = "fetch_seconds",
    /// Answers that are held in process.
    l1_entries: Family<HeldAs, Gauge> = "l1_entries",
    /// What they weigh.
    l1_bytes: Gauge = "l1_bytes",
    /// What they may weigh.
    l1_bytes_max: Gauge = "l1_bytes_max",
    /// Commands to Redis that are under way.
    l2_in_flight: Gauge = "l2_in_flight",
    /// Permits that there are.
    permits_max: Family<For, Gauge> = "permits_max",
    /// Permits that are taken.
    permits_taken: Family<For, Gauge> = "permits_taken",
    /// Who waits for a permit.
    permits_waiting: Family<For, Gauge> = "permits_waiting",
    /// Fetches under way, and failures that are remembered.
    flights: Gauge = "flights",
    /// Requests that wait for fetches.
    followers: Gauge = "followers",
    /// Connections to the database that are up.
    database_connections: Family<For, Gauge> = "database_connections",
    /// Connections that are open.
    connections: Family<At, Gauge> = "connections",
    /// How many there may be.
    connections_max: Family<At, Gauge> = "connections_max",
    /// Connections that were accepted.
    accepted: Family<At, Counter> = "accepted",
    /// Whether requests are to be sent here: 1 if so.
    ready: Gauge = "ready",
    /// Whether this process is about to end: 1 if so.
    draining: Gauge = "draining",
    /// How many bytes the process may take; 0 is no limit.
    memory_limit: Gauge = "memory_limit_bytes",
}

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

/// The metrics of this process.
pub fn metrics() -> &'static Metrics {
    &METRICS
}

impl Metrics {
    /// Has everything that can be counted stand at 0, since a rate needs something to begin with.
    fn begin(&self) {
        Reason::ALL.iter().for_each(|reason| drop(self.rejected.get_or_create(&Rejected { reason: *reason })));
        Place::ALL.iter().for_each(|place| drop(self.panics.get_or_create(&Panicked { place: *place })));
        Broken::ALL.iter().for_each(|how| drop(self.connections_broken.get_or_create(&BrokenHow { how: *how })));
        Polled::ALL.iter().for_each(|result| drop(self.polls.get_or_create(&PollEnd { result: *result })));
        Compared::ALL.iter().for_each(|result| drop(self.shadow.get_or_create(&ShadowEnd { result: *result })));
        Raiser::ALL.iter().for_each(|by| drop(self.floors_raised.get_or_create(&RaisedBy { by: *by })));
        PurgeKind::ALL.iter().for_each(|kind| drop(self.purges.get_or_create(&PurgedAs { kind: *kind })));
        Held::ALL.iter().for_each(|kind| drop(self.l1_entries.get_or_create(&HeldAs { kind: *kind })));
        for dependency in Dependency::ALL {
            self.breaker(*dependency, false);
            drop(self.breaker_turns.get_or_create(&Before { dependency: *dependency }));
        }
    }

    /// Counts a poll.
    pub fn polled(&self, result: Polled) {
        self.polls.get_or_create(&PollEnd { result }).inc();
    }

    /// Counts an answer that was compared with what the origin says.
    pub fn compared(&self, result: Compared) {
        self.shadow.get_or_create(&ShadowEnd { result }).inc();
    }

    /// Counts tags whose floor was raised.
    pub fn raised(&self, by: Raiser, tags: usize) {
        self.floors_raised.get_or_create(&RaisedBy { by }).inc_by(tags as u64);
    }

    /// Counts a purge.
    pub fn purged(&self, kind: PurgeKind) {
        self.purges.get_or_create(&PurgedAs { kind }).inc();
    }

    /// Notes how many connections there may be at a listener.
    pub fn room(&self, listener: &'static str, most: usize) {
        self.connections_max.get_or_create(&At { listener: Listener(listener) }).set(gauge(most));
    }

    /// Counts a connection, which is open until what is returned is dropped.
    pub fn accept(&self, listener: &'static str) -> Open {
        let at = At { listener: Listener(listener) };
        self.accepted.get_or_create(&at).inc();
        let open = self.connections.get_or_create(&at).clone();
        open.inc();
        Open(open)
    }

    /// Notes how many permits there are, are taken, and are waited for.
    pub fn permits(&self, of: Use, [max, taken, waiting]: [usize; 3]) {
        self.permits_max.get_or_create(&For(of)).set(gauge(max));
        self.permits_taken.get_or_create(&For(of)).set(gauge(taken));
        self.permits_waiting.get_or_create(&For(of)).set(gauge(waiting));
    }

    /// Counts a request that is turned away.
    pub fn reject(&self, reason: Reason) {
        self.rejected.get_or_create(&Rejected { reason }).inc();
    }

    /// How many panics there were, wherever.
    pub fn all_panics(&self) -> u64 {
        Place::ALL.iter().map(|place| self.panics.get_or_create(&Panicked { place: *place }).get()).sum()
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
        text::encode_registry(&mut all, &self.registry)?;
        text::encode(&mut all, &self.process)?;
        Ok(all)
    }
}

/// A connection that is open.
#[derive(Debug)]
#[must_use]
pub struct Open(Gauge);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// A number of things, as a gauge has it.
pub fn gauge(things: usize) -> i64 {
    i64::try_from(things).unwrap_or(i64::MAX)
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
            "atelier_rejected_total{reason=\"shed\"} 0",
            "atelier_breaker_open{dependency=\"redis\"} 0",
            "atelier_polls_total{result=\"failed\"} 0",
            "atelier_requests_total{route=\"/interactions\",status=\"5xx\"} 0",
            "atelier_lookups_total{tier=\"flight\",result=\"collapsed\"} 0",
            "# TYPE atelier_request_seconds histogram",
            "# TYPE process_cpu_seconds counter",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(text.ends_with("# EOF\n") && text.matches("# EOF").count() == 1);
    }

    #[test]
    fn times_of_answers_are_a_histogram_that_adds_up() {
        let (template, group) = (Template::ReviewReport, Group::Other);
        traffic::took(template, group, std::time::Duration::from_micros(80), 16);
        traffic::took(template, group, std::time::Duration::from_secs(9), 1);
        let text = Metrics::new().text().unwrap();
        let labels = "route=\"/reviews/:review_id/report\",result=\"other\"";
        for line in [
            format!("atelier_request_seconds_bucket{{le=\"0.00005\",{labels}}} 0"),
            format!("atelier_request_seconds_bucket{{le=\"0.0001\",{labels}}} 16"),
            format!("atelier_request_seconds_bucket{{le=\"2.5\",{labels}}} 16"),
            format!("atelier_request_seconds_bucket{{le=\"+Inf\",{labels}}} 17"),
            format!("atelier_request_seconds_count{{{labels}}} 17"),
            format!("atelier_request_seconds_sum{{{labels}}} 9.00128"),
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }

    #[test]
    fn no_name_or_help_comes_twice_and_each_series_once() {
        let metrics = Metrics::new();
        metrics.permits(Use::Read, [8, 1, 0]);
        metrics.room("public", 2);
        let open = [metrics.accept("public"), metrics.accept("public")];
        drop(metrics.accept("public"));
        let text = metrics.text().unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for line in text.lines() {
            let name = if line.starts_with('#') { line } else { line.rsplit_once(' ').unwrap().0 };
            assert!(seen.insert(name), "{name} comes twice");
        }
        for line in [
            "atelier_permits_max{use=\"read\"} 8",
            "atelier_connections_max{listener=\"public\"} 2",
            "atelier_accepted_total{listener=\"public\"} 3",
            "atelier_connections{listener=\"public\"} 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        drop(open);
    }
}
