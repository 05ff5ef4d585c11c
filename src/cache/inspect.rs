//! What L1 holds under a key and how it would be judged now, for operators and tests. Asking changes nothing.

use std::time::Duration;

use serde::Serialize;

use super::Cache;
use crate::changes::Proof;
use crate::entry::{Answer, Variant};
use crate::freshness::Instant;
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

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Cache {
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
                let others = [("gzip", &document.gzip), ("br", &document.brotli)];
                let others = others.into_iter().filter_map(|(name, variant)| Some(encoded(name, variant.as_deref()?)));
                std::iter::once(encoded("identity", &document.identity)).chain(others).collect()
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
