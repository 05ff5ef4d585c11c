//! What was counted, and the table of it.

use std::fmt;
use std::time::Duration;

/// How many examples are kept of what went wrong.
const EXAMPLES: usize = 20;

/// What happened in some rounds.
#[derive(Debug, Default)]
pub struct Tally {
    /// Rounds that were played.
    pub rounds: u64,
    /// Requests that were sent.
    pub requests: u64,
    /// No answer, or another status than the request deserves.
    pub failed: u64,
    /// Answers that say what cannot be.
    pub wrong: u64,
    /// Reads that miss what the reader wrote: at once with its token, or beyond the bound without.
    pub unseen: u64,
    /// Writes that were looked for again.
    pub looked_for: u64,
    /// Answers with the label.
    pub stale: u64,
    /// 304.
    pub unchanged: u64,
    reads: Vec<Duration>,
    writes: Vec<Duration>,
    delays: Vec<Duration>,
    examples: Vec<String>,
}

impl Tally {
    pub(super) fn asked(&mut self, read: bool, took: Duration) {
        self.requests += 1;
        if read { &mut self.reads } else { &mut self.writes }.push(took);
    }

    /// How long a write could not be seen without its token.
    pub(super) fn delay(&mut self, delay: Duration) {
        self.delays.push(delay);
    }

    pub(super) fn failed(&mut self, example: impl FnOnce() -> String) {
        self.failed += 1;
        self.example("failed", example);
    }

    pub(super) fn wrong(&mut self, example: impl FnOnce() -> String) {
        self.wrong += 1;
        self.example("wrong", example);
    }

    pub(super) fn unseen(&mut self, example: impl FnOnce() -> String) {
        self.unseen += 1;
        self.example("unseen", example);
    }

    fn example(&mut self, what: &str, example: impl FnOnce() -> String) {
        if self.examples.len() < EXAMPLES {
            self.examples.push(format!("{what}: {}", example().chars().take(500).collect::<String>()));
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.rounds += other.rounds;
        self.requests += other.requests;
        self.failed += other.failed;
        self.wrong += other.wrong;
        self.unseen += other.unseen;
        self.looked_for += other.looked_for;
        self.stale += other.stale;
        self.unchanged += other.unchanged;
        self.reads.extend(other.reads);
        self.writes.extend(other.writes);
        self.delays.extend(other.delays);
        self.examples.extend(other.examples);
        self.examples.truncate(EXAMPLES);
    }

    /// Whether every request was answered as it must be.
    pub fn holds(&self) -> bool {
        self.failed + self.wrong + self.unseen == 0
    }

    /// The longest that a write could not be seen without its token.
    pub fn longest_delay(&self) -> Duration {
        self.delays.iter().max().copied().unwrap_or_default()
    }
}

/// The value that a share of them, in thousandths, is not above.
fn quantile(sorted: &[Duration], thousandths: usize) -> Duration {
    let place = (sorted.len() * thousandths).div_ceil(1000);
    sorted.get(place.saturating_sub(1)).copied().unwrap_or_default()
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            ("rounds", self.rounds),
            ("requests", self.requests),
            ("failed", self.failed),
            ("wrong", self.wrong),
            ("own writes looked for", self.looked_for),
            ("own writes not seen", self.unseen),
            ("304 Not Modified", self.unchanged),
            ("labelled stale", self.stale),
        ];
        for (what, count) in counts {
            writeln!(f, "{what:<24}{count:>10}")?;
        }
        writeln!(f, "{:<24}{:>10}{:>10}{:>10}{:>10}", "milliseconds", "count", "p50", "p99", "worst")?;
        let times = [("reads", &self.reads), ("writes", &self.writes), ("seen without token", &self.delays)];
        for (what, times) in times {
            let mut sorted = times.clone();
            sorted.sort_unstable();
            let [p50, p99, worst] = [500, 990, 1000].map(|share| quantile(&sorted, share).as_secs_f64() * 1e3);
            writeln!(f, "{what:<24}{:>10}{p50:>10.2}{p99:>10.2}{worst:>10.2}", sorted.len())?;
        }
        for example in &self.examples {
            writeln!(f, "{example}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_a_value_that_was_there() {
        let times: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!([500, 990, 1000].map(|share| quantile(&times, share).as_millis()), [100, 198, 200]);
        assert_eq!(quantile(&times[..1], 500), times[0]);
        assert_eq!(quantile(&[], 990), Duration::ZERO);
    }
}
