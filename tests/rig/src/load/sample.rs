//! What came of requests.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::line::Broken;

/// What came of one request.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What it is counted under.
    pub class: &'static str,
    /// Who was asked.
    pub to: SocketAddr,
    /// When it was due.
    pub due: Instant,
    /// When it had its answer, or none.
    pub done: Instant,
    /// The status, or why there is none.
    pub status: Result<u16, Broken>,
    /// The seconds of its label, if it was labelled as stale.
    pub label: Option<u64>,
    /// Where the answer says that it came from.
    pub tier: &'static str,
    /// Whether the answer was right.
    pub right: bool,
}

impl Sample {
    /// No answer, one that says 5xx, or one that is broken.
    pub fn failed(&self) -> bool {
        self.status.map_or(true, |status| status >= 500)
    }

    /// From when it was due.
    pub fn took(&self) -> Duration {
        self.done.saturating_duration_since(self.due)
    }
}

/// What came of many.
#[derive(Clone, Debug, Default)]
pub struct Samples(pub Vec<Sample>);

impl Samples {
    /// Those that were due at or after one moment and before another.
    pub fn between(&self, from: Instant, until: Instant) -> Self {
        self.only(|sample| sample.due >= from && sample.due < until)
    }

    /// Those of a class.
    pub fn of(&self, class: &str) -> Self {
        self.only(|sample| sample.class == class)
    }

    /// Those for which something holds.
    pub fn only(&self, holds: impl Fn(&Sample) -> bool) -> Self {
        Self(self.0.iter().filter(|sample| holds(sample)).cloned().collect())
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// How many failed.
    pub fn failed(&self) -> usize {
        self.0.iter().filter(|sample| sample.failed()).count()
    }

    /// How many were answered wrongly.
    pub fn wrong(&self) -> usize {
        self.0.iter().filter(|sample| !sample.right).count()
    }

    /// The time that this share of them took at most; zero if there are none.
    pub fn quantile(&self, share: f64) -> Duration {
        let mut took: Vec<_> = self.0.iter().map(Sample::took).collect();
        took.sort_unstable();
        let place = (share * took.len() as f64).ceil() as usize;
        took.get(place.max(1) - 1).or(took.last()).copied().unwrap_or_default()
    }

    /// When the last of those for which something holds had its answer.
    pub fn last(&self, holds: impl Fn(&Sample) -> bool) -> Option<Instant> {
        self.0.iter().filter(|sample| holds(sample)).map(|sample| sample.done).max()
    }

    /// How often each status came, or failure.
    pub fn statuses(&self) -> BTreeMap<String, usize> {
        let mut statuses = BTreeMap::new();
        for sample in &self.0 {
            let name = match sample.status {
                Ok(status) => status.to_string(),
                Err(broken) => format!("{broken:?}").to_lowercase(),
            };
            *statuses.entry(name).or_default() += 1;
        }
        statuses
    }
}

impl FromIterator<Sample> for Samples {
    fn from_iter<I: IntoIterator<Item = Sample>>(samples: I) -> Self {
        Self(samples.into_iter().collect())
    }
}
