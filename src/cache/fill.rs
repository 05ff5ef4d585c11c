//! The one fetch under way for a key: from Redis if what is there can be proved, else from the origin.

use std::sync::Arc;

use tracing::{debug, warn};

use super::{Cache, Unavailable, l1};
use crate::cause::Causes;
use crate::changes::Proof;
use crate::entry::{Answer, Document, Entry, Origins};
use crate::freshness::{Freshness, Instant};
use crate::key::Key;
use crate::metrics::{Reason, metrics};
use crate::origin::{Fetched, OriginError};
use crate::outcome::Outcome;
use crate::red::{self, Red};

/// What a fetch is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Somebody waits for it. Redis is asked unless it has already brought what was no good.
    Miss { use_l2: bool },
    /// Nobody waits: somebody will ask for it.
    Warm,
    /// Nobody waits: what was read at this moment is to be replaced by something younger.
    Refresh { held: Instant },
}

/// What a flight brings.
#[derive(Clone, Debug)]
pub(super) struct Landed {
    pub(super) entry: Arc<Entry>,
    pub(super) outcome: Outcome,
}

/// Bodies above this many bytes are encoded on a thread of their own: that takes 0.4 ms and more, for which
/// no hit is to wait (`entry.rs` has the figures).
const ENCODE_INLINE: usize = 16 << 10;

impl Cache {
    /// L2, else the origin; what it finds is stored on the way up.
    pub(super) async fn fill(&self, key: Key, purpose: Purpose) -> Result<Landed, Unavailable> {
        let mut outcome = Outcome::Miss;
        if let Purpose::Miss { .. } | Purpose::Warm = purpose {
            // Between a caller's look into L1 and the begin of its flight, another flight may have landed.
            if let Some(entry) = self.l1.get(&key) {
                if self.is_fresh(&entry) {
                    return Ok(Landed { entry, outcome: Outcome::HitL1 });
                }
                outcome = Outcome::Refetched;
            }
        }
        if let Some(entry) = self.look_in_l2(key, purpose).await {
            let entry = Arc::new(entry);
            self.store(&entry);
            return Ok(Landed { entry, outcome: Outcome::HitL2 });
        }
        let entry = Arc::new(self.fetch(key, purpose).await?);
        self.store(&entry);
        if let Some(l2) = &self.l2 {
            l2.store(Arc::clone(&entry));
        }
        Ok(Landed { entry, outcome })
    }

    /// Proved, and not only by grace.
    fn is_fresh(&self, entry: &Entry) -> bool {
        let (proof, now) = self.changes.prove(&entry.facts);
        matches!(proof, Proof::Current(_))
            && self.times.judge(entry, now.since(entry.read_at)).freshness == Freshness::Fresh
    }

    /// What Redis has, if it can be proved here and is younger than what is held. While nothing can be proved it is not
    /// even asked.
    async fn look_in_l2(&self, key: Key, purpose: Purpose) -> Option<Entry> {
        let l2 = self.l2.as_ref()?;
        let trusted = red::is_on(Red::L2Trusted);
        if purpose == (Purpose::Miss { use_l2: false }) || !(self.changes.is_open(Instant::now()) || trusted) {
            return None;
        }
        let (epoch, _) = self.changes.era();
        let mut entry = l2.get(key, epoch).await?;
        if trusted {
            entry.facts.stamp = crate::stamp::Stamp::MAX;
            return Some(entry);
        }
        let younger = match purpose {
            Purpose::Miss { .. } | Purpose::Warm => true,
            Purpose::Refresh { held } => entry.read_at > held,
        };
        if younger && self.is_fresh(&entry) {
            return Some(entry);
        }
        metrics().l2_outdated.inc();
        None
    }

    pub(super) fn store(&self, entry: &Arc<Entry>) {
        if entry.size() <= self.settings.l1_entry_max {
            self.l1.insert(Arc::clone(entry));
        }
    }

    /// Asks the origin, under a permit if somebody waits, and makes the entry.
    pub(super) async fn fetch(&self, key: Key, purpose: Purpose) -> Result<Entry, Unavailable> {
        let _permit = match purpose {
            Purpose::Miss { .. } => {
                let (queue, wait) = {
                    let live = self.live.load();
                    (live.miss_queue, live.permit_wait)
                };
                let permit = self.permits.acquire(queue, wait).await;
                if permit.is_none() {
                    metrics().reject(Reason::Permits);
                }
                Some(permit.ok_or(Unavailable::Busy)?)
            }
            // Those have permits of their own, and hold one already.
            Purpose::Refresh { .. } | Purpose::Warm => None,
        };
        // Both before the question is sent: what it sees can only be younger.
        let (epoch, incarnation) = self.changes.era();
        let began = Instant::now();
        let (fetched, seen) = match self.origin.fetch(key).await {
            Ok(answered) => answered,
            Err(error) => {
                // That nobody can be asked has been said where the connections are; it is not repeated for each request.
                match error {
                    OriginError::Down => debug!(%key, "the origin cannot be asked for `{key}`"),
                    OriginError::Late | OriginError::Failed(_) => {
                        warn!(%key, error = %Causes(&error), "the origin gave no answer for `{key}`");
                    }
                }
                return Err(error.into());
            }
        };
        if seen.incarnation != incarnation && !red::is_on(Red::NoIncarnation) {
            if red::is_on(Red::ForeignAnswered) {
                let origins = Origins { epoch, stamp: seen.stamp, began: Some(began), read_at: began, cost: 0 };
                return Ok(make(key, fetched, origins, 0).await);
            }
            return Err(Unavailable::Foreign);
        }
        let cost = u32::try_from(Instant::now().since(began).as_micros()).unwrap_or(u32::MAX);
        debug!(%key, "fetched `{key}` from the origin");
        let stamp = if red::is_on(Red::StampApart) {
            // A second statement sees what was committed between the two.
            self.origin.fetch(key).await.map_or(seen.stamp, |(_, later)| later.stamp)
        } else {
            seen.stamp
        };
        let origins = Origins { epoch, stamp, began: Some(began), read_at: began, cost };
        Ok(make(key, fetched, origins, l1::draw(&key, self.node)).await)
    }
}

async fn make(key: Key, fetched: Fetched, origins: Origins, draw: u32) -> Entry {
    let answer = match fetched.body {
        None => Answer::Absent,
        Some(body) if body.len() <= ENCODE_INLINE => Answer::Found(Document::new(body)),
        Some(body) => {
            let plain = body.clone();
            let encoded = tokio::task::spawn_blocking(move || Document::new(body)).await;
            Answer::Found(encoded.unwrap_or_else(|_panicked| Document::plain(plain)))
        }
    };
    Entry::new(key, answer, fetched.empty, origins, draw)
}
