//! What an experiment has shown: a row of the table.

use std::fmt::{Display, Write as _};
use std::time::Duration;

use atelier_rig::Samples;

/// A promise, and whether it was kept.
#[derive(Clone, Debug)]
struct Bar {
    promise: String,
    got: String,
    met: bool,
}

/// A row.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    name: &'static str,
    injection: String,
    requests: usize,
    failed: usize,
    wrong: usize,
    quantiles: Option<(Duration, Duration)>,
    recovery: Option<Duration>,
    bars: Vec<Bar>,
    /// How long it took as a whole.
    pub(crate) lasted: Duration,
}

impl Row {
    /// One without a promise so far.
    pub(crate) fn new(name: &'static str, injection: impl Into<String>) -> Self {
        Self {
            name,
            injection: injection.into(),
            requests: 0,
            failed: 0,
            wrong: 0,
            quantiles: None,
            recovery: None,
            bars: Vec::new(),
            lasted: Duration::ZERO,
        }
    }

    /// One of an experiment that came to no end.
    pub(crate) fn broken(name: &'static str, why: &str) -> Self {
        Self::new(name, "").bar("it comes to its end", why.lines().next().unwrap_or_default(), false)
    }

    /// Counts all requests in. None of them may be answered wrongly.
    pub(crate) fn load(mut self, samples: &Samples) -> Self {
        self.requests += samples.count();
        self.failed += samples.failed();
        self.wrong += samples.wrong();
        self.quantiles = Some((samples.quantile(0.5), samples.quantile(0.99)));
        let wrong = samples.wrong();
        self.bar("wrong 0", wrong, wrong == 0)
    }

    /// Counts requests in that were judged elsewhere.
    pub(crate) fn count(&mut self, requests: usize) {
        self.requests += requests;
    }

    /// A promise.
    pub(crate) fn bar(mut self, promise: impl Into<String>, got: impl Display, met: bool) -> Self {
        self.bars.push(Bar { promise: promise.into(), got: got.to_string(), met });
        self
    }

    /// That a time is no longer than another.
    pub(crate) fn at_most(self, what: &str, got: Duration, limit: Duration) -> Self {
        self.bar(format!("{what} ≤ {}", short(limit)), short(got), got <= limit)
    }

    /// That nothing of these failed.
    pub(crate) fn none_failed(self, what: &str, samples: &Samples) -> Self {
        let (failed, all) = (samples.failed(), samples.count());
        let got =
            if failed == 0 { format!("0 of {all}") } else { format!("{failed} of {all}: {:?}", samples.statuses()) };
        self.bar(format!("failed {what} 0"), got, failed == 0 && all > 0)
    }

    /// How long it took after the end of the fault until all was as before, and how long it may.
    pub(crate) fn recovered(mut self, took: Duration, limit: Duration) -> Self {
        self.recovery = Some(took);
        self.at_most("recovery", took, limit)
    }

    /// Whether all promises were kept.
    pub(crate) fn met(&self) -> bool {
        !self.bars.is_empty() && self.bars.iter().all(|bar| bar.met)
    }

    /// In one line.
    pub(crate) fn line(&self) -> String {
        let bar = |bar: &Bar| format!("{}{}: {}", if bar.met { "" } else { "NOT " }, bar.promise, bar.got);
        let bars: Vec<_> = self.bars.iter().map(bar).collect();
        format!(
            "{} {} ({} requests, {:.1} s): {}",
            if self.met() { "met   " } else { "MISSED" },
            self.name,
            self.requests,
            self.lasted.as_secs_f64(),
            bars.join("; ")
        )
    }
}

/// A duration in a few characters.
pub(crate) fn short(duration: Duration) -> String {
    let milliseconds = duration.as_secs_f64() * 1e3;
    match milliseconds {
        ms if ms < 10.0 => format!("{ms:.1} ms"),
        ms if ms < 1000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.1} s", ms / 1e3),
    }
}

/// The table of all, and of what is shown elsewhere.
pub(crate) fn table(rows: &[Row], elsewhere: &[(&str, &str, &str)]) -> String {
    let mut text = String::from(
        "| name | injection | requests | failed | wrong | p50 / p99 | recovery | bar: got | met |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let quantiles =
            row.quantiles.map_or("–".to_owned(), |(half, most)| format!("{} / {}", short(half), short(most)));
        let bar = |bar: &Bar| {
            let mark = if bar.met { "" } else { "**" };
            format!("{}: {mark}{}{mark}", bar.promise, bar.got)
        };
        let bars: Vec<_> = row.bars.iter().map(bar).collect();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {quantiles} | {} | {} | {} |",
            row.name,
            row.injection,
            row.requests,
            row.failed,
            row.wrong,
            row.recovery.map_or("–".to_owned(), short),
            bars.join("; ").replace('|', "/"),
            if row.met() { "yes" } else { "**no**" },
        );
    }
    text.push_str("\n| shown elsewhere | where | what |\n|---|---|---|\n");
    for (name, place, what) in elsewhere {
        let _ = writeln!(text, "| {name} | `{place}` | {what} |");
    }
    text
}
