//! What L1 holds under a key and how it would be judged now, for operators and tests. Asking changes nothing.

use std::time::Duration;

use serde::Serialize;

use super::Cache;
use crate::changes::Proof;
use crate::entry::{Answer, Encoding, Variant};
use crate::freshness::{Freshness, Instant};
use crate::key::Key;
use crate::stamp::OrdToken;
use crate::tag::Tag;

/// A held entry, without its bytes. Times are in milliseconds, places in the history as `Atelier-Ord` has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Inspected {
    /// What it answers.
    pub key: String,
    /// What it depends on.
    pub tag: String,
    /// What it has seen.
    pub ord: String,
    /// What the last poll that was applied here has seen.
    pub node_ord: Option<String>,
    /// `current`, `softened`, `unproved` or `outdated`.
    pub proof: &'static str,
    /// How long ago it was last known to reflect every change, if it is `current` or `softened`.
    pub proved_ms: Option<u64>,
    /// How long ago the origin was asked for it, by whichever node.
    pub age_ms: u64,
    /// The same if it was this node; what came from Redis has none.
    pub own_age_ms: Option<u64>,
    /// How much longer it is fresh, if nothing changes.
    pub ttl_left_ms: u64,
    /// Whether an outage would let it be served, with the label.
    pub for_outage: bool,
    /// Whether it has a document; without one the answer is 404.
    pub found: bool,
    /// Whether it says only that nothing is there.
    pub empty: bool,
    /// The encodings it is held in.
    pub encodings: Vec<Encoded>,
}

/// One encoding of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Encoded {
    /// As in `Content-Encoding`.
    pub name: &'static str,
    /// The length of the body.
    pub bytes: usize,
    /// Its validator.
    pub etag: String,
}

/// What a request for a key would get now, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Where the answer would come from, in the words of `atelier_answers_total`; `asked` when Redis or the origin would be.
    pub would: &'static str,
    /// In a sentence.
    pub why: String,
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// An age as people say it.
pub(super) fn ago(duration: Duration) -> String {
    match duration.as_secs() {
        0 => format!("{} ms ago", duration.as_millis()),
        seconds @ 1..=119 => format!("{seconds} s ago"),
        seconds @ 120..=7199 => format!("{} minutes ago", seconds / 60),
        seconds => format!("{} hours ago", seconds / 3600),
    }
}

impl Cache {
    /// What a request for `key` would get now, as the hit path and what comes after it would decide it. A token of a write, which a
    /// request may bring, is not thought of.
    pub fn explain(&self, key: Key) -> Verdict {
        let tag = Tag::of(key);
        let verdict = |would, why| Verdict { would, why };
        let Some(entry) = self.l1.get(&key) else {
            return if self.changes.is_absent(key) {
                verdict(
                    "filter",
                    "L1 holds nothing, and the existence filter knows that there is no such row.".to_owned(),
                )
            } else {
                let next = self.whom_it_asks();
                verdict("asked", format!("L1 holds nothing under {key}: {next}."))
            };
        };
        let (proof, now) = self.changes.prove(&entry.facts);
        let old = now.since(entry.read_at);
        let read = format!("It was read {}", ago(old));
        let in_outage = if self.may_be_stale(&entry, None) {
            "; if that fails, what L1 holds is served with the label stale-origin"
        } else {
            "; if that fails, the answer is 503"
        };
        let next = self.whom_it_asks();
        match (proof, self.times.judge(&entry, old).freshness) {
            (Proof::Softened(_), _) if entry.is_found() => verdict(
                "stale_purge",
                format!(
                    "{read}, and {tag} was purged softly since: it is served with the label stale-purge while it is fetched again."
                ),
            ),
            (Proof::Softened(_), _) => verdict(
                "asked",
                format!(
                    "{read}, {tag} was purged softly since, and without content it is not served: {next}{in_outage}."
                ),
            ),
            (Proof::Outdated, _) => {
                verdict("asked", format!("{read}, and a change of {tag} came after that: {next}{in_outage}."))
            }
            (Proof::Unproved, _) => {
                let poll = ago(now.since(self.changes.proved()));
                verdict(
                    "asked",
                    format!(
                        "{read}, and whether it still holds is not known, since the last poll began {poll}: one is waited for, then {next}{in_outage}."
                    ),
                )
            }
            (Proof::Current(_), Freshness::Expired) => {
                verdict("asked", format!("{read}, and its ttl and grace are over: {next}{in_outage}."))
            }
            (Proof::Current(until), freshness) => {
                let proved = ago(now.since(until));
                let refreshed = if freshness == Freshness::Stale {
                    " Its ttl is over, so it is fetched again behind the reader's back."
                } else {
                    ""
                };
                verdict(
                    "l1",
                    format!(
                        "{read}, and the last poll, which began {proved}, knew of no change of {tag} since.{refreshed}"
                    ),
                )
            }
        }
    }

    /// Who is asked for what L1 cannot answer.
    fn whom_it_asks(&self) -> &'static str {
        let redis = self.l2.as_ref().is_some_and(|l2| !l2.breaker().is_open()) && self.changes.is_open(Instant::now());
        match (redis, self.breaker.is_open()) {
            (true, false) => "Redis is asked, then the database",
            (true, true) => "Redis is asked; the database does not answer and is not",
            (false, false) => "the database is asked",
            (false, true) => "nobody can be asked, since the database does not answer",
        }
    }

    /// The entry that L1 holds under `key`, if it holds one.
    pub fn inspect(&self, key: Key) -> Option<Inspected> {
        let entry = self.l1.get(&key)?;
        let (proof, now) = self.changes.prove(&entry.facts);
        let ago = |then: Instant| millis(now.since(then));
        let (proof, until) = match proof {
            Proof::Current(until) => ("current", Some(until)),
            Proof::Softened(until) => ("softened", Some(until)),
            Proof::Unproved => ("unproved", None),
            Proof::Outdated => ("outdated", None),
        };
        let encodings = match &entry.answer {
            Answer::Absent => Vec::new(),
            Answer::Found(document) => {
                let encoded = |name, variant: &Variant| Encoded {
                    name,
                    bytes: variant.body.len(),
                    etag: String::from_utf8_lossy(variant.etag.as_bytes()).into_owned(),
                };
                let name = |encoding| match encoding {
                    Encoding::Identity => "identity",
                    Encoding::Gzip => "gzip",
                    Encoding::Brotli => "br",
                };
                document.variants().map(|(encoding, variant)| encoded(name(encoding), variant)).collect()
            }
        };
        Some(Inspected {
            key: key.to_string(),
            tag: Tag::of(key).to_string(),
            ord: OrdToken { epoch: entry.facts.epoch.short(), stamp: entry.facts.stamp }.to_string(),
            node_ord: self.changes.position().map(|position| position.to_string()),
            proof,
            proved_ms: until.map(ago),
            age_ms: ago(entry.read_at),
            own_age_ms: entry.facts.began.map(ago),
            ttl_left_ms: millis(self.times.ttl_left(&entry, now.since(entry.read_at))),
            for_outage: self.may_be_stale(&entry, None),
            found: entry.is_found(),
            empty: entry.empty,
            encodings,
        })
    }
}
